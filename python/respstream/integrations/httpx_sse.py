"""httpx-sse 0.4's public names over the decoder of respstream: change the import, keep the code.

It works with any client and response of httpx's shape (httpx and httpx2 are tested) and imports neither. `docs/sse.md` has
the table of what differs: no message without data, the bytes are always UTF-8, and `SSEError` is an error of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from respstream import sse
from respstream.errors import RespstreamError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

__all__ = ["EventSource", "SSEError", "ServerSentEvent", "aconnect_sse", "connect_sse"]

_HEADERS = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
_SET_HERE = {name.lower() for name in _HEADERS}


class SSEError(RespstreamError):
    """The response is no event stream, by its Content-Type.

    httpx-sse's error of this name is a `httpx.TransportError`; this one cannot be, as httpx need not be installed. Code that
    catches `httpx.TransportError` or `httpx.HTTPError` for it has to name this one too.
    """


class ServerSentEvent(sse.ServerSentEvent):
    """A message in httpx-sse's words: `event` is `"message"` where the block names none, and `id` is `""` without an id."""

    __slots__ = ()

    if TYPE_CHECKING:
        event: str  # pyright: ignore[reportIncompatibleVariableOverride]
        id: str  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self, event: str | None = None, data: str | None = None, id: str | None = None, retry: int | None = None
    ) -> None:
        super().__init__(event or "message", data or "", id or "", retry)

    def __repr__(self) -> str:
        """As in httpx-sse: the event, and of the others those that are set."""
        pieces = [f"event={self.event!r}"]
        pieces += [f"{name}={value!r}" for name, value in (("data", self.data), ("id", self.id)) if value]
        pieces += [f"retry={self.retry!r}"] if self.retry is not None else []
        return f"ServerSentEvent({', '.join(pieces)})"


class _Response(Protocol):
    @property
    def headers(self) -> Mapping[str, str]: ...

    def iter_bytes(self) -> Iterator[bytes]: ...

    def aiter_bytes(self) -> AsyncIterator[bytes]: ...


_R = TypeVar("_R", bound=_Response)
_R_co = TypeVar("_R_co", bound=_Response, covariant=True)


class _Client(Protocol[_R_co]):
    def stream(self, *args: Any, **kwargs: Any) -> AbstractContextManager[_R_co]: ...


class _AsyncClient(Protocol[_R_co]):
    def stream(self, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[_R_co]: ...


class EventSource(Generic[_R]):
    """The messages of one response, which is `response`; nothing is read before the iteration begins."""

    def __init__(self, response: _R) -> None:
        self._response = response
        self._last_event_id = ""
        self._retry: int | None = None

    @property
    def response(self) -> _R:
        """The response as it was handed in."""
        return self._response

    @property
    def last_event_id(self) -> str:
        """The `Last-Event-ID` for a reconnection: the id after the latest message and the blocks without data after it.

        A block that has only `id:` or `retry:` gives no message, by the standard. `""` without an id.
        """
        return self._last_event_id

    @property
    def retry(self) -> int | None:
        """The reconnection time in milliseconds that the stream set last, or `None`."""
        return self._retry

    def iter_sse(self) -> Iterator[ServerSentEvent]:
        """Yield each message as its block ends; what the end of the body cuts short is discarded.

        Raises `SSEError` at the first step if the Content-Type does not hold `text/event-stream`, and whatever the client
        raises while it reads.
        """
        self._check_content_type()
        decoder = sse.Decoder(on_eof="discard")
        for chunk in self._response.iter_bytes():
            yield from self._messages(decoder, chunk)

    async def aiter_sse(self) -> AsyncGenerator[ServerSentEvent, None]:
        """Do the same as `iter_sse` for a response of an async client."""
        self._check_content_type()
        decoder = sse.Decoder(on_eof="discard")
        # Clients hand out an async generator, which must not be left half-read to the garbage collector.
        async with aclosing(cast("AsyncGenerator[bytes, None]", self._response.aiter_bytes())) as chunks:
            async for chunk in chunks:
                for message in self._messages(decoder, chunk):
                    yield message

    def _messages(self, decoder: sse.Decoder, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The messages of a chunk. Who stops at a message must not see the id of one that comes after it."""
        for message in decoder.feed(chunk):
            self._note(message.id, message.retry)
            yield _restate(message)
        self._note(decoder.last_event_id, decoder.retry)

    def _note(self, last_event_id: str | None, retry: int | None) -> None:
        self._last_event_id = last_event_id or ""
        if retry is not None:
            self._retry = retry

    def _check_content_type(self) -> None:
        # Word by word the check of httpx-sse, so that the same responses pass.
        content_type = self._response.headers.get("content-type", "").partition(";")[0]
        if "text/event-stream" not in content_type:
            raise SSEError(
                f"Expected response header Content-Type to contain 'text/event-stream', got {content_type!r}"
            )


@contextmanager
def connect_sse(client: _Client[_R], method: str, url: Any, **kwargs: Any) -> Generator[EventSource[_R], None, None]:
    """Open `client.stream(method, url, **kwargs)`, with the headers that ask for an event stream, as an `EventSource`."""
    headers = _with_accept(kwargs.pop("headers", None))
    with client.stream(method, url, headers=headers, **kwargs) as response:
        yield EventSource(response)


@asynccontextmanager
async def aconnect_sse(
    client: _AsyncClient[_R], method: str, url: Any, **kwargs: Any
) -> AsyncGenerator[EventSource[_R], None]:
    """Do the same as `connect_sse` for an async client."""
    headers = _with_accept(kwargs.pop("headers", None))
    async with client.stream(method, url, headers=headers, **kwargs) as response:
        yield EventSource(response)


def _with_accept(given: Any) -> list[tuple[str, str]]:
    """The caller's headers (a mapping, pairs or `None`; left as they are), less those that are set here, and those."""
    pairs: Iterable[tuple[str, str]] = given.items() if isinstance(given, Mapping) else given or ()
    return [(name, value) for name, value in pairs if name.lower() not in _SET_HERE] + list(_HEADERS.items())


def _restate(message: sse.ServerSentEvent) -> ServerSentEvent:
    return ServerSentEvent(message.event, message.data, message.id, message.retry)
