"""The text of responses that may run side by side, as one page: each value exactly once, each response in one piece."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from typing import IO, Any

from respstream._pure.protocols.responses.catalogue import EVENTS
from respstream.cli.output import harmless
from respstream.cli.spoken import CALL, HEARD, MESSAGE, REASONING, SUMMARY, Heard, kind_of, label_of, part_text, spoken
from respstream.protocols.event import Event, UnknownEvent
from respstream.protocols.payload import Payload

TERMINAL = {name for name, entry in EVENTS.items() if entry.phase == "terminal"}
MAX_INDEX = 65_535
Key = tuple[str, int]
"""An item: of what kind it is, and its index."""
Part = tuple[str, int]
"""A part of an item: the index that counts such parts, and its value."""


class Page:
    """Where the text goes. One voice is heard at a time; what others say meanwhile is held until it is their turn."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._steers = file.isatty()
        self._begun = self._in_line = False
        self._speaking: Voice | None = None
        self._waiting: list[Voice] = []

    def say(self, voice: Voice, text: str) -> None:
        """Writes the text, or keeps it in the voice until its turn."""
        if self._speaking is None:
            self._begin(voice)
        if self._speaking is voice:
            self._write(text)
        else:
            if not voice.held:
                self._waiting.append(voice)
            voice.held.append(text)

    def end(self, voice: Voice) -> None:
        """The voice has said everything; those that waited are heard."""
        if self._speaking is not voice:
            return
        self._speaking = None
        if self._in_line:
            self._write("\n")
        while self._waiting and self._speaking is None:
            following = self._waiting.pop(0)
            self._begin(following)
            self._write("".join(following.held))
            following.held.clear()
            if following.over:
                self.end(following)

    def flush(self) -> None:
        """Lets the reader see what was written."""
        self._file.flush()

    def _begin(self, voice: Voice) -> None:
        if self._begun:
            self._write("\n")
        self._begun = True
        self._speaking = voice

    def _write(self, text: str) -> None:
        self._file.write(harmless(text) if self._steers else text)
        self._in_line = not text.endswith("\n")


class Said:
    """What was said of one item; `parts` has the indexes of the parts that were heard of."""

    __slots__ = ("_half", "done", "latest", "parts", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.parts: set[Part] = set()
        self.done: set[Part] = set()
        self.latest = 0
        self._half = ""

    def joined(self, event: Event, text: str) -> str:
        """The text of a delta; half a surrogate pair at its end waits for the other half, which the next delta has."""
        if not self._half and not ("\ufffd" in text and b"\\u" in event.raw):
            return text
        exact: str = self._half + json.loads(event.raw.decode("utf-8", "replace"))["delta"]
        self._half = exact[-1:] if "\ud800" <= exact[-1:] <= "\udbff" else ""
        whole = exact[:-1] if self._half else exact
        return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def text(self) -> str:
        """All of it."""
        return "".join(self.pieces)


class Voice:
    """One response: takes its events and says the text that they bring, once. `wanted`: of what kinds of items.

    Items that run side by side are told one after the other: while one is open, what the others bring waits.
    """

    def __init__(self, page: Page, wanted: AbstractSet[str] = frozenset({MESSAGE})) -> None:
        self.held: list[str] = []
        self.over = False
        self._page = page
        self._wanted = wanted
        self._items: dict[Key, Said] = {}
        self._labels: dict[Key, str] = {}  # of items that were not told yet
        self._open: set[Key] = set()
        self._closed: set[Key] = set()
        self._waiting: dict[Key, list[str]] = {}
        self._latest = 0
        self._heard: Key | None = None
        self._in_line = False
        self._before: tuple[int | None, bytes] | None = None

    def take(self, event: Any) -> None:
        """Takes the next event of the response."""
        before, self._before = self._before, (event.sequence_number, event.raw)
        repeated = event.sequence_number is not None and before == self._before
        if self.over or repeated or isinstance(event, UnknownEvent):
            return
        kind = event.type
        heard = HEARD.get(kind)
        if heard is not None:
            self._part(event, heard, getattr(event, heard.member, None))
        elif kind in TERMINAL:
            self._terminal(event)
        elif kind == "response.content_part.done":
            self._part(event, HEARD["response.output_text.done"], part_text(event.part))
        elif kind == "response.output_item.added":
            self._item(event)
        elif kind == "response.output_item.done":
            self._item_done(event)

    def settle(self, output: Any) -> None:
        """Says what of the final output was not heard yet; nothing after the end."""
        if self.over:
            return
        self._open.clear()
        self._go_on()
        heard = {
            of: {key: said.text() for key, said in sorted(self._items.items()) if said.pieces and key[0] == of}
            for of in self._wanted
        }
        missing = []
        for one in spoken(output, self._wanted):
            key = _known(one.text, heard[one.of]) if one.text else None
            if key is not None:
                self._say(key, one.text[len(heard[one.of].pop(key)) :])
            elif one.text or not any(of == CALL for of, _ in self._items):
                missing.append(one)
        for number, one in enumerate(missing, 1):
            if heard[one.of]:  # what is left was heard in other words: it is not told twice
                heard[one.of].popitem()
                continue
            self._labels[one.of, -number] = one.label
            self._say((one.of, -number), one.text)

    def end(self) -> None:
        """Nothing more comes."""
        if not self.over:
            self._open.clear()
            self._go_on()
            self.over = True
            self._page.end(self)

    # -- events ----------------------------------------------------------------------------------------------------

    def _terminal(self, event: Any) -> None:
        response = event.response
        self.settle(response.get("output") if isinstance(response, Payload) else None)
        self.end()

    def _item(self, event: Any) -> None:
        index = _index(event, "output_index", max((index for _, index in self._items), default=-1) + 1)
        if index is None:
            return
        self._latest = index
        for key in [key for key in self._closed if key[1] == index]:  # a new item in the place of one that was done
            self._closed.discard(key)
            self._items[key].done.clear()
        of = kind_of(event.item)
        if of in self._wanted:
            self._open.add((of, index))
            self._meet((of, index), label_of(event.item, of))
            if of == CALL and len(self._open) == 1:
                self._say((of, index), "")

    def _meet(self, key: Key, label: str) -> Said:
        """What was said of an item; the label is told with its first text."""
        said = self._items.get(key)
        if said is None:
            said = self._items[key] = Said()
            self._labels[key] = label
        return said

    def _part(self, event: Event, heard: Heard, text: Any) -> None:
        index = _index(event, "output_index", self._latest)
        if index is None or heard.of not in self._wanted or not isinstance(text, str):
            return
        self._latest = index
        key = heard.of, index
        if key in self._closed:
            return
        name = getattr(event, "name", None) if heard.of == CALL else REASONING
        said = self._meet(key, "" if heard.of == MESSAGE else f"[{name or CALL}] ")
        number = _index(event, heard.place, said.latest) if heard.place else 0
        if number is None:
            return
        said.latest = number
        part = heard.place, number
        if heard.whole:
            said.done.add(part)
        elif part in said.done:
            return
        else:
            text = said.joined(event, text)
        if not heard.whole or (part not in said.parts and not (text and said.text().endswith(text))):
            self._add(key, said, part, text)
        if text:
            said.parts.add(part)

    def _add(self, key: Key, said: Said, part: Part, text: str) -> None:
        """Says a further text of an item; the parts of a summary stand apart."""
        if (
            text
            and said.pieces
            and part not in said.parts
            and SUMMARY in {part[0], *(place for place, _ in said.parts)}
        ):
            text = "\n\n" + text
        self._say(key, text)
        if text:
            said.pieces.append(text)

    def _item_done(self, event: Any) -> None:
        index = _index(event, "output_index", self._latest)
        if index is None:
            return
        self._latest = index
        for one in spoken([event.item], self._wanted):
            key = one.of, index
            said = self._meet(key, one.label)
            before = said.text()
            if one.text.startswith(before):
                self._say(key, one.text[len(before) :])
                said.pieces = [one.text] if one.text else []
        of = kind_of(event.item) or MESSAGE
        self._items.setdefault((of, index), Said())
        self._closed.add((of, index))
        self._open.discard((of, index))
        self._go_on()

    # -- one item after the other ----------------------------------------------------------------------------------

    def _say(self, key: Key, text: str) -> None:
        if self._heard != key and self._heard in self._open:
            self._waiting.setdefault(key, []).append(text)
        else:
            self._tell(key, text)

    def _go_on(self) -> None:
        """Tells the items that wait, until one is open."""
        while self._waiting and self._heard not in self._open:
            key = next(iter(self._waiting))
            self._tell(key, "".join(self._waiting.pop(key)))

    def _tell(self, key: Key, text: str) -> None:
        if text or key[0] == CALL:
            text = self._labels.pop(key, "") + text
        if not text:
            return
        # Two items of one response stand on lines of their own.
        if key != self._heard and self._in_line:
            text = "\n" + text
        self._heard, self._in_line = key, not text.endswith("\n")
        self._page.say(self, text)


def _index(event: Event, name: str, default: int) -> int | None:
    """An index of the event, `default` where it has none, None where it is none that counts."""
    value = getattr(event, name, None)
    if value is None:
        return default
    return value if type(value) is int and 0 <= value <= MAX_INDEX else None


def _known(text: str, heard: dict[Key, str]) -> Key | None:
    """The item heard whose text is this one, or its beginning, or that this one is the beginning of."""
    starts = [key for key, other in heard.items() if text.startswith(other)]
    if starts:
        return max(starts, key=lambda key: len(heard[key]))
    return next((key for key, other in heard.items() if other.startswith(text)), None)
