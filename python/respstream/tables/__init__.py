"""Streams as tables: scans of many files, splits, and writers."""

from __future__ import annotations

from respstream.tables.columns import COLUMNS, EXTRA, VERSION
from respstream.tables.scan import Scan, Summary, batch_size, response_row, scan, schema, wanted_columns

__all__ = [
    "COLUMNS", "EXTRA", "VERSION", "Scan", "Summary", "batch_size", "response_row", "scan", "schema", "wanted_columns",
]  # fmt: skip
