"""The transport that takes the place of a client's own one, and the requests that it does itself."""

from __future__ import annotations

import asyncio
import functools
import re
import weakref
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

from respstream.integrations.http._connection import Connection, Origin
from respstream.integrations.http._library import Options, is_plain
from respstream.integrations.http._pool import Pool
from respstream.integrations.http._response import Response

__all__ = ["body_class", "transport_class"]

# What the SDKs put into the body, or the query, of a request for a stream.
_BODY = (b'"stream":true', b'"stream": true')
_QUERY = re.compile(rb"[?&]stream=true(?:&|$)")
# All that HTTP/1.1 allows (RFC 9112), where it is sent as it is. Others are left to the client's own transport.
_HEAD = re.compile(
    rb"(?:GET|POST) [!-~]+ HTTP/1\.1\r\n"
    rb"(?:[-!#$%&'*+.^_`|~0-9A-Za-z]+: (?:[!-~\x80-\xff](?:[ \t!-~\x80-\xff]*[!-~\x80-\xff])?)?\r\n)*\r\n"
)
_EXTENSIONS = frozenset({"timeout", "sni_hostname"})
_FRAMING = frozenset({b"transfer-encoding", b"upgrade", b"te", b"trailer"})


class _Body:
    """The body of a response."""

    def __init__(self, pool: Pool, connection: Connection, response: Response) -> None:
        self._pool, self._connection = pool, connection
        self._is_open = True
        # Returns the next bytes, b"" at the end.
        self.respstream_read = functools.partial(connection.read, response)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self.respstream_read():
            yield chunk

    async def aclose(self) -> None:
        """Gives the connection back, or closes it if more of the body may come."""
        if self._is_open:
            self._is_open = False
            self._pool.release(self._connection)


class _NetworkStream:
    """What httpx tells about the connection of a response."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get_extra_info(self, info: str) -> Any:
        """Of the connection: `client_addr`, `server_addr`, `socket`, `ssl_object`, `is_readable`; None for other names."""
        return self._connection.get_extra_info(info)


class _Transport:
    """Does the requests for streams, and leaves the others to `own`, which is what `options` are from."""

    def __init__(self, library: Any, own: Any, options: Options) -> None:
        self.own = own
        self.users: weakref.WeakSet[Any] = weakref.WeakSet()
        """The clients of SDKs that it is installed for."""
        self._library, self._options = library, options
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}

    async def handle_async_request(self, request: Any) -> Any:
        """The response to a request; raises as the own transport does."""
        sent = _sent(request) if self._is_ours(request) else None
        if sent is None:
            return await self.own.handle_async_request(request)
        pool, timeouts = self._pool(), request.extensions.get("timeout", {})
        origin = _origin(request.url)
        server_name = request.extensions.get("sni_hostname") or origin[1]
        connection = await pool.acquire(origin, server_name, timeouts)
        response = await connection.request(sent, timeouts)
        if _closes(request):
            response.keeps_alive = False
        return self._library.Response(
            status_code=response.status,
            headers=response.headers,
            stream=body_class(self._library)(pool, connection, response),
            extensions={
                "http_version": response.version,
                "reason_phrase": response.reason,
                "network_stream": _NetworkStream(connection),
            },
        )

    def _is_ours(self, request: Any) -> bool:
        return (
            isinstance(request.stream, self._library.ByteStream)
            and request.url.scheme in ("http", "https")
            and request.extensions.keys() <= _EXTENSIONS
            and _in_asyncio()
            and is_plain(self.own)
        )

    def _pool(self) -> Pool:
        loop = asyncio.get_running_loop()
        found = self._pools.get(loop)
        if found is None:
            for other in [other for other in self._pools if other.is_closed()]:
                del self._pools[other]
            found = self._pools[loop] = Pool(self._library, self._options, loop)
        return found

    async def __aenter__(self) -> Any:
        await self.own.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()
        await self.own.__aexit__(kind, error, traceback)

    async def aclose(self) -> None:
        await self._close()
        await self.own.aclose()

    async def _close(self) -> None:
        """Closes the connections, those of other event loops without waiting for it."""
        self.close(used=True)
        if _in_asyncio():
            await asyncio.sleep(0)  # closes their sockets

    def close(self, *, used: bool) -> None:
        """Closes the idle connections, and with `used` those in use, each in the thread of its event loop."""
        pools = list(self._pools.items())
        self._pools.clear()
        for loop, pool in pools:
            if loop is _running_loop() or not loop.is_running():
                pool.close(used=used)
            else:
                loop.call_soon_threadsafe(functools.partial(pool.close, used=used))


def _sent(request: Any) -> bytes | None:
    """A request as it is sent; None if it is not for the connections here."""
    body, headers = b"".join(request.stream), request.headers.raw
    given = [(name.lower(), value) for name, value in headers]
    names = [name for name, _ in given]
    lengths = [value for name, value in given if name == b"content-length"]
    if not _FRAMING.isdisjoint(names) or names.count(b"host") != 1 or (lengths or [b"0"]) != [b"%d" % len(body)]:
        return None
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    head = b"%b %b HTTP/1.1\r\n%b\r\n" % (request.method.encode(), request.url.raw_path, lines)
    return head + body if _HEAD.fullmatch(head) and _wants_stream(request, body) else None


def _wants_stream(request: Any, body: bytes) -> bool:
    return (
        any(words in body for words in _BODY)
        or _QUERY.search(request.url.raw_path) is not None
        or "text/event-stream" in request.headers.get("accept", "")
    )


def _origin(url: Any) -> Origin:
    is_tls = url.scheme == "https"
    return is_tls, url.raw_host.decode("ascii"), url.port or (443 if is_tls else 80)


def _closes(request: Any) -> bool:
    return "close" in request.headers.get("connection", "").lower()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _in_asyncio() -> bool:
    """Whether a task of asyncio runs; under trio there is none, nor where trio runs as a guest of asyncio."""
    return _running_loop() is not None and asyncio.current_task() is not None


@functools.cache
def body_class(library: Any) -> type[Any]:
    """The class of the bodies for httpx or httpx2."""
    return type("Body", (_Body, library.AsyncByteStream), {"__doc__": _Body.__doc__})


@functools.cache
def transport_class(library: Any) -> type[Any]:
    """The class of the transports, likewise."""
    return type("Transport", (_Transport, library.AsyncBaseTransport), {"__doc__": _Transport.__doc__})
