"""Logs as a lazy frame of polars. Needs `pip install 'respstream[polars]'`; see docs/cluster.md.

The columns that a query wants are the only ones that are read, rows that it does not want are dropped batch by batch, and
reading ends with the last row of a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    import polars as pl
    from polars.io.plugins import register_io_source
except ModuleNotFoundError as missing:
    if missing.name is None or missing.name.partition(".")[0] != "polars":
        raise
    raise ImportError("reading logs into polars needs polars: pip install 'respstream[polars]'") from None

from respstream.integrations import _tasks
from respstream.tables import batch_size as most_rows
from respstream.tables import scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from respstream._options import TableName
    from respstream.tables import Scan

__all__ = ["scan_responses", "scan_table"]


def scan_responses(paths: Any, columns: Iterable[str] | None = None, **options: Any) -> pl.LazyFrame:
    """The table `responses` of logs as a lazy frame: one row a response. All else as `scan_table` has it."""
    return scan_table(paths, "responses", columns, **options)


def scan_table(
    paths: Any,
    table: TableName = "responses",
    columns: Iterable[str] | None = None,
    *,
    threads: int | None = None,
    unreadable: str = "raise",
    **options: Any,
) -> pl.LazyFrame:
    """A table of logs as a lazy frame; each query reads the logs anew.

    Paths, columns, threads and options as for `respstream.scan`; `type` of `events` is text here. `unreadable`: whether a
    source that cannot be read fails the query with OSError ("raise", the default) or is left out ("skip"). Raises what
    `scan` raises.
    """
    _tasks.checked(unreadable)
    sources = _tasks.listed(paths)
    wanted = None if columns is None else list(columns)
    scan(sources, table, wanted, threads, **options)  # raises for invalid arguments before the query runs
    schema = _frame(scan([], table, wanted)).schema

    def source(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        names = list(schema) if with_columns is None else with_columns
        needed = names if predicate is None else list(dict.fromkeys([*names, *predicate.meta.root_names()]))
        rows = min(size for size in (n_rows, batch_size, most_rows(None)) if size is not None)
        logs = scan(sources, table, needed, threads, max(1, rows), **options)
        for frame in _limited(_frames(logs, unreadable), n_rows):
            yield (frame if predicate is None else frame.filter(predicate)).select(names)

    return register_io_source(source, schema=schema)


def _frames(logs: Scan, unreadable: str) -> Iterator[pl.DataFrame]:
    for batch in logs.batches():
        yield _frame(batch)
    _tasks.check(logs, unreadable)


def _limited(frames: Iterator[pl.DataFrame], rows: int | None) -> Iterator[pl.DataFrame]:
    """The first rows, or all without a limit; nothing is read after the last one."""
    for frame in frames:
        yield frame if rows is None else frame.head(rows)
        if rows is not None and (rows := rows - frame.height) <= 0:
            return


def _frame(rows: Any) -> pl.DataFrame:
    # Categories differ from batch to batch, and are names of events: text of which polars keeps the bytes once.
    frame = pl.DataFrame(rows)
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))
