"""Classifies payloads of Chat Completions: chunks, completions that were not streamed, and anything else.

What makes a chunk is its list `choices`. Here its id is read, and whether it has a part of the output or ends a choice.
"""

from __future__ import annotations

from respstream._pure.diagnostics import error_detail, error_object
from respstream._pure.frames import Frame
from respstream._pure.json import BadJson, LimitExceeded, clean_text, decode, locate
from respstream._pure.protocols.chat import CHUNK, WHOLE
from respstream._pure.protocols.chat.catalogue import EVENTS, Entry
from respstream._pure.protocols.chat.context import choices_of
from respstream._pure.protocols.chat.delta import is_streamed
from respstream._pure.protocols.protocol import Effect, Issue, NonStreamed, NotAnEvent, ParsedEvent
from respstream._pure.records import StreamSignature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LIMITS = "256 levels or 4300 digits"
ERROR = "error"
UNKNOWN_TYPES = 10_000  # distinct unknown types that are stored, so that each is reported once
SIGNATURE = StreamSignature((("choices", ("[",)),), (), (), (WHOLE,))
"""How streams of Chat Completions are recognised in records."""

_UNKNOWN = Effect()
_QUIET = Effect(quiet=True)
# By whether the chunk has a part of the output, and whether it ends a choice.
_CHUNKS = {
    (delta, ends): Effect(announces=True, begins=True, asks=True, delta=delta, terminal=ends)
    for delta in (False, True)
    for ends in (False, True)
}


def claims(members: dict[str, Any], name: bytes | None) -> bool:
    """Whether a payload is certainly of this API: it has choices, or says that it is a chunk or a completion."""
    return has_choices(members) or members.get("object") in (CHUNK, WHOLE)


def has_choices(members: dict[str, Any]) -> bool:
    """Whether an object has a list of choices: objects, of which there may be none."""
    choices = members.get("choices")
    return type(choices) is list and (not choices or any(type(choice) is dict for choice in choices))


def is_whole(members: dict[str, Any]) -> bool:
    """Whether an object is a completion that was not streamed: it says so, or has messages; and it has no deltas."""
    choices, kind = choices_of(members), members.get("object")
    if not choices or kind == CHUNK:
        return kind == WHOLE
    return all(
        type(choice) is dict and "delta" not in choice and type(choice.get("message")) is dict for choice in choices
    )


class Reader:
    """Classifies the frames of one source; stores which unknown types it has reported."""

    def __init__(self) -> None:
        self._unknown: set[str] = set()

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
        if has_choices(value) or value.get("object") == CHUNK:
            return self._chunk(frame, value, invalid_utf8)
        return self._other(frame, value, invalid_utf8)

    def read_typed(self, frame: Frame, members: dict[str, Any], kind: str, invalid_utf8: bool) -> ParsedEvent:
        """Events of this API have no types."""
        raise NotImplementedError

    def _chunk(self, frame: Frame, members: dict[str, Any], invalid_utf8: bool) -> ParsedEvent:
        choices, delta, ends = choices_of(members), False, False
        for choice in choices:
            if type(choice) is dict:
                text = choice.get("text")
                delta = delta or is_streamed(choice.get("delta")) or (type(text) is str and text != "")
                reason = choice.get("finish_reason")
                ends = ends or (type(reason) is str and reason != "")
        ident = members.get("id")
        named = clean_text(ident) if type(ident) is str and ident else None
        parsed = _event(frame, CHUNK, EVENTS[CHUNK], _CHUNKS[delta, ends], members, invalid_utf8)
        if frame.single:
            parsed.response = named or ""
        return parsed

    def _other(self, frame: Frame, value: dict[str, Any], invalid_utf8: bool) -> ParsedEvent | NotAnEvent:
        """An object that is no chunk: an error, a sign of life, or unknown."""
        kind, named = value.get("type"), None
        if not isinstance(kind, str) or not kind:
            kind = named = None if frame.name is None else frame.name.decode(errors="replace")
        if kind == ERROR and error_object(value) is None:
            value = {ERROR: value}
        body = error_detail(value)
        if body is not None:
            return NotAnEvent([*_frame_issues(frame, invalid_utf8), ("error_body", body)], error_object(value))
        if not kind:
            return NotAnEvent([*_frame_issues(frame, invalid_utf8), ("no_type", None)])
        kind = clean_text(kind)
        entry = EVENTS.get(kind) if kind != CHUNK else None
        parsed = _event(frame, kind, entry, _UNKNOWN if entry is None else _QUIET, value, invalid_utf8)
        parsed.named = named
        if entry is None:
            parsed.issues = [*parsed.issues, *self._unknown_once(kind)]
        return parsed

    def _over_limits(self, frame: Frame) -> ParsedEvent | NotAnEvent:
        """A chunk whose payload is JSON but exceeds the limits: it stays raw and has no effect."""
        issues: list[Issue] = [
            *_frame_issues(frame, invalid_utf8=False),
            ("limit_exceeded", {"what": "nesting or digits", "limit": LIMITS}),
        ]
        try:
            span = locate(frame.data).get("choices")
        except BadJson:
            span = None
        if span is None or frame.data[span[0]] != 0x5B:
            return NotAnEvent(issues)
        parsed = _event(frame, CHUNK, None, _UNKNOWN, {}, False)
        parsed.issues = issues
        return parsed

    def _unknown_once(self, kind: str) -> list[Issue]:
        if kind in self._unknown or len(self._unknown) >= UNKNOWN_TYPES:
            return []
        self._unknown.add(kind)
        return [("unknown_event", {"type": kind[:200]})]


def _event(
    frame: Frame, kind: str, entry: Entry | None, effect: Effect, members: dict[str, Any], invalid_utf8: bool
) -> ParsedEvent:
    parsed = ParsedEvent()
    parsed.raw, parsed.offset, parsed.end, parsed.line = frame.data, frame.offset, frame.end, frame.line
    parsed.type, parsed.named, parsed.members, parsed.invalid_utf8 = kind, None, members, invalid_utf8
    parsed.entry, parsed.effect = entry, effect
    parsed.sequence = parsed.lane = parsed.time = parsed.response = None
    parsed.indexes, parsed.loose = {}, ()
    parsed.issues = _frame_issues(frame, invalid_utf8) if invalid_utf8 or frame.missing or frame.unfinished else []
    return parsed


def _frame_issues(frame: Frame, invalid_utf8: bool) -> list[Issue]:
    issues: list[Issue] = []
    if frame.missing:
        issues.append(("missing_blank_line", None))
    if frame.unfinished:
        issues.append(("unfinished_block", {"what": "was kept"}))
    if invalid_utf8:
        issues.append(("bad_utf8", None))
    return issues
