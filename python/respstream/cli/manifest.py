"""The file of `--since-manifest`: the inputs that earlier runs processed, as JSON Lines (table, path, size, mtime in ns)."""

# Names are stored as given, which pathlib would normalise.
# ruff: noqa: PTH100, PTH123

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from respstream.cli.output import UsageStop, destination, one_line
from respstream.cli.source import Source

Key = tuple[str, str]
State = dict[str, Any]


class Manifest:
    """The processed files of one table. A file that changed since then is new again."""

    def __init__(self, path: str, table: str) -> None:
        self._path, self._table = path, table
        self._entries = _read(path)
        self._states: dict[str, State] = {}

    def new_sources(self, sources: Iterable[Source]) -> tuple[list[Source], int]:
        """Return the new sources, and the number of the others. The state of a file is recorded before it is read."""
        new, done = [], 0
        for source in sources:
            path = _key_path(source)
            if path is None:
                new.append(source)
                continue
            state = source.state()
            if state is not None and self._entries.get((self._table, path)) == state:
                done += 1
                continue
            if state is not None:
                self._states[path] = state
            new.append(source)
        return new, done

    def add(self, sources: Iterable[Source]) -> None:
        """List the sources as processed. The file is replaced atomically."""
        for source in sources:
            path = _key_path(source)
            if path is not None and path in self._states:
                self._entries[self._table, path] = self._states[path]
        with destination(self._path) as file:
            for (table, path), state in self._entries.items():
                line = json.dumps({"table": table, "path": path, **state}, ensure_ascii=True)
                file.write(line + "\n")


def _key_path(source: Source) -> str | None:
    if source.path is None:
        return None
    return source.path if source.is_url else os.path.abspath(source.path)


def _read(path: str) -> dict[Key, State]:
    entries: dict[Key, State] = {}
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                entry = json.loads(line)
                entries[entry.pop("table"), entry.pop("path")] = entry
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UsageStop(one_line(f"cannot read {path}: {error.strerror or error}")) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageStop(
            one_line(f"{path} is not a manifest; --since-manifest needs a file that an earlier run wrote")
        ) from None
    return entries
