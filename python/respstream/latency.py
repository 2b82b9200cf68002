"""How long a response took: time to first token, the pauses between deltas, output tokens per second.

The times come from records that have them, or from the clock of a live `Decoder`. docs/latency.md maps each figure to its
name in OpenTelemetry's `gen_ai` conventions. All figures are in seconds, except `output_tokens_per_second`.
"""

from __future__ import annotations

from math import fsum

from respstream._pure.protocols.latency import gaps, percentile
from respstream.protocols.latency import FIGURES, OTEL, Latency

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from respstream.protocols.response import Response

__all__ = ["FIGURES", "OTEL", "Latency", "latency", "merged", "percentile"]


def latency(response: Response) -> Latency:
    """The figures of a response so far. Raises nothing: a figure without times is None."""
    return response.latency


def merged(responses: Iterable[Response]) -> dict[str, Any]:
    """The figures of many responses: percentiles over all of them, pauses pooled.

    Returns `responses` (the number of those with times), the figures `duration`, `time_to_first_token` and
    `output_tokens_per_second` with the suffixes `_mean`, `_p50`, `_p95` and `_p99`, the pauses as in `FIGURES`, and `why`,
    which explains missing figures.
    """
    singles: list[Latency] = []
    pauses: list[float] = []
    why: str | None = "there are no responses"
    for response in responses:
        one = response.latency
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
