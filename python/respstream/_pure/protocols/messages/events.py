"""Classifies payloads of Anthropic Messages: events, messages that were not streamed, and anything else.

For an event, the type and the index of its block are read here.
"""

from __future__ import annotations

from respstream._pure.diagnostics import error_detail, error_object
from respstream._pure.frames import Frame
from respstream._pure.json import BadJson, LimitExceeded, clean_text, decode, loads, locate
from respstream._pure.protocols.messages import ERROR, WHOLE
from respstream._pure.protocols.messages.catalogue import EVENTS, Entry
from respstream._pure.protocols.protocol import Effect, Issue, NonStreamed, NotAnEvent, ParsedEvent
from respstream._pure.records import StreamSignature, type_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LIMITS = "256 levels or 4300 digits"
UNKNOWN_TYPES = 10_000  # distinct unknown types that are stored, so that each is reported once
INDEX = "index"
INDEX_LIMIT = 65_535
"""The largest index of a block."""
INDEX_DIGITS = 5
OF_BLOCKS = frozenset(("block_start", "block_delta", "block_stop"))
"""The operations of events with an index."""
WHOLE_MEMBERS = ("stop_reason", "model")
"""Members of which a message that was not streamed has one; items of the Responses API, whose type is the same, have none."""
_NEVER = ("code", "param", "event_id", "sequence_number")
"""Members of errors of other APIs."""
_CHAT, _RESPONSES = ("chat.completion", "text_completion"), "response"


def _effect(entry: Entry) -> Effect:
    op = entry.op
    return Effect(
        opens=op == "message_start",
        announces=op == "message_start",
        begins=op in ("message_start", "block_start", "block_delta"),
        delta=op == "block_delta",
        error=op == "error",
        quiet=op == "quiet",
        terminal=op in ("message_stop", "error"),
    )


_UNKNOWN: tuple[Entry | None, Effect] = (None, Effect())
_KNOWN: dict[str, tuple[Entry | None, Effect]] = {entry.type: (entry, _effect(entry)) for entry in EVENTS.values()}

OWN_TYPES = frozenset(entry.type for entry in EVENTS.values() if entry.op not in ("quiet", "error"))
"""The types that no other API has."""
_BEGINNINGS = tuple(entry.type for entry in EVENTS.values() if entry.op == "message_start")
_OWN_NAMES = frozenset(name.encode() for name in OWN_TYPES)

SIGNATURE = StreamSignature(
    (("type", tuple(f'"{entry.type}"' for entry in EVENTS.values() if entry.type in OWN_TYPES)),),
    type_lines("type", _BEGINNINGS),
    (),
    (),
    (("type", WHOLE, WHOLE_MEMBERS),),
)
"""How streams of Messages are recognised in records."""


def claims(members: dict[str, Any], name: bytes | None) -> bool:
    """Whether a payload is certainly of this API: a message, or an event that has its type in the event line alone."""
    kind = members.get("type")
    if isinstance(kind, str) and kind:
        return kind in OWN_TYPES or is_whole(members)
    return name in _OWN_NAMES and not isinstance(members.get("object"), str)


def suggests(members: dict[str, Any]) -> bool:
    """Whether a payload is an error as this API sends it, in a stream or as the body of an answer, and others do not."""
    error = members.get("error")
    if members.get("type") != ERROR or type(error) is not dict or any(name in members for name in _NEVER):
        return False
    kind = error.get("type")
    return type(kind) is str and kind.endswith("_error") and not any(name in error for name in _NEVER)


def is_whole(members: dict[str, Any]) -> bool:
    """Whether an object is a message that was not streamed."""
    return (
        members.get("type") == WHOLE
        and isinstance(members.get("content"), list)
        and any(name in members for name in WHOLE_MEMBERS)
    )


class Reader:
    """Classifies the frames of one source; stores which unknown types and other APIs it has reported."""

    def __init__(self) -> None:
        self._unknown: set[str] = set()
        self._foreign = False

    def read(self, frame: Frame) -> ParsedEvent | NonStreamed | NotAnEvent:
        """Classifies one frame."""
        try:
            value, invalid_utf8 = decode(frame.data) if frame.decoded is None else frame.decoded
        except BadJson:
            return NotAnEvent([*_frame_issues(frame, invalid_utf8=False), ("bad_json", {"what": frame.kind})])
        except LimitExceeded:
            return self._over_limits(frame)
        if not isinstance(value, dict):
            return NotAnEvent([*_frame_issues(frame, invalid_utf8), ("bad_json", {"what": frame.kind})])
        if is_whole(value):
            return NonStreamed(frame, value, _frame_issues(frame, invalid_utf8))
        kind = value.get("type")
        if isinstance(kind, str) and kind:
            return self.read_typed(frame, value, clean_text(kind) if invalid_utf8 else kind, invalid_utf8)
        return self._untyped(frame, value, invalid_utf8)

    def read_typed(self, frame: Frame, members: dict[str, Any], kind: str, invalid_utf8: bool) -> ParsedEvent:
        """As `read`, for a payload with a type."""
        name = frame.name
        if name is None or name == kind.encode("utf-8", "replace"):
            return self._event(frame, members, kind, None, invalid_utf8)
        shown = name.decode(errors="replace")
        parsed = self._event(frame, members, kind, None, invalid_utf8 or "\ufffd" in shown)
        if shown != kind:
            place = len(_frame_issues(frame, parsed.invalid_utf8))
            mismatch: Issue = ("type_mismatch", {"event": shown[:200], "type": kind[:200]})
            parsed.issues = [*parsed.issues[:place], mismatch, *parsed.issues[place:]]
        return parsed

    def _untyped(self, frame: Frame, value: dict[str, Any], invalid_utf8: bool) -> ParsedEvent | NotAnEvent:
        issues = _frame_issues(frame, invalid_utf8)
        kind = value.get("object")
        if isinstance(kind, str) and kind.startswith((*_CHAT, _RESPONSES)):
            return NotAnEvent(
                issues + self._foreign_once("Chat Completions" if kind.startswith(_CHAT) else "Responses")
            )
        name = None if frame.name is None else frame.name.decode(errors="replace")
        if name:
            return self._event(frame, value, name, name, invalid_utf8 or "\ufffd" in name)
        body = error_detail(value)
        if body is None:
            return NotAnEvent([*issues, ("no_type", None)])
        return NotAnEvent([*issues, ("error_body", body)], error_object(value))

    def _event(
        self, frame: Frame, members: dict[str, Any], kind: str, named: str | None, invalid_utf8: bool
    ) -> ParsedEvent:
        parsed = ParsedEvent()
        parsed.raw, parsed.offset, parsed.end, parsed.line = frame.data, frame.offset, frame.end, frame.line
        parsed.type, parsed.named, parsed.members, parsed.invalid_utf8 = kind, named, members, invalid_utf8
        parsed.entry, parsed.effect = _KNOWN.get(kind, _UNKNOWN)
        parsed.sequence = parsed.lane = parsed.time = parsed.response = None
        parsed.indexes, parsed.loose = {}, ()
        issues = parsed.issues = (
            _frame_issues(frame, invalid_utf8) if invalid_utf8 or frame.missing or frame.unfinished else []
        )
        entry = parsed.entry
        if entry is None:
            issues += self._unknown_once(kind)
        elif entry.op in OF_BLOCKS and INDEX in members:
            _read_index(parsed, members[INDEX])
        return parsed

    def _over_limits(self, frame: Frame) -> ParsedEvent | NotAnEvent:
        """An event whose payload is JSON but exceeds the limits: it stays raw and has no effect."""
        issues: list[Issue] = [
            *_frame_issues(frame, invalid_utf8=False),
            ("limit_exceeded", {"what": "nesting or digits", "limit": LIMITS}),
        ]
        span = locate(frame.data).get("type")
        kind = loads(frame.data[span[0] : span[1]]) if span and frame.data[span[0]] == 34 else None
        named = None
        if not kind and frame.name is not None:
            kind = named = frame.name.decode(errors="replace")
        if not kind:
            return NotAnEvent(issues)
        parsed = self._event(frame, {}, kind, named, False)
        parsed.entry, parsed.effect = _UNKNOWN
        parsed.issues = issues
        return parsed

    def _unknown_once(self, kind: str) -> list[Issue]:
        if kind.startswith(f"{_RESPONSES}."):
            return self._foreign_once("Responses")
        if kind in self._unknown or len(self._unknown) >= UNKNOWN_TYPES:
            return []
        self._unknown.add(kind)
        return [("unknown_event", {"type": kind[:200]})]

    def _foreign_once(self, protocol: str) -> list[Issue]:
        if self._foreign:
            return []
        self._foreign = True
        return [("foreign_stream", {"protocol": protocol})]


def _read_index(parsed: ParsedEvent, index: Any) -> None:
    """Reads the index of a block; an invalid one leaves the event without effect."""
    if type(index) is int and 0 <= index <= INDEX_LIMIT:
        parsed.indexes = {INDEX: index}
    elif type(index) is str and index.isascii() and index.isdigit() and len(index) <= INDEX_DIGITS:
        parsed.indexes, parsed.loose = {INDEX: int(index)}, (INDEX,)
    elif index is not None:
        parsed.indexes = None
    if parsed.indexes is None or parsed.indexes.get(INDEX, 0) > INDEX_LIMIT:
        parsed.indexes, parsed.loose = None, ()
        expected = f"an integer from 0 to {INDEX_LIMIT}"
        parsed.issues = [*parsed.issues, ("bad_field", {"field": INDEX, "expected": expected})]


def _frame_issues(frame: Frame, invalid_utf8: bool) -> list[Issue]:
    issues: list[Issue] = []
    if frame.missing:
        issues.append(("missing_blank_line", None))
    if frame.unfinished:
        issues.append(("unfinished_block", {"what": "was kept"}))
    if invalid_utf8:
        issues.append(("bad_utf8", None))
    return issues
