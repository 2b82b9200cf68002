"""Messages streams: short notations, and random streams.

`start()`, `block(0, "text", text="")`, `text("Hi")`, `stop(0)`, `end("end_turn")` and `STOP` are events; `sse` and `jsonl` write them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple

Json = dict[str, Any]
USAGE = {"input_tokens": 3, "cache_creation_input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 1}
END_USAGE = {"output_tokens": 5}
STOP: Json = {"type": "message_stop"}
PING: Json = {"type": "ping"}
REASONS = (
    "end_turn",
    "tool_use",
    "stop_sequence",
    "pause_turn",
    "max_tokens",
    "refusal",
    "model_context_window_exceeded",
)


def message(**members: Any) -> Json:
    """A message without content; `members` replace its own."""
    head: Json = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "content": []}
    return {**head, "stop_reason": None, "stop_sequence": None, "usage": dict(USAGE), **members}


def start(**members: Any) -> Json:
    """The start of a message."""
    return {"type": "message_start", "message": message(**members)}


def block(index: Any, kind: Any, **members: Any) -> Json:
    """The start of a block."""
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **members}}


def tool(index: Any, ident: str = "t1", name: str = "f", kind: str = "tool_use", **members: Any) -> Json:
    """The start of a call."""
    return block(index, kind, **{"id": ident, "name": name, "input": {}, **members})


def delta(index: Any, kind: Any, **members: Any) -> Json:
    """A delta of a block."""
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def text(value: Any, index: Any = 0) -> Json:
    """A delta of a text."""
    return delta(index, "text_delta", text=value)


def thinking(value: Any, index: Any = 0) -> Json:
    """A delta of the reasoning."""
    return delta(index, "thinking_delta", thinking=value)


def part(value: Any, index: Any = 0) -> Json:
    """A delta of an input."""
    return delta(index, "input_json_delta", partial_json=value)


def stop(index: Any = 0) -> Json:
    """The end of a block."""
    return {"type": "content_block_stop", "index": index}


def end(reason: Any = "end_turn", usage: Any = END_USAGE, **members: Any) -> Json:
    """The message_delta at the end."""
    changes = {"stop_reason": reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": changes, "usage": usage, **members}


HI: list[Json] = [start(), block(0, "text", text=""), text("Hi"), text(" you"), stop(), end(), STOP]
"""A message with one text."""


def sse(events: Iterable[Json | str], *, names: bool = True) -> bytes:
    """The stream of server-sent events. A string is data as it is. `names`: with event lines."""
    blocks = []
    for event in events:
        data = event if isinstance(event, str) else json.dumps(event)
        kind = event.get("type") if isinstance(event, dict) else None
        head = f"event: {kind}\n" if names and isinstance(kind, str) and "\n" not in kind and kind.isascii() else ""
        blocks.append(f"{head}data: {data}\n\n")
    return "".join(blocks).encode(errors="replace")


def jsonl(events: Iterable[Json | str]) -> bytes:
    """The log with one event in each line."""
    return "".join(f"{event if isinstance(event, str) else json.dumps(event)}\n" for event in events).encode(
        errors="replace"
    )


class Stream(NamedTuple):
    """A random stream. `texts`: each streamed text, by a word that occurs once; `sdk`: whether the SDK accumulates it all."""

    events: list[Json]
    texts: list[str]
    sdk: bool


class _Writer:
    """Writes the events of one message."""

    def __init__(self, rng: Random, number: int, *, dialects: bool) -> None:
        self.rng, self.dialects, self._number = rng, dialects, number
        self.texts: list[str] = []
        self.sdk = True
        self._words = 0

    def word(self) -> str:
        """A text that no other piece has."""
        word = f"<{self._number}.{self._words}>"
        self._words += 1
        if self.rng.random() < 0.1:
            word += self.rng.choice(["é", "😀"])
        self.texts.append(word)
        return word

    def chance(self, part: float) -> bool:
        """Whether a dialect shows something unusual here; the SDK may fail there."""
        if not self.dialects or self.rng.random() >= part:
            return False
        self.sdk = False
        return True

    def stream(self) -> Stream:
        """Writes the whole message."""
        rng = self.rng
        usage = {**USAGE, "service_tier": "standard"} if rng.random() < 0.5 else dict(USAGE)
        events = [start(id=f"msg_{self._number}", usage=usage)]
        blocks = [self.block(index) for index in range(rng.choice([0, 1, 1, 2, 3, 5]))]
        if self.chance(0.2):
            while any(blocks):  # interleaved, as gateways send them
                some = rng.choice([one for one in blocks if one])
                events.append(some.pop(0))
        else:
            events += [event for one in blocks for event in one]
        for _ in range(rng.choice([0, 1, 2])):
            events.insert(rng.randint(1, len(events)), dict(PING))
        events.append(end(rng.choice(REASONS), {"output_tokens": 9, "input_tokens": 3}))
        if self.chance(0.1):
            events[-1].pop("usage")
        if self.chance(0.1):
            events.insert(
                -1, {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 7, "iterations": [1.50]}}
            )
        if not self.chance(0.1):
            events.append(dict(STOP))
        return Stream(events, self.texts, self.sdk)

    def block(self, index: int) -> list[Json]:
        """The events of one block."""
        kind = self.rng.choice(["text", "text", "thinking", "call", "server", "result", "other"])
        events: list[Json] = getattr(self, f"_{kind}")(index)
        if self.chance(0.05):
            lost = json.dumps(events.pop(0), ensure_ascii=False)
            self.texts = [word for word in self.texts if word not in lost]
        if not self.chance(0.05):
            events.append(stop(index))
        if self.chance(0.05):
            events = [{**event, "index": str(index)} for event in events]
        return events

    def _text(self, index: int) -> list[Json]:
        citations = {"citations": None} if self.rng.random() < 0.3 else {}
        events = [block(index, "text", text=self.word() if self.chance(0.1) else "", **citations)]
        events += [text(self.word(), index) for _ in range(self.rng.randint(0, 4))]
        if self.rng.random() < 0.3:
            cited = {"type": "char_location", "cited_text": self.word(), "document_index": 0, "document_title": None}
            place = {"start_char_index": 0, "end_char_index": 4, "file_id": None}
            events.append(delta(index, "citations_delta", citation={**cited, **place}))
        return events

    def _thinking(self, index: int) -> list[Json]:
        if self.rng.random() < 0.2:
            return [block(index, "redacted_thinking", data=self.word())]
        events = [block(index, "thinking", thinking="", signature="")]
        events += [thinking(self.word(), index) for _ in range(self.rng.randint(1, 3))]
        return [*events, delta(index, "signature_delta", signature=self.word())]

    def _call(self, index: int, kind: str = "tool_use") -> list[Json]:
        given = {"a": self.word(), "b": [1, 2.5, None]} if self.rng.random() < 0.9 else {}
        name = "web_search" if kind == "server_tool_use" else "f"
        events = [tool(index, f"toolu_{self._number}_{index}", name, kind)]
        whole = json.dumps(given)
        if self.chance(0.15):
            events[0]["content_block"]["input"] = given
            if self.rng.random() < 0.5:
                return events
        size = self.rng.choice([3, 9, 1000])
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)] if given else []
        return [*events, *(part(piece, index) for piece in ["", *pieces])]

    def _server(self, index: int) -> list[Json]:
        return self._call(index, "server_tool_use")

    def _result(self, index: int) -> list[Json]:
        found = [
            {"type": "web_search_result", "title": self.word(), "url": "u", "encrypted_content": "e", "page_age": None}
        ]
        return [block(index, "web_search_tool_result", tool_use_id="t", content=found)]

    def _other(self, index: int) -> list[Json]:
        if not self.dialects:
            return self._text(index)
        self.sdk = False
        events = [block(index, "brand_new", note="")]
        return [
            *events,
            delta(index, "note_delta", note=self.word()),
            delta(index, "note_delta", note=self.word(), n=1.50),
        ]


def stream(rng: Random, number: int, *, dialects: bool = False) -> Stream:
    """A random stream; `dialects`: of any gateway, not only as the documentation has it."""
    return _Writer(rng, number, dialects=dialects).stream()
