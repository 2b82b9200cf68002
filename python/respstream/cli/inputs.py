"""What the commands read: paths, globs, folders, stdin; and how they read it, one input after the other.

What cannot be read through is told on stderr and counted; the rest goes on.
"""

# Names stay as they were given, which pathlib would normalise; and os.path answers where pathlib raises.
# ruff: noqa: PTH110, PTH112, PTH116, PTH123

from __future__ import annotations

import errno
import functools
import io
import os
import select
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, TypeVar

import click

from respstream._codes import DIAGNOSTICS
from respstream._engine import BACKEND
from respstream.cli.output import Stop, complain, one_line
from respstream.decoder import Decoder
from respstream.diagnostics import message
from respstream.inputs.paths import ENDINGS, SUFFIXES, matches, shown, walk
from respstream.inputs.sources import READ_BYTES, CorruptFile, decompressed
from respstream.protocols.responses.response import Response
from respstream.recordings.file_decoder import FORMS, FileDecoder
from respstream.stream import FILE_EVENT_BYTES
from respstream.tables import Summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from respstream.cli.progress import Progress

STDIN = "-"
SIGNAL_SECONDS = 0.5
T = TypeVar("T")
WORTH_TELLING = 64 << 20
"""With less input than this nobody notices which engine reads it."""
NO_EXTENSION = "respstream: the compiled engine is not installed for this Python; its twin reads the same, slowly"


class Input(NamedTuple):
    """A file, a URL, or stdin where `path` is None; `name` is what tables and messages call it."""

    name: str
    path: str | None
    is_url: bool = False

    def opener(self) -> Callable[[], BinaryIO] | None:
        """What opens the input, None where that is no more than opening a file."""
        if self.path is None:
            return stdin
        if not self.is_url:
            return None
        from respstream.inputs.remote import Url

        return Url(self.path)

    def state(self) -> dict[str, Any] | None:
        """What tells whether the input has changed; None where that is not known."""
        if self.path is None:
            return None
        if self.is_url:
            from respstream.inputs import remote

            return remote.state(self.path)
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return {"size": found.st_size, "changed": found.st_mtime_ns}


class Reading:
    """One run over the inputs of a command.

    So far: `counts` are the diagnostics by code; `responses` have ended; `sources` were read, which held `bytes` of plain text;
    those in `failed` could not be read through.
    """

    def __init__(
        self, paths: Sequence[str], form: str, max_event_bytes: int, rows: dict[str, str | None] | None = None
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.responses = self.sources = self.bytes = 0
        self.failed: set[str] = set()
        self.progress: Progress | None = None
        self.options: dict[str, Any] = {"form": form, "max_event_bytes": max_event_bytes, **(rows or {})}
        try:
            self.decoder()
        except ValueError as error:  # of the options, before any work
            raise click.UsageError(str(error)) from None
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
        if "://" in path and not os.path.lexists(path):
            return self._remote(path)
        if os.path.isdir(path):
            return [_input(inner) for inner in sorted(walk(path, self._unlisted))]
        if os.path.exists(path):
            return [_input(path)]
        return [_input(match) for match in matches(path)] or None

    def _remote(self, url: str) -> list[Input] | None:
        from respstream.inputs import remote

        try:
            found = remote.names(url, ENDINGS)
        except Exception as error:  # each store has errors of its own
            raise Stop(one_line(f"cannot read {url}: {str(error) or type(error).__name__}")) from None
        return None if found is None else [Input(name, name, is_url=True) for name in found]

    @property
    def is_live(self) -> bool:
        """Whether there is input that may come bit by bit: stdin."""
        return any(one.path is None for one in self.inputs)

    @property
    def size(self) -> int:
        """The bytes of all files as they lie there."""
        return sum(map(size_of, self.inputs))

    def begin(self) -> None:
        """Tells what is wrong before anything is read."""
        for error in self._unlisted:
            self.problem(os.fsdecode(error.filename or ""), "unreadable", _reason(error))
        if not self.inputs and not self._unlisted:
            complain(f"respstream: nothing to read: no file that ends in {', '.join(SUFFIXES)}, packed or not")
        # Who chose the twin knows.
        if BACKEND == "python" and not os.environ.get("RESPSTREAM_BACKEND") and self.size >= WORTH_TELLING:
            complain(NO_EXTENSION)

    def __iter__(self) -> Iterator[Input]:
        self.begin()
        for one in self.inputs:
            if self.progress is not None:
                self.progress.start(one.name)
            yield one
            self.sources += 1
            if self.progress is not None:
                self.progress.end(self.sources)

    def seen(self, sources: int, count: int) -> None:
        """So many sources and plain bytes were scanned."""
        self.sources, self.bytes = sources, count
        if self.progress is not None:
            self.progress.seen(sources, count)

    def settle(self, summary: Summary) -> None:
        """Takes over what came of a scan, and tells what it could not read through."""
        self.seen(summary.sources, summary.bytes)
        self.responses += sum(summary.responses.values())
        self.counts.update(summary.diagnostics)
        for name, code, reason in summary.problems:
            self._tell(name, code, reason)

    # -- reading ---------------------------------------------------------------------------------------------------

    def decoder(self) -> Decoder:
        """A decoder for the next input."""
        decoder: Any = FileDecoder(**self.options)
        return decoder  # type: ignore[no-any-return]

    def fold(self, decoder: Decoder, one: Input) -> Iterator[list[Response]]:
        """Reads an input through; gives the responses that ended, after each chunk and at the end."""
        for chunk in self.chunks(one):
            self.bytes += len(chunk)
            yield self._ended(decoder.fold(chunk))
        yield self._ended(self.last(one, decoder.fold_end))
        self.count(decoder)

    def last(self, one: Input, end: Callable[[], list[T]]) -> list[T]:
        """What a decoder gives at the end of an input. A package that is missing there is told, and the rest counts."""
        try:
            return end()
        except ImportError as error:
            self.problem(one.name, "unreadable", _reason(error))
            return end()

    def _ended(self, responses: list[Response]) -> list[Response]:
        self.responses += len(responses)
        return responses

    def count(self, decoder: Decoder) -> None:
        """Adds what a decoder that has finished diagnosed."""
        self.counts.update(decoder.diagnostic_counts)

    def chunks(self, one: Input) -> Iterator[bytes]:
        """The plain bytes of an input, as they come. It raises nothing for the input: what is wrong is told and counted."""
        try:
            opener = one.opener()
            with open(one.path or "", "rb", buffering=0) if opener is None else opener() as file:
                yield from decompressed(self._blocks(_reader(file)))
        except CorruptFile as error:
            self.problem(one.name, error.code, str(error))
        except Exception as error:
            if not (isinstance(error, (OSError, ImportError)) or one.is_url):
                raise
            self.problem(one.name, "unreadable", _reason(error))

    def _blocks(self, read: Callable[[int], bytes | None]) -> Iterator[bytes]:
        while block := read(READ_BYTES):
            if self.progress is not None:
                self.progress.advance(len(block))
            yield block

    # -- what came of it -------------------------------------------------------------------------------------------

    def problem(self, name: str, code: str, reason: str) -> None:
        """Tells on stderr that an input could not be read through, and remembers it."""
        self.counts[code] += 1
        self._tell(name, code, reason)

    def _tell(self, name: str, code: str, reason: str) -> None:
        self.failed.add(name)
        complain(one_line(f"{name}: {code} {message(code, {'reason': reason})}"))

    def severities(self) -> dict[str, int]:
        """How many diagnostics there were of each severity."""
        totals = {"error": 0, "warning": 0, "info": 0}
        for code, count in self.counts.items():
            totals[DIAGNOSTICS[code][0]] += count
        return totals

    def status(self, *, strict: bool) -> int:
        """The exit status: 1 where an input could not be read through, or with `strict` where there was an error."""
        return int(bool(self.failed) or (strict and self.severities()["error"] > 0))

    def summary(self) -> None:
        """One line on stderr that counts the diagnostics by code, if there were any."""
        if self.counts:
            complain(f"respstream: diagnosed {self.told()}; `respstream check` tells where")

    def told(self) -> str:
        """How many diagnostics there were of each code."""
        order = {code: number for number, code in enumerate(DIAGNOSTICS)}
        counts = sorted(self.counts.items(), key=lambda found: order[found[0]])
        return ", ".join(f"{count} {code}" for code, count in counts)


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
    return Input(shown(path), path)


def _reader(file: Any) -> Callable[[int], bytes]:
    # read1 gives what is there, so that a live pipe is read as it fills.
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    return read


class Live(io.FileIO):
    """A file that may be a pipe, which gives what is there and leaves its descriptor open.

    A signal that comes just before a read is heard only when the read returns. So the wait is apart from it, and ends now and then.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, closefd=False)

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any unbuffered file."""
        if os.name == "posix":  # elsewhere only sockets can be waited for
            while not select.select([self], [], [], SIGNAL_SECONDS)[0]:
                pass
        return super().read(-1 if size is None else size) or b""


def stdin() -> Live:
    """Stdin. Raises OSError where it is closed."""
    if sys.stdin is None:
        raise OSError(errno.EBADF, "stdin is closed")
    return Live(sys.stdin.fileno())


def size_of(one: Input) -> int:
    """The bytes of a file as it lies there; 0 where that is not known."""
    if one.path is None or one.is_url:
        return 0
    try:
        return os.stat(one.path).st_size
    except OSError:
        return 0


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
