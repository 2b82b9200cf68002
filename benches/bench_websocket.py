"""The SDK's `connection.recv()` over a WebSocket with and without the drop-in acceleration; the transport is in memory.

Both return the SDK's objects; the loop reads `type` and `delta`. Measures CPU time, which a busy machine affects less. A part of
it is the same for both: the connection's bookkeeping for each frame.
"""

from __future__ import annotations

import functools
from importlib import import_module
from itertools import zip_longest
from typing import Any

from benches import ours, peers
from benches.peers import EventsAnswer
from benches.rows import SLOW, Row, events_answer, suite
from benches.shapes import Log

SIZE = 2_000_000
LANES = 64
CHAT, LANES_ROW = "websocket: chat", f"websocket: chat in {LANES} lanes"
RECV, FAST_RECV = "openai connection.recv()", "accelerated connection.recv()"


def frames(log: Log) -> list[bytes]:
    """The events of the log, one per frame."""
    return [block.partition(b"data: ")[2] for block in log.data.split(b"\n\n")[:-1]]


def lanes(log: Log) -> list[bytes]:
    """The same, with the responses dealt out to lanes that take turns."""
    each: list[list[bytes]] = [[] for _ in range(LANES)]
    for number, part in enumerate(peers.split_responses(log.data)):
        at = number % LANES
        named = b'{"stream_id":"lane-%d",' % at
        each[at] += [block.partition(b"data: {")[2].join((named, b"")) for block in part.split(b"\n\n")[:-1]]
    return [frame for turn in zip_longest(*each) for frame in turn if frame is not None]


class _Socket:
    """The transport of a connection: the frames, one per call."""

    def __init__(self, given: list[bytes]) -> None:
        self._next = iter(given).__next__

    def recv(self, *, decode: bool) -> bytes:
        """The next frame."""
        return self._next()

    def close(self, **_: object) -> None:
        """Nothing to close."""


@functools.cache
def _client(*, fast: bool) -> Any:
    import openai

    client = openai.OpenAI(api_key="none", base_url="http://replay.invalid/v1", max_retries=0)
    if fast:
        ours.native()
        import_module("respstream.integrations.openai").accelerate(client)
    return client


def _recv(given: list[bytes], *, fast: bool) -> EventsAnswer:
    manager = _client(fast=fast).responses.connect()
    manager._connect_ws = lambda *_: _Socket(given)
    with manager as connection:
        recv = connection.recv
        return peers.read_objects(recv() for _ in given)


def openai_recv(given: list[bytes]) -> EventsAnswer:
    """The SDK's `recv()`."""
    return _recv(given, fast=False)


def accelerated_recv(given: list[bytes]) -> EventsAnswer:
    """The same, accelerated."""
    return _recv(given, fast=True)


def _row(name: str, prepare: Any) -> Row:
    contenders = {FAST_RECV: accelerated_recv, RECV: openai_recv}
    return Row(
        name=name, contenders=contenders, reference=RECV, answer=events_answer, cpu=True, size_bytes=SIZE,
        full_bytes=SLOW, prepare=prepare,
    )  # fmt: skip


ROWS = (_row(CHAT, frames), _row(LANES_ROW, lanes))

test_websocket = suite(ROWS)
