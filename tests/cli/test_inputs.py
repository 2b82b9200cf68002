"""Options for encodings and line prefixes, and inputs without responses, on the command line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli_runner import BACKENDS, Shell, completed, created, delta, message, rows, sse

STREAM = sse(created(), delta("Hi"), completed(message("Hi")))
KEEPALIVE = b'data: {"type":"keepalive"}\n\n'
UNUSED = "no_responses 0 responses; the source has only events that belong to no response"
FOREIGN = b'data: {"type":"session.created"}\n\n'


@pytest.fixture(scope="module", params=BACKENDS)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


def prefixed(prefix: bytes, stream: bytes = STREAM) -> bytes:
    return b"".join(prefix + line + b"\n" for line in stream.split(b"\n"))


# -- options -----------------------------------------------------------------------------------------------------------


def test_suggested_option_works_when_it_is_pasted(shell: Shell, tmp_path: Path) -> None:
    (path := tmp_path / "a.log").write_bytes(prefixed(b"it's \x1b[1mapi-1\x1b[0m  | "))
    done = shell.run("text", str(path))
    assert (done.stdout, done.returncode) == ("", 0)
    option = re.search(r"use `(--strip-prefix .+)`", done.stderr)
    assert option is not None
    pasted = shlex.split(option[1])
    assert shell.run("text", str(path), *pasted).stdout == "Hi\n"
    assert shell.run("text", *pasted, data=path.read_bytes()).stdout == "Hi\n"
    for more in ([], ["--threads", "2"]):
        done = shell.run("responses", str(path), *pasted, "--format", "jsonl", *more)
        assert [row["output_text"] for row in rows(done.stdout)] == ["Hi"]
        assert (done.stderr, done.returncode) == ("", 0)
    assert [row["text"] for row in rows(shell.run("items", str(path), *pasted, "--format", "jsonl").stdout)] == ["Hi"]
    assert json.loads(shell.run("stats", str(path), *pasted, "--format", "json").stdout)["responses"] == 1
    assert shell.run("check", str(path), *pasted).returncode == 0


def test_encodings(shell: Shell, tmp_path: Path) -> None:
    text = STREAM.decode()
    for encoding, options in (("utf-16", []), ("utf-16-be", ["--encoding", "utf-16-be"])):
        (path := tmp_path / "a.sse").write_bytes(text.encode(encoding))
        assert shell.run("text", str(path), *options).stdout == "Hi\n"
        done = shell.run("responses", str(path), *options, "--threads", "2", "--format", "jsonl")
        assert [row["output_text"] for row in rows(done.stdout)] == ["Hi"]
    assert "use `--encoding utf-16-be`" in shell.run("text", str(path)).stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--strip-prefix", "("], "strip_prefix is not a valid regular expression"),
        (["--encoding", "nope"], "unknown encoding: 'nope'"),
        (["--encoding", "base64"], "unknown encoding: 'base64'"),
    ],
)
def test_wrong_values_are_wrong_usage(shell: Shell, options: list[str], text: str) -> None:
    for command in ("responses", "text", "check", "stats", "replay"):
        done = shell.run(command, "-", *options, data=STREAM)
        assert done.returncode == 2
        assert text in done.stderr


# -- inputs without responses ------------------------------------------------------------------------------------------


def test_every_command_says_why_there_is_no_response(shell: Shell, tmp_path: Path) -> None:
    looks = {
        "page.txt": (b"<html></html>\n", "no_responses 0 responses; this looks like HTML or XML"),
        "ping.sse": (KEEPALIVE, UNUSED),
        "realtime.sse": (FOREIGN, "foreign_stream events of an API that is not supported: Realtime"),
    }
    for name, (data, text) in looks.items():
        (path := tmp_path / name).write_bytes(data)
        for command in (["responses"], ["responses", "--threads", "2"], ["stats"], ["text"], ["items"], ["events"]):
            done = shell.run(*command, str(path))
            assert re.search(rf"^\S*{re.escape(name)}:(1:)? {re.escape(text)}$", done.stderr, re.MULTILINE), command
            assert done.returncode == 0
        done = shell.run("check", str(path))
        assert (done.returncode, text in done.stdout + done.stderr) == (1, True)
        assert done.stdout.splitlines()[-1].startswith("failed: 0 responses")


def test_parquet_file_of_nothing_is_explained(shell: Shell, tmp_path: Path) -> None:
    (path := tmp_path / "a.log").write_bytes(prefixed(b"INFO:root:"))
    done = shell.run("responses", str(path), "-o", str(tmp_path / "a.parquet"))
    assert done.returncode == 0
    assert "use `--strip-prefix 'INFO:root:'`" in done.stderr


def test_inputs_with_responses_are_not_explained(shell: Shell) -> None:
    for data in (STREAM, KEEPALIVE + STREAM, FOREIGN + STREAM, STREAM + b"<html>\n"):
        for command in ("responses", "text", "stats", "items"):
            assert "0 responses" not in shell.run(command, "-", data=data).stderr
        assert "no_responses" not in shell.run("check", "-", data=data).stdout


def test_many_inputs_without_responses_are_counted(shell: Shell, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.sse").write_bytes(KEEPALIVE)
    for command in (["responses"], ["items"], ["text"]):
        lines = shell.run(*command, str(tmp_path)).stderr.splitlines()
        assert sum(UNUSED in line for line in lines) == 10
        assert "respstream: 2 more inputs without responses" in lines


def test_empty_inputs_are_named(shell: Shell, tmp_path: Path) -> None:
    for name in ("a.sse", "b.sse"):
        (tmp_path / name).touch()
    for command in (["responses"], ["responses", "--threads", "2"], ["text"], ["check"], ["stats"]):
        assert "respstream: the input is empty" in shell.run(*command, str(tmp_path / "a.sse")).stderr.splitlines()
        assert "respstream: all inputs are empty" in shell.run(*command, str(tmp_path)).stderr.splitlines()
    (tmp_path / "c.sse").write_bytes(STREAM)
    assert "empty" not in shell.run("text", str(tmp_path)).stderr


def test_one_file_under_several_names_is_read_once(shell: Shell, tmp_path: Path) -> None:
    (path := tmp_path / "a.sse").write_bytes(STREAM)
    (tmp_path / "link.sse").symlink_to(path)
    names = [str(tmp_path), str(path), f"{tmp_path}/./a.sse", f"{tmp_path}/*.sse", str(tmp_path / "link.sse")]
    for command in (["responses"], ["responses", "--threads", "2"], ["items"]):
        assert len(rows(shell.run(*command, *names, "--format", "jsonl").stdout)) == 1
    assert shell.run("check", *names).stdout.endswith("in 1 file\n")
