"""Server-sent events alone, below the typed events: a sans-IO decoder by the WHATWG standard and the messages it gives.

`Decoder` is the class of the engine that runs (`respstream.BACKEND`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.sse import SseDecoder as Decoder

__all__ = ["Decoder", "ServerSentEvent"]


class ServerSentEvent:
    """One dispatched message (WHATWG HTML, 9.2.6): equal by content, not hashable.

    event: the name that the block gives, or `None` where it gives none or an empty one (a browser says "message" then).
    data: the block's data lines, joined by newlines.
    id: the last event id, which stays from block to block, or `None` where there is none or it was set back to nothing.
    retry: the reconnection time in milliseconds if this very block set it, else `None`.
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
        """The data, decoded as JSON; raises `json.JSONDecodeError` if it is none."""
        import json

        return json.loads(self.data)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self.event, self.data, self.id, self.retry) == (other.event, other.data, other.id, other.retry)

    def __repr__(self) -> str:
        return f"ServerSentEvent(event={self.event!r}, data={self.data!r}, id={self.id!r}, retry={self.retry!r})"


def __getattr__(name: str) -> Any:
    # Looked up late: the engines import this module for ServerSentEvent, so it cannot import them.
    if name == "Decoder":
        from respstream._backend import engine

        return engine.SseDecoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
