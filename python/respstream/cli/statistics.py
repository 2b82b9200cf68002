"""The statistics of `respstream stats`: counts and percentiles of responses, by API and model."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

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

NO_MODEL = "(no model)"
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
    """The statistics of one model of an API, or of all: then `api` is None."""

    def __init__(self, api: str | None = None) -> None:
        self.api = api
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
            **({} if self.api is None else {"api": self.api}),
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
        }


class Statistics:
    """The statistics of each model, and of `all`."""

    def __init__(self) -> None:
        self.all = ModelStatistics()
        self._models: dict[tuple[str, str], ModelStatistics] = {}

    def add(self, row: dict[str, Any]) -> None:
        """Add the row of a response, which has the columns `COLUMNS`."""
        self.all.add(row)
        key = row["model"] or NO_MODEL, row["api"]
        model = self._models.get(key)
        if model is None:
            model = self._models[key] = ModelStatistics(row["api"])
        model.add(row)

    def models(self) -> list[tuple[str, ModelStatistics]]:
        """Return names and statistics of the models, in descending order of their responses.

        If there are responses of several APIs, a name includes the API.
        """
        several = len({api for _, api in self._models}) > 1
        ordered = sorted(self._models.items(), key=lambda found: (-found[1].responses, found[0]))
        return [(f"{name} ({api})" if several else name, model) for (name, api), model in ordered]

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


def _prompt(row: dict[str, Any]) -> int:
    """All input tokens: an API may count cached ones beside `input_tokens`, but always in the total."""
    total, output, given = row["total_tokens"], row["output_tokens"], row["input_tokens"] or 0
    return max(given, 0 if total is None or output is None else total - output)


def _share(count: int, whole: Sequence[float]) -> float | None:
    total = sum(whole)
    return count / total if total else None


def _integral(value: float) -> float:
    return int(value) if value == int(value) else value
