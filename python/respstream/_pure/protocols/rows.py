"""The rows of the tables (docs/tables.md): the values that `columns` extracts, as far as they are those of every API.

The folder of each API has its own classes, derived from these. Times are microseconds since the epoch. Integers that do not
fit 64 bits, and members of another kind, are null.
"""

from __future__ import annotations

import math

from respstream._pure.json import text_member
from respstream._pure.protocols.columns import TABLES
from respstream._pure.protocols.latency import Figures, figures
from respstream._pure.protocols.usage import count_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.protocol import ParsedEvent, ResponseState

_INT = 2**63
_LAST_SECOND = 253_402_300_800  # the end of the year 9999, the last that every reader of timestamps can show


class ResponseRow:
    """A row of the table `responses`."""

    __slots__ = ("_figures", "response", "source", "stream_index")

    def __init__(self, response: Any, source: str, stream_index: int | None) -> None:
        self.response, self.source, self.stream_index = response, source, stream_index
        self._figures: Figures | None = None

    def previous_response_id(self) -> str | None:
        """The id of the response that this one continues."""
        return None

    def conversation_id(self) -> str | None:
        """The id of the conversation."""
        return None

    def model(self) -> str | None:
        """The name of the model."""
        raise NotImplementedError

    def created_at(self) -> int | None:
        """When the response was created."""
        return None

    def completed_at(self) -> int | None:
        """When the response was completed."""
        return None

    def service_tier(self) -> str | None:
        """The service tier."""
        return None

    def item_count(self) -> int:
        """The number of items."""
        raise NotImplementedError

    def usage(self) -> Any:
        """The usage object."""
        raise NotImplementedError

    def incomplete_reason(self) -> str | None:
        """Why the response is incomplete."""
        return None

    def metadata(self) -> str | None:
        """The metadata as JSON."""
        return None

    def tokens(self, name: str) -> int | None:
        """A number of tokens in the usage."""
        return integer(count_of(self.usage(), name))

    def error(self, name: str) -> str | None:
        """A text or an integer of the API's error, as text."""
        value = (self.response.error() or {}).get(name)
        number = integer(value)
        return text_member({name: value}, name) if number is None else str(number)

    @staticmethod
    def timestamp(value: float | None) -> int | None:
        """Seconds since the epoch in microseconds."""
        return timestamp(value)

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

    __slots__ = ("output_index", "response", "source", "stream_index")

    def __init__(self, response: Any, source: str, stream_index: int | None, output_index: int) -> None:
        self.response, self.source, self.stream_index = response, source, stream_index
        self.output_index = output_index

    def item_id(self) -> str | None:
        """The id of the item."""
        return None

    def type(self) -> str | None:
        """The type of the item."""
        raise NotImplementedError

    def status(self) -> str | None:
        """The status of the item."""
        return None

    def role(self) -> str | None:
        """The role of a message."""
        return None

    def name(self) -> str | None:
        """The name of the function of a call."""
        return None

    def call_id(self) -> str | None:
        """The id of a call."""
        return None

    def all_text(self) -> str | None:
        """The text of the item."""
        return None

    def arguments(self) -> str | None:
        """The arguments of a call."""
        return None


class EventRow:
    """A row of the table `events`. `event_index`: the position of the event in its response."""

    __slots__ = ("event", "event_index", "response", "source", "stream_index")

    def __init__(
        self, event: ParsedEvent, response: ResponseState | None, source: str, stream_index: int | None,
        event_index: int,
    ) -> None:  # fmt: skip
        self.event, self.response, self.source = event, response, source
        self.stream_index, self.event_index = stream_index, event_index

    def item_id(self) -> str | None:
        """The id of the event's item."""
        return None

    def output_index(self) -> int | None:
        """The index of the event's item or choice."""
        return None

    def content_index(self) -> int | None:
        """The index of the event's content part."""
        return None

    def summary_index(self) -> int | None:
        """The index of the event's summary part."""
        return None

    def delta(self) -> str | None:
        """The text of a delta."""
        return None

    @staticmethod
    def timestamp(value: float | None) -> int | None:
        """Seconds since the epoch in microseconds."""
        return timestamp(value)


def values_of(row: ResponseRow, *, whole: bool = False) -> tuple[Any, ...]:
    """The values of the table `responses` for one response, in column order.

    `whole`: extra columns have values; without it they are None.
    """
    return tuple(column.value(row) if whole or not column.extra else None for column in TABLES["responses"])


def timestamp(value: Any) -> int | None:
    """Seconds since the epoch in microseconds; None outside the years 1970 to 9999, and for other kinds of values."""
    if type(value) is int:
        return value * 1_000_000 if 0 <= value < _LAST_SECOND else None
    if isinstance(value, float):
        return math.floor(value * 1e6 + 0.5) if 0 <= value < _LAST_SECOND else None
    return None


def integer(value: Any) -> int | None:
    """An integer that fits 64 bits, else None."""
    return value if type(value) is int and -_INT <= value < _INT else None
