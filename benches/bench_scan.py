"""Tables from log files: usage of responses, whole responses, and columns of events, compared with DuckDB and polars.

Used by `make bench`; also a pytest-benchmark suite (`python -m pytest benches/bench_scan.py`). Contenders use all cores
unless their name says one thread. Files are in the system's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from benches import files
from benches.rows import FAST, LARGE, Row, events_answer, fold_answer, suite
from benches.shapes import Log

DUCKDB, DUCKDB_ONE, POLARS, WC = "DuckDB", "DuckDB, one thread", "polars", "wc -l"
OURS, OURS_ONE = "respstream.scan", "respstream.scan, one thread"
SSE_ROW, JSONL_ROW = "scan: {}, SSE", "scan: {}, JSON Lines"
USAGE_LARGE = "scan: usage of responses, SSE, 1 GB"
SIX, WHOLE, USAGE = "six columns of every event", "whole responses", "usage of responses"
WHOLE_MIXED = "scan: whole responses, mixed, SSE"
ALL, ALL_LARGE = "scan: all columns of responses, mixed, SSE", "scan: all columns of responses, mixed, SSE, all cores"
ALL_OURS, ALL_ONE = "respstream.scan, all columns", "respstream.scan, all columns, one thread"
ALL_PACKED = "scan: all columns of responses, mixed, zstd, all cores"
FOLD_FILE, FOLD_MEMORY = "Decoder.fold, from the file", "Decoder.fold, from memory"

CHUNK = 1 << 18

_USAGE = ["response_id", "status", "output_tokens"]
_WHOLE = ["response_id", "status", "output_text", "output_tokens", "tool_calls"]
_EVENT = ["type", "sequence_number", "item_id", "output_index", "content_index", "delta"]


def usage_answer(log: Log) -> Any:
    """The expected result of the usage rows."""
    return sorted((row["id"], row["status"], row["output_tokens"]) for row in log.responses)


def responses_answer(log: Log) -> int:
    """The expected result of the row with all columns in one thread: the number of responses."""
    return len(log.responses)


def table_answer(log: Log) -> Any:
    """The expected result of the row with all columns on all cores: the responses in the order of the log."""
    import pyarrow

    kinds = (pyarrow.large_string(), pyarrow.large_string(), pyarrow.int64())
    columns = zip(*((row["id"], row["status"], row["output_tokens"]) for row in log.responses), strict=True)
    return pyarrow.table(
        [pyarrow.array(column, kind) for column, kind in zip(columns, kinds, strict=True)], names=_USAGE
    )


def lines_answer(log: Log) -> int:
    """The expected result of `wc -l`."""
    return log.data.count(b"\n")


def scan_usage(path: Path, threads: int | None = None) -> Any:
    """`respstream.scan` of three columns that only need terminal events."""
    return sorted(_rows(_native().scan(path, columns=_USAGE, threads=threads).to_arrow()))


def scan_whole(path: Path, threads: int | None = None) -> Any:
    """`respstream.scan` of the columns of the fold rows; checks every event in full."""
    rows = _rows(_native().scan(path, columns=_WHOLE, threads=threads).to_arrow())
    return [
        (name, status, text or "", tokens, [tuple(call.values()) for call in calls])
        for name, status, text, tokens, calls in rows
    ]


def scan_all(path: Path, threads: int | None = None) -> Any:
    """`respstream.scan` of all columns."""
    return sorted(_rows(_native().scan(path, threads=threads).to_arrow().select(_USAGE)))


def scan_table(path: Path, threads: int | None = None) -> Any:
    """`respstream.scan` of all columns into an Arrow table, without the single-threaded conversion to Python objects."""
    return _native().scan(path, threads=threads).to_arrow().select(_USAGE).combine_chunks()


def scan_count(path: Path) -> int:
    """`respstream.scan` of all columns of responses in one thread; only counts the rows."""
    return sum(len(batch) for batch in _native().scan(path, threads=1))


def fold_count(path: Path, memory: bool = False) -> int:
    """`Decoder.fold` of a file in chunks, or of its whole content in memory; only counts the responses."""
    decoder = _native().Decoder()
    if memory:
        return len(decoder.fold(_bytes(path))) + len(decoder.fold_end())
    with path.open("rb", buffering=0) as file:
        count = sum(len(decoder.fold(chunk)) for chunk in iter(partial(file.read, CHUNK), b""))
    return count + len(decoder.fold_end())


@cache
def _bytes(path: Path) -> bytes:
    return path.read_bytes()


def scan_events(path: Path, threads: int | None = None) -> Any:
    """`respstream.scan` of six columns of every event."""
    import pyarrow.compute

    compute: Any = pyarrow.compute
    count = chars = 0
    for batch in _native().scan(path, "events", columns=_EVENT, threads=threads):
        found = pyarrow.record_batch(batch)
        count += found.num_rows
        chars += compute.sum(compute.utf8_length(found["delta"])).as_py() or 0
    return count, chars


def _native() -> Any:
    from benches import ours

    return ours.native()


def _rows(table: Any) -> Any:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _row(title: str, form: str, contenders: dict[str, Any], answer: Callable[[Log], Any], **more: Any) -> Row:
    name = (JSONL_ROW if form == "jsonl" else SSE_ROW).format(title)
    row: dict[str, Any] = {"reference": DUCKDB, "size_bytes": FAST, "full_bytes": LARGE, "name": name}
    row |= {"prepare": files.in_file, **more}
    return Row(
        contenders=contenders, answer=answer, options={"form": form}, apart=frozenset({WC}),
        answers={WC: lines_answer}, **row,
    )  # fmt: skip


USAGE_ROWS = {
    OURS: scan_usage,
    ALL_OURS: scan_all,
    WC: files.word_count,
    DUCKDB: files.duckdb_usage,
    POLARS: files.polars_usage,
}
WHOLE_ROWS = {
    OURS: scan_whole,
    OURS_ONE: partial(scan_whole, threads=1),
    "orjson by hand": files.orjson_fold,
    DUCKDB: files.duckdb_fold,
    POLARS: files.polars_fold,
}
SIX_ROWS = {
    OURS: scan_events,
    OURS_ONE: partial(scan_events, threads=1),
    DUCKDB: files.duckdb_six,
    DUCKDB_ONE: partial(files.duckdb_six, threads=1),
    POLARS: files.polars_six,
}
ALL_ROWS = {ALL_ONE: scan_count, FOLD_FILE: fold_count, FOLD_MEMORY: partial(fold_count, memory=True)}
ALL_LARGE_ROWS = {ALL_OURS: scan_table, ALL_ONE: partial(scan_table, threads=1)}
LARGE_ROWS = {OURS: scan_usage, OURS_ONE: partial(scan_usage, threads=1), WC: files.word_count}

ROWS = (
    *(_row(USAGE, form, USAGE_ROWS, usage_answer) for form in ("sse", "jsonl")),
    *(_row(WHOLE, form, WHOLE_ROWS, fold_answer) for form in ("sse", "jsonl")),
    _row(WHOLE, "sse", WHOLE_ROWS, fold_answer, name=WHOLE_MIXED, shape="mixed", size_bytes=LARGE),
    _row("", "sse", ALL_ROWS, responses_answer, name=ALL, shape="mixed", reference=FOLD_FILE, cpu=True),
    _row("", "sse", ALL_LARGE_ROWS, table_answer, name=ALL_LARGE, shape="mixed", size_bytes=LARGE, reference=ALL_ONE),
    _row(
        "",
        "sse",
        ALL_LARGE_ROWS,
        table_answer,
        name=ALL_PACKED,
        shape="mixed",
        reference=ALL_ONE,
        prepare=files.in_zstd,
    ),
    *(_row(SIX, form, SIX_ROWS, events_answer) for form in ("sse", "jsonl")),
    _row(USAGE, "sse", LARGE_ROWS, usage_answer, name=USAGE_LARGE, size_bytes=LARGE, reference=WC),
)

test_scan = suite(ROWS)
