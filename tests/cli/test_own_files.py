"""Commands and scans never replace or feed their own input, and what they create has the right permissions."""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_runner import BACKENDS, PATIENCE, SEVEN, Shell, command, created, delta, rows, sse
from tests.support.paths import ROOT

LOG = (ROOT / SEVEN).read_bytes()


@pytest.fixture(params=BACKENDS)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (path := tmp_path / "log.jsonl").write_bytes(LOG)
    return path


def redirected(shell: Shell, line: str, folder: Path) -> tuple[int, bytes]:
    """The exit status and stderr of a line of sh, in which R is the command."""
    script = line.replace("R ", " ".join(command()) + " ")
    done = subprocess.run(
        ["sh", "-c", script], cwd=folder, env=shell.env(), capture_output=True, timeout=PATIENCE, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("given", "output"), [("log.jsonl", "./log.jsonl"), (".", "link.jsonl"), ("*.jsonl", "hard.jsonl")]
)
def test_output_that_is_an_input(shell: Shell, log: Path, given: str, output: str) -> None:
    (log.parent / "link.jsonl").symlink_to("log.jsonl")
    os.link(log, log.parent / "hard.jsonl")
    for options in (
        ["-o", output],
        ["-o", "rows.csv", "--since-manifest", output],
        ["-o", output, "--format", "parquet"],
    ):
        done = shell.run("responses", given, *options, cwd=log.parent)
        assert done.returncode == 2
        assert done.stderr.startswith(f"respstream: cannot write {output}: it is one of the inputs (")
        assert log.read_bytes() == LOG


def test_stdin_that_is_the_output(shell: Shell, log: Path) -> None:
    status, stderr = redirected(shell, "R responses - -o log.jsonl < log.jsonl", log.parent)
    assert (status, log.read_bytes()) == (2, LOG)
    assert b"it is one of the inputs (-)" in stderr


def test_output_that_is_the_manifest(shell: Shell, log: Path) -> None:
    done = shell.run("responses", "log.jsonl", "-o", "m.jsonl", "--since-manifest", "./m.jsonl", cwd=log.parent)
    assert (done.returncode, done.stderr) == (
        2,
        "respstream: cannot write m.jsonl: it is also the file of --since-manifest\n",
    )
    assert list(log.parent.iterdir()) == [log]


def test_stdout_that_is_an_input(shell: Shell, log: Path) -> None:
    """A folder leaves the file out; its own name is refused."""
    for line in ("R text log.jsonl >> log.jsonl", "R events - --format jsonl < log.jsonl >> log.jsonl"):
        status, stderr = redirected(shell, line, log.parent)
        assert (status, log.read_bytes()) == (2, LOG)
        assert b"stdout is redirected to it" in stderr
    status, stderr = redirected(shell, "R responses . --format jsonl > rows.jsonl", log.parent)
    assert (status, stderr.splitlines()[0]) == (
        0,
        b"./rows.jsonl: skipped, because stdout is redirected to it",
    )
    assert len(rows((log.parent / "rows.jsonl").read_text())) == 7


def test_output_inside_of_a_folder_that_is_read(shell: Shell, log: Path) -> None:
    """While it is written it is hidden, and the next run refuses to read and replace it."""
    (log.parent / "sub").mkdir()
    for options in (["-o", "rows.jsonl"], ["-o", "sub/all", "--partition-by", "status"]):
        done = shell.run("responses", ".", *options, "--format", "jsonl", "--threads", "2", cwd=log.parent)
        assert done.returncode == 0
        assert "7 responses of 1 file" in done.stderr
        written = [path for path in log.parent.rglob("*.jsonl") if path != log]
        assert sum(len(path.read_text().splitlines()) for path in written) == 7
        before = [path.read_bytes() for path in written]
        assert shell.run("responses", ".", *options, "--format", "jsonl", cwd=log.parent).returncode == 2
        assert [path.read_bytes() for path in written] == before
        for path in written:
            path.unlink()


def test_recorder_of_its_own_file(shell: Shell, log: Path) -> None:
    for line in ("R record -o log.jsonl < log.jsonl", "R record -o log.jsonl < /dev/null >> log.jsonl"):
        status, stderr = redirected(shell, line, log.parent)
        assert (status, log.read_bytes()) == (2, LOG)
        assert stderr == b"respstream: cannot record to log.jsonl: stdin or stdout is redirected to the same file\n"


def test_recorder_of_its_own_file_in_a_program(api: Any, log: Path) -> None:
    with log.open("rb") as file, pytest.raises(ValueError, match="the same file"):
        list(api.record(file, log))
    assert log.read_bytes() == LOG


@pytest.mark.parametrize("form", ["parquet", "ipc", "jsonl", "csv"])
def test_scan_that_would_replace_its_input(api: Any, log: Path, form: str) -> None:
    (log.parent / "link").symlink_to(log)
    for given in (log, log.parent):
        for options in ({}, {"strip_prefix": "x"}):
            with pytest.raises(ValueError, match="is one of the inputs of the scan"):
                getattr(api.scan(given, **options), f"write_{form}")(log.parent / "link")
    assert log.read_bytes() == LOG


def test_permissions_of_new_files(shell: Shell, log: Path) -> None:
    def mode(name: str) -> int:
        return (log.parent / name).stat().st_mode & 0o777

    lines = (
        "umask 022; R responses log.jsonl -o new.csv; umask 077; R responses log.jsonl -o own.csv",
        "umask 027; R responses log.jsonl -o folder --partition-by model; umask 0; R responses log.jsonl -o new.csv",
        "umask 0; R record -o a < log.jsonl; R record --mode 640 -o b < log.jsonl; R record --mode 644 -o a < log.jsonl",
        "umask 027; R record --mode 666 -o c < log.jsonl",
    )
    for line in lines:
        assert redirected(shell, line, log.parent)[0] == 0
    assert [mode(name) for name in ("new.csv", "own.csv", "folder")] == [0o644, 0o600, 0o750]
    assert [mode(name) for name in ("a", "b", "c")] == [0o600, 0o640, 0o640]
    assert shell.run("record", "-o", str(log.parent / "d"), "--mode", "u+r").returncode == 2


def test_umask_is_not_changed(api: Any, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to all threads of the process."""

    def refuse(_: int) -> int:
        raise AssertionError("the umask was changed")

    monkeypatch.setattr(os, "umask", refuse)
    api.scan(log).write_parquet(log.parent / "rows.parquet")
    api.scan(log).write_csv(log.parent / "folder", partition_by="status")
    with api.Recorder(log.parent / "recording.jsonl", mode=0o644) as recorder, recorder.track("a") as track:
        track.write(b"data: {}")


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "x=1", "'=1"]


def test_csv_without_formulas(shell: Shell, api: Any, tmp_path: Path) -> None:
    texts = [sse(created(), delta(text)) for text in FORMULAS]
    (tmp_path / "log.sse").write_bytes(b"".join(texts))
    wanted = [text if text in ("x=1", "'=1") else f"'{text}" for text in FORMULAS]

    def column(text: str) -> list[str]:
        return [row[0] for row in csv.reader(text.split("\n")[1:]) if row]

    columns = ("--columns", "output_text", "--format", "csv")
    done = subprocess.run(
        command("responses", "log.sse", *columns, "--csv-safe"),
        cwd=tmp_path,
        env=shell.env(),
        capture_output=True,
        check=True,
    )
    assert column(done.stdout.decode()) == wanted
    assert shell.run("responses", "log.sse", *columns, cwd=tmp_path).stdout.startswith("output_text\n=1+1\n+1\n")
    both = (
        "--columns",
        "output_text,status",
        "--partition-by",
        "status",
        "--csv-safe",
        "-o",
        "rows",
        "--format",
        "csv",
    )
    assert shell.run("responses", "log.sse", *both, cwd=tmp_path).returncode == 0
    (part,) = (tmp_path / "rows").rglob("*.csv")
    assert column(part.read_bytes().decode()) == wanted
    api.scan(tmp_path / "log.sse", columns=["output_text"]).write_csv(tmp_path / "safe.csv", safe=True)
    assert column((tmp_path / "safe.csv").read_bytes().decode()) == wanted
    assert shell.run("responses", "log.sse", "--csv-safe", cwd=tmp_path).returncode == 2
