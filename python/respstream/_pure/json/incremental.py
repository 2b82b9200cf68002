"""Checks a JSON text that arrives line by line."""

from __future__ import annotations

from respstream._pure.json.check import is_whole
from respstream._pure.json.grammar import Grammar
from respstream._pure.json.lexer import tokens
from respstream._pure.json.types import SPACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    State: TypeAlias = Literal["open", "whole", "broken"]


class LineCheck:
    """Checks a JSON text that comes line by line, without CR or LF, as if the lines were joined by newlines.

    `open`: a valid beginning, or only white space so far. `whole`: exactly one value and white space. `broken`: no
    further line can make it JSON. No token spans lines, so each line is read on its own and once. Limits do not matter.
    """

    __slots__ = ("_grammar", "is_object", "state")

    def __init__(self) -> None:
        self._grammar = Grammar()
        self.state: State = "open"
        self.is_object = False  # the first character that is not white space is "{"

    def push(self, line: bytes) -> State:
        """Takes the next line; returns the new `state`."""
        if self.state == "broken" or not line.strip(SPACE):
            return self.state
        grammar = self._grammar
        if not grammar.open and grammar.expects == "value":
            self.is_object = line.lstrip(SPACE).startswith(b"{")
            if is_whole(line):
                grammar.expects = "end"
                self.state = "whole"
                return self.state
        if not all(grammar.step(kind) for kind, _ in tokens(line)):
            grammar.open.clear()
            self.state = "broken"
        else:
            self.state = "whole" if grammar.expects == "end" else "open"
        return self.state

    def closers(self) -> bytes:
        """The brackets that would close what is open, innermost first; none when broken."""
        return "".join(reversed(self._grammar.open)).encode()
