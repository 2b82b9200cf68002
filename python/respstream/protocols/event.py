"""What all event classes share.

An event keeps its payload as bytes. The backends fill the scalar members that most programs read; every other member is
decoded when it is first read. Every program that uses the package imports this module, so it imports nothing from the
standard library at run time.
"""

from __future__ import annotations

from respstream._record import Record
from respstream.protocols.payload import (
    CLIP,
    SEARCH_BYTES,
    Payload,
    clip,
    decode,
    is_internal,
    loads,
    locate,
    member_value,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar, Literal, Self

    from respstream._options import ApiName
    from respstream.protocols.payload import PartClass

__all__ = ["Event", "UnknownEvent", "build"]

_SLOTS = ("_named", "offset", "raw", "sequence_number", "stream_id")  # those of every event
_MISSING = object()
_JSON_SPACE = b" \t\r\n"
_new = object.__new__


def _read(raw: bytes, name: str, part: PartClass | None) -> Any:
    """The value of a member, with objects as payloads of the class `part`; `_MISSING` if there is none."""
    if len(raw) <= SEARCH_BYTES:
        try:
            return member_value(raw, name, part)
        except KeyError:
            return _MISSING
    span = locate(raw).get(name)
    return _MISSING if span is None else decode(raw[span[0] : span[1]], name, part)


class Event(Record):
    """One event of a stream; the classes of `respstream.types` derive from it.

    Members are attributes. A missing member is None if the class declares it, else it raises AttributeError. Events are
    values: two events are equal if their class and content are equal. They are not hashable; do not change them. The
    classes of known types make events for tests: `ResponseTextDeltaEvent(delta="x")`. The garbage collector does not track
    events of the Rust backend: a cycle made by setting an attribute is never freed.
    """

    __slots__: tuple[str, ...] = ()

    api: ClassVar[ApiName] = "responses"
    """The API of the event."""
    _extras: ClassVar[tuple[str, ...]] = ()
    """The slots of members that the SDK does not declare: if missing, they raise AttributeError."""
    _parts: ClassVar[Mapping[str, PartClass]] = {}
    """The classes of the objects in its members, where they have one of their own."""
    _common: ClassVar[tuple[str, ...]] = ("agent",)
    """Members that events of all types may have, and that have no slot: if missing, they are None."""

    _untyped: ClassVar[bool] = False
    """Whether the events of the class have no type on the wire."""

    raw: bytes
    """The bytes of the payload; several data lines are joined by newlines."""
    offset: int
    """The offset of the event's block or line in the uncompressed source, in bytes."""
    stream_id: str | None
    """The lane (stream key) of the event, if one connection or log carries several streams."""
    sequence_number: int | None
    """The number of the event in its stream, None if the server sends none."""
    agent: Any
    """The agent that the event belongs to (`agent.agent_name`) in a stream of several agents, else None."""
    _named: str | None
    """The name of the `event:` line if the payload has no string `type`, else None."""

    def __init__(self, **members: Any) -> None:
        # By name, because it imports this module.
        __import__(f"{__package__}.building", fromlist=("fill",)).fill(self, members)

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> Self:
        """The event with this payload, of this class: `Event.from_dict` takes those of all classes.

        Raises ValueError for a dict that is no event, or of another class.
        """
        made: Self = __import__(f"{__package__}.building", fromlist=("event_of",)).event_of(cls, members)
        return made

    if TYPE_CHECKING:

        @property
        def type(self) -> str:
            """The event's type on the wire."""
            ...

    else:
        # Hidden from type checkers, so that they report a misspelt member of a known class.
        def _absent(self, name: str) -> Any:
            if is_internal(name) or name in _SLOTS:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            cls = self.__class__
            has_slot = name in cls.__slots__
            value = _read(self.raw, name, cls._parts.get(name))
            if value is _MISSING:
                if name not in cls._common and (not has_slot or name in cls._extras):
                    raise AttributeError(f"this {cls.__name__} has no member {name!r}")
                value = None
            if has_slot:
                setattr(self, name, value)
            return value

        # The extension's base class calls `_absent` itself, which makes reading present attributes faster.
        if Record.__getattribute__ is object.__getattribute__:
            __getattr__ = _absent

    def to_dict(self) -> dict[str, Any]:
        """The payload as a new dict; `type` is included even if only the event line has it.

        Raises ValueError for a payload that exceeds the limits of nesting or digits.
        """
        members: dict[str, Any] = loads(self.raw)
        if self._named is not None:
            members["type"] = self._named
        return members

    def model_dump(self) -> dict[str, Any]:
        """As `to_dict`: the name that the SDKs use."""
        return self.to_dict()

    def to_sse(self) -> bytes:
        """The event as a server-sent events block, which parses to an equal event."""
        lines = [b"data: " + line for line in self.raw.strip(_JSON_SPACE).splitlines()]
        name = self.type.encode("utf-8", "replace")
        # A type with a line break cannot be written as an event line; the payload contains it.
        if b"\n" not in name and b"\r" not in name:
            lines.insert(0, b"event: " + name)
        return b"\n".join(lines) + b"\n\n"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event) or other.__class__ is not self.__class__:
            return NotImplemented
        if self.raw == other.raw and self._named == other._named:
            return True
        try:
            return self.to_dict() == other.to_dict()
        except ValueError:  # the payload exceeds the limits, and its text differs
            return False

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = [] if self.sequence_number is None else [f"sequence_number={self.sequence_number}"]
        for name in self.__slots__:
            try:
                value = getattr(self, name)
            except (AttributeError, ValueError):
                continue
            if isinstance(value, (str, int)):
                shown.append(f"{name}={clip(repr(value[: CLIP + 1] if isinstance(value, str) else value))}")
            elif isinstance(value, Payload):
                shown.append(f"{name}={value._described(inside=True)}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return build, (self.__class__, self.raw, self.offset, self.stream_id, self.sequence_number, self._named, None)


class UnknownEvent(Event):
    """An event of an unknown type, or with a payload that exceeds the limits of nesting or digits.

    Its members can be read as attributes. To type checkers `type` is a text of its own, so that `event.type == "…"` narrows to
    the one class of that type, and a misspelt type is an error: use `str(event.type)` to compare with a type that is not known.
    """

    __slots__ = ("api", "type")  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]

    if TYPE_CHECKING:
        api: ApiName  # type: ignore[misc]
        type: Literal["(unknown)"]

        def __getattr__(self, name: str) -> Any: ...

    def __reduce__(self) -> tuple[Any, ...]:
        return build, (*super().__reduce__()[1][:-1], {"api": self.api, "type": self.type})


def build(
    cls: type[Event],
    raw: bytes,
    offset: int,
    stream_id: str | None,
    sequence_number: int | None,
    named: str | None,
    members: dict[str, Any] | None,
) -> Event:
    """Makes an event of the class `cls`, for the backends and for pickle.

    `members`: the slots to fill now; the others are decoded from `raw` on first read. An UnknownEvent needs its `api`
    and `type` there. `named`: the name of the event line if the payload has no string `type`.
    """
    event = _new(cls)
    event.raw = raw
    event.offset = offset
    event.stream_id = stream_id
    event.sequence_number = sequence_number
    event._named = named
    if members is not None:
        for name, value in members.items():
            setattr(event, name, value)
    return event
