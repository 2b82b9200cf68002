"""The rows of the tables for responses and events of the Responses API."""

from __future__ import annotations

from respstream._pure.json import locate, text_member
from respstream._pure.protocols import rows
from respstream._pure.protocols.responses.response import texts_of
from respstream._pure.protocols.responses.tool_calls import KINDS, argument_text
from respstream._pure.protocols.rows import timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.responses.response import Folded


class ResponseRow(rows.ResponseRow):
    """A row of the table `responses`."""

    __slots__ = ()

    response: Folded

    def previous_response_id(self) -> str | None:
        """The id of the response that this one continues."""
        return text_member(self.response.base, "previous_response_id")

    def conversation_id(self) -> str | None:
        """The id of the conversation, which is an object or the id itself."""
        value = self.response.base.get("conversation")
        return text_member({"id": value} if isinstance(value, str) else value, "id")

    def model(self) -> str | None:
        """The name of the model."""
        return text_member(self.response.base, "model")

    def created_at(self) -> int | None:
        """When the response was created."""
        return timestamp(self.response.base.get("created_at"))

    def completed_at(self) -> int | None:
        """When the response was completed."""
        return timestamp(self.response.base.get("completed_at"))

    def service_tier(self) -> str | None:
        """The service tier."""
        return text_member(self.response.base, "service_tier")

    def item_count(self) -> int:
        """The number of items."""
        return len(self.response.output())

    def usage(self) -> Any:
        """The usage object."""
        return self.response.base.get("usage")

    def incomplete_reason(self) -> str | None:
        """Why the response is incomplete."""
        return text_member(self.response.base.get("incomplete_details"), "reason")

    def metadata(self) -> str | None:
        """The metadata as JSON."""
        raw = self.response.base_raw()
        if raw is None or not isinstance(self.response.base.get("metadata"), dict):
            return None
        start, end = locate(raw)["metadata"]
        return raw[start:end].decode(errors="replace")


class ItemRow(rows.ItemRow):
    """A row of the table `items`: an output item."""

    __slots__ = ("_item",)

    def __init__(self, response: Folded, source: str, stream_index: int | None, output_index: int, item: Any) -> None:
        super().__init__(response, source, stream_index, output_index)
        self._item = item

    def item_id(self) -> str | None:
        """The id of the item."""
        return text_member(self._item, "id")

    def type(self) -> str | None:
        """The type of the item."""
        return text_member(self._item, "type")

    def status(self) -> str | None:
        """The status of the item."""
        return text_member(self._item, "status")

    def role(self) -> str | None:
        """The role of a message."""
        return text_member(self._item, "role")

    def name(self) -> str | None:
        """The name of the function of a call."""
        return text_member(self._item, "name")

    def call_id(self) -> str | None:
        """The id of a call."""
        return text_member(self._item, "call_id")

    def all_text(self) -> str | None:
        """The output text of the item, else its reasoning text, else its reasoning summary."""
        output_text, _, reasoning_text, reasoning_summary = texts_of([self._item])
        return output_text or reasoning_text or reasoning_summary or None

    def arguments(self) -> str | None:
        """The arguments of a call, or the input of a custom tool."""
        if self.type() in KINDS:
            return argument_text(self._item)
        arguments = text_member(self._item, "arguments")
        return text_member(self._item, "input") if arguments is None else arguments


class EventRow(rows.EventRow):
    """A row of the table `events`."""

    __slots__ = ()

    def item_id(self) -> str | None:
        """The id of the event's item."""
        return text_member(self.event.members, "item_id")

    def output_index(self) -> int | None:
        """The index of the event's item."""
        return self._index("output_index")

    def content_index(self) -> int | None:
        """The index of the event's content part."""
        return self._index("content_index")

    def summary_index(self) -> int | None:
        """The index of the event's summary part."""
        return self._index("summary_index")

    def delta(self) -> str | None:
        """The text of a delta."""
        return text_member(self.event.members, "delta")

    def _index(self, name: str) -> int | None:
        """An index of the event, None if it has none or one of its indexes is invalid."""
        return None if self.event.indexes is None else self.event.indexes.get(name)


def item_rows(response: Folded, source: str, stream_index: int | None) -> list[rows.ItemRow]:
    """The rows of the table `items` of one response."""
    return [ItemRow(response, source, stream_index, index, item) for index, item in enumerate(response.output())]
