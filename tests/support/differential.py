"""Compares both backends over many generated sources: `python -m tests.support.differential --events 1000000`.

`--tables 20000` compares the tables of that many generated files, and what the other functions of the package return for them.

Each source is a function of the seed and its number, so differences are reproducible. A differing source is minimised before it
is printed. `--corpus` reads files instead of generated sources, for example those of a fuzzer.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NamedTuple

from respstream import _backend
from tests.support import api_sources, differential_tables, readings
from tests.support.paths import TRANSCRIPTS
from tests.support.wellformed_streams import chance

LONGEST = 20_000  # bytes of a source
BATCH = 200  # sources of a task


class Case(NamedTuple):
    """A source, the positions of its chunk boundaries, the decoder's options, and whether only responses are read."""

    source: bytes
    cuts: list[int]
    options: dict[str, Any]
    folded: bool = False


class Difference(NamedTuple):
    """A minimised case that the backends read differently, and the difference."""

    case: Case
    text: str


@cache
def backends() -> tuple[ModuleType, ModuleType]:
    """The compiled backend and its reference."""
    return _backend.load("rust"), _backend.load("python")


@cache
def _transcripts() -> list[bytes]:
    return [path.read_bytes() for path in sorted(TRANSCRIPTS.iterdir()) if path.suffix in {".sse", ".jsonl"}]


def _spliced(rng: Random) -> bytes:
    """Slices of transcripts and of generated sources, concatenated; some bytes are changed."""
    parts = []
    for _ in range(rng.randint(1, 5)):
        whole = rng.choice([rng.choice(_transcripts()), api_sources.source(rng)])
        start = rng.randint(0, len(whole))
        parts.append(whole[start : start + rng.randint(0, 2000)])
    data = bytearray(b"".join(parts))
    for _ in range(rng.choice([0, 0, 1, 5])):
        if data:
            data[rng.randrange(len(data))] = rng.choice([*b'{}[]",:\\\r\n dut0-', 0, 0x80, 0xC3, 0xED, 0xFF])
    return bytes(data)


_DEEP = b"[" * 257 + b"]" * 257
_VALUES = [
    _DEEP, b"[" * 257 + b"}" * 257, b"7" * 4301, b"-" + b"7" * 4301, b"7" * 4300, b'"\\ud83d"', b'"\xff"', b'"x"', b'""', b"null", b"0", b"1", b"1.5e3", b"-0",
    b"00", b"1E400", b"{}", b"[ ]", b'"response.created"', b'{"output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}],"id":"r"}',
]  # fmt: skip
_KEYS = "type delta output_index sequence_number stream_id response item y ty\\u0070e object error content_index logprobs item_id".split()
_TYPES = [
    "response.output_text.delta",
    "response.created",
    "response.completed",
    "response.output_item.done",
    "error",
    "x",
]


def _over_limits(rng: Random) -> bytes:
    """Events, some nested too deeply or with too long a number; each twice, so that caches are used."""
    source = b""
    for _ in range(rng.randint(1, 4)):
        members = [b'"%s": %s' % (rng.choice(_KEYS).encode(), rng.choice(_VALUES)) for _ in range(rng.randint(1, 6))]
        if chance(rng, 70):
            members.insert(0, b'"type":"%s"' % rng.choice(_TYPES).encode())
        one = b"{" + b", ".join(members) + b"}"
        lines = one.replace(b", ", b",\ndata: ")
        frame = (
            rng.choice([b"%s\n", b"data: %s\n\n", b"event: x\ndata: %s\n\n", b"[%s, 1]\n"]) if chance(rng, 80) else b""
        )
        source += frame % one * 2 if frame else b"data: " + lines + b"\n\n"
    return source


def case(rng: Random, source: bytes | None = None, *, long: bool = False) -> Case:
    """A case, of the given source or of a generated one."""
    if source is None:
        kind = rng.randint(0, 9)
        if long and kind <= 7:
            source = api_sources.long(rng, LONGEST)
        else:
            source = _over_limits(rng) if kind == 0 else _spliced(rng) if kind <= 4 else api_sources.source(rng)
    source = source[:LONGEST]
    options: dict[str, Any] = {}
    if chance(rng, 30):
        options["form"] = rng.choice(["sse", "jsonl"])
    if chance(rng, 30):
        options["on_eof"] = "discard"
    if chance(rng, 15):
        options["max_event_bytes"] = rng.choice([1, 20, 60, 200])
    if chance(rng, 15):
        options["strict"] = True
    cuts = sorted(rng.randint(0, len(source)) for _ in range(rng.choice([0, 0, 1, 3, 10])))
    if chance(rng, 3) and len(source) < 500:
        cuts = list(range(len(source)))
    return Case(source, cuts, options, chance(rng, 20))


def difference(one: Case) -> tuple[str, int]:
    """The difference between the backends, `""` for none; and the number of events."""
    read = readings.fold if one.folded else readings.read
    rust, python = (read(backend, one.source, one.cuts, **one.options) for backend in backends())
    count = sum(response["events"] for response in python.responses) if one.folded else len(python.events)
    for name, first, second in zip(rust._fields, rust, python, strict=True):
        if first != second:
            return f"{name}:\n  rust   {first!r}\n  python {second!r}", count
    return "", count


def minimised(one: Case, differs: Callable[[Case], bool]) -> Case:
    """The case with the fewest cuts and bytes that still differ."""
    without = one._replace(cuts=[])
    if one.cuts and differs(without):
        one = without
    size = len(one.source) // 2
    while size:
        start = 0
        while start < len(one.source):
            source = one.source[:start] + one.source[start + size :]
            smaller = one._replace(source=source, cuts=[min(cut, len(source)) for cut in one.cuts])
            if differs(smaller):
                one = smaller
            else:
                start += size
        size //= 2
    return one


def run(
    seed: int, numbers: range, files: list[Path] | None = None, *, long: bool = False
) -> tuple[int, Difference | None]:
    """Compares the sources of these numbers; returns the number of events and the first difference."""
    events = 0
    for number in numbers:
        rng = Random(f"{seed}/{number}")
        one = case(rng, files[number].read_bytes() if files else None, long=long)
        text, count = difference(one)
        events += count
        if text:
            small = minimised(one, lambda smaller: bool(difference(smaller)[0]))
            return events, Difference(small, difference(small)[0])
    return events, None


def _batches(count: int | None) -> Iterator[range]:
    """Ranges of numbers, up to a count."""
    for start in itertools.count(0, BATCH):
        if count is not None and start >= count:
            return
        yield range(start, start + BATCH if count is None else min(start + BATCH, count))


def main(argv: list[str] | None = None) -> int:
    """Runs until `--events` events are compared or all files are read; returns 1 at the first difference."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.differential", description="Compare the results of both backends."
    )
    parser.add_argument("--events", type=int, default=100_000, help="number of events to compare (default 100,000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--long", action="store_true", help="mostly sources with hundreds of deltas")
    parser.add_argument("--tables", type=int, help="compare the tables of that many generated files instead")
    parser.add_argument("--corpus", type=Path, nargs="+", help="read the files of these folders instead")
    options = parser.parse_args(argv)
    files = None
    if options.corpus:
        files = sorted(path for folder in options.corpus for path in folder.rglob("*") if path.is_file())
    compare: Callable[[int, range], tuple[int, Any]] = partial(run, files=files, long=options.long)
    count, unit, most = None if files is None else len(files), "events", options.events
    if options.tables is not None:
        compare, count, unit, most = differential_tables.run, options.tables, "tables", options.tables
    done = sources = 0
    batches = _batches(count)
    with ProcessPoolExecutor(options.jobs) as pool:
        while done < most and (turn := list(itertools.islice(batches, options.jobs * 4))):
            for numbers, (compared, found) in zip(
                turn, pool.map(compare, [options.seed] * len(turn), turn), strict=True
            ):
                done, sources = done + compared, sources + len(numbers)
                if found is not None:
                    differing, text = found
                    print(f"the backends differ (seed {options.seed}, sources {numbers}):\n{differing}\n{text}")
                    return 1
            print(f"{sources} sources, {done} {unit}: equal", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
