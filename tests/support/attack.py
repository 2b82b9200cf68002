"""What a hostile source is, and the cost it may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

MIB = 1 << 20


class Attack(NamedTuple):
    """A hostile source and the expected cost of reading it.

    `codes`: the diagnostics it causes. `make(n)`: the source. `size`: the n of the full attack. `share`: the fallback reads
    one part in `share` of it. `chunk`: bytes per chunk. `every`: the tool calls are read after each `every` chunks (0:
    never). `memory_factor`: allowed bytes of memory per byte of the source.
    """

    codes: str
    make: Callable[[int], bytes]
    size: int
    share: int = 50
    chunk: int = 65536
    every: int = 0
    memory_factor: float = 0.0

    def chunks(self, data: bytes) -> Iterator[bytes]:
        """The chunks of the source."""
        return (data[start : start + self.chunk] for start in range(0, len(data), self.chunk))
