"""The events that a server of the Messages API sends for a finished message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from json import dumps
from typing import Any

Members = dict[str, Any]
Split = Callable[[str], list[str]]

_DELTAS = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}
_ENDS = ("stop_reason", "stop_sequence", "stop_details", "container")


def events_of(message: Members, split: Split) -> Iterator[Members]:
    """The events of a message; `split` cuts a text into deltas."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    usage = message.get("usage")
    begun = message | {"content": []} | {name: None for name in _ENDS if name in message}
    if isinstance(usage, dict):
        begun["usage"] = usage | ({"output_tokens": 1} if usage.get("output_tokens") else {})
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(blocks):
        if isinstance(block, dict):
            yield from _block(index, block, split)
    ends = {name: message[name] for name in _ENDS if name in message}
    counts = {"usage": usage} if isinstance(usage, dict) else {}
    yield {"type": "message_delta", "delta": ends, **counts}
    yield {"type": "message_stop"}


def _block(index: int, block: Members, split: Split) -> Iterator[Members]:
    begun, deltas = dict(block), list[Members]()
    member, kind = _DELTAS.get(str(block.get("type")), ("", ""))
    text = block.get(member)
    if isinstance(text, str):
        begun[member] = ""
        deltas += [{"type": kind, member: piece} for piece in split(text)]
    if isinstance(block.get("citations"), list):
        begun["citations"] = []
        deltas += [{"type": "citations_delta", "citation": citation} for citation in block["citations"]]
    if isinstance(block.get("signature"), str) and member == "thinking":
        begun["signature"] = ""
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    if isinstance(block.get("input"), dict):
        begun["input"] = {}
        written = dumps(block["input"], ensure_ascii=False, separators=(",", ":")) if block["input"] else ""
        deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in split(written)]
    yield {"type": "content_block_start", "index": index, "content_block": begun}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}
