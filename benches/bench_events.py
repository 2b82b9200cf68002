"""Typed events: a Python loop that reads `type` and `delta` of every event of a log.

The rows of `make bench`, and the same as a pytest-benchmark suite (`python -m pytest benches/bench_events.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benches import ours, peers
from benches.rows import Row, blocks, events_answer

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SIZE = 32_000_000
SDK_SIZE = 1_000_000  # some 3,500 events: the SDK reads 10,000 to 17,000 a second
MSGSPEC = "msgspec, type and delta"

BY_HAND = {
    MSGSPEC: peers.split_msgspec,
    "orjson": peers.split_orjson,
    "jiter": peers.split_jiter,
}
OURS = {"respstream.events": ours.events, "Decoder.feed, 64 KiB": ours.feed}
TWIN = {"Decoder.feed, pure Python": ours.feed_twin}


def _row(name: str, shape: str, contenders: dict[str, Any], **more: Any) -> Row:
    row: dict[str, Any] = {"size_bytes": SIZE, "reference": MSGSPEC, "answer": events_answer, **more}
    return Row(name=f"events: {name}", shape=shape, contenders=contenders, **row)


ALL = {
    **OURS,
    **TWIN,
    **BY_HAND,
    "msgspec, all members": peers.split_msgspec_typed,
    "json": peers.split_json,
    "httpx-sse, json()": peers.httpx_sse,
}
SDK = {
    **OURS,
    **TWIN,
    "openai create(stream=True)": peers.openai_create,
    "openai responses.stream()": peers.openai_stream,
}
LIVE = {
    "Decoder.feed": ours.feed_each,
    "Decoder.feed, pure Python": ours.feed_each_twin,
    "openai SSEDecoder, json()": peers.openai_decoder,
}
GOALS: dict[str, Any] = {"goals": {"respstream.events": 2.2, "Decoder.feed, 64 KiB": 2.2}}

ROWS = (
    _row("chat", "chat", ALL, **GOALS),
    _row("chat, alphabetical", "chat", {**OURS, **BY_HAND}, options={"key_order": "alphabetical"}, **GOALS),
    _row("chat, type last", "chat", {**OURS, **BY_HAND}, options={"key_order": "type_last"}, **GOALS),
    _row("chat, JSON Lines", "chat", {**OURS, **BY_HAND}, options={"form": "jsonl"}, **GOALS),
    _row("tools", "tools", {**OURS, **BY_HAND}),
    _row("reasoning", "reasoning", {**OURS, **BY_HAND}),
    _row("refusals", "refusals", {**OURS, **BY_HAND}),
    _row("long instructions and tools", "long_lifecycle", {**OURS, **BY_HAND}),
    _row("Unicode and escapes", "unicode_escapes", {**OURS, **BY_HAND}),
    _row("logprobs", "logprobs", {**OURS, **BY_HAND}),
    _row("image of 8 MiB", "image", {**OURS, **BY_HAND}),
    _row("mixed", "mixed", ALL),
    _row("chat, beside the SDK", "chat", SDK, size_bytes=SDK_SIZE, reference="openai create(stream=True)"),
    _row("mixed, beside the SDK", "mixed", SDK, size_bytes=SDK_SIZE, reference="openai create(stream=True)"),
    _row(
        "chat, live: one at a time",
        "chat",
        LIVE,
        size_bytes=4_000_000,
        reference="openai SSEDecoder, json()",
        prepare=blocks,
    ),
)


@pytest.mark.parametrize(
    "contender", [pytest.param((row, name), id=f"{row.name}-{name}") for row in ROWS for name in row.contenders]
)
def test_events(benchmark: BenchmarkFixture, contender: tuple[Row, str]) -> None:
    row, name = contender
    benchmark.group = row.name
    log = row.log(short=benchmark.disabled)
    assert benchmark(row.contenders[name], row.prepare(log)) == row.answer(log)
