"""Lists that events write into by index, in any order."""

from __future__ import annotations

from bisect import bisect_left, insort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SparseList(dict[int, "Any"]):
    """A list by index, in any order and with gaps, which are closed when the tree is read.

    `top`: the last index, -1 if there is none. `final`: the indexes of elements that are complete.
    """

    __slots__ = ("_order", "final", "top")

    def __init__(self, value: Any) -> None:
        super().__init__(enumerate(value) if isinstance(value, list) else ())
        self.top = len(self) - 1
        self.final: set[int] = set()
        self._order = list(self)

    def __setitem__(self, index: int, node: Any) -> None:
        if index > self.top:
            self.top = index
            self._order.append(index)
        elif index not in self:
            insort(self._order, index)
        super().__setitem__(index, node)

    def rank(self, index: int) -> int:
        """The position of an index once the gaps are closed."""
        return bisect_left(self._order, index)
