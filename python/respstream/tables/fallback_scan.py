"""The twin of the extension's scan: the same tables through pyarrow, one source after the other."""

from __future__ import annotations

# ruff: noqa: PTH123
import contextlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from threading import RLock
from typing import Any

from respstream._catalogue import DIAGNOSTICS
from respstream._pure.decoder import Decoder
from respstream._pure.diagnostics import KEPT
from respstream._pure.events import Parsed
from respstream._pure.response import Folded
from respstream._pure.rows import event_row, item_rows, response_row
from respstream.diagnostics import Diagnostic, message
from respstream.errors import StreamError
from respstream.paths import Input
from respstream.sources import CorruptFile, chunks
from respstream.tables import COLUMNS, EXTRA, VERSION
from respstream.wrapped import FileDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from respstream.types import ResponseStreamEvent

Row = tuple[Any, ...]

BATCH_BYTES = 2 << 20
"""A batch ends at about so many characters of text, if it has not so many rows as it may have."""


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise ImportError(
            "without the compiled extension a scan needs pyarrow: pip install 'respstream[arrow]'"
        ) from None
    return pyarrow


def Schema(table: str, columns: list[str] | None = None, *, split: bool = False) -> Any:  # noqa: N802
    """The pyarrow schema of a table; in a `split` a response has no number."""
    pa = _pyarrow()
    text = pa.large_string()
    call = pa.struct([(name, text) for name in ("type", "call_id", "name", "arguments")])
    types = {
        "str": text,
        "dict": pa.dictionary(pa.int32(), text),
        "int": pa.int64(),
        "real": pa.float64(),
        "ts": pa.timestamp("us", "UTC"),
        "list<str>": pa.list_(text),
    }
    fields = {}
    for name, kind in COLUMNS[table]:
        nullable = not kind.endswith("!") or (split and name == "stream_index")
        fields[name] = pa.field(name, types.get(kind.rstrip("!"), pa.list_(call)), nullable)
    names = [name for name in fields if name not in EXTRA] if columns is None else columns
    metadata = {"respstream.table": table, "respstream.version": VERSION}
    return pa.schema([fields[name] for name in names], metadata)


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
        FileDecoder(**options)  # refuses what is no option
        self._inputs, self._tables, self._split = inputs, tables, split
        self._batch_rows, self._options = batch_rows, options
        _pyarrow()

    def stream(self) -> Stream:
        """Starts a pass over the inputs."""
        columns = [Columns(*table, split=self._split) for table in self._tables]
        return Stream(self._inputs, columns, self._batch_rows, self._options)


class Columns:
    """The wanted columns of one table as they grow."""

    def __init__(self, table: str, columns: list[str] | None, *, split: bool) -> None:
        self.table = table
        self.schema = Schema(table, columns, split=split)
        order = [name for name, _ in COLUMNS[table]]
        self.places = [order.index(name) for name in self.schema.names]
        self.whole = bool(EXTRA & set(self.schema.names))
        self.rows: list[Row] = []
        self.count = self._bytes = 0

    def add(self, row: Row) -> None:
        """Takes a row."""
        self.rows.append(row)
        self._bytes += sum(len(value) for value in row if type(value) is str)

    def is_full(self, rows: int) -> bool:
        """Whether there is a batch of so many rows, or of so many bytes."""
        return len(self.rows) >= rows or self._bytes >= BATCH_BYTES

    def take(self, size: int) -> Any:
        """The first rows as a batch."""
        rows, self.rows = self.rows[:size], self.rows[size:]
        self._bytes = self._bytes if self.rows else 0
        pa = _pyarrow()
        self.count += len(rows)
        if not self.places:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
        # Without from_pandas=False pyarrow imports pandas where that is installed, to ask it what is null.
        arrays = [
            pa.array([_value(row[place]) for row in rows], field.type, from_pandas=False)
            for place, field in zip(self.places, self.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _value(value: Any) -> Any:
    if type(value) is list and value and type(value[0]) is tuple:
        return [dict(zip(("type", "call_id", "name", "arguments"), call, strict=True)) for call in value]
    return value


class Stream:
    """One pass of a scan."""

    def __init__(self, inputs: list[Input], tables: list[Columns], batch_rows: int, options: dict[str, Any]) -> None:
        self._inputs, self._batch_rows, self._options = inputs, batch_rows, options
        self.tables = tables
        self.sources = self.bytes = 0
        self.responses: Counter[str] = Counter()
        self.diagnostics: Counter[str] = Counter()
        self.problems: list[tuple[str, str, str]] = []
        self.complete = False
        self._batches = self._run()
        self._lock = RLock()

    def next_batch(self) -> tuple[int, Any] | None:
        """The next batch and the number of its table, None at the end. Threads may share the pass."""
        with self._lock:
            return next(self._batches, None)

    def summary(self) -> dict[str, Any]:
        """What came of the pass so far, as a dict."""
        order = list(DIAGNOSTICS)
        return {
            "sources": self.sources,
            "bytes": self.bytes,
            "rows": [table.count for table in self.tables],
            "responses": dict(sorted(self.responses.items())),
            "diagnostics": dict(sorted(self.diagnostics.items(), key=lambda found: order.index(found[0]))),
            "problems": list(self.problems),
            "skipped": 0,
            "complete": self.complete,
        }

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        if len(self.tables) != 1:
            raise ValueError("an Arrow stream is of one table; ask for one")
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

    def of(self, name: str) -> list[Columns]:
        """The wanted table of that name, or none."""
        return [table for table in self.tables if table.table == name]

    def _read(self, one: Input) -> Iterator[None]:
        reader = FileDecoder(make=partial(Fold, one, self), **self._options)
        fold: Fold = reader.decoder
        self.sources += fold.start == 0
        offset: int | None = None
        problem = None
        try:
            with contextlib.closing(_opened(one.place)) as file:
                offset = 0
                for chunk in chunks(file):
                    self.bytes += fold.overlap(offset, offset + len(chunk))
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
            except ImportError as error:  # of a package that reads the form
                self._problem(one.name, 0, "unreadable", str(error))
                reader.finish()
        if problem is not None:
            self._problem(one.name, offset, *problem)
        yield

    def _problem(self, name: str, offset: int | None, code: str, reason: str) -> None:
        self.diagnostics[code] += 1
        self.problems.append((name, code, reason))
        told = message(code, {"reason": reason})
        for table in self.of("diagnostics"):
            table.add((name, None, offset, None, None, code, DIAGNOSTICS[code][0], told, None))
        if self._options.get("strict"):
            raise StreamError(Diagnostic(code, offset or 0, 0, 0, detail={"reason": reason}))


def _opened(place: Any) -> Any:
    return open(place, "rb") if isinstance(place, bytes) else place()


class Fold(Decoder):
    """The decoder of one source, which makes rows of what it finds.

    Of a part it makes those of the responses that begin in it; it reads the whole source all the same.
    """

    def __init__(self, one: Input, stream: Stream, **options: Any) -> None:
        super().__init__(**options)
        self._name, self._stream = one.name, stream
        self.start, self._stop = one.part or (0, None)
        self._numbered = (self.start, self._stop) == (0, None)
        self._events = stream.of("events")
        self._named = False
        self._outside = 0
        self._owners: dict[int, Folded] = {}

    def feed(self, data: Any, start: int = 0, stop: int | None = None) -> list[ResponseStreamEvent]:
        """Takes the next bytes. Raises StreamError where that was asked for."""
        try:
            self._take_items(self._framer_items(data if (start, stop) == (0, None) else data[start:stop]), None)
        finally:
            self._gather()
        return []

    def finish(self) -> list[ResponseStreamEvent]:
        """Ends the source. Raises StreamError where that was asked for."""
        try:
            super().finish()
        finally:
            self._gather()
        kept = [found for found in self._store.kept if self._has(self._begin_of(found))]
        whole = self._numbered or len(self._store.kept) >= KEPT
        self._stream.diagnostics.update(self._store.counts if whole else Counter(found.code for found in kept))
        for table in self._stream.of("diagnostics"):
            for found in sorted(kept, key=lambda found: found.offset):
                table.add(self._diagnostic_row(found))
        return []

    def overlap(self, start: int, end: int) -> int:
        """How many of the bytes from `start` to `end` are in the part."""
        return max(0, min(end, end if self._stop is None else self._stop) - max(start, self.start))

    def _has(self, offset: int) -> bool:
        return self.start <= offset and (self._stop is None or offset < self._stop)

    def _begin_of(self, found: Diagnostic) -> int:
        owner = self._owners.get(id(found))
        return found.offset if owner is None else owner.byte_start

    def _number(self, number: int | None) -> int | None:
        return number if self._numbered else None

    def _heard(self, parsed: Parsed, folded: Folded | None, events: list[Any] | None) -> None:
        if not self._events:
            return
        self._named = self._named or parsed.lane is not None
        index = self._outside if folded is None else folded.events - 1
        self._outside += folded is None
        if not self._has(parsed.offset if folded is None else folded.byte_start):
            return
        number = None if folded is None or self._named else self._number(self._lanes._count)
        for table in self._events:
            row = event_row(parsed, folded, number, index, whole=table.whole)
            table.add((self._name, *row))

    def _gather(self) -> None:
        ended, self._lanes.ended = self._lanes.ended, []
        for folded in ended:
            self._owners.update((id(found), folded) for found in folded.diagnostics)
            if not self._has(folded.byte_start):
                continue
            self._stream.responses[folded.status or ""] += 1
            number = self._number(folded.stream_index)
            for table in self._stream.of("responses"):
                source, _, *row = response_row(folded, self._name, whole=table.whole)
                table.add((source, number, *row))
            for table in self._stream.of("items"):
                for item in item_rows(folded):
                    table.add((self._name, number, folded.id, *item))

    def _diagnostic_row(self, found: Diagnostic) -> Row:
        owner = self._owners.get(id(found))
        number = None if owner is None else self._number(owner.stream_index)
        place = (found.offset, found.length, found.line)
        told = (found.code, found.severity, found.message)
        return (self._name, number, *place, *told, found.response_id)
