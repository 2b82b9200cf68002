"""Lines of a byte stream: where each begins and ends, however the stream is cut.

A line ends at CR, LF or CRLF and at nothing else, and a byte order mark at the very start of the stream is not part of
the first line (WHATWG HTML, 9.2.5 "Parsing an event stream"). The caller owns the bytes: it passes a *window* (the bytes
that are not consumed yet) and a position in it.

Strategy: `bytes.find` searches CR and LF separately. Each result is valid until the walk has passed it, so a window is
searched at most twice. The part of an unfinished line that contains no line end is remembered, so a line that grows one
byte at a time is not searched again. The bytes of a BOM end no line, so it is looked for only in a complete line: a BOM
split over windows needs no state.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BOM = b"\xef\xbb\xbf"


class LineSplitter:
    """The state of one stream's lines between two windows.

    `rest`: the position after the line that was yielded last; the bytes from there on belong to the next line. `work`: the
    number of bytes searched.
    """

    __slots__ = ("_at_start", "_searched", "_swallow_lf", "rest", "work")

    def __init__(self) -> None:
        self._at_start = True
        self._swallow_lf = False
        self._searched = 0
        self.rest = 0
        self.work = 0

    def lines(self, window: bytes | bytearray, at: int = 0) -> Iterator[tuple[int, int]]:
        """Yield `(start, end)` of each line of `window[at:]` whose end is in the window; the line is `window[start:end]`.

        A CR that is the window's last byte ends its line at once; an LF at the start of the next window then belongs to it
        and is skipped. So starts and ends are the same at every cut, while `rest` may lie before or after that LF.
        Iterate to the end, then pass the bytes from `rest` on, followed by new ones, as the next window.
        """
        size = len(window)
        if self._swallow_lf and at < size:
            self._swallow_lf = False
            if window[at] == 0x0A:
                at += 1
        self.rest = at
        searched, self._searched = at + self._searched, 0
        line_feed = self._find(window, b"\n", searched)
        carriage = self._find(window, b"\r", searched)
        while (end := min(line_feed, carriage)) < size:
            start = self._after_bom(window, at) if self._at_start else at
            self._at_start = False
            at = end + 2 if end + 1 == line_feed < size else end + 1
            self._swallow_lf = end == carriage and end + 1 == size
            self.rest = at
            yield start, end
            if line_feed < at:
                line_feed = self._find(window, b"\n", at)
            if carriage < at:
                carriage = self._find(window, b"\r", at)
        self._searched = size - at

    def unfinished(self, window: bytes | bytearray, at: int = 0) -> tuple[int, int]:
        """`(start, end)` of the line that the end of the input cut short; `window` was walked, and `at` is its `rest`."""
        return (self._after_bom(window, at) if self._at_start else at), len(window)

    def _find(self, window: bytes | bytearray, byte: bytes, at: int) -> int:
        """Where `byte` comes next, or the window's length."""
        found = window.find(byte, at)
        if found < 0:
            found = len(window)
        self.work += found - at
        return found

    @staticmethod
    def _after_bom(window: bytes | bytearray, at: int) -> int:
        return at + len(BOM) if window.startswith(BOM, at) else at
