"""Logs for the query engines and the rows that a scan returns. `make test-engines` runs this folder; `make test` does not.

The engines have a separate environment (`.venv-engines`).
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import respstream
from benches import shapes
from tests.integrations.engines.tools import Killer, rows

SMALL = 40


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings of the engines are no errors."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of logs: one that is cut, one that is packed, rows of JSON, and many small ones."""
    folder = tmp_path_factory.mktemp("logs")
    block = shapes.mixed(1, 600_000).data
    (folder / "large.sse").write_bytes(block * 40)
    (folder / "packed.sse.gz").write_bytes(gzip.compress(shapes.chat(2, 400_000).data, 1))
    (folder / "rows.jsonl").write_bytes(shapes.tools(3, 300_000, form="jsonl").data)
    for number in range(SMALL):
        (folder / f"small{number:02}.sse").write_bytes(shapes.chat(number + 10, 1).data)
    return folder


@pytest.fixture(scope="session")
def expected(logs: Path) -> Any:
    """The rows of a scan of the logs by table and columns, in the order of `rows`."""

    def scanned(table: Any = "responses", columns: list[str] | None = None) -> list[tuple[Any, ...]]:
        return rows(respstream.scan(logs, table, columns).to_arrow())

    return scanned


@pytest.fixture
def killer(tmp_path: Path) -> Iterator[Killer]:
    """A killer that has done its work when the test ends."""
    killer = Killer(tmp_path)
    thread = threading.Thread(target=killer.kill)
    thread.start()
    yield killer
    thread.join()
    assert (tmp_path / "killed").exists()
