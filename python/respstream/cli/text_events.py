"""The events and output items that `respstream text` prints: messages, and on request reasoning and tool calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from respstream._pure.protocols.responses.catalogue import EVENTS, Entry
from respstream._pure.protocols.responses.tool_calls import KINDS
from respstream.protocols.payload import Payload

MESSAGE, REASONING, CALL = "message", "reasoning", "call"
"""The kinds of output items that can be printed."""
SUMMARY = "summary_index"

_ITEM_KINDS = {MESSAGE: MESSAGE, REASONING: REASONING, **dict.fromkeys(KINDS, CALL)}


class TextEvent(NamedTuple):
    """How events of one type carry text.

    `kind`: the kind of the item. `item`: its type. `member`: the field of the event with the text. `index_name`: the field that
    numbers the parts of the item, "" if it has only one. `complete`: the event carries the complete text of the part, not a delta.
    """

    kind: str
    item: str
    member: str
    index_name: str
    complete: bool


def _entries() -> Iterator[Entry]:
    return (entry for entry in EVENTS.values() if entry.op == "text" and entry.item in _ITEM_KINDS)


TEXT_EVENTS = {
    entry.type: TextEvent(
        _ITEM_KINDS[entry.item], entry.item, entry.value, entry.target[0][1] or "", entry.phase == "done"
    )
    for entry in _entries()
}
"""The events that carry text, by type."""

_PART_MEMBERS = {entry.part: entry.target[-1][0] for entry in _entries() if entry.item == MESSAGE}
"""The field with the text, by type of a message's part."""


class OutputText(NamedTuple):
    """The complete text of an output item. `label` is printed before it."""

    kind: str
    label: str
    text: str


def output_texts(output: Any, wanted: AbstractSet[str]) -> list[OutputText]:
    """Return the texts of the items of the `wanted` kinds, in order. Items without text are omitted, except for calls."""
    found = []
    for item in output if isinstance(output, list) else ():
        kind = kind_of(item)
        if kind in wanted:
            text = _text(item, kind)
            if text or kind == CALL:
                found.append(OutputText(kind, label_of(item, kind), text))
    return found


def kind_of(item: Any) -> str:
    """Return the kind of an output item, "" if it is never printed."""
    name = item.get("type") if isinstance(item, Payload) else None
    return _ITEM_KINDS.get(name, "") if isinstance(name, str) else ""


def label_of(item: Any, kind: str) -> str:
    """Return the label before the text of an item: "" for messages, `[reasoning] `, or the name of the call in brackets."""
    if kind == MESSAGE:
        return ""
    name = item.get("name") if kind == CALL else REASONING
    return f"[{name if isinstance(name, str) and name else item['type']}] "


def part_text(part: Any) -> str | None:
    """Return the text of a part of a message, None for other parts."""
    name = part.get("type") if isinstance(part, Payload) else None
    text = part.get(_PART_MEMBERS.get(name, "")) if isinstance(name, str) else None
    return text if isinstance(text, str) else None


def _text(item: Any, kind: str) -> str:
    if kind == MESSAGE:
        return "".join(part_text(part) or "" for part in _list(item, "content"))
    if kind == CALL:
        text = item.get("arguments", item.get("input"))
        if isinstance(text, Payload):
            text = json.dumps(text.to_dict(), separators=(",", ":"), ensure_ascii=False)
        return text if isinstance(text, str) else ""
    parts = [*_texts(item, "summary"), "".join(_texts(item, "content"))]
    return "\n\n".join(part for part in parts if part)


def _texts(item: Any, member: str) -> list[str]:
    texts = [part.get("text") for part in _list(item, member) if isinstance(part, Payload)]
    return [text for text in texts if isinstance(text, str)]


def _list(item: Any, member: str) -> list[Any]:
    found = item.get(member)
    return found if isinstance(found, list) else []
