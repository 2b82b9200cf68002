"""A bar on stderr for long runs: bytes, rate, files, time left."""

# Names stay as they were given, which pathlib would normalise; and os.path answers where pathlib raises.
# ruff: noqa: PTH119

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import accumulate
from types import TracebackType
from typing import Any

from respstream.cli.inputs import Input, size_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.progress import Progress as Bar

WORTH_BYTES, WORTH_FILES = 64 << 20, 2000
"""Less than this is read before anybody wonders."""
PACKED = (".gz", ".zst")


class Progress:
    """Counts bytes as they lie in the files, compressed or not. It shows nothing for stdin, small input, or no terminal."""

    def __init__(self, inputs: Sequence[Input], *, wanted: bool = True) -> None:
        self._bar: Bar | None = None
        self._names = [one.name for one in inputs]
        if not wanted or sys.stderr is None or not sys.stderr.isatty() or any(one.path is None for one in inputs):
            return
        sizes = [size_of(one) for one in inputs]
        if sum(sizes) < WORTH_BYTES and len(inputs) < WORTH_FILES:
            return
        self._ends = [0, *accumulate(sizes)]
        self._plain = all(
            size and not one.name.lower().endswith(PACKED) for one, size in zip(inputs, sizes, strict=True)
        )
        self._bar = _bar()
        self._task = self._bar.add_task("", total=sum(sizes) or None, name="", files=self._files(0))

    def start(self, name: str) -> None:
        """Names the file that is read now."""
        self._update(name=os.path.basename(name))

    def end(self, sources: int) -> None:
        """So many files were read."""
        self._update(files=self._files(sources))

    def advance(self, count: int) -> None:
        """Counts bytes that were read."""
        if self._bar is not None:
            self._bar.advance(self._task, count)

    def seen(self, sources: int, count: int) -> None:
        """So many files were scanned, which held so many plain bytes."""
        if self._bar is not None:
            there = count if self._plain else self._ends[min(sources, len(self._names))]
            name = os.path.basename(self._names[min(sources, len(self._names) - 1)])
            self._update(completed=there, name=name, files=self._files(sources))

    def _update(self, **told: Any) -> None:
        if self._bar is not None:
            self._bar.update(self._task, **told)

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
