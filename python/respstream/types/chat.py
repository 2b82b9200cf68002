"""The classes of Chat Completions: names and attributes are those of `openai.types.chat.chat_completion_chunk`."""

from __future__ import annotations

from respstream.protocols.chat import types
from respstream.protocols.chat.types import *  # noqa: F403

__all__: list[str] = []
__all__ += types.__all__
