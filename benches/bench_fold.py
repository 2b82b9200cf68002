"""Fold of a log from memory: id, status, text, output tokens and tool calls of every response, from every event.

The rows of `make bench`, and the same as a pytest-benchmark suite (`python -m pytest benches/bench_fold.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benches import ours, peers
from benches.rows import Row, fold_answer

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SIZE = 64_000_000
TWIN_SIZE = 16_000_000
SDK_SIZE = 1_000_000
ORJSON = "orjson by hand"

FAST = {"respstream.responses": ours.fold, ORJSON: peers.fold_orjson, "jiter by hand": peers.fold_jiter}
TWIN = {"Decoder.responses, pure Python": ours.fold_twin, "json by hand": peers.fold_json}
GOALS: dict[str, Any] = {"goals": {"respstream.responses": 8.0}}


def _row(name: str, shape: str, contenders: dict[str, Any], **more: Any) -> Row:
    row: dict[str, Any] = {"size_bytes": SIZE, "reference": ORJSON, "answer": fold_answer, **more}
    return Row(name=f"fold: {name}", shape=shape, contenders=contenders, **row)


ROWS = (
    _row("chat", "chat", FAST, **GOALS),
    _row("chat, alphabetical", "chat", FAST, options={"key_order": "alphabetical"}, **GOALS),
    _row("chat, type last", "chat", FAST, options={"key_order": "type_last"}, **GOALS),
    _row("chat, JSON Lines", "chat", FAST, options={"form": "jsonl"}, **GOALS),
    _row("tools", "tools", FAST),
    _row("reasoning", "reasoning", FAST),
    _row("refusals", "refusals", FAST),
    _row("long instructions and tools", "long_lifecycle", FAST),
    _row("Unicode and escapes", "unicode_escapes", FAST),
    _row("logprobs", "logprobs", FAST),
    _row("image of 8 MiB", "image", FAST),
    _row("mixed", "mixed", FAST, **GOALS),
    _row("mixed, JSON Lines", "mixed", FAST, options={"form": "jsonl"}, **GOALS),
    _row("mixed, in Python", "mixed", {**FAST, **TWIN}, size_bytes=TWIN_SIZE),
    _row(
        "chat, beside the SDK",
        "chat",
        {"respstream.responses": ours.fold, **TWIN, "openai responses.stream()": peers.fold_openai_stream},
        size_bytes=SDK_SIZE,
        reference="openai responses.stream()",
    ),
)


@pytest.mark.parametrize(
    "contender", [pytest.param((row, name), id=f"{row.name}-{name}") for row in ROWS for name in row.contenders]
)
def test_fold(benchmark: BenchmarkFixture, contender: tuple[Row, str]) -> None:
    row, name = contender
    benchmark.group = row.name
    log = row.log(short=benchmark.disabled)
    assert benchmark(row.contenders[name], row.prepare(log)) == row.answer(log)
