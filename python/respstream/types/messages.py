"""The classes of Anthropic Messages: names and attributes are those of `anthropic.types`."""

from __future__ import annotations

from respstream.protocols.messages import types
from respstream.protocols.messages.types import *  # noqa: F403

__all__: list[str] = []
__all__ += types.__all__
