"""`make bench`: measures every row, prints its table, and writes `benches/RESULTS.md`.

Failures are reported and do not stop the run; the file is rewritten after every row. Exit status 1 if a contender failed or
returned a wrong result.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benches import (
    bench_completions,
    bench_events,
    bench_fold,
    bench_imports,
    bench_live,
    bench_memory,
    bench_messages,
    bench_openai,
    bench_scan,
    bench_threads,
    bench_websocket,
)
from benches.measure import Plan, Result, measure
from benches.publish import RESULTS, publish
from benches.report import brief, results_file, table
from benches.rows import Size

ROWS = (
    *bench_events.ROWS,
    *bench_openai.ROWS,
    *bench_completions.ROWS,
    *bench_messages.ROWS,
    *bench_live.ROWS,
    *bench_websocket.ROWS,
    *bench_fold.ROWS,
    *bench_threads.ROWS,
    *bench_scan.ROWS,
    *bench_memory.ROWS,
    *bench_imports.ROWS,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    plan = plan_of(options)
    rows = [row for row in ROWS if options.only in row.name and (options.full or not row.only_full)]
    output = options.output or (None if options.short or options.only else RESULTS)
    results: dict[str, Result] = {}
    for number, row in enumerate(rows, 1):
        started = time.perf_counter()
        result = results[row.name] = measure(row, plan)
        took = time.perf_counter() - started
        print("\n".join(brief(row, result) if options.short else table(row, result)), flush=True)
        print(f"[{number} of {len(rows)}: {row.name}, {took:.0f} s]", file=sys.stderr, flush=True)
        if output:
            output.write_text(results_file(results, rows, plan), encoding="utf-8")
    if output == RESULTS:
        publish()
    found = [one for result in results.values() for one in result.contenders]
    failures = sum(1 for one in found if one.failure)
    print(f"{len(rows)} rows, {len(found)} contenders, {failures} failed")
    return 1 if failures or not rows else 0


def plan_of(options: argparse.Namespace) -> Plan:
    """The plan for the options of the command line."""
    if options.short:
        return Plan(size="short", rounds=1, min_rounds=1, memory=False)
    size: Size = "full" if options.full else "usual"
    limit = 1200 if options.full else Plan.limit
    return Plan(size, options.rounds, min(Plan.min_rounds, options.rounds), options.seconds, limit=limit)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benches.run", description=__doc__.partition("\n")[0] if __doc__ else ""
    )
    parser.add_argument("--short", action="store_true", help="check results only: tiny inputs, one round, no times")
    parser.add_argument("--full", action="store_true", help="200 MB to 10 GB per row; takes an hour")
    parser.add_argument("--rounds", type=int, default=Plan.rounds, help="maximum number of rounds per row (default 7)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=Plan.max_seconds,
        help="start no further round after this time, once three are done (default 8)",
    )
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only rows whose name contains TEXT; does not write RESULTS.md"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="output file (default benches/RESULTS.md)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
