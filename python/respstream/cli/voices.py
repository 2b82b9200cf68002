"""The text of responses that may run side by side, as one page: each value exactly once, each response in one piece."""

from __future__ import annotations

import json
from typing import IO, Any

from respstream._catalogue import EVENTS
from respstream.base import Event, Payload, UnknownEvent
from respstream.cli.output import harmless

TERMINAL = {name for name, entry in EVENTS.items() if entry.phase == "terminal"}
DELTAS = {"response.output_text.delta", "response.refusal.delta"}
DONE = {"response.output_text.done": "text", "response.refusal.done": "refusal"}
MAX_INDEX = 65_535


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
        self.parts: set[int] = set()
        self.done: set[int] = set()
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
    """One response: takes its events and says the text that they bring, once."""

    def __init__(self, page: Page) -> None:
        self.held: list[str] = []
        self.over = False
        self._page = page
        self._items: dict[int, Said] = {}
        self._closed: set[int] = set()
        self._latest = 0
        self._heard: int | None = None
        self._in_line = False
        self._before: tuple[int | None, bytes] | None = None

    def take(self, event: Any) -> None:
        """Takes the next event of the response."""
        before, self._before = self._before, (event.sequence_number, event.raw)
        repeated = event.sequence_number is not None and before == self._before
        if self.over or repeated or isinstance(event, UnknownEvent):
            return
        kind = event.type
        if kind in TERMINAL:
            self._terminal(event)
        elif kind in DELTAS:
            self._part(event, event.delta, whole=False)
        elif kind in DONE:
            self._part(event, getattr(event, DONE[kind]), whole=True)
        elif kind == "response.content_part.done":
            self._part(event, _part_text(event.part), whole=True)
        elif kind == "response.output_item.added":
            self._item(event)
        elif kind == "response.output_item.done":
            self._item_done(event)

    def settle(self, texts: list[str]) -> None:
        """Says what of the final texts, one for each message, was not heard yet; nothing after the end."""
        if self.over:
            return
        heard = {index: said.text() for index, said in sorted(self._items.items()) if said.pieces}
        missing = []
        for text in texts:
            index = _known(text, heard)
            if index is None:
                missing.append(text)
            else:
                self._say(index, text[len(heard.pop(index)) :])
        # What is left was heard in other words: it is not told twice.
        for number, text in enumerate(missing[len(heard) :], 1):
            self._say(-number, text)

    def end(self) -> None:
        """Nothing more comes."""
        if not self.over:
            self.over = True
            self._page.end(self)

    # -- events ----------------------------------------------------------------------------------------------------

    def _terminal(self, event: Any) -> None:
        response = event.response
        output = response.get("output") if isinstance(response, Payload) else None
        self.settle(message_texts(output))
        self.end()

    def _item(self, event: Event) -> None:
        index = _index(event, "output_index", max(self._items, default=-1) + 1)
        if index is not None:
            self._latest = index
            if index in self._closed:  # a new item in the place of one that was done
                self._closed.discard(index)
                self._items[index].done.clear()

    def _part(self, event: Event, text: Any, *, whole: bool) -> None:
        index = _index(event, "output_index", self._latest)
        if index is None or not isinstance(text, str):
            return
        self._latest = index
        if index in self._closed:
            return
        said = self._items.setdefault(index, Said())
        part = _index(event, "content_index", said.latest)
        if part is None:
            return
        said.latest = part
        if whole:
            said.done.add(part)
        elif part in said.done:
            return
        else:
            text = said.joined(event, text)
        if not whole or (part not in said.parts and not (text and said.text().endswith(text))):
            self._say(index, text)
            if text:
                said.pieces.append(text)
        if text:
            said.parts.add(part)

    def _item_done(self, event: Any) -> None:
        index = _index(event, "output_index", self._latest)
        if index is None:
            return
        self._latest = index
        texts = message_texts([event.item])
        said = self._items.setdefault(index, Said())
        before = said.text()
        if texts and texts[0].startswith(before):
            self._say(index, texts[0][len(before) :])
            said.pieces = texts
        self._closed.add(index)

    def _say(self, index: int, text: str) -> None:
        if not text:
            return
        # Two messages of one response stand on lines of their own.
        if index != self._heard and self._in_line:
            text = "\n" + text
        self._heard, self._in_line = index, not text.endswith("\n")
        self._page.say(self, text)


def message_texts(output: Any) -> list[str]:
    """The text, or the refusal, of each message in a list of output items; those without any are left out."""
    found = []
    for item in output if isinstance(output, list) else ():
        if isinstance(item, Payload) and item.get("type") == "message":
            content = item.get("content")
            text = "".join(_part_text(part) or "" for part in content) if isinstance(content, list) else ""
            if text:
                found.append(text)
    return found


def _part_text(part: Any) -> str | None:
    kind = part.get("type") if isinstance(part, Payload) else None
    text = part.get({"output_text": "text", "refusal": "refusal"}.get(kind, "")) if isinstance(kind, str) else None
    return text if isinstance(text, str) else None


def _index(event: Event, name: str, default: int) -> int | None:
    """An index of the event, `default` where it has none, None where it is none that counts."""
    value = getattr(event, name, None)
    if value is None:
        return default
    return value if type(value) is int and 0 <= value <= MAX_INDEX else None


def _known(text: str, heard: dict[int, str]) -> int | None:
    """The item heard whose text is this one, or its beginning, or that this one is the beginning of."""
    starts = [index for index, other in heard.items() if text.startswith(other)]
    if starts:
        return max(starts, key=lambda index: len(heard[index]))
    return next((index for index, other in heard.items() if other.startswith(text)), None)
