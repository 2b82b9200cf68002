"""Output files and folders that appear under their name once they are complete.

A run that fails changes nothing; one that is killed may leave a hidden file beside the target that ends in `.tmp`.
"""

# pathlib would normalise names; they are used as they are.
# ruff: noqa: PTH101, PTH102, PTH105, PTH106, PTH104, PTH108, PTH112, PTH116, PTH118, PTH120, PTH123, PTH208

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Generator


@contextlib.contextmanager
def new_file(target: str) -> Generator[str, None, None]:
    """The path of a temporary file, which replaces the target and takes its permissions when the block ends without error."""
    temporary = _temporary(target)
    replaced = _mode(target)
    # The system applies the umask, which a process can only read by changing it for all its threads.
    with _named(target):
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666 if replaced is None else 0o600))
    try:
        yield temporary
        if replaced is not None:
            os.chmod(temporary, replaced)
        _sync(temporary)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(os.path.dirname(target))


@contextlib.contextmanager
def new_folder(target: str) -> Generator[str, None, None]:
    """As `new_file`, for a folder. Raises FileExistsError if the target exists and is not an empty folder."""
    if os.path.lexists(target) and (not os.path.isdir(target) or os.listdir(target)):
        raise FileExistsError(f"{target!r} already exists and is not empty")
    temporary = _temporary(target)
    with _named(target):
        os.mkdir(temporary)
    try:
        yield temporary
        for parent, _, files in os.walk(temporary):
            for file in files:
                _sync(os.path.join(parent, file))
        if os.path.isdir(target):
            os.rmdir(target)
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync_folder(os.path.dirname(target))


def is_replaceable(target: str) -> bool:
    """Whether a file may be written to a path: a missing or regular file, not a device or a pipe."""
    try:
        return stat.S_ISREG(os.stat(target).st_mode)
    except FileNotFoundError:
        return True


def _temporary(target: str) -> str:
    """A new hidden name beside the target."""
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{name[:40]}.{os.urandom(6).hex()}.tmp")


@contextlib.contextmanager
def _named(target: str) -> Generator[None, None, None]:
    """Errors inside name the target, not the temporary file."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror, target) from None


def _mode(target: str) -> int | None:
    """The permissions of the file to be replaced, None if there is none."""
    try:
        return stat.S_IMODE(os.stat(target).st_mode)
    except OSError:
        return None


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
