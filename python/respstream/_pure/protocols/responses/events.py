"""Classifies payloads of the Responses API: events, responses that were not streamed, and anything else.

docs/semantics.md ("Events") defines the rules; the catalogue defines the types. For an event, the type, the sequence
number, the lane and the indexes are read here.
"""

from __future__ import annotations

import re

from respstream._pure.diagnostics import error_detail, error_object, is_error_object
from respstream._pure.frames import Frame
from respstream._pure.json import BadJson, LimitExceeded, clean_text, decode, loads, locate
from respstream._pure.protocols.protocol import Effect, Issue, NonStreamed, NotAnEvent, ParsedEvent
from respstream._pure.protocols.responses import LANE_FIELD
from respstream._pure.protocols.responses.catalogue import EVENTS, Entry
from respstream._pure.protocols.responses.identities import INDEX_LIMIT
from respstream._pure.records import StreamSignature, type_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LIMITS = "256 levels or 4300 digits"
INTEGER_LIMIT = 2**63
UNKNOWN_TYPES = 10_000  # distinct unknown types that are stored, so that each is reported once
INDEXES = ("output_index", "content_index", "summary_index", "command_index", "annotation_index")
_DIGITS = re.compile("[0-9]{1,5}").fullmatch
_ANTHROPIC = frozenset((
    "message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta", "content_block_stop",
))  # fmt: skip
_REALTIME = (
    "session.", "transcription_session.", "conversation.", "input_audio_buffer.", "output_audio_buffer.", "rate_limits.",
    "response.text.", "response.audio_transcript.", "response.output_audio.", "response.output_audio_transcript.",
)  # fmt: skip
_ASSISTANTS = "thread."


def _effect(entry: Entry) -> Effect:
    return Effect(
        opens=entry.phase == "begin",
        announces=entry.phase in ("begin", "progress"),
        begins=entry.begins,
        delta=entry.phase == "delta",
        error=entry.op == "error",
        quiet=entry.op == "quiet",
        terminal=entry.phase == "terminal",
    )


_UNKNOWN: tuple[Entry | None, Effect] = (None, Effect())
_KNOWN: dict[str, tuple[Entry | None, Effect]] = {entry.type: (entry, _effect(entry)) for entry in EVENTS.values()}

PREFIX = "response."
SIGNATURE = StreamSignature(
    (("type", (f'"{PREFIX}', *(f'"{name}"' for name in EVENTS if not name.startswith(PREFIX)))),),
    type_lines("type", tuple(entry.type for entry in EVENTS.values() if entry.phase == "begin")),
    (LANE_FIELD,),
    ("response",),
)
"""How streams of the Responses API are recognised in records."""

_CLAIMED = (PREFIX, _ASSISTANTS, *_REALTIME)


def claims(members: dict[str, Any], name: bytes | None) -> bool:
    """Whether a payload is certainly of this API, or of one that this reader recognises as foreign."""
    kind = members.get("type")
    if isinstance(kind, str) and kind:
        return kind.startswith(_CLAIMED) or members.get("object") == "event"
    kind = members.get("object")
    if isinstance(kind, str) and (kind == "response" or kind.startswith(_ASSISTANTS)):
        return True
    return name is not None and name.startswith(PREFIX.encode())


class Reader:
    """Classifies the frames of one source; stores which unknown types and protocols it has reported."""

    def __init__(self) -> None:
        self._unknown: set[str] = set()
        self._foreign = False
        self._realtime = False
        # The latest name of an event line, as bytes and as text: nearly always the next one is equal.
        self._name_line: bytes | None = None
        self._name: str | None = None
        self._name_invalid = False

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
        if frame.name != self._name_line:
            self._take_name(frame.name)
        name = self._name
        invalid_utf8 = invalid_utf8 or self._name_invalid
        kind = value.get("type")
        if isinstance(kind, str) and kind:
            if kind not in EVENTS and is_error_object(value):
                return self._untyped(frame, value, None, invalid_utf8)
            return self._event(frame, value, clean_text(kind) if invalid_utf8 else kind, name, None, invalid_utf8)
        if name in EVENTS:
            return self._event(frame, value, name, None, name, invalid_utf8)
        return self._untyped(frame, value, name, invalid_utf8)

    def read_typed(self, frame: Frame, members: dict[str, Any], kind: str, invalid_utf8: bool) -> ParsedEvent:
        """As `read`, for a payload with a known type."""
        if frame.name != self._name_line:
            self._take_name(frame.name)
        return self._event(frame, members, kind, self._name, None, invalid_utf8 or self._name_invalid)

    def _take_name(self, raw: bytes | None) -> None:
        self._name_line = raw
        self._name = None if raw is None else raw.decode(errors="replace")
        self._name_invalid = self._name is not None and "\ufffd" in self._name

    def _untyped(
        self, frame: Frame, value: dict[str, Any], name: str | None, invalid_utf8: bool
    ) -> ParsedEvent | NonStreamed | NotAnEvent:
        kind = value.get("object")
        if kind == "response":
            return NonStreamed(frame, value, _frame_issues(frame, invalid_utf8))
        issues = _frame_issues(frame, invalid_utf8)
        if isinstance(kind, str) and kind.startswith(("chat.completion", "text_completion")):
            return NotAnEvent(issues + self._foreign_once("Chat Completions"))
        if name is None and isinstance(kind, str) and kind.startswith(_ASSISTANTS):
            return NotAnEvent(issues + self._foreign_once("Assistants"))
        if name is not None:
            return self._event(frame, value, name, None, name, invalid_utf8)
        body = error_detail(value)
        if body is None:
            return NotAnEvent([*issues, ("no_type", None)])
        return NotAnEvent([*issues, ("error_body", body)], error_object(value))

    def _event(
        self, frame: Frame, members: dict[str, Any], kind: str, name: str | None, named: str | None, invalid_utf8: bool
    ) -> ParsedEvent:
        parsed = ParsedEvent()
        parsed.raw, parsed.offset, parsed.end, parsed.line = frame.data, frame.offset, frame.end, frame.line
        parsed.type, parsed.named, parsed.members, parsed.invalid_utf8 = kind, named, members, invalid_utf8
        parsed.response = None
        parsed.entry, parsed.effect = _KNOWN.get(kind, _UNKNOWN)
        issues = parsed.issues = (
            _frame_issues(frame, invalid_utf8) if invalid_utf8 or frame.missing or frame.unfinished else []
        )
        if name is not None and name != kind:
            issues.append(("type_mismatch", {"event": _clip(name), "type": _clip(kind)}))
        entry = parsed.entry
        # Only these may be of another API.
        if entry is None or entry.op == "response" or "event_id" in members or "object" in members:
            protocol = self._look_alike(parsed)
            if protocol is not None:
                parsed.entry, parsed.effect = _UNKNOWN
                issues += self._foreign_once(protocol)
            elif entry is None:
                issues += self._unknown_once(kind)
        _read_routing(parsed)
        return parsed

    def _over_limits(self, frame: Frame) -> ParsedEvent | NotAnEvent:
        """An event whose payload is JSON but exceeds the limits: it stays raw and has no effect."""
        issue: Issue = ("limit_exceeded", {"what": "nesting or digits", "limit": LIMITS})
        span = locate(frame.data).get("type")
        kind = loads(frame.data[span[0] : span[1]]) if span and frame.data[span[0]] == 34 else None
        named = None
        if not kind and frame.name is not None:
            kind = named = frame.name.decode(errors="replace")
        if not kind:
            return NotAnEvent([*_frame_issues(frame, invalid_utf8=False), issue])
        parsed = self._event(frame, {}, kind, None, named, False)
        parsed.entry, parsed.effect = _UNKNOWN
        parsed.issues = [*_frame_issues(frame, invalid_utf8=False), issue]
        return parsed

    def _unknown_once(self, kind: str) -> list[Issue]:
        if kind in _ANTHROPIC:
            return self._foreign_once("Anthropic Messages")
        if kind.startswith(_REALTIME):
            self._realtime = True
            return self._foreign_once("Realtime")
        if kind.startswith(_ASSISTANTS):
            return self._foreign_once("Assistants")
        if kind in self._unknown or len(self._unknown) >= UNKNOWN_TYPES:
            return []
        self._unknown.add(kind)
        return [("unknown_event", {"type": _clip(kind)})]

    def _look_alike(self, parsed: ParsedEvent) -> str | None:
        """The other API whose event has the type of an event of this one, or None."""
        members, entry = parsed.members, parsed.entry
        if "object" in members and members["object"] == "event":
            return "webhooks"
        if entry is None:
            return None
        if entry.op == "response" and entry.value not in members and _only_id(members.get("data")):
            return "webhooks"
        if "event_id" not in members or "sequence_number" in members or not isinstance(members["event_id"], str):
            return None
        if isinstance(members.get("response_id"), str):
            self._realtime = True
        inner = members.get(entry.value)
        name = inner.get("object") if isinstance(inner, dict) else None
        if isinstance(name, str) and name.startswith("realtime."):
            self._realtime = True
        return "Realtime" if self._realtime else None

    def _foreign_once(self, protocol: str) -> list[Issue]:
        if self._foreign:
            return []
        self._foreign = True
        return [("foreign_stream", {"protocol": protocol})]


def _only_id(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["id"]


def _frame_issues(frame: Frame, invalid_utf8: bool) -> list[Issue]:
    issues: list[Issue] = []
    if frame.missing:
        issues.append(("missing_blank_line", None))
    if frame.unfinished:
        issues.append(("unfinished_block", {"what": "was kept"}))
    if invalid_utf8:
        issues.append(("bad_utf8", None))
    return issues


def _read_routing(parsed: ParsedEvent) -> None:
    """The sequence number, the lane and the indexes; an invalid index leaves the event without effect."""
    members, issues = parsed.members, parsed.issues
    number = members.get("sequence_number")
    parsed.sequence = None
    if type(number) is int and -INTEGER_LIMIT <= number < INTEGER_LIMIT:
        parsed.sequence = number
    elif number is not None:
        issues.append(("bad_field", {"field": "sequence_number", "expected": "an integer"}))
    parsed.lane = parsed.time = None
    if "stream_id" in members and (lane := members["stream_id"]) is not None:
        if isinstance(lane, str):
            parsed.lane = clean_text(lane)
        else:
            issues.append(("bad_field", {"field": "stream_id", "expected": "a string"}))
    indexes: dict[str, int] = {}
    parsed.loose = ()
    good = True
    for name in INDEXES:
        if name not in members or (index := members[name]) is None:
            continue
        if type(index) is int and 0 <= index <= INDEX_LIMIT:
            indexes[name] = index
        elif type(index) is str and _DIGITS(index) and int(index) <= INDEX_LIMIT:
            indexes[name] = int(index)
            parsed.loose += (name,)
        elif parsed.entry is not None:
            issues.append(("bad_field", {"field": name, "expected": f"an integer from 0 to {INDEX_LIMIT}"}))
            good = False
    parsed.indexes = indexes if good else None


def _clip(text: str) -> str:
    return text[:200]
