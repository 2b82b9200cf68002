"""Detects the fields of a row: the stream, the time and the lane.

Known formats need no options. In other rows, the first field that looks like a stream is used, and its path is remembered.
A `StreamSignature` defines how the events of a protocol are recognised.
"""

from __future__ import annotations

from respstream._pure.json import BadJson, LimitExceeded, decode, elements, loads, locate
from respstream._pure.records.encoding import decoded
from respstream._pure.records.pointer import Steps, resolve, shown
from respstream._pure.records.timestamps import read_time
from respstream._pure.sse.lines import BOM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

TIMES = (
    "timestamp", "time", "ts", "timestamp_ns", "timestamp_us", "timestamp_ms", "time_ns", "time_us", "time_ms",
    "received_at", "recorded_at", "created_at", "started_at", "datetime", "date",
    "__REALTIME_TIMESTAMP",
)  # fmt: skip
LANES = ("stream", "connection_id", "connection", "request_id", "trace_id")  # after `lane` and the protocol's own
HEAD = 4096  # bytes at the beginning of a stream that are searched for its format
BATCH_BODY = ("response", "body")
MESSAGE_MEMBERS = frozenset(("t", "lane", "message", "sent"))  # of a recorded message
DEPTH = 3  # levels of nesting that are searched for a stream

Issue: TypeAlias = "tuple[str, dict[str, Any] | None]"  # a diagnostic's code and detail
Spans = dict[str, tuple[int, int]]


class StreamSignature:
    """How the streams and events of one API, or of several, are recognised in records.

    `marks`: for each member that identifies an event, its name, and the beginnings of its JSON, of which one is enough; a
    beginning that ends with a quotation mark is a whole string. `first_lines`: the beginnings of the first line of a
    response. `lane_members`: the members that name the lane of an event. `response_objects`: the members `object` of
    responses. `responses`: other marks of responses: a member, its value, and members of which a response has one.
    """

    __slots__ = ("_marks", "first_lines", "lanes", "responses")

    def __init__(
        self, marks: tuple[tuple[str, tuple[str, ...]], ...], first_lines: tuple[bytes, ...],
        lane_members: tuple[str, ...], response_objects: tuple[str, ...],
        responses: tuple[tuple[str, str, tuple[str, ...]], ...] = (),
    ) -> None:  # fmt: skip
        self._marks = tuple((name, tuple(start.encode() for start in starts)) for name, starts in marks)
        self.first_lines = first_lines
        self.lanes = ("lane", *lane_members, *LANES)
        found = (*(("object", name, ("object",)) for name in response_objects), *responses)
        self.responses = tuple((member, f'"{value}"'.encode(), others) for member, value, others in found)

    @staticmethod
    def merged(signatures: list[StreamSignature]) -> StreamSignature:
        """The signature of everything that one of the signatures recognises."""
        merged = StreamSignature((), (), (), ())
        merged._marks = tuple(mark for one in signatures for mark in one._marks)
        merged.first_lines = tuple(line for one in signatures for line in one.first_lines)
        named = tuple(name for one in signatures for name in one.lanes if name not in merged.lanes)
        merged.lanes = ("lane", *dict.fromkeys(named), *LANES)
        merged.responses = tuple(mark for one in signatures for mark in one.responses)
        return merged

    def is_response(self, raw: bytes, members: Spans) -> bool:
        """Whether an object is a response that was not streamed. `members`: the spans of its members in `raw`."""
        for member, value, others in self.responses:
            span = members.get(member)
            if span is not None and raw[span[0] : span[1]] == value and any(name in members for name in others):
                return True
        return False

    def is_event(self, raw: bytes, members: Spans) -> bool:
        """Whether an object is an event. `members`: the spans of its members in `raw`."""
        for name, starts in self._marks:
            span = members.get(name)
            if span is not None and raw.startswith(starts, span[0]):
                return True
        return False


def type_lines(member: str, names: tuple[str, ...]) -> tuple[bytes, ...]:
    """The beginnings of lines with an event whose type is one of `names`. `member`: that of the type."""
    return tuple(
        line.format(member, name).encode()
        for name in names
        for line in (
            "event:{1}", "event: {1}", 'data:{{"{0}":"{1}"', 'data: {{"{0}":"{1}"', 'data: {{"{0}": "{1}"',
            '{{"{0}":"{1}"', '{{"{0}": "{1}"',
        )
    )  # fmt: skip


class Row:
    """One row: its time, its lane, and the parts of a stream that it contains, in order.

    Each part is `(kind, data, event name)` with the kind "text", "base64", "bytes" or "event". `begins`: the stream of the
    lane was requested at the row's time. `ends`: that stream is over.
    """

    __slots__ = ("begins", "ends", "issues", "lane", "parts", "time")

    def __init__(self) -> None:
        self.parts: list[tuple[str, bytes, bytes | None]] = []
        self.lane: str | None = None
        self.time: float | None = None
        self.begins = self.ends = False
        self.issues: list[Issue] = []


class RowDetector:
    """Finds the stream, the time and the lane of the rows of one source: by JSON pointers, else by the row's format."""

    def __init__(self, signature: StreamSignature, field: Steps | None, time: Steps | None, lane: Steps | None) -> None:
        self._signature = signature
        self._field, self._time, self._lane = field, time, lane
        self._found: Steps | None = None

    def find(self, raw: bytes) -> Row | None:
        """The row in a valid object; None if it contains no stream."""
        members = locate(raw)
        row = Row()
        if self._field is not None:
            self._read_named(raw, self._field, row)
        elif not (
            self._read_recording(raw, members, row) or self._read_batch(raw, members, row) or self._read_found(raw, row)
        ):
            return None
        self._read_time(raw, members, row)
        self._read_lane(raw, members, row)
        return row

    def _read_named(self, raw: bytes, steps: Steps, row: Row) -> None:
        span = resolve(raw, steps)
        if span is None:
            row.issues.append(_absent(steps))
        elif not self._read_value(raw[span[0] : span[1]], row):
            expected = "a string, an object or a list of these"
            row.issues.append(("bad_field", {"field": shown(steps), "expected": expected}))

    def _read_recording(self, raw: bytes, members: Spans, row: Row) -> bool:
        """Reads a row that `respstream.Recorder` wrote: `t`, `lane`, and `begin`, `chunk`, `b64`, `message` or `end`."""
        if "t" not in members or "lane" not in members:
            return False
        message = members.get("message")
        if message is not None and raw[message[0]] == 34 and members.keys() <= MESSAGE_MEMBERS:
            row.parts.append(("event", _text(raw, message), None))
            return True
        span = members.get("chunk") or members.get("b64")
        if span is not None and raw[span[0]] == 34:
            kind = "bytes" if "chunk" in members else "base64"
            row.parts.append((kind, _text(raw, span), None))
        elif "end" not in members and "begin" not in members:
            return False
        row.begins, row.ends = "begin" in members, "end" in members
        return True

    def _read_batch(self, raw: bytes, members: Spans, row: Row) -> bool:
        """Reads a row of the Batch API's output: `custom_id`, and a whole response or an error body at `/response/body`."""
        span = resolve(raw, BATCH_BODY) if "custom_id" in members else None
        if span is None or raw[span[0]] not in b'{"':
            return False
        return self._read_value(raw[span[0] : span[1]], row)

    def _read_found(self, raw: bytes, row: Row) -> bool:
        """Reads a row of another format: the remembered field, else the first one that looks like a stream."""
        if is_event(raw, self._signature):
            row.parts.append(("event", raw, None))
            return True
        if _read_pair(raw, row):
            return True
        if self._found is not None:
            span = resolve(raw, self._found)
            if span is not None and self._read_value(raw[span[0] : span[1]], row):
                return True
        steps = search(raw, self._signature, _looks_like_stream) or search(raw, self._signature, _is_response)
        span = None if steps is None else resolve(raw, steps)
        if span is None or not self._read_value(raw[span[0] : span[1]], row):
            return False
        self._found = steps
        return True

    def _read_value(self, value: bytes, row: Row, *, in_list: bool = False) -> bool:
        """Adds the value of the field, or of an element of its list; returns False if it cannot contain a stream."""
        first = value[:1]
        if first == b'"':
            row.parts.append(("text", _text(value, (0, len(value))), None))
        elif first == b"{":
            if not _read_pair(value, row):
                wrapped = _wrapped_event(value, self._signature) if in_list else None
                row.parts.append(("event", wrapped or value, None))
        elif first == b"[":
            spans = elements(value)
            if any(value[start] not in b'"{' for start, _ in spans):
                return False
            for start, end in spans:
                self._read_value(value[start:end], row, in_list=True)
        else:
            return False
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
            lanes = (read_lane(raw[slice(*members[name])]) for name in self._signature.lanes if name in members)
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
    """The lane in a value: a string, or an integer as text; None for anything else."""
    if value[:1] == b'"':
        lane: str = loads(value)
        return lane
    digits = value.removeprefix(b"-")
    return value.decode() if digits.isdigit() and len(digits) < 20 else None


# -- values of a field ---------------------------------------------------------------------------------------------


def _read_pair(raw: bytes, row: Row) -> bool:
    """Adds an event with its name: `{"event": "…", "data": {…}}`, or the data as text."""
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
    row.parts.append(("event", payload, _text(raw, name) or None))
    return True


def _text(raw: bytes, span: tuple[int, int]) -> bytes:
    text: str = loads(raw[span[0] : span[1]])
    return text.encode()


def _wrapped_event(value: bytes, signature: StreamSignature) -> bytes | None:
    """The event in a member of an object that is not an event itself: `{"time": …, "data": {…}}`, or the event as text."""
    if value[:1] != b"{":
        return None
    members = locate(value)
    if signature.is_event(value, members):
        return None
    for start, end in members.values():
        found = _text(value, (start, end)) if value[start] == 34 else value[start:end]
        if is_event(found, signature):
            return found
    return None


def search(raw: bytes, signature: StreamSignature, accepts: Callable[[bytes, StreamSignature], bool]) -> Steps | None:
    """The path of the first field that `accepts` takes, searched level by level."""
    level: list[tuple[Steps, bytes]] = [((), raw)]
    for _ in range(DEPTH):
        deeper: list[tuple[Steps, bytes]] = []
        for steps, inside in level:
            for name, (start, end) in locate(inside).items():
                value = inside[start:end]
                if accepts(value, signature):
                    return (*steps, name)
                if value[:1] == b"{":
                    deeper.append(((*steps, name), value))
        level = deeper
    return None


def _looks_like_stream(value: bytes, signature: StreamSignature) -> bool:
    kind = value[:1]
    if kind == b'"':
        text = _text(value, (0, len(value)))
        if text[:1] == b"{":
            return is_event(text, signature)
        content, is_base64, _ = decoded(text, "text", continues=False)
        return looks_like_sse(content) or (is_base64 and is_event(content, signature))
    if kind == b"[":
        spans = elements(value)
        first = value[slice(*spans[0])] if spans else b""
        return first[:1] in (b'"', b"{") and (
            _looks_like_stream(first, signature) or _wrapped_event(first, signature) is not None
        )
    return is_event(value, signature) or _is_named_event(value, signature)


def _is_named_event(value: bytes, signature: StreamSignature) -> bool:
    row = Row()
    return value[:1] == b"{" and _read_pair(value, row) and is_event(row.parts[0][1].strip(b" \t\r\n"), signature)


def _is_response(value: bytes, signature: StreamSignature) -> bool:
    """Whether a value is a response that was not streamed, as an object or as text."""
    if value[:1] == b'"':
        text = _text(value, (0, len(value)))
        value = text if text[:1] == b"{" and is_object(text) else b""
    return value[:1] == b"{" and signature.is_response(value, locate(value))


def looks_like_sse(text: bytes) -> bool:
    """Whether a text begins like a stream of server-sent events: with a named event, or with data that is JSON."""
    line = _first_line(text)
    return line.startswith(b"event:") or (line.startswith(b"data:") and line[5:].lstrip(b" ")[:1] in (b"{", b"["))


def _first_line(text: bytes) -> bytes:
    """The first line other than a comment, id or retry; empty if there is none near the start."""
    for line in text[:HEAD].removeprefix(BOM).replace(b"\r", b"\n").split(b"\n"):
        if line and not line.startswith((b":", b"id:", b"retry:")):
            return line
    return b""


def is_event(value: bytes, signature: StreamSignature) -> bool:
    """Whether a value is a JSON object that is an event."""
    return value[:1] == b"{" and is_object(value) and signature.is_event(value, locate(value))


def is_object(text: bytes) -> bool:
    """Whether a text is one JSON object."""
    if text.lstrip(b" \t\r\n")[:1] != b"{":
        return False
    try:
        return isinstance(decode(text)[0], dict)
    except (BadJson, LimitExceeded):
        return False


def is_line(text: bytes, *, whole: bool) -> bool:
    """Whether a text may be one line of an SSE stream, without its end. `whole`: data must be one JSON object."""
    if not text.startswith((b"event:", b"data:", b"id:", b"retry:", b":")) or b"\n" in text or b"\r" in text:
        return False
    return not (whole and text.startswith(b"data:")) or is_object(text[5:]) or text[5:].strip() == b"[DONE]"


def begins(text: bytes, signature: StreamSignature) -> bool:
    """Whether a text begins with the first event of a response, so that an earlier stream of its lane has ended."""
    return _first_line(text).startswith(signature.first_lines)
