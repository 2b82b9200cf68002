"""Rows that wrap streams."""

from __future__ import annotations

from respstream._pure.records.detect import StreamSignature, type_lines
from respstream._pure.records.rows import NO_STREAM, Group, Place, Rows

__all__ = ["NO_STREAM", "Group", "Place", "Rows", "StreamSignature", "type_lines"]
