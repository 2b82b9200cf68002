"""One source that a command reads: a file, a URL, or stdin."""

# Names are printed as given, which pathlib would normalise; and os.stat accepts names that pathlib does not.
# ruff: noqa: PTH116

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

SIGNAL_SECONDS = 0.5


class Source(NamedTuple):
    """A file, a URL, or stdin if `path` is None. `name` is printed in tables and messages."""

    name: str
    path: str | None
    is_url: bool = False

    def opener(self) -> Callable[[], BinaryIO] | None:
        """Return the function that opens the source, None for files."""
        if self.path is None:
            return stdin
        if not self.is_url:
            return None
        from respstream.inputs.remote import Url

        return Url(self.path)

    def size(self) -> int:
        """Return the size of a file in bytes, compressed or not; 0 if it is unknown."""
        if self.path is None or self.is_url:
            return 0
        try:
            return os.stat(self.path).st_size
        except OSError:
            return 0

    def state(self) -> dict[str, Any] | None:
        """Return size and modification time (or the store's equivalent), None if they are unknown."""
        if self.path is None:
            return None
        if self.is_url:
            from respstream.inputs import remote

            return remote.state(self.path)
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return {"size": found.st_size, "changed": found.st_mtime_ns}


class LiveFile(io.FileIO):
    """A file that may be a pipe: `read` returns the available bytes. Closing it leaves the descriptor open.

    A signal that arrives just before a blocking read is handled only after the read. So `read` waits with `select`, which
    returns every `SIGNAL_SECONDS`.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, closefd=False)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read like any unbuffered file."""
        if os.name == "posix":  # Windows can only wait for sockets
            while not select.select([self], [], [], SIGNAL_SECONDS)[0]:
                pass
        return super().read(-1 if size is None else size) or b""


def stdin() -> LiveFile:
    """Return stdin. Raises OSError if it is closed."""
    if sys.stdin is None:
        raise OSError(errno.EBADF, "stdin is closed")
    return LiveFile(sys.stdin.fileno())
