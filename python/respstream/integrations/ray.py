"""Logs as a Ray Dataset, read by all workers of a cluster. Needs `pip install 'respstream[ray]'`; see docs/cluster.md.

Ray says how many tasks it wants; the splits of `respstream.plan` are made to fit. A task that is lost with its worker is
read again by another one, with the same rows in the same blocks.
"""

# Ray need not be installed where types are checked.
# pyright: reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

try:
    import pyarrow as pa
    from ray.data import Dataset, Datasource, ReadTask, read_datasource
    from ray.data.block import BlockMetadata
except ModuleNotFoundError as missing:
    if missing.name is None or missing.name.partition(".")[0] not in {"ray", "pyarrow"}:
        raise
    raise ImportError("reading logs into Ray needs Ray: pip install 'respstream[ray]'") from None

from respstream.integrations import _tasks
from respstream.tables import wanted_columns
from respstream.tables.splits import Split, read_split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from respstream._options import TableName

__all__ = ["LogDatasource", "read_responses", "read_table"]

_LEAST_BYTES = 8 << 20  # in a smaller task, the overhead of Ray dominates


def read_responses(paths: Any, columns: Iterable[str] | None = None, **options: Any) -> Dataset:
    """The table `responses` of logs as a Dataset: one row a response. All else as `read_table` has it."""
    return read_table(paths, "responses", columns, **options)


def read_table(
    paths: Any, table: TableName = "responses", columns: Iterable[str] | None = None, **options: Any
) -> Dataset:
    """A table of logs as a Dataset; nothing is read before Ray executes it.

    Paths, columns and options as for `respstream.scan`; and `unreadable`: whether a source that cannot be read fails its
    task ("raise", the default) or is left out ("skip"). Every worker must see the paths. For Ray's own arguments hand a
    `LogDatasource` to `ray.data.read_datasource`. Raises what `respstream.plan` raises.
    """
    return read_datasource(LogDatasource(paths, table, columns, **options))


class LogDatasource(Datasource):  # type: ignore[misc]
    """Ray's public Datasource interface over splits. Arguments as `read_table` has them."""

    def __init__(
        self,
        paths: Any,
        table: TableName = "responses",
        columns: Iterable[str] | None = None,
        *,
        unreadable: str = "raise",
        **options: Any,
    ) -> None:
        super().__init__()
        self._table: TableName = table
        wanted = wanted_columns([table], columns)[table]
        self._names = None if wanted is None else {name: name for name in wanted}
        self._unreadable = _tasks.checked(unreadable)
        self._sources = _tasks.sources(paths, options)
        self._planned: tuple[int, list[list[Split]]] | None = None
        self._ratio: float | None = None

    def get_name(self) -> str:
        """How Ray calls the operator, after "Read"."""
        return "Respstream"

    def get_read_tasks(self, parallelism: int, per_task_row_limit: int | None = None, **_: Any) -> list[ReadTask]:
        """About as many tasks as Ray asks for: large files are cut, small ones come together."""
        limit = {} if per_task_row_limit is None else {"per_task_row_limit": per_task_row_limit}
        schema = pa.schema(read_split([], self._table, _columns(self._names)).schema)
        schema = _named(schema.empty_table(), self._names).schema
        return [self._task(bundle, schema, limit) for bundle in self._bundles(parallelism)]

    def _task(self, bundle: list[Split], schema: pa.Schema, limit: dict[str, int]) -> ReadTask:
        files = tuple(dict.fromkeys(split.source for split in bundle))
        about = BlockMetadata(num_rows=None, size_bytes=self._rows_bytes(bundle), input_files=files, exec_stats=None)
        blocks = partial(_blocks, bundle, self._table, self._names, self._unreadable)
        return ReadTask(blocks, about, schema=schema, **limit)

    def _bundles(self, parallelism: int) -> list[list[Split]]:
        # Ray asks several times, with the same number in the end.
        if self._planned is None or self._planned[0] != parallelism:
            target = max(_LEAST_BYTES, -(-sum(map(_tasks.cost, self._sources)) // parallelism))
            self._planned = parallelism, _tasks.bundles(self._sources, target)
        return self._planned[1]

    # -- sizes -----------------------------------------------------------------------------------------------------

    def estimate_inmemory_data_size(self) -> int | None:
        """Bytes of the rows, by a sample of the sources; None where their sizes on disk are not known."""
        return self._rows_bytes(self._sources)

    def _rows_bytes(self, splits: list[Split]) -> int | None:
        sizes = [split.bytes for split in splits]
        if self._ratio is None:
            self._ratio = _tasks.expansion(self._sources, self._table, _columns(self._names))
        return None if None in sizes else round(self._ratio * sum(size or 0 for size in sizes))

    # -- projection ------------------------------------------------------------------------------------------------

    def supports_projection_pushdown(self) -> bool:
        """Only the selected columns are read."""
        return True

    def get_projection_map(self) -> dict[str, str] | None:
        """The columns that are read, each with the name that it gets; None for all."""
        return None if self._names is None else dict(self._names)

    def get_column_renames(self) -> dict[str, str] | None:
        """Those that get another name. Ray from some version on renames by itself."""
        return {name: given for name, given in (self._names or {}).items() if name != given} or None

    def apply_projection(self, projection_map: Iterable[str] | None) -> LogDatasource:
        """The same of these columns alone; where it is a mapping, under the names that it gives."""
        if projection_map is None:
            return self
        wanted = projection_map if isinstance(projection_map, Mapping) else {name: name for name in projection_map}
        now = {given: name for name, given in (self._names or {}).items()}
        chosen = copy(self)
        # Ray counts rows without columns, and a block without columns has no rows.
        chosen._names = {now.get(name, name): given for name, given in wanted.items()} or {"source": "source"}
        wanted_columns([self._table], list(chosen._names))
        chosen._ratio = None
        return chosen


def _blocks(splits: list[Split], table: str, names: dict[str, str] | None, unreadable: str) -> Iterator[pa.Table]:
    """The blocks of a Ray task, on the machine where it runs."""
    for batch in _tasks.read(splits, table, _columns(names), None, unreadable):
        yield _named(pa.Table.from_batches([batch]), names)


def _columns(names: dict[str, str] | None) -> list[str] | None:
    return None if names is None else list(names)


def _named(rows: pa.Table, names: dict[str, str] | None) -> pa.Table:
    return rows if names is None else rows.rename_columns(list(names.values()))
