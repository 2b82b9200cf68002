"""Logs in files to tables: the tokens of every response, and what is in every event, with DuckDB and polars beside it.

The rows of `make bench`, and the same as a pytest-benchmark suite (`python -m pytest benches/bench_scan.py`). All contenders use
all cores. The log is JSON Lines, which the peers can read at all.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benches.rows import Row
from benches.shapes import Log

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SIZE = 256_000_000
DUCKDB = "DuckDB"
USAGE = ["response_id", "status", "output_tokens"]
EVENT = ["type", "sequence_number", "item_id", "output_index", "content_index", "delta"]
_FOLDER = tempfile.TemporaryDirectory(prefix="respstream-bench-")


def in_file(log: Log) -> Path:
    """The log as a file."""
    path = Path(_FOLDER.name) / "log.jsonl"
    path.write_bytes(log.data)
    return path


def usage_answer(log: Log) -> Any:
    """What every contender of a usage row must return."""
    return sorted((row["id"], row["status"], row["output_tokens"]) for row in log.responses)


def event_answer(log: Log) -> Any:
    """What every contender of an events row must return: events, characters in text deltas."""
    return log.events, log.delta_chars


def scan_usage(path: Path) -> Any:
    """`respstream.scan` of three columns."""
    import respstream

    return _sorted(respstream.scan(path, columns=USAGE).to_arrow())


def scan_all(path: Path) -> Any:
    """`respstream.scan` of all columns."""
    import respstream

    return _sorted(respstream.scan(path).to_arrow().select(USAGE))


def _sorted(table: Any) -> Any:
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True))


def scan_events(path: Path) -> Any:
    """`respstream.scan` of six columns of every event."""
    import pyarrow.compute

    import respstream

    compute: Any = pyarrow.compute
    count = chars = 0
    for batch in respstream.scan(path, "events", columns=EVENT):
        found = pyarrow.record_batch(batch)
        count += found.num_rows
        chars += compute.sum(compute.utf8_length(found["delta"])).as_py() or 0
    return count, chars


def duckdb_usage(path: Path) -> Any:
    """DuckDB's reader of JSON Lines, with the columns told."""
    import duckdb

    columns = "{type: 'VARCHAR', response: 'STRUCT(id VARCHAR, status VARCHAR, usage STRUCT(output_tokens BIGINT))'}"
    query: Any = duckdb.sql(
        f"select response.id, response.status, response.usage.output_tokens from read_json('{path}', "
        f"format='newline_delimited', maximum_object_size=100000000, columns={columns}) "
        "where type in ('response.completed', 'response.incomplete', 'response.failed')"
    )
    return sorted(query.fetchall())


def duckdb_events(path: Path) -> Any:
    """The same of six columns of every event."""
    import duckdb

    columns = (
        "{type: 'VARCHAR', sequence_number: 'BIGINT', item_id: 'VARCHAR', output_index: 'BIGINT', "
        "content_index: 'BIGINT', delta: 'VARCHAR'}"
    )
    query: Any = duckdb.sql(
        "select count(type), sum(length(delta))::bigint, count(sequence_number), count(item_id), count(output_index), "
        f"count(content_index) from read_json('{path}', format='newline_delimited', maximum_object_size=100000000, "
        f"columns={columns})"
    )
    return query.fetchall()[0][:2]


def polars_usage(path: Path) -> Any:
    """polars' lazy reader of JSON Lines, with the schema told."""
    import polars

    usage = polars.Struct({"output_tokens": polars.Int64})
    response = polars.Struct({"id": polars.String, "status": polars.String, "usage": usage})
    frame = polars.scan_ndjson(path, schema={"type": polars.String, "response": response})
    ends = ["response.completed", "response.incomplete", "response.failed"]
    inside = polars.col("response").struct
    found = frame.filter(polars.col("type").is_in(ends)).select(
        inside.field("id"), inside.field("status"), inside.field("usage").struct.field("output_tokens")
    )
    return sorted(found.collect().rows())


ROWS = (
    Row(
        name="scan: usage of responses in a file",
        shape="chat",
        size_bytes=SIZE,
        contenders={
            "respstream.scan, three columns": scan_usage,
            "respstream.scan, all columns": scan_all,
            DUCKDB: duckdb_usage,
            "polars": polars_usage,
        },
        reference=DUCKDB,
        answer=usage_answer,
        prepare=in_file,
        options={"form": "jsonl"},
    ),
    Row(
        name="scan: six columns of every event in a file",
        shape="chat",
        size_bytes=SIZE,
        contenders={"respstream.scan": scan_events, DUCKDB: duckdb_events},
        reference=DUCKDB,
        answer=event_answer,
        prepare=in_file,
        goals={"respstream.scan": 1.8},
        options={"form": "jsonl"},
    ),
)


@pytest.mark.parametrize(
    "contender", [pytest.param((row, name), id=f"{row.name}-{name}") for row in ROWS for name in row.contenders]
)
def test_scan(benchmark: BenchmarkFixture, contender: tuple[Row, str]) -> None:
    row, name = contender
    benchmark.group = row.name
    log = row.log(short=benchmark.disabled)
    assert benchmark(row.contenders[name], row.prepare(log)) == row.answer(log)
