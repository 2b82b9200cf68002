"""`make bench`: measures every row and prints the table, which also goes to `benches/RESULTS.md`.

The contenders of a row run in turn, round after round, so that a slow minute of the machine hits all of them. The answer of every
single run is compared with the expected one. Exit status 1 if a contender failed or answered wrongly.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from benches import bench_events, bench_fold, bench_openai, bench_scan
from benches.rows import Row
from benches.shapes import Log

RESULTS = Path(__file__).with_name("RESULTS.md")
ROWS = (*bench_events.ROWS, *bench_fold.ROWS, *bench_openai.ROWS, *bench_scan.ROWS)
PEERS = ("openai", "pydantic", "httpx-sse", "httpx", "msgspec", "orjson", "jiter", "duckdb", "polars")
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Measured:
    """The runs of one contender: seconds of each round, or what went wrong."""

    name: str
    seconds: Sequence[float]
    failure: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    rows = [row for row in ROWS if options.only in row.name]
    failures = 0
    lines = [] if options.short else [*heading(options.rounds)]
    for row in rows:
        log, measured = measure(row, rounds=1 if options.short else options.rounds, short=options.short)
        failures += sum(1 for one in measured if one.failure)
        text = [*brief(row, measured)] if options.short else [*table(row, log, measured)]
        print("\n".join(text), flush=True)
        lines += text
    output = options.output or (None if options.short or options.only else RESULTS)
    if output:
        output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    answers = sum(len(row.contenders) for row in rows)
    print(f"{len(rows)} rows, {answers} contenders, {failures} failed")
    return 1 if failures or not rows else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benches.run", description=__doc__.partition("\n")[0] if __doc__ else ""
    )
    parser.add_argument("--short", action="store_true", help="tiny inputs, one round, answers only: no times")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each row (default {ROUNDS})")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name holds TEXT; writes no results")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the table goes (default benches/RESULTS.md)")
    return parser


def measure(row: Row, *, rounds: int, short: bool = False) -> tuple[Log, list[Measured]]:
    """Run every contender once to warm up and then `rounds` times in turn. Gives the log and the runs."""
    log = row.log(short=short)
    given, expected = row.prepare(log), row.answer(log)
    seconds: dict[str, list[float]] = {name: [] for name in row.contenders}
    failures: dict[str, str] = {}
    for round_number in range(rounds + 1):
        for name in row.contenders:
            if name in failures:
                continue
            try:
                took = _time(row, name, given, expected)
            except Exception as error:
                failures[name] = f"{type(error).__name__}: {error}"
                continue
            if round_number:
                seconds[name].append(took)
    return log, [Measured(name, seconds[name], failures.get(name)) for name in row.contenders]


def _time(row: Row, name: str, given: Any, expected: Any) -> float:
    """Seconds of one run. Raises ValueError on a wrong answer."""
    contender = row.contenders[name]
    clock = time.process_time if row.cpu else time.perf_counter
    gc.collect()
    gc.freeze()  # the log and the other contenders' modules must not cost this one
    try:
        start = clock()
        answer = contender(given)
        took = clock() - start
    finally:
        gc.unfreeze()
    if answer != expected:
        raise ValueError("wrong answer")
    return took


def table(row: Row, log: Log, measured: Sequence[Measured]) -> Iterator[str]:
    """The lines of one row's table, in Markdown."""
    size, events = len(log.data), log.events
    reference = next(
        (statistics.median(one.seconds) for one in measured if one.name == row.reference and not one.failure), None
    )
    yield f"\n### {row.name}\n"
    yield f"{size / 1e6:.1f} MB, {len(log.responses):,} responses, {events:,} events; ratios to {row.reference}.\n"
    yield "| contender | median | min to max | MB/s | events/s | ratio | goal |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    for one in measured:
        if one.failure:
            yield f"| {one.name} | failed: {one.failure} | | | | | |"
            continue
        median = statistics.median(one.seconds)
        ratio = reference / median if reference else None
        cells = (
            one.name,
            _milliseconds(median),
            f"{_milliseconds(min(one.seconds))} to {_milliseconds(max(one.seconds))}",
            f"{size / median / 1e6:,.0f}",
            f"{events / median:,.0f}",
            f"{ratio:.2f} ×" if ratio else "",
            _goal(row.goals.get(one.name), ratio),
        )
        yield "| " + " | ".join(cells) + " |"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms"


def _goal(goal: float | None, ratio: float | None) -> str:
    if goal is None or ratio is None:
        return ""
    return f"{goal:g} ×: {'met' if ratio >= goal else 'missed'}"


def brief(row: Row, measured: Sequence[Measured]) -> Iterator[str]:
    """The lines of one row that was only checked."""
    for one in measured:
        yield f"{'FAILED' if one.failure else 'ok':6} {row.name}: {one.name}{f' ({one.failure})' if one.failure else ''}"


def heading(rounds: int) -> Iterator[str]:
    """The machine, the versions and how it was measured."""
    yield "# Results\n"
    yield "Written by `make bench`; see `benches/README.md` for what is measured and how.\n"
    yield f"- machine: {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    yield f"- {platform.python_implementation()} {platform.python_version()}"
    yield f"- versions: {', '.join(f'{name} {_version(name)}' for name in ('respstream', *PEERS))}"
    yield f"- medians of {rounds} rounds after one to warm up; one thread but for scans; every answer checked"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown processor"


def _version(name: str) -> str:
    if name == "respstream":
        # Not installed here but found on PYTHONPATH.
        return str(getattr(sys.modules.get(name), "__version__", "from the working tree"))
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


if __name__ == "__main__":
    sys.exit(main())
