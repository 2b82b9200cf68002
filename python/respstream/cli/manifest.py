"""`--since-manifest`: which files earlier runs have done, as JSON Lines of table, path, size and time of change."""

# Names stay as they were given, which pathlib would normalise.
# ruff: noqa: PTH100, PTH123

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from respstream.cli.inputs import Input
from respstream.cli.output import Stop, destination, one_line

Key = tuple[str, str]
State = dict[str, Any]


class Manifest:
    """The files that are done for one table. A file that has changed since counts as new."""

    def __init__(self, path: str, table: str) -> None:
        self._path, self._table = path, table
        self._entries = _read(path)
        self._now: dict[str, State] = {}

    def fresh(self, inputs: Iterable[Input]) -> tuple[list[Input], int]:
        """The inputs that are not done yet, and how many are. The state of a file is that before it is read."""
        fresh, done = [], 0
        for one in inputs:
            place = _place(one)
            if place is None:
                fresh.append(one)
                continue
            state = one.state()
            if state is not None and self._entries.get((self._table, place)) == state:
                done += 1
                continue
            if state is not None:
                self._now[place] = state
            fresh.append(one)
        return fresh, done

    def add(self, inputs: Iterable[Input]) -> None:
        """Lists the inputs as done, in a file that appears whole or not at all."""
        for one in inputs:
            place = _place(one)
            if place is not None and place in self._now:
                self._entries[self._table, place] = self._now[place]
        with destination(self._path) as file:
            for (table, place), state in self._entries.items():
                line = json.dumps({"table": table, "path": place, **state}, ensure_ascii=True)
                file.write(line + "\n")


def _place(one: Input) -> str | None:
    if one.path is None:
        return None
    return one.path if one.is_url else os.path.abspath(one.path)


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
        raise Stop(one_line(f"cannot read {path}: {error.strerror or error}")) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Stop(
            one_line(f"{path} is no manifest; --since-manifest takes a file that an earlier run wrote")
        ) from None
    return entries
