"""The lazy source for polars: its rows, and that it reads only what a query needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import respstream
from respstream import tables
from respstream.integrations import polars as bridge
from tests.support.minimal_streams import BEGIN, DELTA, END, ITEM
from tests.support.paths import TRANSCRIPTS

STREAM = BEGIN + ITEM + DELTA + END


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[tables.Scan]:
    """The scans that queries make, in order."""
    made: list[tables.Scan] = []

    def scan(*given: Any, **more: Any) -> tables.Scan:
        made.append(tables.scan(*given, **more))
        return made[-1]

    monkeypatch.setattr(bridge, "scan", scan)
    return made


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("table", list(tables.COLUMNS))
def test_lazy_frame_matches_scan(table: Any) -> None:
    expected = respstream.scan(TRANSCRIPTS, table).to_polars().with_columns(pl.col(pl.Categorical).cast(pl.String))
    lazy = bridge.scan_table(TRANSCRIPTS, table)
    assert lazy.collect_schema() == expected.schema
    assert_frame_equal(lazy.collect(), expected)
    assert_frame_equal(lazy.collect(engine="streaming"), expected)


QUERIES: dict[str, Callable[[Any], Any]] = {
    "projection": lambda frame: frame.select("status", "model"),
    "filter": lambda frame: frame.filter(pl.col("output_tokens") > 8).select("response_id"),
    "limit": lambda frame: frame.head(3),
    "limit and filter": lambda frame: frame.head(4).filter(pl.col("output_tokens") > 8),
    "filter and limit": lambda frame: frame.filter(pl.col("output_tokens") > 8).head(2),
    "slice": lambda frame: frame.slice(2, 3),
    "tail": lambda frame: frame.tail(2),
    "none": lambda frame: frame.head(0),
    "count": lambda frame: frame.select(pl.len()),
    "calls": lambda frame: frame.select(pl.col("tool_calls").list.len().sum()),
    "sum": lambda frame: frame.group_by("model").agg(pl.col("output_tokens").sum()).sort("model"),
    "itself": lambda frame: (
        frame.join(frame, on="response_id").select("response_id", "model_right").sort("response_id")
    ),
}


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("name", list(QUERIES))
def test_queries(name: str) -> None:
    query = QUERIES[name]
    expected = query(respstream.scan(TRANSCRIPTS).to_polars().lazy()).collect()
    assert_frame_equal(query(bridge.scan_responses(TRANSCRIPTS)).collect(), expected)


@pytest.mark.usefixtures("api")
def test_only_requested_columns_are_read(scans: list[tables.Scan]) -> None:
    lazy = bridge.scan_responses(TRANSCRIPTS).filter(pl.col("status") == "completed").select("model")
    del scans[:]
    assert lazy.collect().height == 10
    [scan] = scans
    assert sorted(pl.DataFrame(scan).columns) == ["model", "status"]
    assert bridge.scan_responses(TRANSCRIPTS, ["model"], threads=1).collect().columns == ["model"]


@pytest.mark.usefixtures("api")
def test_reading_stops_at_limit(scans: list[tables.Scan], tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}.jsonl").write_bytes(STREAM * 50)
    lazy = bridge.scan_responses(tmp_path, threads=1)
    del scans[:]
    assert lazy.head(60).collect().height == 60
    [scan] = scans
    assert scan.summary is not None
    assert not scan.summary.complete
    assert scan.summary.bytes < 40 * 50 * len(STREAM) / 4


@pytest.mark.usefixtures("api")
def test_unreadable_input(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(STREAM)
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    with pytest.raises(FileNotFoundError):
        bridge.scan_responses(tmp_path / "none")
    with pytest.raises(ValueError, match="no column"):
        bridge.scan_responses(paths, ["nope"])
    with pytest.raises(TypeError, match="no option"):
        bridge.scan_responses(paths, colums=["model"])
    with pytest.raises(ValueError, match="unreadable must be"):
        bridge.scan_responses(paths, unreadable="ask")
    paths[1].unlink()
    paths[1].mkdir()
    (paths[1] / "c.jsonl").symlink_to(tmp_path / "gone")
    with pytest.raises(Exception, match=r"cannot read .*c\.jsonl: No such file"):
        bridge.scan_responses(iter(paths)).collect()
    assert bridge.scan_responses(iter(paths), unreadable="skip").collect().height == 1
