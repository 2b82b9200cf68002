"""`Decoder`: decodes bytes to events without I/O. It is the class of the backend in use (`respstream.BACKEND`)."""

from __future__ import annotations

from respstream import _backend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from respstream._fallback import Decoder
else:
    Decoder = _backend.engine.Decoder

__all__ = ["Decoder"]
