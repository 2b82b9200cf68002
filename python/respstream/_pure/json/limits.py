"""The limits of a JSON text.

The result of reading a text depends on its bytes alone, not on the settings of the interpreter:

* any syntax error makes a text invalid, even if the text also exceeds a limit;
* otherwise nesting over `DEPTH_LIMIT`, an integer of over `DIGIT_LIMIT` digits or a size of over `SIZE_LIMIT` bytes
  exceeds the limits.
"""

from __future__ import annotations

import re
from itertools import accumulate

from respstream._pure.json.types import BRACKET_STEPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

DEPTH_LIMIT: Final = 256
DIGIT_LIMIT: Final = 4300
SIZE_LIMIT: Final = 2**32 - 1  # the Rust core keeps spans in 32 bits
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"{}[]"))


class LimitExceeded(ValueError):  # noqa: N818
    """The text is JSON, but exceeds a limit of nesting, digits or size."""


def is_deep(raw: bytes) -> bool:
    """Whether a recursive parser would go deeper than `DEPTH_LIMIT` in a text, valid or not.

    It is asked before any such parser runs: where `sys.setrecursionlimit` was raised, recursion overflows the stack.
    """
    if raw.count(b"{") + raw.count(b"[") <= DEPTH_LIMIT:
        return False
    brackets = _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(BRACKET_STEPS.__getitem__, brackets)), default=0) > DEPTH_LIMIT


def check_size(raw: bytes) -> None:
    """Raises LimitExceeded for a text of more than `SIZE_LIMIT` bytes."""
    if len(raw) > SIZE_LIMIT:
        raise LimitExceeded(f"a text of more than {SIZE_LIMIT} bytes")


def check_digits(text: str) -> None:
    """Raises LimitExceeded for an integer literal of more than `DIGIT_LIMIT` digits."""
    if len(text) - text.startswith("-") > DIGIT_LIMIT:
        raise LimitExceeded(f"an integer of more than {DIGIT_LIMIT} digits")
