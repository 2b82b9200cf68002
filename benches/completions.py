"""Seeded generators of realistic Chat Completions streams with their expected results.

Every shape is a function `(seed, size_bytes, form) -> Log`, as in `benches.shapes`; servers of this API differ more than their
contents do, so each shape is the dialect of one server. Standard library only.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from benches import vocabulary
from benches.shapes import Log
from benches.wire import Form

_WIDTH = 16  # api.openai.com pads content and obfuscation to a multiple of 16 characters
_ID = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class CompletionWriter:
    """Writes the chunks of one response and keeps what a reader should find."""

    def __init__(self, rng: random.Random, form: Form, *, usage: dict[str, Any] | None = None, **members: Any) -> None:
        self.rng, self.form, self.escape = rng, form, False
        self.id = "chatcmpl-" + "".join(rng.choices(_ID, k=29))
        self.head = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": rng.randrange(1_700_000_000, 1_800_000_000),
            "model": "gpt-4o-mini-2024-07-18",
            **members,
        }
        self.usage = {"usage": usage} if usage is not None else {"usage": None}
        self.parts: list[str] = []
        self.events = self.deltas = self.chars = 0
        self.text: list[str] = []
        self.calls: list[tuple[str, str, str, str]] = []
        self.finish = "stop"
        self.tokens = 0

    def chunk(self, choices: list[dict[str, Any]], **members: Any) -> None:
        """Write one chunk."""
        payload = {**self.head, "choices": choices, **self.usage, **members}
        self._write(json.dumps(payload, ensure_ascii=self.escape, separators=(",", ":")))

    def delta(self, delta: dict[str, Any], finish: str | None = None, **members: Any) -> None:
        """Write a chunk with one delta of the first choice."""
        self.chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], **members)

    def contents(self, pieces: Sequence[str], member: str = "content", *, obfuscation: bool = False) -> None:
        """Write one chunk per piece of a text."""
        hole = "\0"
        delta = {member: hole}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        payload = {**self.head, "choices": [choice], **self.usage}
        text = json.dumps(payload, ensure_ascii=self.escape, separators=(",", ":"))
        before, after = text.split('"\\u0000"')
        for piece in pieces:
            encoded = json.dumps(piece, ensure_ascii=self.escape)
            end = f'{after[:-1]},"obfuscation":"{self._noise(piece)}"}}' if obfuscation else after
            self._write(before + encoded + end)
        self.deltas += len(pieces)
        if member == "content":
            self.text += pieces
            self.chars += sum(map(len, pieces))

    def call(self, index: int, name: str, arguments: str) -> None:
        """Write a tool call: its name, then its arguments in pieces."""
        call_id = "call_" + "".join(self.rng.choices(_ID, k=24))
        first = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
        self.delta({"tool_calls": [first]})
        pieces = vocabulary.cut(arguments)
        for piece in pieces:
            self.delta({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        self.deltas += len(pieces)
        self.calls.append(("function", call_id, name, arguments))

    def end(self, finish: str = "stop", *, details: bool = True) -> None:
        """Write the finish reason, the usage in a chunk of its own, and the end mark."""
        self.finish = finish
        self.delta({}, finish)
        self.tokens = self.deltas + 3
        usage = {"prompt_tokens": 20, "completion_tokens": self.tokens, "total_tokens": 20 + self.tokens}
        if details:
            usage["prompt_tokens_details"] = {"cached_tokens": 0, "audio_tokens": 0}  # type: ignore[assignment]
            usage["completion_tokens_details"] = {"reasoning_tokens": 0, "audio_tokens": 0}  # type: ignore[assignment]
        self.chunk([], usage=usage)
        if self.form == "sse":
            self.parts.append("data: [DONE]\n\n")

    @property
    def expected(self) -> dict[str, Any]:
        """The expected result, as in `benches.shapes.Log`."""
        return {
            "id": self.id,
            "status": "incomplete" if self.finish in ("length", "content_filter") else "completed",
            "output_text": "".join(self.text),
            "output_tokens": self.tokens,
            "tool_calls": self.calls,
        }

    def _write(self, payload: str) -> None:
        self.parts.append(f"data: {payload}\n\n" if self.form == "sse" else payload + "\n")
        self.events += 1

    def _noise(self, piece: str) -> str:
        start = self.rng.randrange(len(vocabulary.NOISE) - _WIDTH)
        return vocabulary.NOISE[start : start + _WIDTH - len(piece) % _WIDTH]


def _openai(rng: random.Random, form: Form) -> CompletionWriter:
    return CompletionWriter(rng, form, service_tier="default", system_fingerprint=f"fp_{rng.getrandbits(40):010x}")


def _text(rng: random.Random, form: Form) -> CompletionWriter:
    writer = _openai(rng, form)
    writer.delta({"role": "assistant", "content": "", "refusal": None})
    writer.contents(_tokens(rng, 5, 600), obfuscation=True)
    writer.end("length" if rng.random() < 0.02 else "stop")
    return writer


def _calls(rng: random.Random, form: Form) -> CompletionWriter:
    writer = _openai(rng, form)
    writer.delta({"role": "assistant", "content": None})
    for index in range(rng.choice((1, 1, 1, 2, 3))):
        writer.call(index, f"tool_{rng.randrange(6)}", vocabulary.arguments(rng))
    writer.end("tool_calls")
    return writer


def _reasoning(rng: random.Random, form: Form) -> CompletionWriter:
    writer = CompletionWriter(rng, form, system_fingerprint="fp_8802369eaa_prod0623_fp8_kvcache")
    writer.delta({"role": "assistant", "content": None, "reasoning_content": ""})
    writer.contents(_tokens(rng, 30, 400), "reasoning_content")
    writer.contents(_tokens(rng, 5, 300))
    writer.end()
    return writer


def _scripts(rng: random.Random, form: Form) -> CompletionWriter:
    writer = _openai(rng, form)
    writer.escape = rng.random() < 0.5
    writer.delta({"role": "assistant", "content": ""})
    writer.contents(_tokens(rng, 5, 300, vocabulary.FOREIGN))
    writer.end()
    return writer


def _logprobs(rng: random.Random, form: Form) -> CompletionWriter:
    writer = _openai(rng, form)
    writer.delta({"role": "assistant", "content": ""})
    alternatives = rng.choice((0, 1, 5))
    for piece in _tokens(rng, 5, 200):
        found = {"content": vocabulary.logprobs(rng, piece, alternatives), "refusal": None}
        choice = {"index": 0, "delta": {"content": piece}, "logprobs": found, "finish_reason": None}
        writer.chunk([choice])
        writer.deltas += 1
        writer.text.append(piece)
        writer.chars += len(piece)
    writer.end()
    return writer


def _usage_each(rng: random.Random, form: Form) -> CompletionWriter:
    """A server that repeats the usage in each chunk, with the provider and without an end chunk of its own."""
    usage = {"prompt_tokens": 20, "completion_tokens": 0, "total_tokens": 20}
    writer = CompletionWriter(rng, form, usage=usage, provider="Example")
    writer.delta({"role": "assistant", "content": ""})
    for piece in _tokens(rng, 5, 300):
        usage["completion_tokens"] += 1
        usage["total_tokens"] += 1
        writer.delta({"role": "assistant", "content": piece})
        writer.deltas += 1
        writer.text.append(piece)
        writer.chars += len(piece)
    writer.end(details=False)
    return writer


def _short(rng: random.Random, form: Form) -> CompletionWriter:
    writer = _openai(rng, form)
    writer.delta({"role": "assistant", "content": "", "refusal": None})
    writer.contents(_tokens(rng, 1, 12))
    writer.end()
    return writer


_Make = Callable[[random.Random, Form], CompletionWriter]
_MIX: tuple[tuple[_Make, int], ...] = (
    (_text, 45),
    (_calls, 20),
    (_reasoning, 12),
    (_short, 8),
    (_usage_each, 6),
    (_scripts, 6),
    (_logprobs, 3),
)


def _mixed(rng: random.Random, form: Form) -> CompletionWriter:
    makers, weights = zip(*_MIX, strict=True)
    make: _Make = rng.choices(makers, weights)[0]
    return make(rng, form)


_MAKERS: dict[str, _Make] = {
    "text": _text,
    "tool calls": _calls,
    "reasoning": _reasoning,
    "Unicode and escapes": _scripts,
    "logprobs": _logprobs,
    "usage in each chunk": _usage_each,
    "short": _short,
    "mixed": _mixed,
}
SHAPES = tuple(_MAKERS)
"""The names of the shapes."""


def make(shape: str, seed: int, size_bytes: int, form: Form = "sse") -> Log:
    """A log of Chat Completions responses of a shape, at least `size_bytes` long."""
    rng = random.Random(f"completions {shape} {seed}")
    pieces: list[bytes] = []
    writers: list[CompletionWriter] = []
    size = 0
    while not pieces or size < size_bytes:
        writer = _MAKERS[shape](rng, form)
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


def _tokens(rng: random.Random, least: int, most: int, words: tuple[str, ...] = vocabulary.ENGLISH) -> list[str]:
    return vocabulary.tokens(rng, rng.randint(least, most), words)
