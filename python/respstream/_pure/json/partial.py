"""Reads JSON while it arrives: the value of an unfinished text so far.

The grammar and the limits are those of `respstream._pure.json`. Each character is read once, however the text is cut, and
nothing recurses. There are three outcomes: more text is needed (`complete` is false), the value is `complete`, or the text
can never become JSON; then each call raises ValueError.
"""

from __future__ import annotations

import re

from respstream._pure.json.check import loads
from respstream._pure.json.limits import DEPTH_LIMIT, DIGIT_LIMIT, LimitExceeded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["PartialJson"]

_SPACE = re.compile(r"[ \t\n\r]*+")
_RUN = re.compile(r'[^"\\\x00-\x1f]++')  # characters of a string without escapes
_HEX = frozenset("0123456789abcdefABCDEF")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS = {"t": "true", "f": "false", "n": "null"}
_LONE = "\ufffd"  # for a lone surrogate

# The class of each character of a number, and the next state for each state. A number may end in the states of `_ENDS`.
_CLASS = {**dict.fromkeys("123456789", "1"), "0": "0", ".": ".", "e": "e", "E": "e", "+": "+", "-": "-"}
_FRACTION, _EXPONENT = {"0": "fraction", "1": "fraction"}, {"0": "exponent", "1": "exponent"}
_NUMBER: dict[str, dict[str, str]] = {
    "start": {"-": "minus", "0": "zero", "1": "digits"},
    "minus": {"0": "zero", "1": "digits"},
    "zero": {".": "point", "e": "e"},
    "digits": {"0": "digits", "1": "digits", ".": "point", "e": "e"},
    "point": _FRACTION,
    "fraction": {**_FRACTION, "e": "e"},
    "e": {**_EXPONENT, "+": "sign", "-": "sign"},
    "sign": _EXPONENT,
    "exponent": _EXPONENT,
}
_ENDS = frozenset(("zero", "digits", "fraction", "exponent"))


class PartialJson:
    """Reads one JSON text in parts: `feed` takes the next part, `value` is the value so far.

    `value` contains the complete members, the open objects and lists, and the open string so far, with its escapes decoded.
    It leaves out an incomplete escape, the first half of a surrogate pair, a key without its value, an incomplete number and
    an incomplete word. It is None until a part of the value is known.

    `value` is one structure that grows in place with each `feed`: copy it (`copy.deepcopy`) to keep it, and do not change
    it. Of a duplicate key the last value wins; a lone surrogate reads as U+FFFD.
    """

    __slots__ = (
        "_error", "_escape", "_expects", "_high", "_key", "_number", "_offset", "_part", "_root", "_spot", "_stack",
        "_word",
    )  # fmt: skip

    def __init__(self) -> None:
        self._offset = 0
        self._error = ""
        self._root: list[Any] = []
        self._stack: list[Any] = [self._root]  # the open containers, outermost first
        self._key = ""
        # What comes next: "value" | "first value" | "first key" | "key" | "colon" | "next" | "end", or the open token:
        # "string" | "name" | "number" | "word".
        self._expects = "value"
        self._spot: tuple[Any, Any] = (self._root, 0)  # where the open string is: container and key
        self._escape = ""  # an incomplete escape
        self._high = 0  # the first half of a surrogate pair, or 0
        self._number: list[str] = []
        self._part = "start"  # of the number
        self._word = ""  # the rest of the word that must follow

    @property
    def offset(self) -> int:
        """The number of characters fed."""
        return self._offset

    @property
    def complete(self) -> bool:
        """Whether the text so far is a whole JSON text."""
        return not self._error and (self._expects == "end" or self._is_number())

    @property
    def value(self) -> Any:
        """The value so far; the whole value once the text is `complete`."""
        if self._root:
            return self._root[0]
        return self._literal(0) if self._is_number() else None

    def feed(self, text: str) -> None:
        """Takes the next part of the text.

        Raises ValueError with the position in characters if the text cannot be the beginning of JSON, nests over 256 levels
        or has an integer of over 4300 digits; each later call raises it again. `value` keeps the value before the error.
        """
        if self._error:
            raise ValueError(self._error)
        at, end = 0, len(text)
        while at < end:
            at = _READERS[self._expects](self, text, at)
        self._offset += end

    # -- between the tokens ----------------------------------------------------------------------------------------

    def _structure(self, text: str, at: int) -> int:
        """Takes white space and the mark after it, or the beginning of a token."""
        found = _SPACE.match(text, at)
        at = found.end() if found else at
        if at == len(text):
            return at
        mark = text[at]
        if mark in "}]":
            self._close(mark, at)
        elif mark in ",:":
            self._separate(mark, at)
        elif mark == '"' and self._expects in ("key", "first key"):
            self._spot = ([""], 0)
            self._expects = "name"
        elif self._expects not in ("value", "first value"):
            self._refuse(mark, at)
        else:
            return self._begin(mark, at)
        return at + 1

    def _begin(self, mark: str, at: int) -> int:
        """Takes the beginning of a value; returns the position after it."""
        if mark == '"':
            self._add("")
            self._spot = (self._stack[-1], self._key if isinstance(self._stack[-1], dict) else -1)
            self._expects = "string"
        elif mark in "{[":
            if len(self._stack) > DEPTH_LIMIT:
                self._fail(f"nesting of more than {DEPTH_LIMIT} levels", at)
            opened: Any = {} if mark == "{" else []
            self._add(opened)
            self._stack.append(opened)
            self._expects = "first key" if mark == "{" else "first value"
        elif mark in _WORDS:
            self._word = _WORDS[mark]
            self._number = [self._word]
            self._expects = "word"
            return at
        elif mark in _CLASS:
            self._number, self._part = [], "start"
            self._expects = "number"
            return at
        else:
            self._refuse(mark, at)
        return at + 1

    def _add(self, value: Any) -> None:
        container = self._stack[-1]
        if isinstance(container, dict):
            container[self._key] = value
        else:
            container.append(value)

    def _value_ended(self) -> None:
        self._expects = "next" if len(self._stack) > 1 else "end"

    def _close(self, mark: str, at: int) -> None:
        empty, kind = ("first key", dict) if mark == "}" else ("first value", list)
        if self._expects not in ("next", empty) or not isinstance(self._stack[-1], kind):
            self._refuse(mark, at)
        self._stack.pop()
        self._value_ended()

    def _separate(self, mark: str, at: int) -> None:
        if self._expects != ("colon" if mark == ":" else "next"):
            self._refuse(mark, at)
        self._expects = "key" if mark == "," and isinstance(self._stack[-1], dict) else "value"

    # -- strings ---------------------------------------------------------------------------------------------------

    def _string(self, text: str, at: int) -> int:
        """Continues the open string.

        The string is removed from its container meanwhile: CPython appends to a string with one reference without a copy.
        """
        container, key = self._spot
        grown = container[key]
        container[key] = None
        try:
            while at < len(text):
                run = None if self._escape else _RUN.match(text, at)
                if run is not None:
                    grown += self._lone() + run[0]
                    at = run.end()
                elif self._escape or text[at] == "\\":
                    piece, at = self._unescape(text, at)
                    grown += piece
                elif text[at] == '"':
                    grown += self._lone()
                    break
                else:
                    self._fail("a control character in a string", at)
        finally:
            container[key] = grown
        return self._string_ended(grown, at) if at < len(text) else at

    def _string_ended(self, text: str, at: int) -> int:
        if self._expects == "name":
            self._key = text
            self._expects = "colon"
        else:
            self._value_ended()
        self._spot = (self._root, 0)
        return at + 1

    def _lone(self) -> str:
        """The replacement of a high surrogate without a low one."""
        if not self._high:
            return ""
        self._high = 0
        return _LONE

    def _unescape(self, text: str, at: int) -> tuple[str, int]:
        """Continues an escape; returns its text, "" while it is incomplete, and the next position."""
        if not self._escape:
            self._escape = "\\"
            return "", at + 1
        if self._escape == "\\" and text[at] != "u":
            plain = _ESCAPES.get(text[at])
            if plain is None:
                self._fail(f"\\{text[at]} is not an escape", at)
            self._escape = ""
            return self._lone() + plain, at + 1
        if len(self._escape) > 1 and text[at] not in _HEX:
            self._fail("an escape needs four hexadecimal digits", at)
        self._escape += text[at]
        if len(self._escape) < 6:
            return "", at + 1
        unit, self._escape = int(self._escape[2:], 16), ""
        return self._unit(unit), at + 1

    def _unit(self, unit: int) -> str:
        """The text that a UTF-16 code unit adds to the string."""
        if self._high and 0xDC00 <= unit < 0xE000:
            joined = 0x10000 + (self._high - 0xD800 << 10) + (unit - 0xDC00)
            self._high = 0
            return chr(joined)
        before = self._lone()
        if 0xD800 <= unit < 0xDC00:
            self._high = unit
            return before
        return before + (_LONE if 0xDC00 <= unit < 0xE000 else chr(unit))

    # -- numbers and words -----------------------------------------------------------------------------------------

    def _digits(self, text: str, at: int) -> int:
        """Continues the open number, up to the first character that is not part of it."""
        start, part = at, self._part
        while at < len(text):
            following = _NUMBER[part].get(_CLASS.get(text[at], ""))
            if following is None:
                break
            part = following
            at += 1
        self._number.append(text[start:at])
        self._part = part
        if at < len(text):
            if part not in _ENDS:
                self._refuse(text[at], at)
            self._add(self._literal(at))
            self._value_ended()
        return at

    def _letters(self, text: str, at: int) -> int:
        """Continues the open word."""
        size = min(len(self._word), len(text) - at)
        if not text.startswith(self._word[:size], at):
            wrong = next(place for place in range(size) if text[at + place] != self._word[place])
            self._refuse(text[at + wrong], at + wrong)
        self._word = self._word[size:]
        if not self._word:
            self._add(self._literal(at))
            self._value_ended()
        return at + size

    def _is_number(self) -> bool:
        """Whether the whole text so far is a number."""
        if self._expects != "number" or len(self._stack) > 1 or self._part not in _ENDS:
            return False
        literal = self._joined()
        return self._part not in ("zero", "digits") or len(literal.lstrip("-")) <= DIGIT_LIMIT

    def _joined(self) -> str:
        if len(self._number) > 1:
            self._number = ["".join(self._number)]
        return self._number[0]

    def _literal(self, at: int) -> Any:
        """The number or word that was read."""
        try:
            return loads(self._joined().encode())
        except LimitExceeded as error:
            self._fail(str(error), at)

    def _refuse(self, mark: str, at: int) -> NoReturn:
        self._fail(f"{mark!r} is not allowed here", at)

    def _fail(self, why: str, at: int) -> NoReturn:
        self._error = f"{why}, at character {self._offset + at}"
        raise ValueError(self._error) from None


_READERS = {
    **dict.fromkeys(
        ("value", "first value", "first key", "key", "colon", "next", "end"), PartialJson._structure
    ),
    **dict.fromkeys(("string", "name"), PartialJson._string),
    "number": PartialJson._digits,
    "word": PartialJson._letters,
}  # fmt: skip
