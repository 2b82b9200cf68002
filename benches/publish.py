"""Copies the short table of `benches/RESULTS.md` to where it is shown, between two marks: all of it to `docs/performance.md`, some
lines of it, without the goals, to `README.md`.

`python -m benches.publish` does it by itself; `make bench` does it at the end. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

BEGIN, END = "<!-- short table: begin -->", "<!-- short table: end -->"
ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benches" / "RESULTS.md"
IN_README = frozenset({
    "typed events beside the SDK",
    "typed events, pure Python",
    "the SDK's own events, drop-in",
    "the SDK's `stream()` with snapshots, drop-in",
    "one live event a `feed`",
    "fold, mixed",
    "whole responses of a file, SSE",
    "1 GB of SSE to Parquet, whole process",
    "import",
})  # fmt: skip


def marked(text: str) -> str:
    """What stands between the marks. Raises ValueError where they are not there."""
    before, begin, rest = text.partition(BEGIN)
    inside, end, _ = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} … {END} in a text that begins with {before[:40]!r}")
    return inside


def put(text: str, table: str) -> str:
    """The text with another table between its marks."""
    return text.replace(f"{BEGIN}{marked(text)}{END}", f"{BEGIN}{table}{END}")


def for_readme(table: str) -> str:
    """The lines of the table that the README shows, without their last column."""
    return "\n".join(["", "", *_chosen(table.strip().splitlines()), "", ""])


def _chosen(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        cells = line.split("|")
        if number < 2 or cells[1].strip() in IN_README:
            yield "|".join(cells[:-2]) + "|"


def whole(table: str) -> str:
    """All of the table."""
    return table


SHOWN: dict[Path, Callable[[str], str]] = {ROOT / "README.md": for_readme, ROOT / "docs" / "performance.md": whole}
"""Where the table is shown, and what of it."""


def publish() -> None:
    """Copy the table."""
    table = marked(RESULTS.read_text(encoding="utf-8"))
    for path, part in SHOWN.items():
        path.write_text(put(path.read_text(encoding="utf-8"), part(table)), encoding="utf-8")


if __name__ == "__main__":
    publish()
