"""Merges the members of deltas into blocks, and where problems are reported.

Values are those of `parse_exact`: numbers keep their text.
"""

from __future__ import annotations

from respstream._pure.assemble import Text, append

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.messages.response import Folded
    from respstream._pure.protocols.protocol import Report


class Context:
    """The message that an event is applied to, and `report(code, detail)`, which takes diagnostics."""

    __slots__ = ("_reported", "folded", "report")

    def __init__(self, report: Report, folded: Folded) -> None:
        self.report, self.folded, self._reported = report, folded, folded.loose

    def loose(self, field: str, got: str, read: str) -> None:
        """Reports a value of another kind whose meaning is clear, once for each field of a message."""
        if field not in self._reported:
            self._reported.add(field)
            self.report("loose_value", {"field": field, "got": got, "read": read})

    def bad(self, field: str, expected: str) -> None:
        """Reports a member that has the wrong kind; it has no effect."""
        self.report("bad_field", {"field": field, "expected": expected})


def text_in(members: dict[str, Any], name: str) -> Text:
    """The growing text in a member; a string there becomes one."""
    text = members.get(name)
    if not isinstance(text, Text):
        text = members[name] = Text(text)
    return text


def extend(members: dict[str, Any], name: str, value: list[Any]) -> None:
    """Appends values to the list in a member, which is created."""
    before = members.get(name)
    if type(before) is list:
        before += value
    else:
        members[name] = value


def merge(members: dict[str, Any], name: str, value: Any) -> None:
    """Merges a member of a delta of an unknown type: strings are appended, lists extend, other values replace."""
    if value is None:
        members.setdefault(name)
    elif type(value) is str:
        append(text_in(members, name), value)
    elif type(value) is list:
        extend(members, name, [*value])
    else:
        members[name] = value
