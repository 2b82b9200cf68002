"""The tool calls among the items of a response, and their arguments while they grow.

A reader that wants only new text keeps the position that it received last. The position is valid while the text only
grows; once an event has replaced the text, the reader has to start again.
"""

from __future__ import annotations

from collections import namedtuple

from respstream._pure.assemble import Text
from respstream._pure.json import Number, clean, dumps, join_text, parse_exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

KINDS = {"function_call": "arguments", "custom_tool_call": "input", "mcp_call": "arguments"}

Call = tuple[int, str, str | None, str | None]  # rank in the output, type, call id, name


if TYPE_CHECKING:

    class Position(NamedTuple):
        """How far a text was read."""

        source: Any  # the object that the text was read from
        deltas: int
        size: int  # in characters, including `pending`
        pending: str  # the first half of a surrogate pair, whose second half may follow

else:
    Position = namedtuple("Position", "source deltas size pending")


def members_of(raw: bytes | None, tree: dict[str, Any] | None) -> dict[str, Any]:
    """The members of an item, without building its texts."""
    if tree is not None:
        return tree
    value = parse_exact(raw or b"{}")
    return value if isinstance(value, dict) else {}


def call_of(rank: int, item: Any) -> Call | None:
    """The call in the members of an item, None if the item is not a call."""
    kind = _string(item, "type")
    return (rank, kind, _string(item, "call_id"), _string(item, "name")) if kind in KINDS else None


def argument_of(item: Any) -> Any:
    """The member of an item that contains the arguments of the call; an object as its JSON text."""
    value = raw_argument_of(item)
    return json_text(value) if type(value) is dict else value


def raw_argument_of(item: Any) -> Any:
    """The member of an item that contains the arguments of the call, as it is."""
    return item.get(KINDS.get(_string(item, "type") or "", "")) if isinstance(item, dict) else None


def argument_text(item: Any) -> str | None:
    """The arguments of a call as text, None if it has none."""
    value = argument_of(item)
    return join_text([value]) if type(value) is str else None


def json_text(value: Any) -> str:
    """The JSON text of a value without white space; numbers keep their text."""
    return dumps(clean(value))


def new_of_whole(source: Any, value: Any, position: Position | None) -> tuple[str, Position] | None:
    """The new part of a text that does not grow. `source`: the object that is replaced together with it."""
    if position is not None:
        return ("", position) if position.source is source else None
    return (join_text([value]), Position(source, 0, 0, "")) if type(value) is str else None


def new_of_growing(text: Text, position: Position | None) -> tuple[str, Position] | None:
    """The new part of a growing text, in time linear in that part."""
    if position is None:
        position = Position(text, 0, 0, "")
    elif position.source is not text:
        return None
    skip = position.deltas - text.joined
    deltas = text.deltas[skip:] if skip > 0 else ["".join(text.deltas[:1])[position.size :], *text.deltas[1:]]
    new = "".join(deltas)
    read = position.pending + new
    pending = read[-1:] if "\ud800" <= read[-1:] < "\udc00" else ""
    position = Position(text, text.joined + len(text.deltas), position.size + len(new), pending)
    return join_text([read[: len(read) - len(pending)]]), position


def _string(item: Any, key: str) -> str | None:
    value = item.get(key) if isinstance(item, dict) else None
    return join_text([value]) if isinstance(value, str) and not isinstance(value, Number) else None
