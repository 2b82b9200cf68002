"""Anthropic Messages: typed events and fold of logs, from SSE and JSON Lines; the anthropic SDK with and without the drop-in.

Used by `make bench`; also a pytest-benchmark suite (`python -m pytest benches/bench_messages.py`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from benches import message_peers as peers
from benches import messages, ours
from benches.rows import SLOW, Row, events_answer, fold_answer, suite
from benches.shapes import SEED, Log
from benches.wire import Form

SIZE = 64_000_000
EVENTS, FOLD, MSGSPEC, ORJSON = "respstream.events", "respstream.responses", "msgspec, delta", "orjson by hand"
CREATE, ACCELERATED = "anthropic create(stream=True)", "the same, accelerated"
STREAM, ACCELERATED_STREAM = "anthropic stream()", "the same, accelerated"


def _row(work: str, shape: str, form: Form, contenders: dict[str, Any], reference: str, answer: Any) -> Row:
    name = f"Messages, {work}: {shape}{', JSON Lines' if form == 'jsonl' else ''}"
    make = partial(messages.make, shape, SEED, form=form)
    return Row(
        name=name, contenders=contenders, reference=reference, answer=answer, size_bytes=SIZE, make=make, cpu=True
    )


def _events(shape: str, form: Form = "sse") -> Row:
    contenders = {EVENTS: ours.messages_of_events, MSGSPEC: peers.split_msgspec, "orjson": peers.split_orjson}
    return _row("events", shape, form, contenders, MSGSPEC, events_answer)


def _fold(shape: str, form: Form = "sse") -> Row:
    return _row("fold", shape, form, {FOLD: ours.fold, ORJSON: peers.fold_orjson}, ORJSON, fold_answer)


def _without_pings(log: Log) -> Any:
    count, chars = events_answer(log)
    return count - log.data.count(b"event: ping\n"), chars


def _sdk(name: str, contenders: dict[str, Any], reference: str) -> Row:
    return Row(
        name=f"Messages, {name}",
        contenders=contenders,
        reference=reference,
        answer=_without_pings,
        size_bytes=SLOW // 2,
        make=partial(messages.make, "text", SEED),
        cpu=True,
    )


ROWS = (
    *(_events(shape) for shape in messages.SHAPES),
    _events("mixed", "jsonl"),
    *(_fold(shape) for shape in messages.SHAPES),
    _fold("mixed", "jsonl"),
    _sdk("drop-in: create(stream=True)", {ACCELERATED: ours.anthropic_create, CREATE: peers.anthropic_create}, CREATE),
    _sdk("drop-in: stream()", {ACCELERATED_STREAM: ours.anthropic_stream, STREAM: peers.anthropic_stream}, STREAM),
)

test_messages = suite(ROWS)
