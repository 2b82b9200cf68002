"""Paths into the value tree: where an event writes to."""

from __future__ import annotations

from respstream._pure.assemble.ordered import SparseList
from respstream._pure.assemble.tree import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Steps = tuple[tuple[str, str | None], ...]
"""A path: pairs of a member and the name of the index into it, or None for a member that is not a list."""


class Place:
    """The target of a path: a container and a key in it, and whether a part above it is final."""

    __slots__ = ("_path", "container", "final", "key", "parts")

    def __init__(self, root: dict[str, Any]) -> None:
        self.container: dict[Any, Any] = root
        self.key: Any = ""
        self.parts: SparseList | None = None
        self.final = False
        self._path: list[tuple[str, SparseList | None, int]] = []

    @property
    def path(self) -> str:
        """The path as text, with positions instead of indexes."""
        return ".".join(key if list_ is None else f"{key}[{list_.rank(index)}]" for key, list_, index in self._path)

    def get(self) -> Any:
        """The node at the place, None if there is none."""
        return self.container.get(self.key)

    def put(self, node: Any) -> None:
        """Sets the node at the place."""
        self.container[self.key] = node

    def text(self) -> str:
        """The text at the place, "" if there is none."""
        return text_of(self.get())

    def enter(self, members: dict[str, Any]) -> None:
        """Makes the node at the place the container. A node that is not an object is replaced by one with `members`."""
        child = self.get()
        if not isinstance(child, dict):
            child = dict(members)
            self.put(child)
        self.container = child

    def name(self, key: str) -> None:
        """Steps to the member `key`."""
        self.key = key
        self._path.append((key, None, 0))

    def pick(self, key: str, index: int | None, *, append: bool) -> None:
        """Steps into the list `key`. Without an index: to its last element, or with `append` to a new one."""
        children = self.container.get(key)
        if not isinstance(children, SparseList):
            children = self.container[key] = SparseList(children)
        if index is None:
            index = children.top + 1 if append else max(children.top, 0)
        self.container, self.key, self.parts = children, index, children
        self._path.append((key, children, index))


def find(
    root: dict[str, Any], steps: Steps, indexes: dict[str, int], part: dict[str, Any], *, append: bool = False
) -> Place:
    """The place at the end of a path; missing containers are created, those in lists with the members of `part`.

    `indexes`: the indexes by name. `append`: without an index, the last step goes to a new element.
    """
    place = Place(root)
    for number, (key, field) in enumerate(steps):
        if number:
            place.final = place.final or (place.parts is not None and place.key in place.parts.final)
            place.enter(part if place.parts is not None else {})
            place.parts = None
        if field is None:
            place.name(key)
        else:
            place.pick(key, indexes.get(field), append=append and number == len(steps) - 1)
    return place
