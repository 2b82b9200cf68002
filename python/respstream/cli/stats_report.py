"""The tables and histograms that `respstream stats` prints."""

from __future__ import annotations

import math
import shutil
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import IO

import click
from rich.cells import cell_len

from respstream._units import duration
from respstream.cli.output import coloured, one_line
from respstream.cli.statistics import DEFAULT_KEYS, STATUSES, ModelStatistics, Sample, Statistics
from respstream.cli.table import clipped

GAP = "  "
MAX_NAMES = 10
"""Number of names that a list shows."""
BINS = 12
EIGHTHS = " ▏▎▍▌▋▊▉█"
MIN_LABEL = 12
COLOURS = {"failed": "red", "cancelled": "red", "incomplete": "yellow", "completed": "green"}
TITLES = {
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
    "time_to_first_token": "time to first token",
    "duration": "duration",
    "inter_token_mean": "inter-token mean",
    "inter_token_p95": "inter-token p95",
    "longest_stall": "longest stall",
    "output_tokens_per_second": "output tokens/s",
}
LATENCIES = (
    "time_to_first_token",
    "inter_token_mean",
    "inter_token_p95",
    "longest_stall",
    "duration",
    "output_tokens_per_second",
)
PLOTTED = ("input_tokens", "output_tokens", "time_to_first_token", "duration")
Line = Sequence[str]


def write_report(statistics: Statistics, groups: Sequence[ModelStatistics], file: IO[str], *, plot: bool) -> None:
    """Write the tables of the groups and of all responses and, with `plot`, the histograms."""
    header = "model" if statistics.keys == DEFAULT_KEYS else ", ".join(statistics.keys)
    report = Report(file, header)
    models = statistics.named(groups)
    if not models:
        report.paragraph("no responses")
        return
    count = len(statistics.groups())
    if len(models) < count:
        report.paragraph(f"{len(models):,} of {count:,} groups")
    everything = "all models" if statistics.keys == DEFAULT_KEYS else "all"
    shown = [*models, (everything, statistics.all)] if count > 1 else models
    _statuses(report, shown)
    _samples(report, "tokens of a response", shown, ("input_tokens", "output_tokens"))
    _shares(report, shown)
    if statistics.prices is not None:
        _costs(report, shown, statistics.prices.currency)
    _lists(report, models)
    if statistics.latency_missing is None:
        timed, count = len(statistics.all.samples["duration"].values), statistics.all.responses
        title = "latency" if timed == count else f"latency, of the {timed:,} of {count:,} responses that have times"
        _samples(report, title, shown, LATENCIES)
    else:
        report.paragraph(f"no latency: {statistics.latency_missing}")
    if plot:
        for name in PLOTTED:
            _histogram(report, name, statistics.all.samples[name])


class Report:
    """Writes headings and tables, in the width of the terminal or 80 columns. `groups`: the header of the first column."""

    def __init__(self, file: IO[str], groups: str) -> None:
        self._file = file
        self.groups = groups
        self._coloured = coloured(file)
        self._started = False
        self.width = shutil.get_terminal_size().columns

    def title(self, text: str) -> None:
        """Write a heading, with an empty line before it."""
        self.paragraph(self.paint(text, bold=True))

    def paragraph(self, text: str) -> None:
        """Write a line, with an empty line before it."""
        if self._started:
            self.write("")
        self._started = True
        self.write(text)

    def write(self, text: str) -> None:
        """Write a line."""
        self._file.write(text.rstrip() + "\n")

    def paint(self, text: str, **style: bool | str) -> str:
        """Return the text with colour or style, if the output has colours."""
        return click.style(text, **style) if self._coloured else text  # type: ignore[arg-type]

    def grid(self, header: Line, lines: Iterable[Line], *, left: int = 1) -> None:
        """Write a table: the first `left` columns are text, the others numbers. The first is clipped if the table is too wide."""
        rows = [[one_line(cell) for cell in line] for line in lines]
        natural = [max(map(cell_len, column)) for column in zip(header, *rows, strict=True)]
        spare = self.width - sum(natural) - len(GAP) * (len(natural) - 1)
        widths = [max(min(natural[0], natural[0] + spare), MIN_LABEL if natural[0] >= MIN_LABEL else natural[0])]
        widths += natural[1:]
        for number, row in enumerate([list(header), *rows]):
            # The end of a path tells files apart.
            from_left = self.groups == "source" and header[0] == self.groups
            cells = [clipped(cell, width, left=from_left and place == 0)
                     for place, (cell, width) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
            cells = [cell if place < left else cell.strip().rjust(width)
                     for place, (cell, width) in enumerate(zip(cells, widths, strict=True))]  # fmt: skip
            line = GAP.join(cells)
            self.write(self.paint(line.rstrip(), dim=True) if number == 0 else line)


# -- tables ------------------------------------------------------------------------------------------------------------


def _statuses(report: Report, shown: list[tuple[str, ModelStatistics]]) -> None:
    counts: Counter[str] = Counter()
    for _, model in shown:
        counts.update(model.statuses)
    order = [name for name in STATUSES if counts[name]] + sorted(set(counts) - set(STATUSES))
    report.title("responses by status")
    lines = [[name, _number(model.responses), *(_number(model.statuses[s]) for s in order)] for name, model in shown]
    report.grid([report.groups, "responses", *order], lines)


def _samples(report: Report, title: str, shown: list[tuple[str, ModelStatistics]], names: Sequence[str]) -> None:
    lines = []
    for label, model in shown:
        for name in names:
            found = model.samples[name].to_dict()
            if found is not None:
                integral = name.endswith("_tokens")
                total = f"{found['sum']:,.0f}" if integral else ""
                formatted = _formatter(name)
                figures = [formatted(found[key]) for key in ("mean", "p50", "p95", "p99", "max")]
                lines.append([label, TITLES[name].removesuffix(" tokens"), total, *figures])
                label = ""
    if lines:
        report.title(title)
        report.grid(
            [report.groups, "", "sum" if "tokens" in title else "", "mean", "p50", "p95", "p99", "max"], lines, left=2
        )


def _shares(report: Report, shown: list[tuple[str, ModelStatistics]]) -> None:
    lines = [[name, _percent(model.shares["cached"]), _percent(model.shares["reasoning"])] for name, model in shown]
    report.title("shares")
    report.grid([report.groups, "cached, of input", "reasoning, of output"], lines)


def _costs(report: Report, shown: list[tuple[str, ModelStatistics]], currency: str) -> None:
    lines = []
    for name, model in shown:
        if model.cost is not None:
            total, count = model.cost.total, model.cost.responses
            each = None if total is None else total / count
            lines.append([name, _amount(total), _amount(each), _number(model.cost.without_price),
                          _number(model.cost.without_usage)])  # fmt: skip
    report.title(f"cost, {currency}")
    report.grid([report.groups, "cost", "per response", "without price", "without token counts"], lines)


def _lists(report: Report, models: list[tuple[str, ModelStatistics]]) -> None:
    for title, name in (
        ("incomplete reasons", "reasons"),
        ("errors by code", "errors"),
        ("tool calls by name", "tools"),
    ):
        lines: list[list[str]] = []
        for label, model in models:
            counts: Counter[str] = getattr(model, name)
            for value, count in counts.most_common(MAX_NAMES):
                lines.append([label, value, _number(count)])
                label = ""
            if len(counts) > MAX_NAMES:
                rest = sum(counts.values()) - sum(count for _, count in counts.most_common(MAX_NAMES))
                lines.append(["", f"{len(counts) - MAX_NAMES} others", _number(rest)])
        if lines:
            report.title(title)
            report.grid([report.groups, "", "count"], lines, left=2)


def _number(count: int) -> str:
    return f"{count:,}" if count else "–"


def _amount(value: Decimal | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.2f}" if value >= 100 else f"{value:.4f}" if value >= 1 or not value else f"{value:.6f}"


def _tokens(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _rate(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def _formatter(name: str) -> Callable[[float], str]:
    """Return the function that formats the values of a figure."""
    return _tokens if name.endswith("_tokens") else _rate if name.endswith("_per_second") else duration


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


# -- histograms --------------------------------------------------------------------------------------------------------


def _histogram(report: Report, name: str, sample: Sample) -> None:
    edges = bins(sample.values)
    if not edges:
        return
    counts = [0] * (len(edges) - 1)
    for value in sample.values:
        counts[_place(edges, value)] += 1
    edge = _edge if name.endswith("_tokens") else duration
    labels = [f"{edge(low)} – {edge(high)}" for low, high in pairwise(edges)]
    label_width, count_width = max(map(len, labels)), max(len(f"{count:,}") for count in counts)
    bar_width = max(report.width - label_width - count_width - 2 * len(GAP), 10)
    report.title(f"{TITLES[name]}: {len(sample.values):,} responses")
    for label, count in zip(labels, counts, strict=True):
        bar = _bar(count / max(counts), bar_width)
        report.write(
            f"{label.rjust(label_width)}{GAP}{count:>{count_width},}{GAP}{report.paint(bar, fg='cyan') if bar else ''}"
        )


def bins(values: Sequence[float]) -> list[float]:
    """Return the edges of about twelve bins of round width, each twice as wide as the one before if values differ widely."""
    if not values:
        return []
    low, high = min(values), max(values)
    if (low > 0 and high / low > 100) or (low == 0 and high > 1000):
        first = 2.0 ** math.floor(math.log2(max(low, high / 2**BINS)))
        count = max(math.floor(math.log2(high / first)) + 1, 1)
        edges = [first * 2**number for number in range(count + 1)]
        return [0.0, *edges[1:]] if low < first else edges
    step = _step((high - low) / BINS) if high > low else max(abs(high), 1.0) / 10
    first = math.floor(low / step)
    count = max(math.floor(high / step) - first + 1, 1)
    return [(first + number) * step for number in range(count + 1)]


def _step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def _place(edges: Sequence[float], value: float) -> int:
    return min(max(bisect_right(edges, value) - 1, 0), len(edges) - 2)


def _edge(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"


def _bar(share: float, width: int) -> str:
    eighths = round(share * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
