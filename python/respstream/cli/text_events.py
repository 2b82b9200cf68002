"""What can be heard of a response: its messages, and on request its reasoning and its tool calls."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from respstream.protocols.payload import Payload

MESSAGE, REASONING, CALL = "message", "reasoning", "call"
SUMMARY = "summary_index"

_ITEMS = {
    "message": MESSAGE,
    "reasoning": REASONING,
    "function_call": CALL,
    "custom_tool_call": CALL,
    "mcp_call": CALL,
}


class Heard(NamedTuple):
    """What an event brings: of what, in which member; the index of the part; whether it is `whole`, or a delta."""

    of: str
    member: str
    place: str
    whole: bool


def _both(stem: str, of: str, member: str, place: str) -> dict[str, Heard]:
    return {
        f"response.{stem}.delta": Heard(of, "delta", place, False),
        f"response.{stem}.done": Heard(of, member, place, True),
    }


HEARD = {
    **_both("output_text", MESSAGE, "text", "content_index"),
    **_both("refusal", MESSAGE, "refusal", "content_index"),
    **_both("reasoning_text", REASONING, "text", "content_index"),
    **_both("reasoning", REASONING, "text", "content_index"),
    **_both("reasoning_summary_text", REASONING, "text", SUMMARY),
    **_both("function_call_arguments", CALL, "arguments", ""),
    **_both("custom_tool_call_input", CALL, "input", ""),
    **_both("mcp_call_arguments", CALL, "arguments", ""),
}
"""The events that bring text."""


class Spoken(NamedTuple):
    """The text of an item, and what is said before it."""

    of: str
    label: str
    text: str


def spoken(output: Any, wanted: AbstractSet[str]) -> list[Spoken]:
    """What the items of an output say; those without any text are left out, but for calls."""
    found = []
    for item in output if isinstance(output, list) else ():
        of = kind_of(item)
        if of in wanted:
            text = _text(item, of)
            if text or of == CALL:
                found.append(Spoken(of, label_of(item, of), text))
    return found


def kind_of(item: Any) -> str:
    """What an item is; "" for what is never heard."""
    kind = item.get("type") if isinstance(item, Payload) else None
    return _ITEMS.get(kind, "") if isinstance(kind, str) else ""


def label_of(item: Any, of: str) -> str:
    """What is said before the text of an item: `[reasoning] `, or a call's name."""
    if of == MESSAGE:
        return ""
    name = item.get("name") if of == CALL else REASONING
    return f"[{name if isinstance(name, str) and name else item['type']}] "


def part_text(part: Any) -> str | None:
    """The text of a part of a message, None where it is no such part."""
    kind = part.get("type") if isinstance(part, Payload) else None
    text = part.get({"output_text": "text", "refusal": "refusal"}.get(kind, "")) if isinstance(kind, str) else None
    return text if isinstance(text, str) else None


def _text(item: Any, of: str) -> str:
    if of == MESSAGE:
        return "".join(part_text(part) or "" for part in _list(item, "content"))
    if of == CALL:
        text = item.get("arguments", item.get("input"))
        return text if isinstance(text, str) else ""
    parts = [*_texts(item, "summary"), "".join(_texts(item, "content"))]
    return "\n\n".join(part for part in parts if part)


def _texts(item: Any, member: str) -> list[str]:
    texts = [part.get("text") for part in _list(item, member) if isinstance(part, Payload)]
    return [text for text in texts if isinstance(text, str)]


def _list(item: Any, member: str) -> list[Any]:
    found = item.get(member)
    return found if isinstance(found, list) else []
