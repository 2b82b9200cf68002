"""Records the streams of a client: the answers to its requests to the APIs that are read are written to a file, with times.

It hooks into the HTTP client by its event hooks, which are a public interface of httpx, so that it sees streams and whole
answers, retries, and what copies of the client ask for. WebSockets do not use the HTTP client: see `_record_websocket`.
"""

from __future__ import annotations

import inspect
import os
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from respstream.integrations.openai._record_websocket import record_websockets
from respstream.recordings.recorder import Recorder, Track

__all__ = ["record"]

# In the path of a request, with "/" behind it.
_ENDPOINTS = ("/responses/", "/chat/completions/")


def record(client: Any, path: str | os.PathLike[str], *, sync: bool = False) -> Recorder:
    """Appends to a file what a client of the openai SDK gets from the Responses API and from Chat Completions, with times: a
    lane for each request.

    The messages of its WebSockets (`client.responses.connect()`) are recorded in both directions, with a lane for each
    connection and `stream_id`.

    `client`: `OpenAI`, `AsyncOpenAI`, or an httpx client. `sync`: fsync at the end of each stream. Gives the recorder;
    closing it, as a context manager too, leaves the client as it was. Rows are those of `respstream.Recorder`; chunks are
    the bytes behind a content encoding. A recording that fails, as on a full disk, warns (RuntimeWarning) and ends, and
    the client goes on. Raises TypeError for what is no client, OSError where the file cannot be opened.
    """
    http = getattr(client, "_client", client)
    hooks = getattr(http, "event_hooks", None)
    if not isinstance(hooks, dict) or not {"request", "response"} <= hooks.keys():
        raise TypeError(f"record() requires a client of the openai SDK or of httpx, not {type(client).__name__}")
    recorder = _ClientRecorder(path, http, sync=sync)
    recorder.undo = record_websockets(client, recorder)
    return recorder


class _ClientRecorder(Recorder):
    """The recorder of one client."""

    undo: Callable[[], None]
    """Ends the recording of further WebSockets."""

    def __init__(self, path: str | os.PathLike[str], http: Any, *, sync: bool) -> None:
        super().__init__(path, sync=sync)
        self._hooks = http.event_hooks
        self._tracks: weakref.WeakKeyDictionary[Any, Track] = weakref.WeakKeyDictionary()
        asks: Callable[[Any], Any] = self._ask
        answers: Callable[[Any], Any] = self._answer
        if inspect.iscoroutinefunction(http.send):
            asks, answers = _awaitable(asks), _awaitable(answers)
        self._own = {"request": asks, "response": answers}
        for name, hook in self._own.items():
            self._hooks[name].append(hook)

    def close(self) -> None:
        """Leaves the client as it was, and closes the file. What still streams is recorded no further."""
        for name, hook in self._own.items():
            if hook in self._hooks[name]:
                self._hooks[name].remove(hook)
        self.undo()
        super().close()

    def _ask(self, request: Any) -> None:
        path = f"{request.url.path}/"
        if any(endpoint in path for endpoint in _ENDPOINTS):
            try:
                self._tracks[request] = self.track()
            except (OSError, ValueError) as error:
                _warn(error)

    def _answer(self, response: Any) -> None:
        track = self._tracks.pop(response.request, None)
        if track is not None:
            tape = _Tape(track)
            response.iter_bytes = tape.tee(response.iter_bytes)
            response.aiter_bytes = tape.atee(response.aiter_bytes)


class _Tape:
    """A track that never fails whoever reads the stream; as a context manager it ends with what the block raises."""

    def __init__(self, track: Track) -> None:
        self._track: Track | None = track

    def write(self, chunk: bytes) -> None:
        """Writes a chunk, if nothing has failed before."""
        if self._track is not None:
            try:
                self._track.write(chunk)
            except OSError as error:
                self._track = None
                _warn(error)

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        track, self._track = self._track, None
        if track is not None:
            try:
                track.end(None if isinstance(error, GeneratorExit) else error)
            except OSError as failed:
                _warn(failed)

    def tee(self, read: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
        """What reads the chunks, and writes them."""

        def iter_bytes(*args: Any, **kwargs: Any) -> Iterator[bytes]:
            with self:
                for chunk in read(*args, **kwargs):
                    self.write(chunk)
                    yield chunk

        return iter_bytes

    def atee(self, read: Callable[..., AsyncIterator[bytes]]) -> Callable[..., AsyncIterator[bytes]]:
        """As `tee`."""

        async def aiter_bytes(*args: Any, **kwargs: Any) -> AsyncIterator[bytes]:
            with self:
                async for chunk in read(*args, **kwargs):
                    self.write(chunk)
                    yield chunk

        return aiter_bytes


def _awaitable(hook: Callable[[Any], None]) -> Callable[[Any], Any]:
    async def awaited(message: Any) -> None:
        hook(message)

    return awaited


def _warn(error: Exception) -> None:
    warnings.warn(f"respstream records a stream no further: {error}", RuntimeWarning, stacklevel=2)
