"""Logs as a Spark data source, read by all executors. Needs `pip install 'respstream[spark]'` (Spark 4); see docs/cluster.md.

```python
register(spark)
frame = spark.read.format("respstream").option("columns", "model,output_tokens").load("logs/")
```

Options are text, as Spark has them: `table`, `columns` (names with commas between), `target_bytes` of a partition,
`batch_rows`, `unreadable` ("raise" or "skip"), and those of `respstream.scan`. Spark tells a Python data source which columns a
query wants in one way only, by a schema that is given (`spark.read.schema(...)`): those columns alone are read then, and by
default those of `columns`.
"""

# Spark need not be installed where types are checked.
# pyright: reportUnknownParameterType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

try:
    import pyarrow as pa
    from pyspark.sql import types as spark_types
    from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
except ModuleNotFoundError as missing:
    if missing.name is None or missing.name.partition(".")[0] not in {"pyspark", "pyarrow"}:
        raise
    raise ImportError("reading logs into Spark 4 needs pyspark: pip install 'respstream[spark]'") from None

from respstream.integrations import _tasks
from respstream.tables import schema, wanted_columns
from respstream.tables.splits import TARGET_BYTES, Split

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LogDataSource", "register"]

_OURS = {"path", "paths", "table", "columns", "target_bytes", "batch_rows", "unreadable"}
_TEXT_BYTES = 1 << 30  # Spark's text has 32-bit offsets within a batch, ours has 64


def register(spark: Any) -> None:
    """Makes `spark.read.format("respstream")` known to a session."""
    spark.dataSource.register(LogDataSource)


class LogDataSource(DataSource):  # type: ignore[misc]
    """Spark's public interface for data sources in Python, over splits."""

    @classmethod
    def name(cls) -> str:
        """What `format` calls it."""
        return "respstream"

    def schema(self) -> Any:
        """The columns that `columns` names, or all. Raises ValueError for options."""
        return spark_schema(self._table(), self._columns())

    def reader(self, schema: Any) -> LogReader:
        """What reads the columns of `schema`. Raises ValueError where it is not of this table, or for options."""
        table, columns = self._table(), list(schema.fieldNames())
        expected = spark_schema(table, columns)
        for field, known in zip(schema, expected, strict=True):
            if field.dataType != known.dataType:
                raise ValueError(
                    f"{field.name} is {known.dataType.simpleString()}, not {field.dataType.simpleString()}"
                )
        return LogReader(self._paths(), table, columns, arrow_schema(schema), dict(self.options))

    def _table(self) -> str:
        return str(self.options.get("table", "responses"))

    def _columns(self) -> list[str] | None:
        given = self.options.get("columns")
        return None if given is None else [name.strip() for name in given.split(",")]

    def _paths(self) -> list[str]:
        # `load` of one path sets the one, of several the other, as JSON.
        several = self.options.get("paths")
        paths: list[str] = [self.options["path"]] if "path" in self.options else []
        paths += json.loads(several) if several else []
        if not paths:
            raise ValueError("no path: pass one to load(path)")
        return paths


class LogReader(DataSourceReader):  # type: ignore[misc]
    """Plans partitions on the driver and reads them on executors."""

    def __init__(
        self, paths: list[str], table: str, columns: list[str], schema: pa.Schema, options: dict[str, str]
    ) -> None:
        self._table, self._columns, self._schema = table, columns, schema
        self._paths = paths
        self._target_bytes = int(options.get("target_bytes", TARGET_BYTES))
        self._batch_rows = int(options["batch_rows"]) if "batch_rows" in options else None
        self._unreadable = _tasks.checked(options.get("unreadable", "raise"))
        self._options = {name: _value(text) for name, text in options.items() if name not in _OURS}

    def partitions(self) -> list[InputPartition]:
        """Large files in parts, small ones together: about `target_bytes` each."""
        found = _tasks.sources(self._paths, self._options)
        return [LogPartition(bundle) for bundle in _tasks.bundles(found, self._target_bytes)]

    def read(self, partition: InputPartition | None) -> Iterator[pa.RecordBatch]:
        """The rows of a partition as Arrow batches of Spark's types."""
        # Without partitions, Spark passes one that is None, or one of another class.
        splits: list[Split] = getattr(partition, "value", None) or []
        for batch in _tasks.read(splits, self._table, self._columns, self._batch_rows, self._unreadable):
            yield from self._cast(batch)

    def _cast(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        if batch.nbytes > _TEXT_BYTES and batch.num_rows > 1:
            half = batch.num_rows // 2
            yield from self._cast(batch.slice(0, half))
            yield from self._cast(batch.slice(half))
        else:
            yield batch.cast(self._schema)


class LogPartition(InputPartition):  # type: ignore[misc]
    """The splits that one task reads."""


def _value(text: str) -> Any:
    """An option of `scan` out of Spark's text: a number, true, false, or the text."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return int(text) if text.isdecimal() else text


# -- types ---------------------------------------------------------------------------------------------------------------


def spark_schema(table: Any, columns: list[str] | None) -> Any:
    """A table's schema in Spark's types. Raises ValueError for names that are none."""
    wanted = wanted_columns([table], columns)[table]
    found = pa.schema(schema(table, wanted))
    # A part of a source does not number its responses.
    return spark_types.StructType(
        [
            spark_types.StructField(field.name, _spark_type(field.type), field.nullable or field.name == "stream_index")
            for field in found
        ]
    )


def _spark_type(kind: Any) -> Any:
    if pa.types.is_dictionary(kind):
        return _spark_type(kind.value_type)
    if pa.types.is_list(kind):
        return spark_types.ArrayType(_spark_type(kind.value_type))
    if pa.types.is_struct(kind):
        return spark_types.StructType([spark_types.StructField(field.name, _spark_type(field.type)) for field in kind])
    known = {
        pa.large_string(): spark_types.StringType(),
        pa.int64(): spark_types.LongType(),
        pa.float64(): spark_types.DoubleType(),
        pa.timestamp("us", "UTC"): spark_types.TimestampType(),
    }
    return known[kind]


def arrow_schema(fields: Any) -> pa.Schema:
    """The Arrow schema that Spark wants of batches of these fields."""
    return pa.schema([pa.field(field.name, _arrow_type(field.dataType), field.nullable) for field in fields])


def _arrow_type(kind: Any) -> Any:
    if isinstance(kind, spark_types.ArrayType):
        return pa.list_(pa.field("element", _arrow_type(kind.elementType), kind.containsNull))
    if isinstance(kind, spark_types.StructType):
        return pa.struct([pa.field(field.name, _arrow_type(field.dataType), field.nullable) for field in kind])
    known = {
        spark_types.StringType(): pa.string(),
        spark_types.LongType(): pa.int64(),
        spark_types.DoubleType(): pa.float64(),
        spark_types.TimestampType(): pa.timestamp("us", "UTC"),
    }
    return known[kind]
