"""The identities of items: which item an event is about.

Items are found by their output index; where it is missing or several items have it, by their ids, else by their type. Most
streams give each item an index of its own, so ids and types are only indexed when an event needs them.
"""

from __future__ import annotations

from respstream._pure.protocols.responses.item import GROUPS, Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from respstream._pure.protocols.protocol import Report

    class IdentifiedItem(Protocol):
        """What is known of an item."""

        kind: str | None
        call_id: str | None
        id: str | None  # the first one
        final: bool
        placeholder: bool

        def has_text(self) -> bool:
            """Whether it has a text that deltas can write."""
            ...


INDEX_LIMIT = 65_535  # the largest index
ITEMS_PER_INDEX = 65_536


def index_of(key: int) -> int:
    """The output index of the item with that key."""
    return key // ITEMS_PER_INDEX


class Identities:
    """How the items of a response are found. Keys are `output_index` * ITEMS_PER_INDEX + the number of earlier items with
    that index.

    `items`: the items by key; the caller adds new ones. `latest`: the key of the latest item that an event was about.
    """

    __slots__ = ("_items", "_maps", "_noted", "_top", "latest")

    def __init__(self, items: Mapping[int, IdentifiedItem]) -> None:
        self._items = items
        self.latest = 0
        self._top = -1  # the largest index of an item
        self._noted: list[tuple[str, int]] = []  # further ids of items that have one, with their keys
        self._maps: _Maps | None = None  # built for the first event whose index is missing or taken

    def of_item_event(self, index: int | None, identity: Identity, done: bool, report: Report) -> int:
        """The key of the item that an item event adds or replaces: that of another item, or a new one.

        `done`: the event finishes the item.
        """
        if index is None:
            return self._without_index(identity, done)
        maps = self._maps
        key = index * ITEMS_PER_INDEX
        latest = None if maps is None else maps.reused.get(index)
        if latest is not None:
            named = self._built().named(identity)
            key = named if named is not None and index_of(named) == index else latest
        item = self._items.get(key)
        other = item is not None and _is_other(item, identity, done)
        if item is None or not (other or item.kind != identity.type):
            return key
        found = None if maps is None else maps.typed.get((index, identity.type or ""))
        if found is not None and self._continues(found, identity, done):
            return found
        if not other:
            return key
        name = identity.call_id or identity.id
        kind = identity.type or "item"
        _report_reused(index, f"{kind} {name}" if name else kind, report)
        return self._next_key(index)

    def _without_index(self, identity: Identity, done: bool) -> int:
        maps = self._built()
        named = maps.named(identity)
        if named is not None:
            return named
        for key in (self.latest, maps.last.get(identity.type or "")):
            if key is not None and self._continues(key, identity, done):
                return key
        index = min(self._top + 1, INDEX_LIMIT)
        key = index * ITEMS_PER_INDEX
        return self._next_key(index) if key in self._items else key

    def _continues(self, key: int, identity: Identity, done: bool) -> bool:
        """Whether an item event is about an unfinished item that it does not name: it finishes it, or adds it late."""
        item = self._items.get(key)
        if item is None or item.kind != identity.type or _is_other(item, identity, done):
            return False
        return not item.final if done else item.placeholder

    def of_event(
        self, index: int | None, kind: str, item_id: str | None, call_id: str | None, grows: bool, report: Report
    ) -> int:
        """The key of the item that an event refers to.

        `kind`: the type of items that have such events. `grows`: the event has text, which a finished item ignores.
        """
        key = index * ITEMS_PER_INDEX if index is not None and self._maps is None else None
        if key is None:
            key = self._by_identity(index, kind, item_id, call_id)
        item = self._items.get(key)
        if item is None or item.kind == kind:
            return key
        found = None
        if self._maps is not None:
            found = self._maps.last.get(kind) if index is None else self._maps.typed.get((index, kind))
        if found is not None:
            other = self._items[found]
            if other.kind == kind and not (grows and other.final):
                return found
        group = GROUPS.get(item.kind or "")
        if group is None or group == GROUPS.get(kind):
            return key
        _report_reused(index_of(key), kind, report)
        return self._next_key(index_of(key))

    def _by_identity(self, index: int | None, kind: str, item_id: str | None, call_id: str | None) -> int:
        maps = self._built()
        of_index = None if index is None else maps.reused.get(index)
        if index is not None and of_index is None:
            return index * ITEMS_PER_INDEX
        named = maps.ids.get(item_id or "")
        if named is None and call_id:
            named = maps.calls.get((kind, call_id))
        if of_index is None:
            return self.latest if named is None else named
        return named if named is not None and index_of(named) == index else of_index

    def _next_key(self, index: int) -> int:
        """The key of a further item with an index that is taken."""
        maps = self._built()
        before = maps.reused.get(index, index * ITEMS_PER_INDEX)
        kind = self._items[before].kind
        if index not in maps.reused and kind is not None:
            maps.typed[index, kind] = before
        key = maps.reused[index] = min(before + 1, (index + 1) * ITEMS_PER_INDEX - 1)
        return key

    # -- new identities ------------------------------------------------------------------------------------------------

    def add(self, key: int, identity: Identity, first_id: str | None) -> None:
        """Adds the identity of an item event. `first_id`: that of an earlier event of the item."""
        self.latest = key
        self._top = max(self._top, index_of(key))
        if self._maps is not None:
            self._maps.add(key, identity)
        elif identity.id and first_id is not None and first_id != identity.id:
            self._noted.append((identity.id, key))

    def add_placeholder(self, key: int, kind: str) -> None:
        """Adds an item that no event has added."""
        self._top = max(self._top, index_of(key))
        if self._maps is not None:
            self._maps.add_kind(key, kind)

    def add_id(self, key: int, ident: str) -> None:
        """Adds the first id of an item."""
        if self._maps is not None and ident:
            self._maps.ids.setdefault(ident, key)

    def _built(self) -> _Maps:
        if self._maps is None:
            self._maps = _Maps(self._items)
            self._maps.ids.update(self._noted)
            self._noted.clear()
        return self._maps


class _Maps:
    """The keys of items: by id, by type and call id, and by type.

    `reused`: the latest item of each index that several items have; `typed`: as `reused`, by index and type. `last`: the
    latest item of each type.
    """

    __slots__ = ("_items", "calls", "ids", "last", "reused", "typed")

    def __init__(self, items: Mapping[int, IdentifiedItem]) -> None:
        self._items = items
        self.reused: dict[int, int] = {}
        self.typed: dict[tuple[int, str], int] = {}
        self.last: dict[str, int] = {}
        self.ids: dict[str, int] = {}
        self.calls: dict[tuple[str | None, str], int] = {}
        for key in sorted(items):
            item = items[key]
            self.add(key, Identity(item.kind, item.call_id, item.id))

    def add(self, key: int, identity: Identity) -> None:
        if identity.id:
            self.ids[identity.id] = key
        if identity.call_id:
            self.calls[identity.type, identity.call_id] = key
        self.add_kind(key, identity.type)

    def add_kind(self, key: int, kind: str | None) -> None:
        if kind is None:
            return
        self.last[kind] = key
        if index_of(key) in self.reused:
            self.typed[index_of(key), kind] = key

    def named(self, identity: Identity) -> int | None:
        """The item that an item event names by its id or call id."""
        named = self.ids.get(identity.id or "")
        if named is None or self._items[named].kind != identity.type:
            named = self.calls.get((identity.type, identity.call_id or ""))
        return named


def _report_reused(index: int, what: str, report: Report) -> None:
    report("index_reused", {"output_index": index, "what": what[:200]})


def _is_other(item: IdentifiedItem, identity: Identity, done: bool) -> bool:
    """Whether an item event with the index of an item is about another item."""
    kind, call_id, ident = identity
    if None not in (item.kind, kind) and item.kind != kind:
        return not item.placeholder or item.has_text()
    if None not in (item.call_id, call_id) and item.call_id != call_id:
        return True
    # Servers that change the ids of an item never add or finish it twice.
    if item.id and ident and item.id != ident:
        return item.final or not (done or item.placeholder)
    same = (ident and item.id) or (call_id and item.call_id)
    return item.final and not done and not same
