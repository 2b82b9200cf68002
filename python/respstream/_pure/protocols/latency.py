"""How long a response took, from its times: docs/latency.md. All figures are seconds, but for the last."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple


if TYPE_CHECKING:

    class Figures(NamedTuple):
        """The figures of one response; each is None where no times tell it."""

        duration: float | None = None
        time_to_first_token: float | None = None
        inter_token_mean: float | None = None
        inter_token_p50: float | None = None
        inter_token_p95: float | None = None
        inter_token_p99: float | None = None
        longest_stall: float | None = None
        output_tokens_per_second: float | None = None

else:
    _NAMES = (
        "duration time_to_first_token inter_token_mean inter_token_p50 inter_token_p95 inter_token_p99 "
        "longest_stall output_tokens_per_second"
    )
    Figures = namedtuple("Figures", _NAMES, defaults=(None,) * 8)


def figures(
    began: float | None, first: float | None, ended: float | None, deltas: Sequence[float], tokens: int | None
) -> Figures:
    """The figures of a response that began, had its first delta and ended then, and its deltas at these times, ascending."""
    if began is None or ended is None or (ended <= began and first is None):
        return Figures()
    duration = ended - began
    return Figures(
        duration,
        None if first is None else first - began,
        *_pauses(deltas),
        _rate(tokens, deltas, duration),
    )


def gaps(times: Sequence[float]) -> list[float]:
    """The pauses between neighbours, in the order of the input."""
    return [later - earlier for earlier, later in pairwise(times)]


def percentile(ordered: Sequence[float], part: float) -> float | None:
    """The percentile of values in ascending order, between neighbours by proportion; None of none."""
    if not ordered:
        return None
    place = (len(ordered) - 1) * part / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _pauses(times: Sequence[float]) -> tuple[float | None, float | None, float | None, float | None, float | None]:
    """Mean, percentiles and maximum of the pauses."""
    ordered = sorted(gaps(times))
    if not ordered:
        return None, None, None, None, None
    # Neighbours' differences sum up to that of the ends.
    mean = (times[-1] - times[0]) / len(ordered)
    return mean, percentile(ordered, 50), percentile(ordered, 95), percentile(ordered, 99), ordered[-1]


def _rate(tokens: int | None, deltas: Sequence[float], duration: float) -> float | None:
    """Output tokens a second while they came: from the first delta to the last; of the whole where there is one or none."""
    if tokens is None or tokens < 0:
        return None
    streamed = deltas[-1] - deltas[0] if len(deltas) > 1 else 0.0
    if streamed > 0:
        return (tokens - 1) / streamed if tokens > 1 else None
    return tokens / duration if duration > 0 else None
