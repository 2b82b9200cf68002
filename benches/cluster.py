"""`make bench-cluster`: Ray Data and Spark with 1 and 2 workers over 4 GB of logs, compared with `respstream.scan` with as many threads.

Each measurement is a separate process; they run in turn, round after round. Reports the wall time of the read (without the start
of the engine, after a small warm-up read) and the CPU time of all processes of the engine. The engine's overhead is the
difference to the scan. Every run is checked for the expected number of rows. The logs repeat seeded blocks of `shapes.mixed`,
so ids are not unique.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benches import shapes

TOKEN = "RESPSTREAM_BENCH_TOKEN"
COLUMNS = {"all columns": None, "usage": ["response_id", "model", "status", "input_tokens", "output_tokens"]}
BLOCK_BYTES = 8_000_000
BLOCKS = 8
FILE_BYTES = 128_000_000


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benches.cluster", description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4.0, help="size of the logs in GB (default 4)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--engines", nargs="*", default=list(READERS), choices=list(READERS))
    parser.add_argument("--folder", type=Path, help="parent folder of the temporary logs")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(*options.child)))
        return 0
    folder = Path(tempfile.mkdtemp(prefix="respstream-cluster-", dir=options.folder))
    try:
        rows, size = make(folder, int(options.gigabytes * 1e9))
        print(f"{size / 1e9:.2f} GB in {len(list(folder.iterdir()))} files, {rows:,} responses\n", flush=True)
        found = measured(folder, rows, options)
    finally:
        shutil.rmtree(folder)
    print("\n".join(table(found, size)))
    return 0


def make(folder: Path, size: int) -> tuple[int, int]:
    """Write the logs. Returns the number of responses and of bytes."""
    blocks = [shapes.mixed(seed, BLOCK_BYTES) for seed in range(BLOCKS)]
    chosen = random.Random(1)
    rows = total = 0
    for number in range(-(-size // FILE_BYTES)):
        with (folder / f"{number:04}.sse").open("wb") as file:
            while file.tell() < min(FILE_BYTES, size - total):
                block = chosen.choice(blocks)
                file.write(block.data)
                rows += len(block.responses)
            total += file.tell()
    return rows, total


Key = tuple[str, int, str]


def measured(folder: Path, rows: int, options: argparse.Namespace) -> dict[Key, dict[str, float]]:
    """The medians of each combination. Raises ValueError for a wrong number of rows."""
    keys = [(e, workers, columns) for columns in COLUMNS for workers in options.workers for e in options.engines]
    runs: dict[Key, list[dict[str, float]]] = {key: [] for key in keys}
    for number in range(options.rounds):
        for engine, workers, columns in keys:
            command = [sys.executable, "-m", "benches.cluster", "--child", engine, str(workers), columns, str(folder)]
            settings = {TOKEN: uuid.uuid4().hex, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
            done = subprocess.run(
                command, env={**os.environ, **settings}, capture_output=True, text=True, check=False, timeout=1800
            )
            if done.returncode:
                raise RuntimeError(f"{engine}: {done.stderr[-2000:]}")
            found = json.loads(done.stdout.splitlines()[-1])
            if found["rows"] != rows:
                raise ValueError(f"{engine} returned {found['rows']:,} of {rows:,} rows")
            runs[engine, workers, columns].append(found)
            print(f"round {number + 1}: {engine}, {workers}, {columns}: {found}", flush=True)
    return {key: {name: statistics.median(run[name] for run in some) for name in some[0]} for key, some in runs.items()}


def table(found: dict[Key, dict[str, float]], size: int) -> Iterator[str]:
    """The lines of the table, in Markdown."""
    yield "\n| columns | workers | engine | start | read | GB/s | CPU | overhead, wall time | overhead, CPU time |"
    yield "|---|---:|---|---:|---:|---:|---:|---:|---:|"
    for (engine, workers, columns), run in found.items():
        scan = found.get(("scan", workers, columns))
        overhead = ["", ""]
        if scan and engine != "scan":
            overhead = [f"{1 - scan[name] / run[name]:.0%}" for name in ("seconds", "cpu")]
        cells = [columns, str(workers), engine, f"{run['start']:.1f} s", f"{run['seconds']:.1f} s"]
        cells += [f"{size / run['seconds'] / 1e9:.2f}", f"{run['cpu']:.1f} s", *overhead]
        yield "| " + " | ".join(cells) + " |"


# -- one measurement -----------------------------------------------------------------------------------------------------


def child(engine: str, workers: str, columns: str, folder: str) -> dict[str, float]:
    """Measure one read in this process and its child processes."""
    begin = time.perf_counter()
    read = READERS[engine](int(workers), COLUMNS[columns])
    read(str(sorted(Path(folder).iterdir())[0]))  # starts the workers and their imports
    start, cpu = time.perf_counter(), cpu_seconds()
    rows = read(folder)
    seconds = time.perf_counter() - start
    return {"start": start - begin, "seconds": seconds, "cpu": cpu_seconds() - cpu, "rows": rows}


def cpu_seconds() -> float:
    """CPU time of all processes with our token, including their finished children."""
    token = f"{TOKEN}={os.environ[TOKEN]}".encode()
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if token in (process / "environ").read_bytes().split(b"\0"):
                numbers = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, numbers[11:15]))
        except OSError:  # it ended, or belongs to another user
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


Read = Callable[[str], int]


def scan_reader(workers: int, columns: list[str] | None) -> Read:
    """Batches in this process, with `workers` threads."""
    import respstream

    def read(path: str) -> int:
        return sum(batch.num_rows for batch in respstream.scan(path, columns=columns, threads=workers).batches())

    return read


def ray_reader(workers: int, columns: list[str] | None) -> Read:
    """Blocks through Ray's object store into this process."""
    import ray

    from respstream.integrations.ray import read_responses

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False

    def read(path: str) -> int:
        batches: Any = read_responses(path, columns=columns).iter_batches(batch_size=None, batch_format="pyarrow")
        return sum(batch.num_rows for batch in batches)

    return read


def spark_reader(workers: int, columns: list[str] | None) -> Read:
    """Arrow batches into the JVM, which only counts the rows."""
    from pyspark.sql import Observation, SparkSession
    from pyspark.sql import functions as f

    from respstream.integrations.spark import register

    builder: Any = SparkSession.builder
    spark = builder.master(f"local[{workers}]").config("spark.ui.enabled", "false").getOrCreate()
    register(spark)

    def read(path: str) -> int:
        seen = Observation()
        options = {} if columns is None else {"columns": ",".join(columns)}
        frame = spark.read.format("respstream").options(**options).load(path)
        frame.observe(seen, f.count(f.lit(1)).alias("rows")).write.format("noop").mode("overwrite").save()
        rows: int = seen.get["rows"]
        return rows

    return read


READERS: dict[str, Callable[[int, list[str] | None], Read]] = {
    "scan": scan_reader,
    "Ray Data": ray_reader,
    "Spark": spark_reader,
}

if __name__ == "__main__":
    sys.exit(main())
