"""Decodes the value of a field: base64, and gzip inside it, both detected from the content."""

from __future__ import annotations

import binascii
import re
import zlib

GZIP = b"\x1f\x8b"
MAX_DECODED_BYTES = 1 << 28  # of one field
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_STARTS = (b"event:", b"data:", b"id:", b"retry:", b": ", b'{"', b"[{", GZIP)
_FAULT = ("bad_compression", "the gzip data in the field is corrupt, truncated or too large")

Decoded = tuple[bytes, bool, tuple[str, str] | None]


def decoded(data: bytes, kind: str, *, continues: bool) -> Decoded:
    """The decoded bytes of a field, whether it was base64, and the problem if any: a diagnostic code and a reason.

    `kind`: "text" (base64 is detected), "base64" or "bytes" (neither). `continues`: the field before it in its lane was
    base64, so that this one is decoded if it can be.
    """
    is_base64 = False
    if kind != "bytes":
        content = _base64_decoded(data)
        is_base64 = content is not None and (kind == "base64" or continues or content.startswith(_STARTS))
        if is_base64 and content is not None:
            data = content
    if data.startswith(GZIP):
        inflated = inflate(data)
        return (b"", is_base64, _FAULT) if inflated is None else (inflated, is_base64, None)
    return data, is_base64, None


def _base64_decoded(text: bytes) -> bytes | None:
    if len(text) % 4 or len(text) < 4 or not _BASE64.fullmatch(text):
        return None
    return binascii.a2b_base64(text)


def inflate(data: bytes) -> bytes | None:
    """The decompressed bytes of all members of gzip data; None if it is corrupt, truncated or too large."""
    content = b""
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            content += member.decompress(data, MAX_DECODED_BYTES - len(content) + 1)
        except zlib.error:
            return None
        if not member.eof or len(content) > MAX_DECODED_BYTES:
            return None
        data = member.unused_data.lstrip(b"\0")
    return content
