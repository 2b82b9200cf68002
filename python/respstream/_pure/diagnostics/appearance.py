"""What a source without responses looks like by its first bytes, and what to do about it."""

from __future__ import annotations

SAMPLE = 16384
"""The number of bytes of a source that are examined."""

_STREAM = (
    b"event: response.",
    b"event:response.",
    b'data: {"type"',
    b'data:{"type"',
    b'data: {"id"',
    b'data: {"choices"',
)
_PREFIX = 200  # bytes of the longest line prefix
_SEPARATORS = (b",", b";", b"\t")


def appearance(head: bytes) -> str:
    """What a source looks like, as the end of a sentence. `head`: its first bytes, at most `SAMPLE`."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or _is_utf16(head):
        return "this looks like UTF-16; convert it with `iconv -f UTF-16 -t UTF-8`"
    if b"\0" in head:
        return "this looks like binary data"
    text = head.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    if not text:
        return "the source is empty"
    lines = [line for line in text.replace(b"\r", b"\n").split(b"\n") if line]
    return _of_json(lines[0]) if text.startswith((b"{", b"[")) else _of_text(text, lines)


def _of_json(line: bytes) -> str:
    if line.startswith(b"{") and b'"MESSAGE"' in line:
        return "this looks like JSON of journald; write the messages alone with `jq -r .MESSAGE`"
    return "this looks like JSON without events of a response; if a field contains the stream, name it with `--field`"


def _of_text(text: bytes, lines: list[bytes]) -> str:
    prefix = _line_prefix(lines)
    if prefix is not None:
        return _behind(prefix)
    if text.startswith(b"<"):
        return "this looks like HTML or XML"
    if _is_csv(lines):
        return "this looks like CSV; extract the column that contains the stream"
    if text.startswith((b"data:", b"event:", b"id:", b":")):
        return "this looks like SSE without events of a response"
    return "this looks like text without SSE fields"


def _is_utf16(head: bytes) -> bool:
    """Whether every other byte of the beginning is zero."""
    first, second = head[0:64:2].count(0), head[1:64:2].count(0)
    pairs = len(head[1:64:2])
    return pairs >= 4 and min(first, second) == 0 and max(first, second) == pairs


def _line_prefix(lines: list[bytes]) -> bytes | None:
    """The bytes before the field of the first line that has an SSE field behind a prefix."""
    for line in lines:
        places = [place for start in _STREAM if (place := line[: _PREFIX + 16].find(start)) > 0]
        if places:
            return line[: min(places)]
    return None


def _behind(prefix: bytes) -> str:
    shown = "".join(char if char.isprintable() else "\ufffd" for char in prefix.decode("ascii", "replace"))
    where = f"the first {len(prefix)} bytes of each line, for example with `cut -b {len(prefix) + 1}-`"
    return f"this looks like SSE behind a line prefix `{shown}`; remove {where}"


def _is_csv(lines: list[bytes]) -> bool:
    """Whether the first two lines have the same number of separators."""
    first, second = (*lines, b"", b"")[:2]
    return any(0 < first.count(sign) == second.count(sign) for sign in _SEPARATORS)
