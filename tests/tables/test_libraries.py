"""Scans in the calls that users of other libraries write by habit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import duckdb
import nanoarrow
import numpy
import pandas
import polars
import pyarrow
import pytest

import respstream
from respstream import Scan
from tests.support.paths import TRANSCRIPTS

COLUMNS = ["source", "status", "output_tokens"]


@pytest.fixture
def scan() -> Scan:
    return respstream.scan(TRANSCRIPTS, columns=COLUMNS)


CALLS: dict[str, Callable[[Any], tuple[int, list[str]]]] = {
    "to_polars": lambda scan: (scan.to_polars().height, scan.to_polars().columns),
    "polars.DataFrame": lambda scan: (polars.DataFrame(scan).height, polars.DataFrame(scan).columns),
    "polars.LazyFrame": lambda scan: (polars.LazyFrame(scan).collect().height, polars.LazyFrame(scan).collect_schema().names()),
    "to_pandas": lambda scan: (len(scan.to_pandas()), list(scan.to_pandas().columns)),
    "to_duckdb": lambda scan: (len(scan.to_duckdb().fetchall()), scan.to_duckdb().columns),
    "to_duckdb, of a connection": lambda scan: (
        len(scan.to_duckdb(duckdb.connect()).fetchall()),
        scan.to_duckdb(duckdb.connect()).columns,
    ),
    "duckdb.from_arrow": lambda scan: (len(duckdb.from_arrow(scan).fetchall()), duckdb.from_arrow(scan).columns),
    "to_arrow": lambda scan: (scan.to_arrow().num_rows, scan.to_arrow().schema.names),
    "pyarrow.table": lambda scan: (pyarrow.table(scan).num_rows, pyarrow.table(scan).schema.names),
    "nanoarrow.Array": lambda scan: (len(nanoarrow.Array(scan)), [str(field.name) for field in nanoarrow.Schema(scan).fields]),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_call_reads_all_rows_and_columns(scan: Scan, call: Callable[[Any], tuple[int, list[str]]]) -> None:
    assert call(scan) == (11, COLUMNS)


@pytest.mark.parametrize("call", [pandas.DataFrame, numpy.asarray, numpy.array], ids=lambda call: call.__name__)
def test_call_that_would_make_one_cell_is_an_error(scan: Scan, call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"use scan\.to_pandas\(\)"):
        call(scan)


def test_pandas_reads_the_arrow_stream(scan: Scan) -> None:
    frame: Any = pandas.DataFrame
    if hasattr(frame, "from_arrow"):  # pandas 3
        assert frame.from_arrow(scan).equals(scan.to_pandas())


def test_polars_from_arrow_makes_a_series_of_structs_which_unnest(scan: Scan) -> None:
    found = polars.from_arrow(scan)
    assert isinstance(found, polars.Series)
    assert found.struct.unnest().equals(scan.to_polars())


def test_tables_of_duckdb() -> None:
    scan = respstream.scan(TRANSCRIPTS, ["responses", "diagnostics"])
    assert {name: len(found.fetchall()) for name, found in scan.to_duckdb().items()} == {
        "responses": 11,
        "diagnostics": 5,
    }


@pytest.mark.parametrize("package", ["polars", "pandas", "duckdb"])
def test_missing_package_names_its_extra(scan: Scan, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"{package} tables need {package}: pip install 'respstream\[{package}\]'"):
        getattr(scan, f"to_{package}")()
