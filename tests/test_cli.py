"""The command line, as the shell sees it: real processes, over both backends."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import gzip
import io
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from respstream.tables import COLUMNS

ROOT = Path(__file__).resolve().parent.parent
PYTHON = str(ROOT / "python")
TRANSCRIPTS = "tests/data/transcripts"
SEVEN = f"{TRANSCRIPTS}/log_of_seven.sse"
HELLO = f"{TRANSCRIPTS}/hello_world.sse"
INCOMPLETE = f"{TRANSCRIPTS}/incomplete.jsonl"
COLUMN_NAMES = [name for name, _ in COLUMNS["responses"]]
PATIENCE = 30.0
"""Seconds after which something that should have happened never will."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "respstream", *arguments]


def environment(backend: str, **more: str) -> dict[str, str]:
    told = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "RESPSTREAM_BACKEND"}
    kept = {name: value for name, value in os.environ.items() if name not in told}
    return {**kept, "PYTHONPATH": PYTHON, "RESPSTREAM_BACKEND": backend, "TERM": "xterm-256color", **more}


@pytest.fixture(params=["rust", "python"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def run(backend: str) -> Run:
    def run(*arguments: str, data: bytes = b"", cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command(*arguments), input=data, capture_output=True, cwd=cwd, env=environment(backend, **more),
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def start(backend: str) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a command with pipes at all three ends; it is gone when the test is over."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        begun.append(
            subprocess.Popen(
                command(*arguments), bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, env=environment(backend)
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def rows(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def created(**more: Any) -> dict[str, Any]:
    return {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}, **more}


def completed(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    response = {"id": "resp_1", "status": "completed", "output": list(items)}
    return {"type": "response.completed", "response": response, **more}


def message(*texts: str) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": text} for text in texts]}


def delta(text: str, index: int = 0, part: int = 0, **more: Any) -> dict[str, Any]:
    kind = "response.output_text.delta"
    return {"type": kind, "output_index": index, "content_index": part, "delta": text, **more}


def item_done(index: int, *texts: str) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": message(*texts)}


def text_done(text: str, index: int = 0, part: int = 0) -> dict[str, Any]:
    return {"type": "response.output_text.done", "output_index": index, "content_index": part, "text": text}


# -- the command itself ------------------------------------------------------------------------------------------------


def test_version(run: Run, backend: str) -> None:
    done = run("--version")
    assert done.returncode == 0
    assert re.fullmatch(rf"respstream (\d\S*|\(not installed\)), backend {backend}\n", done.stdout)


def test_help_names_the_commands_and_stays_light(run: Run) -> None:
    done = run("--help", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert [name for name in ("responses", "text", "check") if f"\n  {name} " in done.stdout] == [
        "responses", "text", "check",
    ]  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert not [name for name in imported if name.split(".")[0] in ("rich", "asyncio", "pyarrow")]


def examples(help_text: str) -> list[str]:
    return re.findall(r"^ +((?:cat \S+ \| )?respstream .*)$", help_text.partition("Examples:")[2], re.MULTILINE)


@pytest.mark.parametrize("name", ["responses", "text", "check"])
def test_the_examples_of_the_help_run(run: Run, backend: str, tmp_path: Path, name: str) -> None:
    found = examples(run(name, "--help").stdout)
    assert len(found) == 2
    (tmp_path / "logs" / "deep").mkdir(parents=True)
    (tmp_path / "log.sse").write_bytes((ROOT / HELLO).read_bytes())
    (tmp_path / "logs" / "a.sse").write_bytes((ROOT / HELLO).read_bytes())
    (tmp_path / "logs" / "deep" / "b.jsonl.gz").write_bytes(gzip.compress((ROOT / INCOMPLETE).read_bytes()))
    for example in found:
        line = example.replace("respstream", shlex.join(command()), 1)
        done = subprocess.run(
            ["sh", "-c", line],
            capture_output=True,
            cwd=tmp_path,
            env=environment(backend),
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, (example, done.stderr)
        assert done.stdout or (tmp_path / "responses.jsonl").exists()


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_one_line_names_it(backend: str, missing: str) -> None:
    program = f"import runpy, sys; sys.modules[{missing!r}] = None; runpy.run_module('respstream', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(backend), check=False
    )
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
def test_exit_status(run: Run, arguments: list[str], status: int) -> None:
    done = run(*arguments)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["responses", "text", "check"])
def test_a_path_that_does_not_exist_stops_before_any_work(run: Run, tmp_path: Path, name: str) -> None:
    more = ["-o", str(tmp_path / "rows.jsonl")] if name == "responses" else []
    done = run(name, HELLO, "nowhere.sse", "neither/*", *more)
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
EXPECTED = [{**SAME, **dict(zip(VARYING, row, strict=True))} for row in ROWS]
SUMMARY = "respstream: diagnosed 1 error_body; `respstream check` tells where\n"


def test_the_log_of_seven_as_json_lines(run: Run) -> None:
    done = run("responses", SEVEN, "--format", "jsonl")
    assert rows(done.stdout) == EXPECTED
    assert [list(row) for row in rows(done.stdout)] == [COLUMN_NAMES[:-1]] * 7
    assert "¡Feliz Navidad!" in done.stdout
    assert (done.returncode, done.stderr) == (0, SUMMARY)


def test_the_log_of_seven_as_csv(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    done = run("responses", SEVEN, "-o", str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", SUMMARY)
    found = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))
    assert found[0] == COLUMN_NAMES[:-1]
    for fields, row in zip(found[1:], EXPECTED, strict=True):
        shown = {name: "" if row[name] is None else row[name] for name in found[0]}
        assert fields == [json.dumps(value) if isinstance(value, list) else str(value) for value in shown.values()]


def test_columns_in_the_order_asked_for(run: Run) -> None:
    done = run("responses", HELLO, "--format", "jsonl", "--columns", "output_text, model,response_json")
    (row,) = rows(done.stdout)
    assert list(row) == ["output_text", "model", "response_json"]
    assert json.loads(row["response_json"])["output"][0]["content"][0]["text"] == "Hello, World!"
    done = run("responses", HELLO, "--format", "csv", "--columns", "status,output_tokens")
    assert done.stdout == "status,output_tokens\ncompleted,5\n"


def test_nested_values(run: Run) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":"ü"}'}
    data = sse(created(), completed(call, message('one\n"two"')))
    shown = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":"ü"}'}
    done = run("responses", "-", "--format", "jsonl", "--columns", "source,tool_calls,output_text", data=data)
    assert rows(done.stdout) == [{"source": "-", "tool_calls": [shown], "output_text": 'one\n"two"'}]
    done = run("responses", "-", "--format", "csv", "--columns", "tool_calls,output_text", data=data)
    (_, fields) = csv.reader(io.StringIO(done.stdout, newline=""))
    assert (json.loads(fields[0]), fields[1]) == ([shown], 'one\n"two"')
    done = run("responses", "-", "--columns", "output_text", data=data)
    assert done.stdout == 'output_text\none "two"\n'


def test_output_is_utf_8_whatever_the_locale(run: Run) -> None:
    for form in ("jsonl", "csv", "table"):
        done = run("responses", SEVEN, "--format", form, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
        assert "¡Feliz Navidad!" in done.stdout


def test_an_empty_input_has_no_rows(run: Run) -> None:
    assert run("responses", "-").stdout == ""
    assert run("responses", "-", "--format", "jsonl").stdout == ""
    assert run("responses", "-", "--format", "csv", "--columns", "id,model").returncode == 2
    assert run("responses", "-", "--format", "csv", "--columns", "model").stdout == "model\n"
    assert run("check", "-").stdout == "0 responses, 0 errors, 0 warnings, 0 infos in 1 file\n"


# -- inputs ------------------------------------------------------------------------------------------------------------


def sources(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [row["source"] for row in rows(done.stdout)]


def list_sources(run: Run, *paths: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return run("responses", *paths, "--format", "jsonl", "--columns", "source", **more)


def test_folders_and_globs(run: Run, tmp_path: Path) -> None:
    data = (ROOT / INCOMPLETE).read_bytes()
    kept = ["a.jsonl", "b/c.SSE", "b/d.log.gz", "b/e/f.txt", "z.json"]
    for name in [*kept, "no.py", "b/no.sse.bak", ".no.sse", "b/.no/no.sse"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    os.mkfifo(tmp_path / "pipe.sse")
    (tmp_path / "[odd].sse").write_bytes(data)
    assert sources(list_sources(run, ".", cwd=tmp_path)) == [f"./{name}" for name in ["[odd].sse", *kept]]
    assert sources(list_sources(run, "b/", cwd=tmp_path)) == [name for name in kept if name.startswith("b/")]
    assert sources(list_sources(run, "**/*.[jt]*", cwd=tmp_path)) == ["a.jsonl", "b/e/f.txt", "z.json"]
    assert sources(list_sources(run, "[odd].sse", "z.json", cwd=tmp_path)) == ["[odd].sse", "z.json"]
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    done = list_sources(run, "nothing", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("respstream: nothing to read: no file that ends in .sse, .jsonl,")


def test_stdin_gzip_and_named_pipes(run: Run, tmp_path: Path) -> None:
    data = gzip.compress((ROOT / SEVEN).read_bytes())
    for arguments in (["-"], []):
        done = list_sources(run, *arguments, data=data)
        assert (done.returncode, sources(done)) == (0, ["-"] * 7)
    packed = tmp_path / "log.sse.gz"
    packed.write_bytes(data + gzip.compress((ROOT / HELLO).read_bytes()))
    done = run("responses", str(packed), "--format", "jsonl")
    assert [row["output_text"] for row in rows(done.stdout)[-2:]] == ["¡Feliz Navidad!", "Hello, World!"]
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", f"cat {SEVEN} > {shlex.quote(str(tmp_path / 'pipe'))}"], cwd=ROOT):
        assert len(sources(list_sources(run, str(tmp_path / "pipe")))) == 7


@pytest.mark.parametrize("name", ["responses", "text", "check"])
def test_input_that_cannot_be_read_through_is_told_and_the_rest_goes_on(run: Run, tmp_path: Path, name: str) -> None:
    whole = gzip.compress((ROOT / SEVEN).read_bytes())
    (tmp_path / "a.sse").symlink_to("nowhere")
    (tmp_path / "b.sse.gz").write_bytes(whole[:-20])
    (tmp_path / "c.sse.gz").write_bytes(whole[:-8] + b"wrong123")
    (tmp_path / "d.sse").write_bytes((ROOT / HELLO).read_bytes())
    done = run(name, ".", cwd=tmp_path)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("./") and "invalid_api_key" not in line]
    assert [line.split(" ")[:2] for line in told] == [
        ["./a.sse:", "unreadable"], ["./b.sse.gz:", "truncated_file"], ["./c.sse.gz:", "bad_compression"],
    ]  # fmt: skip
    assert told[0] == "./a.sse: unreadable cannot be read: No such file or directory"
    if name == "check":
        told_of_content = done.stdout.count("[error]\n")
        assert re.search(rf"^\d+ responses, {3 + told_of_content} errors, .* in 4 files$", done.stdout, re.MULTILINE)
    else:
        assert "Hello, I am GPT." in done.stdout  # what could be read of b
        assert "Hello, World!" in done.stdout
    if name == "responses":
        assert "1 unreadable, 1 truncated_file, 1 bad_compression" in done.stderr.splitlines()[-1]


def test_a_name_that_is_no_text(run: Run, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\n.sse"
    try:
        Path(os.fsdecode(path)).write_bytes((ROOT / HELLO).read_bytes())
    except OSError:
        return  # a file system that takes UTF-8 only
    done = list_sources(run, ".", cwd=tmp_path)
    assert (done.returncode, sources(done)) == (0, ["./\ufffd\n.sse"])
    assert run("check", ".", cwd=tmp_path).stdout.startswith("./\ufffd\\n.sse:34: unfinished_block ")


# -- files that appear whole or not at all -----------------------------------------------------------------------------


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def begin_writing(start: Callable[..., subprocess.Popen[bytes]], target: Path) -> subprocess.Popen[bytes]:
    """A run that has written some rows, is not at its end, and waits for input."""
    process = start("responses", "-", "-o", str(target))
    assert process.stdin is not None
    process.stdin.write((ROOT / SEVEN).read_bytes())
    others = (path for path in iter(target.parent.iterdir, None) for path in path if path != target)
    wait_for(lambda: next(others).stat().st_size > 0 if len(list(target.parent.iterdir())) > 1 else False)
    return process


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_a_run_that_is_ended_leaves_the_old_file(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, number: int, status: int
) -> None:
    target = tmp_path / "rows.jsonl"
    target.write_text("old")
    process = begin_writing(start, target)
    process.send_signal(number)
    assert process.wait(PATIENCE) == status
    assert target.read_text() == "old"
    if number != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == [target]
    assert process.stderr is not None
    assert process.stderr.read() == (b"respstream: interrupted\n" if number == signal.SIGINT else b"")


def test_an_output_file_keeps_its_mode_and_its_link(run: Run, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "rows.jsonl", tmp_path / "rows.jsonl"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    assert run("responses", SEVEN, "-o", str(link)).returncode == 0
    assert link.is_symlink()
    assert rows(real.read_text("utf-8")) == EXPECTED
    assert real.stat().st_mode & 0o777 == 0o640
    assert list((tmp_path / "real").iterdir()) == [real]
    fresh = tmp_path / "fresh.csv"
    mask = os.umask(0o022)
    try:
        assert run("responses", SEVEN, "-o", str(fresh)).returncode == 0
    finally:
        os.umask(mask)
    assert fresh.stat().st_mode & 0o777 == 0o644


def test_what_is_no_file_is_written_to(run: Run) -> None:
    assert run("responses", SEVEN, "-o", "/dev/null", "--format", "csv").returncode == 0
    done = run("responses", SEVEN, "-o", "-", "--format", "jsonl")
    assert rows(done.stdout) == EXPECTED


def test_a_disk_that_is_full_is_told_in_one_line(backend: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("check", SEVEN),
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment(backend),
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"respstream: cannot write: No space left on device\n")


@pytest.mark.parametrize("arguments", [["responses", "--format", "jsonl"], ["responses"], ["text"], ["check"]])
def test_a_reader_that_goes_away_is_no_news(
    start: Callable[..., subprocess.Popen[bytes]], arguments: list[str]
) -> None:
    process = start(*arguments, "-")
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write((ROOT / HELLO).read_bytes())
    process.stdin.close()
    assert process.wait(PATIENCE) == 141
    assert process.stderr.read() in (b"", b"respstream: diagnosed 1 unfinished_block; `respstream check` tells where\n")


# -- text --------------------------------------------------------------------------------------------------------------


def read_some(stream: IO[bytes], wanted: int) -> str:
    """Reads what comes until there are so many bytes; a stream that stays silent fails the test."""
    got = b""
    end = time.monotonic() + PATIENCE
    while len(got) < wanted:
        ready, _, _ = select.select([stream], [], [], max(0.0, end - time.monotonic()))
        assert ready, got
        piece = os.read(stream.fileno(), 1 << 16)
        assert piece, got
        got += piece
    return got.decode()


def test_text_comes_as_it_arrives(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = start("text")
    assert process.stdin is not None
    assert process.stdout is not None
    heard = ""
    for block in (ROOT / HELLO).read_bytes().split(b"\n\n"):
        process.stdin.write(block + b"\n\n")
        told = re.search(rb'delta","content_index":0,"delta":"([^"]*)"', block)
        if told:  # nothing more is written before this has come out
            piece = read_some(process.stdout, len(told[1]))
            assert piece == told[1].decode()
            heard += piece
    assert heard == "Hello, World!"
    assert read_some(process.stdout, 1) == "\n"
    process.stdin.close()
    assert process.wait(PATIENCE) == 0


REFUSAL = {"type": "message", "content": [{"type": "refusal", "refusal": "I will not."}]}
TEXTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "deltas, done, item, terminal": (
        [created(), delta("A"), delta("B"), text_done("AB"), item_done(0, "AB"), completed(message("AB"))], "AB\n",
    ),
    "done alone": ([created(), text_done("AB"), item_done(0, "AB"), completed(message("AB"))], "AB\n"),
    "item alone": ([created(), item_done(0, "AB"), completed(message("AB"))], "AB\n"),
    "terminal alone": ([created(), completed(message("AB"))], "AB\n"),
    "terminal of another stream": ([completed(message("AB"))], "AB\n"),
    "empty terminal output": ([created(), delta("AB"), completed()], "AB\n"),
    "no terminal": ([created(), delta("AB")], "AB\n"),
    "the part's text alone": (
        [created(), {"type": "response.content_part.added", "output_index": 0, "content_index": 0,
            "part": {"type": "output_text", "text": "AB"}}], "AB\n",
    ),
    "a delta was lost": ([created(), delta("A"), item_done(0, "ABC"), completed(message("ABC"))], "ABC\n"),
    "the end was lost": ([created(), delta("A"), completed(message("ABC"))], "ABC\n"),
    "other words at the end": ([created(), delta("AB"), completed(message("XY"))], "AB\n"),
    "no indexes": (
        [created(), {"type": "response.output_text.delta", "delta": "A"},
            {"type": "response.output_text.delta", "delta": "B"}, completed(message("AB"))], "AB\n",
    ),
    "bad index": ([created(), delta("no", index=-1), delta("A"), completed(message("A"))], "A\n"),
    "an index for each delta": (
        [created(), delta("A"), delta("B", part=1), delta("C", part=2), text_done("ABC", part=3), item_done(0, "ABC"),
            completed(message("ABC"))], "ABC\n",
    ),
    "parts": ([created(), delta("A"), delta("B", part=1), item_done(0, "A", "B"), completed(message("A", "B"))], "AB\n"),
    "two messages": (
        [created(), delta("A"), item_done(0, "A"), delta("B", index=2), item_done(2, "B"),
            completed(message("A"), {"type": "reasoning"}, message("B"))], "A\nB\n",
    ),
    "one of two messages only at the end": (
        [created(), delta("B", index=1), completed(message("A"), message("B"))], "B\nA\n",
    ),
    "the same twice": ([created(), delta("A", sequence_number=1), delta("A", sequence_number=1)], "A\n"),
    "a late delta": ([created(), delta("A"), text_done("A"), delta("B"), completed(message("A"))], "A\n"),
    "two terminals": ([created(), delta("A"), completed(message("A")), completed(message("A"))], "A\n"),
    "refusal": (
        [created(), {"type": "response.refusal.delta", "output_index": 0, "content_index": 0, "delta": "I will"},
            completed(REFUSAL)], "I will not.\n",
    ),
    "refusal at the end": ([created(), completed(REFUSAL)], "I will not.\n"),
    "two responses": ([created(), delta("A"), completed(), created(), delta("B"), completed()], "A\n\nB\n"),
    "two responses, the first cut short": ([created(), delta("A"), created(), delta("B"), completed()], "A\n\nB\n"),
    "text that ends a line": ([created(), delta("A\n"), completed(), created(), delta("B\n")], "A\n\nB\n"),
    "a response that says nothing": ([created(), completed(), created(), delta("B"), completed()], "B\n"),
    "a pair that two deltas share": ([created(), delta("A\ud83d"), delta("\ude00B"), completed(message("A😀B"))], "A😀B\n"),
    "lanes": (
        [created(stream_id="x"), created(stream_id="y"), delta("A", stream_id="x"), delta("1", stream_id="y"),
            delta("B", stream_id="x"), completed(stream_id="y"), completed(stream_id="x")], "AB\n\n1\n",
    ),
    "not streamed": (
        [{"id": "r", "object": "response", "status": "completed", "output": [message("A")]}, created(), delta("B")],
        "A\n\nB\n",
    ),
    "nothing": ([], ""),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_each_text_is_told_exactly_once(run: Run, name: str) -> None:
    events, expected = TEXTS[name]
    done = run("text", "-", data=sse(*events), PYTHONWARNINGS="error")
    assert done.stdout == expected
    assert all(re.match(r"-:\d+: bad_(utf8|field) ", line) for line in done.stderr.splitlines())
    by_lines = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    assert run("text", "-", data=by_lines).stdout == expected


def test_the_text_of_the_transcripts(run: Run) -> None:
    done = run("text", INCOMPLETE, HELLO, SEVEN)
    assert done.stdout.split("\n\n") == ["Hello,", "Hello, World!", *(row["output_text"] for row in EXPECTED[:-1]),
        EXPECTED[-1]["output_text"] + "\n"]  # fmt: skip
    assert done.stderr.startswith(f"{SEVEN}:1: error_body an API error body: invalid_api_key: ")


def test_errors_of_the_api_are_told_on_stderr(run: Run) -> None:
    failed = {"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "It\nbroke."}}
    done = run("text", "-", data=sse(created(), delta("A"), {"type": "response.failed", "response": failed}))
    assert done.stdout == "A\n"
    assert done.stderr == "-: response resp_1 failed: server_error: It\\nbroke.\n"


# -- check -------------------------------------------------------------------------------------------------------------


def test_check_says_where_and_what(run: Run) -> None:
    done = run("check", HELLO, SEVEN, INCOMPLETE)
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
    assert done.stdout.splitlines()[-1] == "9 responses, 1 error, 2 warnings, 2 infos in 3 files"
    assert (done.returncode, done.stderr) == (1, "")


def test_check_keeps_each_diagnostic_on_its_line(run: Run) -> None:
    done = run("check", "-", data=sse(created(), {"type": "evil\n\x1b[31m\u2028.type"}, completed()))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "-:3: unknown_event unknown event type evil\\n\\x1b[31m\\u2028.type [info]",
        "1 response, 0 errors, 0 warnings, 1 info in 1 file",
    ]


def test_check_counts_what_is_too_much_to_tell(run: Run) -> None:
    done = run("check", "-", data=b'{"no":"type"}\n' * 10_050)
    lines = done.stdout.splitlines()
    assert len(lines) == 10_002
    assert lines[-2:] == [
        "-: 50 more diagnostics were counted and not kept",
        "0 responses, 10050 errors, 0 warnings, 0 infos in 1 file",
    ]


# -- terminals ---------------------------------------------------------------------------------------------------------


def on_terminal(arguments: list[str], env: dict[str, str], columns: int, data: Path | None = None) -> tuple[str, int]:
    """What a command writes to a terminal of that width, and its exit status."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with (data or Path(os.devnull)).open("rb") as stdin:
        process = subprocess.Popen(command(*arguments), stdin=stdin, stdout=its, stderr=its, cwd=ROOT, env=env)
    os.close(its)
    shown = b""
    try:
        while piece := os.read(ours, 1 << 16):
            shown += piece
    except OSError:  # how Linux tells that the other end is closed
        pass
    os.close(ours)
    return shown.decode().replace("\r\n", "\n"), process.wait(PATIENCE)


@pytest.mark.parametrize("columns", [80, 160, 40])
def test_the_table_fits_the_terminal(backend: str, run: Run, columns: int) -> None:
    shown, status = on_terminal(["responses", SEVEN, INCOMPLETE], environment(backend, NO_COLOR="1"), columns)
    lines = shown.splitlines()
    assert (status, len(lines)) == (0, 1 + 8 + 1)
    assert lines[0].split() == ["source", "id", "model", "status", "tokens", "text"] or columns < 80
    assert max(len(line) for line in lines[:-1]) == columns
    if columns == 160:
        assert EXPECTED[0]["output_text"] in lines[1] or lines[1].endswith("…")
        assert SEVEN[-20:] in lines[1]
    # A pipe has no width; COLUMNS gives it one.
    piped = run("responses", SEVEN, INCOMPLETE, COLUMNS=str(columns))
    assert piped.stdout.splitlines() == lines[:-1]


def test_colours_on_a_terminal_only_and_not_against_the_users_will(backend: str, run: Run) -> None:
    for arguments in (["responses", INCOMPLETE], ["check", INCOMPLETE]):
        shown, _ = on_terminal(arguments, environment(backend), 120)
        assert "\x1b[" in shown
        for env in (environment(backend, NO_COLOR="1"), environment(backend, TERM="dumb")):
            plain, _ = on_terminal(arguments, env, 120)
            assert "\x1b" not in plain
            assert re.sub(r"\x1b\[\d*m", "", shown) == plain
        assert "\x1b" not in run(*arguments).stdout


def test_text_does_not_steer_the_terminal(backend: str, run: Run, tmp_path: Path) -> None:
    evil = "A\x1b]0;title\x07\tB\r\nC\x9bD"
    path = tmp_path / "evil.sse"
    path.write_bytes(sse(created(), delta(evil), completed(message(evil))))
    shown, _ = on_terminal(["text", str(path)], environment(backend), 80)
    assert shown == "A]0;title\tB\nCD\n"
    assert run("text", str(path)).stdout == evil + "\n"
    shown, _ = on_terminal(["responses", str(path), "--columns", "output_text"], environment(backend, NO_COLOR="1"), 80)
    assert shown == "output_text\nA\\x1b]0;title\\x07 B C\\x9bD\n"


def test_a_terminal_on_stdin_is_no_input(backend: str) -> None:
    ours, its = pty.openpty()
    done = subprocess.run(
        command("text"), stdin=its, capture_output=True, env=environment(backend), timeout=PATIENCE, check=False
    )
    os.close(its)
    os.close(ours)
    assert (done.returncode, done.stdout) == (2, b"")
    assert "Missing argument 'PATH…'" in done.stderr.decode()


def test_progress_on_a_terminal_for_large_input(backend: str, tmp_path: Path) -> None:
    large = tmp_path / "large.sse"
    large.write_bytes((b": " + b"x" * 65_000 + b"\n") * 1_200 + (ROOT / HELLO).read_bytes())
    arguments = ["responses", str(large), "-o", str(tmp_path / "rows.jsonl")]
    shown, status = on_terminal(arguments, environment(backend), 100)
    assert status == 0
    assert "large.sse" in shown
    assert "MB" in shown
    assert len(rows((tmp_path / "rows.jsonl").read_text())) == 1
