"""The event classes of each API, imported when the first event of that API is read."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_found: dict[str, dict[str, type[Any]]] = {}


def classes_of(api: str) -> dict[str, type[Any]]:
    """The class of each event type of an API."""
    if api not in _found:
        if api == "chat":
            from respstream.protocols.chat.types import CLASSES
        elif api == "messages":
            from respstream.protocols.messages.types import CLASSES
        else:
            from respstream.protocols.responses.types import CLASSES
        _found[api] = CLASSES
    return _found[api]
