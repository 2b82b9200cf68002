"""Copies the short table of `benches/RESULTS.md` to `docs/performance.md`, and some lines of it to `README.md`, both without the goals.

Run by `make bench`, or by `python -m benches.publish`. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

BEGIN, END = "<!-- short table: begin -->", "<!-- short table: end -->"
ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benches" / "RESULTS.md"
IN_README = frozenset({
    "typed events, compared with the SDK",
    "typed events, pure Python",
    "SDK events, drop-in",
    "SDK `stream()` with snapshots, drop-in",
    "Chat Completions, SDK events, drop-in",
    "Messages, SDK events, drop-in",
    "Messages, fold, short responses",
    "live events, one per `feed`",
    "fold, mixed",
    "whole responses of a file, SSE",
    "1 GB of SSE to Parquet, whole process",
    "import",
})  # fmt: skip


def between_markers(text: str) -> str:
    """The text between the markers. Raises ValueError if they are missing."""
    before, begin, rest = text.partition(BEGIN)
    inside, end, _ = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} … {END} in the text that starts with {before[:40]!r}")
    return inside


def replace(text: str, table: str) -> str:
    """The text with a new table between the markers."""
    return text.replace(f"{BEGIN}{between_markers(text)}{END}", f"{BEGIN}{table}{END}")


def for_readme(table: str) -> str:
    """The lines of the table for the README."""
    lines = table.strip().splitlines()
    chosen = (line for number, line in enumerate(lines) if number < 2 or line.split("|")[1].strip() in IN_README)
    return _without_goals(chosen)


def for_docs(table: str) -> str:
    """All lines of the table."""
    return _without_goals(table.strip().splitlines())


def _without_goals(lines: Iterable[str]) -> str:
    """The lines without the last column."""
    return "\n".join(["", "", *("|".join(line.split("|")[:-2]) + "|" for line in lines), "", ""])


TARGETS: dict[Path, Callable[[str], str]] = {ROOT / "README.md": for_readme, ROOT / "docs" / "performance.md": for_docs}
"""The pages with the table, and the function that selects the part for each."""


def publish() -> None:
    """Copy the table to all targets."""
    table = between_markers(RESULTS.read_text(encoding="utf-8"))
    for path, part in TARGETS.items():
        path.write_text(replace(path.read_text(encoding="utf-8"), part(table)), encoding="utf-8")


if __name__ == "__main__":
    publish()
