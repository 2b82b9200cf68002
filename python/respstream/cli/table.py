"""Rows for the eye: a table that fits the terminal, or is wide where there is none."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import IO, Any

import click
from rich.cells import cell_len, set_cell_size

from respstream.cli.output import Row, coloured, is_seen, one_line
from respstream.tables import COLUMNS
from respstream.tables.writers import as_text

GAP = "  "
FIRST = 100
"""So many rows are looked at before the widths are chosen; the rest is written as it comes."""
WIDE = 220
"""Columns where there is no terminal to fit and COLUMNS does not tell: a file shows long lines."""
NARROW = 120
"""With fewer columns what is left of an id tells nobody anything: the text has its room."""
LONGEST = 1000
"""No terminal shows more characters of one value."""
COLOURS = {"failed": "red", "cancelled": "red", "incomplete": "yellow"}
NUMBERS = {name for columns in COLUMNS.values() for name, kind in columns if kind.startswith(("int", "real"))}


class Table:
    """Lines of aligned, clipped cells under one header. `headings` has the columns of the rows in order, and their titles.

    Those in `spared` are left out where there is little room.
    """

    def __init__(self, file: IO[str], headings: dict[str, str], spared: AbstractSet[str] = frozenset()) -> None:
        self._file = file
        self._width = width(file)
        self._headings = {
            name: title for name, title in headings.items() if self._width >= NARROW or name not in spared
        }
        self._coloured = coloured(file)
        self._kept: list[list[str]] = []
        self._widths: list[int] = []

    def write(self, row: Row) -> None:
        """Takes a row; the first ones are kept back until the widths are known."""
        cells = [_cell(name, row[name]) for name in self._headings]
        if self._widths:
            self._line(cells)
        else:
            self._kept.append(cells)
            if len(self._kept) >= FIRST:
                self._begin()

    def close(self) -> None:
        """Writes what was kept back."""
        if self._kept:
            self._begin()

    def _begin(self) -> None:
        columns = zip(self._headings.values(), *self._kept, strict=True)
        natural = [max(map(cell_len, column)) for column in columns]
        room = self._width - len(GAP) * (len(natural) - 1)
        self._widths = fit(natural, [WEIGHTS.get(name, 1.0) for name in self._headings], room)
        self._line(list(self._headings.values()), header=True)
        for cells in self._kept:
            self._line(cells)
        self._kept.clear()

    def _line(self, cells: list[str], *, header: bool = False) -> None:
        line = GAP.join(self._fields(cells)).rstrip()
        self._file.write((self._painted(line, bold=True) if header else line) + "\n")

    def _fields(self, cells: list[str]) -> list[str]:
        fields = []
        for name, cell, width in zip(self._headings, cells, self._widths, strict=True):
            field = clipped(cell, width, left=name == "source")
            field = field.strip().rjust(width) if name in NUMBERS else field
            fields.append(self._painted(field, fg=COLOURS[cell]) if name == "status" and cell in COLOURS else field)
        return fields

    def _painted(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self._coloured else text


def width(file: IO[str]) -> int:
    """The columns that lines may have: as COLUMNS says, as the terminal has that shows them, maybe behind a pipe, or many."""
    told = os.environ.get("COLUMNS", "")
    if told.isdigit() and int(told):
        return int(told)
    for stream in (file, sys.stderr) if is_seen(file) else (file,):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # no terminal; no stream at all
            return os.get_terminal_size(stream.fileno()).columns or WIDE
    return WIDE


def _cell(name: str, value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else as_text(value)
    if name == "source":
        return one_line(text)[-LONGEST:]
    return one_line(" ".join(text[:LONGEST].split()))


WEIGHTS = {
    "source": 1.1, "response_id": 1.1, "model": 1.3, "type": 1.5, "output_text": 2.2, "delta": 1.4, "text": 2.2, "arguments": 1.6,
}  # fmt: skip
"""How much of scarce room a column gets."""


def fit(natural: Sequence[int], weights: Sequence[float], room: int) -> list[int]:
    """Widths that need no more than `room`: a column that needs less than its share gets all, the others share the rest."""
    widths = list(natural)
    greedy = set(range(len(widths)))
    while greedy and sum(widths) > room:
        left = room - sum(natural[column] for column in range(len(natural)) if column not in greedy)
        unit = max(left, 0) / sum(weights[column] for column in greedy)
        content = {column for column in greedy if natural[column] <= unit * weights[column]}
        if not content:
            for column in greedy:
                widths[column] = max(1, int(unit * weights[column]))
            spare = room - sum(widths)
            widest = max(greedy, key=lambda column: weights[column])
            widths[widest] = max(1, min(natural[widest], widths[widest] + spare))
            break
        greedy -= content
    return widths


def clipped(text: str, width: int, *, left: bool = False) -> str:
    """The text in exactly `width` cells; an ellipsis stands for what was cut off at the end, or at the start with `left`."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    if not left:
        return set_cell_size(text, width - 1) + "…"
    tail = "".join(reversed(text))
    return "…" + "".join(reversed(set_cell_size(tail, width - 1)))
