"""`--where`: the same rows through the scan as row by row, SQL's logic of null, and messages for wrong expressions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import respstream
from respstream.cli.where import parse
from tests.support.cli_runner import BACKENDS, TRANSCRIPTS, Shell, rows
from tests.support.paths import TRANSCRIPTS as FOLDER

EXPRESSIONS = [
    "output_tokens > 8",
    "output_tokens >= 8.5 and input_tokens<20",
    "status = 'incomplete' or output_tokens = 5",
    "not (status = 'completed' and model like 'gpt-4o%')",
    "not status != 'completed'",
    "error_code is null",
    "service_tier is not null and service_tier <> 'flex'",
    "not error_code = 'x'",
    "error_code = 'x' or output_tokens in (5, 7)",
    "error_code = 'x' and output_tokens in (5, 7)",
    "model not in ('gpt-4o-2024-08-06', 'x')",
    "created_at < '2026-01-01'",
    "created_at >= '2026-01-02T00:00:00+00:00' and created_at < '2026-02-01'",
    "output_text like '%!' and output_text not like 'Sure_ %'",
    "output_text = 'Sorry, I can''t assist with that.'",
]

EXTREME = ("error_code is null", "not error_code = 'x'", "error_code = 'x' and output_tokens in (5, 7)")
"""The expressions that are true of all rows or of none."""


@pytest.fixture(params=BACKENDS)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_rows_are_those_of_sql(expression: str) -> None:
    """DuckDB is the oracle; the notation is a part of SQL."""
    table = respstream.scan(FOLDER, "responses").to_arrow()
    wanted = duckdb.from_arrow(table).filter(expression).project("source, stream_index").fetchall()
    where = parse(expression, "responses")
    found = [row for row in table.to_pylist() if where.matches(row)]
    assert [(row["source"], row["stream_index"]) for row in found] == wanted
    (batch,) = table.combine_chunks().to_batches()
    assert where.batch(batch).to_pylist() == found
    assert (0 < len(found) < table.num_rows) == (expression not in EXTREME)


CONDITIONS = st.sampled_from(
    [
        "status = 'completed'",
        "error_code = 'x'",
        "lane is null",
        "output_tokens > 9",
        "diagnostics contains 'error_body'",
    ]
)


@given(st.recursive(CONDITIONS, lambda inner: st.one_of(
    st.builds("not ({})".format, inner), st.builds("({}) and {}".format, inner, inner), st.builds("{} or ({})".format, inner, inner),
)))  # fmt: skip
def test_batches_and_rows_agree(expression: str) -> None:
    where = parse(expression, "responses")
    batch = pa.RecordBatch.from_pylist(
        [
            {"status": status, "error_code": code, "lane": None, "output_tokens": tokens, "diagnostics": codes}
            for status in ("completed", None)
            for code in ("x", "y", None)
            for tokens, codes in ((10, ["error_body"]), (None, []), (9, ["no_terminal"]))
        ]
    )
    assert where.batch(batch).to_pylist() == [row for row in batch.to_pylist() if where.matches(row)]


TEXTS = [None, "", "it", "It", "it's", "100%", "a_b", "a.b", "line\nline", "\u00e9", "null", '"']
NUMBERS = [None, 0, -1, 5, 2**53 + 1, -(2**63), 2**63 - 1]
SECONDS = [None, 0.0, -0.5, 5.0, 1e-9, 1e300]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def conditions() -> st.SearchStrategy[str]:
    """Conditions on the columns `model`, `output_tokens` and `duration`, in any case."""
    sign = st.sampled_from(["=", "==", "!=", "<>", "<", "<=", ">", ">="])
    text = st.sampled_from([*TEXTS[1:], "%", "_t%", "%.%", "%\n%"]).map(lambda one: quoted(str(one)))
    count = st.sampled_from([str(one) for one in NUMBERS[1:]])
    real = st.sampled_from(["0", "-0.5", "5", "5.0", "1e-9", "1E+300"])
    negated = st.sampled_from(["", "not "])
    several = st.lists(text, min_size=1, max_size=3).map(", ".join)
    return st.one_of(
        st.builds("model {} {}".format, sign, text),
        st.builds("MODEL {}IN ({})".format, negated, several),
        st.builds("model {}like {}".format, negated, text),
        st.builds("Output_Tokens {} {}".format, sign, st.one_of(count, real)),
        st.builds("output_tokens {}in ({}, {})".format, negated, count, count),
        st.builds("duration {} {}".format, sign, real),
        st.builds("{} IS {}Null".format, st.sampled_from(["model", "output_tokens", "duration"]), negated),
    )


@given(st.recursive(conditions(), lambda inner: st.one_of(
    st.builds("NOT ({})".format, inner), st.builds("{} AND {}".format, inner, inner), st.builds("({} or {})".format, inner, inner),
), max_leaves=6))  # fmt: skip
def test_conditions_mean_the_same_in_sql(expression: str) -> None:
    """With nulls, quotes, cases, numbers over 2**53, and the precedence of `and` and `or`; DuckDB is the oracle."""
    longest = max(len(TEXTS), len(NUMBERS), len(SECONDS))
    rows = [
        {"place": at, "model": TEXTS[at % len(TEXTS)], "output_tokens": tokens, "duration": SECONDS[at % len(SECONDS)]}
        for at, tokens in enumerate(NUMBERS * longest)
    ]
    schema = pa.schema(
        {"place": pa.int64(), "model": pa.string(), "output_tokens": pa.int64(), "duration": pa.float64()}
    )
    table = pa.Table.from_pylist(rows, schema)
    wanted = [at for (at,) in duckdb.from_arrow(table).filter(expression).project("place").order("place").fetchall()]
    where = parse(expression, "responses")
    assert [row["place"] for row in rows if where.matches(row)] == wanted
    (batch,) = table.combine_chunks().to_batches()
    assert where.batch(batch)["place"].to_pylist() == wanted


def test_every_output_has_the_same_rows(shell: Shell, tmp_path: Path) -> None:
    where = ["--where", "output_tokens > 8 and diagnostics is not null", "--columns", "model,response_id"]
    lines = rows(shell.run("responses", TRANSCRIPTS, *where, "--format", "jsonl").stdout)
    assert len(lines) == 4
    assert all([*line] == ["model", "response_id"] for line in lines)
    assert rows(shell.run("responses", TRANSCRIPTS, *where, "--format", "jsonl", "--threads", "2").stdout) == lines
    path = tmp_path / "a.parquet"
    done = shell.run("responses", TRANSCRIPTS, *where, "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert "4 responses" in done.stderr
    assert pq.read_table(path).to_pylist() == lines
    first = rows(shell.run("responses", TRANSCRIPTS, *where, "--format", "jsonl", "--limit", "2").stdout)
    assert first == lines[:2]
    done = shell.run("responses", TRANSCRIPTS, *where, "--limit", "2", "-o", str(path))
    assert pq.read_table(path).to_pylist() == lines[:2]
    assert pq.read_schema(path).field("model").metadata[b"description"] == b"The model, as the server names it."


def test_other_tables(shell: Shell) -> None:
    texts = [
        "events",
        TRANSCRIPTS,
        "--format",
        "jsonl",
        "--where",
        "type like '%output_text.delta' and delta contains 'Hello'",
    ]
    assert {line["delta"] for line in rows(shell.run(*texts).stdout)} == {"Hello", "Hello,"}
    items = shell.run(
        "items", TRANSCRIPTS, "--format", "jsonl", "--where", "role = 'assistant' and text contains 'Navidad'"
    )
    assert len(rows(items.stdout)) == 2
    calls = shell.run(
        "responses", TRANSCRIPTS, "--where", "tool_calls is null", "--format", "csv", "--columns", "model"
    )
    assert calls.stdout == "model\n"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "expected a column at the end"),
        ("modle = 'x'", "no column 'modle' at character 1; did you mean 'model'?"),
        ("model = x", "model is compared with a text in quotes, not 'x' at character 9"),
        ("model = 5", "model is compared with a text in quotes, not '5' at character 9"),
        ("output_tokens = '5'", "output_tokens is compared with a number"),
        ("output_tokens = 99999999999999999999", "is too large at character 17"),
        ("created_at > 'today'", "'today' is no time such as '2026-03-01'"),
        ("created_at > 5", "created_at is compared with a time in quotes, not '5'"),
        ("output_tokens >", "not 'nothing' at the end"),
        ("output_tokens", "expected a comparison, in, like, contains or is at the end"),
        ("output_tokens like '5%'", "output_tokens has no `like`: it is no text"),
        ("tool_calls = 'x'", "tool_calls is a list: use `contains`"),
        ("diagnostics in ('x')", "diagnostics has no `in`"),
        ("(model is null", "expected ')' at the end"),
        ("model is null)", "unexpected ')' at character 14"),
        ("model is 'x'", "expected 'null' at character 10"),
        ("model = 'x' ; drop", "unexpected ';' at character 13"),
        ("model = 'x", 'unexpected "\'" at character 9; texts are in single quotes'),
        ('model = "x"', "unexpected '\"' at character 9; texts are in single quotes"),
        ("model != NULL", "not 'NULL' at character 10; use `model is null`"),
        ("MODLE = 'x'", "no column 'MODLE' at character 1; did you mean 'model'?"),
        ("not " * 200 + "model is null", "too many parentheses"),
        ("(" * 200, "too many parentheses"),
    ],
)
def test_wrong_expressions(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(expression, "responses")


def test_error_of_the_command(shell: Shell) -> None:
    done = shell.run("responses", TRANSCRIPTS, "--where", "stauts = 'x'")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value for '--where': no column 'stauts' at character 1; did you mean 'status'?" in done.stderr


def test_without_pyarrow(shell: Shell, tmp_path: Path) -> None:
    """Row by row, as for stdin."""
    data = respstream.sample("log_of_seven.sse").read_bytes()
    run: Callable[..., Any] = shell.run
    done = run(
        "responses", "-", "--format", "jsonl", "--columns", "output_tokens", "--where", "output_tokens > 10", data=data
    )
    assert [json.loads(line)["output_tokens"] for line in done.stdout.splitlines()] == [18]
