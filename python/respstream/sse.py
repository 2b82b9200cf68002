"""Server-sent events without typed events: a sans-IO decoder by the WHATWG standard, and its messages.

`Decoder` is the class of the backend in use (`respstream.BACKEND`).
"""

from __future__ import annotations

from respstream import _backend
from respstream._sse_values import ServerSentEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from respstream._pure.sse.decoder import SseDecoder as Decoder
else:
    Decoder = _backend.engine.SseDecoder

__all__ = ["Decoder", "ServerSentEvent"]
