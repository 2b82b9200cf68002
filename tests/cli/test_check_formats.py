"""`respstream check` for programs, its choice of codes, and `--limit`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import parquet

import respstream
from respstream._codes import DIAGNOSTICS
from tests.support.cli_runner import BACKENDS, SEVEN, TRANSCRIPTS, Shell, rows
from tests.support.paths import ROOT

CODES = ["unfinished_block", "text_mismatch", "item_id_changed", "response_id_changed", "error_body"]


@pytest.fixture(params=BACKENDS)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


def test_json_lines_are_the_diagnostics(shell: Shell) -> None:
    done = shell.run("check", TRANSCRIPTS, "--format", "json")
    found = rows(done.stdout)
    assert (done.returncode, sorted(one["code"] for one in found)) == (1, sorted(CODES))
    stream = respstream.responses(ROOT / SEVEN)
    list(stream)
    expected = [{"source": SEVEN, **diagnostic.to_dict()} for diagnostic in stream.diagnostics]
    assert [one for one in found if one["source"] == SEVEN] == json.loads(json.dumps(expected))


def test_annotations_of_github(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a,b:%.sse").write_bytes(b'data: {"type":"response.created","response":{"id":"r"}}\n\nnonsense\n')
    done = shell.run("check", "a,b:%.sse", "--format", "github", cwd=tmp_path)
    assert {line.split(",title=")[1].split("::")[0] for line in done.stdout.splitlines()} == {
        "stray_text",
        "no_terminal",
    }
    assert all(line.startswith("::warning file=a%2Cb%3A%25.sse,line=") for line in done.stdout.splitlines())


def test_sarif(shell: Shell) -> None:
    document = json.loads(shell.run("check", TRANSCRIPTS, "--format", "sarif").stdout)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == list(DIAGNOSTICS)
    assert sorted(result["ruleId"] for result in run["results"]) == sorted(CODES)
    assert {result["level"] for result in run["results"]} == {"error", "warning", "note"}
    (error,) = [result for result in run["results"] if result["level"] == "error"]
    place = error["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == SEVEN
    assert place["region"]["startLine"] == 1


@pytest.mark.parametrize(
    ("options", "status", "codes"),
    [
        (["--select", "error_body"], 1, {"error_body"}),
        (["--ignore", "error_body"], 0, set(CODES) - {"error_body"}),
        (["--select", "text_mismatch,error_body", "--ignore", "error_body"], 0, {"text_mismatch"}),
        (["--select", "bad_json"], 0, set()),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_codes_that_count(shell: Shell, options: list[str], status: int, codes: set[str], form: str) -> None:
    done = shell.run("check", TRANSCRIPTS, "--format", form, *options)
    assert done.returncode == status
    assert {code for code in DIAGNOSTICS if code in done.stdout} == codes
    each = shell.run("check", TRANSCRIPTS, "--each", *options)
    assert (each.returncode, {code for code in DIAGNOSTICS if code in each.stdout}) == (status, codes)


def test_unknown_code(shell: Shell) -> None:
    done = shell.run("check", SEVEN, "--select", "bad_jsn")
    assert (done.returncode, "no code 'bad_jsn'; did you mean 'bad_json'?" in done.stderr) == (2, True)


def test_input_without_responses_counts_unless_ignored(shell: Shell) -> None:
    for options, status in (([], 1), (["--ignore", "no_responses"], 0)):
        done = shell.run("check", "-", *options, data=b"x = 1\n")
        assert done.returncode == status, done.stdout


@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_limit(shell: Shell, tmp_path: Path, limit: int) -> None:
    for table in ("responses", "events"):
        whole = rows(shell.run(table, TRANSCRIPTS, "--format", "jsonl").stdout)
        done = shell.run(table, TRANSCRIPTS, "--format", "jsonl", "--limit", str(limit))
        assert (done.returncode, rows(done.stdout)) == (0, whole[:limit])
    target = tmp_path / "rows.parquet"
    assert shell.run("responses", TRANSCRIPTS, "--limit", str(limit), "-o", str(target)).returncode == 0
    assert parquet.read_metadata(target).num_rows == min(limit, 11)
    done = shell.run("responses", TRANSCRIPTS, "--limit", "1", "--since-manifest", str(tmp_path / "done"))
    assert done.returncode == 2
