"""The texts of a response from its events, each text once, as it arrives.

Events are routed to items as in the assembled response (`Identities`), so that both have the same texts.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from respstream._pure.protocols.responses.catalogue import EVENTS, Entry
from respstream._pure.protocols.responses.identities import INDEX_LIMIT, Identities
from respstream._pure.protocols.responses.reconcile import match_items
from respstream._pure.protocols.responses.tool_calls import KINDS
from respstream.protocols.event import Event, UnknownEvent
from respstream.protocols.payload import Payload
from respstream.protocols.responses.text_events import (
    MESSAGE,
    PART_MEMBERS,
    TEXT_EVENTS,
    Part,
    TextEvent,
    event_text,
    has_text,
    identity_of,
    kind_of,
    part_text,
    type_of_item,
    whole_text,
)
from respstream.protocols.responses.text_items import ItemText, Piece


class Cursor(NamedTuple):
    """Where the previous event was a delta: its type and route, and what continues there, None if that is not printed."""

    type: str
    index_name: str
    route: tuple[Any, ...]
    target: tuple[int, ItemText, Part] | None


class TextReader:
    """Reads the text of one response from its events, each text once. `wanted`: the kinds of items to read.

    A subclass takes the text: `write` new text of an item, `opened` and `closed` the beginning and the end of an item that
    events announce.
    """

    def __init__(self, wanted: AbstractSet[str]) -> None:
        self.ended = False
        self.items: dict[int, ItemText] = {}
        self._wanted = wanted
        self._identities = Identities(self.items)
        self._before: tuple[int | None, bytes] | None = None
        self._cursor: Cursor | None = None

    def write(self, key: int, part: Part | None, text: str) -> None:
        """Take new text of a part of an item; without a part and a text, the item alone is known."""
        raise NotImplementedError

    def opened(self, key: int) -> None:
        """An item has begun."""

    def closed(self, key: int | None) -> None:
        """An item is complete; with None all items."""

    def take(self, event: Any) -> None:
        """Process the next event of the response. Repetitions of an event are ignored."""
        before, self._before = self._before, (event.sequence_number, event.raw)
        repeated = event.sequence_number is not None and before == self._before
        if self.ended or repeated or self._continues(event):
            return
        entry = EVENTS.get(event.type)
        if entry is None or isinstance(event, UnknownEvent):
            return
        self._cursor = None
        if entry.phase == "terminal":
            self._terminal(event)
        elif entry.op == "item":
            self._whole_item(event, done=entry.phase == "done")
        elif entry.op in ("text", "part", "members", "put", "status"):
            self._part_of_item(event, entry)

    def reconcile(self, output: Any) -> None:
        """Write the text of the final output that is missing so far. Does nothing after the end."""
        if self.ended:
            return
        self.closed(None)
        values = [
            value if isinstance(value, Payload) else None for value in (output if isinstance(output, list) else ())
        ]
        streamed = sorted(self.items)
        pairs = match_items(
            [self.items[key].identity() for key in streamed],
            [None if value is None else identity_of(value)._asdict() for value in values],
            lambda number: self.items[streamed[number]].text(),
            lambda position: whole_text(output[position]),
        )
        keys = {position: key for key, position in zip(streamed, pairs, strict=True) if position is not None}
        for position, value in enumerate(values):
            kind = None if value is None else identity_of(value).type
            if value is not None and kind_of(kind) in self._wanted:
                key = keys.get(position, -1 - position)
                item = self.items.get(key)
                if item is None:
                    item = self.items[key] = ItemText(kind, value.get("name"))
                    item.call_id, item.placeholder = identity_of(value).call_id, False
                self._write_pieces(key, item.extend(value, kind))

    def finish(self) -> None:
        """End the response; no event follows."""
        if not self.ended:
            self.closed(None)
            for key in sorted(self.items):
                for part, text in self.items[key].withheld():
                    self.write(key, part, text)
            self.ended = True

    # -- events ----------------------------------------------------------------------------------------------------

    def _terminal(self, event: Any) -> None:
        response = event.response
        if isinstance(response, Payload):
            self.reconcile(response.get("output"))
        elif _string(event, "object") == "response" or None not in (_string(event, "id"), _string(event, "status")):
            self.reconcile(getattr(event, "output", None))  # the event itself is the response
        self.finish()

    def _whole_item(self, event: Any, *, done: bool) -> None:
        index, value = _index(event, "output_index", None), event.item
        if index == INVALID or not isinstance(value, Payload):
            return
        identity = identity_of(value)
        key = self._identities.of_item_event(index, identity, done, _ignore)
        item = self.items.setdefault(key, ItemText(identity.type, None))
        pieces = item.replace(value, identity, done=done)
        self._identities.add(key, identity, item.id)
        self._set_id(key, item, identity.id)
        if kind_of(item.kind) in self._wanted:
            if not done:
                self.opened(key)
            self._write_pieces(key, pieces)
        if done:
            self.closed(key)

    def _part_of_item(self, event: Any, entry: Entry) -> None:
        """Route an event to its item, and write its text."""
        index, item_type = _index(event, "output_index", None), type_of_item(event, entry)
        if index == INVALID or item_type is None:
            return
        filled = has_text(event, entry)
        ident, call_id = _string(event, "item_id"), _string(event, "call_id")
        key = self._identities.of_event(index, item_type, ident, call_id, filled and entry.phase == "delta", _ignore)
        if key not in self.items:
            self.items[key] = ItemText(item_type, getattr(event, "name", None), ident)
            self._identities.add_placeholder(key, item_type)
        self._identities.latest, item = key, self.items[key]
        self._set_id(key, item, ident)
        item.is_filled = item.is_filled or filled
        part = None
        if not item.final and kind_of(item.kind) in self._wanted:
            if entry.op == "part":
                self._whole_part(key, item, event, entry)
            elif entry.type in TEXT_EVENTS:
                part = self._text(key, item, event, entry)
        if filled and entry.type in TEXT_EVENTS and entry.phase == "delta" and b"call_id" not in event.raw:
            name = TEXT_EVENTS[entry.type].index_name
            self._cursor = Cursor(entry.type, name, _route(event, name), (key, item, part) if part else None)

    def _continues(self, event: Any) -> bool:
        """Write a delta at the place of the one before, as nearly all of a stream; return False for other events."""
        cursor = self._cursor
        if cursor is None or event.type != cursor.type or cursor.route != _route(event, cursor.index_name):
            return False
        if type(event.delta) is not str or b"call_id" in event.raw:
            return False
        if cursor.target is not None:
            key, item, part = cursor.target
            self.write(key, part, item.add(part, item.joined(event, event.delta)))
        return True

    def _write_pieces(self, key: int, pieces: list[Piece]) -> None:
        for part, text in pieces:
            self.write(key, part, text)
        if not pieces:
            self.write(key, None, "")

    def _set_id(self, key: int, item: ItemText, ident: str | None) -> None:
        if item.id is None and ident is not None:
            item.id = ident
            self._identities.add_id(key, ident)

    def _whole_part(self, key: int, item: ItemText, event: Any, entry: Entry) -> None:
        if not isinstance(event.part, Payload):  # the fold reports it
            return
        index_name = entry.target[0][1] or ""
        number = _index(event, index_name, item.top.get(index_name, -1) + 1 if entry.phase == "added" else None)
        if number == INVALID:
            return
        number = max(item.top.get(index_name, 0), 0) if number is None else number
        item.top[index_name] = max(number, item.top.get(index_name, -1))
        kind, text, member = part_text(event.part, item.kind or "")
        item.types[index_name, number] = kind
        item.complete -= {(index_name, number), Part(index_name, number, member)}
        part = Part(index_name, number, member)
        self.write(key, part, item.set(part, text or ""))
        if entry.phase == "done":
            item.complete.add((index_name, number))

    def _text(self, key: int, item: ItemText, event: Any, entry: Entry) -> Part | None:
        """Write the text of an event; return the part, if it takes deltas."""
        how = TEXT_EVENTS[entry.type]
        number = _index(event, how.index_name, max(item.top.get(how.index_name, 0), 0)) if how.index_name else 0
        if number is None or number == INVALID or not _is_printed(item, how, number):
            return None
        text = event_text(event, entry) or ""
        item.top[how.index_name] = max(number, item.top.get(how.index_name, -1))
        part = Part(how.index_name, number, how.member)
        if (how.index_name, number) in item.complete or (part in item.complete and not how.complete):
            return None
        if how.complete:
            item.complete.add(part)
            self.write(key, part, item.set(part, text))
            return None
        self.write(key, part, item.add(part, item.joined(event, text)))
        return part


def _route(event: Any, index_name: str) -> tuple[Any, ...]:
    """Return the members of a delta that decide what it continues."""
    return event.output_index, event.item_id, getattr(event, index_name) if index_name else None


INVALID = -1
"""An index that leaves its event without effect."""


def _index(event: Event, name: str, default: int | None) -> int | None:
    """Return an index of the event, `default` if it is missing, or `INVALID`."""
    value = getattr(event, name, None)
    if value is None:
        return default
    if isinstance(value, str) and len(value) <= len(str(INDEX_LIMIT)) and value.isascii() and value.isdigit():
        value = int(value)
    return value if type(value) is int and 0 <= value <= INDEX_LIMIT else INVALID


def _is_printed(item: ItemText, how: TextEvent, number: int) -> bool:
    """Return whether the text of an event is of the type of its item, and of its part in a message."""
    if kind_of(item.kind) != kind_of(how.item) or KINDS.get(item.kind or "") != KINDS.get(how.item):
        return False
    if item.kind != MESSAGE:
        return True
    return PART_MEMBERS.get(item.types.setdefault((how.index_name, number), how.part) or "") == how.member


def _string(event: Event, name: str) -> str | None:
    value = getattr(event, name, None)
    return value if isinstance(value, str) else None


def _ignore(_code: str, _detail: Any) -> None:
    """Diagnostics are those of the decoder."""
