"""The inputs of a scan: paths, globs, folders and URLs, as a list in a fixed order."""

# pathlib would normalise names, and raises for some names that os.path accepts.
# ruff: noqa: PTH112, PTH116, PTH118, PTH207

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

SUFFIXES = (".sse", ".jsonl", ".json", ".txt", ".log", ".ndjson", ".har")
ENDINGS = tuple(suffix + packed for suffix in SUFFIXES for packed in ("", ".gz", ".zst"))

NO_LOGS = f"no file ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, compressed or not"
"""Why a folder has nothing to read."""


class Input(NamedTuple):
    """A source.

    `name`: its name in tables. `place`: a path as bytes, or a callable that opens it. `part`: the range of bytes to read, or
    None for all.
    """

    name: str
    place: bytes | Callable[[], BinaryIO]
    part: tuple[int, int | None] | None = None


class Unlisted:
    """A folder that cannot be listed: opening it raises the error."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def __call__(self) -> BinaryIO:
        """Raises the error."""
        raise self.error


def inputs(paths: Any) -> list[Input]:
    """The inputs in `paths`: a path, glob, folder or URL, or an iterable of them.

    A folder includes its files at any depth with one of the `ENDINGS`, sorted, without hidden ones. A glob includes its
    matches, sorted. Neither follows links to folders at any depth. Anything but a regular file (a pipe, a socket, a device)
    is only read if its own path is passed. Raises FileNotFoundError for a path that does not exist, a glob without matches, or
    if there is nothing to read, and TypeError for anything but a path.
    """
    if not isinstance(paths, Iterable | os.PathLike):
        raise TypeError(f"a path or an iterable of paths is required, not {type(paths).__name__!r}")
    named = [paths] if isinstance(paths, (str, bytes, os.PathLike)) else list(paths)
    found = [one for path in named for one in _named(path)]
    if named and not found:
        raise FileNotFoundError(f"nothing to read in {', '.join(map(os.fsdecode, named))}: {NO_LOGS}")
    return found


def _named(source: Any) -> Iterator[Input]:
    path = os.fsdecode(source)
    if os.path.isdir(path):
        yield from _walked(path)
    elif _exists(path):
        yield _file(path)
    elif "://" in path:
        yield from _urls(path)
    else:
        found = matches(path)
        if not found:
            raise FileNotFoundError(f"no such file or folder: {path!r}")
        yield from map(_file, found)


def _walked(folder: str) -> list[Input]:
    unlisted: list[OSError] = []
    found = sorted(walk(folder, unlisted))
    return [Input(shown(os.fsdecode(e.filename or folder)), Unlisted(e)) for e in unlisted] + [_file(p) for p in found]


def walk(folder: str, unlisted: list[OSError]) -> Iterator[str]:
    """The logs in a folder, at any depth, in no order. `unlisted` takes the errors of folders that cannot be listed."""
    for parent, folders, files in os.walk(folder, onerror=unlisted.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                path = os.path.join(parent, name)
                if _readable(path):
                    yield path


def matches(pattern: str) -> list[str]:
    """The files that a glob matches, sorted, without duplicates. `**` does not follow links to folders."""
    import glob

    found = _globbed(pattern) if glob.has_magic(pattern) else set()
    return [path for path in sorted(found) if not os.path.isdir(path) and _readable(path)]


def _globbed(pattern: str) -> set[str]:
    # Python's `**` follows links to folders: with a link to a parent it returns all files forty times, with two it never ends.
    import glob
    import re

    separators = re.escape(os.sep + (os.altsep or ""))
    stars = re.search(rf"(?:^|(?<=[{separators}]))\*\*(?:[{separators}]+(?!$)|$)", pattern)
    if stars is None:
        return set(glob.glob(pattern))
    top, rest = pattern[: stars.start()], pattern[stars.end() :] or "*"
    found: set[str] = set()
    for begin in glob.glob(top) if glob.has_magic(top) else [top]:
        for parent, folders, _ in os.walk(begin or os.curdir):
            folders[:] = [name for name in folders if not name.startswith(".")]
            inside = parent if begin else os.path.relpath(parent).removeprefix(os.curdir)
            found |= _globbed(os.path.join(glob.escape(inside), rest))
    return found


def _urls(url: str) -> Iterator[Input]:
    from respstream.inputs import remote

    found = remote.names(url, ENDINGS)
    if found is None:
        raise FileNotFoundError(f"no such file or folder: {url!r}")
    for name in found:
        yield Input(name, remote.Url(name))


def _file(path: str) -> Input:
    return Input(shown(path), os.fsencode(path))


def shown(path: str) -> str:
    """The name of a path in tables and messages."""
    # A name that is not UTF-8 has surrogates, which cannot be written as UTF-8.
    return os.fsencode(path).decode("utf-8", "replace")


def is_denied(path: str) -> bool:
    """Whether a path is in a folder that may not be searched, so that it may exist: opening it raises the error."""
    try:
        os.lstat(path)
    except PermissionError:
        return True
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False
    return False


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(path) or is_denied(path)
    except ValueError:  # a NUL in the name
        return False


def _readable(path: str) -> bool:
    """Whether to open a path that a glob or folder includes: pipes and devices may never end."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:  # for example a broken link: opening it raises the error
        return True
