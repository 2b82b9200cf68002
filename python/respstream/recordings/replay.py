"""Replays recordings: a local HTTP server that answers as the API did, with the recorded pauses.

Each POST to a path that ends in `/responses` gets the next response of the recording, and the first again after the last:
as server-sent events where the request says `"stream": true`, else whole. `GET …/responses/ID` gives one by its id.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import Any, ClassVar, NamedTuple

from respstream._pure.decoder import Decoder
from respstream._pure.events import Parsed, make_event
from respstream._pure.response import Folded
from respstream.base import Event
from respstream.wrapped import FileDecoder

__all__ = ["Take", "serve", "takes"]

HOST = "127.0.0.1"
REQUEST_BYTES = 64 << 20


class Take(NamedTuple):
    """One recorded response: its id, its JSON, and its events as (seconds after the request, bytes of SSE)."""

    id: str | None
    body: bytes
    events: list[tuple[float, bytes]]


class _Player(Decoder):
    """A decoder that keeps each event with its time, by response. The Python twin serves under both backends here."""

    def reset(self) -> None:
        """Forgets everything."""
        super().reset()
        self.heard: dict[int, tuple[Folded, list[tuple[float | None, bytes]]]] = {}

    def _heard(self, parsed: Parsed, folded: Folded | None, events: list[Event] | None) -> None:
        if folded is not None:
            kept = self.heard.setdefault(id(folded), (folded, []))
            kept[1].append((parsed.time, make_event(parsed).to_sse()))


def takes(chunks: Iterable[bytes], form: str = "auto", **options: Any) -> list[Take]:
    """The responses of a source, in the order of beginning. `options`: those of what reads files."""
    decoder = FileDecoder(form, make=_Player, **options)
    responses: list[Any] = []
    for chunk in chunks:
        responses += decoder.fold(chunk)
    responses += decoder.fold_end()
    states: list[Folded] = sorted((response._state for response in responses), key=lambda state: state.byte_start)
    return [_take(state, decoder.decoder.heard) for state in states]


def _take(state: Folded, heard: dict[int, Any]) -> Take:
    _, events = heard.get(id(state), (state, []))
    start = state.started_at
    told: list[tuple[float, bytes]] = []
    latest = 0.0
    for at, data in events:
        if at is not None and start is not None:
            latest = max(latest, at - start)
        told.append((latest, data))
    return Take(state.id, state.json(), told)


def serve(recorded: list[Take], *, speed: float | None = 1.0, port: int = 0) -> ThreadingHTTPServer:
    """A server of these responses on the local machine, bound and not yet running: `serve_forever()`.

    `speed`: how many times as fast as it was; None leaves the pauses out. `port` 0 takes a free one, which
    `server_port` tells. Raises ValueError where there is nothing to serve, OSError where the port is taken.
    """
    if not recorded:
        raise ValueError("there are no responses to replay")
    lock, order = threading.Lock(), cycle(recorded)

    def following() -> Take:
        with lock:
            return next(order)

    class Handler(_Handler):
        def upcoming(self) -> Take:
            return following()

        by_id: ClassVar = {take.id: take for take in recorded if take.id is not None}
        pace = speed

    server = ThreadingHTTPServer((HOST, port), Handler)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    by_id: ClassVar[dict[str, Take]]
    pace: float | None

    def upcoming(self) -> Take:
        """The next response."""
        raise NotImplementedError

    def do_POST(self) -> None:
        """Answers a request for a response."""
        request = self._request()
        if not self.path.partition("?")[0].rstrip("/").endswith("/responses"):
            self._refuse(f"nothing is recorded for {self.path}")
            return
        take = self.upcoming()
        if request.get("stream") is True and take.events:
            self._stream(take)
        else:
            self._whole(200, take.body)

    def do_GET(self) -> None:
        """Answers a request for a response that is known by its id."""
        take = self.by_id.get(self.path.partition("?")[0].rstrip("/").rpartition("/")[2])
        if take is None:
            self._refuse(f"no response of that id is recorded: {self.path}")
        else:
            self._whole(200, take.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""

    def _request(self) -> dict[str, Any]:
        size = int(self.headers.get("Content-Length") or 0)
        try:
            value = json.loads(self.rfile.read(min(size, REQUEST_BYTES)) or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def _refuse(self, message: str) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": "not_recorded"}
        self._whole(404, json.dumps({"error": error}).encode())

    def _whole(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, take: Take) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for data in paced(take.events, self.pace):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):  # the client has heard enough
            self.close_connection = True


def paced(events: list[tuple[float, bytes]], speed: float | None) -> Iterator[bytes]:
    """The events, each when it is due."""
    start = time.monotonic()
    for after, data in events:
        if speed is not None:
            due = start + after / speed - time.monotonic()
            if due > 0:
                time.sleep(due)
        yield data
