"""The event classes: names and attributes are those of `openai.types.responses`."""

from __future__ import annotations

from respstream.protocols.responses import types
from respstream.protocols.responses.types import *  # noqa: F403

__all__: list[str] = []
__all__ += types.__all__
