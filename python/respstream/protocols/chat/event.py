"""What the events of Chat Completions share.

Every program that reads chunks imports this module, so it imports nothing from the standard library at run time.
"""

from __future__ import annotations

from respstream.protocols.event import Event
from respstream.protocols.payload import Payload, brief, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ChatEvent"]


class ChatEvent(Event):
    """One event of a Chat Completions stream. On the wire it has neither a type nor an event line."""

    __slots__: tuple[str, ...] = ()

    api = "chat"
    _untyped = True

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
        shown = [f"{name}={brief(value)}" for name, value in self._shown() if value not in (None, "", [])]
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
                added = [(name, value) for name, value in delta.items() if name != "role"]
                # The role is shown where nothing else is: in the first chunk.
                found += added if any(value for _, value in added) else [("role", delta.get("role"))]
                found.append(("finish_reason", choice.get("finish_reason")))
        return found
