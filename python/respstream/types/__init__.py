"""The event classes: names and attributes are those of `openai.types.responses`; `chat` has those of `openai.types.chat`."""

from __future__ import annotations

from respstream.protocols.responses import types
from respstream.protocols.responses.types import *  # noqa: F403

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from respstream.types import chat as chat

    StreamEvent: TypeAlias = types.ResponseStreamEvent | chat.ChatStreamEvent
    """Any event of any API."""
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "chat":
            return import_module("respstream.types.chat")
        if name == "StreamEvent":
            return types.ResponseStreamEvent | import_module("respstream.types.chat").ChatStreamEvent
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__: list[str] = []
__all__ += types.__all__
