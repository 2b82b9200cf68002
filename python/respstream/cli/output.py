"""Output of the commands: lines, rows as JSON Lines or CSV, and files that are replaced atomically."""

# Names are printed as given, which pathlib would normalise; and os.path accepts names that pathlib does not.
# ruff: noqa: PTH110, PTH112, PTH113, PTH122, PTH123

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import sys
from collections.abc import Generator, Sequence
from types import FrameType
from typing import IO, Any, Protocol

import click

from respstream.diagnostics import Diagnostic
from respstream.inputs.atomic import is_replaceable, new_file
from respstream.tables.writers import as_cell, as_json, as_text, csv_writer

Row = dict[str, Any]

FORMATS = ("table", "json", "jsonl", "csv", "parquet", "arrow")
BINARY = ("parquet", "arrow")
SUFFIXES = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
}
_UNSAFE = "\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_BREAKS = re.compile(f"[{_UNSAFE}]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class UsageStop(click.ClickException):
    """Wrong usage, reported in one line; exit status 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message on stderr."""
        complain(f"respstream: {self.message}")


# -- lines -------------------------------------------------------------------------------------------------------------


def complain(line: str) -> None:
    """Print a line on stderr, after flushing stdout so that the order is kept."""
    with contextlib.suppress(OSError):  # the next write to stdout raises it again
        sys.stdout.flush()
    with contextlib.suppress(OSError):  # stderr is closed
        click.echo(line, err=True)


def one_line(text: str) -> str:
    """Escape line breaks, control characters and bidirectional controls, so that the text fits one line."""
    return _BREAKS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def without_controls(text: str) -> str:
    """Remove the characters that control a terminal, except line breaks and tabs."""
    return _CONTROLS.sub("", text)


def diagnostic_line(name: str, diagnostic: Diagnostic) -> str:
    """Return a diagnostic of the input `name` as one line, without its severity."""
    return one_line(f"{name}:{diagnostic.line}: {diagnostic.code} {diagnostic.message}")


def may_be_terminal(stream: IO[str]) -> bool:
    """Whether the output may appear on a terminal as it is written: directly or through a pipe."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return True
    return not (stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not stream.isatty()))


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: `1 file`, `1,200 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(count: float) -> str:
    """Return a number of bytes with a unit: `812 B`, `1.4 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def coloured(stream: IO[str]) -> bool:
    """Whether to use colours: on terminals, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


# -- files -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def destination(path: str | None) -> Generator[IO[str], None, None]:
    """Open an output: stdout for None and `-`, else a file that appears under its name when the block succeeds.

    After a failure, Ctrl-C or SIGTERM, the old file is unchanged. Special files (`/dev/null`, a pipe) are written directly.
    Raises UsageStop if the file cannot be created, OSError if it cannot be written.
    """
    if path is None or path == "-":
        yield sys.stdout
        return
    target = os.path.realpath(path)
    with exit_on_signals(), contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(_replacing(target) if is_replaceable(target) else _opened(target))
        except OSError as error:
            raise UsageStop(one_line(f"cannot write {path}: {error.strerror or error}")) from None
        yield file


def _opened(target: str) -> IO[str]:
    return open(target, "w", encoding="utf-8", errors="replace", newline="\n")


def refuse_devices(path: str) -> None:
    """Raise UsageStop if the path is a special file, such as a device: the output would replace it."""
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise UsageStop(one_line(f"cannot write {path}: parquet, arrow and partitions need a regular file or a folder"))


@contextlib.contextmanager
def _replacing(target: str) -> Generator[IO[str], None, None]:
    with new_file(target) as temporary, open(temporary, "w", encoding="utf-8", errors="replace", newline="\n") as file:
        yield file


@contextlib.contextmanager
def exit_on_signals() -> Generator[None, None, None]:
    """Turn SIGTERM and SIGHUP into SystemExit inside the block, so that temporary files are removed."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    replaced = [number for name in names if signal.getsignal(number := getattr(signal, name)) is signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)


# -- rows --------------------------------------------------------------------------------------------------------------


class Writer(Protocol):
    """Writes rows, whose keys are the columns in order."""

    def write(self, row: Row) -> None:
        """Write a row; it may be buffered."""

    def close(self) -> None:
        """Write the buffered rows."""


def choose_format(wanted: str | None, path: str | None, *, folder: bool = False) -> str:
    """Return the format: `wanted`, else by the suffix of the output; by default a table, or Parquet in a folder.

    Raises UsageError for a file with an unknown suffix.
    """
    if wanted is not None:
        return wanted
    if path is None or path == "-":
        return "table"
    found = SUFFIXES.get(os.path.splitext(path)[1].lower())
    if found is None and not folder:
        endings = ", ".join(list(SUFFIXES)[:-1]) + f" or {list(SUFFIXES)[-1]}"
        raise click.UsageError(f"-o {path}: unknown suffix; use {endings}, or set --format.")
    return found or "parquet"


class JsonLines:
    """One JSON object per row."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, row: Row) -> None:
        """Write a row."""
        self._file.write(as_json(row) + "\n")

    def close(self) -> None:
        """Do nothing: rows are not buffered."""


class JsonArray:
    """One JSON array of all rows, one per line."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._before = "[\n"

    def write(self, row: Row) -> None:
        """Write a row."""
        self._file.write(self._before + as_json(row))
        self._before = ",\n"

    def close(self) -> None:
        """End the array."""
        self._file.write("[]\n" if self._before == "[\n" else "\n]\n")


class Csv:
    """A header and one record per row; null is an empty field, nested values are JSON. `safe`: no text is a formula."""

    def __init__(self, file: IO[str], columns: Sequence[str], *, safe: bool = False) -> None:
        self._cell = as_cell if safe else as_text
        self._writer = csv_writer(file)
        self._writer.writerow(columns)

    def write(self, row: Row) -> None:
        """Write a row."""
        self._writer.writerow([self._cell(value) for value in row.values()])

    def close(self) -> None:
        """Do nothing: rows are not buffered."""
