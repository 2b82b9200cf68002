"""Detects HAR files and VCR cassettes by their first bytes."""

from __future__ import annotations

from respstream._pure.sse.lines import BOM

HEAD = 4096  # bytes at the beginning of a file that are searched for a VCR cassette
_KEYS = (b"interactions:", b"http_interactions:")
_PREAMBLE = (b"---", b"#", b"version:", b"recorded_with:")
_BLANKS = b" \t\r\n"


def detect_wrapper(head: bytes) -> str | None:
    """The format in the first bytes of a file: "har", "vcr", or "" for anything else; None if more bytes are needed."""
    text = head[: 2 * HEAD].lstrip(BOM + _BLANKS)  # `head` may be a whole log
    form = _detect_object(text[1:].lstrip(_BLANKS)) if text[:1] == b"{" else _detect_lines(text)
    return "" if form is None and len(head) >= 2 * HEAD else form


def _detect_lines(text: bytes) -> str | None:
    if not text:
        return None
    lines = text[:HEAD].split(b"\n")
    last = lines.pop()
    for line in lines:
        if line.startswith(_KEYS):
            return "vcr"
        if line.strip(_BLANKS) and not line.startswith(_PREAMBLE):
            return ""
    if last.startswith(_KEYS):
        return "vcr"
    undecided = not last.strip(_BLANKS) or last.startswith(_PREAMBLE)
    undecided = undecided or any(key.startswith(last) for key in (*_KEYS, *_PREAMBLE))
    return None if undecided and len(text) < HEAD else ""


def _detect_object(rest: bytes) -> str | None:
    """The format of an object, by its first member."""
    if not rest:
        return None
    end = rest.find(b'"', 1, 40)
    if rest[:1] != b'"' or end < 0:
        return None if rest[:1] == b'"' and len(rest) < 40 else ""
    opening = {b"log": b"{", b"interactions": b"[", b"http_interactions": b"[", b"version": b""}.get(rest[1:end])
    if opening is None:
        return ""
    value = rest[end + 1 :].lstrip(_BLANKS).removeprefix(b":").lstrip(_BLANKS)
    if not value:
        return None
    if rest[1:end] == b"version":
        return _detect_version(rest[end + 1 :][:HEAD])
    return ("har" if rest[1:end] == b"log" else "vcr") if value.startswith(opening) else ""


def _detect_version(rest: bytes) -> str | None:
    """The format of an object whose first member is a version: a cassette if interactions are next."""
    tail = rest.partition(b",")[2].lstrip(_BLANKS)
    keys = (b'"interactions"', b'"http_interactions"')
    if tail.startswith(keys):
        return "vcr"
    return None if len(rest) < 40 and any(key.startswith(tail) for key in keys) else ""
