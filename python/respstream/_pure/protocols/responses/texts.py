"""The texts of items that deltas can write."""

from __future__ import annotations

from respstream._pure.json import clean_text, join_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def texts(item: Any) -> dict[str, str]:
    """The texts of an item that deltas can write, by path: only these are compared."""
    found: dict[str, str] = {}
    if isinstance(item, dict):
        add_texts(found, "", item, ("arguments", "input", "code"))
        for index, part in enumerate(list_of(item, "content")):
            add_texts(found, f"content[{index}].", part, ("text", "refusal"))
        for index, part in enumerate(list_of(item, "summary")):
            add_texts(found, f"summary[{index}].", part, ("text",))
        add_texts(found, "operation.", item.get("operation"), ("diff",))
        commands = {f"commands[{index}]": text for index, text in enumerate(list_of(item.get("action"), "commands"))}
        add_texts(found, "action.", commands, (*commands,))
        for index, output in enumerate(list_of(item, "output")):
            add_texts(found, f"output[{index}].", output, ("stdout", "stderr"))
    return found


def add_texts(found: dict[str, str], prefix: str, value: Any, keys: tuple[str, ...]) -> None:
    """Adds the texts of an object to those found, by path."""
    if isinstance(value, dict):
        for key in keys:
            if type(text := value.get(key)) is str:  # a Number is a str, but not a text
                found[prefix + key] = join_text([text])


def list_of(value: Any, key: str) -> list[Any]:
    """The list that is a member, an empty one if it is missing or no list."""
    member = value.get(key) if isinstance(value, dict) else None
    return member if isinstance(member, list) else []


def string(value: dict[str, Any], key: str) -> str | None:
    """The text of a member, None if it is not a string."""
    member = value.get(key)
    return clean_text(member) if type(member) is str else None
