"""Records the WebSockets that a client opens: each message with its time, and the lane that it belongs to.

A connection is a track. Its messages are rows of the lane `TRACK`, or `TRACK/STREAM_ID` for those that name their own.
"""

from __future__ import annotations

import functools
import inspect
import json
import warnings
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from respstream.recordings.recorder import Recorder, Track

__all__ = ["record_websockets"]

_PATHS = ("responses", "beta.responses")


def record_websockets(client: Any, recorder: Recorder) -> Callable[[], None]:
    """Records the connections that `client.responses.connect()` makes from now on; returns what ends that."""
    undo: list[Callable[[], None]] = []
    for path in _PATHS:
        try:
            resource = attrgetter(path)(client)
            connect = resource.connect
        except AttributeError:  # an httpx client, or a release of the SDK without WebSockets
            continue
        undo.append(_shadow(resource, "connect", _recorded_connect(connect, recorder)))

    def end() -> None:
        for each in undo:
            each()

    return end


def _shadow(target: Any, name: str, value: Any) -> Callable[[], None]:
    """Sets an attribute of an object; returns what restores it, if it still has this value."""
    missing = object()
    before = target.__dict__.get(name, missing)
    target.__dict__[name] = value

    def restore() -> None:
        if target.__dict__.get(name) is not value:
            return
        if before is missing:
            del target.__dict__[name]
        else:
            target.__dict__[name] = before

    return restore


def _recorded_connect(connect: Callable[..., Any], recorder: Recorder) -> Callable[..., Any]:
    """A `connect` whose connections are recorded, also those that replace a broken one.

    The SDK's connection manager opens each of them by its own `_connect_ws`.
    """

    @functools.wraps(connect)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        manager = connect(*args, **kwargs)
        opened = getattr(manager, "_connect_ws", None)
        if inspect.iscoroutinefunction(opened):

            async def aopen(*args: Any, **kwargs: Any) -> Any:
                return _Messages(recorder).atap(await opened(*args, **kwargs))

            manager.__dict__["_connect_ws"] = aopen
        elif opened is not None:
            manager.__dict__["_connect_ws"] = lambda *args, **kwargs: _Messages(recorder).tap(opened(*args, **kwargs))
        return manager

    return recorded


class _Messages:
    """The tracks of one connection. What fails here never fails whoever uses the connection."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._tracks: dict[str | None, Track] = {}
        self._failed = False

    def write(self, data: str | bytes, *, sent: bool = False) -> None:
        """Writes a message; one that asks for a response begins its lane."""
        kind, stream_id = _head(data)
        self._try(lambda: self._track(stream_id).message(data, sent=sent))
        if sent and kind == "response.create":
            self._try(lambda: self._track(stream_id).begin())

    def end(self, error: BaseException | None = None) -> None:
        """Ends all tracks. `error`: what broke the connection."""
        tracks, self._tracks = self._tracks, {}
        for track in tracks.values():
            self._try(functools.partial(track.end, error))

    def _track(self, stream_id: str | None) -> Track:
        if not self._tracks:
            self._tracks[None] = self._recorder.track()
        if stream_id not in self._tracks:
            self._tracks[stream_id] = self._recorder.track(f"{self._tracks[None].lane}/{stream_id}")
        return self._tracks[stream_id]

    def _try(self, write: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            write()
        except (OSError, ValueError) as error:
            self._failed = True
            warnings.warn(f"respstream records a connection no further: {error}", RuntimeWarning, stacklevel=2)

    def tap(self, socket: Any) -> Any:
        """The connection of `websockets`, whose messages are written from now on."""
        recv, send, close = socket.recv, socket.send, socket.close

        def recorded_recv(*args: Any, **kwargs: Any) -> Any:
            with _Ending(self):
                data = recv(*args, **kwargs)
            self.write(data)
            return data

        def recorded_send(message: Any, *args: Any, **kwargs: Any) -> Any:
            self._sent(message)
            return send(message, *args, **kwargs)

        def recorded_close(*args: Any, **kwargs: Any) -> Any:
            self.end()
            return close(*args, **kwargs)

        socket.__dict__.update(recv=recorded_recv, send=recorded_send, close=recorded_close)
        return socket

    def atap(self, socket: Any) -> Any:
        """As `tap`, for an asynchronous connection."""
        recv, send, close = socket.recv, socket.send, socket.close

        async def recorded_recv(*args: Any, **kwargs: Any) -> Any:
            with _Ending(self):
                data = await recv(*args, **kwargs)
            self.write(data)
            return data

        async def recorded_send(message: Any, *args: Any, **kwargs: Any) -> Any:
            self._sent(message)
            return await send(message, *args, **kwargs)

        async def recorded_close(*args: Any, **kwargs: Any) -> Any:
            self.end()
            return await close(*args, **kwargs)

        socket.__dict__.update(recv=recorded_recv, send=recorded_send, close=recorded_close)
        return socket

    def _sent(self, message: Any) -> None:
        """Writes a message before it is sent, so that no answer comes before it; not one that is sent in parts."""
        if isinstance(message, (str, bytes)):
            self.write(message, sent=True)


class _Ending:
    """Ends the tracks of a connection by the exception of `websockets` that says that it is closed."""

    def __init__(self, messages: _Messages) -> None:
        self._messages = messages

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        names = {cls.__name__ for cls in type(error).__mro__}
        if "ConnectionClosed" in names:
            self._messages.end(None if "ConnectionClosedOK" in names else error)


def _head(data: str | bytes) -> tuple[str | None, str | None]:
    """The type and the stream id of a message."""
    try:
        event = json.loads(data)
    except ValueError:
        return None, None
    if not isinstance(event, dict):
        return None, None
    kind, stream_id = event.get("type"), event.get("stream_id")
    return (kind if isinstance(kind, str) else None), (stream_id if isinstance(stream_id, str) else None)
