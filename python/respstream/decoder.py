"""The sans-IO decoder of the backend in use."""

from __future__ import annotations

from respstream import _backend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from respstream._fallback import Decoder
else:
    Decoder = _backend.engine.Decoder

__all__ = ["Decoder"]
