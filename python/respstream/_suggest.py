"""The nearest of the known names to one that is not known, for error messages."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["suggestion"]


def suggestion(name: object, known: Iterable[str]) -> str:
    """A part of an error message: "; did you mean 'model'?", or "" if no known name is near."""
    from difflib import get_close_matches

    near = get_close_matches(str(name), list(known), 1, 0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
