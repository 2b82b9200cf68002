"""What the classes of Chat Completions share: events, and objects inside them.

Every program that reads chunks imports this module, so it imports nothing from the standard library at run time.
"""

from __future__ import annotations

from respstream.protocols.event import Event
from respstream.protocols.payload import Payload, clip, loads, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ChatEvent", "Part"]


_CONTAINERS = (dict, list)


class Part(Payload):
    """An object inside a chunk: a Payload whose members are also those of the SDK's class.

    A member that the class declares is None if it is missing.
    """

    __slots__: tuple[str, ...] = ()

    def _missing(self, name: str) -> Any:
        if name in self.__class__.__slots__:
            return None
        return super()._missing(name)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in self.__class__.__slots__:
                return super().__getattr__(name)
            data = self._data
            if data is None:
                value = super().__getattr__(name)
            else:
                value = data.get(name)
                if type(value) in _CONTAINERS:
                    value = wrap(value, name, self._parts.get(name))
            setattr(self, name, value)
            return value

    def __reduce__(self) -> tuple[Any, ...]:
        source = self._raw if self._data is None else self.to_dict()
        return type(self), (source,), None if self._member is None else (None, {"_member": self._member})

    def __repr__(self) -> str:
        shown = [f"{name}={clip(repr(value))}" for name, value in self.items() if value is not None]
        return f"{type(self).__name__}({', '.join(shown)})"


class ChatEvent(Event):
    """One event of a Chat Completions stream. On the wire it has neither a type nor an event line."""

    __slots__: tuple[str, ...] = ()

    api = "chat"

    def to_dict(self) -> dict[str, Any]:
        """The payload as a new dict, as it came.

        Raises ValueError for a payload that exceeds the limits of nesting or digits.
        """
        members: dict[str, Any] = loads(self.raw)
        return members

    def to_sse(self) -> bytes:
        """The event as a server-sent events block, which parses to an equal event."""
        return b"".join(b"data: " + line + b"\n" for line in self.raw.strip(b" \t\r\n").splitlines()) + b"\n"

    def __repr__(self) -> str:
        shown = [f"{name}={clip(repr(value))}" for name, value in self._shown() if value not in (None, "", [])]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _shown(self) -> list[tuple[str, Any]]:
        """The members that `repr` shows: the id, and what the choices add."""
        found: list[tuple[str, Any]] = []
        for name in ("id", "usage"):
            if name in self.__class__.__slots__:
                found.append((name, getattr(self, name, None)))
        choices = getattr(self, "choices", None)
        for choice in choices if isinstance(choices, list) else ():
            delta = choice.get("delta") if isinstance(choice, Payload) else None
            if isinstance(delta, Payload):
                found += [(name, value) for name, value in delta.items() if name != "role"]
                found.append(("finish_reason", choice.get("finish_reason")))
        return found
