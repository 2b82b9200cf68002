"""The groups of `respstream stats`: one row of figures per group, their order, and the first of them."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

import click

from respstream._suggest import suggestion
from respstream.cli.statistics import DEFAULT_KEYS, KEYS, TIMES, ModelStatistics, Statistics

STATUSES = ("completed", "incomplete", "failed")
LATENCIES = ("time_to_first_token", "inter_token_mean", "longest_stall", "duration", "output_tokens_per_second")
TOKENS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
COST = ("cost", "currency", "without_price", "without_usage")
FIGURES = (
    "responses",
    *STATUSES,
    *TOKENS,
    "tool_calls",
    *(f"{name}_{part}" for name in LATENCIES for part in ("p50", "p95")),
)
"""The columns of CSV after the keys; those of `COST` follow if there are prices."""


def figures(group: ModelStatistics) -> dict[str, Any]:
    """The row of a group: its keys, `FIGURES`, and with prices `COST`."""
    row: dict[str, Any] = {**group.keys, "responses": group.responses}
    row |= {status: group.statuses[status] for status in STATUSES}
    tokens = {name: sum(group.samples[name].values) for name in ("input_tokens", "output_tokens")}
    row |= {"input_tokens": int(tokens["input_tokens"]), "cached_tokens": group.cached,
            "output_tokens": int(tokens["output_tokens"]), "reasoning_tokens": group.reasoning,
            "tool_calls": group.tools.total()}  # fmt: skip
    for name in LATENCIES:
        found = group.samples[name].to_dict() or {}
        row |= {f"{name}_{part}": found.get(part) for part in ("p50", "p95")}
    if group.cost is not None:
        cost = group.cost.to_dict()
        row |= {"cost": group.cost.total, **{name: cost[name] for name in COST[1:]}}
    return row


def chosen(statistics: Statistics, sort: str | None, top: int | None) -> list[ModelStatistics]:
    """The first `top` groups (all by default) in the order of `sort`: a figure, largest first, or a key.

    By default groups of days and hours are in the order of time, others in descending order of their responses.
    """
    groups = statistics.groups()
    key = sort or next((name for name in statistics.keys if name in TIMES), None)
    if key is None or key == "responses":
        return groups[:top]
    if key in statistics.keys:
        ordered = sorted(groups, key=lambda group: (group.keys[key] is None, group.keys[key] or ""))
        return ordered[:top]
    values = [(figures(group)[key], group) for group in groups]
    known = [(value, -number, group) for number, (value, group) in enumerate(values) if value is not None]
    largest = heapq.nlargest(len(known) if top is None else top, known, key=lambda found: found[:2])
    unknown = [group for value, group in values if value is None]
    return [*(group for *_, group in largest), *unknown][:top]


def keys_option(_: click.Context, __: click.Parameter, value: str | None) -> Sequence[str]:
    """The callback of `--group-by KEY,…`."""
    if value is None:
        return DEFAULT_KEYS
    keys = [name.strip() for name in value.split(",")]
    for name in keys:
        if name not in KEYS:
            near = suggestion(name, KEYS) or f"; the keys are {', '.join(KEYS)}"
            raise click.BadParameter(f"no key {name!r}{near}")
    return tuple(dict.fromkeys(keys))


def check_sort(sort: str | None, keys: Sequence[str], *, prices: bool) -> None:
    """Raise UsageError if there is no such figure and no such key."""
    if sort is None:
        return
    if sort == "cost" and not prices:
        raise click.UsageError("--sort cost needs --prices FILE.")
    known = [*keys, *FIGURES, *((COST[0], *COST[2:]) if prices else ())]
    if sort not in known:
        near = suggestion(sort, known) or f"; the figures are {', '.join(known)}"
        raise click.UsageError(f"--sort: no figure {sort!r}{near}")
