"""The columns of the tables, by name and type; `respstream._pure.protocols.columns` defines them."""

from __future__ import annotations

from respstream._pure.protocols.columns import CALL, TABLES

__all__ = ["CALL", "COLUMNS", "EXTRA", "VERSION"]

VERSION = "3"
"""The schema version, in the metadata of every schema as `respstream.version`. It grows when columns are added; columns are
never renamed."""

EXTRA = frozenset(column.name for columns in TABLES.values() for column in columns if column.extra)
"""The columns that are only present if they are selected by name."""

COLUMNS: dict[str, list[tuple[str, str]]] = {
    table: [(column.name, column.type if column.nullable else column.type + "!") for column in columns]
    for table, columns in TABLES.items()
}
"""The columns of each table, as (name, type). A type that ends in ! is never null."""
