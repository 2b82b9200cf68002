"""How the columns of a Parquet file are encoded, so that it is small: by their types, and by the first rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["encodings"]

SAMPLE_ROWS = 1 << 14
SMALL = 64  # so few values are no sample


def encodings(table: Any) -> dict[str, Any]:
    """The options of `pyarrow.parquet.ParquetWriter` for the encodings of a file that begins with the rows of `table`.

    Integers and times are stored as differences (`DELTA_BINARY_PACKED`): offsets, counters and times of a log grow by little.
    Texts that occur again and again are stored once each (a dictionary), others as they are, without the smallest and the largest
    of them, by which nobody skips rows.
    """
    import pyarrow as pa

    types = pa.types
    differences: dict[str, str] = {}
    repeated: list[str] = []
    compared: list[str] = []
    for path, values in _leaves(table.slice(0, SAMPLE_ROWS)):
        kind = values.type
        if _is_text(kind) and not _repeats(values):
            continue
        compared.append(path)
        if types.is_integer(kind) or types.is_timestamp(kind):
            differences[path] = "DELTA_BINARY_PACKED"
        elif types.is_dictionary(kind) or _is_text(kind):
            repeated.append(path)
    return {"use_dictionary": repeated, "column_encoding": differences, "write_statistics": compared}


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _repeats(values: Any) -> bool:
    """Whether a text occurs twice on average."""
    count = len(values) - values.null_count
    return bool(count < SMALL or 2 * len(values.unique()) <= count)


def _leaves(table: Any) -> Iterator[tuple[str, Any]]:
    """The columns without nested ones, each with its path in the file and its values."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        yield from _inside(name, column.combine_chunks())


def _inside(path: str, values: Any) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa

    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        yield from _inside(f"{path}.list.element", values.flatten())
    elif pa.types.is_struct(values.type):
        for at, field in enumerate(values.type):
            yield from _inside(f"{path}.{field.name}", values.field(at))
    else:
        yield path, values
