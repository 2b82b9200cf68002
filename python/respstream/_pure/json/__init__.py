"""JSON as RFC 8259 defines it: check, decode, locate, write."""

from __future__ import annotations

from respstream._pure.json.canonical import dumps
from respstream._pure.json.check import decode, loads, parse_exact
from respstream._pure.json.incremental import LineCheck
from respstream._pure.json.limits import DEPTH_LIMIT, DIGIT_LIMIT, SIZE_LIMIT, LimitExceeded
from respstream._pure.json.locate import elements, locate, located
from respstream._pure.json.strings import SplitPairs, clean, clean_text, join_text, text_member
from respstream._pure.json.types import BadJson, Number

__all__ = [
    "DEPTH_LIMIT", "DIGIT_LIMIT", "SIZE_LIMIT", "BadJson", "LimitExceeded", "LineCheck", "Number", "SplitPairs", "clean", "clean_text",
    "decode", "dumps", "elements", "join_text", "loads", "locate", "located", "parse_exact", "text_member",
]  # fmt: skip
