"""The text of responses that may run in parallel, as one output: each text once, each response without interruption."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from typing import IO, Any

from respstream._pure.protocols.responses.catalogue import EVENTS
from respstream._pure.protocols.responses.tool_calls import KINDS
from respstream.cli.output import without_controls
from respstream.cli.text_events import (
    CALL,
    MESSAGE,
    REASONING,
    SUMMARY,
    TEXT_EVENTS,
    TextEvent,
    kind_of,
    label_of,
    output_texts,
    part_text,
)
from respstream.protocols.event import Event, UnknownEvent
from respstream.protocols.payload import Payload

TERMINAL = {name for name, entry in EVENTS.items() if entry.phase == "terminal"}
MAX_INDEX = 65_535
FURTHER = 1 << 20
"""The first slot of items with an index that another item has."""
Key = tuple[str, int]
"""An item: its kind and its slot."""
Identity = tuple[str | None, str | None, str | None]
"""Type, call id and id of an item."""
Part = tuple[str, int]
"""A part of an item: the name of the index that numbers it, and its value."""


class TextWriter:
    """Writes the text of responses to a file. One response is live; the text of the others is buffered until its turn."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._remove_controls = file.isatty()
        self._started = self._in_line = False
        self._live: ResponseText | None = None
        self._waiting: list[ResponseText] = []

    def write(self, response: ResponseText, text: str) -> None:
        """Write the text, or buffer it until the turn of the response."""
        if self._live is None:
            self._start(response)
        if self._live is response:
            self._write(text)
        else:
            if not response.buffered:
                self._waiting.append(response)
            response.buffered.append(text)

    def end(self, response: ResponseText) -> None:
        """End a response. If it was the live one, the next waiting responses are written."""
        if self._live is not response:
            return
        self._live = None
        if self._in_line:
            self._write("\n")
        while self._waiting and self._live is None:
            following = self._waiting.pop(0)
            self._start(following)
            self._write("".join(following.buffered))
            following.buffered.clear()
            if following.ended:
                self.end(following)

    def flush(self) -> None:
        """Flush the file."""
        self._file.flush()

    def _start(self, response: ResponseText) -> None:
        if self._started:
            self._write("\n")
        self._started = True
        self._live = response

    def _write(self, text: str) -> None:
        self._file.write(without_controls(text) if self._remove_controls else text)
        self._in_line = not text.endswith("\n")


class ItemText:
    """The text of one item so far. `parts`: the parts with text; `done`: those that are complete; `latest`: the last index."""

    __slots__ = ("_surrogate", "done", "latest", "parts", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.parts: set[Part] = set()
        self.done: set[Part] = set()
        self.latest = 0
        self._surrogate = ""

    def joined(self, event: Event, text: str) -> str:
        """Return the text of a delta. A high surrogate at its end is kept until the next delta, which has the low one."""
        if not self._surrogate and not ("\ufffd" in text and b"\\u" in event.raw):
            return text
        delta = json.loads(event.raw.decode("utf-8", "replace"))["delta"]
        exact: str = self._surrogate + (delta["text"] if isinstance(delta, dict) else delta)
        self._surrogate = exact[-1:] if "\ud800" <= exact[-1:] <= "\udbff" else ""
        complete = exact[:-1] if self._surrogate else exact
        return complete.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def text(self) -> str:
        """Return the text so far."""
        return "".join(self.texts)


class Slots:
    """The number of each item: its `output_index`, or a further number if other items have that index.

    The rules are those of the assembled response: an item is found by its id where its index is missing or not unique.
    """

    def __init__(self) -> None:
        self.latest = 0
        self._top = -1
        self._reused: dict[int, int] = {}
        self._named: dict[tuple[str, str], int] = {}
        self._typed: dict[tuple[int, str], int] = {}
        self._items: dict[int, tuple[int, Identity, str]] = {}  # index, identity, state: "text", "added" or "done"

    def of_part(self, event: Event, kind: str) -> int | None:
        """Return the slot of an event with the text of an item of that type, None if its index is invalid."""
        index = _index(event, "output_index", -1)
        if index is None:
            return None
        slot = index if index >= 0 else self.latest
        if index < 0 or index in self._reused:
            slot = self._reused.get(index, slot)
            for name, key in (("id", "item_id"), ("call_id", "call_id")):
                named = self._named.get((name, getattr(event, key, None) or ""))
                if named is not None and (index < 0 or self._index(named) == index):
                    slot = named
                    break
        index = self._index(slot) if index < 0 else index
        before = self._items[slot][1][0] if slot in self._items else None
        if _is_other_kind(before, kind):
            slot = self._typed.get((index, kind), -1)
            if slot < 0:
                slot = self._reused[index] = FURTHER + len(self._items)
        if slot not in self._items:
            ident = getattr(event, "item_id", None)
            self._put(slot, index, (kind, None, ident if isinstance(ident, str) and ident else None), "text")
        self._use(slot, index)
        return slot

    def of_item(self, event: Any, *, done: bool) -> int | None:
        """Return the slot of the item that is added or done, None if the index of the event is invalid."""
        index = _index(event, "output_index", -1)
        if index is None:
            return None
        identity = _identity(event.item)
        named = self._by_name(identity)
        if index >= 0:
            slot = self._reused.get(index, index)
            if index in self._reused and named is not None and self._index(named) == index:
                slot = named
            if self._is_other(slot, identity, done):
                slot = self._reused[index] = FURTHER + len(self._items)
        elif named is not None:
            slot = named
        elif done and not self._is_other(self.latest, identity, done):
            slot = self.latest
        else:
            slot = self._top + 1
        index = self._index(slot) if index < 0 else index
        self._use(slot, index)
        self._put(slot, index, identity, "done" if done else "added")
        return slot

    def _put(self, slot: int, index: int, identity: Identity, state: str) -> None:
        if slot in self._items and identity[2] and self._items[slot][1][2]:
            identity = *identity[:2], self._items[slot][1][2]  # the first id counts
        self._items[slot] = index, identity, state
        self._typed[index, identity[0] or ""] = slot
        for name, ident in zip(("call_id", "id"), identity[1:], strict=True):
            if ident:
                self._named[name, ident] = slot

    def _use(self, slot: int, index: int) -> None:
        self.latest = slot
        if slot < FURTHER:
            self._top = max(self._top, index)

    def _index(self, slot: int) -> int:
        return self._items[slot][0] if slot in self._items else slot

    def _by_name(self, identity: Identity) -> int | None:
        for name, ident in (("id", identity[2]), ("call_id", identity[1])):
            slot = self._named.get((name, ident or ""))
            if slot is not None and self._items[slot][1][0] == identity[0]:
                return slot
        return None

    def _is_other(self, slot: int, identity: Identity, done: bool) -> bool:
        if slot not in self._items:
            return False
        _, before, state = self._items[slot]
        differ = [None not in pair and pair[0] != pair[1] for pair in zip(before, identity, strict=True)]
        return differ[0] or differ[1] or (differ[2] and (state == "done" or (not done and state == "added")))


class ResponseText:
    """Writes the text of one response from its events, each text once. `wanted`: the kinds of items to write.

    Items that run in parallel are written one after the other: the text of the others waits while an item is open.
    """

    def __init__(self, writer: TextWriter, wanted: AbstractSet[str] = frozenset({MESSAGE})) -> None:
        self.buffered: list[str] = []
        self.ended = False
        self._writer = writer
        self._wanted = wanted
        self._items: dict[Key, ItemText] = {}
        self._labels: dict[Key, str] = {}  # of items without output so far
        self._open: set[Key] = set()
        self._closed: set[Key] = set()
        self._waiting: dict[Key, list[str]] = {}
        self._slots = Slots()
        self._current: Key | None = None
        self._in_line = False
        self._before: tuple[int | None, bytes] | None = None

    def take(self, event: Any) -> None:
        """Process the next event of the response. Repetitions of an event are ignored."""
        before, self._before = self._before, (event.sequence_number, event.raw)
        repeated = event.sequence_number is not None and before == self._before
        if self.ended or repeated or isinstance(event, UnknownEvent):
            return
        name = event.type
        entry = TEXT_EVENTS.get(name)
        if entry is not None:
            self._part(event, entry, getattr(event, entry.member, None))
        elif name in TERMINAL:
            self._terminal(event)
        elif name == "response.content_part.done":
            text = part_text(event.part)
            if text is not None:
                self._part(event, TEXT_EVENTS["response.output_text.done"], text)
        elif name == "response.output_item.added":
            self._item_added(event)
        elif name == "response.output_item.done":
            self._item_done(event)

    def reconcile(self, output: Any) -> None:
        """Write the text of the final output that is missing so far. Does nothing after the end."""
        if self.ended:
            return
        self._open.clear()
        self._write_waiting()
        written = {
            kind: {key: item.text() for key, item in sorted(self._items.items()) if item.texts and key[0] == kind}
            for kind in self._wanted
        }
        missing = []
        for one in output_texts(output, self._wanted):
            key = _matching(one.text, written[one.kind]) if one.text else None
            if key is not None:
                self._write(key, one.text[len(written[one.kind].pop(key)) :])
            elif one.text or not any(kind == CALL for kind, _ in self._items):
                missing.append(one)
        for number, one in enumerate(missing, 1):
            # The remaining texts of this kind were written with other words; the final ones would repeat them.
            if written[one.kind]:
                written[one.kind].popitem()
                continue
            self._labels[one.kind, -number] = one.label
            self._write((one.kind, -number), one.text)

    def end(self) -> None:
        """End the response; no event follows."""
        if not self.ended:
            self._open.clear()
            self._write_waiting()
            self.ended = True
            self._writer.end(self)

    # -- events ----------------------------------------------------------------------------------------------------

    def _terminal(self, event: Any) -> None:
        response = event.response
        # A response that is not nested is the event itself.
        self.reconcile(response.get("output") if isinstance(response, Payload) else getattr(event, "output", None))
        self.end()

    def _item_added(self, event: Any) -> None:
        index = self._slots.of_item(event, done=False)
        if index is None:
            return
        for key in [key for key in self._closed if key[1] == index]:  # a new item with the index of a completed one
            self._closed.discard(key)
            self._items[key].done.clear()
        kind = kind_of(event.item)
        if kind in self._wanted:
            self._open.add((kind, index))
            self._item((kind, index), label_of(event.item, kind))
            if kind == CALL and len(self._open) == 1:
                self._write((kind, index), "")

    def _item(self, key: Key, label: str) -> ItemText:
        """Return the text of an item so far. A new item gets the label, which is written before its first text."""
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = ItemText()
            self._labels[key] = label
        return item

    def _part(self, event: Event, entry: TextEvent, text: Any) -> None:
        index = self._slots.of_part(event, entry.item)
        if isinstance(text, Payload):
            text = text.get("text") if entry.kind != CALL or "text" in text else _json_text(text)
        if index is None or entry.kind not in self._wanted or not isinstance(text, str):
            return
        key = entry.kind, index
        if key in self._closed:
            return
        name = getattr(event, "name", None) if entry.kind == CALL else REASONING
        item = self._item(key, "" if entry.kind == MESSAGE else f"[{name or CALL}] ")
        number = _index(event, entry.index_name, item.latest) if entry.index_name else 0
        if number is None:
            return
        item.latest = number
        part = entry.index_name, number
        if entry.complete:
            item.done.add(part)
        elif part in item.done:
            return
        else:
            text = item.joined(event, text)
        if not entry.complete or (part not in item.parts and not (text and item.text().endswith(text))):
            self._add(key, item, part, text)
        if text:
            item.parts.add(part)

    def _add(self, key: Key, item: ItemText, part: Part, text: str) -> None:
        """Write a further text of an item, with a blank line between the parts of a reasoning summary."""
        if (
            text
            and item.texts
            and part not in item.parts
            and SUMMARY in {part[0], *(index_name for index_name, _ in item.parts)}
        ):
            text = "\n\n" + text
        self._write(key, text)
        if text:
            item.texts.append(text)

    def _item_done(self, event: Any) -> None:
        index = self._slots.of_item(event, done=True)
        if index is None:
            return
        for one in output_texts([event.item], self._wanted):
            key = one.kind, index
            item = self._item(key, one.label)
            before = item.text()
            if one.text.startswith(before):
                self._write(key, one.text[len(before) :])
                item.texts = [one.text] if one.text else []
        kind = kind_of(event.item) or MESSAGE
        self._items.setdefault((kind, index), ItemText())
        self._closed.add((kind, index))
        self._open.discard((kind, index))
        self._write_waiting()

    # -- one item after the other ----------------------------------------------------------------------------------

    def _write(self, key: Key, text: str) -> None:
        if self._current != key and self._current in self._open:
            self._waiting.setdefault(key, []).append(text)
        else:
            self._write_now(key, text)

    def _write_waiting(self) -> None:
        """Write the waiting items, up to the first that is still open."""
        while self._waiting and self._current not in self._open:
            key = next(iter(self._waiting))
            self._write_now(key, "".join(self._waiting.pop(key)))

    def _write_now(self, key: Key, text: str) -> None:
        if text or key[0] == CALL:
            text = self._labels.pop(key, "") + text
        if not text:
            return
        # Each item of a response begins on a new line.
        if key != self._current and self._in_line:
            text = "\n" + text
        self._current, self._in_line = key, not text.endswith("\n")
        self._writer.write(self, text)


def _index(event: Event, name: str, default: int) -> int | None:
    """Return an index of the event: `default` if it is missing, None if it is invalid."""
    value = getattr(event, name, None)
    if value is None:
        return default
    if isinstance(value, str) and len(value) <= len(str(MAX_INDEX)) and value.isascii() and value.isdigit():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_INDEX else None


def _is_other_kind(item: str | None, event: str) -> bool:
    """Return whether an event for items of one type cannot be about an item of the other."""
    if event == MESSAGE:
        return item == REASONING or item in KINDS
    return event in KINDS and item in (MESSAGE, REASONING)


def _identity(item: Any) -> Identity:
    values = [item.get(name) if isinstance(item, Payload) else None for name in ("type", "call_id", "id")]
    kind, call_id, ident = (value if isinstance(value, str) and value else None for value in values)
    return kind, call_id, ident


def _json_text(value: Payload) -> str:
    return json.dumps(value.to_dict(), separators=(",", ":"), ensure_ascii=False)


def _matching(text: str, written: dict[Key, str]) -> Key | None:
    """Return the item whose written text is a prefix of `text` (the longest one), or begins with it."""
    starts = [key for key, other in written.items() if text.startswith(other)]
    if starts:
        return max(starts, key=lambda key: len(written[key]))
    return next((key for key, other in written.items() if other.startswith(text)), None)
