"""Formats the results: one table per row, and the file `benches/RESULTS.md`.

Statistics are computed by pytest-benchmark's `Stats`.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from pytest_benchmark.stats import Stats
from pytest_benchmark.timers import compute_timer_precision, default_timer

from benches.headlines import ratio_text, short_table
from benches.measure import Measured, Plan, Result
from benches.publish import BEGIN, END
from benches.rows import Row

PEERS = (
    "openai", "pydantic", "httpx-sse", "sseclient-py", "httpx", "httpx2", "msgspec", "orjson", "jiter", "duckdb",
    "polars", "pyarrow", "pytest-benchmark",
)  # fmt: skip


def results_file(results: Mapping[str, Result], rows: Sequence[Row], plan: Plan) -> str:
    """The content of `RESULTS.md`: the machine, the short table, and every row."""
    lines = [*heading(plan), "", BEGIN, "", *short_table(results), "", END, ""]
    lines += ["Absolute goals are for the machine above.\n", "## Rows"]
    for row in rows:
        if row.name in results:
            lines += table(row, results[row.name])
    return "\n".join(lines) + "\n"


def heading(plan: Plan) -> Iterator[str]:
    """The machine, the versions and the method."""
    yield "# Results\n"
    yield "Written by `make bench`; [README.md](README.md) describes the rows and the method.\n"
    yield f"- machine: {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    yield f"- load average of the machine when the table was written: {_load()}"
    yield f"- {platform.python_implementation()} {platform.python_version()}"
    yield f"- versions: {', '.join(f'{name} {_version(name)}' for name in ('respstream', *PEERS))}"
    profile = (
        "with a profile (`make pgo`), as in releases"
        if os.environ.get("RESPSTREAM_BUILD") == "profiled"
        else "without a profile"
    )
    yield f"- the extension: built {profile}"
    yield (
        f"- medians of {plan.min_rounds} to {plan.rounds} rounds, contenders in turn; every result of every round checked; "
        f"clock resolution {compute_timer_precision(default_timer) * 1e9:.0f} ns"
    )


def stats(one: Measured) -> Stats:
    """The statistics of a contender."""
    found = Stats()
    for seconds in one.seconds:
        found.update(seconds)
    return found


def table(row: Row, result: Result) -> Iterator[str]:
    """The lines of one row's table, in Markdown."""
    facts = result.facts
    by_name = {one.name: one for one in result.contenders}
    over = by_name[row.over].median if row.over and not by_name[row.over].failure else 0.0
    reference = by_name[row.reference]
    base = reference.median - over if not reference.failure else None
    yield f"\n### {row.name}\n"
    yield _introduction(row, result)
    memory = "peak memory, whole process" if row.whole_process else "peak memory"
    yield f"| contender | median | min to max | MB/s | events/s | {memory} | ratio |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for one in result.contenders:
        if one.failure:
            yield f"| {one.name} | failed: {one.failure} | | | | | |"
            continue
        found, subtracted = stats(one), 0.0 if one.name == row.over else over
        seconds = found.median - subtracted
        cells = (
            one.name,
            _milliseconds(seconds),
            f"{_milliseconds(found.min - subtracted)} to {_milliseconds(found.max - subtracted)}",
            f"{facts.size / seconds / 1e6:,.0f}" if facts.size else "",
            f"{facts.events / seconds:,.0f}" if facts.size else "",
            _memory(one.whole if row.whole_process else one.added),
            f"{ratio_text(base / seconds)} ×" if base and seconds > 0 and one.name != row.over else "",
        )
        yield "| " + " | ".join(cells) + " |"


def _introduction(row: Row, result: Result) -> str:
    facts = result.facts
    parts = [f"ratios to {row.reference}", f"{max(len(one.seconds) for one in result.contenders)} rounds"]
    if facts.size:
        parts.insert(0, f"{facts.size / 1e6:,.1f} MB, {facts.responses:,} responses, {facts.events:,} events")
    if row.cpu:
        parts.append("CPU time of the process")
    if row.over:
        parts.append(f"times minus that of the {row.over}")
    return "; ".join(parts) + ".\n"


def brief(row: Row, result: Result) -> Iterator[str]:
    """The lines of a row of a short run: only whether each contender passed."""
    for one in result.contenders:
        reason = f" ({one.failure})" if one.failure else ""
        yield f"{'FAILED' if one.failure else 'ok':6} {row.name}: {one.name}{reason}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms"


def _memory(found: int | None) -> str:
    return "" if found is None else f"{found / 1e6:,.1f} MB"


def _load() -> str:
    try:
        return " ".join(f"{load:.1f}" for load in os.getloadavg())
    except OSError:
        return "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown processor"


def _version(name: str) -> str:
    if name == "respstream":
        return "from the working tree"  # imported through PYTHONPATH, not installed
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
