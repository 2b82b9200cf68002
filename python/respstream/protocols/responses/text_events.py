"""The events and output items that have text: messages, reasoning and tool calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from respstream._pure.protocols.responses.catalogue import EVENTS, Entry
from respstream._pure.protocols.responses.item import Identity
from respstream._pure.protocols.responses.tool_calls import KINDS
from respstream.protocols.payload import Payload

MESSAGE, REASONING, CALL = "message", "reasoning", "call"
"""The kinds of output items that have text."""
SUMMARY = "summary_index"
CONTENT = "content_index"

_ITEM_KINDS = {MESSAGE: MESSAGE, REASONING: REASONING, **dict.fromkeys(KINDS, CALL)}


def _entries() -> Iterator[Entry]:
    return (entry for entry in EVENTS.values() if entry.op == "text" and entry.item in _ITEM_KINDS)


PART_MEMBERS = {entry.part: entry.target[-1][0] for entry in _entries() if entry.item == MESSAGE}
"""The member with the text, by type of a message's part."""


class Part(NamedTuple):
    """A text of an item.

    `index_name`, `number`: the index that numbers the parts of the item; "" and 0 for a call, which has only one text. `member`: the
    member that contains the text.
    """

    index_name: str
    number: int
    member: str


class TextEvent(NamedTuple):
    """How events of one type carry text.

    `item`: the type of the item. `part`: the type of a new part. `member`: the member of the part. `index_name`: the index of the
    event that numbers the parts, "" if there is only one. `complete`: the event carries the complete text, not a delta.
    """

    item: str
    part: str
    member: str
    index_name: str
    complete: bool


TEXT_EVENTS = {
    entry.type: TextEvent(entry.item, entry.part, entry.target[-1][0], entry.target[0][1] or "", entry.phase == "done")
    for entry in _entries()
}
"""The events that carry text, by type."""


def identity_of(item: Payload) -> Identity:
    """Return what identifies an output item."""
    values = (item.get(name) for name in Identity._fields)
    return Identity(*(value if isinstance(value, str) else None for value in values))


def kind_of(item_type: str | None) -> str:
    """Return the kind of items of that type, "" if they have no text."""
    return _ITEM_KINDS.get(item_type or "", "")


def type_of_item(event: Any, entry: Entry) -> str | None:
    """Return the type of the items that an event is about, None if it has no value and thus no effect."""
    value = getattr(event, entry.value, None) if entry.value else None
    if entry.op == "part" and isinstance(value, Payload):
        return REASONING if value.get("type") == "reasoning_text" else entry.item
    if entry.op == "text":
        return None if event_text(event, entry) is None else entry.item
    expected = list if entry.phase == "done" else Payload
    valid = (
        isinstance(value, expected) if entry.op in ("part", "members") else entry.op == "status" or value is not None
    )
    return entry.item if valid else None


def event_text(event: Any, entry: Entry) -> str | None:
    """Return the text in an event; also that in an object, or an object as JSON text. None if it has no text."""
    value = getattr(event, entry.value, None)
    if isinstance(value, Payload):
        text = value.get("text")
        if isinstance(text, str) and entry.value == "delta":
            return text
        return _json_text(value) if entry.item in KINDS else None
    return value if isinstance(value, str) else None


def part_text(part: Payload, item_type: str) -> tuple[str | None, str | None, str]:
    """Return the type of a part, its text, and the member that contains it."""
    kind = part.get("type")
    kind = kind if isinstance(kind, str) else None
    member = PART_MEMBERS.get(kind or "", "") if item_type == MESSAGE else "text"
    text = part.get(member) if member else None
    return kind, text if isinstance(text, str) else None, member


def parts_of(item: Payload, item_type: str | None) -> list[tuple[Part, str | None, str]]:
    """Return the parts of an item that have text, in order: the part, its type, and its text."""
    if item_type in KINDS:
        text = item.get(KINDS[item_type])
        text = _json_text(text) if isinstance(text, Payload) else text
        return [(Part("", 0, KINDS[item_type]), None, text)] if isinstance(text, str) else []
    found = []
    lists = ((SUMMARY, "summary"), (CONTENT, "content")) if item_type == REASONING else ((CONTENT, "content"),)
    for index_name, member in lists if item_type in _ITEM_KINDS else ():
        for number, part in enumerate(_list(item, member)):
            if isinstance(part, Payload):
                kind, text, name = part_text(part, item_type or "")
                if text is not None:
                    found.append((Part(index_name, number, name), kind, text))
    return found


def joined(item_type: str | None, parts: list[tuple[Part, str]]) -> str:
    """Return the text of an item. A blank line separates the parts of a reasoning summary, and those of the content from them."""
    if item_type != REASONING:
        return "".join(text for _, text in parts)
    texts = [text for part, text in parts if part.index_name == SUMMARY]
    texts.append("".join(text for part, text in parts if part.index_name == CONTENT))
    return "\n\n".join(text for text in texts if text)


def whole_text(item: Payload) -> str:
    """Return the text of an output item, "" for items of other kinds."""
    item_type = identity_of(item).type
    return joined(item_type, [(part, text) for part, _, text in parts_of(item, item_type)])


def has_text(event: Any, entry: Entry) -> bool:
    """Return whether an event has a text that is not empty."""
    value = getattr(event, entry.value, None) if entry.value else None
    if entry.op == "text":
        return bool(event_text(event, entry))
    if entry.op == "members" and isinstance(value, list):
        value = value[0] if value else None
    names = ("stdout", "stderr") if entry.op == "members" else ("text", "refusal")
    if entry.op not in ("members", "part") or not isinstance(value, Payload):
        return False
    texts = [value.get(name) for name in names] if entry.phase != "delta" else [*value.to_dict().values()]
    return any(isinstance(text, str) and text for text in texts)


def _json_text(value: Payload) -> str:
    return json.dumps(value.to_dict(), separators=(",", ":"), ensure_ascii=False)


def _list(item: Payload, member: str) -> list[Any]:
    found = item.get(member)
    return found if isinstance(found, list) else []
