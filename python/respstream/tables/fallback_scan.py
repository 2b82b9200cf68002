"""The scan of the fallback: the tables of the extension through pyarrow, one source after the other."""

from __future__ import annotations

# ruff: noqa: PTH123
import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from threading import RLock
from typing import Any

from respstream._codes import DIAGNOSTICS
from respstream._fallback import Decoder
from respstream._pure.diagnostics import MAX_STORED
from respstream._pure.protocols.columns import CALL, TABLES
from respstream._pure.protocols.protocol import ParsedEvent, ResponseState
from respstream.diagnostics import EXPLANATIONS, UNUSED_EVENTS, Diagnostic, message
from respstream.errors import StreamError
from respstream.inputs.filters import Filters, filtered_chunks
from respstream.inputs.paths import Input
from respstream.inputs.sources import CorruptFile
from respstream.recordings.file_decoder import FileDecoder
from respstream.tables.columns import VERSION
from respstream.tables.dictionary import describe

RESPONSE_COLUMNS = frozenset({"stream_index", "event_index", "response_id"})
"""The columns of events that depend on responses."""
BATCH_BYTES = 2 << 20
"""A batch with fewer rows ends at about this number of characters of text."""


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise ImportError(
            "without the compiled extension a scan needs pyarrow: pip install 'respstream[arrow]'"
        ) from None
    return pyarrow


def Schema(table: str, columns: list[str] | None = None, *, split: bool = False) -> Any:  # noqa: N802
    """The pyarrow schema of a table; in a `split`, `stream_index` may be null."""
    pa = _pyarrow()
    text = pa.large_string()
    call = pa.struct([(name, text) for name in CALL])
    types = {
        "str": text,
        "dict": pa.dictionary(pa.int32(), text),
        "int": pa.int64(),
        "real": pa.float64(),
        "ts": pa.timestamp("us", "UTC"),
        "list<str>": pa.list_(text),
    }
    fields = {}
    for column, description in zip(TABLES[table], describe(table), strict=True):
        nullable = column.nullable or (split and column.name == "stream_index")
        kind = types.get(column.type, pa.list_(call))
        fields[column.name] = pa.field(column.name, kind, nullable, metadata=description.metadata())
    names = [column.name for column in TABLES[table] if not column.extra] if columns is None else columns
    metadata = {"respstream.table": table, "respstream.version": VERSION}
    return pa.schema([fields[name] for name in names], metadata)


def has_row(data: bytes, *, mid_line: bool, **options: Any) -> bool:
    """Whether some bytes of a source have a row that wraps a stream. `mid_line`: they may begin inside of a line."""
    core = Decoder(**options)._core
    core.feed(re.sub(rb"\A[^\r\n]*[\r\n]?", b"", data) if mid_line else data)
    core.finish()
    return core.has_row


class Scan:
    """A scan that can be run any number of times."""

    def __init__(
        self,
        inputs: list[Input],
        tables: list[tuple[str, list[str] | None]],
        *,
        threads: int,
        batch_rows: int,
        split: bool = False,
        full: bool = False,
        part_bytes: int = 0,
        **options: Any,
    ) -> None:
        del threads, full, part_bytes  # one thread reads everything
        FileDecoder(**options)  # raises for an invalid option
        self._inputs, self._tables, self._split = inputs, tables, split
        self._batch_rows, self._options = batch_rows, options
        _pyarrow()

    def stream(self) -> Stream:
        """Starts a pass over the inputs."""
        columns = [Columns(*table, split=self._split) for table in self._tables]
        return Stream(self._inputs, columns, self._batch_rows, self._options)


class Columns:
    """The selected columns of one table, and its rows that are not in a batch yet."""

    def __init__(self, table: str, columns: list[str] | None, *, split: bool) -> None:
        self.table = table
        self.schema = Schema(table, columns, split=split)
        extract = {column.name: column.value for column in TABLES[table]}
        self._extract = [extract[name] for name in self.schema.names]
        self.rows: list[list[Any]] = []
        self.count = self._bytes = 0

    def add(self, row: Any) -> None:
        """Adds a row: the values of the selected columns."""
        values = [extract(row) for extract in self._extract]
        self.rows.append(values)
        self._bytes += sum(len(value) for value in values if type(value) is str)

    def is_full(self, rows: int) -> bool:
        """Whether the rows fill a batch of that number of rows, or of `BATCH_BYTES`."""
        return len(self.rows) >= rows or self._bytes >= BATCH_BYTES

    def take(self, size: int) -> Any:
        """Removes the first rows and returns them as a batch."""
        rows, self.rows = self.rows[:size], self.rows[size:]
        self._bytes = self._bytes if self.rows else 0
        pa = _pyarrow()
        self.count += len(rows)
        if not self._extract:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
        # Without from_pandas=False, pyarrow imports pandas if it is installed, to detect nulls.
        arrays = [
            pa.array([_value(row[place]) for row in rows], field.type, from_pandas=False)
            for place, field in enumerate(self.schema)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _value(value: Any) -> Any:
    if type(value) is list and value and type(value[0]) is tuple:
        return [dict(zip(CALL, call, strict=True)) for call in value]
    return value


class Stream:
    """One pass of a scan."""

    def __init__(self, inputs: list[Input], tables: list[Columns], batch_rows: int, options: dict[str, Any]) -> None:
        self._inputs, self._batch_rows, self._options = inputs, batch_rows, options
        self.tables = tables
        self.sources = self.bytes = self.stored = 0
        self.responses: Counter[str] = Counter()
        self.diagnostics: Counter[str] = Counter()
        self.problems: list[tuple[str, str, str]] = []
        self.without_responses: list[tuple[str, str, str]] = []
        self.complete = False
        self._batches = self._run()
        self._lock = RLock()

    def next_batch(self) -> tuple[int, Any] | None:
        """The next batch and the number of its table, None at the end. Threads may share the pass."""
        with self._lock:
            return next(self._batches, None)

    def summary(self) -> dict[str, Any]:
        """The counts of the pass so far, as a dict."""
        order = list(DIAGNOSTICS)
        return {
            "sources": self.sources,
            "bytes": self.bytes,
            "rows": [table.count for table in self.tables],
            "responses": dict(sorted(self.responses.items())),
            "diagnostics": dict(sorted(self.diagnostics.items(), key=lambda found: order.index(found[0]))),
            "problems": list(self.problems),
            "without_responses": list(self.without_responses),
            "skipped": 0,
            "complete": self.complete,
        }

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        if len(self.tables) != 1:
            raise ValueError("an Arrow stream contains one table: request one table")
        del requested_schema  # the consumer casts
        batches = (batch for _, batch in iter(self.next_batch, None))
        return _pyarrow().RecordBatchReader.from_batches(self.tables[0].schema, batches).__arrow_c_stream__()

    # -- reading ---------------------------------------------------------------------------------------------------

    def _run(self) -> Iterator[tuple[int, Any]]:
        failure = None
        for one in self._inputs:
            try:
                for _ in self._read(one):
                    yield from self._full(self._batch_rows)
            except StreamError as error:
                failure = StreamError(error.diagnostic, source=one.name)
                break
            yield from self._full(self._batch_rows)
        yield from self._full(1)
        if failure is not None:
            raise failure
        self.complete = True

    def _full(self, least: int) -> Iterator[tuple[int, Any]]:
        for place, table in enumerate(self.tables):
            while table.rows and table.is_full(least):
                yield place, table.take(self._batch_rows)

    @property
    def reads_events_only(self) -> bool:
        """Whether no selected column depends on responses; an event then belongs to the split in which it begins."""
        return all(table.table == "events" and RESPONSE_COLUMNS.isdisjoint(table.schema.names) for table in self.tables)

    def of(self, name: str) -> list[Columns]:
        """The selected table of that name, as a list of at most one."""
        return [table for table in self.tables if table.table == name]

    def _read(self, one: Input) -> Iterator[None]:
        reader = FileDecoder(make=partial(SourceDecoder, one, self), **self._options)
        decoder: SourceDecoder = reader.decoder
        self.sources += decoder.start == 0
        offset: int | None = None
        problem = None
        try:
            with contextlib.closing(_opened(one.place)) as file:
                offset = 0
                for chunk in filtered_chunks(_Counted(file, self), Filters()):
                    self.bytes += decoder.overlap(offset, offset + len(chunk))
                    offset += len(chunk)
                    reader.feed(chunk)
                    yield
        except CorruptFile as error:
            problem = (error.code, str(error))
        except (OSError, ImportError) as error:
            problem = ("unreadable", getattr(error, "strerror", None) or str(error))
        if offset is not None:
            try:
                reader.finish()
            except ImportError as error:  # a package for the format is missing
                self._problem(one.name, 0, "unreadable", str(error))
                reader.finish()
        if problem is not None:
            self._problem(one.name, offset, *problem)
        yield

    def _problem(self, name: str, offset: int | None, code: str, reason: str) -> None:
        self.diagnostics[code] += 1
        self.problems.append((name, code, reason))
        for table in self.of("diagnostics"):
            table.add(DiagnosticRow(name, None, offset, None, None, code, message(code, {"reason": reason})))
        if self._options.get("strict"):
            raise StreamError(Diagnostic(code, offset or 0, 0, 0, detail={"reason": reason}))


class _Counted:
    """A file whose bytes are counted in `stored` of a pass, before decompression."""

    def __init__(self, file: Any, stream: Stream) -> None:
        self._read: Callable[[int], bytes] = getattr(file, "read1", file.read)
        self._stream = stream

    def read(self, size: int) -> bytes:
        """The next bytes that are available, at most `size`."""
        block = self._read(size)
        self._stream.stored += len(block)
        return block


def _opened(place: Any) -> Any:
    return open(place, "rb") if isinstance(place, bytes) else place()


class DiagnosticRow:
    """A row of the table `diagnostics`."""

    __slots__ = (
        "api", "code", "length", "line", "message", "offset", "response_id", "severity", "source", "stream_index",
    )  # fmt: skip

    def __init__(
        self, source: str, stream_index: int | None, offset: int | None, length: int | None, line: int | None, code: str,
        message: str, response_id: str | None = None, api: str | None = None,
    ) -> None:  # fmt: skip
        self.source, self.stream_index, self.response_id, self.api = source, stream_index, response_id, api
        self.offset, self.length, self.line = offset, length, line
        self.code, self.severity, self.message = code, DIAGNOSTICS[code][0], message


class SourceDecoder(Decoder):
    """The decoder of one source, which adds rows to the tables of a stream.

    For a part of a source it reads the whole source, and adds the rows of the responses that begin in the part.
    """

    def __init__(self, one: Input, stream: Stream, **options: Any) -> None:
        super().__init__(**options)
        self._name, self._stream = one.name, stream
        self.start, self._stop = one.part or (0, None)
        self._numbered = (self.start, self._stop) == (0, None)
        self._event_tables = stream.of("events")
        self._events_only = not options.get("strict") and stream.reads_events_only
        self._interleaves = False
        self._unassigned = 0  # events without a response
        self._owners: dict[int, ResponseState] = {}  # of diagnostics, by their id
        if not self._numbered:
            self._core.limit_failures(self._fails)

    def feed(self, data: Any, start: int = 0, stop: int | None = None) -> list[Any]:
        """Takes the next bytes. Raises StreamError with `strict`."""
        part = data if (start, stop) == (0, None) else data[start:stop]
        return self._take(lambda: self._core.feed(part, self._hook))

    def feed_record(self, data: bytes, times: Any, span: Any, ends: bool = True) -> list[Any]:
        """Takes one record. Raises StreamError with `strict`."""
        return self._take(lambda: self._core.feed_record(data, times, span, ends, self._hook))

    def finish(self) -> list[Any]:
        """Ends the source. Raises StreamError with `strict`."""
        self._take(lambda: self._core.finish(self._hook))
        self._add_diagnostics([found for found in self._core.diagnostics if self._has(self._start_of(found))])
        if self._numbered and self._core.fed and not self._core.begun:
            why = ((one.code, one.message) for one in self._core.diagnostics if one.code in EXPLANATIONS)
            code, text = next(why, ("no_responses", UNUSED_EVENTS))
            self._stream.without_responses.append((self._name, code, text))
        return []

    def _take(self, run: Callable[[], object]) -> list[Any]:
        """Runs a call of the core. If it fails, the diagnostics from the start of the part to the error have rows."""
        try:
            run()
        except StreamError as error:
            self._add_responses()
            for folded in self._core.open:
                self._own_diagnostics(folded)
            stored = self._core.diagnostics
            end = next((place for place, found in enumerate(stored) if found is error.diagnostic), len(stored))
            self._add_diagnostics([found for found in stored[: end + 1] if self._start_of(found) >= self.start])
            raise
        self._add_responses()
        return []

    def _add_diagnostics(self, own: list[Diagnostic]) -> None:
        """Adds the rows of the diagnostics of the part, and counts them. If not all are stored, those of the source are counted."""
        whole = self._numbered or len(self._core.diagnostics) >= MAX_STORED
        counts = self._core.diagnostic_counts if whole else Counter(found.code for found in own)
        self._stream.diagnostics.update(counts)
        for table in self._stream.of("diagnostics"):
            for found in sorted(own, key=lambda found: found.offset):
                table.add(self._diagnostic_row(found))

    def _own_diagnostics(self, folded: ResponseState) -> None:
        self._owners.update((id(found), folded) for found in folded.diagnostics)

    def overlap(self, start: int, end: int) -> int:
        """The number of the bytes from `start` to `end` that are in the part."""
        return max(0, min(end, end if self._stop is None else self._stop) - max(start, self.start))

    def _has(self, offset: int) -> bool:
        return self.start <= offset and (self._stop is None or offset < self._stop)

    def _fails(self, offset: int) -> bool:
        """Whether an error at this offset ends a strict part: in its range, or later while one of its responses is open."""
        if offset < self.start:
            return False
        folded = self._core.current
        return self._has(offset) or (folded is not None and self._has(folded.byte_start))

    def _start_of(self, found: Diagnostic) -> int:
        """The position that decides which part has a diagnostic: of its response, or its own where events have theirs."""
        owner = None if self._events_only else self._owners.get(id(found))
        return found.offset if owner is None else owner.byte_start

    def _number(self, number: int | None) -> int | None:
        return number if self._numbered else None

    @property
    def _hook(self) -> Any:
        return self._add_event if self._event_tables else None

    def _add_event(self, parsed: ParsedEvent, folded: ResponseState | None) -> None:
        self._interleaves = self._interleaves or parsed.lane is not None or parsed.response is not None
        index = self._unassigned if folded is None else folded.events - 1
        self._unassigned += folded is None
        if not self._has(parsed.offset if folded is None or self._events_only else folded.byte_start):
            return
        # Where responses interleave, the position in the order of ending is not known yet.
        number = None if folded is None or self._interleaves else self._number(self._core.closed_count)
        for table in self._event_tables:
            table.add(parsed.protocol.rows().EventRow(parsed, folded, self._name, number, index))

    def _add_responses(self) -> None:
        for folded in self._core.take_ended():
            self._own_diagnostics(folded)
            if not self._has(folded.byte_start):
                continue
            self._stream.responses[folded.status or ""] += 1
            number = self._number(folded.stream_index)
            rows = folded.protocol.rows()
            for table in self._stream.of("responses"):
                table.add(rows.ResponseRow(folded, self._name, number))
            for table in self._stream.of("items"):
                for row in rows.item_rows(folded, self._name, number):
                    table.add(row)

    def _diagnostic_row(self, found: Diagnostic) -> DiagnosticRow:
        owner = self._owners.get(id(found))
        number = None if owner is None else self._number(owner.stream_index)
        place = (found.offset, found.length, found.line)
        api = None if owner is None else owner.api
        return DiagnosticRow(self._name, number, *place, found.code, found.message, found.response_id, api)
