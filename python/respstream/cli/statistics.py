"""The figures of `stats`: counts and percentiles of responses, by model."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

from respstream.latency import FIGURES, percentile

COLUMNS = [
    "model",
    "status",
    "incomplete_reason",
    "error_code",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "tool_calls",
    "started_at",
    *FIGURES,
]
"""The columns of the table `responses` that the figures are made of."""

NO_MODEL = "(no model)"
STATUSES = ("completed", "incomplete", "failed", "cancelled", "in_progress", "queued")
TOKENS = ("input_tokens", "output_tokens")
PARTS = (50, 95, 99)


class Sample:
    """Numbers of which percentiles are wanted."""

    def __init__(self) -> None:
        self.values = array("d")

    def add(self, value: float | None) -> None:
        """Takes a number; None is none."""
        if value is not None:
            self.values.append(value)

    def to_dict(self) -> dict[str, float] | None:
        """`count`, `sum`, `mean`, `min`, `p50`, `p95`, `p99`, `max`; None of none."""
        ordered = sorted(self.values)
        if not ordered:
            return None
        total = sum(ordered)
        parts = {f"p{part}": _whole(percentile(ordered, part) or 0.0) for part in PARTS}
        mean = total / len(ordered)
        return {"count": len(ordered), "sum": _whole(total), "mean": mean, "min": _whole(ordered[0]), **parts,
                "max": _whole(ordered[-1])}  # fmt: skip


class Model:
    """The figures of one model, or of all."""

    def __init__(self) -> None:
        self.responses = 0
        self.statuses: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.tools: Counter[str] = Counter()
        self.samples = {name: Sample() for name in (*TOKENS, *FIGURES)}
        self.cached = self.reasoning = self.timed = 0

    def add(self, row: dict[str, Any]) -> None:
        """Takes the row of a response."""
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
        self.reasoning += row["reasoning_tokens"] or 0

    @property
    def shares(self) -> dict[str, float | None]:
        """`cached` as a part of the input tokens, `reasoning` as one of the output tokens; None of none."""
        return {
            "cached": _share(self.cached, self.samples["input_tokens"].values),
            "reasoning": _share(self.reasoning, self.samples["output_tokens"].values),
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, for machines."""
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
        }


class Figures:
    """The figures of a run: of each model, and of `all`."""

    def __init__(self) -> None:
        self.all = Model()
        self._models: dict[str, Model] = {}

    def add(self, row: dict[str, Any]) -> None:
        """Takes the row of a response, which has the columns `COLUMNS`."""
        self.all.add(row)
        name = row["model"] or NO_MODEL
        model = self._models.get(name)
        if model is None:
            model = self._models[name] = Model()
        model.add(row)

    def models(self) -> list[tuple[str, Model]]:
        """The models by name, those with most responses first."""
        return sorted(self._models.items(), key=lambda found: (-found[1].responses, found[0]))

    @property
    def why_no_latency(self) -> str | None:
        """Why there are no latencies; None where there are some."""
        if self.all.samples["duration"].values:
            return None
        if not self.all.responses:
            return "there are no responses"
        if self.all.timed:
            return "the input holds one time for each response, and none of what came before"
        return "the input holds no times; recordings do, and rows with --time"


def _share(part: int, whole: Sequence[float]) -> float | None:
    total = sum(whole)
    return part / total if total else None


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value
