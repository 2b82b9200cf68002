"""The text of responses that may run in parallel, as one output: each text once, each response without interruption."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from typing import IO, Any

from respstream._pure.protocols.responses.catalogue import EVENTS
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
Key = tuple[str, int]
"""An item: its kind and its `output_index`."""
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
        exact: str = self._surrogate + json.loads(event.raw.decode("utf-8", "replace"))["delta"]
        self._surrogate = exact[-1:] if "\ud800" <= exact[-1:] <= "\udbff" else ""
        complete = exact[:-1] if self._surrogate else exact
        return complete.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def text(self) -> str:
        """Return the text so far."""
        return "".join(self.texts)


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
        self._latest = 0
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
            self._part(event, TEXT_EVENTS["response.output_text.done"], part_text(event.part))
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
        self.reconcile(response.get("output") if isinstance(response, Payload) else None)
        self.end()

    def _item_added(self, event: Any) -> None:
        index = _index(event, "output_index", max((index for _, index in self._items), default=-1) + 1)
        if index is None:
            return
        self._latest = index
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
        index = _index(event, "output_index", self._latest)
        if index is None or entry.kind not in self._wanted or not isinstance(text, str):
            return
        self._latest = index
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
        index = _index(event, "output_index", self._latest)
        if index is None:
            return
        self._latest = index
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
    return value if type(value) is int and 0 <= value <= MAX_INDEX else None


def _matching(text: str, written: dict[Key, str]) -> Key | None:
    """Return the item whose written text is a prefix of `text` (the longest one), or begins with it."""
    starts = [key for key, other in written.items() if text.startswith(other)]
    if starts:
        return max(starts, key=lambda key: len(written[key]))
    return next((key for key, other in written.items() if other.startswith(text)), None)
