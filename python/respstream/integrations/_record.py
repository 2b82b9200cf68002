"""Records the streams of a client: the answers to its requests to the APIs that are read are written to a file, with times.

It hooks into the HTTP client by its event hooks, which are a public interface of httpx, so that it sees streams and whole
answers, retries, and what copies of the client ask for.
"""

from __future__ import annotations

import inspect
import os
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from respstream.recordings.recorder import Recorder, Track

__all__ = ["ClientRecorder", "record_client"]


def record_client(
    client: Any, path: str | os.PathLike[str], endpoints: tuple[str, ...], *, sync: bool
) -> ClientRecorder:
    """The recorder of the answers to a client's requests to paths that contain one of `endpoints`, with "/" behind it.

    `client`: one of an SDK, or of httpx. Raises TypeError for what is no client, OSError where the file cannot be opened.
    """
    http = getattr(client, "_client", client)
    hooks = getattr(http, "event_hooks", None)
    if not isinstance(hooks, dict) or not {"request", "response"} <= hooks.keys():
        raise TypeError(f"record() requires a client of the SDK or of httpx, not {type(client).__name__}")
    return ClientRecorder(path, http, endpoints, sync=sync)


class ClientRecorder(Recorder):
    """The recorder of one client."""

    undo: Callable[[], None] | None = None
    """Ends the recording of other connections than those of the HTTP client."""

    def __init__(self, path: str | os.PathLike[str], http: Any, endpoints: tuple[str, ...], *, sync: bool) -> None:
        super().__init__(path, sync=sync)
        self._endpoints = endpoints
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
        if self.undo is not None:
            self.undo()
        super().close()

    def _ask(self, request: Any) -> None:
        path = f"{request.url.path}/"
        if any(endpoint in path for endpoint in self._endpoints):
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
