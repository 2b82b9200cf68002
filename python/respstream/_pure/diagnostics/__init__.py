"""The diagnostics of a source, and the error bodies of an HTTP API."""

from __future__ import annotations

from respstream._pure.diagnostics.appearance import RECORDINGS, SAMPLE, appearance
from respstream._pure.diagnostics.error_body import (
    detail_error,
    error_body,
    error_detail,
    error_member,
    error_object,
    is_error_object,
)
from respstream._pure.diagnostics.store import MAX_STORED, Store

__all__ = [
    "MAX_STORED",
    "RECORDINGS",
    "SAMPLE",
    "Store",
    "appearance",
    "detail_error",
    "error_body",
    "error_detail",
    "error_member",
    "error_object",
    "is_error_object",
]
