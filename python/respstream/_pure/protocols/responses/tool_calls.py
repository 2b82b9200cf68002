"""The tool calls among the items of a response, and the text of their arguments while it grows.

A reader that wants only what is new keeps the position that it was given last. It holds as long as the text has only
grown; where an event gave the text anew, the reader is told to begin anew.
"""

from __future__ import annotations

from collections import namedtuple

from respstream._pure.json import Number, join_text, parse_exact
from respstream._pure.tree import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

KINDS = {"function_call": "arguments", "custom_tool_call": "input", "mcp_call": "arguments"}

Call = tuple[int, str, str | None, str | None]  # rank in the output, type, call id, name


if TYPE_CHECKING:

    class Position(NamedTuple):
        """How far a text was read."""

        source: Any  # the very object that the text was read from
        pieces: int
        size: int  # in characters, those in `held` too
        held: str  # the first half of a surrogate pair, the other half of which may follow

else:
    Position = namedtuple("Position", "source pieces size held")


def members_of(raw: bytes | None, tree: dict[str, Any] | None) -> dict[str, Any]:
    """The members of an item, without building its texts."""
    if tree is not None:
        return tree
    value = parse_exact(raw or b"{}")
    return value if isinstance(value, dict) else {}


def call_of(rank: int, item: Any) -> Call | None:
    """The call that the members of an item tell of."""
    kind = _string(item, "type")
    return (rank, kind, _string(item, "call_id"), _string(item, "name")) if kind in KINDS else None


def argument_of(item: Any) -> Any:
    """The value that carries the arguments of a call."""
    return item.get(KINDS.get(_string(item, "type") or "", "")) if isinstance(item, dict) else None


def new_of_whole(source: Any, value: Any, position: Position | None) -> tuple[str, Position] | None:
    """What is new of a text that does not grow; `source` is the object that changes with it."""
    if position is not None:
        return ("", position) if position.source is source else None
    return (join_text([value]), Position(source, 0, 0, "")) if type(value) is str else None


def new_of_growing(text: Text, position: Position | None) -> tuple[str, Position] | None:
    """What is new of a text that grows. Takes time for that alone."""
    if position is None:
        position = Position(text, 0, 0, "")
    elif position.source is not text:
        return None
    skip = position.pieces - text.joined
    pieces = text.pieces[skip:] if skip > 0 else ["".join(text.pieces[:1])[position.size :], *text.pieces[1:]]
    new = "".join(pieces)
    read = position.held + new
    held = read[-1:] if "\ud800" <= read[-1:] < "\udc00" else ""
    position = Position(text, text.joined + len(text.pieces), position.size + len(new), held)
    return join_text([read[: len(read) - len(held)]]), position


def _string(item: Any, key: str) -> str | None:
    value = item.get(key) if isinstance(item, dict) else None
    return join_text([value]) if isinstance(value, str) and not isinstance(value, Number) else None
