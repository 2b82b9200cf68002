"""Reading the value tree."""

from __future__ import annotations

from respstream._pure.assemble.ordered import SparseList
from respstream._pure.assemble.tree import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def freeze(node: Any) -> Any:
    """The tree as plain values: texts joined, lists without gaps."""
    if isinstance(node, Text):
        return node.join()
    if isinstance(node, SparseList):
        return [freeze(node[index]) for index in sorted(node)]
    if isinstance(node, dict):
        return {key: freeze(value) for key, value in node.items()}
    if isinstance(node, list):
        return [freeze(value) for value in node]
    return node
