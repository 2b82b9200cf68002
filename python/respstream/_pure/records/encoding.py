"""What is packed inside a field: base64, and gzip inside it. Both are seen by what they hold."""

from __future__ import annotations

import binascii
import re
import zlib

GZIP = b"\x1f\x8b"
MOST = 1 << 28  # bytes of what one field may unpack to
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_STARTS = (b"event:", b"data:", b"id:", b"retry:", b": ", b'{"', b"[{", GZIP)
_FAULT = ("bad_compression", "the gzip data inside is corrupt, cut short or too large")

Unpacked = tuple[bytes, bool, tuple[str, str] | None]


def unpacked(data: bytes, kind: str, *, known: bool) -> Unpacked:
    """The plain bytes of a field, whether it was base64, and what is wrong with it: a code and a reason, or None.

    `kind`: "text" (base64 is guessed), "base64" (it is told) or "bytes" (it is not). `known`: the text before it in its
    lane was base64, so that this one is too if it can be.
    """
    packed = False
    if kind != "bytes":
        plain = _decoded(data)
        packed = plain is not None and (kind == "base64" or known or plain.startswith(_STARTS))
        if packed and plain is not None:
            data = plain
    if data.startswith(GZIP):
        inflated = inflate(data)
        return (b"", packed, _FAULT) if inflated is None else (inflated, packed, None)
    return data, packed, None


def _decoded(text: bytes) -> bytes | None:
    if len(text) % 4 or len(text) < 4 or not _BASE64.fullmatch(text):
        return None
    return binascii.a2b_base64(text)


def inflate(data: bytes) -> bytes | None:
    """The plain bytes of gzip data, of all its members; None where it is corrupt, cut short or unpacks to too much."""
    plain = b""
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            plain += member.decompress(data, MOST - len(plain) + 1)
        except zlib.error:
            return None
        if not member.eof or len(plain) > MOST:
            return None
        data = member.unused_data.lstrip(b"\0")
    return plain
