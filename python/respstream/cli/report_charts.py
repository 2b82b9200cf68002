"""The charts of `respstream report`: SVG for the bars, which any width stretches, and HTML for the texts."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from respstream._html import escaped
from respstream.cli.stats_report import bins

SERIES = 6
"""Number of series of a stacked chart; further ones are one series, "other"."""
STEPS = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400)
"""Widths of columns of time in seconds."""
MAX_COLUMNS = 60
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
"""Before any of the APIs. Servers and tests that have no time write 0 or 1."""
OUTLIERS = 0.02
"""The share of the earliest and of the latest times that do not make the axis much longer than the others need."""
GAP = 0.12


def window(times: Sequence[float]) -> tuple[float, float]:
    """The first and the last time of the axis: all times, without a few that are far from the others."""
    ordered = sorted(time for time in times if time >= EARLIEST) or sorted(times)
    cut = int(len(ordered) * OUTLIERS)
    inner = ordered[cut], ordered[-1 - cut]
    whole = ordered[0], ordered[-1]
    return inner if (inner[1] - inner[0]) * 4 < whole[1] - whole[0] else whole


def over_time(title: str, times: Sequence[float], names: Sequence[str], colours: dict[str, str]) -> str:
    """A column per period, stacked by name. `colours`: classes of names; others get those of the palette."""
    step = next((step for step in STEPS if (max(times) - min(times)) / step < MAX_COLUMNS), 365 * 86400)
    first = int(min(times) // step)
    counts: list[Counter[str]] = [Counter() for _ in range(int(max(times) // step) - first + 1)]
    for time, name in zip(times, names, strict=True):
        counts[int(time // step) - first][name] += 1
    order = [name for name, _ in Counter(names).most_common()]
    shown = order if len(order) <= SERIES else [*order[: SERIES - 1], "other"]
    classes = {name: colours.get(name, f"s{place}") for place, name in enumerate(shown)}
    columns = []
    for place, count in enumerate(counts):
        heights = {name: count[name] for name in shown if name != "other"}
        if "other" in shown:
            heights["other"] = count.total() - sum(heights.values())
        columns.append((period((first + place) * step, step), heights))
    most = max(count.total() for count in counts)
    bars = "".join(_stack(place, label, heights, classes, most) for place, (label, heights) in enumerate(columns))
    legend = "".join(f'<li><span class="key {cls}"></span>{escaped(name)}</li>' for name, cls in classes.items())
    labels = [columns[0][0], period((first + len(columns)) * step, step)]
    return _chart(title, bars, len(columns), most, labels, f'<ul class="legend">{legend}</ul>')


def histogram(title: str, values: Sequence[float], text: Callable[[float], str], note: str) -> str:
    """A histogram of numbers, which `text` formats; `note` is printed below the title."""
    edges = bins(values)
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)] += 1
    most = max(counts)
    bars = ""
    for place, count in enumerate(counts):
        label = f"{text(edges[place])} – {text(edges[place + 1])}"
        bars += _stack(place, label, {"responses": count}, {"responses": "s0"}, most)
    middle = len(edges) // 2
    labels = [text(edges[0]), text(edges[middle]), text(edges[-1])]
    return _chart(title, bars, len(counts), most, labels, f"<p>{escaped(note)}</p>")


def _stack(place: int, label: str, heights: dict[str, int], classes: dict[str, str], most: int) -> str:
    total = sum(heights.values())
    parts = [f"{name}: {count:,}" for name, count in heights.items() if count]
    bottom, rects = 100.0, ""
    for name, count in heights.items():
        height = 100 * count / most
        if count:
            bottom -= height
            rects += f'<rect class="{classes[name]}" x="{place + GAP / 2:.2f}" y="{bottom:.2f}" width="{1 - GAP}" height="{height:.2f}"/>'
    # A column without height has a title too.
    area = f'<rect class="area" x="{place}" y="0" width="1" height="100"/>'
    about = (
        f"{label}\n{chr(10).join(parts) if len(heights) > 1 or not total else f'{total:,}'}"
        if total
        else f"{label}\nnone"
    )
    return f"<g><title>{escaped(about)}</title>{area}{rects}</g>"


def _chart(title: str, bars: str, columns: int, most: int, labels: Sequence[str], below: str) -> str:
    axis = "".join(f"<span>{escaped(label)}</span>" for label in labels)
    return (
        f'<figure><figcaption>{escaped(title)}</figcaption><div class="plot"><span class="most">{most:,}</span>'
        f'<svg viewBox="0 0 {columns} 100" preserveAspectRatio="none" role="img" aria-label="{escaped(title)}">{bars}</svg>'
        f'<div class="axis">{axis}</div></div>{below}</figure>'
    )


def period(start: float, step: int) -> str:
    """The text of a time, as exact as the width of a column needs."""
    time = datetime.fromtimestamp(start, UTC)
    return f"{time:%Y-%m-%d}" if step >= 86400 else f"{time:%Y-%m-%d %H:%M}"
