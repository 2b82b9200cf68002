"""The data dictionary: every column is described, and what it says is true of rows of every API."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import respstream
from respstream.tables import COLUMNS, EXTRA
from respstream.tables.dictionary import ALL, describe
from tests.support import backends, doc_tables
from tests.support.cli_runner import Shell
from tests.support.paths import ROOT, TRANSCRIPTS


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_are_described_in_order(table: Any) -> None:
    found = describe(table)
    assert [column.name for column in found] == [name for name, _ in COLUMNS[table]]
    for column, (name, kind) in zip(found, COLUMNS[table], strict=True):
        assert column.extra == (name in EXTRA)
        assert bool(column.null) == (not kind.endswith("!")) or column.extra
        assert column.meaning.endswith(".")
        assert column.example
        assert set(column.apis) <= set(ALL)
        assert ("seconds" in column.unit or "tokens" in column.unit) == kind.startswith("real") or "tokens" in name


@pytest.mark.parametrize("table", ["responses", "events", "items"])
def test_other_apis_do_not_fill_a_column(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("respstream._backend.engine", backends.load("python"))
    rows: list[dict[str, Any]] = respstream.scan([respstream.sample(), TRANSCRIPTS], table).to_arrow().to_pylist()
    assert {row["api"] for row in rows} == set(ALL)
    for column in describe(table):
        if not column.extra:
            filled = {row["api"] for row in rows if row[column.name] is not None}
            assert filled <= set(column.apis), column.name


@pytest.mark.parametrize("table", COLUMNS)
def test_arrow_fields_have_the_descriptions(
    table: Any, backends: tuple[ModuleType, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same metadata of both backends, also in Parquet files, behind a selection and in DuckDB's input."""
    names = [name for name, _ in COLUMNS[table]]
    schemas = []
    for backend in backends:
        monkeypatch.setattr("respstream._backend.engine", backend)
        schema = pa.schema(respstream.schema(table, names))
        schemas.append(schema)
        for column in describe(table):
            metadata = {key.decode(): value.decode() for key, value in schema.field(column.name).metadata.items()}
            assert metadata == column.metadata()
            assert metadata["description"] == column.meaning
        path = tmp_path / "a.parquet"
        respstream.scan(TRANSCRIPTS, table, names[1:3]).write_parquet(path)
        written = pq.read_schema(path)
        assert [written.field(name).metadata[b"description"] for name in written.names] == [
            column.meaning.encode() for column in describe(table)[1:3]
        ]
    assert schemas[0].equals(schemas[1], check_metadata=True)


def test_generated_descriptions_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, "tools/generate_columns.py", "-"], cwd=ROOT, capture_output=True, check=True)
    committed = ROOT / "rust" / "scan" / "src" / "tables" / "descriptions.rs"
    assert done.stdout == committed.read_bytes(), "run tools/generate_columns.py"


def test_command() -> None:
    with Shell("rust") as shell:
        shown = shell.run("schema", "responses").stdout
        assert "  time_to_first_token  (double, seconds)\n      From `started_at` to the first delta.\n" in shown
        assert "Null if no times, or no delta. APIs: responses, chat, messages. Example: 0.436" in shown
        whole = json.loads(shell.run("schema", "--format", "json").stdout)
        assert {table: [column["name"] for column in columns] for table, columns in whole.items()} == {
            table: [name for name, _ in columns] for table, columns in COLUMNS.items()
        }
        done = shell.run("schema", "respons")
        assert done.returncode == 2


@pytest.mark.parametrize("table", COLUMNS)
def test_page(table: Any) -> None:
    """`python -m tests.support.doc_tables` writes the tables."""
    name = f"columns of {table}"
    assert doc_tables.page_table("columns.md", name) == doc_tables.with_markers(name, doc_tables.columns_table(table))
