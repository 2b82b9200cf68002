"""Assembling values from deltas: the value tree, its places, and appending."""

from __future__ import annotations

from respstream._pure.assemble.append import append, text_at
from respstream._pure.assemble.ordered import SparseList
from respstream._pure.assemble.place import Place, Steps, find
from respstream._pure.assemble.reconcile import differing, report_mismatch
from respstream._pure.assemble.tree import Text, expand, is_filled, text_of
from respstream._pure.assemble.view import freeze

__all__ = [
    "Place", "SparseList", "Steps", "Text", "append", "differing", "expand", "find", "freeze", "is_filled", "report_mismatch", "text_at",
    "text_of",
]  # fmt: skip
