"""The rows of the tables (docs/tables.md): the values that `columns` extracts.

Times are microseconds since the epoch. Integers that do not fit 64 bits, and members of another kind, are null.
"""

from __future__ import annotations

import math

from respstream._pure.json import locate
from respstream._pure.protocols.latency import Figures, figures
from respstream._pure.protocols.protocol import ParsedEvent
from respstream._pure.protocols.responses import CHAT_NAMES
from respstream._pure.protocols.responses.columns import TABLES
from respstream._pure.protocols.responses.response import Folded, text_member, texts_of
from respstream._pure.protocols.responses.tool_calls import KINDS, argument_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_INT = 2**63
_LAST_SECOND = 253_402_300_800  # the end of the year 9999, the last that every reader of timestamps can show


class ResponseRow:
    """A row of the table `responses`."""

    __slots__ = ("_figures", "response", "source", "stream_index")

    def __init__(self, response: Folded, source: str, stream_index: int | None) -> None:
        self.response, self.source, self.stream_index = response, source, stream_index
        self._figures: Figures | None = None

    def text(self, name: str) -> str | None:
        """A text of the response object."""
        return text_member(self.response.base, name)

    def conversation_id(self) -> str | None:
        """The id of the conversation, which is an object or the id itself."""
        value = self.response.base.get("conversation")
        return text_member({"id": value} if isinstance(value, str) else value, "id")

    def time(self, name: str) -> int | None:
        """A time of the response object, in microseconds."""
        return timestamp(self.response.base.get(name))

    @staticmethod
    def timestamp(value: float | None) -> int | None:
        """Seconds since the epoch in microseconds."""
        return timestamp(value)

    def tokens(self, name: str, details: str | None = None) -> int | None:
        """A number of tokens in `usage`, or in its member `details`."""
        usage = self.response.base.get("usage")
        if details is None:
            return _integer(usage, _sent_name(usage, name))
        return _integer(_member(usage, _sent_name(usage, details)), name)

    def incomplete_reason(self) -> str | None:
        """Why the response is incomplete."""
        return text_member(self.response.base.get("incomplete_details"), "reason")

    def error(self, name: str) -> str | None:
        """A text or an integer of the API's error, as text."""
        value = (self.response.error() or {}).get(name)
        if type(value) is int and -_INT <= value < _INT:
            return str(value)
        return text_member({name: value}, name)

    def metadata(self) -> str | None:
        """The metadata as JSON."""
        raw = self.response.base_raw()
        if raw is None or not isinstance(self.response.base.get("metadata"), dict):
            return None
        start, end = locate(raw)["metadata"]
        return raw[start:end].decode(errors="replace")

    @property
    def latency(self) -> Figures:
        """The latency figures, computed once."""
        if self._figures is None:
            folded = self.response
            times = folded.started_at, folded.first_delta_at, folded.ended_at
            self._figures = figures(*times, folded.delta_times, self.tokens("output_tokens"))
        return self._figures


class ItemRow:
    """A row of the table `items`."""

    __slots__ = ("_item", "output_index", "response", "source", "stream_index")

    def __init__(self, response: Folded, source: str, stream_index: int | None, output_index: int, item: Any) -> None:
        self.response, self.source, self.stream_index = response, source, stream_index
        self.output_index, self._item = output_index, item

    def text(self, name: str) -> str | None:
        """A text of the item."""
        return text_member(self._item, name)

    def all_text(self) -> str | None:
        """The output text of the item, else its reasoning text, else its reasoning summary."""
        output_text, _, reasoning_text, reasoning_summary = texts_of([self._item])
        return output_text or reasoning_text or reasoning_summary or None

    def arguments(self) -> str | None:
        """The arguments of a call, or the input of a custom tool."""
        if text_member(self._item, "type") in KINDS:
            return argument_text(self._item)
        arguments = self.text("arguments")
        return self.text("input") if arguments is None else arguments


class EventRow:
    """A row of the table `events`. `event_index`: the position of the event in its response."""

    __slots__ = ("event", "event_index", "response", "source", "stream_index")

    def __init__(
        self, event: ParsedEvent, response: Folded | None, source: str, stream_index: int | None, event_index: int
    ) -> None:
        self.event, self.response, self.source = event, response, source
        self.stream_index, self.event_index = stream_index, event_index

    def text(self, name: str) -> str | None:
        """A text of the event."""
        return text_member(self.event.members, name)

    def index(self, name: str) -> int | None:
        """An index of the event, None if it has none or one of its indexes is invalid."""
        return None if self.event.indexes is None else self.event.indexes.get(name)

    @staticmethod
    def timestamp(value: float | None) -> int | None:
        """Seconds since the epoch in microseconds."""
        return timestamp(value)


def response_row(response: Folded, source: str, *, whole: bool = False) -> tuple[Any, ...]:
    """The values of the table `responses` for one response, in column order.

    `source`: the value of the first column. `whole`: extra columns have values; without it they are None.
    """
    row = ResponseRow(response, source, response.stream_index)
    return tuple(column.value(row) if whole or not column.extra else None for column in TABLES["responses"])


def timestamp(value: Any) -> int | None:
    """Seconds since the epoch in microseconds; None outside the years 1970 to 9999, and for other kinds of values."""
    if type(value) is int:
        return value * 1_000_000 if 0 <= value < _LAST_SECOND else None
    if isinstance(value, float):
        return math.floor(value * 1e6 + 0.5) if 0 <= value < _LAST_SECOND else None
    return None


def _sent_name(usage: Any, name: str) -> str:
    """The name of a member of `usage`, or the one of Chat Completions if only that is present."""
    other = CHAT_NAMES.get(name, name)
    return other if isinstance(usage, dict) and name not in usage and other in usage else name


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _integer(value: Any, key: str) -> int | None:
    number = _member(value, key)
    return number if type(number) is int and -_INT <= number < _INT else None
