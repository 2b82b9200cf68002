"""The event classes: names and attributes are those of `openai.types.responses`; `chat` has those of `openai.types.chat`,
`messages` those of `anthropic.types`.
"""

from __future__ import annotations

from respstream.protocols.responses import types
from respstream.protocols.responses.types import *  # noqa: F403

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from respstream.types import chat as chat
    from respstream.types import messages as messages

    StreamEvent: TypeAlias = types.ResponseStreamEvent | chat.ChatStreamEvent | messages.RawMessageStreamEvent
    """Any event of any API."""
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in ("chat", "messages"):
            return import_module(f"respstream.types.{name}")
        if name == "StreamEvent":
            chat, messages = import_module("respstream.types.chat"), import_module("respstream.types.messages")
            return types.ResponseStreamEvent | chat.ChatStreamEvent | messages.RawMessageStreamEvent
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__: list[str] = []
__all__ += types.__all__
