"""A short differential run, and a check that it detects a difference."""

from __future__ import annotations

import pytest

from tests.support import differential
from tests.support.differential import Case


def test_backends_agree() -> None:
    events, found = differential.run(1, range(400))
    assert found is None, found
    assert events > 1000


def test_backends_agree_on_long_streams() -> None:
    events, found = differential.run(1, range(30), long=True)
    assert found is None, found
    assert events > 1000


def test_difference_is_minimised(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_cannot_spell(case: Case) -> tuple[str, int]:
        return ("a word" if b"data" in case.source else ""), 1

    monkeypatch.setattr(differential, "difference", one_cannot_spell)
    _, found = differential.run(1, range(100))
    assert found is not None
    assert found.case.source == b"data"
    assert found.case.cuts == []
