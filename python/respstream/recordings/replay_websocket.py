"""Replays recorded responses over a WebSocket, as `GET /responses` of the API answers it.

Each `response.create` gets the next response of the recording, one event per message, in the lane of the request. The responses
of a lane follow one another; lanes run at the same time. Any other message is answered by an error event.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from queue import SimpleQueue
from typing import Any, TypeAlias

from respstream._pure.json import loads
from respstream.recordings.websocket import WebSocket, accept_key

__all__ = ["replay_websocket"]

MAX_LANES = 64
"""Of one connection; each has a thread."""

Events: TypeAlias = list[tuple[float, bytes]]
"""The events of a response: seconds after the request, and a block of server-sent events."""


def replay_websocket(
    handler: BaseHTTPRequestHandler, upcoming: Callable[[], Events], speed: float | None, limit: int
) -> None:
    """Takes over the connection of a request for a WebSocket, until it is closed.

    `upcoming`: returns the events of the next response. `speed`: a factor of the recorded pauses; None for no pauses. `limit`:
    the maximum size of a message, in bytes.
    """
    handler.send_response(101)
    handler.send_header("Upgrade", "websocket")
    handler.send_header("Connection", "Upgrade")
    handler.send_header("Sec-WebSocket-Accept", accept_key(handler.headers["Sec-WebSocket-Key"]))
    handler.end_headers()
    handler.close_connection = True
    socket = WebSocket(handler.rfile, handler.wfile, limit)
    session = _Session(socket, upcoming, speed)
    try:
        for message in socket:
            session.take(message)
    except OSError:  # the client is gone
        pass
    finally:
        session.end()


class _Session:
    """What one connection asks for."""

    def __init__(self, socket: WebSocket, upcoming: Callable[[], Events], speed: float | None) -> None:
        self._socket, self._upcoming, self._speed = socket, upcoming, speed
        self._lanes: dict[str | None, SimpleQueue[Events | None]] = {}
        self._over = threading.Event()

    def take(self, message: bytes) -> None:
        """Answers a message of the client."""
        try:
            event = loads(message)
        except ValueError:
            event = {}
        event = event if isinstance(event, dict) else {}
        kind, lane = event.get("type"), event.get("stream_id")
        if kind != "response.create" or not isinstance(lane, str | None):
            self._socket.send(_refusal(kind))
            return
        if lane not in self._lanes:
            if len(self._lanes) >= MAX_LANES:
                self._socket.send(_refusal(f"a lane after {MAX_LANES} others"))
                return
            waiting = self._lanes[lane] = SimpleQueue()
            threading.Thread(target=self._play, args=(lane, waiting), daemon=True).start()
        self._lanes[lane].put(self._upcoming())

    def end(self) -> None:
        """Ends all lanes."""
        self._over.set()
        for waiting in self._lanes.values():
            waiting.put(None)

    def _play(self, lane: str | None, waiting: SimpleQueue[Events | None]) -> None:
        while (events := waiting.get()) is not None:
            start = time.monotonic()
            for after, block in events:
                due = 0.0 if self._speed is None else start + after / self._speed - time.monotonic()
                if self._over.wait(max(0.0, due)):
                    return
                try:
                    self._socket.send(_in_lane(_payload(block), lane))
                except OSError:  # the client is gone
                    return


def _payload(block: bytes) -> bytes:
    """The data of a block of server-sent events."""
    return b"\n".join(line[6:] for line in block.splitlines() if line.startswith(b"data: "))


def _in_lane(payload: bytes, lane: str | None) -> bytes:
    """The event with the lane of the request, which may differ from the recorded one."""
    try:
        event: Any = loads(payload)
    except ValueError:
        return payload
    if not isinstance(event, dict) or event.get("stream_id") == lane:
        return payload
    event.pop("stream_id", None)
    if lane is not None:
        event["stream_id"] = lane
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _refusal(kind: object) -> bytes:
    message = f"only response.create is replayed, not {kind}"
    error = {"type": "invalid_request_error", "code": "not_recorded", "message": message, "param": None}
    return json.dumps({"type": "error", "status": 400, "error": error}).encode()
