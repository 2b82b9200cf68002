"""The value tree of an item that is being folded: plain JSON values, sparse lists, and text in pieces.

A delta appends one piece; pieces are joined when the tree is read. Lists that indexes write into are sparse: the gaps
are closed when the tree is read.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from respstream._pure.json import clean, join_text, parse_exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Steps = tuple[tuple[str, str | None], ...]


class Text:
    """A string that grows. `final`: a `*.done` event gave it, so later deltas do not count. `joined`: how many pieces
    fewer there are than there were, because they were joined.
    """

    __slots__ = ("final", "joined", "pieces")

    def __init__(self, value: Any, *, final: bool = False) -> None:
        self.pieces: list[str] = [value] if type(value) is str else []
        self.joined = 0
        self.final = final

    def join(self) -> str:
        """The text so far; surrogate pairs that two pieces share become characters."""
        if len(self.pieces) > 1:
            self.joined += len(self.pieces) - 1
            self.pieces = ["".join(self.pieces)]
        return join_text(self.pieces)


class Sparse(dict[int, "Any"]):
    """A list by index, in any order and with gaps. `top`: the last index, -1 where there is none; `final`: the indexes
    that a `*_part.done` gave.
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
        """Where an index stands once the gaps are closed."""
        return bisect_left(self._order, index)


class Place:
    """Where a path leads: a container and a key in it, and whether a part above it is final."""

    __slots__ = ("_path", "container", "final", "key", "parts")

    def __init__(self, root: dict[str, Any]) -> None:
        self.container: dict[Any, Any] = root
        self.key: Any = ""
        self.parts: Sparse | None = None
        self.final = False
        self._path: list[tuple[str, Sparse | None, int]] = []

    @property
    def path(self) -> str:
        """The path in words."""
        return ".".join(key if list_ is None else f"{key}[{list_.rank(index)}]" for key, list_, index in self._path)

    def get(self) -> Any:
        """The node at the place, None where there is none."""
        return self.container.get(self.key)

    def put(self, node: Any) -> None:
        """Sets the node at the place."""
        self.container[self.key] = node

    def text(self) -> str:
        """The text at the place, "" where there is none."""
        return text_of(self.get())

    def enter(self, part: str) -> None:
        """Makes the node at the place the container; one that is no object becomes one, of the type `part` if given."""
        child = self.get()
        if not isinstance(child, dict):
            child = {"type": part} if part else {}
            self.put(child)
        self.container = child

    def name(self, key: str) -> None:
        """Steps to the member `key`."""
        self.key = key
        self._path.append((key, None, 0))

    def pick(self, key: str, index: int | None, *, append: bool) -> None:
        """Steps into the list `key`; no index means its last element, or with `append` a new one."""
        children = self.container.get(key)
        if not isinstance(children, Sparse):
            children = self.container[key] = Sparse(children)
        if index is None:
            index = children.top + 1 if append else max(children.top, 0)
        self.container, self.key, self.parts = children, index, children
        self._path.append((key, children, index))


def expand(raw: bytes) -> Any:
    """The tree of a value that came whole; half a surrogate pair in it stays alone, whatever follows."""
    value = parse_exact(raw)
    return clean(value) if b"\\u" in raw else value


def text_of(node: Any) -> str:
    """The text that a node is, "" where it is none. What came whole is clean: it costs nothing, however often it is read."""
    return node.join() if isinstance(node, Text) else node if type(node) is str else ""


def find(root: dict[str, Any], steps: Steps, indexes: dict[str, int], part: str, *, append: bool = False) -> Place:
    """The place that `steps` lead to, making what is missing on the way. `append` is for the last step."""
    place = Place(root)
    for number, (key, field) in enumerate(steps):
        if number:
            place.final = place.final or (place.parts is not None and place.key in place.parts.final)
            place.enter(part if place.parts is not None else "")
            place.parts = None
        if field is None:
            place.name(key)
        else:
            place.pick(key, indexes.get(field), append=append and number == len(steps) - 1)
    return place


def grow(place: Place, piece: str) -> Text:
    """Appends a piece to the text at a place; gives that text."""
    leaf = place.get()
    if not isinstance(leaf, Text):
        leaf = Text(leaf)
        place.put(leaf)
    leaf.pieces.append(piece)
    return leaf


def freeze(node: Any) -> Any:
    """The tree as plain values: texts joined, lists without gaps."""
    if isinstance(node, Text):
        return node.join()
    if isinstance(node, Sparse):
        return [freeze(node[index]) for index in sorted(node)]
    if isinstance(node, dict):
        return {key: freeze(value) for key, value in node.items()}
    if isinstance(node, list):
        return [freeze(value) for value in node]
    return node


def texts(item: Any) -> dict[str, str]:
    """The texts of a plain item that deltas can write, by their path; what the comparison of values goes by."""
    found: dict[str, str] = {}
    if isinstance(item, dict):
        for key in ("arguments", "input", "code"):
            _add(found, key, item.get(key))
        for index, part in enumerate(_list(item, "content")):
            _add_members(found, f"content[{index}]", part, ("text", "refusal"))
        for index, part in enumerate(_list(item, "summary")):
            _add_members(found, f"summary[{index}]", part, ("text",))
        _add_members(found, "operation", item.get("operation"), ("diff",))
        for index, command in enumerate(_list(item.get("action"), "commands")):
            _add(found, f"action.commands[{index}]", command)
        for index, output in enumerate(_list(item, "output")):
            _add_members(found, f"output[{index}]", output, ("stdout", "stderr"))
    return found


def _list(value: Any, key: str) -> list[Any]:
    child = value.get(key) if isinstance(value, dict) else None
    return child if isinstance(child, list) else []


def _add(found: dict[str, str], path: str, value: Any) -> None:
    if type(value) is str:  # a Number is no text
        found[path] = join_text([value])


def _add_members(found: dict[str, str], path: str, value: Any, keys: tuple[str, ...]) -> None:
    if isinstance(value, dict):
        for key in keys:
            _add(found, f"{path}.{key}", value.get(key))
