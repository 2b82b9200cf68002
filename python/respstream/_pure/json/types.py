"""The errors of a JSON text, and numbers that keep their text."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

SPACE: Final = b" \t\n\r"
BRACKET_STEPS: Final = {0x7B: 1, 0x5B: 1, 0x7D: -1, 0x5D: -1}
"""How a bracket changes the depth of nesting."""


class BadJson(ValueError):  # noqa: N818
    """The text is not JSON by RFC 8259."""


class Number(str):
    """A number that keeps its text: `parse_exact` returns it and `dumps` writes it."""

    __slots__ = ()
