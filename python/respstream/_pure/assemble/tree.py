"""The value tree of an item that is being assembled: plain JSON values, sparse lists, and growing texts.

A delta is appended to a list of strings, which are joined when the tree is read.
"""

from __future__ import annotations

from respstream._pure.json import clean, join_text, parse_exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Text:
    """A growing string. `final`: the text is complete, and later deltas are ignored. `joined`: the number of deltas that
    `join` has removed from the list by joining them.
    """

    __slots__ = ("deltas", "final", "joined")

    def __init__(self, value: Any, *, final: bool = False) -> None:
        self.deltas: list[str] = [value] if type(value) is str else []
        self.joined = 0
        self.final = final

    def is_filled(self) -> bool:
        """Whether the text is not empty; without joining the deltas, and without looking at an empty one twice."""
        empty = 0
        while empty < len(self.deltas) - 1 and not self.deltas[empty]:
            empty += 1
        self.deltas = self.deltas[empty:] if empty else self.deltas
        self.joined += empty
        return bool(self.deltas and self.deltas[0])

    def join(self) -> str:
        """The text so far; surrogate pairs split over two deltas become characters."""
        if len(self.deltas) > 1:
            self.joined += len(self.deltas) - 1
            self.deltas = ["".join(self.deltas)]
        return join_text(self.deltas)


def expand(raw: bytes) -> Any:
    """The tree of a complete value; a lone surrogate in it never joins a later one."""
    value = parse_exact(raw)
    return clean(value) if b"\\u" in raw else value


def is_filled(node: Any) -> bool:
    """Whether a node is a text that is not empty."""
    return node.is_filled() if isinstance(node, Text) else type(node) is str and bool(node)


def text_of(node: Any) -> str:
    """The text of a node, "" if it is not a text. A string needs no cleaning, so reading it costs nothing."""
    return node.join() if isinstance(node, Text) else node if type(node) is str else ""
