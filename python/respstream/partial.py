"""JSON that is read while it arrives."""

from __future__ import annotations

from respstream._pure.json.partial import PartialJson

__all__ = ["PartialJson"]
