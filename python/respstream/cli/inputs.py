"""The inputs of a command: expands paths, globs, folders and URLs, reads them one after the other, and counts diagnostics.

An input that cannot be read completely is reported on stderr and counted; the command continues with the next one.
"""

# Names are printed as given, which pathlib would normalise; and os.path accepts names that pathlib does not.
# ruff: noqa: PTH100, PTH110, PTH112, PTH113, PTH116, PTH123

from __future__ import annotations

import functools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from respstream._codes import DIAGNOSTICS
from respstream._engine import BACKEND
from respstream._pure.protocols.any_api import APIS
from respstream.cli.output import UsageStop, complain, diagnostic_line, one_line, plural
from respstream.cli.progress import Progress
from respstream.cli.source import Source
from respstream.decoder import Decoder
from respstream.diagnostics import EXPLANATIONS, UNUSED_EVENTS, message
from respstream.inputs.filters import FilteredChunks, Filters
from respstream.inputs.identity import Identity, identity, identity_of
from respstream.inputs.paths import ENDINGS, NO_LOGS, is_denied, matches, shown, walk
from respstream.inputs.sources import READ_BYTES, CorruptFile, decompressed
from respstream.protocols.response import Response
from respstream.recordings.file_decoder import FORMS, FileDecoder
from respstream.stream import FILE_EVENT_BYTES
from respstream.tables import Summary

STDIN = "-"
T = TypeVar("T")
MAX_EXPLAINED = 10
"""Number of inputs without responses that are explained; a folder may have thousands."""
SLOW_BYTES = 64 << 20
"""Input of this size takes noticeably longer without the compiled backend."""
NO_EXTENSION = (
    "respstream: the compiled backend is not installed for this Python; "
    "the pure-Python fallback returns identical results, but is slower"
)


class InputReader:
    """Reads the inputs of a command.

    `paths`: the arguments; `inputs`: the files of them. Totals so far: `counts` of diagnostics by code, `responses` that
    ended, `sources_read`, `bytes_read` (uncompressed), `without_responses`, the number of inputs with bytes and no response,
    and `failed`, the names of the inputs that could not be read completely.
    """

    def __init__(
        self,
        paths: Sequence[str],
        form: str,
        max_event_bytes: int,
        api: str = "auto",
        rows: dict[str, str | None] | None = None,
        filters: dict[str, str | None] | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.responses = self.sources_read = self.bytes_read = self.without_responses = 0
        self.failed: set[str] = set()
        self.progress: Progress | None = None
        self.options: dict[str, Any] = {"api": api, "form": form, "max_event_bytes": max_event_bytes, **(rows or {})}
        self.filters: dict[str, Any] = filters or {}
        self._explained = 0
        try:
            self.decoder()
            Filters(**self.filters)
        except ValueError as error:  # invalid options
            raise click.UsageError(str(error)) from None
        self._unlisted: list[OSError] = []
        self.paths = list(paths) or [STDIN]
        self.inputs = self._expand(paths)
        if not self.inputs and not self._unlisted:
            raise UsageStop(one_line(f"nothing to read in {', '.join(paths)}: {NO_LOGS}"))

    # -- the inputs ------------------------------------------------------------------------------------------------

    def _expand(self, paths: Sequence[str]) -> list[Source]:
        if not paths:
            if sys.stdin is None or sys.stdin.isatty():
                raise click.UsageError("Missing argument 'PATH…'; `-` reads stdin.")
            paths = (STDIN,)
        found = [(path, self._sources(path)) for path in paths]
        missing = [one_line(path) for path, sources in found if sources is None]
        if missing:
            raise UsageStop(f"no such file or folder: {', '.join(missing)}")
        stdout = identity_of(sys.stdout)
        once: dict[object, Source] = {}
        for path, sources in found:
            for source in sources or ():
                if stdout is None or _file_identity(source) != stdout:
                    once.setdefault(_identity(source), source)
                elif path == STDIN or os.path.isfile(path):
                    raise UsageStop(one_line(f"{path} is an input, and stdout is redirected to it"))
                else:
                    complain(one_line(f"{source.name}: skipped, because stdout is redirected to it"))
        return list(once.values())

    def refuse_output(self, path: str | None) -> None:
        """Raise UsageStop if the file of that name is one of the inputs, which the output would replace."""
        output = None if path is None else identity(path)
        for source in self.inputs if output is not None else ():
            if _file_identity(source) == output:
                raise UsageStop(one_line(f"cannot write {path}: it is one of the inputs ({source.name})"))

    def _sources(self, path: str) -> list[Source] | None:
        """Return the sources of one argument, None if nothing exists under that name."""
        if path == STDIN:
            return [Source(STDIN, None)]
        if "://" in path and not os.path.lexists(path):
            return self._remote(path)
        if os.path.isdir(path):
            return [_file(inner) for inner in sorted(walk(path, self._unlisted))]
        if os.path.exists(path) or is_denied(path):
            return [_file(path)]
        return [_file(match) for match in matches(path)] or None

    def _remote(self, url: str) -> list[Source] | None:
        from respstream.inputs import remote

        try:
            found = remote.names(url, ENDINGS)
        except Exception as error:  # each store has its own exceptions
            raise UsageStop(one_line(f"cannot read {url}: {str(error) or type(error).__name__}")) from None
        return None if found is None else [Source(name, name, is_url=True) for name in found]

    @property
    def is_live(self) -> bool:
        """Whether an input may arrive slowly: stdin."""
        return any(source.path is None for source in self.inputs)

    @property
    def size(self) -> int:
        """The size of all files in bytes, compressed or not."""
        return sum(source.size() for source in self.inputs)

    def begin(self) -> None:
        """Report the problems that are known before anything is read."""
        for error in self._unlisted:
            self.problem(os.fsdecode(error.filename or ""), "unreadable", _reason(error))
        if BACKEND == "python" and not os.environ.get("RESPSTREAM_BACKEND") and self.size >= SLOW_BYTES:
            complain(NO_EXTENSION)

    def __iter__(self) -> Iterator[Source]:
        self.begin()
        for source in self.inputs:
            if self.progress is not None:
                self.progress.start(source.name)
            yield source
            self.sources_read += 1
            if self.progress is not None:
                self.progress.end(self.sources_read)
        self._end()

    def scanned(self, sources: int, count: int, stored: int | None = None) -> None:
        """Set the totals of a running scan: sources and uncompressed bytes. `stored`: the bytes as they are in the files."""
        self.sources_read, self.bytes_read = sources, count
        if self.progress is not None:
            self.progress.scanned(sources, stored)

    def add_summary(self, summary: Summary) -> None:
        """Add the totals of a finished scan, and report the inputs that could not be read completely."""
        self.scanned(summary.sources, summary.bytes)
        self.responses += sum(summary.responses.values())
        self.counts.update(summary.diagnostics)
        for name, code, reason in summary.problems:
            self._report(name, code, reason)
        for name, code, text in summary.without_responses:
            self._explain(f"{name}: {code} {text}")
        self._end()

    def _end(self) -> None:
        """Report that all inputs are empty, or how many further inputs have no responses."""
        if self._explained > MAX_EXPLAINED:
            complain(f"respstream: {plural(self._explained - MAX_EXPLAINED, 'more input')} without responses")
        if self.inputs and self.sources_read and not self.bytes_read and not self.failed:
            complain(f"respstream: {'the input is' if len(self.inputs) == 1 else 'all inputs are'} empty")

    # -- reading ---------------------------------------------------------------------------------------------------

    def decoder(self, make: Callable[..., Any] | None = None) -> Decoder:
        """Return a new decoder with the options of the command. `make`: makes the one that is fed, by default that of the backend."""
        decoder: Any = FileDecoder(make=make, **self.options)
        return decoder  # type: ignore[no-any-return]

    def fold(self, decoder: Decoder, source: Source, *, complains: bool = True) -> Iterator[list[Response]]:
        """Read an input to its end. Yields the responses that ended, after each chunk and at the end.

        `complains`: print on stderr what an input without responses looks like.
        """
        before = self.responses, self.bytes_read
        for chunk in self.chunks(source):
            yield self._ended(decoder.fold(chunk))
        yield self._ended(self.at_end(source, decoder.fold_end))
        self.count(decoder)
        if self.responses == before[0] and self.bytes_read > before[1]:
            self.explain(decoder, source, EXPLANATIONS if complains else ())

    def at_end(self, source: Source, finish: Callable[[], list[T]]) -> list[T]:
        """Return the result of `finish`, a method of a decoder. If it needs a missing package, report that and call it again."""
        try:
            return finish()
        except ImportError as error:
            self.problem(source.name, "unreadable", _reason(error))
            return finish()

    def _ended(self, responses: list[Response]) -> list[Response]:
        self.responses += len(responses)
        return responses

    def count(self, decoder: Decoder) -> None:
        """Add the diagnostics of a finished decoder."""
        self.counts.update(decoder.diagnostic_counts)

    def explain(self, decoder: Decoder, source: Source, codes: Sequence[str]) -> None:
        """Count an input with bytes and no responses, and print why on stderr.

        The reason is the first diagnostic of the `EXPLANATIONS`; if it is not one of the `codes`, it is not printed.
        """
        self.without_responses += 1
        found = next((one for one in decoder.diagnostics if one.code in EXPLANATIONS), None)
        if found is None:
            self._explain(f"{source.name}: no_responses {UNUSED_EVENTS}")
        elif found.code in codes:
            self._explain(diagnostic_line(source.name, found))

    def _explain(self, line: str) -> None:
        self._explained += 1
        if self._explained <= MAX_EXPLAINED:
            complain(one_line(line))

    def chunks(self, source: Source) -> Iterator[bytes]:
        """Yield the uncompressed, filtered bytes of an input as they arrive. Problems of the input are reported, not raised."""
        try:
            opener = source.opener()
            with open(source.path or "", "rb", buffering=0) if opener is None else opener() as file:
                content = decompressed(self._blocks(_reader(file)))
                for chunk in FilteredChunks(content, Filters(**self.filters)):
                    self.bytes_read += len(chunk)
                    yield chunk
        except CorruptFile as error:
            self.problem(source.name, error.code, str(error))
        except Exception as error:
            if not (isinstance(error, (OSError, ImportError)) or source.is_url):
                raise
            self.problem(source.name, "unreadable", _reason(error))

    def _blocks(self, read: Callable[[int], bytes | None]) -> Iterator[bytes]:
        while block := read(READ_BYTES):
            if self.progress is not None:
                self.progress.advance(len(block))
            yield block

    # -- results ---------------------------------------------------------------------------------------------------

    def problem(self, name: str, code: str, reason: str) -> None:
        """Report on stderr that an input could not be read completely, and count it."""
        self.counts[code] += 1
        self._report(name, code, reason)

    def _report(self, name: str, code: str, reason: str) -> None:
        self.failed.add(name)
        complain(one_line(f"{name}: {code} {message(code, {'reason': reason})}"))

    def severities(self) -> dict[str, int]:
        """Return the number of diagnostics by severity."""
        totals = {"error": 0, "warning": 0, "info": 0}
        for code, count in self.counts.items():
            totals[DIAGNOSTICS[code][0]] += count
        return totals

    def status(self, *, strict: bool) -> int:
        """Return the exit status: 1 if an input could not be read completely, or, with `strict`, a diagnostic is an error."""
        return int(bool(self.failed) or (strict and self.severities()["error"] > 0))

    def print_summary(self) -> None:
        """Print one line on stderr that counts the diagnostics by code, if there are any."""
        if self.counts:
            complain(f"respstream: diagnosed {self.counts_by_code()}; `respstream check` shows the lines")

    def counts_by_code(self) -> str:
        """Return the number of diagnostics by code, as in `2 bad_json, 1 error_body`."""
        order = {code: number for number, code in enumerate(DIAGNOSTICS)}
        counts = sorted(self.counts.items(), key=lambda found: order[found[0]])
        return ", ".join(f"{count} {code}" for code, count in counts)


def input_options(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command with the arguments that all share. It is called with an `InputReader` in their place."""

    @click.argument("paths", nargs=-1, metavar="PATH…")
    @click.option(
        "--api",
        type=click.Choice(APIS),
        default="auto",
        help="API of the streams (default: auto, detected for each event).",
    )
    @click.option("--input-format", type=click.Choice(FORMS), help="Format of the input (default: auto, detected).")
    @click.option("--form", type=click.Choice(FORMS), hidden=True)  # the old name of --input-format
    @click.option("--field", metavar="/A/B", help="For rows: JSON Pointer to the field that contains the stream.")
    @click.option("--time", metavar="/A/B", help="For rows: JSON Pointer to the field that contains the time.")
    @click.option(
        "--lane", metavar="/A/B", help="For rows: JSON Pointer to the field that contains the lane (stream key)."
    )
    @click.option(
        "--strip-prefix",
        metavar="REGEX",
        help="Remove what REGEX matches at the start of each line, as loggers add it.",
    )
    @click.option(
        "--encoding", metavar="NAME", help="Encoding of the input (default: UTF-8, or UTF-16 with a byte order mark)."
    )
    @click.option(
        "--max-event-bytes",
        type=click.IntRange(min=1),
        default=FILE_EVENT_BYTES,
        metavar="N",
        help="Skip events that are larger (default: 64 MiB).",
    )
    @functools.wraps(command)
    def wrapped(
        paths: tuple[str, ...],
        api: str,
        input_format: str | None,
        form: str | None,
        field: str | None,
        time: str | None,
        lane: str | None,
        strip_prefix: str | None,
        encoding: str | None,
        max_event_bytes: int,
        **rest: object,
    ) -> None:
        rows = {"field": field, "time": time, "lane": lane}
        filters = {"strip_prefix": strip_prefix, "encoding": encoding}
        form = _input_format(input_format, form)
        command(InputReader(paths, form, max_event_bytes, api, rows, filters), **rest)

    return wrapped


def _input_format(input_format: str | None, form: str | None) -> str:
    if input_format is not None and form is not None and input_format != form:
        raise click.UsageError(f"--input-format {input_format} and --form {form} differ; --form is its old name.")
    return input_format or form or "auto"


def _identity(source: Source) -> object:
    """What two names of one source share: overlapping paths read a file once."""
    if source.path is None or source.is_url:
        return source.path
    try:
        found = os.stat(source.path)
    except OSError:  # reading it reports the error
        return os.path.abspath(source.path)
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(source.path)


def _file_identity(source: Source) -> Identity | None:
    """The identity of an input that is a file, or that is stdin redirected from a file."""
    if source.path is None:
        return identity_of(sys.stdin)
    return None if source.is_url else identity(source.path)


def _file(path: str) -> Source:
    return Source(shown(path), path)


def _reader(file: Any) -> Callable[[int], bytes]:
    # read1 returns the available bytes, so that a live pipe is read as it fills.
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    return read


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
