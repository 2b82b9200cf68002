"""The pure-Python twin of the extension `respstream._native`: the same names, the same answers, slower."""

from __future__ import annotations

from respstream._pure.decoder import Decoder
from respstream._pure.json import locate
from respstream._pure.rows import response_row
from respstream._pure.sse import SseDecoder

__all__ = ["Decoder", "SseDecoder", "locate", "response_row"]
