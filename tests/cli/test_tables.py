"""The command line: tables through the scan, folders, redaction, manifests, URLs, completion. Real processes, over both backends."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

import respstream
from respstream.cli.source import LiveFile
from respstream.tables import COLUMNS
from tests.support.cli_runner import (
    BACKENDS,
    HELLO,
    INCOMPLETE,
    PATIENCE,
    SEVEN,
    TRANSCRIPTS,
    Shell,
    command,
    created,
    delta,
    message,
    rows,
    sse,
)
from tests.support.paths import ROOT

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":"üb"}', "status": "completed"}
SECRET = sse(
    created(),
    delta("secret 😀"),
    {
        "type": "response.completed",
        "response": {
            "id": "resp_1", "status": "completed", "model": "m", "metadata": {"user": "secret"},
            "error": {"code": "oops", "message": "secret"}, "output": [message("secret 😀"), CALL],
        },
    },
)  # fmt: skip


@pytest.fixture(params=BACKENDS)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


def names(table: Any) -> list[str]:
    return [name for name, _ in COLUMNS[table] if name not in ("payload", "response_json")]


def as_rows(path: Path) -> list[dict[str, Any]]:
    return json.loads(json.dumps(parquet.read_table(path).to_pylist(), default=str))  # type: ignore[no-any-return]


# -- formats -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["responses", "events", "items"])
def test_tables_and_formats_match_scan(shell: Shell, tmp_path: Path, table: Any) -> None:
    expected = respstream.scan(ROOT / TRANSCRIPTS, table).to_arrow()
    expected = expected.set_column(0, "source", [[os.path.relpath(s, ROOT) for s in expected["source"].to_pylist()]])
    plain = pa.Table.from_pylist(expected.to_pylist()).to_pylist()

    done = shell.run(table, TRANSCRIPTS, "-o", str(tmp_path / "rows.parquet"))
    noun = f"{expected.num_rows} {table}"
    assert re.match(rf"respstream: {noun} of 5 files, 64.2 kB in \d+\.\d s, written to \S+rows.parquet\n", done.stderr)
    found = parquet.read_table(tmp_path / "rows.parquet")
    assert found.schema.names == names(table)
    assert found.schema.metadata[b"respstream.table"] == table.encode()
    assert found.to_pylist() == plain

    streamed = subprocess.run(
        command(table, TRANSCRIPTS, "--format", "arrow"), capture_output=True, cwd=ROOT, env=shell.env(), check=False
    )
    assert pa.ipc.open_stream(streamed.stdout).read_all().to_pylist() == plain

    lines = shell.run(table, TRANSCRIPTS, "--format", "jsonl", "--threads", "2")
    shown = [{name: _shown(value) for name, value in row.items()} for row in plain]
    assert rows(lines.stdout) == shown
    if table == "responses":  # small input is folded without a scan; the bytes are the same
        assert shell.run(table, TRANSCRIPTS, "--format", "jsonl").stdout == lines.stdout


def _shown(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value


def test_arrow_files_and_csv(shell: Shell, tmp_path: Path) -> None:
    shell.run("items", SEVEN, "-o", str(tmp_path / "items.feather"), "--columns", "type,text")
    found = pa.ipc.open_file(tmp_path / "items.feather").read_all()
    assert found.schema.names == ["type", "text"]
    assert found.num_rows == 7
    shell.run("events", HELLO, "-o", str(tmp_path / "events.csv"), "--columns", "sequence_number,type,delta")
    assert (tmp_path / "events.csv").read_text().splitlines()[:2] == [
        "sequence_number,type,delta",
        "0,response.created,",
    ]


def test_payload_column_on_request(shell: Shell) -> None:
    done = shell.run("events", HELLO, "--format", "jsonl", "--columns", "type,payload")
    assert all(json.loads(row["payload"])["type"] == row["type"] for row in rows(done.stdout))


def test_partitions(shell: Shell, tmp_path: Path) -> None:
    target = tmp_path / "by model"
    done = shell.run("responses", TRANSCRIPTS, "-o", str(target), "--partition-by", "model")
    assert done.returncode == 0
    assert sorted(path.name for path in target.iterdir()) == [
        "model=gpt-4.1-nano-2025-04-14", "model=gpt-4o-2024-07-18", "model=gpt-4o-2024-08-06",
        "model=gpt-4o-mini-2024-07-18",
    ]  # fmt: skip
    assert parquet.read_table(target).num_rows == 11
    again = shell.run("responses", TRANSCRIPTS, "-o", str(target), "--partition-by", "model")
    assert again.returncode == 2
    assert re.fullmatch(r"respstream: cannot write .*by model: .* already exists and is not empty\n", again.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--format", "parquet"], id="parquet to stdout"),
        pytest.param(["--partition-by", "model"], id="partitions to stdout"),
        pytest.param(["--partition-by", "nonsense", "-o", "x"], id="partitions by no column"),
        pytest.param(
            ["--partition-by", "model", "--columns", "status", "-o", "x"], id="partitions by what is left out"
        ),
        pytest.param(["--partition-by", "model", "--format", "table", "-o", "x"], id="partitions as a table"),
        pytest.param(["-o", "nowhere/x.parquet"], id="into no folder"),
        pytest.param(["-o", "tests", "--format", "parquet"], id="onto a folder"),
        pytest.param(["-o", "/dev/null", "--format", "parquet"], id="parquet into a device"),
        pytest.param(["--max-text", "-1"], id="negative length"),
        pytest.param(["--threads", "0"], id="no threads"),
        pytest.param(["--since-manifest", SEVEN], id="no manifest"),
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    done = Shell("rust").run("responses", SEVEN, *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr


# -- redaction ---------------------------------------------------------------------------------------------------------


def test_redaction(shell: Shell, tmp_path: Path) -> None:
    source = tmp_path / "log.sse"
    source.write_bytes(SECRET)
    for table, extra in (("responses", "response_json"), ("events", "payload"), ("items", None)):
        columns = ",".join([*names(table), *([extra] if extra else [])])
        output = tmp_path / f"{table}.parquet"
        shell.run(table, str(source), "--redact", "--columns", columns, "-o", str(output))
        lines = shell.run(table, str(source), "--redact", "--columns", columns, "--format", "jsonl").stdout
        assert "secret" not in lines
        assert "üb" not in lines
        assert [{**row, "created_at": None} for row in as_rows(output)] == [
            {**row, "created_at": None} for row in rows(lines)
        ]
        if table == "responses":
            (row,) = rows(lines)
            assert (row["error_code"], row["model"], row["output_text"], row["response_json"]) == (
                "oops",
                "m",
                None,
                None,
            )
            assert row["tool_calls"] == [{"type": "function_call", "call_id": "c1", "name": "f", "arguments": None}]


def test_long_texts_are_truncated(shell: Shell, tmp_path: Path) -> None:
    source, output = tmp_path / "log.sse", tmp_path / "rows.parquet"
    source.write_bytes(SECRET)
    columns = ["--columns", "output_text,tool_calls,metadata"]
    shell.run("responses", str(source), "--max-text", "8", *columns, "-o", str(output))
    (row,) = as_rows(output)
    assert (row["output_text"], row["tool_calls"][0]["arguments"]) == ("secret 😀", '{"a":"üb')
    assert json.loads(row["metadata"]) == {"user": "secret"}
    for how in ([], ["--threads", "1"]):
        cut = shell.run("responses", str(source), "--max-text", "8", *columns, *how, "--format", "jsonl")
        assert rows(cut.stdout) == [row]


# -- manifests ---------------------------------------------------------------------------------------------------------


def test_manifest_skips_finished_sources(shell: Shell, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for name in ("a.sse", "b.sse"):
        shutil.copy(ROOT / HELLO, logs / name)
    (logs / "c.sse").symlink_to("nowhere")
    output = tmp_path / "rows.jsonl"

    def run(table: Any = "responses") -> list[str]:
        done = shell.run(
            table, "logs", "-o", "rows.jsonl", "--columns", "source", "--since-manifest", "done", cwd=tmp_path
        )
        assert done.returncode == 1 or "c.sse" not in done.stderr
        return [row["source"] for row in rows(output.read_text())]

    assert run() == ["logs/a.sse", "logs/b.sse"]
    listed = rows((tmp_path / "done").read_text())
    assert [(entry["table"], Path(entry["path"]).name) for entry in listed] == [
        ("responses", "a.sse"),
        ("responses", "b.sse"),
    ]
    (logs / "c.sse").unlink()
    before = output.read_text()
    done = shell.run("responses", "logs", "-o", "rows.jsonl", "--since-manifest", "done", cwd=tmp_path)
    told = "respstream: no new files: 2 files processed before; nothing was written\n"
    assert (done.returncode, done.stderr, output.read_text()) == (0, told, before)
    with (logs / "b.sse").open("ab") as file:  # a file that has grown is new
        file.write((ROOT / SEVEN).read_bytes())
    shutil.copy(ROOT / INCOMPLETE, logs / "d.jsonl")
    assert run() == ["logs/b.sse"] * 8 + ["logs/d.jsonl"]
    assert run("items")[0] == "logs/a.sse"  # of another table nothing is done


# -- live, interrupted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["responses", "items", "events"])
def test_rows_of_live_source_are_printed_immediately(shell: Shell, table: Any) -> None:
    process = shell.start(table, "--format", "jsonl", "--columns", "source")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write((ROOT / SEVEN).read_bytes())
    assert process.stdout.readline() == b'{"source":"-"}\n'
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    assert process.stderr is not None
    assert re.fullmatch(rb"respstream: interrupted after [01] of 1 file, \S+ k?B\n", process.stderr.read())


class HeardError(Exception):
    pass


def test_signal_handler_runs_while_waiting_for_pipe() -> None:
    def tell(_: int, __: object) -> None:
        raise HeardError

    def signal_here() -> None:  # another thread takes it, so nothing interrupts the wait
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    ours, theirs = os.pipe()
    before = signal.signal(signal.SIGUSR1, tell)
    thread = threading.Thread(target=signal_here)
    try:
        with LiveFile(ours) as file:
            thread.start()
            with pytest.raises(HeardError):
                file.read(1)
            os.write(theirs, b"abc")
            assert file.read(2) + file.read(9) == b"abc"
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_killed_scan_keeps_old_file(shell: Shell, tmp_path: Path, number: int, status: int) -> None:
    target = tmp_path / "rows.parquet"
    target.write_text("old")
    process = shell.start("items", "-", "-o", str(target))
    assert process.stdin is not None
    process.stdin.write((ROOT / SEVEN).read_bytes())
    end = time.monotonic() + PATIENCE
    while len(list(tmp_path.iterdir())) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(PATIENCE) == status
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]
    assert target.read_text() == "old"


def test_closed_pipe_of_scan_is_silent(shell: Shell) -> None:
    for arguments in (["events", "--format", "jsonl"], ["items", "--format", "arrow"]):
        process = shell.start(*arguments, SEVEN)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(PATIENCE) == 141
        assert b"Traceback" not in process.stderr.read()


def test_without_pyarrow_only_responses_work(shell: Shell) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = "import runpy, sys; sys.modules['pyarrow'] = None; sys.argv[0] = 'x'; runpy.run_module('respstream', run_name='__main__')"
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True, text=True, cwd=ROOT, env=shell.env(), check=False,
        )  # fmt: skip

    assert len(rows(run("responses", SEVEN, "--format", "jsonl").stdout)) == 7
    done = run("items", SEVEN)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'respstream[cli,arrow]'" in done.stderr


# -- URLs --------------------------------------------------------------------------------------------------------------


def test_urls(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("a.sse", "deep/b.sse", "no.py"):
        shutil.copy(ROOT / HELLO, tmp_path / name)
    root = f"file://{tmp_path}"
    arguments = ["--format", "jsonl", "--columns", "source,output_text"]
    for how in ([], ["--threads", "2"]):
        done = shell.run("responses", f"{root}/", *arguments, *how)
        assert rows(done.stdout) == [
            {"source": f"{root}/{name}", "output_text": "Hello, World!"} for name in ("a.sse", "deep/b.sse")
        ], done.stderr
    assert shell.run("text", f"{root}/a.s*").stdout == "Hello, World!\n"
    assert shell.run("check", f"{root}/a.sse").stdout.startswith(f"{root}/a.sse:34: unfinished_block ")
    done = shell.run("items", f"{root}/nowhere.sse")
    assert (done.returncode, done.stderr) == (2, f"respstream: no such file or folder: {root}/nowhere.sse\n")
    done = shell.run("items", "nonsense://bucket/log.sse")
    assert done.returncode == 2
    assert done.stderr.startswith("respstream: cannot read nonsense://bucket/log.sse: Protocol not known: nonsense")


# -- completion --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_scripts(name: str) -> None:
    done = Shell("rust").run("completion", name)
    assert done.returncode == 0
    assert "_RESPSTREAM_COMPLETE" in done.stdout
    if shutil.which(name):
        subprocess.run([name, "-n"], input=done.stdout, text=True, check=True)


def test_completion_suggestions() -> None:
    def complete(words: str, place: int) -> set[str]:
        env = {"_RESPSTREAM_COMPLETE": "bash_complete", "COMP_CWORD": str(place), "COMP_WORDS": words}
        done = subprocess.run(command(), capture_output=True, text=True, env=Shell("rust").env(**env), check=True)
        return {line.split(",")[1] for line in done.stdout.split()}

    assert complete("respstream re", 1) == {"responses", "record", "replay", "report"}
    assert complete("respstream items --max", 2) == {"--max-text", "--max-event-bytes"}
    assert complete("respstream items --form", 2) == {"--format"}
    assert complete("respstream items --input", 2) == {"--input-format"}


def test_empty_arrow_stream_is_schema(shell: Shell) -> None:
    done = subprocess.run(
        command("items", "-", "--format", "arrow"),
        input=b"",
        capture_output=True,
        cwd=ROOT,
        env=shell.env(),
        check=False,
    )
    assert pa.ipc.open_stream(io.BytesIO(done.stdout)).schema.names == names("items")


# -- the input format --------------------------------------------------------------------------------------------------

READERS = ["responses", "events", "items", "text", "stats", "check", "replay"]


@pytest.mark.parametrize("name", READERS)
def test_help_shows_only_input_format(name: str) -> None:
    shown = Shell("rust").run(name, "--help").stdout
    assert "--input-format" in shown
    assert not re.search(r"--form\b(?!at)", shown)


@pytest.mark.parametrize("option", ["--input-format", "--form"])
def test_input_format_has_two_names(shell: Shell, option: str) -> None:
    for value, models in (("sse", ["m"]), ("har", [])):
        done = shell.run("responses", option, value, "--format", "jsonl", data=SECRET)
        assert (done.returncode, [row["model"] for row in rows(done.stdout)]) == (0, models)
    unknown = shell.run("responses", option, "nonsense")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert f"Invalid value for '{option}'" in unknown.stderr


def test_contradicting_input_formats_are_rejected(shell: Shell) -> None:
    same = shell.run("text", HELLO, "--input-format", "sse", "--form", "sse")
    assert (same.returncode, same.stdout) == (0, "Hello, World!\n")
    for formats in (("sse", "jsonl"), ("auto", "sse")):
        different = shell.run("text", HELLO, "--input-format", formats[0], "--form", formats[1])
        assert (different.returncode, different.stdout) == (2, "")
        assert f"--input-format {formats[0]} and --form {formats[1]} differ" in different.stderr


@pytest.mark.parametrize("table", ["responses", "events"])
def test_json_array_has_the_rows_of_json_lines(shell: Shell, tmp_path: Path, table: str) -> None:
    lines = shell.run(table, TRANSCRIPTS, "--format", "jsonl").stdout
    printed = shell.run(table, TRANSCRIPTS, "--format", "json").stdout
    assert json.loads(printed) == rows(lines)
    assert printed.splitlines()[1:-1] == [f"{line}," for line in lines.splitlines()[:-1]] + [lines.splitlines()[-1]]
    output = tmp_path / "rows.json"
    assert shell.run(table, TRANSCRIPTS, "-o", str(output)).returncode == 0
    assert output.read_text("utf-8") == printed
    assert json.loads(shell.run(table, TRANSCRIPTS, "--format", "json", "--limit", "0").stdout) == []
    refused = shell.run(table, TRANSCRIPTS, "-o", str(tmp_path / "d"), "--format", "json", "--partition-by", "source")
    assert (refused.returncode, "--partition-by writes parquet, arrow, jsonl or csv, not json." in refused.stderr) == (
        2,
        True,
    )
