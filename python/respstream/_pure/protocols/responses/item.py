"""One item of the output: its value, and what identifies it."""

from __future__ import annotations

from collections import namedtuple

from respstream._pure.assemble import expand, freeze
from respstream._pure.json import clean, dumps, parse_exact
from respstream._pure.protocols.responses.catalogue import EVENTS
from respstream._pure.protocols.responses.texts import texts
from respstream._pure.protocols.responses.tool_calls import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    class Identity(NamedTuple):
        """What identifies an item."""

        type: str | None
        call_id: str | None
        id: str | None

else:
    Identity = namedtuple("Identity", "type call_id id")

GROUPS = {entry.item: KINDS.get(entry.item, entry.item) for entry in EVENTS.values() if entry.item}
"""The group of each type of items that has events. Events of one group cannot be about items of another."""


class Item:
    """One item of the output: the bytes of a complete item, or a tree that deltas have changed."""

    __slots__ = (
        "call_id",
        "final",
        "id",
        "id_changed",
        "kind",
        "late",
        "mismatched",
        "placeholder",
        "raw",
        "recovered",
        "recoveries",
        "tree",
    )

    def __init__(self, raw: bytes | None, tree: dict[str, Any] | None) -> None:
        self.raw, self.tree = raw, tree
        self.kind: str | None = None  # the type
        self.call_id: str | None = None
        self.placeholder = tree is not None  # no event has added it
        self.final = False
        self.id: str | None = None
        self.id_changed = False
        self.late = False  # a late delta was reported
        self.mismatched: set[str] = set()  # the paths of texts that were reported as differing
        self.recoveries = 0  # how often texts were missing from a whole item
        self.recovered: set[str] = set()  # the paths of texts that were reported as recovered

    def put(self, raw: bytes, tree: dict[str, Any] | None, *, final: bool) -> None:
        """Replaces the item by a complete one: its bytes, or a tree if it differs from them."""
        self.raw, self.tree, self.final = None if tree is not None else raw, tree, final
        self.placeholder = False

    def grown(self) -> dict[str, Any]:
        """The tree, for writing."""
        if self.tree is None:
            self.tree = expand(self.raw or b"{}")
            self.raw = None
        return self.tree

    def has_text(self) -> bool:
        """Whether it has a text that deltas can write."""
        return any(texts(self.value()).values())

    def value(self) -> dict[str, Any]:
        """The item as plain values; numbers keep their text."""
        value: dict[str, Any] = freeze(self.tree) if self.tree is not None else parse_exact(self.raw or b"{}")
        return value

    def json(self) -> bytes:
        """The item as JSON."""
        return self.raw if self.raw is not None else dumps(clean(freeze(self.tree))).encode()
