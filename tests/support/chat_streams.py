"""Chat Completions streams: short notations, and random streams with the completion that they make.

`chunk("Hi")` is a chunk with that content; `sse` and `jsonl` write chunks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple

Json = dict[str, Any]
END = "[DONE]"
ENDS = ("stop", "tool_calls", "length", "content_filter")
"""The finish reasons; the SDK raises for the last two."""


def chunk(
    content: Any = None, *, index: int | None = 0, finish: Any = None, ident: str = "c1", choice: Json | None = None,
    **delta: Any,
) -> Json:  # fmt: skip
    """A chunk of one choice. `choice`: further members of the choice; `delta`: those of the delta."""
    inner = {**({} if content is None else {"content": content}), **delta}
    place = {} if index is None else {"index": index}
    return of({**place, "delta": inner, "finish_reason": finish, **(choice or {})}, ident=ident)


def of(*choices: Json, ident: str = "c1", **members: Any) -> Json:
    """A chunk with these choices."""
    head = {"id": ident, "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**head, "choices": list(choices), **members}


def call(arguments: Any = None, *, at: int | None = 0, ident: str | None = None, name: str | None = None) -> Json:
    """A piece of a tool call."""
    function = {**({} if name is None else {"name": name}), **({} if arguments is None else {"arguments": arguments})}
    place = {} if at is None else {"index": at}
    return {**place, **({} if ident is None else {"id": ident, "type": "function"}), "function": function}


USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


def usage(ident: str = "c1") -> Json:
    """The chunk with the usage."""
    return of(ident=ident, usage=USAGE)


def sse(chunks: Iterable[Json | str], *, done: bool = True) -> bytes:
    """The stream of server-sent events. A string is data as it is."""
    texts = [text if isinstance(text, str) else json.dumps(text) for text in chunks]
    return "".join(f"data: {text}\n\n" for text in [*texts, *([END] if done else [])]).encode()


def jsonl(chunks: Iterable[Json | str]) -> bytes:
    """The log with one chunk in each line."""
    return "".join(f"{text if isinstance(text, str) else json.dumps(text)}\n" for text in chunks).encode()


class Stream(NamedTuple):
    """A random stream. `texts`: each streamed text, by a word that occurs once; `sdk`: whether the SDK accumulates it all."""

    chunks: list[Json]
    texts: list[str]
    sdk: bool


class _Writer:
    """Writes the chunks of one completion."""

    def __init__(self, rng: Random, number: int, *, dialects: bool) -> None:
        self.rng, self.dialects = rng, dialects
        self.ident = f"chatcmpl-{number}"
        self.chunks: list[Json] = []
        self.texts: list[str] = []
        self.sdk = True
        self._number = number
        self.extras = rng.random() < 0.5

    def word(self) -> str:
        """A text that no other piece has."""
        text = f"<{self._number}.{len(self.texts)}>"
        if self.rng.random() < 0.1:
            text += self.rng.choice(["é", "😀", '"', "\\", "\n"])
        self.texts.append(text)
        return text

    def add(self, *choices: Json, **members: Any) -> None:
        """Writes a chunk."""
        if self.extras:
            members = {"service_tier": "default", "system_fingerprint": "fp_1", **members}
        if self.rng.random() < 0.3:
            members["obfuscation"] = "x" * self.rng.randint(1, 9)
        self.chunks.append(of(*choices, ident=self.ident, **members))

    def stream(self) -> Stream:
        """Writes all choices, interleaved."""
        rng = self.rng
        pending = [self.choice(index) for index in range(rng.choice([1, 1, 1, 2, 3]))]
        if self.dialects and rng.random() < 0.2:
            self.add(prompt_filter_results=[{"prompt_index": 0}])
        for pieces in pending:  # the SDK needs the first chunks in the order of the choices
            self.add(pieces.pop(0))
        while pending:
            pieces = rng.choice(pending)
            if self.dialects and rng.random() < 0.05:
                self.chunks.append({"type": "ping"})
            self.add(pieces.pop(0))
            pending = [some for some in pending if some]
        if rng.random() < 0.6:
            self.add(usage=dict(USAGE))
        return Stream(self.chunks, self.texts, self.sdk)

    def choice(self, index: int) -> list[Json]:
        """The parts of one choice, in order."""
        rng = self.rng
        deltas: list[Json] = [{"role": "assistant", "content": ""}]
        kinds = rng.choices(
            ["content", "reasoning", "refusal", "calls", "audio", "legacy"], [6, 3, 1, 3, 1, 1], k=rng.randint(1, 3)
        )
        for kind in dict.fromkeys(kinds):
            deltas += getattr(self, f"_{kind}")()
        parts: list[Json] = [{"index": index, "delta": delta, "finish_reason": None} for delta in deltas]
        for part in parts:
            if rng.random() < 0.1 and "content" in part["delta"]:
                tokens = [{"token": "t", "logprob": -0.5, "bytes": [116], "top_logprobs": []}]
                part["logprobs"] = {"content": tokens, "refusal": None}
        end = {"index": index, "delta": {}, "finish_reason": rng.choice(ENDS if self.dialects else ENDS[:2])}
        return [*parts, end]

    def _content(self) -> list[Json]:
        if self.dialects and self.rng.random() < 0.15:
            self.sdk = False
            return [{"content": [self._part()]} for _ in range(self.rng.randint(1, 3))]
        return [{"content": self.word()} for _ in range(self.rng.randint(0, 4))]

    def _part(self) -> Json:
        text = {"type": "text", "text": self.word()}
        return text if self.rng.random() < 0.5 else {"type": "thinking", "thinking": [text]}

    def _reasoning(self) -> list[Json]:
        name = self.rng.choice(["reasoning_content", "reasoning", "reasoning_details", "both"])
        deltas: list[Json] = []
        for _ in range(self.rng.randint(1, 3)):
            text = self.word()
            details = [{"type": "reasoning.text", "text": text, "index": 0}]
            if name == "both":
                deltas.append({"reasoning": text, "reasoning_details": details})
            else:
                deltas.append({name: details if name == "reasoning_details" else text})
        return deltas

    def _refusal(self) -> list[Json]:
        return [{"refusal": self.word()} for _ in range(self.rng.randint(1, 2))]

    def _audio(self) -> list[Json]:
        texts = [{"audio": {self.rng.choice(["data", "transcript"]): self.word()}} for _ in range(2)]
        return [{"audio": {"id": "audio_1"}}, *texts, {"audio": {"expires_at": 5}}]

    def _legacy(self) -> list[Json]:
        pieces = [{"function_call": {"arguments": self.word()}} for _ in range(2)]
        return [{"function_call": {"name": "f", "arguments": ""}}, *pieces]

    def _calls(self) -> list[Json]:
        dialect = self.rng.choice(["whole", "one index", "no index", ""]) if self.dialects else ""
        self.sdk = self.sdk and not dialect
        deltas: list[Json] = []
        for number in range(self.rng.randint(1, 3)):
            ident, name = f"call_{self._number}_{number}_{len(self.texts)}", f"f{number}"
            at = {"one index": 0, "no index": None, "whole": None}.get(dialect, number)
            words = [self.word() for _ in range(self.rng.randint(1, 3))]
            if dialect == "whole":
                deltas.append({"tool_calls": [call({"a": words}, at=at, ident=ident, name=name)]})
                continue
            deltas.append({"tool_calls": [call("", at=at, ident=ident, name=name)]})
            deltas += [{"tool_calls": [call(word, at=at)]} for word in words]
        return deltas


def stream(rng: Random, number: int, *, dialects: bool = False) -> Stream:
    """A random stream; `dialects`: of any server, not only as the documentation has it."""
    return _Writer(rng, number, dialects=dialects).stream()
