"""The examples of the tables page, and the writers: their output, and that it is written atomically."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import dataset, feather, parquet

import respstream
from respstream import _backend
from respstream.tables import writers
from tests.support.minimal_streams import BEGIN, END
from tests.support.paths import ROOT, TRANSCRIPTS

DOCS = ROOT / "docs" / "tables.md"
SNIPPET = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


@pytest.mark.usefixtures("api")
def test_docs_examples_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shared: dict[str, Any] = {}
    snippets = SNIPPET.findall(DOCS.read_text("utf-8"))
    assert len(snippets) == DOCS.read_text("utf-8").count("```python")
    for program, expected in snippets:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, "tables.md", "exec"), shared)
        assert printed.getvalue() == expected, program


def test_missing_polars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r"respstream\[polars\]"):
        respstream.scan(TRANSCRIPTS).to_polars()


# -- formats -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("table", ["responses", "events", "items", "diagnostics"])
def test_parquet_and_ipc(table: Any, tmp_path: Path) -> None:
    logs = respstream.scan(TRANSCRIPTS, table)
    expected = logs.to_arrow()
    summary = logs.write_parquet(tmp_path / "a.parquet")
    assert summary.rows == {table: expected.num_rows}
    written = parquet.read_table(tmp_path / "a.parquet")
    assert written.to_pylist() == expected.to_pylist()
    assert written.schema.metadata[b"respstream.table"] == table.encode()
    assert parquet.read_metadata(tmp_path / "a.parquet").row_group(0).column(0).compression == "ZSTD"
    logs.write_ipc(tmp_path / "a.arrow")
    assert feather.read_table(tmp_path / "a.arrow").to_pylist() == expected.to_pylist()


@pytest.mark.usefixtures("api")
def test_text_formats(tmp_path: Path) -> None:
    logs = respstream.scan(TRANSCRIPTS)
    expected = logs.to_arrow().to_pylist()
    logs.write_jsonl(tmp_path / "a.jsonl")
    found = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert [row["output_text"] for row in found] == [row["output_text"] for row in expected]
    assert [row["tool_calls"] for row in found] == [row["tool_calls"] for row in expected]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", row["created_at"]) for row in found if row["created_at"])
    logs.write_csv(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    assert [row["output_text"] or None for row in records] == [row["output_text"] for row in expected]
    assert [json.loads(row["tool_calls"]) for row in records] == [row["tool_calls"] for row in expected]


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("form", ["parquet", "ipc", "jsonl", "csv"])
def test_several_tables_are_written_to_folder(form: str, tmp_path: Path) -> None:
    logs = respstream.scan(TRANSCRIPTS, ["responses", "items"])
    getattr(logs, f"write_{form}")(tmp_path / "out")
    suffix = writers.SUFFIXES[form]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["items" + suffix, "responses" + suffix]
    with pytest.raises(FileExistsError):
        getattr(logs, f"write_{form}")(tmp_path / "out")


@pytest.mark.usefixtures("api")
def test_partitions(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    statuses = ["completed", None, "a/b", "completed", ""]
    source.write_bytes(b"".join(b'{"object":"response","status":%s}\n' % json.dumps(one).encode() for one in statuses))
    logs = respstream.scan(source, columns=["status", "byte_start"])
    logs.write_parquet(tmp_path / "out", partition_by="status")
    found = dataset.dataset(tmp_path / "out", partitioning="hive").to_table()
    assert sorted(map(str, found["status"].to_pylist())) == sorted(map(str, statuses))
    assert sorted(found["byte_start"].to_pylist()) == logs.to_arrow()["byte_start"].to_pylist()
    with pytest.raises(ValueError, match="colour"):
        logs.write_parquet(tmp_path / "other", partition_by="colour")
    several = respstream.scan(source, ["responses", "diagnostics"])
    several.write_jsonl(tmp_path / "several", partition_by="source")
    assert {path.name for path in (tmp_path / "several").iterdir()} == {"responses"}


@pytest.mark.usefixtures("api")
def test_unwritable_target_is_reported_before_reading(tmp_path: Path) -> None:
    logs = respstream.scan(TRANSCRIPTS)
    for column in ("tool_calls", "diagnostics"):
        with pytest.raises(ValueError, match=f"{column}' contains lists"):
            logs.write_jsonl(tmp_path / "out", partition_by=column)
    with pytest.raises(IsADirectoryError):
        logs.write_csv(tmp_path)
    assert logs.summary is None
    # A file without columns has no rows: they would be lost.
    alone = respstream.scan(TRANSCRIPTS, columns=["status"])
    for form in writers.FORMS:
        with pytest.raises(ValueError, match="no column to write"):
            getattr(alone, f"write_{form}")(tmp_path / "out", partition_by="status")
        with pytest.raises(ValueError, match="no column to write"):
            getattr(respstream.scan(TRANSCRIPTS, columns=[]), f"write_{form}")(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("api")
def test_partition_value_that_reads_like_null(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    texts = [None, writers.NULL_PARTITION, None]
    source.write_bytes(b"".join(b'{"object":"response","model":%s}\n' % json.dumps(one).encode() for one in texts))
    respstream.scan(source).write_jsonl(tmp_path / "out", partition_by="model")
    assert {path.parent.name: len(path.read_bytes().splitlines()) for path in (tmp_path / "out").rglob("*.jsonl")} == {
        "model=__HIVE_DEFAULT_PARTITION__": 2,
        "model=%5F_HIVE_DEFAULT_PARTITION__": 1,
    }


MANY = """
import json, resource, sys, respstream
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))
line = '{"object":"response","model":"%d"}\\n'
with open(sys.argv[1] + "/a.jsonl", "w") as file:
    file.writelines(line % number for number in range(int(sys.argv[2])))
logs = respstream.scan(sys.argv[1] + "/a.jsonl", threads=2)
try:
    print(logs.write_parquet(sys.argv[1] + "/out" + sys.argv[2], partition_by="model").rows)
except ValueError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="a limit of the system")
def test_partitions_are_limited_by_open_files(tmp_path: Path) -> None:
    for count, expected in ((50, "{'responses': 50}"), (120, "(ulimit -n)")):
        command = [sys.executable, "-c", MANY, str(tmp_path), str(count)]
        reported = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert expected in reported
    assert {path.name for path in tmp_path.iterdir()} == {"a.jsonl", "out50"}


@pytest.mark.usefixtures("api")
def test_partition_value_without_folder_name(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(b'{"type":"response.completed","response":{"model":"%s"}}\n' % (b"x" * 300))
    with pytest.raises(ValueError, match="a value of the column 'model' is too long to name a folder: 'xxx"):
        respstream.scan(source).write_jsonl(tmp_path / "out", partition_by="model")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.usefixtures("api")
def test_partitions_buffer_at_most_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one row group buffered per value, a thousand values took a thousand times the memory."""
    monkeypatch.setattr(writers, "ROW_GROUP_BYTES", 100_000)
    line = b'{"object":"response","model":"m%d","metadata":{"a":"%s"}}\n'
    (tmp_path / "a.jsonl").write_bytes(b"".join(line % (n % 20, b"x" * 9000) for n in range(200)))
    logs = respstream.scan(tmp_path / "a.jsonl", columns=["model", "metadata"], batch_rows=20)
    logs.write_parquet(tmp_path / "out", partition_by="model")
    found = [parquet.read_metadata(path) for path in (tmp_path / "out").rglob("*.parquet")]
    assert [one.num_rows for one in found] == [10] * 20
    assert sum(one.num_row_groups for one in found) > 20 * 2


@pytest.mark.usefixtures("api")
def test_target_with_long_name(tmp_path: Path) -> None:
    """The temporary file next to it must not exceed the limit of names."""
    target = tmp_path / ("\u65e5" * 83 + ".csv")
    respstream.scan(TRANSCRIPTS).write_csv(target)
    assert target.stat().st_size


@pytest.mark.usefixtures("api")
def test_empty_tables_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"")
    logs = respstream.scan(tmp_path / "a.jsonl")
    logs.write_parquet(tmp_path / "a.parquet")
    assert parquet.read_table(tmp_path / "a.parquet").schema.names == pa.schema(logs.schema).names


def test_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "ROW_GROUP_ROWS", 40)
    (tmp_path / "a.jsonl").write_bytes((BEGIN + END) * 100)
    respstream.scan(tmp_path, batch_rows=15).write_parquet(tmp_path / "a.parquet")
    found = parquet.read_metadata(tmp_path / "a.parquet")
    assert [found.row_group(n).num_rows for n in range(found.num_row_groups)] == [45, 45, 10]


# -- atomic output -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("form", ["parquet", "ipc", "jsonl", "csv"])
def test_failure_keeps_old_file(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, batch: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writers.FORMS[form], "write", fail)
    target = tmp_path / "out"
    target.write_text("before")
    with pytest.raises(OSError, match="No space"):
        getattr(respstream.scan(TRANSCRIPTS), f"write_{form}")(target)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(OSError, match="No space"):
        getattr(respstream.scan(TRANSCRIPTS), f"write_{form}")(tmp_path / "parts", partition_by="status")
    assert list(tmp_path.iterdir()) == [target]


KILLED = """
import sys, respstream
logs = respstream.scan(sys.argv[1], threads=2, batch_rows=50)
print("ready", flush=True)
getattr(logs, sys.argv[3])(sys.argv[2])
"""


@pytest.mark.skipif(os.name != "posix", reason="kills by a signal")
@pytest.mark.parametrize("method", ["write_parquet", "write_jsonl"])
def test_killed_run_leaves_no_file(method: str, tmp_path: Path) -> None:
    source = tmp_path / "logs"
    source.mkdir()
    for number in range(20):
        (source / f"{number}.jsonl").write_bytes((BEGIN + END) * 2000)
    target = tmp_path / "out"
    killed = 0
    for delay in (0.0, 0.02, 0.05, 0.1, 0.2):
        command = [sys.executable, "-c", KILLED, str(source), str(target), method]
        environment = os.environ | {"RESPSTREAM_BACKEND": "rust"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        if target.exists():  # the run finished before the signal: the file is complete
            assert process.returncode == 0 or _rows(target, method) == 40_000
            target.unlink()
    assert killed


def _rows(path: Path, method: str) -> int:
    if method == "write_parquet":
        return int(parquet.read_metadata(path).num_rows)
    return len(path.read_bytes().splitlines())


# -- memory --------------------------------------------------------------------------------------------------------------

STREAMED = """
import re, sys, respstream
from pathlib import Path
from respstream.inputs import paths
from tests.support.minimal_streams import BEGIN, DELTA, END, ITEM

TOTAL = int(sys.argv[1])
BLOCK = (BEGIN + ITEM + DELTA * 200 + END) * 16

class Made:
    "A log that is made while it is read."
    def __init__(self): self.left = TOTAL // len(BLOCK); self.held = b""
    def read(self, size):
        if not self.held:
            if not self.left: return b""
            self.left -= 1; self.held = BLOCK
        part, self.held = self.held[:size], self.held[size:]
        return part
    def close(self): pass

paths.inputs = lambda _: [paths.Input(str(n), Made) for n in range(2)]
logs = respstream.scan("made", threads=2)
rows = sum(batch.num_rows for batch in logs.batches())
assert rows == 2 * 16 * (TOTAL // len(BLOCK)), rows
# The peak of this program alone; getrusage tells that of the one that started it, too.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text("ascii"))
print(logs.summary.bytes, int(peak[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the peak")
def test_memory_is_bounded() -> None:
    size = int(os.environ.get("RESPSTREAM_STREAMED_BYTES") or 2 << 30)
    command = [sys.executable, "-c", STREAMED, str(size // 2)]
    environment = os.environ | {"RESPSTREAM_BACKEND": "rust"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=True)
    read, peak = map(int, done.stdout.split())
    assert read > 0.99 * size
    assert peak <= 200, f"{peak} MiB"


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(("table", "column"), [("responses", "metadata"), ("events", "payload"), ("items", "text")])
def test_batches_of_long_rows_are_smaller(table: Any, column: str, tmp_path: Path) -> None:
    """About 2 MiB make a batch, however many rows were asked for."""
    text = b"y" * 100_000
    item = b'{"type":"message","content":[{"type":"output_text","text":"%s"}]}' % text
    line = b'{"type":"response.created","response":{"metadata":{"a":"%s"},"output":[%s]}}\n' % (text, item)
    (tmp_path / "a.jsonl").write_bytes(line * 100)
    sizes = [batch.num_rows for batch in respstream.scan(tmp_path, table, columns=[column]).batches()]
    assert sum(sizes) == 100
    assert max(sizes) < 50


def test_suite_runs_compiled_backend() -> None:
    assert hasattr(_backend.load("rust"), "Scan")


def encoded(path: Path) -> dict[str, set[str]]:
    """The encodings of each column of a Parquet file."""
    metadata = parquet.ParquetFile(path).metadata
    found: dict[str, set[str]] = {}
    for group in range(metadata.num_row_groups):
        for at in range(metadata.num_columns):
            column = metadata.row_group(group).column(at)
            found.setdefault(column.path_in_schema, set()).update(column.encodings)
    return found


def test_parquet_columns_are_encoded_by_content(tmp_path: Path) -> None:
    source = b"".join(
        b'{"type":"response.created","response":{"id":"r%d","model":"m%d","output":[]}}\n'
        b'{"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"i%d","delta":"text %d"}\n'
        b'{"type":"response.completed","response":{"id":"r%d","model":"m%d","output":[]}}\n'
        % ((n, n % 3, n, n, n, n % 3))
        for n in range(200)
    )
    (tmp_path / "log.jsonl").write_bytes(source)
    for table in ("responses", "events"):
        scan = respstream.scan(tmp_path / "log.jsonl", table)
        expected = pa.table(scan)
        scan.write_parquet(tmp_path / f"{table}.parquet")
        assert parquet.read_table(tmp_path / f"{table}.parquet").to_pylist() == expected.to_pylist()
    responses, events = (encoded(tmp_path / f"{table}.parquet") for table in ("responses", "events"))
    for name in ("byte_start", "byte_end"):
        assert "DELTA_BINARY_PACKED" in responses[name] & events[name]
    assert "RLE_DICTIONARY" in responses["model"]
    assert "RLE_DICTIONARY" not in responses["response_id"] | responses["output_text"]
    assert "RLE_DICTIONARY" in events["response_id"]
    metadata = parquet.ParquetFile(tmp_path / "responses.parquet").metadata.row_group(0)
    statistics = {
        metadata.column(at).path_in_schema: metadata.column(at).statistics for at in range(metadata.num_columns)
    }
    assert statistics["byte_start"].has_min_max
    assert statistics["output_text"] is None or not statistics["output_text"].has_min_max


def test_parquet_without_rows(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(b"")
    for table in ("responses", "events", "items", "diagnostics"):
        scan = respstream.scan(tmp_path / "log.jsonl", table)
        scan.write_parquet(tmp_path / f"{table}.parquet")
        assert parquet.read_table(tmp_path / f"{table}.parquet").schema.names == pa.table(scan).schema.names
