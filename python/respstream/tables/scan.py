"""The tables that streams are read into: their columns, rows as dicts, and scans of many files."""

from __future__ import annotations

import os

from respstream import _backend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from respstream.paths import Input
    from respstream.response import Response

__all__ = ["COLUMNS", "EXTRA", "VERSION", "Scan", "Summary", "response_row", "scan", "schema"]

VERSION = "2"
"""In the metadata of every schema, as `respstream.version`. It grows when columns are added; none is ever renamed."""

EXTRA = frozenset({"response_json", "payload"})
"""The columns that are only there when they are asked for."""

COLUMNS: dict[str, list[tuple[str, str]]] = {
    "responses": [
        ("source", "str!"),
        ("stream_index", "int!"),
        ("byte_start", "int!"),
        ("byte_end", "int!"),
        ("response_id", "str"),
        ("previous_response_id", "str"),
        ("conversation_id", "str"),
        ("model", "str"),
        ("status", "str"),
        ("terminal", "str"),
        ("created_at", "ts"),
        ("completed_at", "ts"),
        ("service_tier", "str"),
        ("input_tokens", "int"),
        ("cached_tokens", "int"),
        ("output_tokens", "int"),
        ("reasoning_tokens", "int"),
        ("total_tokens", "int"),
        ("output_text", "str"),
        ("refusal", "str"),
        ("reasoning_text", "str"),
        ("reasoning_summary", "str"),
        ("items", "int!"),
        ("tool_calls", "list<struct<type str, call_id str, name str, arguments str>>!"),
        ("incomplete_reason", "str"),
        ("error_code", "str"),
        ("error_message", "str"),
        ("metadata", "str"),
        ("events", "int!"),
        ("deltas", "int!"),
        ("first_sequence", "int"),
        ("last_sequence", "int"),
        ("started_at", "ts"),
        ("first_delta_at", "ts"),
        ("ended_at", "ts"),
        ("lane", "str"),
        ("diagnostics", "list<str>!"),
        ("response_json", "str"),
        ("duration", "real"),
        ("time_to_first_token", "real"),
        ("inter_token_mean", "real"),
        ("inter_token_p50", "real"),
        ("inter_token_p95", "real"),
        ("inter_token_p99", "real"),
        ("longest_stall", "real"),
        ("output_tokens_per_second", "real"),
    ],
    "events": [
        ("source", "str!"),
        ("stream_index", "int"),
        ("event_index", "int!"),
        ("byte_start", "int!"),
        ("byte_end", "int!"),
        ("response_id", "str"),
        ("type", "dict!"),
        ("sequence_number", "int"),
        ("item_id", "str"),
        ("output_index", "int"),
        ("content_index", "int"),
        ("summary_index", "int"),
        ("delta", "str"),
        ("time", "ts"),
        ("lane", "str"),
        ("payload", "str"),
    ],
    "items": [
        ("source", "str!"),
        ("stream_index", "int!"),
        ("response_id", "str"),
        ("output_index", "int!"),
        ("item_id", "str"),
        ("type", "str"),
        ("status", "str"),
        ("role", "str"),
        ("name", "str"),
        ("call_id", "str"),
        ("text", "str"),
        ("arguments", "str"),
    ],
    "diagnostics": [
        ("source", "str!"),
        ("stream_index", "int"),
        ("offset", "int"),
        ("length", "int"),
        ("line", "int"),
        ("code", "str!"),
        ("severity", "str!"),
        ("message", "str!"),
        ("response_id", "str"),
    ],
}
"""The columns of each table, as (name, type); a type that ends in ! is never null. Those in `EXTRA` come when asked for."""

_CALL = ("type", "call_id", "name", "arguments")
_BATCH_ROWS = 8192
_MOST = (1 << 31) - 1
_OPTIONS = ("form", "on_eof", "strict", "max_event_bytes", "field", "time", "lane")


def response_row(response: Response, source: str, *, whole: bool = False) -> dict[str, Any]:
    """The row of one response as a dict, in column order; times are aware datetimes in UTC.

    `source` is the name to put into the first column; with `whole` the folded response is there as JSON.
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
            row[name] = [dict(zip(_CALL, call, strict=True)) for call in value]
        else:
            row[name] = value
    return row


class Summary:
    """What came of a pass over the sources.

    `sources`: how many were read; `bytes`: of plain text; `rows` by table; `responses` by status ("" where there is none);
    `diagnostics` by code; `problems`: (source, code, reason) of those that could not be read through; `skipped`: bytes of
    which not everything was checked, since no column asked for it; `complete`: the pass came to its end.
    """

    __slots__ = ("bytes", "complete", "diagnostics", "problems", "responses", "rows", "skipped", "sources")

    def __init__(self, tables: Sequence[str], counts: dict[str, Any]) -> None:
        self.sources: int = counts["sources"]
        self.bytes: int = counts["bytes"]
        self.rows: dict[str, int] = dict(zip(tables, counts["rows"], strict=True))
        self.responses: dict[str, int] = counts["responses"]
        self.diagnostics: dict[str, int] = counts["diagnostics"]
        self.problems: list[tuple[str, str, str]] = counts["problems"]
        self.skipped: int = counts["skipped"]
        self.complete: bool = counts["complete"]

    @property
    def checked(self) -> str:
        """What was checked: "all" of JSON and UTF-8, or "some" where columns did not ask for all."""
        return "some" if self.skipped else "all"

    def to_dict(self) -> dict[str, Any]:
        """All of it as a plain dict."""
        return {name: getattr(self, name) for name in self.__slots__} | {"checked": self.checked}

    def __repr__(self) -> str:
        return f"Summary({self.to_dict()!r})"


class Scan:
    """Sources as Arrow tables, read anew each time the scan is iterated, exported or written. See `scan`.

    A scan of one table speaks Arrow's PyCapsule interface: pyarrow, polars, DuckDB, pandas and nanoarrow read it as it is.
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
        self._core = _engine().Scan(
            inputs, self._wanted, threads=threads, batch_rows=batch_rows, split=split, full=full, **options
        )
        self._stream: Any = None

    def _start(self) -> Any:
        self._stream = self._core.stream()
        return self._stream

    def _only(self) -> str:
        if len(self.tables) != 1:
            raise ValueError(
                f"this scan is of several tables ({', '.join(self.tables)}); ask for one, or use batches()"
            )
        return self.tables[0]

    @property
    def schema(self) -> Any:
        """The Arrow schema (`__arrow_c_schema__`); of several tables a dict of them."""
        found = {name: _engine().Schema(name, columns, split=self._split) for name, columns in self._wanted}
        return found if len(found) > 1 else found[self.tables[0]]

    @property
    def summary(self) -> Summary | None:
        """What came of the latest pass, so far; None before the first."""
        return None if self._stream is None else Summary(self.tables, self._stream.summary())

    def batches(self) -> Iterator[Any]:
        """The rows in batches (`__arrow_c_array__`, `num_rows`); of several tables pairs of the table's name and a batch."""
        stream = self._start()
        while (found := stream.next_batch()) is not None:
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

    def to_arrow(self) -> Any:
        """A `pyarrow.Table`; of several tables a dict of them, from one pass."""
        from respstream import writers

        return writers.to_arrow(self)

    def to_polars(self) -> Any:
        """A `polars.DataFrame`; of several tables a dict of them. Raises ImportError that names the extra."""
        try:
            import polars
        except ImportError:
            raise ImportError("pip install 'respstream[polars]' makes polars' tables") from None
        if len(self.tables) > 1:
            return {name: polars.DataFrame(table) for name, table in self.to_arrow().items()}
        return polars.DataFrame(self)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, through pyarrow; of several tables a dict of them."""
        found = self.to_arrow()
        return {name: table.to_pandas() for name, table in found.items()} if len(self.tables) > 1 else found.to_pandas()

    def write_parquet(self, path: str | os.PathLike[str], *, partition_by: str | None = None) -> Summary:
        """Writes a Parquet file, compressed by zstd. See `writers.write` on what all writers share."""
        return self._write(path, "parquet", partition_by)

    def write_ipc(self, path: str | os.PathLike[str], *, partition_by: str | None = None) -> Summary:
        """Writes an Arrow IPC file (Feather), compressed by zstd."""
        return self._write(path, "ipc", partition_by)

    def write_jsonl(self, path: str | os.PathLike[str], *, partition_by: str | None = None) -> Summary:
        """Writes JSON Lines: one object a row, times as RFC 3339 has them."""
        return self._write(path, "jsonl", partition_by)

    def write_csv(self, path: str | os.PathLike[str], *, partition_by: str | None = None) -> Summary:
        """Writes CSV with a header; null is an empty field, nested values are JSON."""
        return self._write(path, "csv", partition_by)

    def _write(self, path: str | os.PathLike[str], form: str, partition_by: str | None) -> Summary:
        from respstream import writers

        writers.write(self, path, form, partition_by)
        summary = self.summary
        if summary is None:  # pragma: no cover
            raise RuntimeError("nothing was read")
        return summary

    def __repr__(self) -> str:
        return f"Scan({', '.join(self.tables)})"


def scan(
    paths: Any,
    table: str | Iterable[str] = "responses",
    columns: Iterable[str] | dict[str, Iterable[str]] | None = None,
    threads: int | None = None,
    batch_rows: int | None = None,
    **options: Any,
) -> Scan:
    """Reads logs as Arrow tables, on all cores and in bounded memory.

    `paths`: a path, glob, folder or URL, or a list of them; gzip and zstd are seen by their magic bytes. `table`:
    "responses", "events", "items" or "diagnostics", or several of them, which one pass gives. `columns`: their names, with
    several tables a dict by table; all but those in `EXTRA` by default. `threads`: as many as there are cores by default.
    `batch_rows`: the most rows of a batch, 8,192 by default. Options: those of `responses`.

    Raises FileNotFoundError for a path that names nothing, ValueError and TypeError for options. What cannot be read, or
    holds what it should not, is told by `summary` and the table `diagnostics`, and the rest goes on; with `strict`, the
    batches before it are given, and then StreamError is raised, which names the source.
    """
    from respstream import paths as _paths

    names = [table] if isinstance(table, str) else list(table)
    given = given_options(options)
    found = _paths.inputs(paths)
    return Scan(found, wanted_columns(names, columns), _count("threads", threads, os.cpu_count() or 1),
                batch_size(batch_rows), given)  # fmt: skip


def schema(table: str = "responses", columns: Iterable[str] | None = None) -> Any:
    """The Arrow schema of a table (`__arrow_c_schema__`), with a version in its metadata. Raises ValueError for no table."""
    wanted = wanted_columns([table], columns)
    return _engine().Schema(table, wanted[table])


def _engine() -> Any:
    """What scans: the extension, or its twin through pyarrow."""
    if hasattr(_backend.engine, "Scan"):
        return _backend.engine
    from respstream import _arrow

    return _arrow


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a scan, with their defaults. Raises TypeError for one that is none, ValueError for its value."""
    unknown = sorted(options.keys() - set(_OPTIONS))
    if unknown:
        raise TypeError(f"scan() takes no option {unknown[0]!r}; there are {', '.join(_OPTIONS)}")
    from respstream.stream import FILE_EVENT_BYTES
    from respstream.wrapped import FileDecoder

    given: dict[str, Any] = {"max_event_bytes": FILE_EVENT_BYTES} | options
    FileDecoder(**given)
    return given


def batch_size(rows: int | None) -> int:
    """The most rows of a batch, checked."""
    return _count("batch_rows", rows, _BATCH_ROWS)


def _count(name: str, value: int | None, default: int) -> int:
    from operator import index

    if value is None:
        return default
    if index(value) < 1:
        raise ValueError(f"{name} must be positive")
    return min(index(value), _MOST)


def wanted_columns(tables: list[str], columns: Any) -> dict[str, list[str] | None]:
    """The columns of each table, checked; None where all are wanted."""
    wanted: dict[str, list[str] | None] = {}
    for table in tables:
        if table not in COLUMNS:
            raise ValueError(f"table must be one of {', '.join(COLUMNS)}, not {table!r}")
        if table in wanted:
            raise ValueError(f"the table {table!r} is asked for twice")
        names = columns.get(table) if isinstance(columns, dict) else columns
        wanted[table] = None if names is None else _columns(table, names)
    if not wanted:
        raise ValueError("no table is asked for")
    if isinstance(columns, dict) and (other := sorted(columns.keys() - wanted.keys())):
        raise ValueError(f"columns are given of {other[0]!r}, which is no table that is asked for")
    if columns is not None and not isinstance(columns, dict) and len(wanted) > 1:
        raise ValueError("columns of several tables are a dict by table")
    return wanted


def _columns(table: str, names: Any) -> list[str]:
    if isinstance(names, str):
        raise TypeError(f"columns is a list of names, not {names!r}")
    found = list(names)
    known = {name for name, _ in COLUMNS[table]}
    for name in found:
        if name not in known:
            raise ValueError(f"the table {table!r} has no column {name!r}")
    if len(set(found)) != len(found):
        raise ValueError("a column is asked for twice")
    return found
