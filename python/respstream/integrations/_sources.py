"""The bytes of a response, read past the layers of httpx where those do nothing but pass them on.

Each layer is an asynchronous generator; together they cost more for the chunk of one event than reading the event.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["Source", "source_of"]

# The modules that define the stream of a response, and the one of its transport that it passes on.
_BOUND = ("httpx2._client", "httpx._client")
_AIOHTTP = ".httpx_aiohttp.transport"
_STATE = ("is_stream_consumed", "is_closed", "_num_bytes_downloaded", "_request", "stream")

Read = Callable[[], Coroutine[Any, Any, bytes]]
"""Returns the next bytes, b"" at the end."""


class Source:
    """An iterator over the bytes of a response instead of its `aiter_bytes()`. Leaves the response in the same state.

    `error`: what ended the iteration.
    """

    def __init__(self, response: Any, read: Read) -> None:
        self.error: Exception | None = None
        self._response, self._read = response, read
        self._is_over = False
        response.is_stream_consumed, response._num_bytes_downloaded = True, 0

    def __aiter__(self) -> Source:
        return self

    async def __anext__(self) -> bytes:
        response = self._response
        if self._is_over:
            raise StopAsyncIteration
        try:
            chunk = await self._read()
        except BaseException as error:
            await self._fail(error)
            raise
        if not chunk:
            self._is_over = True
            await response.aclose()
            raise StopAsyncIteration
        response._num_bytes_downloaded += len(chunk)
        return chunk

    async def _fail(self, error: BaseException) -> None:
        self._is_over = True
        if isinstance(error, Exception):
            self.error = error
        if hasattr(error, "_request"):  # of httpx
            error.request = self._response._request  # type: ignore[attr-defined]
        await self._response.aclose()


def source_of(response: Any) -> Source | None:
    """The bytes of a response; None if httpx must read them: encoded, begun before, or of a transport that is not known here."""
    bound = getattr(response, "stream", None)
    if (
        type(bound).__name__ != "BoundAsyncStream"
        or type(bound).__module__ not in _BOUND
        or not _is_untouched(response)
    ):
        return None
    read = _reader(getattr(bound, "_stream", None))
    return None if read is None else Source(response, read)


def _is_untouched(response: Any) -> bool:
    """Whether `aiter_bytes()` would pass the bytes on from the beginning, as httpx does."""
    library = sys.modules[type(response.stream).__module__.partition(".")[0]]
    return (
        type(response) is library.Response
        and all(hasattr(response, name) for name in _STATE)
        and not (response.is_stream_consumed or response.is_closed or hasattr(response, "_content"))
        and response.headers.get("content-encoding", "identity") == "identity"
        and all(_is_own(response, name) for name in ("aiter_bytes", "aiter_raw"))
        and _is_own(response.stream, "__aiter__")
    )


def _is_own(owner: Any, name: str) -> bool:
    """Whether nobody has replaced a method, of the class or of the object."""
    method = getattr(type(owner), name, None)
    return (
        type(method) is types.FunctionType
        and method.__module__.startswith(type(owner).__module__)  # of a public class, httpx names the package
        and not hasattr(method, "__wrapped__")
        and name not in vars(owner)
    )


def _reader(stream: Any) -> Read | None:
    """What reads the stream of a transport: of ours, or of the SDKs' one over aiohttp."""
    cls = type(stream)
    if cls.__module__.endswith(_AIOHTTP) and cls.__name__ == "AiohttpResponseStream" and _is_own(stream, "__aiter__"):
        content = getattr(getattr(stream, "_aiohttp_response", None), "content", None)
        mapped = getattr(sys.modules[cls.__module__], "map_aiohttp_exceptions", None)
        return None if mapped is None or not hasattr(content, "readany") else _aiohttp_reader(content, mapped)
    read: Read | None = getattr(stream, "respstream_read", None)
    return read


def _aiohttp_reader(content: Any, mapped: Callable[[], Any]) -> Read:
    async def read() -> bytes:
        try:
            data: bytes = await content.readany()
        except Exception as error:
            with mapped():
                raise error
            raise
        return data

    return read
