"""The messages of server-sent events, which both backends make."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ServerSentEvent"]


class ServerSentEvent:
    """One dispatched message (WHATWG HTML, 9.2.6): equal by content, not hashable.

    event: the name in the block, or `None` if it has none or an empty one (browsers use "message").
    data: the block's data lines, joined by newlines.
    id: the last event id, which stays from block to block, or `None` if there is none or it was reset.
    retry: the reconnection time in milliseconds if this block set it, else `None`.
    """

    __slots__ = ("data", "event", "id", "retry")
    __match_args__ = ("event", "data", "id", "retry")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, event: str | None = None, data: str = "", id: str | None = None, retry: int | None = None
    ) -> None:
        self.event = event
        self.data = data
        self.id = id
        self.retry = retry

    def json(self) -> Any:
        """The data decoded as JSON. Raises `json.JSONDecodeError` if it is not JSON, or nested deeper than 256 levels."""
        import json

        from respstream._nesting import is_deep

        if is_deep(self.data.encode("utf-8", "surrogatepass")):
            raise json.JSONDecodeError("nesting of more than 256 levels", self.data, 0)
        return json.loads(self.data)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self.event, self.data, self.id, self.retry) == (other.event, other.data, other.id, other.retry)

    def __repr__(self) -> str:
        return f"ServerSentEvent(event={self.event!r}, data={self.data!r}, id={self.id!r}, retry={self.retry!r})"
