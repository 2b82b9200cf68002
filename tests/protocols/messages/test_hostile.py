"""Events with values of any kind anywhere: nothing raises, results are JSON, and do not depend on the chunks of bytes."""

from __future__ import annotations

import json
from collections import defaultdict
from random import Random
from types import ModuleType
from typing import Any

import pytest

from respstream import _fallback
from respstream._pure.protocols.messages import fold
from respstream.delta_stream import DeltaDecoder
from tests.support import readings
from tests.support.messages_hostile import source
from tests.support.messages_streams import sse, stream

COUNT = 300


def test_nothing_raises(backend: ModuleType) -> None:
    for number in range(COUNT):
        body = source(number)
        reading = readings.read(backend, body)
        for response in reading.responses:
            assert isinstance(json.loads(response["json"]), dict)
        assert readings.lost_lines(backend, body) == []


def test_split_anywhere(backend: ModuleType) -> None:
    for number in range(COUNT // 5):
        body = source(number)
        rng = Random(number)
        cuts = [rng.randint(0, len(body)) for _ in range(40)]
        assert readings.read(backend, body, cuts) == readings.read(backend, body), number


def test_members_of_a_response_are_those_of_its_json(backend: ModuleType) -> None:
    for number in range(COUNT // 3):
        decoder = backend.Decoder(api="messages")
        decoder.feed(source(number))
        decoder.finish()
        for response in decoder.responses:
            assert {name: readings.plain(response[name]) for name in response} == response.to_dict()
            assert response.usage is None or isinstance(response.usage.total_tokens, int | None)


def test_calls_while_they_grow(backend: ModuleType) -> None:
    """The calls that a reader sees after each event end as those of the whole response."""
    for number in range(COUNT // 3):
        decoder = backend.Decoder(api="messages")
        seen: dict[int, Any] = {}
        for line in source(number).splitlines(keepends=True):
            decoder.feed(line)
            for response in decoder.responses:
                seen[id(response)] = response, [call.to_dict() for call in response.tool_calls]
        decoder.finish()
        for response, _ in seen.values():
            state = response._state
            calls = [call.to_dict() for call in response.tool_calls]
            assert [tuple(call.values()) for call in calls] == state.tool_calls()


def test_deltas_are_the_texts() -> None:
    """The deltas of each kind have the characters of the texts; blocks may interleave."""
    for number in range(COUNT):
        body = source(number) if number % 3 else sse(stream(Random(number), number, dialects=True).events)
        decoder = DeltaDecoder(api="messages")
        found: defaultdict[str, str] = defaultdict(str)
        for delta in (*decoder.feed(body), *decoder.finish()):
            assert delta.text
            found[delta.kind] += delta.text if delta.kind != "tool_arguments" else ""
        reading = readings.read(_fallback, body, api="messages")
        for kind, member in (("text", "output_text"), ("reasoning", "reasoning_text")):
            assert sorted(found[kind]) == sorted("".join(one[member] for one in reading.responses)), number


@pytest.mark.parametrize("shortcut", ["_continues", "_is_text"])
def test_shortcuts_of_the_fallback_change_nothing(monkeypatch: pytest.MonkeyPatch, shortcut: str) -> None:
    bodies = [source(number) for number in range(COUNT // 3)]
    bodies += [sse(stream(Random(number), number, dialects=True).events) for number in range(COUNT // 10)]
    quick = [readings.fold(_fallback, body) for body in bodies]
    monkeypatch.setattr(fold, shortcut, lambda *_: False)
    assert [readings.fold(_fallback, body) for body in bodies] == quick
