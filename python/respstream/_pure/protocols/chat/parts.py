"""The content of a chunk as a list of parts: texts, thinking, and others.

Texts are a part of the content, thinking is a part of the reasoning. Other parts, and members that a text has of its own, are
kept as they are.
"""

from __future__ import annotations

from respstream._pure.json import Number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TEXT, THINKING = "text", "thinking"


class Content:
    """What the content of a chunk adds. `others`: the parts that are kept; `bad`: the positions of what is no part."""

    __slots__ = ("bad", "others", "text", "thinking")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.thinking: list[str] = []
        self.others: list[Any] = []
        self.bad: list[int] = []


def read_parts(parts: list[Any]) -> Content:
    """Reads the parts of a chunk."""
    found = Content()
    for position, part in enumerate(parts):
        if type(part) is str:
            found.text.append(part)
        elif type(part) is dict:
            _read(found, part)
        else:
            found.bad.append(position)
    return found


def _read(found: Content, part: dict[str, Any]) -> None:
    kind = _kind_of(part)
    value = None if kind is None else part.get(kind)
    if kind == TEXT and type(value) is str:
        found.text.append(value)
    elif kind == THINKING and type(value) is str:
        found.thinking.append(value)
    elif kind == THINKING and type(value) is list:
        inner = read_parts(value)
        found.thinking += inner.text + inner.thinking
        found.others += inner.others
        if inner.bad:
            found.others.append(part)
            return
    else:
        found.others.append(part)
        return
    if part.keys() - {"type", kind}:
        found.others.append(part)


def _kind_of(part: dict[str, Any]) -> str | None:
    """Whether a part is text or thinking; None for other parts. A part without a type is what its member says."""
    kind = part.get("type")
    if kind is None:
        kind = next((name for name in (TEXT, THINKING) if name in part), None)
    return kind if type(kind) is str and kind in (TEXT, THINKING) and not isinstance(kind, Number) else None
