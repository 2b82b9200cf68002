"""What the commands write: plain lines, rows as a table, JSON Lines or CSV, and files that appear whole or not at all."""

# Names stay as they were given, which pathlib would normalise; and os.path answers where pathlib raises.
# ruff: noqa: PTH110, PTH112, PTH113, PTH122, PTH123

from __future__ import annotations

import contextlib
import csv
import os
import re
import signal
import stat
import sys
from collections.abc import Generator, Sequence
from types import FrameType
from typing import IO, Any, Protocol

import click

from respstream.inputs.atomic import is_replaceable, new_file
from respstream.tables.writers import as_json, as_text

Row = dict[str, Any]

FORMATS = ("table", "jsonl", "csv", "parquet", "arrow")
BINARY = ("parquet", "arrow")
SUFFIXES = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
}
_UNSAFE = "\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_BREAKS = re.compile(f"[{_UNSAFE}]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Stop(click.ClickException):
    """Wrong usage that one line explains; exit status 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the line on stderr."""
        complain(f"respstream: {self.message}")


# -- lines -------------------------------------------------------------------------------------------------------------


def complain(line: str) -> None:
    """Prints a line on stderr, behind what stdout was given before."""
    with contextlib.suppress(OSError):  # whoever writes to stdout next learns of it
        sys.stdout.flush()
    with contextlib.suppress(OSError):  # nobody is there to be told
        click.echo(line, err=True)


def one_line(text: str) -> str:
    """The text with line breaks, control characters and changes of direction as escapes: it fills one line and no more."""
    return _BREAKS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def harmless(text: str) -> str:
    """The text without what would steer a terminal; line breaks and tabs stay."""
    return _CONTROLS.sub("", text)


def is_seen(stream: IO[str]) -> bool:
    """Whether what a stream takes may come to a terminal as it is written: there itself, or behind a pipe."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return True
    return not (stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not stream.isatty()))


def plural(number: int, noun: str) -> str:
    """A number and what it counts: `1 file`, `1,200 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(count: float) -> str:
    """So many bytes in a unit that suits: `812 B`, `1.4 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def coloured(stream: IO[str]) -> bool:
    """Whether a stream takes colours: a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


# -- files -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def destination(path: str | None) -> Generator[IO[str], None, None]:
    """Stdout for None and `-`, else a file that appears under its name when the block ends well, and not before.

    A failure, Ctrl-C or SIGTERM leaves what was there before. What is no regular file (`/dev/null`, a pipe) is written to
    as it is. Raises Stop where the file cannot be made, OSError where it cannot be written.
    """
    if path is None or path == "-":
        yield sys.stdout
        return
    target = os.path.realpath(path)
    with ended_by_signals(), contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(_replacing(target) if is_replaceable(target) else _written(target))
        except OSError as error:
            raise Stop(one_line(f"cannot write {path}: {error.strerror or error}")) from None
        yield file


def _written(target: str) -> IO[str]:
    return open(target, "w", encoding="utf-8", errors="replace", newline="\n")


def refuse_devices(path: str) -> None:
    """Raises Stop where a path names what is there and neither a file nor a folder: it would be replaced by a file."""
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise Stop(one_line(f"cannot write {path}: parquet, arrow and partitions go to a file or a folder"))


@contextlib.contextmanager
def _replacing(target: str) -> Generator[IO[str], None, None]:
    with new_file(target) as temporary, open(temporary, "w", encoding="utf-8", errors="replace", newline="\n") as file:
        yield file


@contextlib.contextmanager
def ended_by_signals() -> Generator[None, None, None]:
    """Lets the signals that end a process by default end it by an exception, so that it tidies up."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    taken = [number for name in names if signal.getsignal(number := getattr(signal, name)) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


# -- rows --------------------------------------------------------------------------------------------------------------


class Writer(Protocol):
    """Takes rows, which hold its columns in order."""

    def write(self, row: Row) -> None:
        """Writes a row, at once or later."""

    def close(self) -> None:
        """Writes what was kept back."""


def choose_format(wanted: str | None, path: str | None, *, folder: bool = False) -> str:
    """The format: the one that was asked for, else by the suffix of the output, else a table, or Parquet in a folder.

    Raises UsageError for a file whose suffix tells none.
    """
    if wanted is not None:
        return wanted
    if path is None or path == "-":
        return "table"
    found = SUFFIXES.get(os.path.splitext(path)[1].lower())
    if found is None and not folder:
        endings = ", ".join(list(SUFFIXES)[:-1]) + f" or {list(SUFFIXES)[-1]}"
        raise click.UsageError(f"-o {path}: a name that ends in {endings} tells the format; --format gives another.")
    return found or "parquet"


class JsonLines:
    """One JSON object a row."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, row: Row) -> None:
        """Writes a row."""
        self._file.write(as_json(row) + "\n")

    def close(self) -> None:
        """Nothing was kept back."""


class Csv:
    """A header and one record a row; null is an empty field, nested values are JSON."""

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(columns)

    def write(self, row: Row) -> None:
        """Writes a row."""
        self._writer.writerow([as_text(value) for value in row.values()])

    def close(self) -> None:
        """Nothing was kept back."""
