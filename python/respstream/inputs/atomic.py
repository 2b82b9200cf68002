"""Output files and folders that appear under their name once they are complete.

A run that fails changes nothing; one that is killed may leave a hidden file beside the target that ends in `.tmp`.
"""

# pathlib would normalise names; they are used as they are.
# ruff: noqa: PTH101, PTH105, PTH106, PTH104, PTH108, PTH112, PTH116, PTH123, PTH208

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Generator


@contextlib.contextmanager
def new_file(target: str) -> Generator[str, None, None]:
    """The path of a temporary file, which replaces the target and takes its permissions when the block ends without error."""
    folder, name = os.path.split(target)
    handle, temporary = tempfile.mkstemp(prefix=f".{name[:40]}.", suffix=".tmp", dir=folder)
    os.close(handle)
    try:
        yield temporary
        os.chmod(temporary, _mode(target))
        _sync(temporary)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


@contextlib.contextmanager
def new_folder(target: str) -> Generator[str, None, None]:
    """As `new_file`, for a folder. Raises FileExistsError if the target exists and is not an empty folder."""
    if os.path.lexists(target) and (not os.path.isdir(target) or os.listdir(target)):
        raise FileExistsError(f"{target!r} already exists and is not empty")
    folder, name = os.path.split(target)
    temporary = tempfile.mkdtemp(prefix=f".{name[:40]}.", suffix=".tmp", dir=folder)
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_mask())
        for parent, _, files in os.walk(temporary):
            for file in files:
                _sync(os.path.join(parent, file))  # noqa: PTH118
        if os.path.isdir(target):
            os.rmdir(target)
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync_folder(folder)


def is_replaceable(target: str) -> bool:
    """Whether a file may be written to a path: a missing or regular file, not a device or a pipe."""
    try:
        return stat.S_ISREG(os.stat(target).st_mode)
    except FileNotFoundError:
        return True


def _mode(target: str) -> int:
    """The permissions of the file to be replaced, or those of a new file."""
    try:
        return stat.S_IMODE(os.stat(target).st_mode)
    except OSError:
        return 0o666 & ~_mask()


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync(path: str) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: str) -> None:
    # The new name is only durable once the folder is synced; not every system can open a folder.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
