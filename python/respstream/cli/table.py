"""Rows as a text table that fits the terminal; in a file it is wide."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import IO, Any

import click
from rich.cells import cell_len, set_cell_size

from respstream.cli.output import Row, coloured, may_be_terminal, one_line
from respstream.tables import COLUMNS
from respstream.tables.writers import as_text

GAP = "  "
SAMPLE_ROWS = 100
"""Number of rows that determine the widths; further rows are written immediately."""
DEFAULT_WIDTH = 220
"""Width in columns without a terminal and without COLUMNS."""
OPTIONAL_WIDTH = 120
"""Below this width, optional columns are omitted: a clipped id is useless, and the text needs the space."""
MAX_CELL = 1000
"""Number of characters of a value that can appear on a terminal."""
COLOURS = {"failed": "red", "cancelled": "red", "incomplete": "yellow"}
NUMBERS = {name for columns in COLUMNS.values() for name, kind in columns if kind.startswith(("int", "real"))}


class Table:
    """Writes aligned, clipped cells under one header.

    `columns`: their names, in order. `optional`: columns that are omitted if the width is small.
    """

    def __init__(self, file: IO[str], columns: Sequence[str], optional: AbstractSet[str] = frozenset()) -> None:
        self._file = file
        self._width = width(file)
        self._names = [name for name in columns if self._width >= OPTIONAL_WIDTH or name not in optional]
        self._coloured = coloured(file)
        self._buffered: list[list[str]] = []
        self._widths: list[int] = []

    def write(self, row: Row) -> None:
        """Write a row; the first rows are buffered until the widths are known."""
        cells = [_cell(name, row[name]) for name in self._names]
        if self._widths:
            self._line(cells)
        else:
            self._buffered.append(cells)
            if len(self._buffered) >= SAMPLE_ROWS:
                self._start()

    def close(self) -> None:
        """Write the buffered rows."""
        if self._buffered:
            self._start()

    def _start(self) -> None:
        columns = zip(self._names, *self._buffered, strict=True)
        natural = [max(map(cell_len, column)) for column in columns]
        available = self._width - len(GAP) * (len(natural) - 1)
        self._widths = fit(
            natural, [WEIGHTS.get(name, NUMBER if name in NUMBERS else 1.0) for name in self._names], available
        )
        self._line(self._names, header=True)
        for cells in self._buffered:
            self._line(cells)
        self._buffered.clear()

    def _line(self, cells: list[str], *, header: bool = False) -> None:
        line = GAP.join(self._fields(cells)).rstrip()
        self._file.write((self._painted(line, bold=True) if header else line) + "\n")

    def _fields(self, cells: list[str]) -> list[str]:
        fields = []
        for name, cell, width in zip(self._names, cells, self._widths, strict=True):
            field = clipped(cell, width, left=name == "source")
            field = field.strip().rjust(width) if name in NUMBERS else field
            fields.append(self._painted(field, fg=COLOURS[cell]) if name == "status" and cell in COLOURS else field)
        return fields

    def _painted(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self._coloured else text


def width(file: IO[str]) -> int:
    """Return the width of lines: COLUMNS, or the width of the terminal (also behind a pipe), or the default."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    for stream in (file, sys.stderr) if may_be_terminal(file) else (file,):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # not a terminal, or no stream
            return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    return DEFAULT_WIDTH


def _cell(name: str, value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else as_text(value)
    if name == "source":
        return one_line(text)[-MAX_CELL:]
    return one_line(" ".join(text[:MAX_CELL].split()))


WEIGHTS = {
    "source": 1.1, "response_id": 1.1, "model": 1.3, "type": 1.5, "output_text": 2.2, "delta": 1.4, "text": 2.2, "arguments": 1.6,
}  # fmt: skip
"""Share of the width of each column if the width is too small for all; 1.0 by default."""
NUMBER = 1.3
"""The share of columns of numbers: their names are long, and a clipped number is wrong."""


def fit(natural: Sequence[int], weights: Sequence[float], available: int) -> list[int]:
    """Return widths of at most `available` in total. Columns below their share keep their width; the others share the rest."""
    widths = list(natural)
    wide = set(range(len(widths)))
    while wide and sum(widths) > available:
        left = available - sum(natural[column] for column in range(len(natural)) if column not in wide)
        unit = max(left, 0) / sum(weights[column] for column in wide)
        narrow = {column for column in wide if natural[column] <= unit * weights[column]}
        if not narrow:
            for column in wide:
                widths[column] = max(1, int(unit * weights[column]))
            spare = available - sum(widths)
            widest = max(wide, key=lambda column: weights[column])
            widths[widest] = max(1, min(natural[widest], widths[widest] + spare))
            break
        wide -= narrow
    return widths


def clipped(text: str, width: int, *, left: bool = False) -> str:
    """Return the text in exactly `width` cells. An ellipsis replaces the cut end or, with `left`, the cut start."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    if not left:
        return set_cell_size(text, width - 1) + "…"
    tail = "".join(reversed(text))
    return "…" + "".join(reversed(set_cell_size(tail, width - 1)))
