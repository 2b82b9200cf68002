"""Both backends give the same results for any chunks."""

from __future__ import annotations

from random import Random
from types import ModuleType

from tests.support import messages_hostile, readings
from tests.support.messages_dialects import DIALECTS
from tests.support.messages_streams import jsonl, sse, stream

COUNT = 300

Backends = tuple[ModuleType, ModuleType]


def _compare(backends: Backends, body: bytes, rng: Random) -> None:
    cuts = [rng.randint(0, len(body)) for _ in range(rng.choice([0, 3, 30]))]
    for api in ("auto", "messages"):
        one, other = (readings.read(backend, body, cuts, api=api) for backend in backends)
        assert one == other, body
    one, other = (readings.fold(backend, body, cuts) for backend in backends)
    assert one == other, body
    one, other = (readings.read(backend, body, strict=True) for backend in backends)
    assert one == other, body


def test_dialects(backends: Backends) -> None:
    for row in DIALECTS:
        _compare(backends, row.body, Random(1))


def test_random_streams(backends: Backends) -> None:
    for number in range(COUNT):
        rng = Random(f"agree/{number}")
        made = stream(rng, number, dialects=rng.random() < 0.7)
        _compare(backends, rng.choice([sse, jsonl])(made.events), rng)


def test_hostile_events(backends: Backends) -> None:
    for number in range(COUNT):
        _compare(backends, messages_hostile.source(number), Random(number))


def test_damaged_bytes(backends: Backends) -> None:
    for number in range(COUNT // 2):
        rng = Random(f"damaged/{number}")
        body = bytearray(sse(stream(rng, number, dialects=True).events))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(body))
            body[at : at + rng.choice([0, 1, 1, 5])] = rng.choice(
                [b"", b"x", b"\xff", b"\n", b"}", b'"', b"\\ud83d", b"0", b"event: ping\n"]
            )
        _compare(backends, bytes(body), rng)
