"""A connection over HTTP/1.1, which does one request at a time."""

from __future__ import annotations

import asyncio
import re
import select
from collections.abc import Callable
from typing import Any

from respstream.integrations.http._library import Options
from respstream.integrations.http._response import Response

__all__ = ["Connection", "Origin"]

Origin = tuple[bool, str, int]
"""Whether TLS is used, the name and the port of a server."""
_MAX_UNREAD = 256 * 1024  # bytes that wait to be read, before the server must wait
_STAGGER = 0.25  # seconds between the attempts to connect to several addresses
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")
_NO_TIMEOUT = 86400.0


class Connection(asyncio.Protocol):
    """A connection to an origin, open after `connect`. `lost` is called once, when it is closed by either side."""

    def __init__(
        self, library: Any, origin: Origin, loop: asyncio.AbstractEventLoop, lost: Callable[[Connection], None]
    ) -> None:
        self.origin, self.loop = origin, loop
        self.expires: float | None = None
        """When an idle connection is too old, in the time of the loop."""
        self.is_closed = False
        self._library = library
        self._lost = lost
        self._transport: Any = None
        self._is_lost = False
        self._response: Response | None = None
        self._unread = 0
        self._is_paused = False
        # What waits for bytes, and until when; and what waits for the bytes sent to be gone.
        self._waiter: asyncio.Future[None] | None = None
        self._timeout: float | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._sent: asyncio.Future[None] | None = None
        self._is_sending = False

    # -- what the event loop calls -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:  # nothing was asked for
            self.close()
            return
        try:
            response.parse(data)
        except Exception as error:
            response.fail(error)
        if not response.has_head:
            response.count_head(data)
        self._unread += len(data)
        if self._unread > _MAX_UNREAD and not (self._is_paused or response.is_complete):
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def pause_writing(self) -> None:
        self._is_sending = True

    def resume_writing(self) -> None:
        self._is_sending = False
        if self._sent is not None and not self._sent.done():
            self._sent.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True  # its transport has no event loop any more
        self._end(exc)

    def _end(self, error: Exception | None) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        if self._response is not None:
            self._response.end(error)
        self.resume_writing()
        self._wake()
        self._lost(self)

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    # -- connecting ----------------------------------------------------------------------------------------------------

    async def connect(self, options: Options, server_name: str, seconds: float | None) -> None:
        """Opens the connection; raises as httpx does. `seconds`: the time allowed for TCP and for TLS, each."""
        try:
            await self._connect_tcp(options, seconds)
            if self.origin[0]:
                await self._start_tls(options, server_name, seconds)
        except BaseException:
            self.close()
            raise

    async def _connect_tcp(self, options: Options, seconds: float | None) -> None:
        _, host, port = self.origin
        given: dict[str, Any] = {}
        if options.local_address is not None:
            given["local_addr"] = options.local_address, 0
        # For a name, which may have several addresses. Other event loops try one after the other.
        if isinstance(self.loop, asyncio.BaseEventLoop) and not _ADDRESS.fullmatch(host):
            given["happy_eyeballs_delay"] = _STAGGER
        try:
            async with asyncio.timeout(seconds):
                transport, _ = await self.loop.create_connection(lambda: self, host, port, **given)
            # So that what was sent is gone when sending ends, as the timeout of writing means it.
            transport.set_write_buffer_limits(high=0)
            for option in options.socket_options:
                transport.get_extra_info("socket").setsockopt(*option)
        except TimeoutError as error:
            raise self._library.ConnectTimeout("") from error
        except OSError as error:
            raise self._library.ConnectError(str(error)) from error

    async def _start_tls(self, options: Options, server_name: str, seconds: float | None) -> None:
        options.tls.set_alpn_protocols(["http/1.1"])
        limit = _NO_TIMEOUT if seconds is None else seconds + 1
        try:
            async with asyncio.timeout(seconds):
                transport = await self.loop.start_tls(
                    self._transport, self, options.tls, server_hostname=server_name, ssl_handshake_timeout=limit
                )
        except TimeoutError as error:
            raise self._library.ConnectTimeout("") from error
        except OSError as error:  # those of TLS too
            raise self._library.ConnectError(str(error)) from error
        if transport is None:
            raise self._library.ConnectError("")
        self._transport = transport
        transport.set_write_buffer_limits(high=0)

    # -- a request -----------------------------------------------------------------------------------------------------

    async def request(self, data: bytes, timeouts: dict[str, float | None]) -> Response:
        """Sends a request; returns the response once its head has arrived."""
        self._response = response = Response(self._library)
        self._unread, self._timeout = 0, timeouts.get("read")
        try:
            await self._send(data, timeouts.get("write"))
            while not response.has_head:
                if response.error is not None:
                    raise response.error
                await self._arrival()
        except BaseException:
            self.close()
            raise
        return response

    async def _send(self, data: bytes, seconds: float | None) -> None:
        self._transport.write(data)
        if not self._is_sending:
            return
        self._sent = self.loop.create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._sent
        except TimeoutError as error:
            raise self._library.WriteTimeout("") from error
        finally:
            self._sent = None

    async def read(self, response: Response) -> bytes:
        """The next bytes of the body, b"" at its end."""
        try:
            while not response.chunks:
                if response.error is not None:
                    raise response.error
                if response.is_complete:
                    return b""
                await self._arrival()
        except BaseException:
            self.close()
            raise
        self._unread = 0
        if self._is_paused:
            self._resume()
        return response.take()

    def _resume(self) -> None:
        self._is_paused = False
        if not self.is_closed:
            self._transport.resume_reading()

    def _arrival(self) -> asyncio.Future[None]:
        """What is done when bytes arrive, the connection is lost, or the time to read is over."""
        self._waiter = waiter = self.loop.create_future()
        if self._timeout is not None:
            # One timer for many waits: it looks at the deadline when it is done.
            self._deadline = self.loop.time() + self._timeout
            if self._timer is None:
                self._timer = self.loop.call_at(self._deadline, self._check)
        return waiter

    def _check(self) -> None:
        self._timer, waiter = None, self._waiter
        if waiter is None or waiter.done():
            return
        if self.loop.time() < self._deadline:
            self._timer = self.loop.call_at(self._deadline, self._check)
        else:
            self._waiter = None
            waiter.set_exception(self._library.ReadTimeout(""))

    # -- the end -------------------------------------------------------------------------------------------------------

    def finish(self) -> bool:
        """Ends the request; returns whether the connection can do another one. Otherwise it is closed."""
        response, self._response = self._response, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (
            response is None
            or self.is_closed
            or not (response.is_complete and response.keeps_alive)
            or self._is_sending
        ):
            self.close()
            return False
        if self._is_paused:
            self._resume()
        return True

    def close(self) -> None:
        """Closes the connection at once."""
        if self._transport is not None and not self._is_lost:
            self._transport.abort()
        self._end(ConnectionAbortedError())

    def is_readable(self) -> bool:
        """Whether there is something to read, which for an idle connection is its end."""
        sock = self._transport.get_extra_info("socket")
        number = -1 if sock is None else sock.fileno()
        if number < 0:
            return True
        if not hasattr(select, "poll"):
            return bool(select.select([number], [], [], 0)[0])
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))

    def get_extra_info(self, name: str) -> Any:
        """As the network streams of httpx."""
        names = {"client_addr": "sockname", "server_addr": "peername"}
        if name == "is_readable":
            return self.is_readable()
        return self._transport.get_extra_info(names.get(name, name))
