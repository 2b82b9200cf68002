"""Folding two logs in two threads, compared with one after the other.

Used by `make bench`; also a pytest-benchmark suite (`python -m pytest benches/bench_threads.py`).
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
    """The log in two parts of about the same size, split at the start of a response."""
    mark = b"event: response.created\n"
    cut = log.data.find(mark, len(log.data) // 2)
    return [log.data[:cut], log.data[cut:]] if cut > 0 else [log.data, b""]


def in_turn(logs: Halves) -> FoldAnswer:
    """One log after the other."""
    return [row for log in logs for row in ours.fold(log)]


def together(logs: Halves) -> FoldAnswer:
    """Two threads."""
    with ThreadPoolExecutor(2) as pool:
        return [row for rows in pool.map(ours.fold, logs) for row in rows]


def together_read_later(logs: Halves) -> FoldAnswer:
    """Two threads; the responses are read afterwards, because reading them needs the GIL."""
    native = ours.native()
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda log: list(native.responses(log)), logs))
    return [ours.row(response) for responses in found for response in responses]


ROWS = (
    Row(
        name=FOLD,
        shape="mixed",
        size_bytes=LARGE,
        contenders={
            TOGETHER: together,
            "two threads, responses read afterwards": together_read_later,
            IN_TURN: in_turn,
        },
        reference=IN_TURN,
        answer=fold_answer,
        prepare=halves,
    ),
)

test_threads = suite(ROWS)
