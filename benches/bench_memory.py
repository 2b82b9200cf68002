"""Peak memory and time of reading a large log from a file: 0.1 GB, 1 GB, and 10 GB with `--full`.

Used by `make bench`. Reports the memory of the whole process, with libraries and interpreter. A separate process writes the
log, so that the process of the contenders never has it in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benches import files, ours, shapes
from benches.measure import isolated
from benches.rows import LARGE, Facts, Row, suite

PART_BYTES = 50_000_000
OURS, OURS_EVENTS, DUCKDB = "respstream.scan, to Parquet", "respstream.events", "DuckDB"
SMALL, LARGE_ROW = "memory: log of 0.1 GB", "memory: log of 1 GB"
Answer = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log in a file: its path, its size and counts, and the sum of output tokens."""

    path: Path
    facts: Facts
    output_tokens: int


def log_file(size: int, name: str) -> LogFile:
    """Write a log of mixed responses in parts, each with its own seed."""
    path = files.folder() / name
    counts = isolated(lambda: _write(path, size))
    return LogFile(path, Facts(*counts[:3]), counts[3])


def _write(path: Path, size: int) -> tuple[int, int, int, int]:
    written = responses = events = tokens = 0
    with path.open("wb") as file:
        for log in _parts(size):
            file.write(log.data)
            written += len(log.data)
            responses += len(log.responses)
            events += log.events
            tokens += sum(row["output_tokens"] for row in log.responses)
    return written, responses, events, tokens


def _parts(size: int) -> Iterator[shapes.Log]:
    made = seed = 0
    while made < size:
        log = shapes.mixed(seed, min(PART_BYTES, size - made))
        made, seed = made + len(log.data), seed + 1
        yield log


def answer(log: LogFile) -> Answer:
    """The expected result: the number of responses and the sum of their output tokens."""
    return log.facts.responses, log.output_tokens


def events_answer(log: LogFile) -> int:
    """The expected result of a loop over events: their number."""
    return log.facts.events


def to_parquet(path: Path) -> Answer:
    """`respstream.scan` of all columns of responses, written as Parquet; the result is read from that file."""
    import pyarrow.parquet

    out = path.with_suffix(".parquet")
    parquet: Any = pyarrow.parquet
    ours.native().scan(path).write_parquet(out)
    file = parquet.ParquetFile(out)
    tokens = sum(sum(batch.column(0).to_pylist()) for batch in file.iter_batches(columns=["output_tokens"]))
    return file.metadata.num_rows, tokens


def responses(path: Path) -> Answer:
    """A loop over `respstream.responses`."""
    count = tokens = 0
    for response in ours.native().responses(path):
        count, tokens = count + 1, tokens + response.usage.output_tokens
    return count, tokens


def events(path: Path) -> int:
    """A loop over `respstream.events`."""
    return sum(1 for _ in ours.native().events(path))


def duckdb(path: Path) -> Answer:
    """DuckDB, from the terminal events."""
    rows = files.duckdb_usage(path)
    return len(rows), sum(row[2] for row in rows)


def polars(path: Path) -> Answer:
    """polars, from the terminal events."""
    rows = files.polars_usage(path)
    return len(rows), sum(row[2] for row in rows)


def _row(name: str, size: int, *, only_full: bool = False) -> Row:
    return Row(
        name=name,
        contenders={
            OURS: to_parquet,
            "respstream.responses": responses,
            OURS_EVENTS: events,
            DUCKDB: duckdb,
            "polars": polars,
        },
        reference=DUCKDB,
        answer=answer,
        answers={OURS_EVENTS: events_answer},
        size_bytes=size,
        only_full=only_full,
        make=partial(_named, name),
        prepare=lambda log: log.path,
        whole_process=True,
    )


def _named(name: str, size: int) -> LogFile:
    return log_file(size, f"{name.rpartition(' of ')[2].replace(' ', '')}-{size}.sse")


ROWS = (_row(SMALL, LARGE // 10), _row(LARGE_ROW, LARGE), _row("memory: log of 10 GB", LARGE * 10, only_full=True))

test_memory = suite(ROWS)
