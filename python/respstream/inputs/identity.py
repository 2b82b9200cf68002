"""Which names mean the same file: a link, `./a` and `a`, a redirected stdin or stdout."""

# os.stat takes descriptors and names that pathlib does not accept.
# ruff: noqa: PTH116

from __future__ import annotations

import os
import stat
from typing import Any

Identity = tuple[int, int]


def identity(file: str | bytes | int) -> Identity | None:
    """Device and inode of a regular file, from its name (links are followed) or descriptor; None for anything else."""
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) and found.st_ino else None


def identity_of(stream: Any) -> Identity | None:
    """The identity of an open file, None if it is no regular file or has no descriptor."""
    try:
        return identity(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None
