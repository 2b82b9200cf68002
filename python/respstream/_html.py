"""Small pieces of HTML, escaped."""

from __future__ import annotations

from html import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["definitions", "escaped", "table"]


def escaped(value: object) -> str:
    """A value as text of a page; None is a dash."""
    return "–" if value is None or value == "" else escape(str(value))


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> str:
    """A table whose cells are texts. The first `left` columns are texts, the others numbers, which are aligned to the right."""
    classes = ["" if place < left else ' class="n"' for place in range(len(header))]
    head = "".join(f"<th{cls}>{escaped(cell)}</th>" for cell, cls in zip(header, classes, strict=True))
    lines = ("".join(f"<td{cls}>{escaped(cell)}</td>" for cell, cls in zip(row, classes, strict=True)) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def definitions(pairs: Iterable[tuple[str, object]]) -> str:
    """Names and values as a table of two columns, without those that are None."""
    rows = (f"<tr><th>{escaped(name)}</th><td>{escaped(value)}</td></tr>" for name, value in pairs if value is not None)
    return f"<table>{''.join(rows)}</table>"
