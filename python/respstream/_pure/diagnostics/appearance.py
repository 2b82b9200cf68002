"""What a source without responses looks like by its first bytes, and what to do about it."""

from __future__ import annotations

import re

SAMPLE = 16384
"""The number of bytes of a source that are examined."""

RECORDINGS = {"har": "the HAR file has no stream of a response", "vcr": "the VCR cassette has no stream of a response"}
"""What recordings without responses look like, by format."""

_DATA = tuple(
    start + json
    for json in (b'{"type"', b'{"id"', b'{"choices"')
    for start in (b"data: ", b"data:")
)  # fmt: skip
_JSON_LINES = (b'{"type":"response.', b'{"type": "response.')
_EVENT_LINE = re.compile(rb"event: ?response\.[a-z0-9_.]+\Z")
_PREFIX = 200  # bytes of the longest line prefix
_SEPARATORS = (b",", b";", b"\t")
_MONTH = re.compile(rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +[0-9]+")
_WORDS = re.compile(rb"[0-9A-Za-z.,:/-]+|[^0-9A-Za-z.,:/-]")
_TIME = re.compile(rb"[0-9]+[:/-][0-9]|[0-9]{9}")  # the beginning of a date, a time or seconds since the epoch
_NUMBERS = re.compile(rb"[0-9]+|[^0-9]")
_SPECIAL = b".^$*+?()[]{}|\\"
_ADJACENT = re.compile(rb'}{"[A-Za-z]')  # which valid JSON never contains


def appearance(head: bytes) -> str:
    """What a source looks like, as the end of a sentence. `head`: its first bytes, at most `SAMPLE`."""
    encoding = _utf16(head)
    if encoding is not None:
        return f"this looks like UTF-16; use `--encoding {encoding}`"
    if b"\0" in head:
        return "this looks like binary data"
    text = head.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    if not text:
        return "the source is empty"
    lines = [line for line in text.replace(b"\r", b"\n").split(b"\n") if line]
    found = _behind_prefix(lines)
    if found is not None:
        return found
    return _of_json(lines[0]) if text.startswith((b"{", b"[")) else _of_text(text, lines)


def _of_json(line: bytes) -> str:
    if line.startswith(b"{") and b'"MESSAGE"' in line:
        return "this looks like JSON of journald; write the messages alone with `jq -r .MESSAGE`"
    if line.startswith(b"{") and are_adjacent_objects(line):
        return "this looks like JSON objects without line breaks between them; pass each to `Decoder.message`"
    return "this looks like JSON without events of a response; if a field contains the stream, name it with `--field`"


def are_adjacent_objects(line: bytes) -> bool:
    """Whether a line has several JSON objects without anything between them, as joined messages have."""
    return _ADJACENT.search(line) is not None


def _of_text(text: bytes, lines: list[bytes]) -> str:
    if text.startswith(b"<"):
        return "this looks like HTML or XML"
    if _is_csv(lines):
        return "this looks like CSV; extract the column that contains the stream"
    if text.startswith((b"data:", b"event:", b"id:", b":")):
        return "this looks like SSE without events of a response"
    return "this looks like text without SSE fields"


def _utf16(head: bytes) -> str | None:
    """The kind of UTF-16: by its byte order mark, or if every other byte of the beginning is zero."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    first, second = head[0:64:2].count(0), head[1:64:2].count(0)
    pairs = len(head[1:64:2])
    if pairs < 4 or min(first, second) > 0 or max(first, second) < pairs:
        return None
    return "utf-16-be" if first else "utf-16-le"


def _is_csv(lines: list[bytes]) -> bool:
    """Whether the first two lines have the same number of separators."""
    first, second = (*lines, b"", b"")[:2]
    return any(0 < first.count(sign) == second.count(sign) for sign in _SEPARATORS)


# -- line prefixes -----------------------------------------------------------------------------------------------------


def _behind_prefix(lines: list[bytes]) -> str | None:
    """The description of a stream behind a prefix of each line; None if no line looks like that."""
    for line in lines:
        for what, place in (("SSE", _field(line)), ("JSON Lines", _first(line, _JSON_LINES))):
            if place > 0:
                shown = "".join(c if c.isprintable() else "\ufffd" for c in line[:place].decode("ascii", "replace"))
                pattern = prefix_pattern(line[:place])
                return f"this looks like {what} behind a line prefix `{shown}`; use `--strip-prefix '{pattern}'`"
    return None


def _field(line: bytes) -> int:
    """The position of an SSE field of an event in a line; -1 if there is none near its start."""
    found = _EVENT_LINE.search(line[: 2 * _PREFIX])
    if found is not None and found.start() <= _PREFIX:
        return found.start()
    return _first(line, _DATA)


def _first(line: bytes, starts: tuple[bytes, ...]) -> int:
    places = [place for start in starts if 0 <= (place := line[: _PREFIX + 20].find(start)) <= _PREFIX]
    return min(places, default=-1)


def prefix_pattern(prefix: bytes) -> str:
    """A regular expression for a prefix and for those of other lines, in single quotes of a shell.

    Times may differ: in words that begin with a digit and look like one, each number stands for any number. Other numbers
    may be those of processes, whose lines are not mixed. Blanks at the end may be missing.
    """
    month = _MONTH.match(prefix)
    body = prefix.rstrip(b" ")
    blanks = len(prefix) - len(body)
    found = [] if month is None else [r"[A-Z][a-z]{2} +\d+"]
    for word in _WORDS.findall(body if month is None else body[month.end() :]):
        if _TIME.match(word):
            found += [r"\d+" if part.isdigit() else _escaped(part) for part in _NUMBERS.findall(word)]
        else:
            found += [_escaped(word[at : at + 1]) for at in range(len(word))]
    return "".join(found) + (f" {{0,{blanks}}}" if blanks > 1 else " ?" * blanks)


def _escaped(char: bytes) -> str:
    if char in _SPECIAL:
        return "\\" + char.decode()
    return char.decode() if b" " <= char <= b"~" and char != b"'" else f"\\x{char[0]:02x}"
