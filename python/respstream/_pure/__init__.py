"""The pure-Python twin of the extension `respstream._native`: the same names, the same answers, slower."""

from __future__ import annotations

from respstream._pure.decoder import Decoder
from respstream._pure.json import locate
from respstream._pure.rows import response_row
from respstream._pure.sse import SseDecoder

SEARCHED = 0
"""Objects up to this size are searched anew for each member that is read (by `read_member`, which only the extension has)."""

__all__ = ["SEARCHED", "Decoder", "SseDecoder", "locate", "response_row"]
