"""Faults of the system: full disks, failing reads, signals at any time, files that change while they are read.

A partial file never gets the final name; the exit status and the summary report the fault.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import respstream
from respstream import _backend
from respstream.inputs import paths
from tests.support.cli_runner import PATIENCE, Shell, command, rows
from tests.support.minimal_streams import BEGIN, DELTA, ITEM
from tests.support.paths import ROOT

parquet = pytest.importorskip("pyarrow.parquet")

END = (
    b'{"type":"response.completed","response":{"id":"r1","output":[{"id":"i1","type":"message",'
    b'"content":[{"type":"output_text","text":"%s"}]}]}}\n'
)
LOG = BEGIN + ITEM + DELTA * 50 + END % (b"Hi" * 50)
ROUNDS = int(os.environ.get("RESPSTREAM_KILL_ROUNDS") or 10)
FORMS = {
    "write_parquet": "rows.parquet",
    "write_ipc": "rows.arrow",
    "write_jsonl": "rows.jsonl",
    "write_csv": "rows.csv",
}


@pytest.fixture(params=["rust", "python"])
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


def logs(folder: Path, files: int, responses: int) -> Path:
    folder.mkdir()
    for number in range(files):
        (folder / f"{number:03}.jsonl").write_bytes(LOG * responses)
    return folder


# -- the disk is full ----------------------------------------------------------------------------------------------------


# No file may grow over 64 KiB: a disk that is full, without one.
ON_A_FULL_DISK = ["sh", "-c", 'ulimit -f 128 && exec "$@"', "sh"]


def noise() -> bytes:
    """A log of texts that do not compress, so that each format fills the disk."""
    dice = random.Random(1)
    texts = (b"%0256x" % dice.getrandbits(1024) for _ in range(1000))
    return b"".join(BEGIN + ITEM + DELTA.replace(b"Hi", text) + END % text for text in texts)


WRITE = """
import random, sys, respstream
from pathlib import Path
source, target, method = sys.argv[1:]
try:
    getattr(respstream.scan(source), method)(target)
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("method", FORMS)
def test_full_disk_keeps_old_file(method: str, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(noise())
    target = tmp_path / "out" / FORMS[method]
    target.parent.mkdir()
    target.write_bytes(b"old")
    done = subprocess.run(
        [*ON_A_FULL_DISK, sys.executable, "-c", WRITE, str(tmp_path / "log.jsonl"), str(target), method],
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert done.stdout == "OSError\n", done
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("name", FORMS.values())
def test_full_disk_is_reported_by_command(shell: Shell, name: str, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(noise())
    target = tmp_path / "out" / name
    target.parent.mkdir()
    target.write_bytes(b"old")
    done = subprocess.run(
        [*ON_A_FULL_DISK, *command("responses", str(tmp_path / "log.jsonl"), "-o", str(target))],
        capture_output=True, text=True, cwd=ROOT, env=shell.env(), timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch("respstream: cannot write: .*File too large\n", done.stderr)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_recording_on_full_disk_forwards_only_recorded_bytes(shell: Shell, tmp_path: Path) -> None:
    target = tmp_path / "log.jsonl"
    process = subprocess.Popen(
        [*ON_A_FULL_DISK, *command("record", "-o", str(target))], bufsize=0,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=shell.env(),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    passed = 0
    chunk = b"data: " + b"x" * 5000 + b"\n\n"
    with contextlib.suppress(BrokenPipeError):
        while True:
            process.stdin.write(chunk)
            if process.stdout.read(len(chunk)) != chunk:
                break
            passed += 1
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert re.fullmatch(
        b"respstream: cannot write: (a row was cut short: is the disk full\\?|File too large)\n", errors
    )
    assert passed in (12, 25)  # some shells count in KiB
    assert target.read_bytes().count(b"xxxxx\\n\\n") == passed


# -- a read fails --------------------------------------------------------------------------------------------------------


class Failing(io.RawIOBase):
    """Returns its data and then raises a disk error."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if size := self._data.readinto(buffer):
            return size
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_read_error_reaches_caller_after_earlier_results(api: Any) -> None:
    stream = api.events(Failing(BEGIN + DELTA * 3))
    found = []
    with pytest.raises(OSError, match="Input/output error"):
        found.extend(stream)
    found = stream.responses
    assert [response.output_text for response in found] == ["HiHiHi"]
    responses = api.responses(Failing(LOG + BEGIN))
    with pytest.raises(OSError, match="Input/output error"):
        list(responses)
    assert list(responses) == []


@pytest.mark.parametrize("backend", ["rust", "python"])
def test_scan_reports_read_error_and_continues(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_backend, "engine", _backend.load(backend))
    monkeypatch.setattr(_backend, "BACKEND", backend)
    given = [
        paths.Input("good", lambda: io.BytesIO(LOG)),
        paths.Input("bad", lambda: Failing(LOG * 2 + BEGIN)),  # type: ignore[arg-type, return-value]
        paths.Input("last", lambda: io.BytesIO(LOG)),
    ]
    monkeypatch.setattr(paths, "inputs", lambda _: given)
    scan = respstream.scan("any", ["responses", "diagnostics"])
    tables = scan.to_arrow()
    assert tables["responses"]["source"].to_pylist() == ["good", "bad", "bad", "bad", "last"]
    assert tables["diagnostics"]["code"].to_pylist() == ["no_terminal", "unreadable"]
    assert scan.summary is not None
    assert scan.summary.problems == [("bad", "unreadable", "Input/output error")]
    assert scan.summary.complete


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that opens and cannot be read")
def test_file_that_opens_but_cannot_be_read(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").symlink_to("/proc/self/mem")
    (tmp_path / "b.jsonl").write_bytes(LOG)
    done = shell.run("responses", str(tmp_path), "--format", "jsonl", "--columns", "source")
    assert done.returncode == 1
    assert rows(done.stdout) == [{"source": str(tmp_path / "b.jsonl")}]
    assert "a.jsonl: unreadable the source cannot be read: Input/output error" in done.stderr


def test_connection_break_on_stdin(shell: Shell) -> None:
    """Earlier results are printed, then the error."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        its, _ = server.accept()
        process = subprocess.Popen(
            command("responses", "-", "--format", "jsonl", "--columns", "source"),
            stdin=ours.fileno(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=shell.env(),
        )  # fmt: skip
        its.sendall(LOG * 3 + BEGIN)
        assert process.stdout is not None
        first = b"".join(process.stdout.readline() for _ in range(3))  # then all has come
        its.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
        its.close()
        output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert len(rows((first + output).decode())) == 4
    assert b"Connection reset by peer" in errors
    assert b"Traceback" not in errors


# -- signals -------------------------------------------------------------------------------------------------------------


def whole(path: Path) -> int:
    """The number of rows of a Parquet file; raises for an incomplete one."""
    return int(parquet.read_table(path).num_rows)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_signals_at_any_time_leave_old_or_new_file(number: int, tmp_path: Path) -> None:
    """`make kills` does it 200 times: RESPSTREAM_KILL_ROUNDS."""
    source = logs(tmp_path / "logs", 30, 1000)
    target = tmp_path / "out" / "rows.parquet"
    target.parent.mkdir()
    dice = random.Random(number)

    def run() -> subprocess.Popen[bytes]:
        arguments = command("responses", str(source), "-o", str(target), "--threads", "2")
        env = os.environ | {"RESPSTREAM_BACKEND": "rust", "PYTHONPATH": str(ROOT / "python")}
        return subprocess.Popen(arguments, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def until_it_writes(process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None and not any(path.suffix == ".tmp" for path in target.parent.iterdir()):
            time.sleep(0.002)

    with run() as process:
        until_it_writes(process)
        began = time.monotonic()
        assert process.wait(PATIENCE) == 0
        longest = time.monotonic() - began
    assert whole(target) == 30_000
    outcomes = set()
    for _ in range(ROUNDS):
        target.write_bytes(b"old")
        with run() as process:
            until_it_writes(process)
            time.sleep(dice.random() * longest)
            process.send_signal(number)
            status = process.wait(PATIENCE)
            assert process.stderr is not None
            reported = process.stderr.read()
        outcomes.add(status)
        assert b"Traceback" not in reported
        if target.read_bytes() == b"old":
            assert status == (-number if number == signal.SIGKILL else 128 + number)
        else:
            assert whole(target) == 30_000
        left = [path for path in target.parent.iterdir() if path != target]
        if number == signal.SIGKILL:  # the process was killed and could not clean up
            assert all(path.name.startswith(".") and path.suffix == ".tmp" for path in left)
        else:
            assert left == []
        for path in left:
            path.unlink()
    assert outcomes - {0}


# -- pipes and files that change -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["responses", "events"])
def test_reader_closes_pipe_of_long_log(shell: Shell, table: str, tmp_path: Path) -> None:
    """The pipe closes in mid-output, and the run ends soon."""
    source = logs(tmp_path / "logs", 4, 200)
    process = shell.start(table, "--format", "jsonl", str(source))
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(100)
    process.stdout.close()
    assert process.wait(PATIENCE) == 141
    assert b"Traceback" not in process.stderr.read()


def test_replaced_file_is_read_as_opened(api: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG * 3000)
    stream = api.responses(path)
    next(stream)
    (tmp_path / "new").write_bytes(b"{]")
    (tmp_path / "new").replace(path)
    assert len(list(stream)) == 2999
    assert stream.diagnostics == []


def test_truncated_file_is_read_to_its_end(api: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG * 3000)
    stream = api.responses(path)
    next(stream)
    os.truncate(path, 0)
    found = list(stream)
    assert 0 < len(found) < 2999  # the blocks that were read before
    assert {diagnostic.code for diagnostic in stream.diagnostics} <= {"no_terminal", "bad_json"}


@pytest.mark.parametrize("size", [0, len(LOG) * 3000])
def test_file_truncated_during_parallel_scan(size: int, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG * 20_000)
    given = [(str(path), os.fsencode(path), None)]
    rust = _backend.load("rust")
    stream = rust.Scan(given, [("responses", None)], threads=2, batch_rows=100, part_bytes=1 << 20).stream()
    _, batch = stream.next_batch()
    found = len(batch)
    os.truncate(path, size)
    while (more := stream.next_batch()) is not None:
        found += len(more[1])
    summary = stream.summary()
    assert size // len(LOG) <= found < 20_000
    assert summary["rows"] == [found]
    assert summary["bytes"] < len(LOG) * 20_000
    assert summary["complete"]
