"""Replays recordings: a local HTTP server that answers like the API, with the recorded pauses.

Each POST to a path that ends in `/responses`, `/chat/completions` or `/v1/messages` gets the next response of that API in
the recording, and after the last one the first again: as server-sent events if the request has `"stream": true`, else as
one object. A GET of a path that ends with an id returns that response. A WebSocket at `…/responses` answers each
`response.create` likewise, with one event per message.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import Any, ClassVar, NamedTuple

from respstream._fallback import Decoder
from respstream._pure.json import loads
from respstream._pure.protocols.any_api import PROTOCOLS
from respstream._pure.protocols.protocol import ParsedEvent, ResponseState
from respstream._pure.protocols.responses.protocol import RESPONSES
from respstream.protocols.parsed import make_event
from respstream.recordings.file_decoder import FileDecoder
from respstream.recordings.local_server import MAX_BODY_BYTES, LocalHandler, LocalServer, object_in
from respstream.recordings.replay_websocket import replay_websocket
from respstream.recordings.websocket import wants_websocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from respstream._pure.protocols.protocol import Protocol

__all__ = ["Take", "encoded", "serve", "takes"]


class Take(NamedTuple):
    """One recorded response: its API, its id, its JSON, and its events as (seconds after the request, bytes of SSE)."""

    protocol: Protocol
    id: str | None
    body: bytes
    events: list[tuple[float, bytes]]


class _Player(Decoder):
    """A decoder that stores each event with its time, by response. The fallback is used under both backends."""

    def reset(self) -> None:
        """Discards all state."""
        super().reset()
        self.stored: dict[int, tuple[ResponseState, list[tuple[float | None, bytes]]]] = {}

    def fold(self, data: Any, start: int = 0, stop: int | None = None) -> list[Any]:
        """Takes the next bytes; returns the responses that have ended."""
        self._core.feed(data[start:stop], self._store)
        return self._core.take_ended()

    def fold_record(self, data: bytes, times: Any, span: Any, ends: bool = True) -> list[Any]:
        """Takes one record; returns the responses that have ended."""
        self._core.feed_record(data, times, span, ends, self._store)
        return self._core.take_ended()

    def fold_end(self) -> list[Any]:
        """Ends the source; returns the responses that have ended."""
        self._core.finish(self._store)
        return self._core.take_ended()

    def _store(self, parsed: ParsedEvent, folded: ResponseState | None) -> None:
        if folded is not None:
            _, events = self.stored.setdefault(id(folded), (folded, []))
            events.append((parsed.time, make_event(parsed).to_sse()))


def takes(chunks: Iterable[bytes], form: str = "auto", **options: Any) -> list[Take]:
    """The responses of a source, in the order of beginning. `options`: those of `respstream.responses`."""
    decoder = FileDecoder(form, make=_Player, **options)
    states: list[ResponseState] = []
    for chunk in chunks:
        states += decoder.fold(chunk)
    states += decoder.fold_end()
    states.sort(key=lambda state: state.byte_start)
    return [_take(state, decoder.decoder.stored) for state in states]


def _take(state: ResponseState, stored: dict[int, Any]) -> Take:
    _, events = stored.get(id(state), (state, []))
    start = state.started_at
    timed: list[tuple[float, bytes]] = []
    latest = 0.0
    for at, data in events:
        if at is not None and start is not None:
            latest = max(latest, at - start)
        timed.append((latest, data))
    if timed and state.protocol.end_mark:
        timed.append((latest, state.protocol.end_mark))
    return Take(state.protocol, state.id, state.json(), timed)


def encoded(take: Take) -> Take:
    """The response, with events as a server would send them if it was not streamed."""
    from respstream.protocols.encode import encoded_events

    return take if take.events else take._replace(events=[(0.0, data) for data in encoded_events(loads(take.body))])


def serve(recorded: list[Take], *, speed: float | None = 1.0, port: int = 0) -> LocalServer:
    """A server of these responses on the local machine, bound but not running: call `serve_forever()`.

    `speed`: a factor, 1.0 for the recorded pauses; None for no pauses. `port`: 0 for a free one, see `server_port`. Raises
    ValueError if there are no responses, OSError if the port is in use.
    """
    if not recorded:
        raise ValueError("there are no responses to replay")
    lock = threading.Lock()
    orders = {
        protocol.url_path: cycle([take for take in recorded if take.protocol is protocol]) for protocol in PROTOCOLS
    }

    class Handler(_Handler):
        def upcoming(self, path: str) -> Take | None:
            with lock:
                return next((take for end, order in orders.items() if path.endswith(end) for take in order), None)

        by_id: ClassVar = {take.id: take for take in recorded if take.id is not None}
        pace = speed

    return LocalServer(port, Handler)


class _Handler(LocalHandler):
    by_id: ClassVar[dict[str, Take]]
    pace: float | None

    def upcoming(self, path: str) -> Take | None:
        """The next response for a request to that path; None if nothing is recorded for it."""
        raise NotImplementedError

    def answer(self, body: bytes) -> None:
        """Answers a request for a new response, for one by its id, or for a WebSocket."""
        path = self.path.partition("?")[0].rstrip("/")
        if self.command == "GET" and path.endswith(RESPONSES.url_path) and wants_websocket(self.headers):
            self.connection.settimeout(None)  # a client may wait for a pause of any length
            replay_websocket(self, lambda: self._events(path), self.pace, MAX_BODY_BYTES)
            return
        if self.command == "GET":
            take = self.by_id.get(path.rpartition("/")[2])
            if take is None:
                self.refuse(404, "not_recorded", f"no response of that id is recorded: {self.path}")
            else:
                self.whole(200, take.body)
            return
        request = object_in(body)
        take = self.upcoming(path)
        if take is None:
            self.refuse(404, "not_recorded", f"nothing is recorded for {self.path}")
        elif request.get("stream") is True and take.events:
            self._stream(take)
        else:
            self.whole(200, take.body)

    def _events(self, path: str) -> list[tuple[float, bytes]]:
        take = self.upcoming(path)
        return [] if take is None else take.events

    def _stream(self, take: Take) -> None:
        self.begin_stream()
        for data in paced(take.events, self.pace):
            self.send(data)
        self.send(b"")


def paced(events: list[tuple[float, bytes]], speed: float | None) -> Iterator[bytes]:
    """Yields each event at its time."""
    start = time.monotonic()
    for after, data in events:
        if speed is not None:
            due = start + after / speed - time.monotonic()
            if due > 0:
                time.sleep(due)
        yield data
