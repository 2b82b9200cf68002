"""Threads of one process: two logs folded by two threads, and one after the other.

The rows of `make bench`, and the same as a pytest-benchmark suite (`python -m pytest benches/bench_threads.py`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from benches import ours
from benches.peers import FoldAnswer
from benches.rows import LARGE, Row, fold_answer, suite
from benches.shapes import Log

Halves = list[bytes]
FOLD = "threads: two logs folded"
IN_TURN, TOGETHER = "one after the other", "two threads"


def halves(log: Log) -> Halves:
    """The log as two of about the same size, cut where a response begins."""
    mark = b"event: response.created\n"
    cut = log.data.find(mark, len(log.data) // 2)
    return [log.data[:cut], log.data[cut:]] if cut > 0 else [log.data, b""]


def in_turn(logs: Halves) -> FoldAnswer:
    """One after the other."""
    return [row for log in logs for row in ours.fold(log)]


def together(logs: Halves) -> FoldAnswer:
    """At the same time, in two threads."""
    with ThreadPoolExecutor(2) as pool:
        return [row for rows in pool.map(ours.fold, logs) for row in rows]


def apart(logs: Halves) -> FoldAnswer:
    """At the same time, with nothing asked of the responses meanwhile: reading them is Python's work, which no two threads share."""
    native = ours.native()
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda log: list(native.responses(log)), logs))
    return [ours.row(response) for responses in found for response in responses]


ROWS = (
    Row(
        name=FOLD,
        shape="mixed",
        size_bytes=LARGE,
        contenders={TOGETHER: together, "two threads, responses read after": apart, IN_TURN: in_turn},
        reference=IN_TURN,
        answer=fold_answer,
        prepare=halves,
    ),
)

test_threads = suite(ROWS)
