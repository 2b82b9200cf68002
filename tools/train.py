"""Runs what most programs run of the extension, for the compiler to learn from: `maturin build --pgo` starts it.

It is no measure of anything: each path is taken often enough that what is usual can be told from what is not.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the logs are those of the benchmarks

import respstream
from benches import shapes

BYTES = 4_000_000
SEED = 1 + shapes.SEED  # none of the logs that are measured
PIECE = 1 << 16  # what a transport hands over under load


def logs() -> Iterator[bytes]:
    """Logs of the usual shapes and dialects."""
    for shape in (shapes.chat, shapes.mixed):
        yield shape(SEED, BYTES).data
        yield shape(SEED, BYTES, form="jsonl").data


def decode(log: bytes) -> None:
    """Typed events in pieces, one by one as they come live, and lazily; then whole responses."""
    decoder, live = respstream.Decoder(), respstream.Decoder()
    for start in range(0, len(log), PIECE):
        decoder.feed(log[start : start + PIECE])
    for line in log.splitlines(keepends=True):
        live.feed(line)
    for event in respstream.events(log):
        event.to_dict() if event.type == "response.completed" else event.raw
    for response in respstream.responses(log):
        _ = response.output_text, response.tool_calls, response.usage


def scan(log: bytes) -> None:
    """The tables of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(log)
        for table in ("responses", "events", "items"):
            for _ in respstream.scan(path, table=table).batches():
                pass


def main() -> None:
    """Raises RuntimeError where the extension is not the one that runs."""
    if respstream.BACKEND != "rust":
        raise RuntimeError(f"the extension is not in use: respstream.BACKEND is {respstream.BACKEND!r}")
    for log in logs():
        decode(log)
        scan(log)


if __name__ == "__main__":
    main()
