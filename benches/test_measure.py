"""Tests of the benchmarks: failures are isolated and reported, memory is measured, every headline has its row.

Run by `make bench-short` in the environment of the benchmarks.
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

from benches import bench_threads, headlines, publish, recorded, report, run
from benches.measure import Failed, Measured, Plan, Result, isolated, measure
from benches.rows import Facts, Row, events_answer, facts
from benches.shapes import chat

QUICK = Plan(size="short", rounds=2, min_rounds=2, max_seconds=1, limit=20)
WITHOUT_MEMORY = Plan(size="short", rounds=1, min_rounds=1, memory=False)


def right(data: bytes) -> Any:
    log = chat(1, len(data))
    return events_answer(log)


def wrong(_: bytes) -> Any:
    return -1, -1


def raises(_: bytes) -> Any:
    raise RuntimeError("out of\nluck in /a/b.c/log.sse")


def crashes(_: bytes) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def sleeps(_: bytes) -> Any:
    time.sleep(60)


def row(**contenders: Callable[[bytes], Any]) -> Row:
    return Row(name="a row", contenders={"right": right, **contenders}, reference="right", answer=events_answer)


def found(result: Result) -> dict[str, str | None]:
    return {one.name: one.failure for one in result.contenders}


def test_failures_are_reported_and_isolated() -> None:
    result = measure(row(wrong=wrong, raises=raises, crashes=crashes), QUICK)
    assert found(result) == {
        "right": None,
        "wrong": "ValueError: wrong result",
        "raises": "RuntimeError: out of luck in log.sse",
        "crashes": "ended by SIGKILL",
    }
    assert [len(one.seconds) for one in result.contenders] == [2, 0, 0, 0]
    assert result.facts == facts(chat(1, 20_000))


def test_wrong_results_are_detected_without_a_memory_run() -> None:
    assert found(measure(row(wrong=wrong), WITHOUT_MEMORY)) == {"right": None, "wrong": "ValueError: wrong result"}


def test_a_crash_during_the_rounds_fails_the_row() -> None:
    assert found(measure(row(crashes=crashes), WITHOUT_MEMORY)) == dict.fromkeys(
        ("right", "crashes"), "ended by SIGKILL"
    )


def test_a_contender_over_the_time_limit_is_killed() -> None:
    with pytest.raises(Failed, match=r"took more than 3 s"):
        isolated(lambda: time.sleep(60), 3)
    result = measure(row(sleeps=sleeps), Plan(size="short", rounds=1, min_rounds=1, limit=3))
    assert found(result) == {"right": None, "sleeps": "took more than 3 s"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can reset the peak")
def test_memory_is_the_increase_of_a_run() -> None:
    size = 64 << 20
    existing = bytearray(b"x") * size  # not of a contender

    def takes(data: bytes) -> Any:
        taken = bytearray(b"y") * size
        return right(data) if taken else None

    one, other = measure(row(takes=takes), QUICK).contenders
    assert len(existing) == size
    assert one.added is not None
    assert other.added is not None
    assert one.added < size // 8
    assert size * 0.95 < other.added < size * 1.2  # the kernel's count lags slightly


def test_rows_and_headlines_are_consistent() -> None:
    rows = {row.name: row for row in run.ROWS}
    assert len(rows) == len(run.ROWS)
    for one in rows.values():
        assert {one.reference, *one.apart, *one.answers} - {"wc -l"} <= one.contenders.keys()
        assert one.over is None or one.over in one.contenders
    for line in headlines.HEADLINES:
        if line.row.endswith("recorded streams") and recorded.folder() is None:
            continue
        assert {line.ours, line.peer} <= rows[line.row].contenders.keys(), line.work


def test_halves_add_up_to_the_log() -> None:
    log = chat(1, 300_000)
    first, second = bench_threads.halves(log)
    assert first + second == log.data
    assert first
    assert second.startswith(b"event: response.created\n")


def test_results_file_and_short_table() -> None:
    one = next(row for row in run.ROWS if row.name == "import")
    times = {"bare interpreter": 0.010, "respstream": 0.015, "openai": 0.410}
    contenders = [Measured(name, [times.get(name, 0.020)] * 3) for name in one.contenders]
    contenders[-2] = Measured(contenders[-2].name, failure="out of luck")
    text = report.results_file({one.name: Result(one.name, Facts(0, 0, 0), contenders)}, [one], QUICK)
    short = publish.between_markers(text)
    assert "| import | 5.0 ms | openai: 400.0 ms | 80 × | ≤ 15.0 ms: met |" in short
    assert "| import | 5.0 ms | msgspec: 10.0 ms | 2.00 × |  |" in short
    assert "| duckdb | failed: out of luck |" in text
    assert publish.replace(f"before {publish.BEGIN} old {publish.END} after", short) == (
        f"before {publish.BEGIN}{short}{publish.END} after"
    )
    with pytest.raises(ValueError, match="no <!--"):
        publish.between_markers("nothing")


def test_a_short_run_reports_the_number_of_failures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "ROWS", (row(wrong=wrong),))
    out = tmp_path / "RESULTS.md"
    assert run.main(["--short", "--output", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "FAILED a row: wrong (ValueError: wrong result)" in printed
    assert "1 rows, 2 contenders, 1 failed" in printed
    assert "failed: ValueError: wrong result" in out.read_text(encoding="utf-8")
