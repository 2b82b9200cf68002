"""The text of responses that may run in parallel, as one output: each response, and each item of it, without interruption."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import IO

from respstream.cli.output import without_controls


class TextWriter:
    """Writes the text of responses to a file. One response is live; the text of the others is buffered until its turn."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._remove_controls = file.isatty()
        self._started = self._in_line = False
        self._live: ResponseText | None = None
        self._waiting: deque[ResponseText] = deque()

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
            following = self._waiting.popleft()
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


class ResponseText:
    """Writes the text of one response, item by item; a `key` identifies an item.

    Items that run in parallel are written one after the other: the text of the others waits while an item is open.
    """

    def __init__(self, writer: TextWriter) -> None:
        self.buffered: list[str] = []
        self.ended = False
        self.open: set[int] = set()
        self._writer = writer
        self._waiting: OrderedDict[int, list[str]] = OrderedDict()
        self._labels: dict[int, tuple[str, bool]] = {}
        self._labelled: set[int] = set()
        self._current: int | None = None
        self._in_line = False

    def write(self, key: int, text: str, label: str, *, alone: bool = False) -> None:
        """Write text of an item. `label`: is written before its first text; with `alone`, also without a text."""
        self._labels[key] = label, alone
        if self._current != key and self._current in self.open:
            self._waiting.setdefault(key, []).append(text)
        else:
            self._write_now(key, text)

    def close(self, key: int | None) -> None:
        """An item is complete, with None all items: write the waiting items, up to the first that is still open."""
        if key is None:
            self.open.clear()
        else:
            self.open.discard(key)
        while self._waiting and self._current not in self.open:
            following, texts = self._waiting.popitem(last=False)
            self._write_now(following, "".join(texts))

    def end(self) -> None:
        """End the response."""
        self.close(None)
        self.ended = True
        self._writer.end(self)

    def _write_now(self, key: int, text: str) -> None:
        label, alone = self._labels[key]
        if key not in self._labelled and (text or alone):
            self._labelled.add(key)
            text = label + text
        if not text:
            return
        # Each item of a response begins on a new line.
        if key != self._current and self._in_line:
            text = "\n" + text
        self._current, self._in_line = key, not text.endswith("\n")
        self._writer.write(self, text)
