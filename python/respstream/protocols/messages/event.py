"""What the events of Anthropic Messages share.

Every program that reads such events imports this module, so it imports nothing from the standard library at run time.
"""

from __future__ import annotations

from respstream.protocols.event import Event
from respstream.protocols.part import Part
from respstream.protocols.payload import Payload, brief

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Counts", "MessagesEvent"]

_SHOWN = ("index", "content_block", "delta", "message", "usage", "error")


class Counts(Part):
    """Token counts; `total_tokens` is their sum, which the API does not send."""

    __slots__: tuple[str, ...] = ()

    if TYPE_CHECKING:
        total_tokens: int | None

    def _missing(self, name: str) -> Any:
        if name == "total_tokens":
            from respstream._pure.protocols.messages.usage import total_of

            return total_of(self)
        return super()._missing(name)


class MessagesEvent(Event):
    """One event of a Messages stream."""

    __slots__: tuple[str, ...] = ()

    api = "messages"

    def __repr__(self) -> str:
        shown: list[tuple[str, Any]] = []
        for name in _SHOWN:
            value = getattr(self, name, None) if name in self.__class__.__slots__ else None
            if name == "delta" and isinstance(value, Payload):
                shown += [(key, member) for key, member in value.items() if key != "type"]
            else:
                shown.append((name, value))
        texts = (f"{name}={brief(value)}" for name, value in shown if value is not None)
        return f"{type(self).__name__}({', '.join(texts)})"
