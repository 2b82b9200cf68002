"""Seeded generators of realistic Anthropic Messages streams with their expected results, as `benches.completions`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from benches import vocabulary
from benches.shapes import Log
from benches.wire import Form

_ID = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class MessageWriter:
    """Writes the events of one message and keeps what a reader should find."""

    def __init__(self, rng: random.Random, form: Form) -> None:
        self.rng, self.form = rng, form
        self.id = "msg_01" + "".join(rng.choices(_ID, k=22))
        self.parts: list[str] = []
        self.events = self.deltas = self.chars = self.blocks = 0
        self.text: list[str] = []
        self.calls: list[tuple[str, str, str, str]] = []
        usage = {"input_tokens": 20, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1}
        message: dict[str, Any] = {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5-20250929",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**usage, "service_tier": "standard"},
        }
        self.event("message_start", message=message)
        self.stop_reason, self.tokens = "end_turn", 0

    def event(self, kind: str, **members: Any) -> None:
        """Write one event."""
        self._write(kind, json.dumps({"type": kind, **members}, ensure_ascii=False, separators=(",", ":")))

    def block(
        self, block: dict[str, Any], kind: str, member: str, pieces: Sequence[str], *last: dict[str, Any]
    ) -> None:
        """Write a block with one delta per piece."""
        index = self.blocks
        self.event("content_block_start", index=index, content_block=block)
        if self.blocks == 0:
            self.event("ping")
        head = f'{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{member}":'
        for piece in pieces:
            self._write("content_block_delta", f"{head}{json.dumps(piece, ensure_ascii=False)}}}}}")
        for delta in last:
            self.event("content_block_delta", index=index, delta=delta)
        self.event("content_block_stop", index=index)
        self.deltas += len(pieces) + len(last)
        self.blocks += 1

    def texts(self, pieces: Sequence[str]) -> None:
        """Write a block of text."""
        self.block({"type": "text", "text": ""}, "text_delta", "text", pieces)
        self.text += pieces
        self.chars += sum(map(len, pieces))

    def thoughts(self, pieces: Sequence[str]) -> None:
        """Write a block of thinking, with its signature."""
        signature = {"type": "signature_delta", "signature": vocabulary.base64_text(self.rng, 300)}
        self.block(
            {"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking", pieces, signature
        )

    def call(self, name: str, arguments: str) -> None:
        """Write a call of a tool."""
        ident = "toolu_01" + "".join(self.rng.choices(_ID, k=22))
        block = {"type": "tool_use", "id": ident, "name": name, "input": {}}
        self.block(block, "input_json_delta", "partial_json", ["", *vocabulary.cut(arguments)])
        self.calls.append(("tool_use", ident, name, arguments))
        self.stop_reason = "tool_use"

    def end(self) -> None:
        """Write the end of the message."""
        self.tokens = self.deltas + 3
        delta = {"stop_reason": self.stop_reason, "stop_sequence": None}
        self.event("message_delta", delta=delta, usage={"output_tokens": self.tokens})
        self.event("message_stop")

    @property
    def expected(self) -> dict[str, Any]:
        """The expected result, as in `benches.shapes.Log`."""
        return {
            "id": self.id,
            "status": "incomplete" if self.stop_reason == "max_tokens" else "completed",
            "output_text": "".join(self.text),
            "output_tokens": self.tokens,
            "tool_calls": self.calls,
        }

    def _write(self, kind: str, payload: str) -> None:
        # Anthropic's servers hide the size of an event by spaces.
        payload = payload[:-1] + " " * self.rng.randrange(18) + "}"
        self.parts.append(f"event: {kind}\ndata: {payload}\n\n" if self.form == "sse" else payload + "\n")
        self.events += 1


def _text(writer: MessageWriter) -> None:
    writer.texts(_tokens(writer.rng, 5, 600))
    writer.stop_reason = "max_tokens" if writer.rng.random() < 0.02 else "end_turn"


def _calls(writer: MessageWriter) -> None:
    if writer.rng.random() < 0.5:
        writer.texts(_tokens(writer.rng, 5, 60))
    for _ in range(writer.rng.choice((1, 1, 1, 2, 3))):
        writer.call(f"tool_{writer.rng.randrange(6)}", vocabulary.arguments(writer.rng))


def _thinking(writer: MessageWriter) -> None:
    writer.thoughts(_tokens(writer.rng, 30, 400))
    writer.texts(_tokens(writer.rng, 5, 300))


def _short(writer: MessageWriter) -> None:
    writer.texts(_tokens(writer.rng, 1, 5))


_MAKERS: dict[str, Callable[[MessageWriter], None]] = {
    "text": _text,
    "tool calls": _calls,
    "thinking": _thinking,
    "short": _short,
}
_WEIGHTS = (6, 3, 2, 1)
SHAPES = (*_MAKERS, "mixed")
"""The names of the shapes."""


def make(shape: str, seed: int, size_bytes: int, form: Form = "sse") -> Log:
    """A log of messages of a shape, at least `size_bytes` long."""
    rng = random.Random(f"messages {shape} {seed}")
    pieces: list[bytes] = []
    writers: list[MessageWriter] = []
    size = 0
    while not pieces or size < size_bytes:
        writer = MessageWriter(rng, form)
        chosen = _MAKERS.get(shape) or rng.choices(list(_MAKERS.values()), _WEIGHTS)[0]
        chosen(writer)
        writer.end()
        writers.append(writer)
        pieces.append("".join(writer.parts).encode())
        size += len(pieces[-1])
        writer.parts.clear()
    return Log(
        data=b"".join(pieces),
        responses=[writer.expected for writer in writers],
        events=sum(writer.events for writer in writers),
        deltas=sum(writer.deltas for writer in writers),
        delta_chars=sum(writer.chars for writer in writers),
    )


def _tokens(rng: random.Random, least: int, most: int) -> list[str]:
    return vocabulary.tokens(rng, rng.randint(least, most))
