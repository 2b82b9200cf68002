"""The figures of the README and of docs/performance.md match `benches/RESULTS.md`."""

from __future__ import annotations

from pathlib import Path

import pytest

from benches import publish

TABLE = publish.between_markers(publish.RESULTS.read_text(encoding="utf-8"))


def rows(path: Path) -> list[list[str]]:
    lines = publish.between_markers(path.read_text(encoding="utf-8")).strip().splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


@pytest.mark.parametrize("path", publish.TARGETS, ids=lambda path: path.name)
def test_short_table_matches_results(path: Path) -> None:
    shown = publish.between_markers(path.read_text(encoding="utf-8"))
    assert shown == publish.TARGETS[path](TABLE), "python -m benches.publish copies it"


def test_readme_figures_are_in_results() -> None:
    readme, results = rows(publish.ROOT / "README.md"), rows(publish.RESULTS)
    assert {row[0] for row in readme} == publish.IN_README
    assert all(row in [full[:4] for full in results] for row in readme)


def test_the_short_table_has_figures() -> None:
    found = rows(publish.RESULTS)
    assert len(found) > 15
    for _, ours, peer, ratio, _ in found:
        assert ours[0].isdigit()
        assert ratio.endswith("×") or peer.endswith("failed")
