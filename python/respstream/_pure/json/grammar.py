"""The grammar of JSON, one token at a time."""

from __future__ import annotations


class Grammar:
    """The next token that is allowed. `open`: the marks that close the open containers, outermost first."""

    __slots__ = ("expects", "open")

    def __init__(self) -> None:
        self.open: list[str] = []
        self.expects = "value"

    def step(self, kind: str) -> bool:
        """Takes the kind of a token; returns False if it is not allowed here."""
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
