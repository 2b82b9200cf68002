"""Typed events: a Python loop that reads `type` and `delta` of every event of a log.

Used by `make bench`; also a pytest-benchmark suite (`python -m pytest benches/bench_events.py`).
"""

from __future__ import annotations

from typing import Any

from benches import ours, peers, recorded
from benches.rows import FAST, LARGE, SINGLE_SHAPES, SLOW, Row, blocks, events_answer, suite

SHAPE_SIZE = 32_000_000
MSGSPEC = "msgspec, type and delta"
EVENTS, FEED, FALLBACK_FEED = "respstream.events", "Decoder.feed, 64 KiB", "Decoder.feed, pure Python"
FEED_EACH_EVENT = "Decoder.feed"
CREATE, SDK_DECODER = "openai create(stream=True)", "openai SSEDecoder, json()"
CHAT, LIVE, PEERS_CHAT = "events: chat", "events: chat, live: one at a time", "events: chat, all peers"

BY_HAND = {MSGSPEC: peers.split_msgspec, "orjson": peers.split_orjson, "jiter": peers.split_jiter}
OURS = {EVENTS: ours.events, FEED: ours.feed}
FALLBACK = {FALLBACK_FEED: ours.feed_fallback}
FAST_CONTENDERS = {**OURS, **BY_HAND}
FASTEST = {**OURS, MSGSPEC: peers.split_msgspec}
ALL = {
    **OURS,
    **FALLBACK,
    **BY_HAND,
    "msgspec, all members": peers.split_msgspec_typed,
    "json": peers.split_json,
    "httpx-sse, json()": peers.httpx_sse,
    "sseclient-py, json.loads": peers.sseclient,
    CREATE: peers.openai_create,
    "openai responses.stream()": peers.openai_stream,
}
LIVE_CONTENDERS = {
    FEED_EACH_EVENT: ours.feed_each,
    FALLBACK_FEED: ours.feed_each_fallback,
    SDK_DECODER: peers.openai_decoder,
}


def _row(name: str, shape: str, contenders: dict[str, Any] = FAST_CONTENDERS, **more: Any) -> Row:
    row: dict[str, Any] = {"reference": MSGSPEC, "answer": events_answer, "size_bytes": SHAPE_SIZE, "cpu": True, **more}
    return Row(name=f"events: {name}", shape=shape, contenders=contenders, **row)


ROWS = (
    _row("chat", "chat", size_bytes=FAST),
    _row("chat, 1 GB", "chat", FASTEST, size_bytes=LARGE),
    _row("chat, all peers", "chat", ALL, size_bytes=SLOW, reference=CREATE),
    _row("mixed, all peers", "mixed", ALL, size_bytes=SLOW, reference=CREATE),
    _row("mixed", "mixed", size_bytes=FAST),
    _row("chat, JSON Lines", "chat", size_bytes=FAST, options={"form": "jsonl"}),
    *(_row(name, shape, full_bytes=FAST, options=options) for name, shape, options in SINGLE_SHAPES),
    *((_row("recorded streams", "", make=recorded.log),) if recorded.folder() else ()),
    _row("chat, live: one at a time", "chat", LIVE_CONTENDERS, size_bytes=SLOW, reference=SDK_DECODER, prepare=blocks),
)

test_events = suite(ROWS)
