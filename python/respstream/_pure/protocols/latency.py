"""Latency of a response, computed from its times: docs/latency.md. All figures are in seconds, except the last."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple


if TYPE_CHECKING:

    class Figures(NamedTuple):
        """The figures of one response; a figure is None if its times are not known."""

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
    started: float | None, first: float | None, ended: float | None, deltas: Sequence[float], tokens: int | None
) -> Figures:
    """The figures of a response.

    `started`, `first`, `ended`: the times of the request, of the first delta and of the end, in seconds. `deltas`: the times
    of all deltas, ascending. `tokens`: the number of output tokens.
    """
    if started is None or ended is None or (ended <= started and first is None):
        return Figures()
    duration = ended - started
    return Figures(
        duration,
        None if first is None else first - started,
        *_pauses(deltas),
        _rate(tokens, deltas, duration),
    )


def gaps(times: Sequence[float]) -> list[float]:
    """The pauses between consecutive times."""
    return [later - earlier for earlier, later in pairwise(times)]


def percentile(ordered: Sequence[float], part: float) -> float | None:
    """The percentile of values in ascending order, interpolated linearly; None if there are no values."""
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
    # The pauses add up to the difference of the first and the last time.
    mean = (times[-1] - times[0]) / len(ordered)
    return mean, percentile(ordered, 50), percentile(ordered, 95), percentile(ordered, 99), ordered[-1]


def _rate(tokens: int | None, deltas: Sequence[float], duration: float) -> float | None:
    """Output tokens per second between the first and the last delta; over the whole duration if there is at most one."""
    if tokens is None or tokens < 0:
        return None
    streamed = deltas[-1] - deltas[0] if len(deltas) > 1 else 0.0
    if streamed > 0:
        return (tokens - 1) / streamed if tokens > 1 else None
    return tokens / duration if duration > 0 else None
