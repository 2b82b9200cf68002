"""Writes tables to files, batch by batch: Parquet, Arrow IPC, JSON Lines and CSV. Needs pyarrow.

An output file appears under its name once it is complete.
"""

# pathlib would normalise names; they are used as they are.
# ruff: noqa: PTH103, PTH112, PTH118, PTH123, PTH208, SIM115

from __future__ import annotations

import contextlib
import csv
import errno
import json
import os
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any, Protocol

from respstream._suggest import suggestion
from respstream.inputs.atomic import is_replaceable, new_file, new_folder
from respstream.tables.parquet_encodings import encodings

ROW_GROUP_ROWS = 1 << 16
ZSTD_LEVEL = 3  # the default of zstd itself; pyarrow's is 1
ROW_GROUP_BYTES = 64 << 20
SUFFIXES = {"parquet": ".parquet", "ipc": ".arrow", "jsonl": ".jsonl", "csv": ".csv", "safe_csv": ".csv"}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


class Scanned(Protocol):
    """The scan to be written: `respstream.tables.Scan`."""

    tables: list[str]

    @property
    def schema(self) -> Any:
        """The Arrow schema, or a dict of schemas."""

    def batches(self) -> Iterator[Any]:
        """The batches, or pairs of a table's name and a batch."""
        ...


def to_arrow(scan: Scanned) -> Any:
    """A pyarrow table, or a dict of them if the scan has several."""
    pa = _pyarrow()
    found: dict[str, list[Any]] = {name: [] for name in scan.tables}
    for name, batch in named_batches(scan):
        found[name].append(batch)
    schemas = _schemas(scan)
    tables = {name: pa.Table.from_batches(batches, schemas[name]) for name, batches in found.items()}
    return tables if len(tables) > 1 else tables[scan.tables[0]]


def write(scan: Scanned, path: str | os.PathLike[str], form: str, partition_by: str | None) -> None:
    """Writes the tables of a scan.

    `form`: "parquet", "ipc", "jsonl", "csv" or "safe_csv". One table is written to a file, which appears under its name once it is
    complete and replaces an existing file; a run that fails or is killed may leave a hidden file that ends in `.tmp`.
    Several tables, or one that is partitioned by a column (`column=value` folders, as in Hive), are written to a folder,
    which must be empty or missing. Raises ValueError, OSError, and ImportError without pyarrow.
    """
    target = os.path.realpath(os.fspath(path))
    _check(scan, partition_by)
    if len(scan.tables) == 1 and partition_by is None:
        if os.path.isdir(target):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
        if not is_replaceable(target):
            raise OSError(f"{target} is not a regular file and cannot be replaced atomically")
        with (
            new_file(target) as temporary,
            contextlib.closing(Unpartitioned(scan, lambda _: temporary, form)) as writer,
        ):
            writer.run()
        return
    with new_folder(target) as folder:
        several = len(scan.tables) > 1
        kind: type[Unpartitioned | Partitioned] = Unpartitioned if partition_by is None else Partitioned

        def place(table: str) -> str:
            if partition_by is None:
                return os.path.join(folder, table + SUFFIXES[form])
            return os.path.join(folder, table) if several else folder

        with contextlib.closing(kind(scan, place, form, partition_by)) as files:
            files.run()


def _check(scan: Scanned, partition_by: str | None) -> None:
    """Raises ValueError for a scan that cannot be written, before anything is read."""
    for schema in _schemas(scan).values():
        if partition_by is not None and partition_by not in schema.names:
            raise ValueError(f"no column {partition_by!r} to partition by{suggestion(partition_by, schema.names)}")
        if partition_by is not None and _pyarrow().types.is_nested(schema.field(partition_by).type):
            raise ValueError(f"the column {partition_by!r} contains lists; tables cannot be partitioned by lists")
        if set(schema.names) <= {partition_by}:  # files without columns have no rows
            raise ValueError("no column to write besides the partition column")


def named_batches(scan: Scanned) -> Iterator[tuple[str, Any]]:
    """The batches of a scan as pyarrow batches, with the names of their tables."""
    pa = _pyarrow()
    for found in scan.batches():
        name, batch = (scan.tables[0], found) if len(scan.tables) == 1 else found
        yield name, pa.record_batch(batch)


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise ImportError("writing tables and pyarrow tables need pyarrow: pip install 'respstream[arrow]'") from None
    return pyarrow


def _schemas(scan: Scanned) -> dict[str, Any]:
    found = scan.schema if len(scan.tables) > 1 else {scan.tables[0]: scan.schema}
    return {name: _pyarrow().schema(schema) for name, schema in found.items()}


# -- formats -----------------------------------------------------------------------------------------------------------


class File(Protocol):
    """A file for the batches of one table. `buffered`: the number of bytes that are not written yet."""

    buffered: int

    def write(self, batch: Any) -> None:
        """Writes a batch, at once or later."""

    def flush(self) -> None:
        """Writes the buffered batches."""

    def close(self) -> None:
        """Writes the buffered batches, and closes the file."""


class Unbuffered:
    """A file that writes each batch at once."""

    buffered = 0

    def flush(self) -> None:
        """Does nothing."""


class Parquet:
    """Row groups of at most `ROW_GROUP_ROWS` rows, or about `ROW_GROUP_BYTES`."""

    def __init__(self, path: str, schema: Any) -> None:
        self._path, self._schema = path, schema
        self._batches: list[Any] = []
        self._rows = self.buffered = 0
        self._writer: Any = None

    def write(self, batch: Any) -> None:
        """Buffers a batch; writes a row group once there are enough rows."""
        self._batches.append(batch)
        self._rows += batch.num_rows
        self.buffered += batch.get_total_buffer_size()
        if self._rows >= ROW_GROUP_ROWS or self.buffered >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes the buffered batches as a row group."""
        if self._batches:
            table = _pyarrow().Table.from_batches(self._batches, self._schema)
            self._open(table).write_table(table, row_group_size=max(self._rows, 1))
        self._batches, self._rows, self.buffered = [], 0, 0

    def close(self) -> None:
        """Writes the last row group and the footer."""
        self.flush()
        self._open(self._schema.empty_table()).close()

    def _open(self, first: Any) -> Any:
        """The writer, which is made for the first rows."""
        if self._writer is None:
            from pyarrow import parquet

            self._writer = parquet.ParquetWriter(
                self._path, self._schema, compression="zstd", compression_level=ZSTD_LEVEL, **encodings(first)
            )
        return self._writer


class Ipc(Unbuffered):
    """An Arrow IPC file. Its dictionaries may not change between batches, so dictionary columns are written as text."""

    def __init__(self, path: str, schema: Any) -> None:
        pa = _pyarrow()
        fields = [field.with_type(field.type.value_type) if _is_dictionary(field) else field for field in schema]
        self._schema = pa.schema(fields, schema.metadata)
        self._writer = pa.ipc.new_file(path, self._schema, options=pa.ipc.IpcWriteOptions(compression="zstd"))

    def write(self, batch: Any) -> None:
        """Writes a batch."""
        columns = [c.cast(f.type) if c.type != f.type else c for c, f in zip(batch.columns, self._schema, strict=True)]
        self._writer.write_batch(_pyarrow().RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        """Writes the footer."""
        self._writer.close()


def _is_dictionary(field: Any) -> bool:
    return bool(_pyarrow().types.is_dictionary(field.type))


class JsonLines(Unbuffered):
    """One JSON object per row."""

    def __init__(self, path: str, schema: Any) -> None:
        self._file = open(path, "w", encoding="utf-8", newline="\n")

    def write(self, batch: Any) -> None:
        """Writes a batch."""
        self._file.writelines(as_json(row) + "\n" for row in batch.to_pylist())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class Csv(Unbuffered):
    """A header and one record per row."""

    def __init__(self, path: str, schema: Any) -> None:
        self._file = open(path, "w", encoding="utf-8", newline="")
        self._writer = csv_writer(self._file)
        self._writer.writerow(schema.names)

    def write(self, batch: Any) -> None:
        """Writes a batch."""
        cell = self.cell
        self._writer.writerows([cell(value) for value in row.values()] for row in batch.to_pylist())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    @staticmethod
    def cell(value: Any) -> str:
        """A value as a field."""
        return as_text(value)


class SafeCsv(Csv):
    """CSV whose texts no spreadsheet runs as formulas."""

    @staticmethod
    def cell(value: Any) -> str:
        """A value as a field."""
        return as_cell(value)


FORMS: dict[str, Any] = {"parquet": Parquet, "ipc": Ipc, "jsonl": JsonLines, "csv": Csv}
_WRITERS: dict[str, Any] = {**FORMS, "safe_csv": SafeCsv}


def rfc3339(value: datetime) -> str:
    """A time in UTC in RFC 3339: `2026-03-01T12:00:00Z`, with microseconds if they are not zero."""
    return value.isoformat().replace("+00:00", "Z")


def as_json(value: Any) -> str:
    """A value as JSON on one line; times are strings."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=rfc3339)


def as_text(value: Any) -> str:
    """A value as one field of text: "" for null, JSON for nested values."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return rfc3339(value) if isinstance(value, datetime) else as_json(value)


class _LfLines:
    """A text file to which `csv.writer` writes lines that end in CRLF; they end in LF there."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, line: str) -> int:
        """Writes a line."""
        return self._file.write(line[:-2] + "\n")


def csv_writer(file: IO[str]) -> Any:
    """A `csv.writer` whose lines end in LF. Before Python 3.13 it quotes carriage returns only if its own lines end in CRLF."""
    return csv.writer(_LfLines(file), lineterminator="\r\n")


def as_cell(value: Any) -> str:
    """A value as one field of a spreadsheet: as `as_text`, with `'` before a text that would be a formula."""
    text = as_text(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


# -- tables to files ---------------------------------------------------------------------------------------------------


class Unpartitioned:
    """One file per table, also for tables without rows."""

    def __init__(self, scan: Scanned, place: Any, form: str, _: str | None = None) -> None:
        self._scan = scan
        self._files = {name: _WRITERS[form](place(name), schema) for name, schema in _schemas(scan).items()}

    def run(self) -> None:
        """Writes all batches."""
        for name, batch in named_batches(self._scan):
            self._files[name].write(batch)
        for file in self._files.values():
            file.close()

    def close(self) -> None:
        """Closes the files that a failure left open."""
        for file in self._files.values():
            with contextlib.suppress(Exception):
                file.close()


class Partitioned:
    """One file for each value of a column, in a folder `column=value`; the file does not contain the column."""

    MAX_FILES = 1024
    RESERVED = 64
    """The number of open files that are reserved for reading."""

    def __init__(self, scan: Scanned, place: Any, form: str, column: str | None) -> None:
        self._scan, self._place, self._form, self._column = scan, place, form, column
        self._files: dict[tuple[str, Any], File] = {}
        self._most = min(self.MAX_FILES, max(1, files_to_open() - self.RESERVED))

    def run(self) -> None:
        """Writes all batches. Raises ValueError for a column with too many values."""
        for name, batch in named_batches(self._scan):
            values = batch.column(self._column)
            rest = batch.drop_columns([self._column])
            for value in values.unique():
                self._file(name, value.as_py(), rest.schema).write(rest.filter(_same(values, value)))
            self._bound()
        for file in self._files.values():
            file.close()

    def _bound(self) -> None:
        # All files together may buffer as much as one row group: there can be many files.
        while sum(file.buffered for file in self._files.values()) > ROW_GROUP_BYTES:
            max(self._files.values(), key=lambda file: file.buffered).flush()

    def _file(self, name: str, value: Any, schema: Any) -> File:
        file = self._files.get((name, value))
        if file is None:
            if len(self._files) >= self._most:
                why = "" if self._most == self.MAX_FILES else ": the limit of open files is reached (ulimit -n)"
                raise ValueError(f"the column {self._column!r} has more than {self._most} values to partition by{why}")
            folder = os.path.join(self._place(name), f"{self._column}={_folder(value)}")
            try:
                os.makedirs(folder)
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:
                    raise
                start = as_text(value)[:40]
                raise ValueError(
                    f"a value of the column {self._column!r} is too long to name a folder: {start!r}…"
                ) from None
            file = self._files[name, value] = _WRITERS[self._form](
                os.path.join(folder, "part-0" + SUFFIXES[self._form]), schema
            )
        return file

    def close(self) -> None:
        """Closes the files that a failure left open."""
        for file in self._files.values():
            with contextlib.suppress(Exception):
                file.close()


def files_to_open() -> int:
    """The number of further files that this process may open, as far as the system says."""
    try:
        import resource
    except ImportError:  # Windows, whose limit is higher than `MAX_FILES`
        return Partitioned.MAX_FILES + Partitioned.RESERVED
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Partitioned.MAX_FILES + Partitioned.RESERVED
    opened = 0
    with contextlib.suppress(OSError):
        opened = len(os.listdir("/dev/fd"))
    return soft - opened


def _folder(value: Any) -> str:
    if value is None:
        return NULL_PARTITION
    from urllib.parse import quote

    text = as_text(value)
    if text == NULL_PARTITION:  # a text equal to the name of the null partition
        return "%5F" + text[1:]
    return quote(text, safe=" :@+,;=!$&'()")


def _same(values: Any, value: Any) -> Any:
    import pyarrow.compute

    compute: Any = pyarrow.compute

    if not value.is_valid:
        return compute.is_null(values)
    return compute.fill_null(compute.equal(values, value), False)
