"""JSON objects inside events and responses, decoded when they are first read.

Every program that uses the package imports this module, so it imports nothing from the standard library at run time.
"""

from __future__ import annotations

from respstream._engine import BACKEND, native
from respstream._last_located import Latest
from respstream._record import Fragment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView, Mapping
    from typing import Any, ClassVar, TypeAlias

    PartClass: TypeAlias = "type[Any] | Mapping[str, type[Any]]"
    """The class of an object, or the classes by its member `type`; that of other types has the name \"\"."""

__all__ = ["Payload", "Values", "decode", "loads", "locate", "wrap"]

_new = object.__new__

_INTERNAL = ("_data", "_member", "_raw", "_seen", "_spans")
CLIP = 48  # characters of a value in a repr
SEARCH_BYTES = native().SEARCHED if BACKEND == "rust" else 0
"""Objects up to this size in bytes are searched again for each member that is read, by `member_value`; 0 without the extension."""

member_value: Any = native().member_value if BACKEND == "rust" else None
"""The decoded value of a member of an object of up to SEARCH_BYTES, with the class of its payloads. Raises KeyError."""
_functions: dict[str, Any] = {}
"""Functions that are imported on first use, because few programs need them under both backends."""
if BACKEND == "rust":
    _functions["locate"] = Latest(native().locate)


def loads(raw: bytes) -> Any:
    """Decodes a JSON text. Raises ValueError if it is invalid or exceeds the limits of nesting or digits."""
    if "loads" not in _functions:
        from respstream._pure.json import check

        _functions["loads"] = check.loads
    return _functions["loads"](raw)


def locate(raw: bytes) -> dict[str, tuple[int, int]]:
    """Byte spans `(start, end)` of the members of a JSON object; do not change them. Raises ValueError if it is not an object."""
    if "locate" not in _functions:
        from respstream._pure.json.locate import located

        _functions["locate"] = located
    spans: dict[str, tuple[int, int]] = _functions["locate"](raw)
    return spans


def wrap(value: Any, member: str | None = None, cls: PartClass | None = None) -> Any:
    """A value of `loads` with its objects as payloads of a class (default: Payload). `member`: as for `decode`."""
    if isinstance(value, dict):
        if cls.__class__ is dict:
            cls = variant(cls, value.get("type"))
        payload = _new(cls or Payload)  # type: ignore[arg-type]
        payload._data, payload._raw, payload._seen, payload._spans = value, b"", {}, None
        payload._member = member
        return payload
    if isinstance(value, list):
        return [wrap(element, member, cls) for element in value]
    return value


def _to_plain(value: Any) -> Any:
    if isinstance(value, Payload):
        return value.to_dict()
    if isinstance(value, dict):
        return {key: _to_plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_to_plain(element) for element in value]
    return value


def retyped(value: Any, cls: PartClass) -> Any:
    """A payload as one of a class; of a list, its payloads are replaced in place."""
    if value.__class__ is Payload:
        kind = variant(cls, value.get("type")) if cls.__class__ is dict else cls
        payload: Payload = kind(value._raw if value._data is None else value._data)  # type: ignore[operator]
        payload._member = value._member
        return payload
    if value.__class__ is list:
        for place, element in enumerate(value):
            value[place] = retyped(element, cls)
    return value


def variant(classes: Any, kind: object) -> type[Payload]:
    """The class of objects of that `type`; for other types the one with the name ""."""
    found: type[Payload] = classes[kind if isinstance(kind, str) and kind in classes else ""]
    return found


def decode(raw: bytes, member: str | None = None, cls: PartClass | None = None) -> Any:
    """The value of a JSON text: an object as a payload of a class (default: Payload), a list of them, or a scalar.

    `member`: the name under which the value was found. `cls`: the class, or the classes by the member `type` of the object.
    """
    if raw[:1] != b"{":
        return wrap(loads(raw), member, cls)
    if cls.__class__ is dict:
        span = locate(raw).get("type")
        cls = variant(cls, None if span is None else loads(raw[span[0] : span[1]]))
    payload: Payload = (cls or Payload)(raw)  # type: ignore[operator]
    payload._member = member
    return payload


def declared_members(kind: str) -> frozenset[str]:
    """The members that the SDK declares for objects of that `type` or `object`."""
    from respstream.protocols.responses.sdk_fields import DECLARED

    found: frozenset[str] = DECLARED[kind]
    return found


def declares(kind: object, name: str, member: str | None = None) -> bool:
    """Whether the SDK's class for objects of that `type`, or for those of no type in `member`, has a member of that name."""
    from respstream.protocols.responses.sdk_fields import DECLARED, UNTYPED

    if isinstance(kind, str) and kind in DECLARED:
        return name in DECLARED[kind]
    return name in UNTYPED.get(member or "", ())


def is_internal(name: str) -> bool:
    """Whether a name is `__internal__`. copy, pickle and inspect probe for these; members of the API never have such names."""
    return name[:2] == "__" and name[-2:] == "__"


class Values:
    """The members of a response as values, for states that are written in Python; cached until `version` changes."""

    version: int
    _made: tuple[int, dict[Any, Any]] = (-1, {})

    if TYPE_CHECKING:

        def member(self, name: str) -> bytes | None:
            """One member as JSON, None if it is missing."""
            ...

    def made(self) -> dict[Any, Any]:
        """The cached values, by name."""
        version, made = self._made
        if version != self.version:
            made = {}
            self._made = self.version, made
        return made

    def value(self, name: str, default: Any) -> Any:
        """The member of that name, or `default` if it is missing."""
        made = self.made()
        if name in made:
            return made[name]
        raw = self.member(name)
        if raw is None:
            return default
        value = made[name] = decode(raw, name)
        return value


class Payload(Fragment):
    """A JSON object that decodes one member at a time, when it is first read.

    Members are read as attributes (`payload.usage`) or by key (`payload["usage"]`). A missing key raises KeyError. A missing
    attribute is None if the SDK's class for an object of that `type`, or in that member (`usage`), declares it, else it raises
    AttributeError. The member `usage` has the token counts of every API as attributes: `input_tokens`, `output_tokens`,
    `total_tokens`, `cached_tokens`, `reasoning_tokens`. Methods of this class take precedence over members of the same name,
    which can be read by key. Objects inside are Payloads, lists are lists. A payload equals a dict or a payload of the same
    content; do not change it. The garbage collector does not track payloads of the Rust backend.

    `source`: the text of one JSON object, or a dict as `json.loads` returns it, which is not copied. Bytes that are not a
    JSON object, or that exceed the limits of nesting or digits, raise ValueError on first read.
    """

    __slots__: tuple[str, ...] = ()

    _parts: ClassVar[Mapping[str, PartClass]] = {}
    """The classes of the objects in its members, where they have one of their own."""

    _data: dict[str, Any] | None
    _member: str | None  # the name under which it was found in a larger object
    _raw: bytes
    _seen: dict[str, Any]
    _spans: dict[str, tuple[int, int]] | None

    def __init__(self, source: bytes | dict[str, Any]) -> None:
        if isinstance(source, bytes):
            self._data, self._raw = None, source
        elif isinstance(source, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
            self._data, self._raw = source, b""
        else:
            raise TypeError(f"a Payload requires bytes or a dict, not {type(source).__name__}")
        self._seen = {}
        self._member = self._spans = None

    def _members(self) -> dict[str, Any]:
        if self._data is not None:
            return self._data
        spans = self._spans
        if spans is None:
            spans = self._spans = locate(self._raw)
        return spans

    def __getitem__(self, key: str) -> Any:
        seen = self._seen
        if key in seen:
            return seen[key]
        value = seen[key] = self._read(key)
        return value

    def _read(self, key: str) -> Any:
        cls = self._parts.get(key)
        if self._data is not None:
            return wrap(self._data[key], key, cls)
        if self._spans is None:
            raw = self._raw
            if len(raw) <= SEARCH_BYTES:
                return member_value(raw, key, cls)
        start, end = self._members()[key]
        return decode(self._raw[start:end], key, cls)

    def _absent(self, name: str) -> Any:
        # Slots and internal names begin with an underscore, nearly all members do not.
        if name[:1] != "_" or not (is_internal(name) or name in _INTERNAL):
            seen = self._seen
            if name in seen:
                return seen[name]
            try:
                value = seen[name] = self._read(name)
            except KeyError:
                return self._missing(name)
            else:
                return value
        raise AttributeError(f"this object has no member {name!r}")

    # The extension's base class calls `_absent` itself, which makes reading present attributes faster.
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    elif Fragment.__getattribute__ is object.__getattribute__:
        __getattr__ = _absent

    def _missing(self, name: str) -> Any:
        """The value of an attribute that is no member. Raises AttributeError if the SDK does not declare it."""
        from respstream._pure.protocols.responses import CHAT_NAMES
        from respstream._pure.protocols.usage import PATHS, count_of

        if self._member == "usage" and name in PATHS:
            return count_of(self, name)
        kind = self.get("type")
        if declares(kind if isinstance(kind, str) else self.get("object"), name, self._member):
            return self.get(CHAT_NAMES.get(name, "")) if self._member == "usage" else None
        raise AttributeError(f"this object has no member {name!r}")

    def __dir__(self) -> list[str]:
        # For completion: the members that are there, and those that the SDK declares.
        from respstream._pure.protocols.usage import PATHS
        from respstream.protocols.responses.sdk_fields import DECLARED, UNTYPED

        kind = self.get("type")
        declared = DECLARED.get(kind, ()) if isinstance(kind, str) else UNTYPED.get(self._member or "", ())
        # The extension gives the class attributes for the counts, which only the member `usage` has.
        own = set(super().__dir__()).difference(PATHS)
        counts = PATHS if self._member == "usage" else ()
        return sorted({*own, *counts, *filter(str.isidentifier, (*self, *declared))})

    def __contains__(self, key: object) -> bool:
        return key in self._members()

    def __iter__(self) -> Iterator[str]:
        return iter(self._members())

    def __len__(self) -> int:
        return len(self._members())

    def get(self, key: str, default: Any = None) -> Any:
        """The member of that name, or `default` if it is missing."""
        return self[key] if key in self._members() else default

    def keys(self) -> KeysView[str]:
        """The names of the members, in the order of the JSON."""
        return self._members().keys()

    def values(self) -> list[Any]:
        """The members, all decoded."""
        return [self[key] for key in self._members()]

    def items(self) -> list[tuple[str, Any]]:
        """Pairs of name and member, all decoded."""
        return [(key, self[key]) for key in self._members()]

    def to_dict(self) -> dict[str, Any]:
        """The members as a new dict of dicts, lists, strings, numbers, booleans and None."""
        members: dict[str, Any] = loads(self._raw) if self._data is None else _to_plain(self._data)
        return members

    def model_dump(self) -> dict[str, Any]:
        """As `to_dict`: the name that the SDKs use."""
        return self.to_dict()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Payload):
            if self._data is None and other._data is None and self._raw == other._raw:
                return True
            return self.to_dict() == other.to_dict()
        if isinstance(other, dict):
            return bool(self.to_dict() == _to_plain(other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return self._described()

    def _described(self, *, inside: bool = False) -> str:
        from respstream.protocols.describe import described

        try:
            return described(self, self._member, inside=inside)
        except ValueError:  # no JSON object, or one that exceeds the limits
            text = repr(self._data) if self._data is not None else self._raw[: 2 * CLIP].decode("utf-8", "replace")
            return f"Payload({clip(text)})"

    def __reduce__(self) -> tuple[Any, ...]:
        source = self._raw if self._data is None else self.to_dict()
        return Payload, (source,), None if self._member is None else (None, {"_member": self._member})


def brief(value: object) -> str:
    """A value shortened for the repr of the object that it is in."""
    return value._described(inside=True) if isinstance(value, Payload) else clip(repr(value))


def clip(text: str) -> str:
    """A text shortened for a repr."""
    return text if len(text) <= CLIP else text[: CLIP - 1] + "…"
