"""The openai SDK with and without the drop-in acceleration, over a transport in memory.

Both produce the SDK's objects; the loop reads `type` and `delta`. Measures CPU time, which a busy machine affects less.
"""

from __future__ import annotations

from typing import Any

from benches import ours, peers
from benches.rows import SLOW, Row, blocks, events_answer, suite

STREAM_SIZE = 2_000_000
CHAT, SNAPSHOTS = "openai: chat log", "openai: chat with snapshots"
LONG = "openai: long answers with snapshots"
CREATE = "openai create(stream=True)"
STREAM = "openai responses.stream()"
FAST_CREATE = "accelerated create(stream=True)"
FAST_STREAM = "accelerated responses.stream()"

CREATES = {FAST_CREATE: ours.openai_create, CREATE: peers.openai_create}
STREAMS = {FAST_STREAM: ours.openai_stream, STREAM: peers.openai_stream}


def _row(name: str, contenders: dict[str, Any], **more: Any) -> Row:
    sizes = {"size_bytes": STREAM_SIZE, "full_bytes": SLOW}
    row: dict[str, Any] = {"reference": list(contenders)[-1], "answer": events_answer, "cpu": True, **sizes, **more}
    return Row(name=f"openai: {name}", contenders=contenders, **row)


ROWS = (
    _row("chat log", CREATES, size_bytes=SLOW),
    _row("mixed log", CREATES, shape="mixed"),
    _row("chat, one event per chunk", CREATES, prepare=blocks),
    _row("chat with snapshots", STREAMS),
    _row("long answers with snapshots", STREAMS, shape="long_answers"),
    _row("chat with snapshots, one event per chunk", STREAMS, prepare=blocks),
)

test_openai = suite(ROWS)
