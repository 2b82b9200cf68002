"""A short differential run, and a check that it detects a difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import differential, differential_tables
from tests.support.differential import Case
from tests.support.differential_tables import TableCase


def test_backends_agree() -> None:
    events, found = differential.run(1, range(400))
    assert found is None, found
    assert events > 1000


def test_backends_agree_on_long_streams() -> None:
    events, found = differential.run(1, range(30), long=True)
    assert found is None, found
    assert events > 1000


def test_backends_agree_on_tables() -> None:
    count, found = differential_tables.run(1, range(60))
    assert found is None, found
    assert count == 60


def test_difference_is_minimised(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_cannot_spell(case: Case) -> tuple[str, int]:
        return ("a word" if b"data" in case.source else ""), 1

    monkeypatch.setattr(differential, "difference", one_cannot_spell)
    _, found = differential.run(1, range(100))
    assert found is not None
    assert found.case.source == b"data"
    assert found.case.cuts == []


def test_difference_of_tables_is_minimised(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_has_no_status(one: TableCase, _: Path) -> str:
        return "no status" if b"data" in one.source and "responses" in one.tables else ""

    monkeypatch.setattr(differential_tables, "difference", one_has_no_status)
    _, found = differential_tables.run(1, range(100))
    assert found is not None
    small, text = found
    assert text == "no status"
    assert (small.source, small.copies, small.threads, small.options, [*small.tables]) == (
        b"data",
        1,
        1,
        {},
        ["responses"],
    )
