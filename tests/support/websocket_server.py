"""A local WebSocket server of the Responses API: one event per frame, lanes, steering, errors and dropped connections.

A `response.create` names what it wants by its model, `NAME` or `NAME/NUMBER`; see `SCRIPTS`.
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.support.openai_server import STREAMS, blocks, chat

__all__ = ["ERROR", "LANE_TEXT", "STEERED", "frames", "lane_events", "running"]

Event = dict[str, Any]

LANE_TEXT = "lane {} says: grüße, \U0001f600 and more words"
ERROR = {"type": "error", "status": 400, "error": {"type": "invalid_request_error", "code": "bad", "message": "no"}}
_STEER = {"previous_response_id": "resp_1", "status": "queued"}
STEERED = [
    {"type": "response.steer.accepted", "sequence_number": 40, "steer": _STEER},
    {"type": "response.steer.pending", "sequence_number": 41, "reason": "tool", "required_input": [], "steer": _STEER},
    {
        "type": "response.steer.failed", "sequence_number": 42, "steer": _STEER,
        "error": {"code": "response_not_found", "message": "gone", "type": "invalid_request_error"},
    },
]  # fmt: skip


def frames(name: str) -> list[str]:
    """The events of a stream of `openai_server`, one per frame."""
    lines = (line for block in blocks(STREAMS[name]) for line in block.splitlines() if line.startswith(b"data:"))
    return [data.decode("utf-8", "replace") for line in lines if (data := line[5:].strip()) != b"[DONE]"]


def lane_events(number: int, stream_id: str) -> list[Event]:
    """The events of one response of a lane: its ids and its text are its own."""
    text = json.dumps(chat(LANE_TEXT.format(number)))
    for name in ("resp_1", "msg_0123456789abcdef", "fc_0123456789abcdef01"):
        text = text.replace(name, f"{name}_{number}")
    return [{**event, "stream_id": stream_id} for event in json.loads(text)]


class _Session:
    """One connection."""

    def __init__(self, connection: ServerConnection, dropped: set[str]) -> None:
        self.connection, self.dropped = connection, dropped
        self.lanes: list[str] = []

    def run(self) -> None:
        with suppress(ConnectionClosed):
            for message in self.connection:
                event = json.loads(message)
                if event["type"] == "response.create":
                    self._create(event)
                else:
                    self.send(STEERED)

    def send(self, events: list[Event]) -> None:
        for event in events:
            self.connection.send(json.dumps(event, ensure_ascii=False))

    def _create(self, event: Event) -> None:
        name, _, number = event["model"].partition("/")
        SCRIPTS.get(name, _Session.stream)(self, event, int(number or 0))

    def stream(self, event: Event, _: int) -> None:
        """A stream of `openai_server`, with the lane of its request."""
        lane = event.get("stream_id")
        for frame in frames(event["model"]):
            self.connection.send(frame if lane is None else frame.replace("{", f'{{"stream_id":"{lane}",', 1))

    def together(self, event: Event, number: int) -> None:
        """Waits for that many requests, and then sends the events of all lanes in turn."""
        self.lanes.append(event["stream_id"])
        if len(self.lanes) == number:
            each = [lane_events(at, name) for at, name in enumerate(self.lanes)]
            self.send([event for turn in itertools.zip_longest(*each) for event in turn if event is not None])

    def fail(self, event: Event, _: int) -> None:
        """An error event."""
        self.send([{**ERROR, "stream_id": event["stream_id"]} if "stream_id" in event else ERROR])

    def drop(self, _: Event, number: int) -> None:
        """So many frames, and then the connection breaks, without a closing handshake."""
        self.send(chat()[:number])
        self.connection.socket.shutdown(socket.SHUT_RDWR)

    def restart(self, event: Event, number: int) -> None:
        """The first request with an input closes the connection after so many frames; the next gets the whole stream."""
        if event["input"] in self.dropped:
            self.stream({**event, "model": "chat"}, 0)
            return
        self.dropped.add(event["input"])
        self.send(chat()[:number])
        self.connection.close(1012, "service restart")

    def odd(self, _: Event, __: int) -> None:
        """Frames that are no events, or unusual ones."""
        for frame in (
            '{"type":"response.new.thing","a":1}', b'{"type":"response.output_text.delta","delta":"x"}', '{"a":1}',
            ' {"type": "response.completed"}\n', '{"type":"response.output_text.delta","delta":"\\ud800"}',
            '{"type":"response.output_text.delta","delta":NaN}', "[1]", "7",
        ):  # fmt: skip
            self.connection.send(frame)

    def broken(self, _: Event, __: int) -> None:
        """A frame that is no JSON."""
        self.connection.send('{"type":')


SCRIPTS: dict[str, Callable[[_Session, Event, int], None]] = {
    "together": _Session.together,
    "fail": _Session.fail,
    "drop": _Session.drop,
    "restart": _Session.restart,
    "odd": _Session.odd,
    "broken": _Session.broken,
}


@contextmanager
def running() -> Generator[str]:
    """Runs a server in a thread in the context; yields the base URL for clients of the SDK."""
    dropped: set[str] = set()

    def handle(connection: ServerConnection) -> None:
        _Session(connection, dropped).run()

    server: Server
    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        finally:
            server.shutdown()
            thread.join()
