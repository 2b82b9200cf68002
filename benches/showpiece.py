"""Converts 2 GB of logs in 200 files (a third each plain, gzip and zstd) to one Parquet file; prints rate and peak memory.

`make showpiece`, or `python -m benches.showpiece --bytes 2e9`. For comparison: `wc -l` over the same files, and DuckDB, which
reads JSON Lines but cannot fold, for the tokens of each terminal event. The files repeat twenty seeded logs. Each contender is a
separate process; its peak memory is that reported by the kernel.
"""

from __future__ import annotations

import argparse
import gzip
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benches.shapes import SHAPES

FILES = 200
LOGS = ("chat", "mixed", "tools", "reasoning")
OURS = """
import re, sys, respstream
logs = respstream.scan(sys.argv[1], threads=2)
summary = logs.write_parquet(sys.argv[2])
assert not summary.problems and summary.complete, summary
print(summary.rows["responses"], summary.bytes, re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
USAGE = OURS.replace("threads=2", 'threads=2, columns=["response_id", "status", "output_tokens"]')
DUCKDB = """
import re, sys, duckdb
duckdb.sql("set threads = 2")
columns = "{type: 'VARCHAR', response: 'STRUCT(id VARCHAR, status VARCHAR, usage STRUCT(output_tokens BIGINT))'}"
duckdb.sql(f"copy (select response.id, response.status, response.usage.output_tokens from read_json('{sys.argv[1]}/*', "
    f"format='newline_delimited', maximum_object_size=100000000, columns={columns}) where type in ('response.completed', "
    f"'response.incomplete', 'response.failed')) to '{sys.argv[2]}' (format parquet, compression zstd)")
rows = duckdb.sql(f"select count(*) from '{sys.argv[2]}'").fetchall()[0][0]
print(rows, 0, re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
COUNT = "cd '{0}' && (cat *.jsonl; gzip -dc *.gz; zstd -dcq *.zst) | wc -l"


def main() -> int:
    """Writes the files, runs the contenders in turn and prints a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benches.showpiece",
        description="Convert logs in 200 files to one Parquet file and report rate and peak memory.",
    )
    parser.add_argument("--bytes", type=float, default=2e9, help="uncompressed bytes of all files (default 2e9)")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds; reports the fastest (default 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="respstream-showpiece-") as temporary:
        folder, output = Path(temporary, "logs"), Path(temporary, "out.parquet")
        folder.mkdir()
        plain = make(folder, int(options.bytes))
        compressed = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{plain / 1e6:,.0f} MB in {FILES} files, {compressed / 1e6:,.0f} MB on disk\n")
        print("| contender | seconds | plain MB/s | peak |")
        print("|---|---:|---:|---:|")
        contenders = {
            "respstream, all columns to Parquet, two threads": [sys.executable, "-c", OURS],
            "respstream, three columns to Parquet, two threads": [sys.executable, "-c", USAGE],
            "DuckDB, three columns of terminal events, two threads": [sys.executable, "-c", DUCKDB],
            "cat, gzip -dc, zstd -dc \\| wc -l": ["sh", "-c", COUNT.format(folder)],
        }
        best: dict[str, tuple[float, int]] = {}
        for _ in range(options.rounds):
            for name, command in contenders.items():
                seconds, peak = run(command, folder, output)
                best[name] = min(best.get(name, (seconds, peak)), (seconds, peak))
        for name, (seconds, peak) in best.items():
            shown = f"{peak / 1024:,.0f} MiB" if peak else ""
            print(f"| {name} | {seconds:.2f} | {plain / seconds / 1e6:,.0f} | {shown} |")
    return 0


def make(folder: Path, size: int) -> int:
    """Writes the files; returns the sum of their uncompressed bytes."""
    each = size // FILES
    logs = [SHAPES[LOGS[seed % len(LOGS)]](seed, each, form="jsonl").data for seed in range(20)]
    for number in range(FILES):
        data = logs[number % len(logs)]
        path = folder / f"{number:03}.jsonl"
        if number % 3 == 1:
            path = path.with_suffix(".jsonl.gz")
            path.write_bytes(gzip.compress(data, 6))
        elif number % 3 == 2:
            path = path.with_suffix(".jsonl.zst")
            subprocess.run(["zstd", "-q", "-o", path], input=data, check=True)
        else:
            path.write_bytes(data)
    return sum(len(logs[number % len(logs)]) for number in range(FILES))


def run(command: list[str], folder: Path, output: Path) -> tuple[float, int]:
    """Seconds, and the peak in KiB (0: the contender does not report it)."""
    output.unlink(missing_ok=True)
    start = time.perf_counter()
    done = subprocess.run([*command, folder, output], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    reported = re.search(r"^\d+ \d+ (\d+)$", done.stdout, re.MULTILINE)
    return seconds, int(reported[1]) if reported else 0


if __name__ == "__main__":
    sys.exit(main())
