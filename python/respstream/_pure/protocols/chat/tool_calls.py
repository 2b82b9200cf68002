"""The tool calls of a choice: which call a piece is about, and its text.

Calls have an index each. Some servers send none, or the same one for all calls; then the ids tell them apart: a new id at a
taken index is a new call. Without id and index, a piece is about the latest call.
"""

from __future__ import annotations

from respstream._pure.assemble import SparseList, Text
from respstream._pure.json import clean_text
from respstream._pure.protocols.chat.merge import BAD_INDEX, Context, Name, merge, read_index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CALLS_PER_INDEX = 65_536
TEXTS = {"function": "arguments", "custom": "input"}
"""The member with the text of a call, by the member that contains it."""


class Calls:
    """The tool calls of one choice. Keys are `index` * CALLS_PER_INDEX + the number of earlier calls with that index.

    `tree`: the member `tool_calls` of the message. `names`: the id and name of each call, as far as they were read.
    """

    __slots__ = ("_at_index", "_by_id", "_latest", "changes", "names", "tree")

    def __init__(self) -> None:
        self.tree = SparseList(None)
        self.changes = 0  # how often a call was added, or named
        self.names: dict[int, tuple[str | None, str | None]] = {}
        self._by_id: dict[str, int] = {}
        self._at_index: dict[int, int] = {}  # the latest call of each index
        self._latest: int | None = None

    def add(self, context: Context, piece: dict[str, Any]) -> int | None:
        """Merges a piece into its call; returns the key of the call, None if the index of the piece is not valid."""
        index, name = read_index(context, piece), _name_of(piece)
        if index == BAD_INDEX:
            return None
        ident = piece.get("id")
        ident = clean_text(ident) if type(ident) is str and ident else None
        each = context.whole and index is None and ident is None
        key = None if each else self._find(index, ident, name)
        if key is None:
            key = self._new(context, index, ident or name or "call")
        self._latest = key
        self._at_index[key // CALLS_PER_INDEX] = key
        if ident is not None:
            self._by_id.setdefault(ident, key)
        call = self.tree[key]
        before = _identity(call)
        merge(context, call, piece, "call")
        if _identity(call) != before:
            self.changes += 1
            self.names.pop(key, None)
        return key

    def _find(self, index: int | None, ident: str | None, name: str | None) -> int | None:
        """The key of the call that a piece is about, None for a new call."""
        key = self._latest if index is None else self._at_index.get(index)
        if ident is not None:
            named = self._by_id.get(ident)
            if named is not None and (index is None or named // CALLS_PER_INDEX == index):
                return named
            if index is None:
                return None
            return key if key is not None and not self.tree[key].get("id") else None
        if key is None or name is None:
            return key
        # A second name, where arguments have begun, is that of another call.
        return None if _has_other_name(self.tree[key], name) else key

    def _new(self, context: Context, index: int | None, what: str) -> int:
        """The key of a new call."""
        if index is None:
            index = min(self.tree.top // CALLS_PER_INDEX + 1, CALLS_PER_INDEX - 1)
        key = index * CALLS_PER_INDEX
        if index in self._at_index:
            key = min(self._at_index[index] + 1, key + CALLS_PER_INDEX - 1)
            context.report("index_reused", {"output_index": index, "what": clean_text(what)[:200]})
        self.tree[key] = self.tree.get(key, {})
        return key


def _name_of(piece: dict[str, Any]) -> str | None:
    """The name of the tool in a piece, None if it has none."""
    for member in TEXTS:
        inner = piece.get(member)
        if type(inner) is dict and type(inner.get("name")) is str and inner["name"]:
            name: str = inner["name"]
            return name
    return None


def _identity(call: dict[str, Any]) -> tuple[Any, ...]:
    """What tells whether the type, id or name of a call has changed."""
    names = [call[member].get("name") for member in TEXTS if type(call.get(member)) is dict]
    return call.get("type"), call.get("id"), *(name.size for name in names if isinstance(name, Name))


def _has_other_name(call: dict[str, Any], name: str) -> bool:
    """Whether a call has a text, and a name that is not this one."""
    inner, member = text_place(call)
    text, known = inner.get(member), inner.get("name")
    filled = text.is_filled() if isinstance(text, Text) else text
    return bool(filled) and isinstance(known, Name) and known.size > 0 and not known.equals(name)


def text_place(call: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The object of a call that contains its text, and the member of that text."""
    for name, member in TEXTS.items():
        if type(call.get(name)) is dict:
            return call[name], member
    return {}, "arguments"
