"""Lines outside SSE blocks: JSON lines, JSON texts over several lines, the end mark, and other text.

At most one JSON text is open, or one span of stray text, of which a sample is kept: either may be the body of an API
error.
"""

from __future__ import annotations

from respstream._pure.diagnostics.appearance import are_adjacent_objects
from respstream._pure.diagnostics.error_body import SAMPLE, error_body
from respstream._pure.frames.output import Done, Frame, FrameOutput, Skipped
from respstream._pure.json import BadJson, LimitExceeded, LineCheck, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ADJACENT = "line of objects without line breaks between them (see Decoder.message)"


class Span:
    """Consecutive lines that are not (yet) an event: stray text, or a JSON text that is still open."""

    __slots__ = ("check", "end", "line", "lines", "size", "start")

    def __init__(self, start: int, line: int, check: LineCheck | None) -> None:
        self.start, self.line, self.end, self.check = start, line, start, check
        self.lines: list[bytes] = []
        self.size = 0

    def add(self, text: bytes, end: int) -> None:
        """Adds the next line; stray text is cut to the size of the sample."""
        if self.check is not None or self.size < SAMPLE:
            self.lines.append(text if self.check is not None else text[:SAMPLE])
            self.size += len(text) + 1
        self.end = end


class Unframed:
    """Makes frames of lines outside blocks.

    `sse`, `json`: the formats that the source may have. `limit`: the maximum number of bytes of a text, or None.
    """

    def __init__(self, output: FrameOutput, limit: int | None, *, sse: bool, json: bool) -> None:
        self.text: Span | None = None  # an open JSON text
        self._stray: Span | None = None
        self._output = output
        self._limit = limit
        self._sse = sse
        self.json = json

    @property
    def idle(self) -> bool:
        """Whether no text is open."""
        return self.text is None and self._stray is None

    def take(self, line: bytes, start: int, end: int, number: int, dropped: Skipped | None) -> None:
        """Takes a line that is not empty. `line` is only the beginning if `dropped` is set. `number`: 1-based."""
        too_large = dropped is not None or (self._limit is not None and end - start > self._limit)
        if self.text is not None and self._continue(self.text, line, start, end, too_large):
            return
        bare = line.strip(b" \t")
        first = bare[:1] if dropped is None else dropped.first
        if not first:
            return
        if self.json and first == b"{" and not (self._sse and not too_large and _is_progress(bare)):
            self.close()
            self._begin(line, start, end, number, too_large)
        elif self.json and bare == b"[DONE]" and not too_large:
            self.close()
            self._output.items.append(Done())
        elif not self._sse:
            self._output.note("bad_json", start, end, number, {"what": "line"})
        else:
            if self._stray is None:
                self._stray = Span(start, number, None)
            self._stray.add(b"" if too_large else line, end)

    def close(self) -> None:
        """Ends the open text and reports it."""
        text, stray = self.text, self._stray
        self.text = self._stray = None
        if text is not None:
            self._note(text, "bad_json", {"what": "line"})
        if stray is not None:
            self._note(stray, "stray_text", {"length": stray.end - stray.start})

    def _note(self, span: Span, code: str, detail: dict[str, Any]) -> None:
        body = error_body(b"\n".join(span.lines))
        if body is not None:
            code, detail = "error_body", body
        self._output.note(code, span.start, span.end, span.line, detail)

    def _begin(self, line: bytes, start: int, end: int, number: int, too_large: bool) -> None:
        """Takes a line that begins with a brace: an object, or the beginning of one."""
        if too_large:
            self._output.note("event_too_large", start, end, number, {"limit": self._limit})
            return
        frame = _whole_line(line, start, end, number)
        if frame is not None:
            self._output.items.append(frame)
            return
        check = LineCheck()
        if check.push(line) == "open":
            self.text = Span(start, number, check)
            self.text.add(line, end)
        else:
            what = ADJACENT if are_adjacent_objects(line) else "line"
            self._output.note("bad_json", start, end, number, {"what": what})

    def _continue(self, text: Span, line: bytes, start: int, end: int, too_large: bool) -> bool:
        """Adds a line to the open JSON text; returns False if the text ended before this line."""
        if not too_large and line.startswith(b"{") and _whole_line(line, start, end, 0) is not None:
            return False
        if too_large or (self._limit is not None and text.size + end - start > self._limit):
            self.text = None
            self._output.note("event_too_large", text.start, end, text.line, {"limit": self._limit})
            return True
        assert text.check is not None
        state = text.check.push(line)
        if state == "broken":
            self.close()
            return False
        text.add(line, end)
        if state == "whole":
            self.text = None
            self._output.items.append(Frame(b"\n".join(text.lines), None, text.start, end, text.line, "line"))
        return True


def _is_progress(line: bytes) -> bool:
    """Whether a line is progress of `curl -v`, as `{ [5 bytes data]`, which is not JSON."""
    return line.endswith(b" bytes data]") and line.startswith(b"{ [") and line[3:-12].isdigit()


def _whole_line(line: bytes, start: int, end: int, number: int) -> Frame | None:
    """The frame of a line that is a complete JSON object, else None."""
    try:
        decoded = decode(line)
    except LimitExceeded:
        decoded = None
    except BadJson:
        return None
    frame = Frame(line, None, start, end, number, "line")
    frame.decoded = decoded
    return frame
