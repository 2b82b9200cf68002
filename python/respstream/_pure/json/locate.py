"""Finds the members of an object and the elements of an array without building their values."""

from __future__ import annotations

import json as _json
import re

from respstream._last_located import Latest
from respstream._pure.json.limits import check_size, is_deep
from respstream._pure.json.strings import clean_text, unquote
from respstream._pure.json.types import BRACKET_STEPS, BadJson

_SKIP = _json.JSONDecoder(strict=False).scan_once  # type: ignore[attr-defined]
_FLAT = rb'"(?:[^"\\]++|\\.)*+"|[^ \t\n\r,{}\[\]":]++|\[[^\[\]{}"]*+\]|\{[ \t\n\r]*+\}'
_FLAT_VALUE = re.compile(_FLAT, re.DOTALL)
# A key; and its value and the mark behind it, if the value is no container with others inside.
_MEMBER = re.compile(
    rb'[ \t\n\r]*+("(?:[^"\\]++|\\.)*+")[ \t\n\r]*+:[ \t\n\r]*+(?:(' + _FLAT + rb")[ \t\n\r]*+([,}]))?+", re.DOTALL
)
_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
_MARK = re.compile(rb"[ \t\n\r]*+([{}\[\],])")
_SPACES = re.compile(rb"[ \t\n\r]*+")
_KEPT_KEYS, _KEY_SIZE = 512, 32
_KEYS: dict[bytes, str] = {}
"""The first plain keys that were decoded: so many, up to this size."""


def locate(raw: bytes) -> dict[str, tuple[int, int]]:
    """Byte spans `(start, end)` of the values of the top-level members of a valid object; the last duplicate wins.

    The object may exceed the limits of depth and digits. Raises `BadJson` if the bytes do not read as an object, but does
    not check the whole grammar.
    """
    check_size(raw)
    spans: dict[str, tuple[int, int]] = {}
    text: str | None = None
    position = _mark(raw, 0, b"{")
    member = _MEMBER.match(raw, position)
    if member is None:
        _mark(raw, position, b"}")
    while member is not None:
        quoted, value, mark = member.groups()
        position = member.end()
        if value is not None:
            spans[_KEYS.get(quoted) or _key(quoted)] = member.span(2)
        else:
            start = position
            flat = _FLAT_VALUE.match(raw, start)
            if flat is None and text is None:
                text = _skippable(raw)
            end = flat.end() if flat else _skip_container(raw, text or "", start)
            spans[_KEYS.get(quoted) or _key(quoted)] = start, end
            position = _mark(raw, end, b",}")
            mark = raw[position - 1 : position]
        member = _MEMBER.match(raw, position) if mark == b"," else None
    return spans


located = Latest(locate)


def elements(raw: bytes) -> list[tuple[int, int]]:
    """Byte spans of the elements of a valid array. As `locate` otherwise."""
    check_size(raw)
    spans: list[tuple[int, int]] = []
    start = _SPACES.match(raw, _mark(raw, 0, b"[")).end()  # type: ignore[union-attr]
    if raw[start : start + 1] == b"]":
        return spans
    text = _skippable(raw)
    more = True
    while more:
        value = _FLAT_VALUE.match(raw, start)
        end = value.end() if value else _skip_container(raw, text, start)
        spans.append((start, end))
        mark = _mark(raw, end, b",]")
        more = raw[mark - 1] == 0x2C
        start = _SPACES.match(raw, mark).end()  # type: ignore[union-attr]
    return spans


def _mark(raw: bytes, position: int, marks: bytes) -> int:
    """The position after the mark that must come next."""
    match = _MARK.match(raw, position)
    if match is None or match[1] not in marks:
        raise BadJson(f"expected one of {marks.decode()!r} after byte {position}")
    return match.end()


def _skippable(raw: bytes) -> str:
    """The text with one character per byte, for a recursive scanner; empty if it is nested too deep for one."""
    return "" if is_deep(raw) else raw.decode("latin-1")


def _skip_container(raw: bytes, text: str, start: int) -> int:
    if not text:
        return _skip_brackets(raw, start)
    try:
        end: int = _SKIP(text, start)[1]
    except (StopIteration, _json.JSONDecodeError):
        raise BadJson(f"the value at byte {start} is not JSON") from None
    except (ValueError, RecursionError):
        end = _skip_brackets(raw, start)
    return end


def _skip_brackets(raw: bytes, start: int) -> int:
    depth = 0
    for match in _BRACKET.finditer(raw, start):
        depth += BRACKET_STEPS.get(raw[match.start()], 0)
        if depth <= 0:
            return match.end()
    raise BadJson(f"the value at byte {start} does not end")


def _key(quoted: bytes) -> str:
    if not quoted.isascii() or b"\\" in quoted:
        return clean_text(unquote(quoted))
    key = quoted[1:-1].decode()
    if len(quoted) <= _KEY_SIZE and len(_KEYS) < _KEPT_KEYS:
        _KEYS[quoted] = key
    return key
