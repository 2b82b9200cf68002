"""Scans of many files as Arrow tables, and rows as dicts."""

from __future__ import annotations

import os

from respstream import _backend
from respstream._suggest import suggestion
from respstream.inputs.filters import OPTIONS as FILTERS
from respstream.inputs.filters import FilteredInput, Filters
from respstream.tables.columns import CALL, COLUMNS, EXTRA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, Unpack, overload

    import duckdb
    import pandas
    import polars
    import pyarrow

    from respstream._options import TableName
    from respstream.inputs.paths import Input
    from respstream.protocols.response import Response
    from respstream.stream import Options

else:

    def overload(function: Any) -> Any:
        """Stands in for `typing.overload`, whose import costs more than this package."""
        return function


__all__ = ["Scan", "Summary", "response_row", "scan", "schema"]

_BATCH_ROWS = 8192
_MOST = (1 << 31) - 1
_PARAMETERS = ("paths", "table", "columns", "threads", "batch_rows", "progress", "target_bytes")
"""Of `scan` and of `plan`: named where an option is not known."""
_OPTIONS = ("api", "form", "on_eof", "strict", "max_event_bytes", "field", "time", "lane", *FILTERS)


def response_row(response: Response, source: str, *, whole: bool = False) -> dict[str, Any]:
    """The row of one response as a dict, in column order; times are aware datetimes in UTC.

    `source`: the value of the first column. `whole`: include the column `response_json`.
    """
    from datetime import UTC, datetime, timedelta

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    values = _backend.engine.response_row(response._state, source, whole=whole)
    row: dict[str, Any] = {}
    for (name, kind), value in zip(COLUMNS["responses"], values, strict=True):
        if name in EXTRA and not whole:
            continue
        if kind == "ts" and value is not None:
            row[name] = epoch + timedelta(microseconds=value)
        elif name == "tool_calls" and value is not None:
            row[name] = [dict(zip(CALL, call, strict=True)) for call in value]
        else:
            row[name] = value
    return row


class Summary:
    """The counts of one pass over the sources.

    `sources`: the number of sources read. `bytes`: their size, decompressed. `rows`: the number of rows by table.
    `responses`: the number of responses by status ("" for none). `diagnostics`: their number by code. `problems`: (source,
    code, reason) of sources that could not be read to their end. `without_responses`: (source, code, message) of those that
    have bytes and no response; the message says what they look like. `skipped`: the number of bytes that were not fully checked,
    because no selected column depends on them. `complete`: the pass reached its end.
    """

    __slots__ = (
        "bytes", "complete", "diagnostics", "problems", "responses", "rows", "skipped", "sources", "without_responses",
    )  # fmt: skip

    def __init__(self, tables: Sequence[str], counts: dict[str, Any]) -> None:
        self.sources: int = counts["sources"]
        self.bytes: int = counts["bytes"]
        self.rows: dict[str, int] = dict(zip(tables, counts["rows"], strict=True))
        self.responses: dict[str, int] = counts["responses"]
        self.diagnostics: dict[str, int] = counts["diagnostics"]
        self.problems: list[tuple[str, str, str]] = counts["problems"]
        self.without_responses: list[tuple[str, str, str]] = counts["without_responses"]
        self.skipped: int = counts["skipped"]
        self.complete: bool = counts["complete"]

    @property
    def checked(self) -> str:
        """Whether JSON and UTF-8 of "all" bytes were checked, or of "some", because no selected column depends on the rest."""
        return "some" if self.skipped else "all"

    def to_dict(self) -> dict[str, Any]:
        """All attributes as a dict."""
        return {name: getattr(self, name) for name in self.__slots__} | {"checked": self.checked}

    def __repr__(self) -> str:
        return f"Summary({self.to_dict()!r})"

    def _repr_html_(self) -> str:
        """The counts in a notebook."""
        from respstream._html import definitions

        def text(value: Any) -> str:
            if isinstance(value, dict):
                return ", ".join(f"{name or '(none)'}: {count:,}" for name, count in value.items())
            if isinstance(value, list):
                return "; ".join(" ".join(entry) for entry in value)
            return f"{value:,}" if type(value) is int else str(value)

        return definitions((name, text(value)) for name, value in self.to_dict().items())


class Scan:
    """Sources as Arrow tables, read each time the scan is iterated, exported or written. See `scan`.

    A scan of one table has Arrow's PyCapsule interface: pyarrow, polars, DuckDB and nanoarrow read it directly. The method
    `to_…` of each library returns its table. docs/tables.md lists which of their functions read a scan.
    """

    def __init__(
        self,
        inputs: list[Input],
        tables: dict[str, list[str] | None],
        threads: int,
        batch_rows: int,
        options: dict[str, Any],
        *,
        split: bool = False,
        full: bool = False,
    ) -> None:
        self.tables = list(tables)
        self._wanted = list(tables.items())
        self._split = split
        self._place = ""  # what `scan` was called with, in the repr
        self._names = [one.name for one in inputs]
        self._files = [one.place for one in inputs if isinstance(one.place, bytes)]
        own = {name: value for name, value in options.items() if name not in FILTERS}
        found = _filtered(inputs, {name: options[name] for name in FILTERS if options.get(name) is not None})
        self._counted = [one.place for one in found if isinstance(one.place, FilteredInput)]
        self._core = _engine().Scan(
            found, self._wanted, threads=threads, batch_rows=batch_rows, split=split, full=full, **own
        )
        self._stream: Any = None
        self._progress: Callable[[Summary], object] | None = None

    def _start(self) -> Any:
        for one in self._counted:
            one.stored = 0
        self._stream = self._core.stream()
        return self._stream

    def _only(self) -> str:
        if len(self.tables) != 1:
            raise ValueError(f"this scan has several tables ({', '.join(self.tables)}): request one, or use batches()")
        return self.tables[0]

    @property
    def schema(self) -> Any:
        """The Arrow schema (`__arrow_c_schema__`); a dict of schemas if the scan has several tables."""
        found = {name: _engine().Schema(name, columns, split=self._split) for name, columns in self._wanted}
        return found if len(found) > 1 else found[self.tables[0]]

    @property
    def summary(self) -> Summary | None:
        """The counts of the latest pass so far; None before the first."""
        return None if self._stream is None else Summary(self.tables, self._stream.summary())

    @property
    def _stored(self) -> int:
        """The bytes that the latest pass has read so far, before decompression."""
        if self._stream is None:
            return 0
        # The engine gets the bytes behind the filters.
        return sum(one.stored for one in self._counted) if self._counted else self._stream.stored

    def batches(self) -> Iterator[Any]:
        """The rows in batches (`__arrow_c_array__`, `num_rows`).

        Yields pairs of a table's name and a batch if the scan has several tables.
        """
        stream = self._start()
        while (found := stream.next_batch()) is not None:
            if self._progress is not None:
                self._progress(Summary(self.tables, stream.summary()))
            place, batch = found
            yield batch if len(self.tables) == 1 else (self.tables[place], batch)

    def __iter__(self) -> Iterator[Any]:
        return self.batches()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        self._only()
        return self._start().__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> Any:
        self._only()
        return self.schema.__arrow_c_schema__()

    def __array__(self, *_: Any, **__: Any) -> Any:
        # pandas.DataFrame(scan) and numpy call this method. Without it, they would make one cell of each batch.
        raise TypeError(
            "a scan is not an array: use scan.to_pandas(), or pandas.DataFrame.from_arrow(scan) with pandas 3"
        )

    def to_arrow(self) -> pyarrow.Table:  # pyright: ignore[reportUnknownParameterType]
        """A `pyarrow.Table`, or a dict of them if the scan has several tables, from one pass."""
        from respstream.tables.writers import to_arrow

        found: Any = to_arrow(self)
        return found

    def to_polars(self) -> polars.DataFrame:
        """A `polars.DataFrame`, or a dict of them if the scan has several tables.

        Raises ImportError that names the extra if polars is not installed.
        """
        made: polars.DataFrame = self._made(_required("polars", "polars").DataFrame)
        return made

    def to_pandas(self) -> pandas.DataFrame:
        """A `pandas.DataFrame`, through pyarrow, or a dict of them if the scan has several tables.

        Raises ImportError that names the extra if pandas is not installed.
        """
        _required("pandas", "pandas")
        found: Any = self.to_arrow()
        if len(self.tables) > 1:
            found = {name: table.to_pandas() for name, table in found.items()}
            return found
        return found.to_pandas()

    def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """A `duckdb.DuckDBPyRelation`, or a dict of them if the scan has several tables.

        The relation of one table reads the sources at each query; those of several tables are in memory. `connection`: a
        `duckdb.DuckDBPyConnection`; default: that of the module `duckdb`. Raises ImportError that names the extra if duckdb
        is not installed.
        """
        database = _required("duckdb", "duckdb") if connection is None else connection
        made: duckdb.DuckDBPyRelation = self._made(database.from_arrow)
        return made

    def _made(self, make: Any) -> Any:
        """What `make` makes of this scan, or of each of its tables, which are read in one pass."""
        if len(self.tables) == 1:
            return make(self)
        tables: Any = self.to_arrow()
        return {name: make(table) for name, table in tables.items()}

    def write_parquet(self, path: str | os.PathLike[str], *, partition_by: str | None = None) -> Summary:
        """Writes a Parquet file, compressed with zstd.

        One table is written to a file, which appears under its name once it is complete and replaces an existing file.
        Several tables, or one that is partitioned by a column (`column=value` folders, as in Hive), are written to a
        folder, which must be empty or missing. Returns the counts of the pass. Raises ImportError without pyarrow,
        ValueError for a column that cannot partition, and OSError.
        """
        return self._write(path, "parquet", partition_by)

    def write_ipc(self, path: str | os.PathLike[str], *, partition_by: str | None = None) -> Summary:
        """Writes an Arrow IPC file (Feather), compressed with zstd; otherwise as `write_parquet`."""
        return self._write(path, "ipc", partition_by)

    def write_jsonl(self, path: str | os.PathLike[str], *, partition_by: str | None = None) -> Summary:
        """Writes JSON Lines: one object per row, times in RFC 3339; otherwise as `write_parquet`."""
        return self._write(path, "jsonl", partition_by)

    def write_csv(
        self, path: str | os.PathLike[str], *, partition_by: str | None = None, safe: bool = False
    ) -> Summary:
        """Writes CSV with a header; null is an empty field, nested values are JSON. Otherwise as `write_parquet`.

        `safe`: write `'` before texts that begin with `=`, `+`, `-`, `@`, a tab or a carriage return, which spreadsheets
        run as formulas.
        """
        return self._write(path, "safe_csv" if safe else "csv", partition_by)

    def _write(self, path: str | os.PathLike[str], form: str, partition_by: str | None) -> Summary:
        from respstream.inputs.identity import identity
        from respstream.tables.writers import write

        target = identity(os.fspath(path))
        if target is not None and any(identity(file) == target for file in self._files):
            raise ValueError(f"{os.fspath(path)!r} is one of the inputs of the scan")
        write(self, path, form, partition_by)
        summary = self.summary
        if summary is None:  # pragma: no cover
            raise RuntimeError("no batch was read")
        return summary

    def _repr_html_(self) -> str:
        """What is read, and the columns, in a notebook. Nothing is read."""
        from respstream._html import definitions, escaped

        columns = {
            name: wanted or [column for column, _ in COLUMNS[name] if column not in EXTRA]
            for name, wanted in self._wanted
        }
        rows = [(f"columns of {name}", ", ".join(wanted)) for name, wanted in columns.items()]
        return f"<p>{escaped(self)}</p>{definitions(rows)}"

    def __repr__(self) -> str:
        count = len(self._names)
        place = self._place or (repr(self._names[0]) if count == 1 else "")
        files = "" if count == 1 else f"{count:,} files"
        return f"Scan({', '.join(filter(None, [*self.tables, place, files]))})"


if TYPE_CHECKING:

    class SeveralTables(Scan):
        """A scan of several tables, for type checkers: its methods return a dict by table."""

        def to_arrow(self) -> dict[str, pyarrow.Table]:  # type: ignore[override, unused-ignore]
            """By table."""
            ...

        def to_polars(self) -> dict[str, polars.DataFrame]:  # type: ignore[override, unused-ignore]
            """By table."""
            ...

        def to_pandas(self) -> dict[str, pandas.DataFrame]:  # type: ignore[override, unused-ignore]
            """By table."""
            ...

        def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> dict[str, duckdb.DuckDBPyRelation]:  # type: ignore[override, unused-ignore]
            """By table."""
            ...


@overload
def scan(  # noqa: D103
    paths: Any,
    table: TableName = "responses",
    columns: Iterable[str] | dict[str, Iterable[str]] | None = None,
    threads: int | None = None,
    batch_rows: int | None = None,
    *,
    progress: Callable[[Summary], object] | None = None,
    **options: Unpack[Options],
) -> Scan: ...
@overload
def scan(  # noqa: D103, F811
    paths: Any,
    table: Sequence[TableName],
    columns: Iterable[str] | dict[str, Iterable[str]] | None = None,
    threads: int | None = None,
    batch_rows: int | None = None,
    *,
    progress: Callable[[Summary], object] | None = None,
    **options: Unpack[Options],
) -> SeveralTables: ...
def scan(  # noqa: F811
    paths: Any,
    table: TableName | Sequence[TableName] = "responses",
    columns: Iterable[str] | dict[str, Iterable[str]] | None = None,
    threads: int | None = None,
    batch_rows: int | None = None,
    *,
    progress: Callable[[Summary], object] | None = None,
    **options: Any,
) -> Scan:
    """Reads logs as Arrow tables, on all cores and in bounded memory.

    `paths`: a path, glob, folder or URL, or a list of them; gzip and zstd are detected. `table`: "responses", "events",
    "items" or "diagnostics", or a list of them, which are read in one pass. `columns`: a list of names, or a dict by table;
    default: all columns except `response_json` and `payload`. `threads`: default one per core. `batch_rows`: the maximum
    number of rows of a batch, default 8,192. `progress`: is called with the counts so far before each batch of `batches()`,
    `to_arrow()`, `to_pandas()` and the writers; libraries that read the Arrow stream themselves do not call it.
    `options`: those of `responses`.

    Raises FileNotFoundError for a path that does not exist, ValueError and TypeError for invalid options. Sources that
    cannot be read, and malformed input, are reported in `summary` and in the table `diagnostics`; the scan continues. With
    `strict`, the scan yields the batches before the first error, and then raises StreamError with the name of the source.
    """
    from respstream.inputs import paths as _paths

    names = [table] if isinstance(table, str) else list(table)
    given = given_options(options)
    found = _paths.inputs(paths)
    made = Scan(found, wanted_columns(names, columns), _count("threads", threads, os.cpu_count() or 1),
                batch_size(batch_rows), given)  # fmt: skip
    made._progress = progress
    if isinstance(paths, (str, os.PathLike)):
        made._place = repr(os.fspath(paths))
    return made


def schema(table: TableName = "responses", columns: Iterable[str] | None = None) -> Any:
    """The Arrow schema of a table (`__arrow_c_schema__`), with a version in its metadata.

    `columns`: as in `scan`. Raises ValueError for an unknown table or column.
    """
    wanted = wanted_columns([table], columns)
    return _engine().Schema(table, wanted[table])


def _required(package: str, extra: str) -> Any:
    """The module of a package. Raises ImportError that names the extra if it is not installed."""
    from importlib import import_module

    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ImportError(f"{package} tables need {package}: pip install 'respstream[{extra}]'") from None


def _engine() -> Any:
    """The module that scans: the extension, or the fallback, which uses pyarrow."""
    if hasattr(_backend.engine, "Scan"):
        return _backend.engine
    from respstream.tables import fallback_scan

    return fallback_scan


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a scan, with their defaults. Raises TypeError for an unknown option, ValueError for its value."""
    unknown = sorted(options.keys() - set(_OPTIONS))
    if unknown:
        near = suggestion(unknown[0], [*_OPTIONS, *_PARAMETERS]) or f"; its options are {', '.join(_OPTIONS)}"
        raise TypeError(f"scan() has no option {unknown[0]!r}{near}")
    from respstream.recordings.file_decoder import FileDecoder
    from respstream.stream import FILE_EVENT_BYTES

    given: dict[str, Any] = {"max_event_bytes": FILE_EVENT_BYTES} | options
    FileDecoder(**{name: value for name, value in given.items() if name not in FILTERS})
    Filters(**{name: given.get(name) for name in FILTERS})
    return given


def _filtered(inputs: list[Input], filters: dict[str, Any]) -> list[Input]:
    """The inputs behind filters. The engines read them through Python, which is slower than the files themselves."""
    if not filters:
        return inputs
    return [one._replace(place=FilteredInput(one.place, filters)) for one in inputs]


def batch_size(rows: int | None) -> int:
    """The maximum number of rows of a batch, checked."""
    return _count("batch_rows", rows, _BATCH_ROWS)


def _count(name: str, value: int | None, default: int) -> int:
    from operator import index

    if value is None:
        return default
    if index(value) < 1:
        raise ValueError(f"{name} must be positive")
    return min(index(value), _MOST)


def wanted_columns(tables: Sequence[str], columns: Any) -> dict[str, list[str] | None]:
    """The selected columns of each table, checked; None for all."""
    wanted: dict[str, list[str] | None] = {}
    for table in tables:
        if table not in COLUMNS:
            raise ValueError(f"table must be one of {', '.join(COLUMNS)}, not {table!r}{suggestion(table, COLUMNS)}")
        if table in wanted:
            raise ValueError(f"the table {table!r} is requested twice")
        names = columns.get(table) if isinstance(columns, dict) else columns
        wanted[table] = None if names is None else _columns(table, names)
    if not wanted:
        raise ValueError("no table is requested")
    if isinstance(columns, dict) and (other := sorted(columns.keys() - wanted.keys())):
        raise ValueError(f"columns of {other[0]!r} are requested, but not the table")
    if columns is not None and not isinstance(columns, dict) and len(wanted) > 1:
        raise ValueError("columns of several tables must be a dict by table name")
    return wanted


def _columns(table: str, names: Any) -> list[str]:
    if isinstance(names, str):
        raise TypeError(f"columns must be a list of names, not {names!r}")
    found = list(names)
    known = [name for name, _ in COLUMNS[table]]
    for name in found:
        if name not in known:
            near = suggestion(name, known) or f"; its columns are {', '.join(known)}"
            raise ValueError(f"the table {table!r} has no column {name!r}{near}")
    if len(set(found)) != len(found):
        raise ValueError("a column is requested twice")
    return found
