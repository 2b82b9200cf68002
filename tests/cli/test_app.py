"""The command line: the commands themselves, rows, inputs, output files, `check`. Real processes, over both backends."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import respstream
from respstream.latency import FIGURES
from respstream.tables import COLUMNS, EXTRA
from tests.support.cli_runner import (
    BACKENDS,
    HELLO,
    INCOMPLETE,
    PATIENCE,
    SEVEN,
    Done,
    Shell,
    command,
    completed,
    created,
    message,
    rows,
    sse,
)
from tests.support.paths import ROOT

COMMANDS = ["responses", "events", "items", "text", "stats", "check", "record", "replay", "completion"]
COLUMN_NAMES = [name for name, _ in COLUMNS["responses"] if name not in EXTRA]


@pytest.fixture(params=BACKENDS)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


# -- the command itself ------------------------------------------------------------------------------------------------


def test_version(shell: Shell) -> None:
    done = shell.run("--version")
    assert done.returncode == 0
    assert re.fullmatch(rf"respstream (\d\S*|\(not installed\)), backend {shell.backend}\n", done.stdout)


def test_help_lists_commands_without_heavy_imports(shell: Shell) -> None:
    done = shell.run("--help", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in done.stdout] == []
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert not [name for name in imported if name.split(".")[0] in ("rich", "asyncio", "pyarrow")]


def examples(help_text: str) -> list[str]:
    return re.findall(r"^ +((?:cat \S+ \| )?respstream .*)$", help_text.partition("Examples:")[2], re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "replay"])
def test_help_examples_run(tmp_path: Path, name: str) -> None:
    shell = Shell("rust")
    found = examples(shell.run(name, "--help").stdout)
    assert len(found) >= 2
    hello = (ROOT / HELLO).read_bytes()
    for log, prefix in (("pod.log", b"2026-11-29T12:00:00.123456789Z "), ("service.log", b"api-1  | ")):
        (tmp_path / log).write_bytes(b"".join(prefix + line for line in hello.splitlines(keepends=True)))
    (tmp_path / "logs" / "deep").mkdir(parents=True)
    (tmp_path / "log.sse").write_bytes(hello)
    (tmp_path / "logs" / "a.sse").write_bytes(hello)
    (tmp_path / "prices.toml").write_text('[[price]]\nmodel = "*"\ninput = 1\noutput = 2\n')
    (tmp_path / "logs" / "deep" / "b.jsonl.gz").write_bytes(gzip.compress((ROOT / INCOMPLETE).read_bytes()))
    for example in found:
        line = example.replace("respstream", shlex.join(command()))
        done = subprocess.run(
            ["sh", "-c", line],
            capture_output=True,
            cwd=tmp_path,
            env=shell.env(),
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, (example, done.stderr)
        output = re.search(r"-o (\S+)", example)
        assert (tmp_path / output[1]).exists() if output else done.stdout


def test_replay_help_examples_serve(tmp_path: Path) -> None:
    """They serve until Ctrl-C; each says where."""
    with Shell("rust") as shell:
        found = examples(shell.run("replay", "--help").stdout)
        assert len(found) == 3
        (tmp_path / "recording.jsonl").write_bytes((ROOT / HELLO).read_bytes())
        (response,) = respstream.responses(ROOT / HELLO)
        (tmp_path / "responses.jsonl").write_bytes(response.to_json() + b"\n")
        for example in found:
            arguments = re.sub(r"(\w+\.jsonl)", rf"{tmp_path}/\1", example).split()[1:]
            arguments = [argument.replace("8080", "0") for argument in arguments]
            process = shell.start(*arguments)
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b"serving 1 response on http://127.0.0.1:")
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 130


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_missing_extra_is_named_in_one_line(shell: Shell, missing: str) -> None:
    program = f"import runpy, sys; sys.modules[{missing!r}] = None; runpy.run_module('respstream', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=shell.env(), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    told = f"respstream: the command line needs {missing}: pip install 'respstream[cli]'\n"
    assert done.stderr == told


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(["responses", HELLO], 0, id="well"),
        pytest.param(["responses", SEVEN], 0, id="an error is counted"),
        pytest.param(["responses", SEVEN, "--strict"], 1, id="strict"),
        pytest.param(["responses", HELLO, "--strict"], 0, id="strict, warnings only"),
        pytest.param(["text", SEVEN], 0, id="text"),
        pytest.param(["text", SEVEN, "--strict"], 1, id="text, strict"),
        pytest.param(["check", SEVEN], 1, id="check, error"),
        pytest.param(["check", HELLO], 0, id="check, warning"),
        pytest.param(["responses", "nowhere.sse"], 2, id="missing file"),
        pytest.param(["responses", "nowhere/*.sse"], 2, id="glob without a match"),
        pytest.param(["nonsense"], 2, id="no such command"),
        pytest.param(["responses", HELLO, "--nonsense"], 2, id="no such option"),
        pytest.param(["responses", HELLO, "--columns", "nonsense"], 2, id="no such column"),
        pytest.param(["responses", HELLO, "--columns", ""], 2, id="no column"),
        pytest.param(["responses", HELLO, "--max-event-bytes", "0"], 2, id="limit of nothing"),
        pytest.param(["responses", HELLO, "-o", "rows.nonsense"], 2, id="suffix without a format"),
        pytest.param(["responses", HELLO, "-o", "nowhere/rows.csv"], 2, id="output into no folder"),
        pytest.param(["responses", HELLO, "-o", "tests", "--format", "csv"], 2, id="output is a folder"),
        pytest.param(["responses", HELLO, "--max-event-bytes", "100", "--strict"], 1, id="events too large"),
    ],
)
def test_exit_status(shell: Shell, arguments: list[str], status: int) -> None:
    done = shell.run(*arguments)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["responses", "text", "check"])
def test_missing_path_stops_before_processing(shell: Shell, tmp_path: Path, name: str) -> None:
    more = ["-o", str(tmp_path / "rows.jsonl")] if name == "responses" else []
    done = shell.run(name, HELLO, "nowhere.sse", "neither/*", *more)
    told = "respstream: no such file or folder: nowhere.sse, neither/*\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)
    assert list(tmp_path.iterdir()) == []


# -- rows --------------------------------------------------------------------------------------------------------------

SAME: dict[str, Any] = {
    "source": SEVEN, "previous_response_id": None, "conversation_id": None, "model": "gpt-4o-2024-08-06",
    "status": "completed", "terminal": "response.completed", "service_tier": "default", "cached_tokens": 0,
    "reasoning_tokens": 0, "refusal": None, "reasoning_text": None, "reasoning_summary": None, "items": 1,
    "tool_calls": [], "incomplete_reason": None, "error_code": None, "error_message": None, "metadata": "{}",
    "first_sequence": 0, "started_at": None, "first_delta_at": None, "ended_at": None, "lane": None, "diagnostics": [],
    **dict.fromkeys(FIGURES),
}  # fmt: skip
VARYING = (
    "stream_index", "byte_start", "byte_end", "response_id", "created_at", "completed_at", "input_tokens", "output_tokens",
    "total_tokens", "output_text", "events", "deltas", "last_sequence",
)  # fmt: skip
DAY = "2026-01-02T"
ROWS = [
    (0, 239, 9050, "resp_03228ba9bd9118610069577a08a2808191b101c569bee84a44", f"{DAY}07:55:52Z", f"{DAY}07:55:53Z",
        13, 18, 31, "Hey! I'm an AI developed by OpenAI. How can I help you today?", 25, 17, 24),
    (1, 9052, 14822, "resp_02a5644b7dc477fb0069577b2c86d48190ac6c6e56290cbe65", f"{DAY}08:00:44Z", f"{DAY}08:00:45Z",
        23, 7, 30, "Hello, I am GPT.", 14, 6, 13),
    (2, 14824, 20594, "resp_0b5830f9cdb9f4a90069577b5a801881a19916e868a2930525", f"{DAY}08:01:30Z", f"{DAY}08:01:31Z",
        15, 7, 22, "Hello, I am GPT.", 14, 6, 13),
    (3, 20596, 26118, "resp_0f22b05d013ae2390069577d7a5c7081a2b22752c2c29aecd2", f"{DAY}08:10:34Z", f"{DAY}08:10:34Z",
        15, 6, 21, "Sure, sounds great!", 13, 5, 12),
    (4, 26120, 32474, "resp_013b3d58653272e50069577db74e208196863565b8b79a69dd", f"{DAY}08:11:35Z", f"{DAY}08:11:36Z",
        17, 9, 26, "Sorry, I can't assist with that.", 16, 8, 15),
    (5, 32476, 37987, "resp_0c365bb1e8ed96640069577e0f08b0819dacc29faa6e09e657", f"{DAY}08:13:03Z", f"{DAY}08:13:03Z",
        19, 6, 25, "¡Feliz Navidad!", 13, 5, 12),
    (6, 37989, 43500, "resp_07337793dfa8b0ec0069577f157a2c8194a728565a67efcf74", f"{DAY}08:17:25Z", f"{DAY}08:17:26Z",
        19, 6, 25, "¡Feliz Navidad!", 13, 5, 12),
]  # fmt: skip
EXPECTED = [{**SAME, **dict(zip(VARYING, row, strict=True)), "api": "responses"} for row in ROWS]
SUMMARY = "respstream: diagnosed 1 error_body; `respstream check` shows the lines\n"


def test_log_of_seven_as_json_lines(shell: Shell) -> None:
    done = shell.run("responses", SEVEN, "--format", "jsonl")
    assert [{name: row[name] for name in EXPECTED[0]} for row in rows(done.stdout)] == EXPECTED
    assert [list(row) for row in rows(done.stdout)] == [COLUMN_NAMES] * 7
    assert "¡Feliz Navidad!" in done.stdout
    assert (done.returncode, done.stderr) == (0, SUMMARY)


def test_log_of_seven_as_csv(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    done = shell.run("responses", SEVEN, "-o", str(path))
    expected = rf"respstream: 7 responses of 1 file, 43\.5 kB in \d+\.\d s, written to {re.escape(str(path))}\n"
    assert (done.returncode, done.stdout) == (0, "")
    assert re.fullmatch(expected + re.escape(SUMMARY), done.stderr)
    found = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))
    assert found[0] == COLUMN_NAMES
    for fields, row in zip(found[1:], EXPECTED, strict=True):
        shown = {name: "" if value is None else value for name, value in row.items()}
        cells = dict(zip(found[0], fields, strict=True))
        assert {name: cells[name] for name in shown} == {
            name: json.dumps(value) if isinstance(value, list) else str(value) for name, value in shown.items()
        }


def test_columns_keep_requested_order(shell: Shell) -> None:
    done = shell.run("responses", HELLO, "--format", "jsonl", "--columns", "output_text, model,response_json")
    (row,) = rows(done.stdout)
    assert list(row) == ["output_text", "model", "response_json"]
    assert json.loads(row["response_json"])["output"][0]["content"][0]["text"] == "Hello, World!"
    done = shell.run("responses", HELLO, "--format", "csv", "--columns", "status,output_tokens")
    assert done.stdout == "status,output_tokens\ncompleted,5\n"


def test_nested_values(shell: Shell) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":"ü"}'}
    data = sse(created(), completed(call, message('one\n"two"')))
    shown = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":"ü"}'}
    done = shell.run("responses", "-", "--format", "jsonl", "--columns", "source,tool_calls,output_text", data=data)
    assert rows(done.stdout) == [{"source": "-", "tool_calls": [shown], "output_text": 'one\n"two"'}]
    done = shell.run("responses", "-", "--format", "csv", "--columns", "tool_calls,output_text", data=data)
    (_, fields) = csv.reader(io.StringIO(done.stdout, newline=""))
    assert (json.loads(fields[0]), fields[1]) == ([shown], 'one\n"two"')
    done = shell.run("responses", "-", "--columns", "output_text", data=data)
    assert done.stdout == 'output_text\none "two"\n'


def test_output_is_utf8_in_any_locale(shell: Shell) -> None:
    for form in ("jsonl", "csv", "table"):
        done = shell.run("responses", SEVEN, "--format", form, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
        assert "¡Feliz Navidad!" in done.stdout


def test_empty_input_has_no_rows(shell: Shell) -> None:
    assert shell.run("responses", "-").stdout == ""
    assert shell.run("responses", "-", "--format", "jsonl").stdout == ""
    assert shell.run("responses", "-", "--format", "csv", "--columns", "id,model").returncode == 2
    assert shell.run("responses", "-", "--format", "csv", "--columns", "model").stdout == "model\n"
    assert shell.run("check", "-").stdout == "ok: 0 responses, 0 errors, 0 warnings, 0 infos in 1 file\n"


# -- inputs ------------------------------------------------------------------------------------------------------------


def sources(done: Done) -> list[str]:
    return [row["source"] for row in rows(done.stdout)]


def list_sources(shell: Shell, *paths: str, **more: Any) -> Done:
    return shell.run("responses", *paths, "--format", "jsonl", "--columns", "source", **more)


def test_folders_and_globs(shell: Shell, tmp_path: Path) -> None:
    data = (ROOT / INCOMPLETE).read_bytes()
    kept = ["a.jsonl", "b/c.SSE", "b/d.log.gz", "b/e/f.txt", "z.json"]
    for name in [*kept, "no.py", "b/no.sse.bak", ".no.sse", "b/.no/no.sse"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    os.mkfifo(tmp_path / "pipe.sse")
    (tmp_path / "[odd].sse").write_bytes(data)
    assert sources(list_sources(shell, ".", cwd=tmp_path)) == [f"./{name}" for name in ["[odd].sse", *kept]]
    assert sources(list_sources(shell, "b/", cwd=tmp_path)) == [name for name in kept if name.startswith("b/")]
    assert sources(list_sources(shell, "**/*.[jt]*", cwd=tmp_path)) == ["a.jsonl", "b/e/f.txt", "z.json"]
    assert sources(list_sources(shell, "[odd].sse", "z.json", cwd=tmp_path)) == ["[odd].sse", "z.json"]
    (tmp_path / "link.json").symlink_to("z.json")
    for overlapping in (
        ["b", "b/c.SSE", "b/**/*.SSE", "z.json", "./z.json", "link.json"],
        ["b/", "z.json", str(tmp_path / "z.json")],
    ):
        assert sources(list_sources(shell, *overlapping, cwd=tmp_path)) == [*kept[1:4], "z.json"]
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    done = list_sources(shell, "nothing", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("respstream: nothing to read in nothing: no file ends in .sse, .jsonl,")
    done = shell.run("responses", "nothing", "-o", "rows.parquet", cwd=tmp_path)
    assert (done.returncode, (tmp_path / "rows.parquet").exists()) == (2, False)


@pytest.mark.parametrize(("words", "reported"), [
    (["chek", "log.sse"], "Error: no command 'chek'; did you mean 'check'?"),
    (["frobnicate"], "Error: no command 'frobnicate'; the commands are responses, "),
    (["events", "--columns", "typ", SEVEN], "no column 'typ'; did you mean 'type'?"),
    (["events", "--partition-by", "tpye", "-o", "x", SEVEN], "no column 'tpye'; did you mean 'type'?"),
    (["schema", "respones"], "no table 'respones'; did you mean 'responses'?"),
    (["sample", "chta.sse"], "no sample 'chta.sse'; did you mean 'chat.sse'?"),
    (["record", "-o", "no/such/recording.jsonl"], "respstream: cannot write no/such/recording.jsonl: No such file or directory"),
    (["responses", SEVEN, "-o", "no/such/rows.parquet"], "respstream: cannot write no/such/rows.parquet: No such file or directory"),
    (["responses", SEVEN, "-o", "no/such/rows.csv"], "respstream: cannot write no/such/rows.csv: No such file or directory"),
])  # fmt: skip
def test_wrong_usage_names_what_is_near(shell: Shell, words: list[str], reported: str) -> None:
    done = shell.run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert reported in done.stderr


def test_stdin_gzip_and_named_pipes(shell: Shell, tmp_path: Path) -> None:
    data = gzip.compress((ROOT / SEVEN).read_bytes())
    for arguments in (["-"], []):
        done = list_sources(shell, *arguments, data=data)
        assert (done.returncode, sources(done)) == (0, ["-"] * 7)
    packed = tmp_path / "log.sse.gz"
    packed.write_bytes(data + gzip.compress((ROOT / HELLO).read_bytes()))
    done = shell.run("responses", str(packed), "--format", "jsonl")
    assert [row["output_text"] for row in rows(done.stdout)[-2:]] == ["¡Feliz Navidad!", "Hello, World!"]
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", f"cat {SEVEN} > {shlex.quote(str(tmp_path / 'pipe'))}"], cwd=ROOT):
        assert len(sources(list_sources(shell, str(tmp_path / "pipe")))) == 7


@pytest.mark.parametrize("name", ["responses", "text", "check"])
def test_unreadable_input_is_reported_and_others_are_read(shell: Shell, tmp_path: Path, name: str) -> None:
    whole = gzip.compress((ROOT / SEVEN).read_bytes())
    (tmp_path / "a.sse").symlink_to("nowhere")
    (tmp_path / "b.sse.gz").write_bytes(whole[:-20])
    (tmp_path / "c.sse.gz").write_bytes(whole[:-8] + b"wrong123")
    (tmp_path / "d.sse").write_bytes((ROOT / HELLO).read_bytes())
    done = shell.run(name, ".", cwd=tmp_path)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if re.match(r"\./[a-d.szeg]+: ", line)]
    assert [line.split(" ")[:2] for line in told] == [
        ["./a.sse:", "unreadable"], ["./b.sse.gz:", "truncated_file"], ["./c.sse.gz:", "bad_compression"],
    ]  # fmt: skip
    assert told[0] == "./a.sse: unreadable the source cannot be read: No such file or directory"
    if name == "check":
        told_of_content = done.stdout.count("[error]")
        assert re.search(
            rf"^failed: \d+ responses, {3 + told_of_content} errors, .* in 4 files$", done.stdout, re.MULTILINE
        )
    else:
        assert "Hello, I am GPT." in done.stdout  # the readable part of b
        assert "Hello, World!" in done.stdout
    if name == "responses":
        assert "1 unreadable, 1 truncated_file, 1 bad_compression" in done.stderr.splitlines()[-1]


def test_file_name_with_invalid_utf8(shell: Shell, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\n.sse"
    try:
        Path(os.fsdecode(path)).write_bytes((ROOT / HELLO).read_bytes())
    except OSError:
        return  # a file system that takes UTF-8 only
    done = list_sources(shell, ".", cwd=tmp_path)
    assert (done.returncode, sources(done)) == (0, ["./\ufffd\n.sse"])
    assert shell.run("check", ".", cwd=tmp_path).stdout.startswith("./\ufffd\\n.sse:34: unfinished_block ")


# -- output files are written atomically -----------------------------------------------------------------------------


def wait_for(process: subprocess.Popen[bytes], what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)


def begin_writing(shell: Shell, target: Path) -> subprocess.Popen[bytes]:
    """A run that has written some rows, is not at its end, and waits for input."""
    process = shell.start("responses", "-", "-o", str(target))
    assert process.stdin is not None
    process.stdin.write((ROOT / SEVEN).read_bytes())
    wait_for(process, lambda: any(path != target and path.stat().st_size for path in target.parent.iterdir()))
    return process


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_killed_run_keeps_old_file(shell: Shell, tmp_path: Path, number: int, status: int) -> None:
    target = tmp_path / "rows.jsonl"
    target.write_text("old")
    process = begin_writing(shell, target)
    process.send_signal(number)
    assert process.wait(PATIENCE) == status
    assert target.read_text() == "old"
    if number != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == [target]
    assert process.stderr is not None
    assert process.stderr.read() == (
        f"respstream: interrupted after 0 of 1 file, 43.5 kB; {target} was not written\n".encode()
        if number == signal.SIGINT
        else b""
    )


def test_output_file_keeps_mode_and_symlink(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "rows.jsonl", tmp_path / "rows.jsonl"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    assert shell.run("responses", SEVEN, "-o", str(link)).returncode == 0
    assert link.is_symlink()
    assert rows(real.read_text("utf-8")) == EXPECTED
    assert real.stat().st_mode & 0o777 == 0o640
    assert list((tmp_path / "real").iterdir()) == [real]
    fresh = tmp_path / "fresh.csv"
    mask = os.umask(0o022)
    try:
        assert shell.run("responses", SEVEN, "-o", str(fresh)).returncode == 0
    finally:
        os.umask(mask)
    assert fresh.stat().st_mode & 0o777 == 0o644


def test_output_to_non_regular_file(shell: Shell) -> None:
    assert shell.run("responses", SEVEN, "-o", "/dev/null", "--format", "csv").returncode == 0
    done = shell.run("responses", SEVEN, "-o", "-", "--format", "jsonl")
    assert rows(done.stdout) == EXPECTED


def test_full_disk_is_reported_in_one_line(shell: Shell) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("check", SEVEN),
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=shell.env(),
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"respstream: cannot write: No space left on device\n")


@pytest.mark.parametrize("arguments", [["responses", "--format", "jsonl"], ["responses"], ["text"], ["check"]])
def test_closed_pipe_is_silent(shell: Shell, arguments: list[str]) -> None:
    process = shell.start(*arguments, "-")
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write((ROOT / HELLO).read_bytes())
    process.stdin.close()
    assert process.wait(PATIENCE) == 141
    assert process.stderr.read() in (
        b"",
        b"respstream: diagnosed 1 unfinished_block; `respstream check` shows the lines\n",
    )


# -- check -------------------------------------------------------------------------------------------------------------


def test_check_prints_location_and_message(shell: Shell) -> None:
    done = shell.run("check", HELLO, SEVEN, INCOMPLETE)
    found = [
        re.fullmatch(r"(.+?):(\d+): (\w+) (.+) \[(error|warning|info)\]", line) for line in done.stdout.splitlines()
    ]
    assert [(told[1], told[2], told[3], told[5]) for told in found if told] == [
        (HELLO, "34", "unfinished_block", "warning"),
        (SEVEN, "1", "error_body", "error"),
        (INCOMPLETE, "6", "text_mismatch", "warning"),
        (INCOMPLETE, "6", "item_id_changed", "info"),
        (INCOMPLETE, "9", "response_id_changed", "info"),
    ]
    assert done.stdout.splitlines()[-2:] == [
        "in total: 1 error_body, 1 unfinished_block, 1 response_id_changed, 1 item_id_changed, 1 text_mismatch",
        "failed: 9 responses, 1 error, 2 warnings, 2 infos in 3 files",
    ]
    assert (done.returncode, done.stderr) == (1, "")


def test_check_prints_one_line_per_diagnostic(shell: Shell) -> None:
    done = shell.run("check", "-", data=sse(created(), {"type": "evil\n\x1b[31m\u2028.type"}, completed()))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "-:3: unknown_event unknown event type evil\\n\\x1b[31m\\u2028.type [info]",
        "ok: 1 response, 0 errors, 0 warnings, 1 info in 1 file",
    ]


def test_check_groups_repeats(shell: Shell) -> None:
    data = b'{"no":"type"}\n' * 3 + b"{\n" + b'{"no":"type"}\n' * 2
    grouped, each = (shell.run("check", "-", *more, data=data).stdout.splitlines() for more in ([], ["--each"]))
    assert [line.partition("[error]")[2] for line in grouped[:-1]] == [" 5 times, to line 6", "", ""]
    assert [line.split(" ")[0] for line in grouped[:-1]] == ["-:1:", "-:4:", "-:1:"]
    assert [line.split(" ")[0] for line in each[:-1]] == [*(f"-:{number}:" for number in range(1, 7)), "-:1:"]
    assert grouped[-1] == each[-1] == "failed: 0 responses, 6 errors, 1 warning, 0 infos in 1 file"


def test_check_counts_diagnostics_beyond_limit(shell: Shell) -> None:
    done = shell.run("check", "-", data=b'{"no":"type"}\n' * 10_050)
    assert done.stdout.splitlines()[0].endswith("[error] 10,000 times, to line 10000")
    assert done.stdout.splitlines()[1].startswith("-:1: no_responses 0 responses; ")
    assert done.stdout.splitlines()[2:] == [
        "-: 50 further diagnostics counted, but not listed",
        "failed: 0 responses, 10,050 errors, 1 warning, 0 infos in 1 file",
    ]


def test_inputs_without_responses_fail_the_check_and_are_named(shell: Shell) -> None:
    prefixed = b'api-1  | data: {"type":"response.created"}\napi-1  | \n'
    message = (
        "-:1: no_responses 0 responses; this looks like SSE behind a line prefix `api-1  | `; "
        "use `--strip-prefix 'api-1  \\| ?'`"
    )
    done = shell.run("check", "-", data=prefixed)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[1:] == [
        f"{message} [warning]",
        "failed: 0 responses, 0 errors, 2 warnings, 0 infos in 1 file",
    ]
    for name in ("text", "responses", "stats"):
        done = shell.run(name, "-", data=prefixed)
        assert done.returncode == 0
        assert done.stderr.splitlines()[0] == message


def test_text_prints_errors_of_responses(shell: Shell) -> None:
    created = b'{"type":"response.created","response":{"id":"r1","output":[]}}\n'
    for line in (
        b'{"type":"error","error":"boom"}',
        b'{"type":"response.error","message":"boom"}',
        b'{"detail":"boom"}',
    ):
        done = shell.run("text", "-", data=created + line + b"\n")
        assert "-: response r1 failed: boom" in done.stderr.splitlines()
