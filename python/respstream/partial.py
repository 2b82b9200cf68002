"""`PartialJson`: reads a JSON text that arrives in pieces; its value so far can be read at any time."""

from __future__ import annotations

from respstream._pure.json.partial import PartialJson

__all__ = ["PartialJson"]
