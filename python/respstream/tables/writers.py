"""Tables to files, in a stream: Parquet, Arrow IPC, JSON Lines and CSV, which appear whole or not at all. Needs pyarrow."""

# Names stay as they were given, which pathlib would normalise.
# ruff: noqa: PTH103, PTH112, PTH118, PTH123, PTH208, SIM115

from __future__ import annotations

import contextlib
import csv
import errno
import json
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from respstream.files import is_replaceable, new_file, new_folder
from respstream.tables import Scan

ROW_GROUP_ROWS = 1 << 16
ROW_GROUP_BYTES = 64 << 20
SUFFIXES = {"parquet": ".parquet", "ipc": ".arrow", "jsonl": ".jsonl", "csv": ".csv"}
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def to_arrow(scan: Scan) -> Any:
    """A pyarrow table, or a dict of them where the scan has several."""
    pa = _pyarrow()
    found: dict[str, list[Any]] = {name: [] for name in scan.tables}
    for name, batch in named_batches(scan):
        found[name].append(batch)
    schemas = _schemas(scan)
    tables = {name: pa.Table.from_batches(batches, schemas[name]) for name, batches in found.items()}
    return tables if len(tables) > 1 else tables[scan.tables[0]]


def write(scan: Scan, path: str | os.PathLike[str], form: str, partition_by: str | None) -> None:
    """Writes the tables of a scan.

    One table is a file; it appears under its name when it is whole, in place of what was there, and not before: a run
    that fails or is killed changes nothing but may leave a hidden file that ends in `.tmp`. Several tables, or one that is
    partitioned by a column (folders named `column=value`, as Hive has them), are a folder, which must not exist or be empty.
    """
    target = os.path.realpath(os.fspath(path))
    _check(scan, partition_by)
    if len(scan.tables) == 1 and partition_by is None:
        if os.path.isdir(target):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
        if not is_replaceable(target):
            raise OSError(f"{target} is no regular file; it cannot be replaced as a whole")
        with new_file(target) as temporary, contextlib.closing(Plain(scan, lambda _: temporary, form)) as writer:
            writer.run()
        return
    with new_folder(target) as folder:
        several = len(scan.tables) > 1
        kind: type[Plain | Partitioned] = Plain if partition_by is None else Partitioned

        def place(table: str) -> str:
            if partition_by is None:
                return os.path.join(folder, table + SUFFIXES[form])
            return os.path.join(folder, table) if several else folder

        with contextlib.closing(kind(scan, place, form, partition_by)) as files:
            files.run()


def _check(scan: Scan, partition_by: str | None) -> None:
    """Tells what cannot be written before anything is read. Raises ValueError."""
    for schema in _schemas(scan).values():
        if partition_by is not None and partition_by not in schema.names:
            raise ValueError(f"there is no column {partition_by!r} to partition by")
        if partition_by is not None and _pyarrow().types.is_nested(schema.field(partition_by).type):
            raise ValueError(f"the column {partition_by!r} holds lists; there is no partitioning by them")
        if set(schema.names) <= {partition_by}:  # files without columns have no rows
            raise ValueError("no column is left to write")


def named_batches(scan: Scan) -> Iterator[tuple[str, Any]]:
    """The batches of a scan as pyarrow has them, with the names of their tables."""
    pa = _pyarrow()
    for found in scan.batches():
        name, batch = (scan.tables[0], found) if len(scan.tables) == 1 else found
        yield name, pa.record_batch(batch)


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise ImportError("pip install 'respstream[arrow]' writes tables and makes pyarrow's") from None
    return pyarrow


def _schemas(scan: Scan) -> dict[str, Any]:
    found = scan.schema if len(scan.tables) > 1 else {scan.tables[0]: scan.schema}
    return {name: _pyarrow().schema(schema) for name, schema in found.items()}


# -- formats -----------------------------------------------------------------------------------------------------------


class File(Protocol):
    """Takes batches of one table; `held`: the bytes of those that it keeps back."""

    held: int

    def write(self, batch: Any) -> None:
        """Writes a batch, at once or later."""

    def flush(self) -> None:
        """Writes what was kept back."""

    def close(self) -> None:
        """Writes what was kept back, and ends the file."""


class Direct:
    """A file that keeps nothing back."""

    held = 0

    def flush(self) -> None:
        """Does nothing."""


class Parquet:
    """Row groups of at most `ROW_GROUP_ROWS` rows, or about `ROW_GROUP_BYTES`."""

    def __init__(self, path: str, schema: Any) -> None:
        from pyarrow import parquet

        self._schema = schema
        self._batches: list[Any] = []
        self._rows = self.held = 0
        self._writer = parquet.ParquetWriter(path, schema, compression="zstd")

    def write(self, batch: Any) -> None:
        """Keeps a batch until there are enough for a row group."""
        self._batches.append(batch)
        self._rows += batch.num_rows
        self.held += batch.get_total_buffer_size()
        if self._rows >= ROW_GROUP_ROWS or self.held >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes a row group of what was kept back."""
        if self._batches:
            table = _pyarrow().Table.from_batches(self._batches, self._schema)
            self._writer.write_table(table, row_group_size=max(self._rows, 1))
        self._batches, self._rows, self.held = [], 0, 0

    def close(self) -> None:
        """Writes the last row group and the footer."""
        self.flush()
        self._writer.close()


class Ipc(Direct):
    """An Arrow IPC file. Its dictionaries may not change from batch to batch, so that words are plain text there."""

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


class JsonLines(Direct):
    """One JSON object a row."""

    def __init__(self, path: str, schema: Any) -> None:
        self._file = open(path, "w", encoding="utf-8", newline="\n")

    def write(self, batch: Any) -> None:
        """Writes a batch."""
        self._file.writelines(as_json(row) + "\n" for row in batch.to_pylist())

    def close(self) -> None:
        """Ends the file."""
        self._file.close()


class Csv(Direct):
    """A header and one record a row."""

    def __init__(self, path: str, schema: Any) -> None:
        self._file = open(path, "w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(schema.names)

    def write(self, batch: Any) -> None:
        """Writes a batch."""
        self._writer.writerows([as_text(value) for value in row.values()] for row in batch.to_pylist())

    def close(self) -> None:
        """Ends the file."""
        self._file.close()


FORMS: dict[str, Any] = {"parquet": Parquet, "ipc": Ipc, "jsonl": JsonLines, "csv": Csv}


def rfc3339(value: datetime) -> str:
    """A time in UTC as RFC 3339 has it: `2026-03-01T12:00:00Z`, with microseconds where there are any."""
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


# -- tables to files ---------------------------------------------------------------------------------------------------


class Plain:
    """One file a table; also those without rows."""

    def __init__(self, scan: Scan, place: Any, form: str, _: str | None = None) -> None:
        self._scan = scan
        self._files = {name: FORMS[form](place(name), schema) for name, schema in _schemas(scan).items()}

    def run(self) -> None:
        """Writes all batches."""
        for name, batch in named_batches(self._scan):
            self._files[name].write(batch)
        for file in self._files.values():
            file.close()

    def close(self) -> None:
        """Closes what a failure left open."""
        for file in self._files.values():
            with contextlib.suppress(Exception):
                file.close()


class Partitioned:
    """One file for each value of a column, in a folder of its own; the column is in the folder's name alone."""

    MOST = 1024
    SPARE = 64
    """Of the files that may be open so many are left to those who read."""

    def __init__(self, scan: Scan, place: Any, form: str, column: str | None) -> None:
        self._scan, self._place, self._form, self._column = scan, place, form, column
        self._files: dict[tuple[str, Any], File] = {}
        self._most = min(self.MOST, max(1, files_to_open() - self.SPARE))

    def run(self) -> None:
        """Writes all batches. Raises ValueError for a column of too many values."""
        for name, batch in named_batches(self._scan):
            values = batch.column(self._column)
            rest = batch.drop_columns([self._column])
            for value in values.unique():
                self._file(name, value.as_py(), rest.schema).write(rest.filter(_same(values, value)))
            self._bound()
        for file in self._files.values():
            file.close()

    def _bound(self) -> None:
        # All files together keep no more back than one may: there are many, and each would wait for its row group.
        while sum(file.held for file in self._files.values()) > ROW_GROUP_BYTES:
            max(self._files.values(), key=lambda file: file.held).flush()

    def _file(self, name: str, value: Any, schema: Any) -> File:
        file = self._files.get((name, value))
        if file is None:
            if len(self._files) >= self._most:
                why = "" if self._most == self.MOST else ": no more files may be open here (ulimit -n)"
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
            file = self._files[name, value] = FORMS[self._form](
                os.path.join(folder, "part-0" + SUFFIXES[self._form]), schema
            )
        return file

    def close(self) -> None:
        """Closes what a failure left open."""
        for file in self._files.values():
            with contextlib.suppress(Exception):
                file.close()


def files_to_open() -> int:
    """How many further files the system lets this process open, as far as it tells."""
    try:
        import resource
    except ImportError:  # not on Windows, which lets more be open than anybody needs
        return Partitioned.MOST + Partitioned.SPARE
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Partitioned.MOST + Partitioned.SPARE
    opened = 0
    with contextlib.suppress(OSError):
        opened = len(os.listdir("/dev/fd"))
    return soft - opened


def _folder(value: Any) -> str:
    if value is None:
        return NULL_PARTITION
    from urllib.parse import quote

    text = as_text(value)
    if text == NULL_PARTITION:  # a text, which is not what stands for null
        return "%5F" + text[1:]
    return quote(text, safe=" :@+,;=!$&'()")


def _same(values: Any, value: Any) -> Any:
    import pyarrow.compute

    compute: Any = pyarrow.compute

    if not value.is_valid:
        return compute.is_null(values)
    return compute.fill_null(compute.equal(values, value), False)
