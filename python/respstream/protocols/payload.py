"""What all event classes share, and the objects inside events.

An event keeps its payload as bytes. The engines fill the scalar members that nearly everybody reads; every other member
is decoded when it is first read. This module and `types` are imported by every program that uses the package, so they
import nothing from the standard library at run time.
"""

from __future__ import annotations

from respstream._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView
    from typing import Any, ClassVar

__all__ = ["Event", "Payload", "UnknownEvent", "build"]

_CLIP = 48
_KEPT = ("_named", "offset", "raw", "sequence_number", "stream_id")  # what every event has
_JSON_SPACE = b" \t\r\n"
# Modules that import this one, or that few programs need; looked up here once they are imported.
_late: dict[str, Any] = {}


def _loads(raw: bytes) -> Any:
    module = _late.get("json")
    if module is None:
        from respstream._pure import json

        module = _late["json"] = json
    return module.loads(raw)


def _engine() -> Any:
    chooser = _late.get("chooser")
    if chooser is None:
        from respstream import _backend

        chooser = _late["chooser"] = _backend
    return chooser.engine


def _wrap(value: Any) -> Any:
    if isinstance(value, dict):
        return Payload(value)
    if isinstance(value, list):
        return [_wrap(element) for element in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Payload):
        return value.to_dict()
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(element) for element in value]
    return value


def _decode(raw: bytes) -> Any:
    return Payload(raw) if raw[:1] == b"{" else _wrap(_loads(raw))


def _declares(kind: object, name: str) -> bool:
    """Whether the SDK's class for objects of that `type` has a member of that name."""
    from respstream._declared import DECLARED

    return isinstance(kind, str) and name in DECLARED.get(kind, ())


def _is_internal(name: str) -> bool:
    # The protocols of copy, pickle and inspect probe for such names; a wire member is never looked for under them.
    return name[:2] == "__" and name[-2:] == "__"


class Values:
    """The members of a response as values, for those states that are written in Python; made once a version."""

    version: int
    _made: tuple[int, dict[Any, Any]] = (-1, {})

    if TYPE_CHECKING:

        def member(self, name: str) -> bytes | None: ...

    def made(self) -> dict[Any, Any]:
        """What was made since something changed: values by name, and whatever else under a key that is no name."""
        version, made = self._made
        if version != self.version:
            made = {}
            self._made = self.version, made
        return made

    def value(self, name: str, default: Any) -> Any:
        """The member of that name, or `default` where there is none."""
        made = self.made()
        if name in made:
            return made[name]
        raw = self.member(name)
        if raw is None:
            return default
        value = made[name] = _decode(raw)
        return value


class Payload:
    """A JSON object that decodes one member at a time, when it is first read.

    Members are read as attributes (`payload.usage`) or by key (`payload["usage"]`; KeyError where there is none). An
    attribute that the wire lacks is None if the SDK's class for an object of that `type` declares it, else AttributeError.
    The methods of this class win over members of the same name, which a key still reads. Objects inside are Payloads,
    lists are lists. A payload equals a dict or a payload of the same content; it is not meant to be changed.

    `source` is the text of one JSON object, or a dict as `json.loads` makes it, which is used as it is and not copied.
    Bytes that are no JSON object, and such as are over the limits of nesting or digits, raise ValueError on first read.
    """

    __slots__ = ("_data", "_raw", "_seen", "_spans")

    _data: dict[str, Any] | None
    _raw: bytes
    _seen: dict[str, Any]
    _spans: dict[str, tuple[int, int]] | None

    def __init__(self, source: bytes | dict[str, Any]) -> None:
        if isinstance(source, bytes):
            self._data, self._raw = None, source
        elif isinstance(source, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
            self._data, self._raw = source, b""
        else:
            raise TypeError(f"a Payload is made of bytes or a dict, not of {type(source).__name__}")
        self._seen = {}
        self._spans = None

    def _members(self) -> dict[str, Any]:
        if self._data is not None:
            return self._data
        spans = self._spans
        if spans is None:
            spans = self._spans = _engine().locate(self._raw)
        return spans

    def __getitem__(self, key: str) -> Any:
        seen = self._seen
        if key in seen:
            return seen[key]
        value = seen[key] = self._read(key)
        return value

    def _read(self, key: str) -> Any:
        if self._data is not None:
            return _wrap(self._data[key])
        if self._spans is None:
            chooser = _late.get("chooser")
            engine = _engine() if chooser is None else chooser.engine
            raw = self._raw
            if len(raw) <= engine.SEARCHED:
                value = engine.read_member(raw, key)
                return _decode(value) if isinstance(value, bytes) else value
        start, end = self._members()[key]
        return _decode(self._raw[start:end])

    def __getattr__(self, name: str) -> Any:
        # The slots and what is internal begin alike: nearly all names are known at once to be neither.
        if name[:1] != "_" or not (_is_internal(name) or name in Payload.__slots__):
            seen = self._seen
            if name in seen:
                return seen[name]
            try:
                value = seen[name] = self._read(name)
            except KeyError:
                if _declares(self._kind(), name):
                    return None
            else:
                return value
        raise AttributeError(f"this object has no member {name!r}")

    def _kind(self) -> object:
        kind = self.get("type")
        return kind if isinstance(kind, str) else self.get("object")

    def __contains__(self, key: object) -> bool:
        return key in self._members()

    def __iter__(self) -> Iterator[str]:
        return iter(self._members())

    def __len__(self) -> int:
        return len(self._members())

    def get(self, key: str, default: Any = None) -> Any:
        """The member of that name, or `default` where there is none."""
        return self[key] if key in self._members() else default

    def keys(self) -> KeysView[str]:
        """The names of the members, in the order of the text."""
        return self._members().keys()

    def values(self) -> list[Any]:
        """The members, all decoded."""
        return [self[key] for key in self._members()]

    def items(self) -> list[tuple[str, Any]]:
        """Pairs of name and member, all decoded."""
        return [(key, self[key]) for key in self._members()]

    def to_dict(self) -> dict[str, Any]:
        """A new dict of plain dicts, lists, strings, numbers, booleans and None."""
        plain: dict[str, Any] = _loads(self._raw) if self._data is None else _plain(self._data)
        return plain

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Payload):
            if self._data is None and other._data is None and self._raw == other._raw:
                return True
            return self.to_dict() == other.to_dict()
        if isinstance(other, dict):
            return bool(self.to_dict() == _plain(other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        text = repr(self._data) if self._data is not None else self._raw[: 2 * _CLIP].decode("utf-8", "replace")
        return f"Payload({_clip(text)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Payload, (self._raw if self._data is None else self.to_dict(),)


class Event(Record):
    """One event of a stream; the classes of `respstream.types` derive from it.

    Members are attributes. One that the payload lacks is None if the class declares it, else AttributeError. Events are
    values: equal if class and content are, wherever they came from; not hashable, not meant to be changed. The garbage
    collector does not look at those of the compiled engine: a cycle that is made by setting an attribute is never freed.
    One that is kept keeps the payloads beside its own, up to 4 KB, until its `raw` is read.
    """

    __slots__: tuple[str, ...] = ()

    _extras: ClassVar[tuple[str, ...]] = ()
    """The slots of members that the class does not declare: where the wire lacks them, AttributeError."""

    raw: bytes
    """The payload's bytes as they came; several data lines are joined by newlines."""
    offset: int
    """Where the event's block or line begins in the uncompressed source, in bytes."""
    stream_id: str | None
    """The lane of the event, where one connection or log carries several streams."""
    sequence_number: int | None
    """The number of the event in its stream; not every server sends one."""
    _named: str | None
    """The name of the `event:` line where the payload had no string `type`, else None."""

    if TYPE_CHECKING:

        @property
        def type(self) -> str:
            """The event's type on the wire."""
            ...

    else:
        # Hidden from type checkers, so that they tell a misspelt member of a known class.
        def _absent(self, name: str) -> Any:
            if _is_internal(name) or name in _KEPT:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            cls = self.__class__
            has_slot = name in cls.__slots__
            span = _engine().locate(self.raw).get(name)
            if span is not None:
                value = _decode(self.raw[span[0] : span[1]])
            elif has_slot and name not in cls._extras:
                value = None
            else:
                raise AttributeError(f"this {cls.__name__} has no member {name!r}")
            if has_slot:
                setattr(self, name, value)
            return value

        # The extension's base asks `_absent` by itself where that costs the attributes that are there less.
        if Record.__getattribute__ is object.__getattribute__:
            __getattr__ = _absent

    def to_dict(self) -> dict[str, Any]:
        """A new dict of the payload's members, plain all through; `type` is there even if only the event line named it.

        Raises ValueError for a payload over the limits of nesting or digits.
        """
        members: dict[str, Any] = _loads(self.raw)
        if self._named is not None:
            members["type"] = self._named
        return members

    def to_sse(self) -> bytes:
        """The event as a block of server-sent events, which parses to an equal event."""
        lines = [b"data: " + line for line in self.raw.strip(_JSON_SPACE).splitlines()]
        name = self.type.encode("utf-8", "replace")
        # A type with a line end in it cannot stand in an event line; the payload has it.
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
        except ValueError:  # over the limits: there is only the text to compare
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
                shown.append(f"{name}={_clip(repr(value[: _CLIP + 1] if isinstance(value, str) else value))}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return build, (self.__class__, self.raw, self.offset, self.stream_id, self.sequence_number, self._named, None)


class UnknownEvent(Event):
    """An event of a type that this release does not know, or whose payload is over the limits of nesting or digits.

    Its members are read as attributes all the same.
    """

    __slots__ = ("type",)  # pyright: ignore[reportIncompatibleMethodOverride]

    if TYPE_CHECKING:
        type: str

        def __getattr__(self, name: str) -> Any: ...

    def __reduce__(self) -> tuple[Any, ...]:
        return build, (*super().__reduce__()[1][:-1], {"type": self.type})


def build(
    cls: type[Event],
    raw: bytes,
    offset: int,
    stream_id: str | None,
    sequence_number: int | None,
    named: str | None,
    members: dict[str, Any] | None,
) -> Event:
    """An event of the class `cls`, as the engines make it and as it comes out of a pickle.

    `members` are the slots to fill at once; those left out are decoded from `raw` on first read. An UnknownEvent needs
    its `type` there. `named` is the event line's name where the payload has no string `type`.
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


_new = object.__new__


def _clip(text: str) -> str:
    return text if len(text) <= _CLIP else text[: _CLIP - 1] + "…"
