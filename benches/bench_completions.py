"""Chat Completions: typed events and fold of logs of several dialects, from SSE and JSON Lines.

Used by `make bench`; also a pytest-benchmark suite (`python -m pytest benches/bench_completions.py`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from benches import completion_peers as peers
from benches import completions, ours
from benches.rows import SLOW, Row, events_answer, fold_answer, suite
from benches.shapes import SEED
from benches.wire import Form

SIZE = 64_000_000
EVENTS, FOLD, MSGSPEC, ORJSON = "respstream.events", "respstream.responses", "msgspec, choices", "orjson by hand"
CREATE, ACCELERATED = "openai create(stream=True)", "the same, accelerated"
STREAM, ACCELERATED_STREAM = "openai stream()", "the same, accelerated"
TEXT = "text"


def _events(shape: str, form: Form = "sse") -> Row:
    contenders = {EVENTS: ours.chunks_of_events, MSGSPEC: peers.split_msgspec, "orjson": peers.split_orjson}
    return _row("events", shape, form, contenders, MSGSPEC, events_answer)


def _fold(shape: str, form: Form = "sse") -> Row:
    return _row("fold", shape, form, {FOLD: ours.fold, ORJSON: peers.fold_orjson}, ORJSON, fold_answer)


def _row(work: str, shape: str, form: Form, contenders: dict[str, Any], reference: str, answer: Any) -> Row:
    name = f"Chat Completions, {work}: {shape}{', JSON Lines' if form == 'jsonl' else ''}"
    make = partial(completions.make, shape, SEED, form=form)
    return Row(
        name=name, contenders=contenders, reference=reference, answer=answer, size_bytes=SIZE, make=make, cpu=True
    )


def _sdk(name: str, contenders: dict[str, Any], reference: str) -> Row:
    make = partial(completions.make, TEXT, SEED)
    return Row(
        name=f"Chat Completions, {name}",
        contenders=contenders,
        reference=reference,
        answer=events_answer,
        size_bytes=SLOW // 2,
        make=make,
        cpu=True,
    )


ROWS = (
    *(_events(shape) for shape in completions.SHAPES),
    _events("mixed", "jsonl"),
    *(_fold(shape) for shape in completions.SHAPES),
    _fold("mixed", "jsonl"),
    _sdk("drop-in: create(stream=True)", {ACCELERATED: ours.chat_create, CREATE: peers.openai_create}, CREATE),
    _sdk("drop-in: stream()", {ACCELERATED_STREAM: ours.chat_stream, STREAM: peers.openai_stream}, STREAM),
)

test_completions = suite(ROWS)
