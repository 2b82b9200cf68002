"""Bytes to parsed events and assembled responses."""

from __future__ import annotations

from respstream._pure.decoder.decoder import Decoder, as_bytes

__all__ = ["Decoder", "as_bytes"]
