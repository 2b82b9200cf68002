"""Bytes to frames."""

from __future__ import annotations

from respstream._pure.frames.framer import Framer
from respstream._pure.frames.output import BLANKS, Done, Frame, Item, Note

__all__ = ["BLANKS", "Done", "Frame", "Framer", "Item", "Note"]
