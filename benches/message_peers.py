"""The peers of the Messages rows, as those of `benches.peers`.

The result of an events row: the number of events, and of characters in the texts. The result of a fold row: id, status, text,
output tokens and tool calls of every message.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from benches.peers import EventsAnswer, FoldAnswer, chunks, decoder_of, payloads

_INCOMPLETE = ("max_tokens", "model_context_window_exceeded", "refusal")
_ASKED: dict[str, Any] = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
_MARK = b"event: message_start"
_WIRE = frozenset(f"{part}_{step}" for part in ("message", "content_block") for step in ("start", "delta", "stop"))
"""The types of the events that the stream has; the SDK adds others."""


def read_objects(events: Iterable[Any]) -> EventsAnswer:
    """The loop over event objects with attributes."""
    count = chars = 0
    for event in events:
        count += 1
        if event.type == "content_block_delta":
            delta = event.delta
            if delta.type == "text_delta":
                chars += len(delta.text)
    return count, chars


def split_orjson(data: bytes) -> EventsAnswer:
    """`split` and `orjson.loads`."""
    count = chars = 0
    for event in map(decoder_of("orjson"), payloads(data)):
        count += 1
        if event["type"] == "content_block_delta" and event["delta"]["type"] == "text_delta":
            chars += len(event["delta"]["text"])
    return count, chars


def split_msgspec(data: bytes) -> EventsAnswer:
    """`split` and msgspec into Structs of what the loop reads: type, and the type and text of the delta."""
    return read_objects(map(_msgspec_decode(), payloads(data)))


class _Replay:
    """The content that answers a request."""

    data = b""

    def __iter__(self) -> Iterator[bytes]:
        return chunks(self.data)


def anthropic_client(data: bytes, *, fast: bool = False) -> Any:
    """A client of the SDK whose requests are answered by this stream, without a network; `fast`: the client to accelerate."""
    replay, client = _anthropic(fast)
    replay.data = data
    return client


@functools.cache
def _anthropic(_fast: bool) -> tuple[_Replay, Any]:
    from respstream.integrations.anthropic._verify import client

    replay = _Replay()
    return replay, client(replay)


def anthropic_create(data: bytes, client: Callable[[bytes], Any] = anthropic_client) -> EventsAnswer:
    """The SDK's `messages.create(stream=True)`, one message after the other. The SDK passes over pings."""
    return _sum(read_objects(client(part).messages.create(**_ASKED, stream=True)) for part in split_messages(data))


def anthropic_stream(data: bytes, client: Callable[[bytes], Any] = anthropic_client) -> EventsAnswer:
    """The SDK's `messages.stream()`: the events of the wire among its events."""
    return _sum(_stream_one(client(part)) for part in split_messages(data))


@functools.lru_cache(maxsize=1)
def split_messages(data: bytes) -> list[bytes]:
    """The SSE of each message. Split once: a transport gets them one by one."""
    return [_MARK + part for part in data.split(_MARK) if part]


def _stream_one(client: Any) -> EventsAnswer:
    count = chars = 0
    with client.messages.stream(**_ASKED) as stream:
        for event in stream:
            kind = event.type
            if kind in _WIRE:
                count += 1
            if kind == "content_block_delta":
                delta = event.delta
                if delta.type == "text_delta":
                    chars += len(delta.text)
    return count, chars


def _sum(answers: Iterable[EventsAnswer]) -> EventsAnswer:
    counts, chars = zip(*answers, strict=True)
    return sum(counts), sum(chars)


def fold_orjson(data: bytes) -> FoldAnswer:
    """The hand-written fold over `orjson.loads`."""
    rows: FoldAnswer = []
    ident, reason, tokens = "", None, 0
    text: list[str] = []
    blocks: dict[int, Any] = {}
    for event in map(decoder_of("orjson"), payloads(data)):
        kind = event["type"]
        if kind == "content_block_delta":
            delta = event["delta"]
            if delta["type"] == "text_delta":
                text.append(delta["text"])
            elif delta["type"] == "input_json_delta":
                blocks[event["index"]][2].append(delta["partial_json"])
        elif kind == "content_block_start":
            block = event["content_block"]
            if block["type"] == "tool_use":
                blocks[event["index"]] = [block["id"], block["name"], []]
        elif kind == "message_start":
            ident, reason, tokens = event["message"]["id"], None, 0
            text, blocks = [], {}
        elif kind == "message_delta":
            reason, tokens = event["delta"]["stop_reason"], event["usage"]["output_tokens"]
        elif kind == "message_stop":
            status = "incomplete" if reason in _INCOMPLETE else "completed"
            calls = [("tool_use", call_id, name, "".join(pieces)) for call_id, name, pieces in blocks.values()]
            rows.append((ident, status, "".join(text), tokens, calls))
    return rows


@functools.cache
def _msgspec_decode() -> Callable[[bytes], Any]:
    import msgspec

    delta = msgspec.defstruct("Delta", [("type", str | None, None), ("text", str | None, None)], gc=False)
    event = msgspec.defstruct("Event", [("type", str), ("delta", delta | None, None)], gc=False)
    return msgspec.json.Decoder(event).decode  # type: ignore[no-any-return,unused-ignore]
