"""What the commands read: paths, globs, folders, stdin; and how they read it, one input after the other.

What cannot be read through is told on stderr and counted; the rest goes on.
"""

# Names stay as they were given, which pathlib would normalise; and os.path answers where pathlib raises.
# ruff: noqa: PTH110, PTH112, PTH116, PTH118, PTH123, PTH207

from __future__ import annotations

import functools
import glob
import os
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import click

from respstream._catalogue import DIAGNOSTICS
from respstream.cli.output import Stop, complain, one_line
from respstream.cli.progress import Progress
from respstream.decoder import Decoder
from respstream.diagnostics import message
from respstream.response import Response
from respstream.sources import READ_BYTES, CorruptFile, decompressed
from respstream.stream import FILE_EVENT_BYTES
from respstream.wrapped import FORMS, FileDecoder

SUFFIXES = (".sse", ".jsonl", ".json", ".txt", ".log", ".ndjson", ".har")
ENDINGS = tuple(suffix + packed for suffix in SUFFIXES for packed in ("", ".gz", ".zst"))
STDIN = "-"


class Input(NamedTuple):
    """A file, or stdin where `path` is None; `name` is what tables and messages call it."""

    name: str
    path: str | None


class Reading:
    """One run over the inputs of a command. `counts` are the diagnostics so far, by code; `responses` have ended."""

    def __init__(
        self, paths: Sequence[str], form: str, max_event_bytes: int, rows: dict[str, str | None] | None = None
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.responses = 0
        self.progress: Progress | None = None
        self.options: dict[str, Any] = {"form": form, "max_event_bytes": max_event_bytes, **(rows or {})}
        try:
            self.decoder()
        except ValueError as error:  # of the options, before any work
            raise click.UsageError(str(error)) from None
        self._failed = False
        self._unlisted: list[OSError] = []
        self.inputs = self._expand(paths)

    # -- the inputs ------------------------------------------------------------------------------------------------

    def _expand(self, paths: Sequence[str]) -> list[Input]:
        if not paths:
            if sys.stdin is None or sys.stdin.isatty():
                raise click.UsageError("Missing argument 'PATH…'; `-` reads stdin.")
            paths = (STDIN,)
        found = [(path, self._named(path)) for path in paths]
        missing = [one_line(path) for path, inputs in found if inputs is None]
        if missing:
            raise Stop(f"no such file or folder: {', '.join(missing)}")
        return [one for _, inputs in found for one in inputs or ()]

    def _named(self, path: str) -> list[Input] | None:
        """The inputs that one argument names; None where it names nothing that exists."""
        if path == STDIN:
            return [Input(STDIN, None)]
        if os.path.isdir(path):
            return [_input(inner) for inner in sorted(self._walk(path))]
        if os.path.exists(path):
            return [_input(path)]
        if glob.has_magic(path):
            return [_input(match) for match in sorted(glob.glob(path, recursive=True)) if _readable(match)] or None
        return None

    def _walk(self, folder: str) -> Iterator[str]:
        for parent, folders, files in os.walk(folder, onerror=self._unlisted.append):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if name.lower().endswith(ENDINGS) and not name.startswith("."):
                    path = os.path.join(parent, name)
                    if _readable(path):
                        yield path

    def __iter__(self) -> Iterator[Input]:
        for error in self._unlisted:
            self.problem(os.fsdecode(error.filename or ""), "unreadable", _reason(error))
        if not self.inputs and not self._unlisted:
            complain(f"respstream: nothing to read: no file that ends in {', '.join(SUFFIXES)}, packed or not")
        for one in self.inputs:
            if self.progress is not None:
                self.progress.start(one.name)
            yield one

    # -- reading ---------------------------------------------------------------------------------------------------

    def decoder(self) -> Decoder:
        """A decoder for the next input."""
        decoder: Any = FileDecoder(**self.options)
        return decoder  # type: ignore[no-any-return]

    def fold(self, decoder: Decoder, one: Input) -> Iterator[list[Response]]:
        """Reads an input through; gives the responses that ended, after each chunk and at the end."""
        for chunk in self.chunks(one):
            yield self._ended(decoder.fold(chunk))
        yield self._ended(decoder.fold_end())
        self.count(decoder)

    def _ended(self, responses: list[Response]) -> list[Response]:
        self.responses += len(responses)
        return responses

    def count(self, decoder: Decoder) -> None:
        """Adds what a decoder that has finished diagnosed."""
        self.counts.update(decoder.diagnostic_counts)

    def chunks(self, one: Input) -> Iterator[bytes]:
        """The plain bytes of an input, as they come. It raises nothing for the input: what is wrong is told and counted."""
        try:
            if one.path is not None:
                with open(one.path, "rb", buffering=0) as file:
                    yield from decompressed(self._blocks(file.read))
            elif sys.stdin is None:
                self.problem(one.name, "unreadable", "stdin is closed")
            else:
                yield from decompressed(self._blocks(_reader(sys.stdin.buffer)))
        except CorruptFile as error:
            self.problem(one.name, error.code, str(error))
        except (OSError, ImportError) as error:
            self.problem(one.name, "unreadable", _reason(error))

    def _blocks(self, read: Callable[[int], bytes | None]) -> Iterator[bytes]:
        while block := read(READ_BYTES):
            if self.progress is not None:
                self.progress.advance(len(block))
            yield block

    # -- what came of it -------------------------------------------------------------------------------------------

    def problem(self, name: str, code: str, reason: str) -> None:
        """Tells on stderr that an input could not be read through, and remembers it."""
        self._failed = True
        self.counts[code] += 1
        complain(one_line(f"{name}: {code} {message(code, {'reason': reason})}"))

    def severities(self) -> dict[str, int]:
        """How many diagnostics there were of each severity."""
        totals = {"error": 0, "warning": 0, "info": 0}
        for code, count in self.counts.items():
            totals[DIAGNOSTICS[code][0]] += count
        return totals

    def status(self, *, strict: bool) -> int:
        """The exit status: 1 where an input could not be read through, or with `strict` where there was an error."""
        return int(self._failed or (strict and self.severities()["error"] > 0))

    def summary(self) -> None:
        """One line on stderr that counts the diagnostics by code, if there were any."""
        if self.counts:
            order = {code: number for number, code in enumerate(DIAGNOSTICS)}
            told = ", ".join(
                f"{count} {code}" for code, count in sorted(self.counts.items(), key=lambda c: order[c[0]])
            )
            complain(f"respstream: diagnosed {told}; `respstream check` tells where")


def reads(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the arguments that all share. It is called with a `Reading` in their place."""

    @click.argument("paths", nargs=-1, metavar="PATH…")
    @click.option("--form", type=click.Choice(FORMS), default="auto", help="What the input is made of.")
    @click.option("--field", metavar="/A/B", help="Rows: where the stream stands, a JSON pointer.")
    @click.option("--time", metavar="/A/B", help="Rows: where the time stands.")
    @click.option("--lane", metavar="/A/B", help="Rows: where the name of the stream stands.")
    @click.option(
        "--max-event-bytes",
        type=click.IntRange(min=1),
        default=FILE_EVENT_BYTES,
        metavar="N",
        help="Skip events that are larger; 64 MiB by default.",
    )
    @functools.wraps(command)
    def wrapped(
        paths: tuple[str, ...],
        form: str,
        field: str | None,
        time: str | None,
        lane: str | None,
        max_event_bytes: int,
        **rest: object,
    ) -> None:
        rows = {"field": field, "time": time, "lane": lane}
        command(Reading(paths, form, max_event_bytes, rows), **rest)

    return wrapped


def _input(path: str) -> Input:
    # A name that is not UTF-8 has surrogates, which no output may hold.
    return Input(os.fsencode(path).decode("utf-8", "replace"), path)


def _readable(path: str) -> bool:
    """Whether a path that was found, not named, is worth opening: pipes and devices may never end."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:  # a broken link, say: opening it will tell
        return True


def _reader(file: BinaryIO) -> Callable[[int], bytes]:
    # read1 gives what is there, so that a live pipe is read as it fills.
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    return read


def _reason(error: OSError | ImportError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
