"""The Spark data source over a real local Spark of two cores."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import respstream
from respstream.tables import COLUMNS
from tests.integrations.engines.tools import Killer, rows, wanted

sql: Any = wanted("spark", "pyspark.sql")
bridge: Any = wanted("spark", "respstream.integrations.spark")


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    assert os.environ.get("JAVA_HOME") or shutil.which("java"), (
        "Spark needs Java: `make engines-system` installs Debian's"
    )
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
    }
    builder = sql.SparkSession.builder.master("local[2,4]")  # two cores; a task may fail three times
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    bridge.register(session)
    yield session
    session.stop()


def taken(frame: Any) -> list[tuple[Any, ...]]:
    return rows(pa.table(frame.toArrow()))


def reader(spark: Any, **options: Any) -> Any:
    return spark.read.format("respstream").options(**options)


@pytest.mark.parametrize("table", list(COLUMNS))
def test_all_rows_of_each_table(table: Any, spark: Any, logs: Path, expected: Any) -> None:
    frame = reader(spark, table=table, target_bytes=4 << 20).load(str(logs))
    assert taken(frame) == expected(table)
    assert frame.columns == pa.schema(respstream.schema(table)).names
    nulls = {field.name: field.nullable for field in frame.schema}
    known = {field.name: field.nullable for field in pa.schema(respstream.schema(table))} | {"stream_index": True}
    assert nulls == {name: known[name] for name in nulls}


def test_columns_by_option(spark: Any, logs: Path, expected: Any) -> None:
    columns = ["status", "response_id", "tool_calls", "created_at"]
    frame = reader(spark, columns="status, response_id,tool_calls, created_at").load(str(logs))
    assert frame.columns == columns
    assert taken(frame) == expected("responses", columns)


def test_columns_by_schema(spark: Any, logs: Path, expected: Any) -> None:
    frame = reader(spark).schema("output_tokens bigint, model string").load(str(logs))
    assert taken(frame) == expected("responses", ["output_tokens", "model"])
    by_model = frame.groupBy("model").sum("output_tokens").collect()
    assert sum(row[1] for row in by_model) == sum(row[0] or 0 for row in expected("responses", ["output_tokens"]))
    for wrong, message in (("nope int", "has no column 'nope'"), ("model int", "model is string, not int")):
        with pytest.raises(Exception, match=message):
            reader(spark).schema(wrong).load(str(logs)).collect()


def test_only_requested_columns_are_read(logs: Path) -> None:
    source = bridge.LogDataSource({"path": str(logs), "columns": "model"})
    read = source.reader(source.schema())
    batch = next(read.read(read.partitions()[0]))
    assert batch.schema.names == ["model"]
    assert batch.schema.field("model").type == pa.string()


def test_partition_sizes(spark: Any, logs: Path) -> None:
    def partitions(**options: Any) -> int:
        return int(reader(spark, columns="source", **options).load(str(logs)).rdd.getNumPartitions())

    total = sum(path.stat().st_size for path in logs.iterdir())
    assert partitions() == 1
    cut = partitions(target_bytes=4 << 20)
    assert total // (4 << 20) <= cut <= 2 * (total // (4 << 20)) + 10


def test_several_paths_and_none(spark: Any, logs: Path, tmp_path: Path) -> None:
    paths = [str(logs / "rows.jsonl"), str(logs / "small*.sse")]
    found = reader(spark, columns="source").load(paths).distinct().count()
    assert found == 1 + len(list(logs.glob("small*.sse")))
    with pytest.raises(Exception, match="nothing to read"):
        reader(spark).load(str(tmp_path)).count()
    with pytest.raises(Exception, match="no path"):
        reader(spark).load().count()
    with pytest.raises(Exception, match="no such file or folder"):
        reader(spark).load(str(tmp_path / "none")).count()


def test_options(spark: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b'data: {"type":"response.completed","response":{"id":"r"}}\n')
    assert reader(spark).load(str(path)).count() == 1
    assert reader(spark, on_eof="discard").load(str(path)).count() == 0
    assert (
        reader(spark, table="diagnostics", max_event_bytes=20, columns="code").load(str(path)).collect()[0][0]
        == "event_too_large"
    )
    for wrong, message in (
        ({"colums": "x"}, "colums"),
        ({"table": "x"}, "table must be"),
        ({"unreadable": "x"}, "unreadable must be"),
    ):
        with pytest.raises(Exception, match=message):
            reader(spark, **wrong).load(str(path)).count()


def test_missing_file_fails_run(spark: Any, tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(b'{"type":"response.completed","response":{"id":"r"}}\n')
    partitions = []
    for unreadable in ("raise", "skip"):
        source = bridge.LogDataSource({"path": str(tmp_path), "unreadable": unreadable})
        read = source.reader(source.schema())
        partitions.append((read, read.partitions()))
    (tmp_path / "b.jsonl").unlink()
    (failing, given), (skipping, same) = partitions
    with pytest.raises(OSError, match=r"cannot read .*b\.jsonl: No such file"):
        list(failing.read(given[0]))
    assert sum(batch.num_rows for batch in skipping.read(same[0])) == 1


def test_killed_worker_neither_loses_nor_duplicates_rows(spark: Any, logs: Path, expected: Any, killer: Killer) -> None:
    columns = ["source", "byte_start", "type", "delta"]

    class DeadlyReader(bridge.LogReader):  # type: ignore[misc]
        def read(self, partition: Any) -> Iterator[Any]:
            for number, batch in enumerate(super().read(partition)):
                if number == 1:
                    killer.visit()
                yield batch

    class Deadly(bridge.LogDataSource):  # type: ignore[misc]
        @classmethod
        def name(cls) -> str:
            return "deadly"

        def reader(self, schema: Any) -> Any:
            read = super().reader(schema)
            read.__class__ = DeadlyReader
            return read

    spark.dataSource.register(Deadly)
    frame = (
        spark.read.format("deadly")
        .options(table="events", columns=",".join(columns), target_bytes=8 << 20)
        .load(str(logs))
    )
    assert taken(frame) == expected("events", columns)
    assert not Path(f"/proc/{killer.pid}").exists()


def test_text_larger_than_spark_batch(monkeypatch: pytest.MonkeyPatch, logs: Path) -> None:
    monkeypatch.setattr(bridge, "_TEXT_BYTES", 2_000)
    source = bridge.LogDataSource({"path": str(logs / "rows.jsonl")})
    read = source.reader(source.schema())
    batches = list(read.read(read.partitions()[0]))
    assert len(batches) > 4
    assert sum(batch.num_rows for batch in batches) == respstream.scan(logs / "rows.jsonl").to_arrow().num_rows
