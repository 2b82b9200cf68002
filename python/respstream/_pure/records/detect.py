"""The shapes of rows: which field of a row holds a stream, and which its time and its lane.

Known shapes need no options; of the others, the first field that looks like a stream is taken, and remembered.
"""

from __future__ import annotations

from respstream._pure.json import BadJson, LimitExceeded, decode, elements, loads, locate
from respstream._pure.packed import unpacked
from respstream._pure.pointer import Steps, resolve, shown
from respstream._pure.times import read_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

TIMES = (
    "timestamp", "time", "ts", "timestamp_ns", "timestamp_us", "timestamp_ms", "time_ns", "time_us", "time_ms",
    "received_at", "recorded_at", "created_at", "started_at", "datetime", "date",
)  # fmt: skip
LANES = ("lane", "stream_id", "stream", "connection_id", "connection", "request_id", "trace_id")
HEAD = 4096  # bytes in which a stream has to show what it is
DEPTH = 3  # how deep a stream is looked for where no field is named
_MARK = b"\xef\xbb\xbf"
_FIRST = (b"event:response.created", b"event: response.created", b"data:{\"type\":\"response.created\"",
          b"data: {\"type\":\"response.created\"", b"data: {\"type\": \"response.created\"",
          b"{\"type\":\"response.created\"", b"{\"type\": \"response.created\"")  # fmt: skip


Issue: TypeAlias = "tuple[str, dict[str, Any] | None]"  # a diagnostic's code and detail
Spans = dict[str, tuple[int, int]]


class Row:
    """One row as it was read: pieces of text and payloads, in order."""

    __slots__ = ("begins", "ends", "issues", "lane", "pieces", "time")

    def __init__(self) -> None:
        self.pieces: list[tuple[str, bytes, bytes | None]] = []  # kind (text, base64, bytes, event), data, event name
        self.lane: str | None = None
        self.time: float | None = None
        self.begins = self.ends = False  # the stream of the lane was asked for; it is over
        self.issues: list[Issue] = []


class Shapes:
    """Finds the stream, the time and the lane of the rows of one source: where the pointers say, else by shape."""

    def __init__(self, field: Steps | None, time: Steps | None, lane: Steps | None) -> None:
        self._field, self._time, self._lane = field, time, lane
        self._found: Steps | None = None

    def find(self, raw: bytes) -> Row | None:
        """The row that a valid object is; None where it is none."""
        members = locate(raw)
        row = Row()
        if self._field is not None:
            self._read_named(raw, self._field, row)
        elif not self._read_own(raw, members, row) and not self._read_found(raw, row):
            return None
        self._read_time(raw, members, row)
        self._read_lane(raw, members, row)
        return row

    def _read_named(self, raw: bytes, steps: Steps, row: Row) -> None:
        span = resolve(raw, steps)
        if span is None:
            row.issues.append(_absent(steps))
        elif not _read_value(raw[span[0] : span[1]], row):
            expected = "a string, an object or a list of these"
            row.issues.append(("bad_field", {"field": shown(steps), "expected": expected}))

    def _read_own(self, raw: bytes, members: Spans, row: Row) -> bool:
        """A row of our own recordings: `t`, `lane`, and `begin`, `chunk`, `b64` or `end`."""
        if "t" not in members or "lane" not in members:
            return False
        span = members.get("chunk") or members.get("b64")
        if span is not None and raw[span[0]] == 34:
            kind = "bytes" if "chunk" in members else "base64"
            row.pieces.append((kind, _text(raw, span), None))
        elif "end" not in members and "begin" not in members:
            return False
        row.begins, row.ends = "begin" in members, "end" in members
        return True

    def _read_found(self, raw: bytes, row: Row) -> bool:
        """A row of another shape: the field that was found before, else one that looks like a stream."""
        if is_event(raw):
            row.pieces.append(("event", raw, None))
            return True
        if _read_pair(raw, row):
            return True
        if self._found is not None:
            span = resolve(raw, self._found)
            if span is not None and _read_value(raw[span[0] : span[1]], row):
                return True
        steps = search(raw)
        span = None if steps is None else resolve(raw, steps)
        if span is None or not _read_value(raw[span[0] : span[1]], row):
            return False
        self._found = steps
        return True

    def _read_time(self, raw: bytes, members: Spans, row: Row) -> None:
        if self._time is None:
            names = ("t",) if "t" in members and "lane" in members else TIMES
            spans = (members[name] for name in names if name in members)
            times = (read_time(raw[start:end]) for start, end in spans)
            row.time = next((time for time in times if time is not None), None)
            return
        span = resolve(raw, self._time)
        if span is None:
            row.issues.append(_absent(self._time))
            return
        row.time = read_time(raw[span[0] : span[1]])
        if row.time is None:
            row.issues.append(("bad_field", {"field": shown(self._time), "expected": "a time"}))

    def _read_lane(self, raw: bytes, members: Spans, row: Row) -> None:
        if self._lane is None:
            lanes = (read_lane(raw[slice(*members[name])]) for name in LANES if name in members)
            row.lane = next((lane for lane in lanes if lane is not None), None)
            return
        span = resolve(raw, self._lane)
        if span is None:
            row.issues.append(_absent(self._lane))
            return
        value = raw[span[0] : span[1]]
        row.lane = read_lane(value)
        if row.lane is None and value != b"null":
            row.issues.append(("bad_field", {"field": shown(self._lane), "expected": "a string or an integer"}))


def _absent(steps: Steps) -> Issue:
    return "bad_field", {"field": shown(steps), "expected": "in this row"}


def read_lane(value: bytes) -> str | None:
    """The lane that a value names: a string, or an integer as its text."""
    if value[:1] == b'"':
        lane: str = loads(value)
        return lane
    digits = value.removeprefix(b"-")
    return value.decode() if digits.isdigit() and len(digits) < 20 else None


# -- what a field holds --------------------------------------------------------------------------------------------


def _read_value(value: bytes, row: Row) -> bool:
    """Takes the value of the field into the row; False where it can hold no stream."""
    first = value[:1]
    if first == b'"':
        row.pieces.append(("text", _text(value, (0, len(value))), None))
    elif first == b"{":
        if not _read_pair(value, row):
            row.pieces.append(("event", value, None))
    elif first == b"[":
        spans = elements(value)
        if any(value[start] not in b'"{' for start, _ in spans):
            return False
        for start, end in spans:
            _read_value(value[start:end], row)
    else:
        return False
    return True


def _read_pair(raw: bytes, row: Row) -> bool:
    """An event with its name: `{"event": "…", "data": {…}}`, or the data as text."""
    members = locate(raw)
    name, data = members.get("event"), members.get("data")
    if name is None or data is None or raw[name[0]] != 34:
        return False
    payload = raw[data[0] : data[1]]
    if payload[:1] == b'"':
        payload = _text(raw, data)
        if not is_object(payload) and payload.strip() != b"[DONE]":
            return False
    elif payload[:1] != b"{":
        return False
    row.pieces.append(("event", payload, _text(raw, name) or None))
    return True


def _text(raw: bytes, span: tuple[int, int]) -> bytes:
    text: str = loads(raw[span[0] : span[1]])
    return text.encode()


def search(raw: bytes) -> Steps | None:
    """Where the first field stands, level by level, that looks like a stream or an event."""
    level: list[tuple[Steps, bytes]] = [((), raw)]
    for _ in range(DEPTH):
        deeper: list[tuple[Steps, bytes]] = []
        for steps, inside in level:
            for name, (start, end) in locate(inside).items():
                value = inside[start:end]
                if _looks_wrapped(value):
                    return (*steps, name)
                if value[:1] == b"{":
                    deeper.append(((*steps, name), value))
        level = deeper
    return None


def _looks_wrapped(value: bytes) -> bool:
    first = value[:1]
    if first == b'"':
        text = _text(value, (0, len(value)))
        if text[:1] == b"{":
            return is_event(text)
        plain, packed, _ = unpacked(text, "text", known=False)
        return looks_like_sse(plain) or (packed and is_event(plain))
    if first == b"[":
        spans = elements(value)
        return bool(spans) and value[spans[0][0]] in b'"{' and _looks_wrapped(value[slice(*spans[0])])
    return is_event(value)


def looks_like_sse(text: bytes) -> bool:
    """Whether a text begins as a stream of server-sent events does: with a named event, or with data that is JSON."""
    line = _first_line(text)
    return line.startswith(b"event:") or (line.startswith(b"data:") and line[5:].lstrip(b" ")[:1] in (b"{", b"["))


def _first_line(text: bytes) -> bytes:
    """The first line that is no comment, id or retry; nothing where that is not near the start."""
    for line in text[:HEAD].removeprefix(_MARK).replace(b"\r", b"\n").split(b"\n"):
        if line and not line.startswith((b":", b"id:", b"retry:")):
            return line
    return b""


def is_event(value: bytes) -> bool:
    """Whether a value is an object with the type of an event of the Responses API."""
    if value[:1] != b"{" or not is_object(value):
        return False
    span = locate(value).get("type")
    kind = value[span[0] : span[1]] if span else b""
    return kind.startswith(b'"response.') or kind in (b'"error"', b'"keepalive"')


def is_object(text: bytes) -> bool:
    """Whether a text is one JSON object by itself."""
    if text.lstrip(b" \t\r\n")[:1] != b"{":
        return False
    try:
        return isinstance(decode(text)[0], dict)
    except (BadJson, LimitExceeded):
        return False


def begins(text: bytes) -> bool:
    """Whether a text begins with the first event of a response, so that what came before it in its lane has ended."""
    return _first_line(text).startswith(_FIRST)
