"""Random sources of all APIs: the generators of each, and sources that mix them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from tests.support import chat_sources, messages_sources, random_streams
from tests.support.wellformed_streams import chance


class Generators(NamedTuple):
    """`source`: a small source of any kind. `long`: one of at least a size, with hundreds of similar events."""

    source: Callable[[Random], bytes]
    long: Callable[[Random, int], bytes]


APIS: dict[str, Generators] = {
    "responses": Generators(random_streams.source, random_streams.long),
    "chat": Generators(chat_sources.source, chat_sources.long),
    "messages": Generators(messages_sources.source, messages_sources.long),
}
"""The generators of each API."""


def source(rng: Random) -> bytes:
    """A small source of one API, or of two of them: one after the other, or with one inside the other."""
    first = APIS[rng.choice([*APIS])].source(rng)
    if not chance(rng, 15):
        return first
    second = APIS[rng.choice([*APIS])].source(rng)
    at = rng.choice([len(first), first.rfind(b"\n", 0, rng.randint(0, len(first))) + 1, rng.randint(0, len(first))])
    return first[:at] + second + first[at:]


def long(rng: Random, size: int) -> bytes:
    """A source of at least that size, of one API."""
    return APIS[rng.choice([*APIS])].long(rng, size)
