"""Lines outside SSE blocks: JSON lines, JSON texts over several lines, the end mark, and text that is none of these.

At most one JSON text is open, or one span of stray text of which a sample is kept: either may turn out to be the body of
an API error.
"""

from __future__ import annotations

import re

from respstream._pure.json import BadJson, LimitExceeded, LineCheck, decode, join_text
from respstream._pure.sink import BLANKS, Done, Frame, Sink, Skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SAMPLE = 65536  # bytes of a stray span that are kept to see whether it is an API error body
_BREAK = re.compile(rb"[\r\n]")
_INTEGERS = range(-(2**63), 2**63)


class Span:
    """Neighbouring lines of text that are not (yet) an event: stray text, or a JSON text that is still open."""

    __slots__ = ("check", "end", "line", "lines", "size", "start")

    def __init__(self, start: int, line: int, check: LineCheck | None) -> None:
        self.start, self.line, self.end, self.check = start, line, start, check
        self.lines: list[bytes] = []
        self.size = 0

    def add(self, text: bytes, end: int) -> None:
        """Takes the next line; of stray text, only what the sample has room for."""
        if self.check is not None or self.size < SAMPLE:
            self.lines.append(text if self.check is not None else text[:SAMPLE])
            self.size += len(text) + 1
        self.end = end


class Outside:
    """Makes frames of lines outside blocks. `sse`, `json`: what the source may hold; `limit`: most bytes of a text, or None."""

    def __init__(self, sink: Sink, limit: int | None, *, sse: bool, json: bool) -> None:
        self.text: Span | None = None  # an open JSON text
        self._stray: Span | None = None
        self._sink = sink
        self._limit = limit
        self._sse = sse
        self._json = json

    @property
    def idle(self) -> bool:
        """Whether no text is open."""
        return self.text is None and self._stray is None

    def take(self, line: bytes, start: int, end: int, number: int, dropped: Skipped | None) -> None:
        """One line that is not empty; of a dropped one, `line` is only the beginning. `number`: its place, 1-based."""
        too_large = dropped is not None or (self._limit is not None and end - start > self._limit)
        if self.text is not None and self._continue(self.text, line, start, end, too_large):
            return
        bare = line.strip(b" \t")
        first = bare[:1] if dropped is None else dropped.first
        if not first:
            return
        if self._json and first == b"{":
            self.close()
            self._begin(line, start, end, number, too_large)
        elif self._json and bare == b"[DONE]" and not too_large:
            self.close()
            self._sink.items.append(Done())
        elif not self._sse:
            self._sink.note("bad_json", start, end, number, {"what": "line"})
        else:
            if self._stray is None:
                self._stray = Span(start, number, None)
            self._stray.add(b"" if too_large else line, end)

    def close(self) -> None:
        """Says what the open text was: it ends here."""
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
        self._sink.note(code, span.start, span.end, span.line, detail)

    def _begin(self, line: bytes, start: int, end: int, number: int, too_large: bool) -> None:
        """A line that begins with a brace: an object, or the beginning of one."""
        if too_large:
            self._sink.note("event_too_large", start, end, number, {"limit": self._limit})
            return
        frame = _whole_line(line, start, end, number)
        if frame is not None:
            self._sink.items.append(frame)
            return
        check = LineCheck()
        if check.push(line) == "open":
            self.text = Span(start, number, check)
            self.text.add(line, end)
        else:
            self._sink.note("bad_json", start, end, number, {"what": "line"})

    def _continue(self, text: Span, line: bytes, start: int, end: int, too_large: bool) -> bool:
        """Adds a line to the open JSON text; False when the text ended before it and the line stands for itself."""
        if not too_large and line.startswith(b"{") and _whole_line(line, start, end, 0) is not None:
            return False
        if too_large or (self._limit is not None and text.size + end - start > self._limit):
            self.text = None
            self._sink.note("event_too_large", text.start, end, text.line, {"limit": self._limit})
            return True
        assert text.check is not None
        state = text.check.push(line)
        if state == "broken":
            self.close()
            return False
        text.add(line, end)
        if state == "whole":
            self.text = None
            self._sink.items.append(Frame(b"\n".join(text.lines), None, text.start, end, text.line, "line"))
        return True


def _whole_line(line: bytes, start: int, end: int, number: int) -> Frame | None:
    """The frame of a line that is a JSON object by itself, else None."""
    try:
        decoded = decode(line)
    except LimitExceeded:
        decoded = None
    except BadJson:
        return None
    frame = Frame(line, None, start, end, number, "line")
    frame.decoded = decoded
    return frame


def error_body(text: bytes) -> dict[str, Any] | None:
    """What an API error body says (code, message, type, param), or None where `text` is none.

    A body that lacks its last braces is read as if it had them.
    """
    text = text[:SAMPLE].strip(BLANKS)
    if not text.startswith(b"{"):
        return None
    check = LineCheck()
    for line in _BREAK.split(text):
        check.push(line)
    try:
        value, _ = decode(text + check.closers() if check.state == "open" else text)
    except (BadJson, LimitExceeded):
        return None
    return error_detail(value)


def error_detail(value: Any) -> dict[str, Any] | None:
    """The `error` member of an HTTP error body as a diagnostic's detail, or None where there is none."""
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return None
    return {key: clip(error.get(key)) for key in ("code", "message", "type", "param")}


def clip(value: Any) -> str | None:
    """At most 200 characters of a text for a diagnostic; integers of 64 bits as text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value in _INTEGERS else None
    return join_text([value])[:200] if isinstance(value, str) else None
