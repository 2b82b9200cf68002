"""Decodes the value of a field: base64, and gzip inside it, both detected from the content."""

from __future__ import annotations

import binascii
import re
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

GZIP = b"\x1f\x8b"
MAX_DECODED_BYTES = 1 << 28  # of one field
_STEP_BYTES, _PIECE_BYTES = 1 << 13, 1 << 18  # of one call of zlib: its input and its output
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
        content = base64_decoded(data)
        is_base64 = content is not None and (kind == "base64" or continues or content.startswith(_STARTS))
        if is_base64 and content is not None:
            data = content
    if data.startswith(GZIP):
        inflated = inflate(data)
        return (b"", is_base64, _FAULT) if inflated is None else (inflated, is_base64, None)
    return data, is_base64, None


def base64_decoded(text: bytes) -> bytes | None:
    """The decoded bytes; None if the text is not base64."""
    if len(text) % 4 or len(text) < 4 or not _BASE64.fullmatch(text):
        return None
    return binascii.a2b_base64(text)


def inflate(data: bytes) -> bytes | None:
    """The decompressed bytes of all members of gzip data; None if it is corrupt, truncated or too large."""
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in _inflated(data):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_DECODED_BYTES:
                return None
    except (zlib.error, EOFError):
        return None
    return b"".join(pieces)


def inflated_head(data: bytes) -> bytes:
    """The first bytes of a field, decompressed if it is gzip; as many as there are before corrupt data."""
    if not data.startswith(GZIP):
        return data[:_STEP_BYTES]
    try:
        return next(filter(None, _inflated(data[:_STEP_BYTES])), b"")
    except (zlib.error, EOFError):
        return b""


def _inflated(data: bytes) -> Iterator[bytes]:
    """The content of all members, in pieces. Raises zlib.error, and EOFError if the last member is truncated."""
    member = zlib.decompressobj(wbits=31)
    for start in range(0, len(data), _STEP_BYTES):  # a member leaves the rest of its input, a copy
        rest = data[start : start + _STEP_BYTES]
        while rest:
            if member.eof:  # padding of zeros may follow a member
                rest = rest.lstrip(b"\0")
                member = zlib.decompressobj(wbits=31) if rest else member
            if not rest:
                break
            yield member.decompress(rest, _PIECE_BYTES)
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise EOFError
