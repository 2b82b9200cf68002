"""Helpers of the engine tests. Workers import this module too: it must be on their path."""

from __future__ import annotations

import importlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

SKIP = "RESPSTREAM_SKIP_ENGINES"
"""Names engines, with commas between, whose tests are skipped; else an engine that is not there is an error."""
PATIENCE = 60.0
"""Seconds after which something that should have happened never will."""


def wanted(engine: str, module: str | None = None) -> Any:
    """Imports the engine's module; skips the tests if the environment excludes it."""
    if engine in os.environ.get(SKIP, "").split(","):
        pytest.skip(f"{SKIP} names {engine}", allow_module_level=True)
    return importlib.import_module(module or engine)


def rows(table: pa.Table | Any) -> list[tuple[Any, ...]]:
    """Rows in an order of their own, without the column that splits do not have."""
    names = [name for name in pa.schema(table.schema).names if name != "stream_index"]
    columns = [column.to_pylist() for column in pa.table(table).select(names).columns]
    return sorted(zip(*columns, strict=True), key=repr)


class Killer:
    """Kills the first process that calls `visit`, from outside; later callers continue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def visit(self) -> None:
        """Where a worker waits for its death."""
        try:
            with (self.folder / "pid").open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            return
        (self.folder / "ready").touch()
        time.sleep(PATIENCE)
        raise TimeoutError("nobody killed this worker")

    def kill(self) -> None:
        """Waits for a worker and kills it; to be run in a thread of the test."""
        end = time.monotonic() + PATIENCE
        while not (self.folder / "ready").exists() and time.monotonic() < end:
            time.sleep(0.05)
        if (self.folder / "ready").exists():
            os.kill(self.pid, signal.SIGKILL)
            (self.folder / "killed").touch()

    @property
    def pid(self) -> int:
        """Of the process that waits, or waited."""
        return int((self.folder / "pid").read_text())
