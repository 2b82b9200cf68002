"""Frames to events: the type, the indexes and the lane of each payload, and what is odd about it.

SEMANTICS ("Events") decides; the catalogue knows the types. What a frame is otherwise (an error body, a plain response,
another protocol) is settled here too.
"""

from __future__ import annotations

from respstream import types
from respstream._catalogue import EVENTS, Entry
from respstream._pure.frames import Frame, error_detail
from respstream._pure.json import BadJson, LimitExceeded, clean, clean_text, decode, loads, locate
from respstream.base import Event, UnknownEvent, build

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

INDEX_LIMIT = 65_535
LIMITS = "256 levels or 4300 digits"
INTEGER_LIMIT = 2**63
UNKNOWN_TYPES = 10_000  # distinct unknown types that are remembered
INDEXES = ("output_index", "content_index", "summary_index", "command_index", "annotation_index")
_ANTHROPIC = frozenset((
    "message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta", "content_block_stop",
))  # fmt: skip
_SCALARS = frozenset((str, int, float, bool, type(None)))

Issue: TypeAlias = "tuple[str, dict[str, Any] | None]"  # a diagnostic's code and detail


class Parsed:
    """An event on its way to the fold. `entry` is None for an unknown type; `indexes` is None where one is bad."""

    __slots__ = (
        "end", "entry", "indexes", "issues", "lane", "line", "members", "named", "odd", "offset", "raw",
        "sequence_number", "time", "type",
    )  # fmt: skip

    entry: Entry | None
    type: str
    members: dict[str, Any]
    raw: bytes
    offset: int
    end: int
    line: int
    lane: str | None
    time: float | None
    named: str | None
    odd: bool
    sequence_number: int | None
    indexes: dict[str, int] | None
    issues: list[Issue]


class Plain:
    """A response object that was not streamed."""

    __slots__ = ("end", "issues", "line", "members", "odd", "offset", "raw")

    def __init__(self, frame: Frame, members: dict[str, Any], odd: bool) -> None:
        self.raw, self.offset, self.end, self.line = frame.data, frame.offset, frame.end, frame.line
        self.members, self.odd = members, odd
        self.issues = _frame_issues(frame, odd)


class Stray:
    """A frame that is no event: only a diagnostic comes of it."""

    __slots__ = ("issues",)

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = issues


class Reader:
    """Makes events of the frames of one source; remembers which unknown types and protocols it has reported."""

    def __init__(self) -> None:
        self._unknown: set[str] = set()
        self._foreign = False
        # The latest name of an event line: its bytes, and what they say. Nearly always the next one is the same.
        self._name_line: bytes | None = None
        self._name: str | None = None
        self._name_odd = False

    def read(self, frame: Frame) -> Parsed | Plain | Stray:
        """What one frame is."""
        try:
            value, odd = decode(frame.data) if frame.decoded is None else frame.decoded
        except BadJson:
            return Stray([*_frame_issues(frame, odd=False), ("bad_json", {"what": frame.what})])
        except LimitExceeded:
            return self._over_limits(frame)
        if not isinstance(value, dict):
            return Stray([*_frame_issues(frame, odd), ("bad_json", {"what": frame.what})])
        if frame.name != self._name_line:
            self._take_name(frame.name)
        name = self._name
        odd = odd or self._name_odd
        kind = value.get("type")
        if isinstance(kind, str) and kind:
            return self._event(frame, value, clean_text(kind) if odd else kind, name, None, odd)
        if name in EVENTS:
            return self._event(frame, value, name, None, name, odd)
        return self._untyped(frame, value, name, odd)

    def _take_name(self, raw: bytes | None) -> None:
        self._name_line = raw
        self._name = None if raw is None else raw.decode(errors="replace")
        self._name_odd = self._name is not None and "\ufffd" in self._name

    def _untyped(self, frame: Frame, value: dict[str, Any], name: str | None, odd: bool) -> Parsed | Plain | Stray:
        kind = value.get("object")
        if kind == "response":
            return Plain(frame, value, odd)
        issues = _frame_issues(frame, odd)
        if isinstance(kind, str) and kind.startswith(("chat.completion", "text_completion")):
            return Stray(issues + self._foreign_once("Chat Completions"))
        if name is not None:
            return self._event(frame, value, name, None, name, odd)
        body = error_detail(value)
        return Stray([*issues, ("no_type", None) if body is None else ("error_body", body)])

    def _event(
        self, frame: Frame, members: dict[str, Any], kind: str, name: str | None, named: str | None, odd: bool
    ) -> Parsed:
        parsed = Parsed()
        parsed.raw, parsed.offset, parsed.end, parsed.line = frame.data, frame.offset, frame.end, frame.line
        parsed.type, parsed.named, parsed.members, parsed.odd = kind, named, members, odd
        entry = parsed.entry = EVENTS.get(kind)
        issues = parsed.issues = _frame_issues(frame, odd) if odd or frame.missing or frame.unfinished else []
        if name is not None and name != kind:
            issues.append(("type_mismatch", {"event": _clip(name), "type": _clip(kind)}))
        if entry is None:
            issues += self._unknown_once(kind)
        _numbers(parsed)
        return parsed

    def _over_limits(self, frame: Frame) -> Parsed | Stray:
        """An event whose payload is JSON but cannot be decoded: it is kept raw and has no effect."""
        issue: Issue = ("limit_exceeded", {"what": "nesting or digits", "limit": LIMITS})
        span = locate(frame.data).get("type")
        kind = loads(frame.data[span[0] : span[1]]) if span and frame.data[span[0]] == 34 else None
        named = None
        if not kind and frame.name is not None:
            kind = named = frame.name.decode(errors="replace")
        if not kind:
            return Stray([*_frame_issues(frame, odd=False), issue])
        parsed = self._event(frame, {}, kind, None, named, False)
        parsed.entry = None
        parsed.issues = [*_frame_issues(frame, odd=False), issue]
        return parsed

    def _unknown_once(self, kind: str) -> list[Issue]:
        if kind in _ANTHROPIC:
            return self._foreign_once("Anthropic Messages")
        if kind in self._unknown or len(self._unknown) >= UNKNOWN_TYPES:
            return []
        self._unknown.add(kind)
        return [("unknown_event", {"type": _clip(kind)})]

    def _foreign_once(self, protocol: str) -> list[Issue]:
        if self._foreign:
            return []
        self._foreign = True
        return [("foreign_stream", {"protocol": protocol})]


def make_event(parsed: Parsed) -> Event:
    """The public event object: scalar members at once, the others when they are read."""
    raw, offset, lane, number, named = parsed.raw, parsed.offset, parsed.lane, parsed.sequence_number, parsed.named
    entry = parsed.entry
    if entry is None:
        return build(UnknownEvent, raw, offset, lane, number, named, {"type": parsed.type})
    members, odd = parsed.members, parsed.odd
    event = build(types.CLASSES[parsed.type], raw, offset, lane, number, named, None)
    for name in entry.eager:
        if name in members:
            value = members[name]
            if type(value) in _SCALARS:
                setattr(event, name, clean(value) if odd else value)
    return event


def _frame_issues(frame: Frame, odd: bool) -> list[Issue]:
    issues: list[Issue] = []
    if frame.missing:
        issues.append(("missing_blank_line", None))
    if frame.unfinished:
        issues.append(("unfinished_block", {"what": "counted"}))
    if odd:
        issues.append(("bad_utf8", None))
    return issues


def _numbers(parsed: Parsed) -> None:
    """The sequence number, the lane and the indexes; a bad index leaves the event without effect."""
    members, issues = parsed.members, parsed.issues
    number = members.get("sequence_number")
    parsed.sequence_number = None
    if type(number) is int and -INTEGER_LIMIT <= number < INTEGER_LIMIT:
        parsed.sequence_number = number
    elif number is not None:
        issues.append(("bad_field", {"field": "sequence_number", "expected": "an integer"}))
    parsed.lane = parsed.time = None
    if "stream_id" in members and (lane := members["stream_id"]) is not None:
        if isinstance(lane, str):
            parsed.lane = clean_text(lane)
        else:
            issues.append(("bad_field", {"field": "stream_id", "expected": "a string"}))
    indexes: dict[str, int] = {}
    good = True
    for name in INDEXES:
        if name not in members or (index := members[name]) is None:
            continue
        if type(index) is int and 0 <= index <= INDEX_LIMIT:
            indexes[name] = index
        elif parsed.entry is not None:
            issues.append(("bad_field", {"field": name, "expected": f"an integer from 0 to {INDEX_LIMIT}"}))
            good = False
    parsed.indexes = indexes if good else None


def _clip(text: str) -> str:
    return text[:200]
