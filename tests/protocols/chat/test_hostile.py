"""Chunks with values of any kind anywhere: nothing raises, results are JSON, and do not depend on the chunks of bytes."""

from __future__ import annotations

import json
from random import Random
from types import ModuleType

import pytest

from respstream import _fallback
from respstream._pure.protocols.chat import fold
from tests.support import readings
from tests.support.chat_hostile import source
from tests.support.chat_streams import sse, stream

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
        decoder = backend.Decoder(api="chat")
        decoder.feed(source(number))
        decoder.finish()
        for response in decoder.responses:
            assert {name: readings.plain(response[name]) for name in response} == response.to_dict()


@pytest.mark.parametrize("shortcut", ["_continues", "_is_plain"])
def test_shortcuts_of_the_fallback_change_nothing(monkeypatch: pytest.MonkeyPatch, shortcut: str) -> None:
    bodies = [source(number) for number in range(COUNT // 3)]
    bodies += [sse(stream(Random(number), number, dialects=True).chunks) for number in range(COUNT // 10)]
    quick = [readings.fold(_fallback, body) for body in bodies]
    monkeypatch.setattr(fold, shortcut, lambda *_: False)
    assert [readings.fold(_fallback, body) for body in bodies] == quick
