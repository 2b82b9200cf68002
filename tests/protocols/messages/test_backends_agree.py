"""Each backend gives the results of the fallback for any events."""

from __future__ import annotations

from random import Random
from types import ModuleType

from respstream import _fallback
from tests.support import messages_hostile, readings
from tests.support.messages_dialects import DIALECTS
from tests.support.messages_streams import jsonl, sse, stream

COUNT = 200
DAMAGE = [b"", b"x", b"\xff", b"\n", b"}", b'"', b"\\ud83d", b"0", b"event: ping\n"]


def _compare(backend: ModuleType, body: bytes, rng: Random) -> None:
    if backend is _fallback:
        return  # nothing to compare: the Rust core does not read Messages yet
    cuts = [rng.randint(0, len(body)) for _ in range(rng.choice([0, 3, 30]))]
    for api in ("auto", "messages"):
        assert readings.read(backend, body, cuts, api=api) == readings.read(_fallback, body, cuts, api=api), body
    assert readings.fold(backend, body, cuts) == readings.fold(_fallback, body, cuts), body
    assert readings.read(backend, body, strict=True) == readings.read(_fallback, body, strict=True), body


def test_dialects(backend: ModuleType) -> None:
    for row in DIALECTS:
        _compare(backend, row.body, Random(1))


def test_random_streams(backend: ModuleType) -> None:
    for number in range(COUNT):
        rng = Random(f"agree/{number}")
        made = stream(rng, number, dialects=rng.random() < 0.7)
        _compare(backend, rng.choice([sse, jsonl])(made.events), rng)


def test_hostile_events(backend: ModuleType) -> None:
    for number in range(COUNT):
        _compare(backend, messages_hostile.source(number), Random(number))


def test_damaged_bytes(backend: ModuleType) -> None:
    for number in range(COUNT):
        rng = Random(f"damaged/{number}")
        body = bytearray(sse(stream(rng, number, dialects=True).events))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(body))
            body[at : at + rng.choice([0, 1, 1, 5])] = rng.choice(DAMAGE)
        _compare(backend, bytes(body), rng)
