"""Server-sent events by the WHATWG standard: lines, and messages."""

from __future__ import annotations

from respstream._pure.sse.decoder import SseDecoder
from respstream._pure.sse.lines import BOM, LineSplitter

__all__ = ["BOM", "LineSplitter", "SseDecoder"]
