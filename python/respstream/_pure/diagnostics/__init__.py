"""The diagnostics of a source, and the error bodies of an HTTP API."""

from __future__ import annotations

from respstream._pure.diagnostics.appearance import SAMPLE, appearance
from respstream._pure.diagnostics.error_body import error_body, error_detail, error_object
from respstream._pure.diagnostics.store import MAX_STORED, Store

__all__ = ["MAX_STORED", "SAMPLE", "Store", "appearance", "error_body", "error_detail", "error_object"]
