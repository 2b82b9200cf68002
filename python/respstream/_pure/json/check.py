"""JSON as RFC 8259 has it: check, decode, locate, write.

The standard library's decoder does the work where it can. What it accepts too much (NaN), what it cannot bound
(nesting) and what depends on the interpreter's settings (digits of an integer, recursion) is settled here, so that the
verdict on a text depends on its bytes alone:

* any syntax error makes a text bad, even one that is over a limit too;
* else nesting over `DEPTH_LIMIT`, an integer of over `DIGIT_LIMIT` digits or a size of over `SIZE_LIMIT` bytes puts it
  over the limits.

Invalid UTF-8 inside strings is no syntax error: it reads as U+FFFD and makes the text *odd*, as a lone surrogate does.
"""

from __future__ import annotations

import json as _json
import re
import sys
from collections.abc import Callable, Iterator
from itertools import accumulate
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.encoder import encode_basestring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, Literal, NoReturn, TypeAlias

    State: TypeAlias = Literal["open", "whole", "broken"]

DEPTH_LIMIT: Final = 256
DIGIT_LIMIT: Final = 4300
SIZE_LIMIT: Final = 2**32 - 1  # the Rust twin keeps spans in 32 bits

_SPACE: Final = b" \t\n\r"
_TOKEN = re.compile(
    rb"""[ \t\n\r]*+(?:
        (?P<mark>[{}\[\],:])
      | (?P<string>"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")
      | (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?)
      | (?P<word>true|false|null)
    )""",
    re.VERBOSE,
)
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F])|.)", re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"{}[]"))
_STEPS: Final = {0x7B: 1, 0x5B: 1, 0x7D: -1, 0x5D: -1}
_WORDS: Final = {b"true": True, b"false": False, b"null": None}


class BadJson(ValueError):  # noqa: N818
    """The text is not JSON by RFC 8259."""


class LimitExceeded(ValueError):  # noqa: N818
    """The text is JSON, but nested too deep or with too long an integer."""


class Number(str):
    """A number that keeps its text, as `parse_exact` gives it and `dumps` writes it."""

    __slots__ = ()


# Decoding


def decode(raw: bytes) -> tuple[Any, bool]:
    """Decodes a whole JSON text to Python values; returns `(value, odd_text)`.

    `odd_text` tells that invalid UTF-8 was replaced by U+FFFD or that a lone surrogate escape stands in a string or
    key, at any depth and also where a duplicate key hides it. Lone surrogates stay in the value; `clean` replaces them.
    Raises `BadJson`, else `LimitExceeded`.
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
    text, odd = _read(raw)
    safe = size <= DIGIT_LIMIT or 0 < sys.get_int_max_str_digits() <= DIGIT_LIMIT
    value = _build(raw, text, _PLAIN if safe else _CAREFUL, _integer)
    return value, odd or _has_lone_surrogate(raw)


def loads(raw: bytes) -> Any:
    """Decodes a value, with U+FFFD for lone surrogates. Raises `ValueError` if it is bad or over the limits."""
    value, odd = decode(raw)
    return clean(value) if odd else value


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
    try:
        value = decoder.decode(text)
    except (_json.JSONDecodeError, BadJson) as error:
        raise BadJson(str(error)) from None
    except (ValueError, RecursionError):  # digits or nesting; a syntax error may still follow
        return _build_slowly(raw, integer, decoder.parse_float)
    if raw.count(b"{") + raw.count(b"[") > DEPTH_LIMIT and _depth(raw) > DEPTH_LIMIT:
        raise LimitExceeded(f"nesting of more than {DEPTH_LIMIT} levels")
    _check_size(raw)
    return value


def _depth(valid: bytes) -> int:
    brackets = _STRING.sub(b"", valid).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)


def _has_lone_surrogate(valid: bytes) -> bool:
    return b"\\u" in valid and any(match.lastindex for match in _ESCAPE.finditer(valid))


def _reject(constant: str) -> NoReturn:
    raise BadJson(f"{constant} is not JSON")


def _check_size(raw: bytes) -> None:
    if len(raw) > SIZE_LIMIT:
        raise LimitExceeded(f"a text of more than {SIZE_LIMIT} bytes")


def _check_digits(text: str) -> None:
    if len(text) - text.startswith("-") > DIGIT_LIMIT:
        raise LimitExceeded(f"an integer of more than {DIGIT_LIMIT} digits")


def _integer(text: str) -> int:
    """Reads an integer literal whatever the interpreter's own limit, which is never under 640 digits."""
    _check_digits(text)
    size, digits, value = 600, text.removeprefix("-"), 0
    for start in range(0, len(digits), size):
        piece = digits[start : start + size]
        value = value * 10 ** len(piece) + int(piece)
    return -value if text.startswith("-") else value


def _exact_integer(text: str) -> Number:
    _check_digits(text)
    return Number(text)


_PLAIN = _json.JSONDecoder(parse_constant=_reject)
_SCAN = _PLAIN.scan_once  # type: ignore[attr-defined]
_CAREFUL = _json.JSONDecoder(parse_constant=_reject, parse_int=_integer)
_EXACT = _json.JSONDecoder(parse_constant=_reject, parse_int=Number, parse_float=Number)
_EXACT_CAREFUL = _json.JSONDecoder(parse_constant=_reject, parse_int=_exact_integer, parse_float=Number)


# The grammar, token by token: for texts that are too deep for recursion, and for texts that come in lines


def _tokens(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Gives `(kind, text)` of each token; the kind of a mark is the mark itself, of what is no token `bad`."""
    position = 0
    while match := _TOKEN.match(raw, position):
        kind = match.lastgroup or ""
        token = match[kind]
        yield (token.decode() if kind == "mark" else kind), token
        position = match.end()
    if rest := raw[position:].strip(_SPACE):
        yield "bad", rest


class _Grammar:
    """What may come next. `open` holds the marks that would close what is open, outermost first."""

    __slots__ = ("expects", "open")

    def __init__(self) -> None:
        self.open: list[str] = []
        self.expects = "value"

    def step(self, kind: str) -> bool:
        """Takes the kind of a token; false if it cannot stand here."""
        if kind in {"}", "]"}:
            return self._close(kind)
        if kind in {",", ":"}:
            return self._separate(kind)
        if kind == "string" and self.expects in {"key", "first key"}:
            self.expects = "colon"
            return True
        if kind == "bad" or self.expects not in {"value", "first value"}:
            return False
        self.expects = {"{": "first key", "[": "first value"}.get(kind) or self._after_value()
        if kind in {"{", "["}:
            self.open.append("}" if kind == "{" else "]")
        return True

    def _after_value(self) -> str:
        return "next" if self.open else "end"

    def _close(self, mark: str) -> bool:
        empty = "first key" if mark == "}" else "first value"
        if self.expects not in {"next", empty} or self.open[-1] != mark:
            return False
        self.open.pop()
        self.expects = self._after_value()
        return True

    def _separate(self, mark: str) -> bool:
        if self.expects != ("colon" if mark == ":" else "next"):
            return False
        self.expects = "key" if mark == "," and self.open[-1] == "}" else "value"
        return True


class _Builder:
    """Makes the value from the tokens, which the grammar has let pass."""

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
    """Decodes without recursion; tells a syntax error before a limit wherever it stands."""
    grammar, builder, excess = _Grammar(), _Builder(), None
    for kind, token in _tokens(raw):
        if not grammar.step(kind):
            raise BadJson(f"{token[:20].decode(errors='replace')!r} cannot stand here")
        if kind in {"}", "]"}:
            builder.stack.pop()
        elif kind == "string" and grammar.expects == "colon":
            builder.key = _string(token)
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
    _check_size(raw)
    return builder.root[0]


def _scalar(kind: str, token: bytes, integer: Callable[[str], Any], real: Callable[[str], Any]) -> Any:
    if kind == "string":
        return _string(token)
    if kind == "word":
        return _WORDS[token]
    if kind == "number":
        whole = token.lstrip(b"-").isdigit()
        return (integer if whole else real)(token.decode())
    return {} if kind == "{" else []


def _string(quoted: bytes) -> str:
    text: str = scanstring(quoted.decode(errors="replace"), 1, False)[0]
    return text


class LineCheck:
    """Checks a JSON text that comes line by line, without CR or LF, as if the lines were joined by newlines.

    `open`: a valid beginning, or only white space so far. `whole`: exactly one value and white space. `broken`: no
    further line can make it JSON. No token spans lines, so each line is read on its own and once. Limits do not matter.
    """

    __slots__ = ("_grammar", "is_object", "state")

    def __init__(self) -> None:
        self._grammar = _Grammar()
        self.state: State = "open"
        self.is_object = False  # the first character that is not white space is "{"

    def push(self, line: bytes) -> State:
        """Takes the next line; returns the new `state`."""
        if self.state == "broken" or not line.strip(_SPACE):
            return self.state
        grammar = self._grammar
        if not grammar.open and grammar.expects == "value":
            self.is_object = line.lstrip(_SPACE).startswith(b"{")
            if _is_whole(line):
                grammar.expects = "end"
                self.state = "whole"
                return self.state
        if not all(grammar.step(kind) for kind, _ in _tokens(line)):
            grammar.open.clear()
            self.state = "broken"
        else:
            self.state = "whole" if grammar.expects == "end" else "open"
        return self.state

    def closers(self) -> bytes:
        """The brackets that would close what is open, innermost first; none when broken."""
        return "".join(reversed(self._grammar.open)).encode()


def _is_whole(line: bytes) -> bool:
    """Tells in little time that a line is a whole value; false means unknown."""
    try:
        _PLAIN.decode(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return False
    return True


# Members of an object, without building it

_SKIP = _json.JSONDecoder(strict=False).scan_once  # type: ignore[attr-defined]
_KEY = re.compile(rb'[ \t\n\r]*+("(?:[^"\\]++|\\.)*+")[ \t\n\r]*+:[ \t\n\r]*+', re.DOTALL)
_FLAT_VALUE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[^ \t\n\r,{}\[\]":]++|\[[^\[\]{}"]*+\]|\{[ \t\n\r]*+\}', re.DOTALL)
_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
_MARK = re.compile(rb"[ \t\n\r]*+([{}\[\],])")
_SPACES = re.compile(rb"[ \t\n\r]*+")


def locate(raw: bytes) -> dict[str, tuple[int, int]]:
    """Byte spans `(start, end)` of the values of the top-level members of a valid object; the last duplicate wins.

    The object may be over the limits of depth and digits. Raises `BadJson` where the bytes do not read as an object; it is no full check.
    """
    _check_size(raw)
    spans: dict[str, tuple[int, int]] = {}
    text = ""
    position = _mark(raw, 0, b"{")
    key = _KEY.match(raw, position)
    if key is None:
        _mark(raw, position, b"}")
    while key is not None:
        start = key.end()
        value = _FLAT_VALUE.match(raw, start)
        if value is None:
            text = text or raw.decode("latin-1")  # one character a byte
        end = value.end() if value else _skip_container(raw, text, start)
        spans[_key(key[1])] = start, end
        mark = _mark(raw, end, b",}")
        key = _KEY.match(raw, mark) if raw[mark - 1] == 0x2C else None
    return spans


def elements(raw: bytes) -> list[tuple[int, int]]:
    """Byte spans of the elements of a valid array. As `locate` otherwise."""
    _check_size(raw)
    spans: list[tuple[int, int]] = []
    start = _SPACES.match(raw, _mark(raw, 0, b"[")).end()  # type: ignore[union-attr]
    if raw[start : start + 1] == b"]":
        return spans
    text = raw.decode("latin-1")
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


def _skip_container(raw: bytes, text: str, start: int) -> int:
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
        depth += _STEPS.get(raw[match.start()], 0)
        if depth <= 0:
            return match.end()
    raise BadJson(f"the value at byte {start} does not end")


def _key(quoted: bytes) -> str:
    if quoted.isascii() and b"\\" not in quoted:
        return quoted[1:-1].decode()
    return clean_text(_string(quoted))


# Text and writing


def clean_text(text: str) -> str:
    """Merges surrogate pairs; replaces each lone surrogate by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def join_text(pieces: list[str]) -> str:
    """Joins pieces of text; a surrogate pair that two pieces share becomes its character, a lone surrogate U+FFFD."""
    return clean_text("".join(pieces))


def clean(value: Any) -> Any:
    """The value with `clean_text` applied to its strings and keys, at any depth; itself if there is nothing to do."""
    containers = [value]
    for container in containers:  # grows: parents come before their children
        if isinstance(container, dict | list):
            children = container.values() if isinstance(container, dict) else container
            containers.extend(child for child in children if isinstance(child, dict | list))
    cleaned: dict[int, Any] = {}

    def swap(child: Any) -> Any:
        return clean_text(child) if isinstance(child, str) else cleaned.get(id(child), child)

    for container in reversed(containers):
        new = swap(container)
        if isinstance(container, dict):
            new = {clean_text(key): swap(child) for key, child in container.items()}
            same = all(a is b for a, b in zip(new, container, strict=False))
            same = same and all(a is b for a, b in zip(new.values(), container.values(), strict=False))
            new = container if same and len(new) == len(container) else new
        elif isinstance(container, list):
            new = [swap(child) for child in container]
            new = container if all(a is b for a, b in zip(new, container, strict=True)) else new
        cleaned[id(container)] = new
    return cleaned[id(value)]


def dumps(value: Any) -> str:
    """Canonical JSON of a tree that `parse_exact` made: no white space, only needed escapes, numbers verbatim."""
    out: list[str] = []
    work: list[Any] = [_write(value, out)]
    while work:
        child = next(work[-1], _END)
        if child is _END:
            work.pop()
        else:
            work.append(_write(child, out))
    return "".join(out)


_END = object()
_CONSTANTS: Final = {None: "null", True: "true", False: "false"}


def _write(value: Any, out: list[str]) -> Iterator[Any]:
    """Writes a value, but gives the values inside it to be written by the caller where they stand."""
    if isinstance(value, dict):
        comma = "{"
        for key, child in value.items():
            out.append(f"{comma}{encode_basestring(key)}:")
            yield child
            comma = ","
        out.append("}" if value else "{}")
    elif isinstance(value, list):
        comma = "["
        for child in value:
            out.append(comma)
            yield child
            comma = ","
        out.append("]" if value else "[]")
    elif isinstance(value, Number):
        out.append(value)
    elif isinstance(value, str):
        out.append(encode_basestring(value))
    else:
        out.append(_CONSTANTS[value] if value is None or isinstance(value, bool) else str(value))
