"""The limits of a JSON text, its errors, and numbers that keep their text.

The result of reading a text depends on its bytes alone, not on the settings of the interpreter:

* any syntax error makes a text invalid, even if the text also exceeds a limit;
* otherwise nesting over `DEPTH_LIMIT`, an integer of over `DIGIT_LIMIT` digits or a size of over `SIZE_LIMIT` bytes
  exceeds the limits.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

DEPTH_LIMIT: Final = 256
DIGIT_LIMIT: Final = 4300
SIZE_LIMIT: Final = 2**32 - 1  # the Rust core keeps spans in 32 bits

SPACE: Final = b" \t\n\r"
BRACKET_STEPS: Final = {0x7B: 1, 0x5B: 1, 0x7D: -1, 0x5D: -1}
"""How a bracket changes the depth of nesting."""


class BadJson(ValueError):  # noqa: N818
    """The text is not JSON by RFC 8259."""


class LimitExceeded(ValueError):  # noqa: N818
    """The text is JSON, but exceeds a limit of nesting, digits or size."""


class Number(str):
    """A number that keeps its text: `parse_exact` returns it and `dumps` writes it."""

    __slots__ = ()


def check_size(raw: bytes) -> None:
    """Raises LimitExceeded for a text of more than `SIZE_LIMIT` bytes."""
    if len(raw) > SIZE_LIMIT:
        raise LimitExceeded(f"a text of more than {SIZE_LIMIT} bytes")


def check_digits(text: str) -> None:
    """Raises LimitExceeded for an integer literal of more than `DIGIT_LIMIT` digits."""
    if len(text) - text.startswith("-") > DIGIT_LIMIT:
        raise LimitExceeded(f"an integer of more than {DIGIT_LIMIT} digits")
