"""A bar on stderr for long runs."""

# Names stay as they were given, which pathlib would normalise; and os.path answers where pathlib raises.
# ruff: noqa: PTH116, PTH119

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from types import TracebackType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.progress import Progress as Bar

WORTH_BYTES = 64 << 20
"""Less than this is read before anybody wonders."""


class Progress:
    """Counts bytes as they lie in the files, compressed or not. It shows nothing for stdin, small input, or no terminal."""

    def __init__(self, paths: Iterable[str | None], *, wanted: bool = True) -> None:
        self._bar: Bar | None = None
        if wanted and sys.stderr is not None and sys.stderr.isatty():
            total = _size(paths)
            if total >= WORTH_BYTES:
                self._bar = _bar()
                self._task = self._bar.add_task("", total=total, name="")

    def start(self, name: str) -> None:
        """Names the file that is read now."""
        if self._bar is not None:
            self._bar.update(self._task, name=os.path.basename(name))

    def advance(self, count: int) -> None:
        """Counts bytes that were read."""
        if self._bar is not None:
            self._bar.advance(self._task, count)

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

    return progress.Progress(
        progress.TextColumn("{task.fields[name]}", markup=False),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    )


def _size(paths: Iterable[str | None]) -> int:
    """The bytes of all files; 0 where one is stdin, whose length nobody knows."""
    total = 0
    for path in paths:
        if path is None:
            return 0
        try:
            total += os.stat(path).st_size
        except OSError:
            continue
    return total
