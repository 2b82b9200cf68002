"""A nightly job: converts one day's logs to a Parquet partition, and prints a report of all days.

    pip install 'respstream[arrow]' duckdb
    python nightly.py logs/2026-11-20 lake --day 2026-11-20

Logs, also .gz and .zst, are read on all cores in bounded memory. The partition appears only when it is complete and replaces an old one, so
a job that was killed can be run again. Logs that could not be read completely are listed, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import sys
from pathlib import Path

import respstream

try:
    import duckdb
except ImportError as missing:
    sys.exit(f"this example needs {missing.name}: pip install 'respstream[arrow]' duckdb")

COLUMNS = [
    *["source", "response_id", "model", "status", "error_code", "tool_calls", "diagnostics"],
    *["input_tokens", "cached_tokens", "output_tokens", "started_at", "first_delta_at", "ended_at"],
]
REPORT = """
    select day, model, count(*) as responses,
        count(*) filter (status is distinct from 'completed') as not_completed,
        sum(output_tokens)::bigint as output_tokens,
        round(100 * sum(cached_tokens) / nullif(sum(input_tokens), 0), 1) as cached_percent,
        sum(len(tool_calls))::bigint as tool_calls,
        count(*) filter (len(diagnostics) > 0) as odd
    from read_parquet(?, hive_partitioning = true)
    group by day, model order by day, responses desc, model
"""


def load(logs: str, lake: Path, day: str) -> respstream.Summary:
    """Writes the partition of a day, partitioned by model; returns the summary of the scan."""
    partition = lake / f"day={day}"
    fresh = lake / f".{day}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    lake.mkdir(parents=True, exist_ok=True)
    summary = respstream.scan(logs, columns=COLUMNS).write_parquet(fresh, partition_by="model")
    shutil.rmtree(partition, ignore_errors=True)
    fresh.rename(partition)
    return summary


def main() -> int:
    """Runs the job; the exit status is 1 if a log could not be read completely."""
    parser = argparse.ArgumentParser(description="Converts one day's logs to a Parquet partition, and prints a report.")
    parser.add_argument("logs", help="a folder, a glob, or a URL")
    parser.add_argument("lake", type=Path, help="the folder of the partitions")
    parser.add_argument("--day", default=datetime.date.today().isoformat(), help="the day of the logs (default: today)")
    options = parser.parse_args()
    try:
        summary = load(options.logs, options.lake, options.day)
    except (ImportError, OSError) as error:
        sys.exit(f"nightly.py: {error}")
    print(f"{summary.rows['responses']} responses of {summary.sources} logs, {summary.bytes:,} bytes")
    for source, code, reason in summary.problems:
        print(f"{source}: {code}: {reason}", file=sys.stderr)
    report = duckdb.sql(REPORT, params=[str(options.lake / "day=*" / "*" / "*.parquet")])
    assert report is not None  # None is for statements without a result
    report.show(max_width=120)
    return int(bool(summary.problems))


if __name__ == "__main__":
    sys.exit(main())
