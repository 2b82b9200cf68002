"""The interface of a response's state, which the backends implement. For type checkers only: nothing imports it at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from respstream.diagnostics import Diagnostic


class CallState(Protocol):
    """The tool calls of one response."""

    @property
    def stream_index(self) -> int | None:
        """The position of the response in the order of ending; None while it is open."""
        ...

    @property
    def calls_version(self) -> int:
        """A number that changes whenever the result of `calls` may change."""
        ...

    def calls(self) -> list[tuple[int, str, str | None, str | None]]:
        """Rank in the output, type, call id and name of each call."""
        ...

    def call_text(self, rank: int, position: Any) -> tuple[str, Any] | None:
        """The arguments of a call after a position, and the next position; None if the position is invalid."""
        ...

    def call_arguments(self, rank: int) -> str | None:
        """The arguments of a call, None if there are none."""
        ...

    def tool_calls(self) -> list[tuple[str, str | None, str | None, str | None]]:
        """Type, call id, name and arguments of each call."""
        ...


class State(CallState, Protocol):
    """One response. `version` changes whenever anything else may change; `value` and `texts` are cached until then."""

    @property
    def version(self) -> int:
        """A number that changes whenever anything of the response may change."""
        ...

    @property
    def api(self) -> str:
        """The name of its API."""
        ...

    @property
    def complete(self) -> bool:
        """Whether a terminal event was seen, or the response was not streamed."""
        ...

    @property
    def terminal(self) -> str | None:
        """The type of the terminal event."""
        ...

    @property
    def lane(self) -> str | None:
        """The lane of the response."""
        ...

    @property
    def byte_start(self) -> int:
        """The offset of its first event, in bytes."""
        ...

    @property
    def byte_end(self) -> int:
        """The end of its last event, in bytes."""
        ...

    @property
    def line(self) -> int:
        """The 1-based line of its first event."""
        ...

    @property
    def stream_index(self) -> int | None:
        """The position of the response in the order of ending; None while it is open."""
        ...

    @property
    def events(self) -> int:
        """The number of its events."""
        ...

    @property
    def deltas(self) -> int:
        """The number of its deltas."""
        ...

    @property
    def first_sequence(self) -> int | None:
        """The first sequence number."""
        ...

    @property
    def last_sequence(self) -> int | None:
        """The last sequence number."""
        ...

    @property
    def started_at(self) -> float | None:
        """When it was requested or began, in seconds since the epoch."""
        ...

    @property
    def first_delta_at(self) -> float | None:
        """When its first delta arrived, in seconds since the epoch."""
        ...

    @property
    def ended_at(self) -> float | None:
        """When its last event arrived, in seconds since the epoch."""
        ...

    @property
    def delta_times(self) -> Sequence[float]:
        """The times of its deltas, in seconds since the epoch."""
        ...

    @property
    def id(self) -> str | None:
        """Its id."""
        ...

    @property
    def status(self) -> str | None:
        """Its status."""
        ...

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Its diagnostics."""
        ...

    def keys(self) -> list[str]:
        """The names of its members."""
        ...

    def member(self, name: str) -> bytes | None:
        """One member as JSON, None if it is missing."""
        ...

    def value(self, name: str, default: Any) -> Any:
        """One member as a value, or `default` if it is missing."""
        ...

    def json(self) -> bytes:
        """The whole response as JSON."""
        ...

    def texts(self) -> tuple[str, str | None, str, str]:
        """Output text, refusal, reasoning text and reasoning summary."""
        ...

    def error(self) -> dict[str, Any] | None:
        """The members of the API's error."""
        ...
