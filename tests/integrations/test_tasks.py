"""Shared code of the engine integrations, and the error for a missing engine. Tests of each engine: tests/integrations/engines."""

from __future__ import annotations

import gzip
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import respstream
from respstream import tables
from respstream.inputs import remote
from respstream.integrations import _tasks
from tests.support.minimal_streams import BEGIN, DELTA, END, ITEM

STREAM = BEGIN + ITEM + DELTA * 5 + END


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten small sources and one that is three times as large as all of them, in the middle."""
    for number in range(10):
        (tmp_path / f"{number}.jsonl").write_bytes(STREAM)
    (tmp_path / "4b.jsonl").write_bytes(STREAM * 30)
    return tmp_path


def test_small_sources_are_bundled_and_large_ones_split(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tasks, "OPEN_BYTES", 10)
    sources = _tasks.sources(folder, {})
    [all_of_them] = _tasks.bundles(sources, 1 << 30)
    assert [split.source for split in all_of_them] == sorted(str(path) for path in folder.iterdir())
    found = _tasks.bundles(sources, 3 * len(STREAM) + 20)
    assert [len(bundle) for bundle in found] == [3, 2, *[1] * 10, 3, 2]
    assert [split for bundle in found for split in bundle] == [
        split for source in sources for split in respstream.plan(source.source, 3 * len(STREAM) + 20)
    ]


def test_open_cost_limits_sources_per_task(folder: Path) -> None:
    sources = _tasks.sources(folder, {})
    assert len(_tasks.bundles(sources, 4 * _tasks.OPEN_BYTES)) == 3


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("table", list(tables.COLUMNS))
def test_bundles_match_scan(table: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tasks, "OPEN_BYTES", 1)
    bundles = _tasks.bundles(_tasks.sources(folder, {}), 4 * len(STREAM))
    names = [name for name, _ in tables.COLUMNS[table] if name != "stream_index"]
    found = [
        batch for one in pickle.loads(pickle.dumps(bundles)) for batch in _tasks.read(one, table, names, None, "raise")
    ]
    expected = respstream.scan(folder, table, names).to_arrow()
    assert pa.Table.from_batches(found, expected.schema).to_pylist() == expected.to_pylist()


def test_urls_are_bundled_by_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tasks, "OPEN_BYTES", 10)
    sources = _tasks.sources(f"file://{folder}/*.jsonl", {})
    assert sum(split.bytes or 0 for split in sources) == 40 * len(STREAM)
    found = _tasks.bundles(sources, 3 * len(STREAM) + 20)
    assert [len(bundle) for bundle in found] == [3, 2, 1, 3, 2]
    assert (
        sum(batch.num_rows for one in found for batch in _tasks.read(one, "responses", ["source"], None, "raise")) == 40
    )
    monkeypatch.setattr(remote, "size", lambda url: None)
    alone = _tasks.bundles(_tasks.sources(f"file://{folder}/*.jsonl", {}), 1 << 30)
    assert [len(bundle) for bundle in alone] == [1] * 11


@pytest.mark.usefixtures("api")
def test_batches_span_splits(folder: Path) -> None:
    splits = respstream.plan(folder)
    assert [
        batch.num_rows for batch in map(pa.record_batch, respstream.read_split(splits, batch_rows=30).batches())
    ] == [30, 10]
    assert list(respstream.read_split([]).batches()) == []
    with pytest.raises(ValueError, match="different options"):
        respstream.read_split([*splits, *respstream.plan(folder, form="sse")])


def test_names_are_kept_and_paths_are_absolute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    [source] = _tasks.sources("3.jsonl", {})
    monkeypatch.chdir("/")
    [batch] = _tasks.read([source], "responses", ["source"], None, "raise")
    assert batch.to_pylist() == [{"source": "3.jsonl"}]


@pytest.mark.usefixtures("api")
def test_sizes_are_estimated_from_sample(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes() * 50)
    plain = _tasks.sources(folder, {})
    real = respstream.scan(folder).to_arrow().nbytes
    disk = sum(path.stat().st_size for path in folder.iterdir())
    assert _tasks.expansion(plain, "responses", None) == pytest.approx(real / disk, rel=0.2)
    assert _tasks.expansion(plain, "responses", ["status"]) < _tasks.expansion(plain, "responses", None) / 3
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "a.jsonl.gz").write_bytes(gzip.compress((folder / "4b.jsonl").read_bytes()))
    assert _tasks.expansion(_tasks.sources(packed, {}), "responses", None) > 3 * real / disk
    assert _tasks.expansion([], "responses", None) == 0


ENGINES = {"ray": "ray", "pyspark": "spark", "polars": "polars"}


@pytest.mark.parametrize("missing", list(ENGINES))
def test_missing_query_engine_names_its_extra(missing: str) -> None:
    extra = ENGINES[missing]
    program = f"import sys; sys.modules[{missing!r}] = None; import respstream.integrations.{extra}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert message.startswith("ImportError: reading logs into")
    assert message.endswith(f"pip install 'respstream[{extra}]'")
