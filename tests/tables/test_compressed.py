"""Large compressed files: a thread without work decompresses while another one parses, and the result is the same."""

from __future__ import annotations

import gzip
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

import respstream
from tests.support.chat_streams import chunk, jsonl

# Compressed files from this size on are decompressed in a thread of their own.
LARGE = 1 << 18
CODECS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstd.compress}


def log(responses: int, seed: int = 1) -> bytes:
    """Responses with texts that compress little."""
    rng = random.Random(seed)
    events = []
    for number in range(responses):
        name = f"c{number}"
        events += [chunk(rng.randbytes(800).hex(), ident=name) for _ in range(8)]
        events.append(chunk(finish="stop", ident=name))
    return jsonl(events)


def read(path: Path, **options: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows and the summary."""
    scan = respstream.scan(path, ["responses", "diagnostics"], **options)
    found = scan.to_arrow()
    rows = [row for table in ("responses", "diagnostics") for row in found[table].to_pylist()]
    assert scan.summary is not None
    return rows, scan.summary.to_dict()


def count_threads() -> int:
    """The threads of this process, also those that Python does not know; 0 where the system does not tell."""
    found = Path("/proc/self/task")
    return len(list(found.iterdir())) if found.is_dir() else 0


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("damage", ["none", "cut", "bad", "members", "behind"])
def test_threads_do_not_change_the_result(tmp_path: Path, codec: str, damage: str) -> None:
    packed = CODECS[codec](log(90))
    assert len(packed) > 2 * LARGE
    packed = {
        "none": packed,
        "cut": packed[:-50_000],
        "bad": packed[: 2 * LARGE] + b"\xff" * 1000,
        "members": packed + CODECS[codec](log(90, seed=2)),
        "behind": packed + b"behind",
    }[damage]
    (path := tmp_path / f"log.jsonl.{codec}").write_bytes(packed)
    one = read(path, threads=1)
    assert len(one[0]) > 40
    assert bool(one[1]["problems"]) == (damage in ("cut", "bad", "behind"))
    for threads in (2, 4):
        assert read(path, threads=threads) == one


@pytest.mark.usefixtures("api")
def test_several_files(tmp_path: Path, codec: str) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jsonl.{codec}").write_bytes(CODECS[codec](log(60, seed=number)))
    one = read(tmp_path, threads=1)
    assert len(one[0]) == 180
    assert all(read(tmp_path, threads=threads) == one for threads in (2, 3, 4))


@pytest.mark.usefixtures("api")
def test_strict_scan_ends_at_the_same_row(tmp_path: Path, codec: str) -> None:
    data = log(50) + b"{broken\n" + log(50, seed=2)
    (path := tmp_path / f"log.jsonl.{codec}").write_bytes(CODECS[codec](data))
    counts = []
    for threads in (1, 2):
        batches = respstream.scan(path, "events", strict=True, threads=threads, batch_rows=50).batches()
        sizes: list[int] = []
        with pytest.raises(respstream.StreamError) as raised:
            sizes.extend(batch.num_rows for batch in batches)
        counts.append((sum(sizes), raised.value.offset))
    assert counts[0] == counts[1]
    assert counts[0][0] > 400


@pytest.mark.usefixtures("api")
def test_reader_may_stop_early(tmp_path: Path, codec: str) -> None:
    """The thread that decompresses ends with the scan."""
    (path := tmp_path / f"log.jsonl.{codec}").write_bytes(CODECS[codec](log(90)))
    before = count_threads()
    for _ in range(20):
        batches = respstream.scan(path, threads=2, batch_rows=1).batches()
        next(batches)
        del batches
    end = time.monotonic() + 60
    while count_threads() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert count_threads() <= before


@pytest.mark.usefixtures("api")
def test_progress_counts_stored_bytes(tmp_path: Path, codec: str) -> None:
    (path := tmp_path / f"log.jsonl.{codec}").write_bytes(CODECS[codec](log(90)))
    scan = respstream.scan(path, threads=2)
    scan.to_arrow()
    assert scan._stored == path.stat().st_size
