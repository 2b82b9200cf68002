"""The rows of the tables for completions and chunks of Chat Completions."""

from __future__ import annotations

from respstream._pure.assemble import Text
from respstream._pure.json import Number, loads, text_member
from respstream._pure.protocols import rows
from respstream._pure.protocols.chat.choice import facts_of
from respstream._pure.protocols.chat.merge import INDEX_LIMIT
from respstream._pure.protocols.chat.tool_calls import text_place
from respstream._pure.protocols.rows import timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.chat.choice import Choice
    from respstream._pure.protocols.chat.response import Folded

MESSAGE = "message"
"""The type of an item that is the message of a choice."""


class ResponseRow(rows.ResponseRow):
    """A row of the table `responses`; texts and calls are those of the first choice."""

    __slots__ = ()

    response: Folded

    def model(self) -> str | None:
        """The name of the model."""
        return text_member(self.response.members, "model")

    def created_at(self) -> int | None:
        """When the completion was created."""
        value = self.response.members.get("created")
        return timestamp(loads(value.encode()) if isinstance(value, Number) else None)

    def service_tier(self) -> str | None:
        """The service tier."""
        return text_member(self.response.members, "service_tier")

    def item_count(self) -> int:
        """The number of items."""
        return len(item_rows(self.response, "", None))

    def usage(self) -> Any:
        """The usage object."""
        return self.response.usage()

    def incomplete_reason(self) -> str | None:
        """The finish reason of an incomplete completion."""
        return self.response.finish_reason if self.response.status == "incomplete" else None


class ChoiceRow(rows.ItemRow):
    """A row of the table `items`: the message of a choice other than the first."""

    __slots__ = ("_choice",)

    def __init__(self, response: Folded, source: str, stream_index: int | None, choice: Choice) -> None:
        super().__init__(response, source, stream_index, choice.index)
        self._choice = choice

    def type(self) -> str | None:
        """The type of the item."""
        return MESSAGE

    def role(self) -> str | None:
        """The role of the message."""
        return text_member(self._choice.message, "role")

    def all_text(self) -> str | None:
        """The text of the message, else its refusal, else its reasoning."""
        return self._choice.text.join() or self._choice.refusal or self._choice.reasoning.join() or None


class CallRow(rows.ItemRow):
    """A row of the table `items`: a tool call of a choice. `rank`: its position among the calls of the choice."""

    __slots__ = ("_facts", "_text")

    def __init__(
        self, response: Folded, source: str, stream_index: int | None, rank: int, node: tuple[dict[str, Any], str]
    ) -> None:
        super().__init__(response, source, stream_index, rank)
        self._facts = facts_of(*node)
        inner, member = text_place(node[0])
        text = inner.get(member)
        self._text = text.join() if isinstance(text, Text) else text_member(inner, member)

    def type(self) -> str | None:
        """The type of the call."""
        return self._facts[0]

    def call_id(self) -> str | None:
        """The id of the call."""
        return self._facts[1]

    def name(self) -> str | None:
        """The name of the function."""
        return self._facts[2]

    def arguments(self) -> str | None:
        """The arguments of the call."""
        return self._text


class EventRow(rows.EventRow):
    """A row of the table `events`: a chunk. Its index and text are those of its first choice."""

    __slots__ = ()

    def _choice(self) -> Any:
        choices = self.event.members.get("choices")
        return choices[0] if type(choices) is list and choices and type(choices[0]) is dict else {}

    def output_index(self) -> int | None:
        """The index of the choice."""
        index = self._choice().get("index")
        return index if type(index) is int and 0 <= index <= INDEX_LIMIT else None

    def delta(self) -> str | None:
        """The text of the delta: the content, if that is a text."""
        return text_member(self._choice().get("delta"), "content")


def item_rows(response: Folded, source: str, stream_index: int | None) -> list[rows.ItemRow]:
    """The rows of the table `items` of one completion: its tool calls, and the choices other than the first."""
    found: list[rows.ItemRow] = []
    for index in sorted(response.choices):
        choice = response.choices[index]
        if index > 0:
            found.append(ChoiceRow(response, source, stream_index, choice))
        found += [CallRow(response, source, stream_index, rank, node) for rank, node in enumerate(choice.call_nodes())]
    return found
