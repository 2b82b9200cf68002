"""The progress of a command counts the bytes of its files as they are stored, also of compressed ones."""

from __future__ import annotations

import gzip
import shutil
import sys
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

import respstream
from respstream.cli import progress
from respstream.cli.inputs import InputReader
from respstream.cli.progress import Progress
from respstream.cli.scan_source import ScanSource

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STREAM = respstream.sample("hello_world.sse").read_bytes() + b"\n"
RANDOM = Random(7)
WHOLE = b"".join(b": %s\n" % RANDOM.randbytes(400).hex().encode() + STREAM for _ in range(2000))
"""Its comments cannot be compressed to less than 800 kB, which is several blocks."""


@pytest.fixture(params=["plain", "gz", "zst"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    compress: Any = {"plain": bytes, "gz": gzip.compress, "zst": zstd.compress}[request.param]
    path = tmp_path / "log.sse"  # compression is detected from the bytes
    path.write_bytes(compress(WHOLE))
    return path


class Recorded(Progress):
    """Keeps what the bar would show."""

    def __init__(self, reader: InputReader) -> None:
        super().__init__(reader.inputs, enabled=False)
        self.seen: list[int | None] = []

    def scanned(self, sources: int, stored: int | None) -> None:
        self.seen.append(stored)

    def advance(self, count: int) -> None:
        self.seen.append((self.seen[-1] or 0) + count if self.seen else count)


def test_scan(path: Path, backends: tuple[ModuleType, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    size = path.stat().st_size
    for backend in backends:
        monkeypatch.setattr("respstream._backend.engine", backend)
        reader = InputReader([str(path)], "auto", 1 << 26)
        reader.progress = shown = Recorded(reader)
        source = ScanSource(reader, "responses", ["response_id"], threads=1, batch_rows=50)
        assert sum(batch.num_rows for batch in source.batches()) == 2000
        *running, last = shown.seen
        assert last is None  # the end
        counts = [count for count in running if count is not None]
        assert counts == sorted(counts)
        assert len(set(counts)) > 2
        assert counts[-1] == size
        assert source._scan._stored == size
        list(source._scan.batches())
        assert source._scan._stored == size  # of the latest pass


@pytest.mark.parametrize(
    "filters", [{"strip_prefix": "x: ?"}, {"encoding": "utf-8"}], ids=lambda found: next(iter(found))
)
def test_scan_behind_filters(
    path: Path,
    filters: dict[str, str],
    backends: tuple[ModuleType, ModuleType],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bytes of the file, not those that were decompressed for the filters."""
    size = path.stat().st_size
    for backend in backends:
        monkeypatch.setattr("respstream._backend.engine", backend)
        scan = respstream.scan(path, columns=["response_id"], threads=1, batch_rows=50, **filters)  # type: ignore[call-overload]
        for _ in range(2):
            seen = [scan._stored for _ in scan.batches()]
            assert seen == sorted(seen)
            assert len(set(seen)) > 2
            assert 0 < seen[0] <= size
            assert scan._stored == size


def test_parts_of_a_file(tmp_path: Path) -> None:
    """Parts that several threads read overlap by little."""
    path = tmp_path / "log.sse"
    path.write_bytes(WHOLE * 20)
    scan = respstream.scan(path, "events", ["type"], threads=4)
    assert sum(len(batch) for batch in scan.batches()) > 0
    assert path.stat().st_size <= scan._stored < path.stat().st_size * 1.1


def test_fold(path: Path) -> None:
    reader = InputReader([str(path)], "auto", 1 << 26)
    reader.progress = shown = Recorded(reader)
    (source,) = reader.inputs
    assert sum(len(found) for found in reader.fold(reader.decoder(), source)) == 2000
    assert shown.seen[-1] == path.stat().st_size


def test_bar_shows_the_stored_bytes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "MIN_BYTES", 1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    reader = InputReader([str(path)], "auto", 1 << 26)
    bar = Progress(reader.inputs)
    assert bar._bar is not None
    size = path.stat().st_size
    for stored, completed in [(size // 2, size // 2), (size * 2, size), (None, size)]:
        bar.scanned(1, stored)
        assert bar._bar.tasks[0].completed == completed
        assert bar._bar.tasks[0].total == size


def test_several_files(tmp_path: Path, path: Path) -> None:
    for name in ("a.sse", "b.sse"):
        shutil.copy(path, tmp_path / name)
    scan = respstream.scan(tmp_path, columns=["model"], threads=2)
    scan.to_arrow()
    assert scan._stored == 3 * path.stat().st_size
