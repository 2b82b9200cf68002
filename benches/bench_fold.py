"""Folding a log in memory: id, status, text, output tokens and tool calls of every response, from all events.

Used by `make bench`; also a pytest-benchmark suite (`python -m pytest benches/bench_fold.py`).
"""

from __future__ import annotations

from typing import Any

from benches import ours, peers, recorded
from benches.rows import FAST, LARGE, SINGLE_SHAPES, SLOW, Row, fold_answer, suite

SHAPE_SIZE = 64_000_000
OURS, ORJSON, STREAM = "respstream.responses", "orjson by hand", "openai responses.stream()"
CHAT, MIXED, JSON_LINES = "fold: chat", "fold: mixed", "fold: chat, JSON Lines"

FASTEST = {OURS: ours.fold, ORJSON: peers.fold_orjson}
FAST_CONTENDERS = {**FASTEST, "jiter by hand": peers.fold_jiter}
ALL = {
    **FAST_CONTENDERS,
    "Decoder.responses, pure Python": ours.fold_fallback,
    "json by hand": peers.fold_json,
    STREAM: peers.fold_openai_stream,
}


def _row(name: str, shape: str, contenders: dict[str, Any] = FASTEST, **more: Any) -> Row:
    row: dict[str, Any] = {"reference": ORJSON, "answer": fold_answer, "size_bytes": SHAPE_SIZE, "cpu": True, **more}
    return Row(name=f"fold: {name}", shape=shape, contenders=contenders, **row)


ROWS = (
    _row("chat", "chat", FAST_CONTENDERS, size_bytes=FAST),
    _row("chat, 1 GB", "chat", size_bytes=LARGE),
    _row("mixed", "mixed", FAST_CONTENDERS, size_bytes=FAST),
    _row("chat, JSON Lines", "chat", FAST_CONTENDERS, size_bytes=FAST, options={"form": "jsonl"}),
    _row("mixed, JSON Lines", "mixed", FAST_CONTENDERS, size_bytes=FAST, options={"form": "jsonl"}),
    _row("mixed, all peers", "mixed", ALL, size_bytes=SLOW),
    _row("chat, all peers", "chat", ALL, size_bytes=SLOW, reference=STREAM),
    *(_row(name, shape, full_bytes=FAST, options=options) for name, shape, options in SINGLE_SHAPES),
    *((_row("recorded streams", "", make=recorded.log),) if recorded.folder() else ()),
)

test_fold = suite(ROWS)
