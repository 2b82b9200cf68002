"""The state of a response at one moment, for pickle and copy; the same for both backends."""

from __future__ import annotations

from respstream.protocols.payload import Values, locate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream.protocols.state import State

__all__ = ["Snapshot"]

FACTS = (
    "api", "complete", "terminal", "lane", "byte_start", "byte_end", "line", "stream_index", "events", "deltas", "first_sequence",
    "last_sequence", "started_at", "first_delta_at", "ended_at", "delta_times", "id", "status", "diagnostics",
)  # fmt: skip


class Snapshot(Values):
    """The state of a pickled or copied response. It has the interface `State` and never changes."""

    version = calls_version = 0

    def __init__(self, state: State) -> None:
        for name in FACTS:
            value = getattr(state, name)
            setattr(self, name, list(value) if name in ("diagnostics", "delta_times") else value)
        calls = state.calls()
        self._calls = calls
        self._arguments = {rank: state.call_arguments(rank) for rank, *_ in calls}
        self._json = state.json()
        self._keys = dict.fromkeys(state.keys())
        self._texts = state.texts()
        self._error = state.error()

    def json(self) -> bytes:
        """The whole response as JSON."""
        return self._json

    def keys(self) -> list[str]:
        """The names of its members."""
        return list(self._keys)

    def member(self, name: str) -> bytes | None:
        """One member as JSON, None if it is missing."""
        span = locate(self._json).get(name)
        return None if span is None or name not in self._keys else self._json[span[0] : span[1]]

    def texts(self) -> tuple[str, str | None, str, str]:
        """Output text, refusal, reasoning text and reasoning summary."""
        return self._texts

    def calls(self) -> list[tuple[int, str, str | None, str | None]]:
        """Rank in the output, type, call id and name of each call."""
        return self._calls

    def call_text(self, rank: int, position: Any) -> tuple[str, Any] | None:
        """The arguments of the call of that rank: the whole text without a position, else nothing new."""
        text = self._arguments.get(rank)
        return None if text is None else ("" if position is not None else text, True)

    def call_arguments(self, rank: int) -> str | None:
        """The arguments of the call of that rank, None if there are none."""
        return self._arguments.get(rank)

    def tool_calls(self) -> list[tuple[str, str | None, str | None, str | None]]:
        """Type, call id, name and arguments of each call."""
        return [(kind, call_id, name, self._arguments[rank]) for rank, kind, call_id, name in self._calls]

    def error(self) -> dict[str, Any] | None:
        """The API's error."""
        return self._error
