"""The limits of a JSON text.

The result of reading a text depends on its bytes alone, not on the settings of the interpreter:

* any syntax error makes a text invalid, even if the text also exceeds a limit;
* otherwise nesting over `DEPTH_LIMIT`, an integer of over `DIGIT_LIMIT` digits or a size of over `SIZE_LIMIT` bytes
  exceeds the limits.
"""

from __future__ import annotations

from respstream._nesting import DEPTH_LIMIT, is_deep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["DEPTH_LIMIT", "DIGIT_LIMIT", "SIZE_LIMIT", "LimitExceeded", "check_digits", "check_size", "is_deep"]

DIGIT_LIMIT: Final = 4300
SIZE_LIMIT: Final = 2**32 - 1  # the Rust core keeps spans in 32 bits


class LimitExceeded(ValueError):  # noqa: N818
    """The text is JSON, but exceeds a limit of nesting, digits or size."""


def check_size(raw: bytes) -> None:
    """Raises LimitExceeded for a text of more than `SIZE_LIMIT` bytes."""
    if len(raw) > SIZE_LIMIT:
        raise LimitExceeded(f"a text of more than {SIZE_LIMIT} bytes")


def check_digits(text: str) -> None:
    """Raises LimitExceeded for an integer literal of more than `DIGIT_LIMIT` digits."""
    if len(text) - text.startswith("-") > DIGIT_LIMIT:
        raise LimitExceeded(f"an integer of more than {DIGIT_LIMIT} digits")
