"""A progress bar on stderr for large inputs: bytes, rate, files, time left."""

# Names are printed as given, which pathlib would normalise.
# ruff: noqa: PTH119

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from respstream.cli.source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.progress import Progress as Bar

MIN_BYTES, MIN_FILES = 64 << 20, 2000
"""Smaller inputs are read too quickly for a progress bar."""


class Progress:
    """Counts the bytes of the files, compressed or not. Nothing is shown for stdin, small inputs, or without a terminal."""

    def __init__(self, inputs: Sequence[Source], *, enabled: bool = True) -> None:
        self._bar: Bar | None = None
        self._names = [source.name for source in inputs]
        if (
            not enabled
            or sys.stderr is None
            or not sys.stderr.isatty()
            or any(source.path is None for source in inputs)
        ):
            return
        sizes = [source.size() for source in inputs]
        if sum(sizes) < MIN_BYTES and len(inputs) < MIN_FILES:
            return
        self._total = sum(sizes)
        self._bar = _bar()
        self._task = self._bar.add_task("", total=sum(sizes) or None, name="", files=self._files(0))

    def start(self, name: str) -> None:
        """Show the name of the file that is read now."""
        self._update(name=os.path.basename(name))

    def end(self, sources: int) -> None:
        """Show the number of files read so far."""
        self._update(files=self._files(sources))

    def advance(self, count: int) -> None:
        """Add bytes that were read."""
        if self._bar is not None:
            self._bar.advance(self._task, count)

    def scanned(self, sources: int, stored: int | None) -> None:
        """Show the progress of a scan: the number of files, and their bytes that were read; None for all."""
        if self._bar is not None:
            # Parts that overlap are read twice.
            completed = self._total if stored is None else min(stored, self._total)
            name = os.path.basename(self._names[min(sources, len(self._names) - 1)])
            self._update(completed=completed, name=name, files=self._files(sources))

    def _update(self, **fields: Any) -> None:
        if self._bar is not None:
            self._bar.update(self._task, **fields)

    def _files(self, sources: int) -> str:
        count = len(self._names)
        return f"{sources:,}/{count:,} files" if count > 1 else ""

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar() -> Bar:
    from rich import progress
    from rich.console import Console
    from rich.table import Column

    narrow = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return progress.Progress(
        progress.TextColumn("{task.fields[name]}", markup=False, table_column=narrow),
        progress.BarColumn(bar_width=20),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TextColumn("{task.fields[files]}", markup=False),
        progress.TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    )
