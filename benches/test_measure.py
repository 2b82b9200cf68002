"""The bench itself: a contender that fails is told and harms no other; memory is seen; every headline has its row.

Runs in the environment of the bench, by `make bench-short`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benches import bench_threads, headlines, publish, report, run
from benches.measure import Failed, Measured, Plan, Result, isolated, measure
from benches.rows import Facts, Row, events_answer, facts
from benches.shapes import chat

QUICK = Plan(size="short", rounds=2, min_rounds=2, max_seconds=1, limit=20)
UNTRIED = Plan(size="short", rounds=1, min_rounds=1, memory=False)


def right(data: bytes) -> Any:
    log = chat(1, len(data))
    return events_answer(log)


def wrong(_: bytes) -> Any:
    return -1, -1


def raises(_: bytes) -> Any:
    raise RuntimeError("no\nluck in /a/b.c/log.sse")


def crashes(_: bytes) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def sleeps(_: bytes) -> Any:
    time.sleep(60)


def row(**contenders: Callable[[bytes], Any]) -> Row:
    return Row(name="a row", contenders={"right": right, **contenders}, reference="right", answer=events_answer)


def found(result: Result) -> dict[str, str | None]:
    return {one.name: one.failure for one in result.contenders}


def test_a_failure_is_told_and_harms_no_other() -> None:
    result = measure(row(wrong=wrong, raises=raises, crashes=crashes), QUICK)
    assert found(result) == {
        "right": None,
        "wrong": "ValueError: wrong answer",
        "raises": "RuntimeError: no luck in log.sse",
        "crashes": "ended by SIGKILL",
    }
    assert [len(one.seconds) for one in result.contenders] == [2, 0, 0, 0]
    assert result.facts == facts(chat(1, 20_000))


def test_wrong_answers_are_seen_without_a_trial_too() -> None:
    assert found(measure(row(wrong=wrong), UNTRIED)) == {"right": None, "wrong": "ValueError: wrong answer"}


def test_a_crash_of_the_rounds_fails_the_row() -> None:
    assert found(measure(row(crashes=crashes), UNTRIED)) == dict.fromkeys(("right", "crashes"), "ended by SIGKILL")


def test_a_contender_that_takes_too_long_is_ended() -> None:
    with pytest.raises(Failed, match=r"took more than 3 s"):
        isolated(lambda: time.sleep(60), 3)
    result = measure(row(sleeps=sleeps), Plan(size="short", rounds=1, min_rounds=1, limit=3))
    assert found(result) == {"right": None, "sleeps": "took more than 3 s"}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak cannot be set back elsewhere")
def test_memory_is_what_a_run_adds() -> None:
    size = 64 << 20
    held = bytearray(b"x") * size  # of the bench itself, and of no contender

    def takes(data: bytes) -> Any:
        taken = bytearray(b"y") * size
        return right(data) if taken else None

    one, other = measure(row(takes=takes), QUICK).contenders
    assert len(held) == size
    assert one.added is not None
    assert other.added is not None
    assert one.added < size // 8
    assert size * 0.95 < other.added < size * 1.2  # the system's count lags behind a little


def test_rows_and_headlines_fit() -> None:
    rows = {row.name: row for row in run.ROWS}
    assert len(rows) == len(run.ROWS)
    for one in rows.values():
        assert {one.reference, *one.apart, *one.answers} - {"wc -l"} <= one.contenders.keys()
        assert one.over is None or one.over in one.contenders
    for line in headlines.HEADLINES:
        assert {line.ours, line.peer} <= rows[line.row].contenders.keys(), line.work


def test_halves_are_the_whole() -> None:
    log = chat(1, 300_000)
    first, second = bench_threads.halves(log)
    assert first + second == log.data
    assert first
    assert second.startswith(b"event: response.created\n")


def test_the_file_and_the_short_table() -> None:
    one = next(row for row in run.ROWS if row.name == "import")
    times = {"bare interpreter": 0.010, "respstream": 0.015, "openai": 0.410}
    contenders = [Measured(name, [times.get(name, 0.020)] * 3) for name in one.contenders]
    contenders[-2] = Measured(contenders[-2].name, failure="no luck")
    text = report.results_file({one.name: Result(one.name, Facts(0, 0, 0), contenders)}, [one], QUICK)
    short = publish.between_markers(text)
    assert "| import | 5.0 ms | openai: 400.0 ms | 80 × | ≤ 15.0 ms: met |" in short
    assert "| import | 5.0 ms | msgspec: 10.0 ms | 2.00 × |  |" in short
    assert "| duckdb | failed: no luck |" in text
    assert publish.replace(f"before {publish.BEGIN} old {publish.END} after", short) == (
        f"before {publish.BEGIN}{short}{publish.END} after"
    )
    with pytest.raises(ValueError, match="no <!--"):
        publish.between_markers("nothing")


def test_a_short_run_ends_with_the_number_of_failures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "ROWS", (row(wrong=wrong),))
    out = tmp_path / "RESULTS.md"
    assert run.main(["--short", "--output", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "FAILED a row: wrong (ValueError: wrong answer)" in printed
    assert "1 rows, 2 contenders, 1 failed" in printed
    assert "failed: ValueError: wrong answer" in out.read_text(encoding="utf-8")
