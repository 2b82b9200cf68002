"""Checks and decodes a whole JSON text, as RFC 8259 defines it.

The standard library's decoder does the work where it can. Three things are decided here, so that the result depends on
the bytes alone: NaN and Infinity, which it accepts; nesting, which it does not bound; and the digits of an integer, which
depend on the interpreter's settings. `types` defines the limits.

Invalid UTF-8 inside strings is not a syntax error: it reads as U+FFFD.
"""

from __future__ import annotations

import json as _json
import re
import sys
from collections.abc import Callable

from respstream._pure.json.grammar import Grammar
from respstream._pure.json.lexer import tokens
from respstream._pure.json.limits import (
    DEPTH_LIMIT,
    DIGIT_LIMIT,
    SIZE_LIMIT,
    LimitExceeded,
    check_digits,
    check_size,
    is_deep,
)
from respstream._pure.json.strings import clean, unquote
from respstream._pure.json.types import BadJson, Number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, NoReturn

_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F])|.)", re.DOTALL)
_WORDS: Final = {b"true": True, b"false": False, b"null": None}


def decode(raw: bytes) -> tuple[Any, bool]:
    """Decodes a whole JSON text to Python values; returns `(value, invalid_utf8)`.

    `invalid_utf8`: whether U+FFFD replaced invalid UTF-8, or a string or key has a lone surrogate escape, at any depth,
    also where a duplicate key hides it. Lone surrogates stay in the value; `clean` replaces them. Raises `BadJson`, else
    `LimitExceeded`.
    """
    size = len(raw)
    small = size <= DIGIT_LIMIT and size <= SIZE_LIMIT
    if small and (size <= 2 * DEPTH_LIMIT or raw.count(b"{") + raw.count(b"[") <= DEPTH_LIMIT):
        try:  # nearly every payload: small, flat, and with nothing around it
            text = raw.decode()
            value, end = _SCAN(text, 0)
            if end == len(text):
                return value, 0x5C in raw and _has_lone_surrogate(raw)
        except (ValueError, StopIteration, RecursionError):
            pass
    text, invalid_utf8 = _read(raw)
    safe = size <= DIGIT_LIMIT or 0 < sys.get_int_max_str_digits() <= DIGIT_LIMIT
    value = _build(raw, text, _PLAIN if safe else _CAREFUL, _integer)
    return value, invalid_utf8 or _has_lone_surrogate(raw)


def loads(raw: bytes) -> Any:
    """Decodes a value, with U+FFFD for lone surrogates. Raises `ValueError` if it is invalid or exceeds the limits."""
    value, invalid_utf8 = decode(raw)
    return clean(value) if invalid_utf8 else value


def parse_exact(raw: bytes) -> Any:
    """Decodes as `decode` does, but each number to a `Number`. Raises `BadJson`, else `LimitExceeded`."""
    text, _ = _read(raw)
    return _build(raw, text, _EXACT if len(raw) <= DIGIT_LIMIT else _EXACT_CAREFUL, _exact_integer)


def _read(raw: bytes) -> tuple[str, bool]:
    try:
        return raw.decode(), False
    except UnicodeDecodeError:
        return raw.decode(errors="replace"), True


def _build(raw: bytes, text: str, decoder: _json.JSONDecoder, integer: Callable[[str], Any]) -> Any:
    if is_deep(raw):  # a syntax error may still follow
        return _build_slowly(raw, integer, decoder.parse_float)
    try:
        value = decoder.decode(text)
    except (_json.JSONDecodeError, BadJson) as error:
        raise BadJson(str(error)) from None
    except (ValueError, RecursionError):  # digits; or the caller's own recursion is deep
        return _build_slowly(raw, integer, decoder.parse_float)
    check_size(raw)
    return value


def _has_lone_surrogate(valid: bytes) -> bool:
    return b"\\u" in valid and any(match.lastindex for match in _ESCAPE.finditer(valid))


def _reject(constant: str) -> NoReturn:
    raise BadJson(f"{constant} is not JSON")


def _integer(text: str) -> int:
    """Reads an integer literal whatever the interpreter's own limit, which is never under 640 digits."""
    check_digits(text)
    size, digits, value = 600, text.removeprefix("-"), 0
    for start in range(0, len(digits), size):
        piece = digits[start : start + size]
        value = value * 10 ** len(piece) + int(piece)
    return -value if text.startswith("-") else value


def _exact_integer(text: str) -> Number:
    check_digits(text)
    return Number(text)


_PLAIN = _json.JSONDecoder(parse_constant=_reject)
_SCAN = _PLAIN.scan_once  # type: ignore[attr-defined]
_CAREFUL = _json.JSONDecoder(parse_constant=_reject, parse_int=_integer)
_EXACT = _json.JSONDecoder(parse_constant=_reject, parse_int=Number, parse_float=Number)
_EXACT_CAREFUL = _json.JSONDecoder(parse_constant=_reject, parse_int=_exact_integer, parse_float=Number)


# A text that is nested too deep for recursion is decoded token by token.


class _Builder:
    """Builds the value from tokens that the grammar has accepted."""

    __slots__ = ("key", "root", "stack")

    def __init__(self) -> None:
        self.root: list[Any] = []
        self.stack: list[Any] = [self.root]
        self.key = ""

    def add(self, value: Any) -> None:
        top = self.stack[-1]
        if isinstance(top, list):
            top.append(value)
        else:
            top[self.key] = value
        if isinstance(value, dict | list):
            self.stack.append(value)


def _build_slowly(raw: bytes, integer: Callable[[str], Any], real: Callable[[str], Any]) -> Any:
    """Decodes without recursion. A syntax error anywhere takes precedence over a limit."""
    grammar, builder, excess = Grammar(), _Builder(), None
    for kind, token in tokens(raw):
        if not grammar.step(kind):
            raise BadJson(f"{token[:20].decode(errors='replace')!r} is not allowed here")
        if kind in {"}", "]"}:
            builder.stack.pop()
        elif kind == "string" and grammar.expects == "colon":
            builder.key = unquote(token)
        elif kind not in {",", ":"}:
            try:
                builder.add(_scalar(kind, token, integer, real))
            except LimitExceeded as error:
                excess = error
        if len(grammar.open) > DEPTH_LIMIT:
            excess = LimitExceeded(f"nesting of more than {DEPTH_LIMIT} levels")
    if grammar.expects != "end":
        raise BadJson("the text ends inside a value")
    if excess is not None:
        raise excess
    check_size(raw)
    return builder.root[0]


def _scalar(kind: str, token: bytes, integer: Callable[[str], Any], real: Callable[[str], Any]) -> Any:
    if kind == "string":
        return unquote(token)
    if kind == "word":
        return _WORDS[token]
    if kind == "number":
        whole = token.lstrip(b"-").isdigit()
        return (integer if whole else real)(token.decode())
    return {} if kind == "{" else []


def is_whole(line: bytes) -> bool:
    """Whether a line is a whole value, found quickly; False means unknown."""
    if is_deep(line):
        return False
    try:
        _PLAIN.decode(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return False
    return True
