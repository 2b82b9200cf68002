"""How long a response took: time to first token, the pauses between deltas, output tokens a second.

The times come from records that hold them, or from the clock of a live `Decoder`. docs/latency.md maps each figure to the
name that OpenTelemetry's `gen_ai` conventions have for it. All figures are seconds, but for `output_tokens_per_second`.
"""

from __future__ import annotations

from math import fsum

from respstream._pure.latency import Figures, figures, gaps, percentile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from respstream.response import Response

__all__ = ["FIGURES", "OTEL", "Latency", "latency", "merged", "percentile"]

FIGURES = Figures._fields
"""The names of the figures, in order; the table `responses` has columns of these names."""

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
"""What OpenTelemetry's conventions call a figure or a column of the table `responses`."""


class Latency:
    """The figures of one response, or of many; each is None where no times tell it.

    `started_at`, `first_delta_at` and `ended_at` are seconds since the epoch; `why` says why there are no figures.
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
        """The figures that OpenTelemetry's `gen_ai` conventions have a metric for, by its name; those that are there."""
        figures = self.to_dict()
        return {OTEL[name]: value for name, value in figures.items() if name in OTEL and value is not None}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Latency):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value:.6g}" for name, value in self.to_dict().items() if value is not None)
        return f"Latency({told or self.why})"


def latency(response: Response) -> Latency:
    """The figures of a response, so far as it has come. It raises nothing: what no time tells is None."""
    state = response._state
    began, first, ended = state.started_at, state.first_delta_at, state.ended_at
    if began is None or ended is None:
        return Latency(why="the source holds no times")
    times = {"started_at": began, "first_delta_at": first, "ended_at": ended}
    if ended <= began and first is None:
        return Latency(why="the source holds one time for the whole response", **times)
    found = figures(began, first, ended, state.delta_times, _output_tokens(response))
    return Latency(why=None if first is not None else "the source holds no times of deltas", **times, **found._asdict())


def merged(responses: Iterable[Response]) -> dict[str, Any]:
    """The figures of many responses: percentiles over all of them, pauses pooled.

    Gives `responses` (how many had times), `output_tokens_per_second` and `duration` and `time_to_first_token` as
    `_mean`, `_p50`, `_p95` and `_p99`, the pauses as in `FIGURES`, and `why` where there are none.
    """
    singles: list[Latency] = []
    pauses: list[float] = []
    why: str | None = "there are no responses"
    for response in responses:
        one = latency(response)
        why = one.why
        if one.duration is not None:
            singles.append(one)
            pauses += gaps(response._state.delta_times)
    pauses.sort()
    found: dict[str, Any] = {
        "responses": len(singles),
        "inter_token_mean": fsum(pauses) / len(pauses) if pauses else None,
    }
    for part in (50, 95, 99):
        found[f"inter_token_p{part}"] = percentile(pauses, part)
    found["longest_stall"] = pauses[-1] if pauses else None
    for name in ("duration", "time_to_first_token", "output_tokens_per_second"):
        values = sorted(value for one in singles if (value := getattr(one, name)) is not None)
        found[f"{name}_mean"] = fsum(values) / len(values) if values else None
        for part in (50, 95, 99):
            found[f"{name}_p{part}"] = percentile(values, part)
    found["why"] = None if singles else why
    return found


def _output_tokens(response: Response) -> int | None:
    usage = response.usage
    tokens = getattr(usage, "output_tokens", None)
    return tokens if type(tokens) is int and tokens < 1 << 63 else None
