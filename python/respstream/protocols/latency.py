"""The latency figures of a response: time to first token, the pauses between deltas, output tokens per second."""

from __future__ import annotations

from respstream._pure.protocols.latency import Figures, figures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["FIGURES", "OTEL", "Latency", "latency_of"]

FIGURES = Figures._fields
"""The names of the figures, in order; the table `responses` has columns with these names."""

OTEL = {
    "duration": "gen_ai.client.operation.duration",
    "time_to_first_token": "gen_ai.client.operation.time_to_first_chunk",
    "inter_token_mean": "gen_ai.client.operation.time_per_output_chunk",
    "started_at": "span start",
    "ended_at": "span end",
    "output_tokens": "gen_ai.usage.output_tokens",
    "input_tokens": "gen_ai.usage.input_tokens",
    "model": "gen_ai.response.model",
    "response_id": "gen_ai.response.id",
}
"""The names in OpenTelemetry's `gen_ai` conventions of figures and columns of the table `responses`."""


class Latency:
    """The figures of one response; a figure is None if its times are not known.

    All figures are in seconds, except `output_tokens_per_second`. `started_at`, `first_delta_at` and `ended_at` are in
    seconds since the epoch. `why` explains missing figures.
    """

    __slots__ = (*FIGURES, "ended_at", "first_delta_at", "started_at", "why")

    duration: float | None
    time_to_first_token: float | None
    inter_token_mean: float | None
    inter_token_p50: float | None
    inter_token_p95: float | None
    inter_token_p99: float | None
    longest_stall: float | None
    output_tokens_per_second: float | None
    started_at: float | None
    first_delta_at: float | None
    ended_at: float | None
    why: str | None

    def __init__(self, **figures: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, figures.get(name))

    def to_dict(self) -> dict[str, float | None]:
        """The figures by name, in the order of `FIGURES`."""
        return {name: getattr(self, name) for name in FIGURES}

    def to_otel(self) -> dict[str, float]:
        """The known figures that have a metric in OpenTelemetry's `gen_ai` conventions, by the name of the metric."""
        figures = self.to_dict()
        return {OTEL[name]: value for name, value in figures.items() if name in OTEL and value is not None}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Latency):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value:.6g}" for name, value in self.to_dict().items() if value is not None)
        return f"Latency({shown or self.why})"


def latency_of(state: Any, usage: Any) -> Latency:
    """The figures of a response so far, from the times in its state and the tokens in its usage."""
    started, first, ended = state.started_at, state.first_delta_at, state.ended_at
    if started is None or ended is None:
        return Latency(why="the source contains no times")
    times = {"started_at": started, "first_delta_at": first, "ended_at": ended}
    if ended <= started and first is None:
        return Latency(why="the source contains only one time for the whole response", **times)
    found = figures(started, first, ended, state.delta_times, _output_tokens(usage))
    return Latency(
        why=None if first is not None else "the source contains no times of deltas", **times, **found._asdict()
    )


def _output_tokens(usage: Any) -> int | None:
    tokens = getattr(usage, "output_tokens", None)
    return tokens if type(tokens) is int and tokens < 1 << 63 else None
