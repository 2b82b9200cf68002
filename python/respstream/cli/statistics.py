"""The statistics of `respstream stats`: counts and percentiles of responses, by API and model or by other keys."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from respstream.cli.prices import Cost, Prices
from respstream.latency import FIGURES, percentile

COLUMNS = [
    "api",
    "model",
    "status",
    "incomplete_reason",
    "error_code",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "total_tokens",
    "tool_calls",
    "started_at",
    *FIGURES,
]
"""The columns of the table `responses` that the statistics are computed from."""

KEYS = ("model", "api", "status", "incomplete_reason", "error_code", "service_tier", "source", "lane", "conversation_id",
        "day", "hour")  # fmt: skip
"""What responses can be grouped by: columns of the table `responses`, and the day and the hour in UTC."""
TIMES = {"day": 10, "hour": 13}
"""The keys that are times, and their number of characters in RFC 3339."""
TIME_COLUMNS = ("started_at", "created_at")
DEFAULT_KEYS = ("model", "api")

NO_MODEL = "(no model)"
NO_VALUE = "(none)"
STATUSES = ("completed", "incomplete", "failed", "cancelled", "in_progress", "queued")
TOKENS = ("input_tokens", "output_tokens")
PERCENTILES = (50, 95, 99)


class Sample:
    """A sample of numbers, for percentiles."""

    def __init__(self) -> None:
        self.values = array("d")

    def add(self, value: float | None) -> None:
        """Add a number; None is ignored."""
        if value is not None:
            self.values.append(value)

    def to_dict(self) -> dict[str, float] | None:
        """Return `count`, `sum`, `mean`, `min`, `p50`, `p95`, `p99`, `max`; None if the sample is empty."""
        ordered = sorted(self.values)
        if not ordered:
            return None
        total = sum(ordered)
        percentiles = {f"p{rank}": _integral(percentile(ordered, rank) or 0.0) for rank in PERCENTILES}
        mean = total / len(ordered)
        return {"count": len(ordered), "sum": _integral(total), "mean": mean, "min": _integral(ordered[0]), **percentiles,
                "max": _integral(ordered[-1])}  # fmt: skip


class ModelStatistics:
    """The statistics of one group of responses: of one model of an API, or of all, which has no `keys`.

    `keys`: the values that the responses share. `cost`: None without prices.
    """

    def __init__(self, keys: Mapping[str, str | None] | None = None, prices: Prices | None = None) -> None:
        self.keys: Mapping[str, str | None] = keys or {}
        self.cost = None if prices is None else Cost(prices)
        self.responses = 0
        self.statuses: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.tools: Counter[str] = Counter()
        self.samples = {name: Sample() for name in (*TOKENS, *FIGURES)}
        self.cached = self.reasoning = self.timed = 0
        self.prompts = 0  # all input tokens, of which some were cached

    def add(self, row: dict[str, Any]) -> None:
        """Add the row of a response."""
        self.responses += 1
        self.statuses[row["status"] or "(none)"] += 1
        if row["incomplete_reason"]:
            self.reasons[row["incomplete_reason"]] += 1
        if row["error_code"]:
            self.errors[row["error_code"]] += 1
        for call in row["tool_calls"] or ():
            self.tools[call["name"] or call["type"]] += 1
        self.timed += row["started_at"] is not None
        for name in self.samples:
            self.samples[name].add(row[name])
        self.cached += row["cached_tokens"] or 0
        self.prompts += _prompt(row)
        self.reasoning += row["reasoning_tokens"] or 0
        if self.cost is not None:
            self.cost.add(row)

    @property
    def shares(self) -> dict[str, float | None]:
        """`cached`: share of the input tokens; `reasoning`: share of the output tokens; None without tokens."""
        return {
            "cached": _share(self.cached, (self.prompts,)),
            "reasoning": _share(self.reasoning, self.samples["output_tokens"].values),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics as JSON values."""
        return {
            "responses": self.responses,
            "status": dict(self.statuses.most_common()),
            **{name: self.samples[name].to_dict() for name in TOKENS},
            "cached_tokens": self.cached,
            "reasoning_tokens": self.reasoning,
            "cached_share": self.shares["cached"],
            "reasoning_share": self.shares["reasoning"],
            "incomplete_reasons": dict(self.reasons.most_common()),
            "errors": dict(self.errors.most_common()),
            "tool_calls": dict(self.tools.most_common()),
            "latency": {name: self.samples[name].to_dict() for name in FIGURES},
            **({} if self.cost is None else {"cost": self.cost.to_dict()}),
        }


class Statistics:
    """The statistics of each group, and of `all`.

    `keys`: what the responses are grouped by, of `KEYS`. `prices`: for their cost.
    """

    def __init__(self, keys: Sequence[str] = DEFAULT_KEYS, prices: Prices | None = None) -> None:
        self.keys = tuple(keys)
        self.prices = prices
        self.all = ModelStatistics(prices=prices)
        self._groups: dict[tuple[str | None, ...], ModelStatistics] = {}

    @property
    def columns(self) -> list[str]:
        """The columns of the table `responses` that the statistics need."""
        times = TIME_COLUMNS if any(key in TIMES for key in self.keys) else ()
        tiers = ("service_tier",) if self.prices is not None else ()
        plain = (key for key in self.keys if key not in TIMES)
        return list(dict.fromkeys([*COLUMNS, *plain, *times, *tiers]))

    def add(self, row: dict[str, Any]) -> None:
        """Add the row of a response, which has the `columns`."""
        values = tuple(key_of(row, key) for key in self.keys)
        group = self._groups.get(values)
        if group is None:
            keys = dict(zip(self.keys, values, strict=True))
            group = self._groups[values] = ModelStatistics(keys, self.prices)
        self.all.add(row)
        group.add(row)

    def groups(self) -> list[ModelStatistics]:
        """The groups, in descending order of their responses."""
        ordered = sorted(self._groups.items(), key=lambda found: (-found[1].responses, tuple(map(_text, found[0]))))
        return [group for _, group in ordered]

    def models(self) -> list[tuple[str, ModelStatistics]]:
        """Return names and statistics of the models, in descending order of their responses."""
        return self.named(self.groups())

    def named(self, groups: Sequence[ModelStatistics]) -> list[tuple[str, ModelStatistics]]:
        """What tables call the groups: their values. A model is followed by its API if there are responses of several."""
        if self.keys != DEFAULT_KEYS:
            return [(", ".join(value or NO_VALUE for value in group.keys.values()), group) for group in groups]
        models = [(group.keys["model"] or NO_MODEL, group) for group in groups]
        if len({api for _, api in self._groups}) < 2:
            return models
        return [(f"{model} ({group.keys['api']})", group) for model, group in models]

    @property
    def latency_missing(self) -> str | None:
        """The reason why there are no latencies, None if there are some."""
        if self.all.samples["duration"].values:
            return None
        if not self.all.responses:
            return "there are no responses"
        if self.all.timed:
            return "the input has one time per response, but none for its events"
        return "the input has no times; recordings and rows with --time have them"


def key_of(row: Mapping[str, Any], key: str) -> str | None:
    """The value that a response is grouped by. A day and an hour are those of the start, else of the creation."""
    if key not in TIMES:
        value: str | None = row[key]
        return value
    time = next((row[name] for name in TIME_COLUMNS if row[name] is not None), None)
    return None if time is None else time.isoformat()[: TIMES[key]]


def _text(value: str | None) -> str:
    return value or ""


def _prompt(row: dict[str, Any]) -> int:
    """All input tokens: an API may count cached ones beside `input_tokens`, but always in the total."""
    total, output, given = row["total_tokens"], row["output_tokens"], row["input_tokens"] or 0
    return max(given, 0 if total is None or output is None else total - output)


def _share(count: int, whole: Sequence[float]) -> float | None:
    total = sum(whole)
    return count / total if total else None


def _integral(value: float) -> float:
    return int(value) if value == int(value) else value
