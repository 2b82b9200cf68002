"""The command line: `text`, live and from logs, and what a terminal shows. Real processes, over both backends."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from rich.cells import cell_len

import respstream
from tests.support.cli_runner import (
    BACKENDS,
    HELLO,
    INCOMPLETE,
    PATIENCE,
    SEVEN,
    SEVEN_TEXTS,
    TRANSCRIPTS,
    Shell,
    command,
    completed,
    created,
    delta,
    item_done,
    message,
    rows,
    sse,
    text_done,
)
from tests.support.paths import ROOT


@pytest.fixture(params=BACKENDS)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


# -- text --------------------------------------------------------------------------------------------------------------


def read_some(stream: IO[bytes], wanted: int) -> str:
    """Reads at least that many bytes; fails the test if none arrive in time."""
    got = b""
    end = time.monotonic() + PATIENCE
    while len(got) < wanted:
        ready, _, _ = select.select([stream], [], [], max(0.0, end - time.monotonic()))
        assert ready, got
        piece = os.read(stream.fileno(), 1 << 16)
        assert piece, got
        got += piece
    return got.decode()


def test_text_is_printed_as_it_arrives(shell: Shell) -> None:
    process = shell.start("text")
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
    "a part that begins with text": (
        [created(), {"type": "response.content_part.added", "output_index": 0, "content_index": 0,
            "part": {"type": "output_text", "text": "A"}}, delta("B"), completed()], "AB\n",
    ),
    "a part that only the item has": ([created(), delta("B", part=1), item_done(0, "A", "B"), completed(message("A", "B"))], "BA\n"),
    "a part that repeats the one before": ([created(), delta("A"), text_done("A", part=1), completed()], "AA\n"),
    "two messages at one index": (
        [created(), item_done(0, "A"), {"type": "response.output_item.added", "output_index": 0, "item": message()},
            delta("B"), completed()], "A\nB\n",
    ),
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
def test_each_text_is_printed_once(shell: Shell, name: str) -> None:
    events, expected = TEXTS[name]
    done = shell.run("text", "-", data=sse(*events), PYTHONWARNINGS="error")
    assert done.stdout == expected
    said = re.compile(r"-:\d+: bad_(utf8|field) |respstream: the input is empty$")
    assert all(said.match(line) for line in done.stderr.splitlines())
    by_lines = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    assert shell.run("text", "-", data=by_lines).stdout == expected


def added(index: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": {"type": kind, **more}}


def finished(index: int, kind: str, **more: Any) -> dict[str, Any]:
    return {**added(index, kind, **more), "type": "response.output_item.done"}


def piece(stem: str, text: str, index: int, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{stem}.delta", "output_index": index, "delta": text, **more}


THOUGHT = {"summary": [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}]}
WEATHER = {"name": "weather", "arguments": '{"city":"Bern"}'}
ASKED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "in order": (
        [created(), added(0, "reasoning", summary=[]),
            piece("reasoning_summary_text", "One", 0, summary_index=0), piece("reasoning_summary_text", ".", 0, summary_index=0),
            piece("reasoning_summary_text", "Two.", 0, summary_index=1), finished(0, "reasoning", **THOUGHT),
            added(1, "function_call", name="weather", arguments=""), piece("function_call_arguments", '{"city":', 1),
            piece("function_call_arguments", '"Bern"}', 1), finished(1, "function_call", **WEATHER), delta("Hi", index=2),
            completed({"type": "reasoning", **THOUGHT}, {"type": "function_call", **WEATHER}, message("Hi"))],
        '[reasoning] One.\n\nTwo.\n[weather] {"city":"Bern"}\nHi\n',
    ),
    "side by side": (
        [created(), added(0, "message", content=[]), added(1, "function_call", name="f", arguments=""), delta("A"),
            piece("function_call_arguments", "{", 1), delta("B"), piece("function_call_arguments", "}", 1), delta("C"),
            finished(0, "message", **message("ABC")), finished(1, "function_call", name="f", arguments="{}"),
            completed(message("ABC"), {"type": "function_call", "name": "f", "arguments": "{}"})],
        "ABC\n[f] {}\n",
    ),
    "side by side, and cut short": (
        [created(), added(0, "message", content=[]), added(1, "custom_tool_call", name="f"), delta("A"),
            piece("custom_tool_call_input", "x", 1), delta("B")],
        "AB\n[f] x\n",
    ),
    "terminal alone": (
        [created(), completed({"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm"}]},
            {"type": "mcp_call", **WEATHER}, message("Hi"))],
        '[reasoning] Hm\n[weather] {"city":"Bern"}\nHi\n',
    ),
    "done alone": (
        [created(), {"type": "response.function_call_arguments.done", "output_index": 0, "name": "f", "arguments": "{}"},
            {"type": "response.reasoning_text.done", "output_index": 1, "content_index": 0, "text": "Hm"}],
        "[f] {}\n[reasoning] Hm\n",
    ),
    "a call without arguments": ([created(), added(0, "function_call", name="now"), completed()], "[now]\n"),
    "a name that is none": ([created(), finished(0, "function_call", name=7, arguments=None), completed()], "[function_call]\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_reasoning_and_calls_on_request(shell: Shell, name: str) -> None:
    events, expected = ASKED[name]
    done = shell.run("text", "--reasoning", "--tool-calls", data=sse(*events), PYTHONWARNINGS="error")
    assert [line.rstrip() for line in done.stdout.splitlines()] == expected.splitlines()
    lines = expected.splitlines(keepends=True)
    alone = shell.run("text", data=sse(*events)).stdout
    assert alone == "".join(line for line in lines if line[0] not in "[\nT")


def test_calls_are_printed_as_they_arrive(shell: Shell) -> None:
    process = shell.start("text", "--tool-calls")
    assert process.stdin is not None
    assert process.stdout is not None
    for event, told in (
        (created(), ""),
        (added(0, "function_call", name="f", arguments=""), "[f] "),
        (piece("function_call_arguments", '{"a":', 0), '{"a":'),
        (piece("function_call_arguments", "1}", 0), "1}"),
        (completed(), "\n"),
    ):
        process.stdin.write(sse(event))
        assert not told or read_some(process.stdout, len(told)) == told


def test_text_of_transcripts(shell: Shell) -> None:
    done = shell.run("text", INCOMPLETE, HELLO, SEVEN)
    assert done.stdout == "\n\n".join(["Hello,", "Hello, World!", *SEVEN_TEXTS]) + "\n"
    assert done.stderr.startswith(f"{SEVEN}:1: error_body API error: invalid_api_key: ")


def test_api_errors_go_to_stderr(shell: Shell) -> None:
    failed = {"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "It\nbroke."}}
    done = shell.run("text", "-", data=sse(created(), delta("A"), {"type": "response.failed", "response": failed}))
    assert done.stdout == "A\n"
    assert done.stderr == "-: response resp_1 failed: server_error: It\\nbroke.\n"


def test_many_errors_are_counted(shell: Shell) -> None:
    done = shell.run("text", "-", data=b"{broken\n\n" * 3 + b'{"no":"type"}\n' * 22 + sse(created(), delta("A")))
    assert (done.returncode, done.stdout) == (0, "A\n")
    lines = done.stderr.splitlines()
    assert len(lines) == 12
    assert all(line.startswith("-:") for line in lines[:10])
    assert lines[10] == "respstream: 15 more errors"
    assert lines[11].startswith("respstream: diagnosed 3 bad_json, 22 no_type, ")


# -- terminals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 160, 40])
def test_table_fits_terminal(shell: Shell, columns: int) -> None:
    shown, status = shell.on_terminal(["responses", SEVEN, INCOMPLETE], columns, NO_COLOR="1")
    lines = shown.splitlines()
    assert (status, len(lines)) == (0, 1 + 8 + 1)
    id_shown = ["response_id"] if columns == 160 else []
    assert lines[0].split() == ["source", *id_shown, "model", "status", "output_tokens", "output_text"] or columns < 80
    assert max(len(line) for line in lines[:-1]) == columns
    if columns == 160:
        assert SEVEN_TEXTS[0][:50] in lines[1]
        assert SEVEN[-20:] in lines[1]
    # A pipe has no width; COLUMNS sets it.
    piped = shell.run("responses", SEVEN, INCOMPLETE, COLUMNS=str(columns))
    assert piped.stdout.splitlines() == lines[:-1]


def test_table_fits_width_behind_pipe(shell: Shell, tmp_path: Path) -> None:
    """A pager, or head: its lines are seen on the terminal that stderr is. A file has room."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    run: Any = functools.partial(
        subprocess.run, command("responses", TRANSCRIPTS), cwd=ROOT, env=shell.env(), stderr=its, timeout=PATIENCE
    )
    lines = run(stdout=subprocess.PIPE).stdout.decode().splitlines()
    assert len(lines) == 12
    assert max(map(cell_len, lines)) <= 80
    assert lines[0].split() == ["source", "model", "status", "output_tokens", "output_text"]
    with (tmp_path / "rows").open("wb") as file:
        run(stdout=file)
    assert " response_id " in (tmp_path / "rows").read_text("utf-8").splitlines()[0]
    os.close(ours)
    os.close(its)


def test_colours_only_on_terminal_and_unless_disabled(shell: Shell) -> None:
    for arguments in (["responses", INCOMPLETE], ["check", INCOMPLETE]):
        shown, _ = shell.on_terminal(arguments, 120)
        assert "\x1b[" in shown
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            plain, _ = shell.on_terminal(arguments, 120, **env)
            assert "\x1b" not in plain
            assert re.sub(r"\x1b\[\d*m", "", shown) == plain
        assert "\x1b" not in shell.run(*arguments).stdout


def test_text_cannot_control_terminal(shell: Shell, tmp_path: Path) -> None:
    evil = "A\x1b]0;title\x07\tB\r\nC\x9bD"
    path = tmp_path / "evil.sse"
    path.write_bytes(sse(created(), delta(evil), completed(message(evil))))
    shown, _ = shell.on_terminal(["text", str(path)], 80)
    assert shown == "A]0;title\tB\nCD\n"
    assert shell.run("text", str(path)).stdout == evil + "\n"
    shown, _ = shell.on_terminal(["responses", str(path), "--columns", "output_text"], 80, NO_COLOR="1")
    assert shown == "output_text\nA\\x1b]0;title\\x07 B C\\x9bD\n"


def test_terminal_on_stdin_is_rejected(shell: Shell) -> None:
    ours, its = pty.openpty()
    done = subprocess.run(
        command("text"), stdin=its, capture_output=True, env=shell.env(), timeout=PATIENCE, check=False
    )
    os.close(its)
    os.close(ours)
    assert (done.returncode, done.stdout) == (2, b"")
    assert "Missing argument 'PATH…'" in done.stderr.decode()


def test_progress_on_terminal_for_large_input(shell: Shell, tmp_path: Path) -> None:
    large = tmp_path / "large.sse"
    large.write_bytes((b": " + b"x" * 65_000 + b"\n") * 1_200 + (ROOT / HELLO).read_bytes())
    arguments = ["responses", str(large), "-o", str(tmp_path / "rows.jsonl")]
    shown, status = shell.on_terminal(arguments, 100)
    assert status == 0
    assert "large.sse" in shown
    assert "MB" in shown
    assert "files" not in shown
    assert len(rows((tmp_path / "rows.jsonl").read_text())) == 1
    shown, _ = shell.on_terminal(["stats", str(large)], 100)
    assert "large.sse" in shown
    shown, _ = shell.on_terminal(["responses", str(large), "--columns", "output_text"], 100)
    assert "large.sse" not in shown


@pytest.mark.parametrize("name", ["tool_call.sse", "chat.sse", "messages.sse"])
def test_parts_as_json_lines(shell: Shell, name: str) -> None:
    path = respstream.sample(name)
    parts = [{"source": str(path), **delta.to_dict()} for delta in respstream.deltas(path)]
    done = shell.run("text", str(path), "--format", "jsonl", "--reasoning", "--tool-calls")
    assert [json.loads(line) for line in done.stdout.splitlines()] == parts
    kinds = {"tool_arguments", "reasoning"}
    assert {part["kind"] for part in parts} & kinds
    texts = shell.run("text", str(path), "--format", "jsonl").stdout
    assert [json.loads(line) for line in texts.splitlines()] == [part for part in parts if part["kind"] not in kinds]


def test_errors_beside_json_lines(shell: Shell) -> None:
    failed = {
        "type": "response.failed",
        "response": {"id": "r", "status": "failed", "error": {"code": "x", "message": "no"}},
    }
    done = shell.run("text", "--format", "jsonl", data=sse(created(), delta("Hi"), failed))
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["Hi"]
    assert "response r failed: x: no" in done.stderr
