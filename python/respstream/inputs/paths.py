"""What a scan reads: paths, globs, folders and URLs, as a list of inputs in a fixed order."""

# Names stay as they were given, which pathlib would normalise; and os.path answers where pathlib raises.
# ruff: noqa: PTH112, PTH116, PTH118, PTH207

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

SUFFIXES = (".sse", ".jsonl", ".json", ".txt", ".log", ".ndjson", ".har")
ENDINGS = tuple(suffix + packed for suffix in SUFFIXES for packed in ("", ".gz", ".zst"))


class Input(NamedTuple):
    """A source: what tables call it, a path as bytes or a callable that opens it, and the part that is wanted if not all."""

    name: str
    place: bytes | Callable[[], BinaryIO]
    part: tuple[int, int | None] | None = None


class Unlisted:
    """In place of a folder that cannot be listed: opening it tells why."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def __call__(self) -> BinaryIO:
        """Raises the error."""
        raise self.error


def inputs(paths: Any) -> list[Input]:
    """The inputs that `paths` names: a path, glob, folder or URL, or an iterable of them.

    A folder gives the files in it, at any depth, that end as logs do (`ENDINGS`), sorted; hidden ones are left out. A glob
    gives its matches, sorted. Neither follows links to folders in search of files at any depth, and what is no regular file
    (a pipe, a socket, a device) is read only where it is named itself. Raises FileNotFoundError for a path or glob that names
    nothing, and TypeError for what is no path.
    """
    if isinstance(paths, (str, bytes, os.PathLike)):
        return list(_named(paths))
    if not isinstance(paths, Iterable):
        raise TypeError(f"a path or an iterable of paths is required, not {type(paths).__name__!r}")
    return [one for path in paths for one in _named(path)]


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
    """The logs in a folder, at any depth, in no order; `unlisted` takes why a folder in it could not be listed."""
    for parent, folders, files in os.walk(folder, onerror=unlisted.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                path = os.path.join(parent, name)
                if _readable(path):
                    yield path


def matches(pattern: str) -> list[str]:
    """The files that a glob matches, sorted, each once. Where `**` stands links to folders are not followed."""
    import glob

    found = _globbed(pattern) if glob.has_magic(pattern) else set()
    return [path for path in sorted(found) if not os.path.isdir(path) and _readable(path)]


def _globbed(pattern: str) -> set[str]:
    # Python's own `**` follows links to folders, so that one to a parent gives all files forty times, and two never end.
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
    """What tables and messages call a path."""
    # A name that is not UTF-8 has surrogates, which no output may hold.
    return os.fsencode(path).decode("utf-8", "replace")


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # a NUL in the name
        return False


def _readable(path: str) -> bool:
    """Whether a path that was found, not named, is worth opening: pipes and devices may never end."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:  # a broken link, say: opening it will tell
        return True
