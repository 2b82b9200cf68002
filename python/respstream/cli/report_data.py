"""What `respstream report` collects from the rows of responses, in bounded memory."""

from __future__ import annotations

from array import array
from collections import Counter
from heapq import heappush, heappushpop
from typing import Any

from respstream.cli.statistics import COLUMNS as STATISTICS
from respstream.cli.statistics import NO_MODEL, Statistics

COLUMNS = [*STATISTICS, "source", "stream_index", "byte_start", "byte_end", "response_id", "created_at", "total_tokens",
           "error_message", "output_text", "diagnostics", "deltas"]  # fmt: skip
"""The columns of the table `responses` that the report is made of."""
EXTREMES, LISTED = 10, 200
"""Numbers of slowest and largest responses, and of responses with a problem, that are listed."""


class ReportData:
    """The statistics, the times of the responses, and those to list.

    `problems`: the first responses that are not completed or have an error or a diagnostic. `codes`: the number of responses
    with each diagnostic.
    """

    def __init__(self) -> None:
        self.statistics = Statistics()
        self.times = array("d")
        self.kinds: list[tuple[str, str]] = []
        self.codes: Counter[str] = Counter()
        self.problems: list[dict[str, Any]] = []
        self.unlisted = self._number = 0
        self._slow: list[tuple[float, int, dict[str, Any]]] = []
        self._large: list[tuple[float, int, dict[str, Any]]] = []
        self._names: dict[tuple[str, str], tuple[str, str]] = {}

    def add(self, row: dict[str, Any]) -> None:
        """Add the row of a response."""
        self._number += 1
        self.statistics.add(row)
        time = row["started_at"] or row["created_at"]
        if time is not None:
            kind = row["status"] or "(none)", row["model"] or NO_MODEL
            self.times.append(time.timestamp())
            self.kinds.append(self._names.setdefault(kind, kind))
        self.codes.update(set(row["diagnostics"]))
        if row["status"] != "completed" or row["error_code"] or row["diagnostics"]:
            if len(self.problems) < LISTED:
                self.problems.append(row)
            else:
                self.unlisted += 1
        self._keep(self._slow, row["duration"], row)
        self._keep(self._large, row["total_tokens"], row)

    def _keep(self, heap: list[tuple[float, int, dict[str, Any]]], value: float | None, row: dict[str, Any]) -> None:
        if value is not None:
            (heappush if len(heap) < EXTREMES else heappushpop)(heap, (value, -self._number, row))

    @property
    def slowest(self) -> list[dict[str, Any]]:
        """The responses of the longest duration, that first."""
        return [row for *_, row in sorted(self._slow, key=lambda kept: kept[:2], reverse=True)]

    @property
    def largest(self) -> list[dict[str, Any]]:
        """The responses with most tokens, that first."""
        return [row for *_, row in sorted(self._large, key=lambda kept: kept[:2], reverse=True)]
