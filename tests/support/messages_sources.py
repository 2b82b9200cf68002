"""Random sources of Anthropic Messages: streams of any server, hostile and interleaved ones, runs of similar deltas; intact or damaged."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.support import messages_hostile, random_streams
from tests.support.messages_streams import (
    STOP,
    Json,
    block,
    delta,
    end,
    message,
    part,
    start,
    stop,
    stream,
    text,
    thinking,
    tool,
)
from tests.support.wellformed_streams import chance, interleave

ERRORS: list[Json] = [
    {"type": "error", "error": {"type": "overloaded_error", "message": "Boom"}},
    {"type": "error", "error": {"type": "overloaded_error", "message": "Boom"}, "request_id": "req_1"},
    {"type": "ping"},
]


def _streams(rng: Random, count: int) -> list[list[Json]]:
    return [stream(rng, number, dialects=chance(rng, 70)).events for number in range(count)]


def _events(rng: Random) -> list[Any]:
    """The events of some streams, one after the other or interleaved, mutated or not, with errors and whole messages."""
    rows = _streams(rng, rng.choice([1, 1, 2, 3]))
    events: list[Any] = interleave(rng, rows) if chance(rng, 30) else [event for row in rows for event in row]
    if chance(rng, 40):
        events = [messages_hostile.mutated(rng, event) for event in events]
    if chance(rng, 15):
        events.insert(rng.randint(0, len(events)), rng.choice(ERRORS))
    if chance(rng, 10):
        whole = message(content=[{"type": "text", "text": "Hi"}], stop_reason=rng.choice(["end_turn", None]))
        events.insert(rng.randint(0, len(events)), whole)
    if events and chance(rng, 15):
        at = rng.randrange(len(events))
        events.insert(at, events[at])
    return events


def source(rng: Random) -> bytes:
    """A source of any kind."""
    if chance(rng, 20):
        data = random_streams.runs(rng, lambda: rng.choice(_streams(rng, 1)[0]))
    else:
        data = random_streams.framed(rng, _events(rng))
    return random_streams.damaged(rng, data) if chance(rng, 30) else data


def _delta(rng: Random) -> Json:
    """A delta whose one text is `%s`."""
    at = rng.choice([0, 0, 0, 1])
    return rng.choice([
        text("%s", at),
        text("%s", at),
        thinking("%s", at),
        part("%s", at),
        delta(at, "signature_delta", signature="%s"),
    ])  # fmt: skip


def long(rng: Random, size: int) -> bytes:
    """A source of at least that size: hundreds of deltas that differ only in a text, with occasional exceptions."""

    def others() -> list[Any]:
        at = rng.choice([0, 1])
        opened = rng.choice([block(at, "text", text=""), block(at, "thinking", thinking=""), tool(at)])
        return rng.choice(
            [[opened], [stop(at), opened], [start(), opened], [end(), STOP, start(), opened], [rng.choice(ERRORS)]]
        )

    return random_streams.similar(rng, size, lambda: _delta(rng), others)
