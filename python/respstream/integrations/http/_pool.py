"""The connections of one event loop: as many as the limits allow, the idle ones kept for the next request."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from respstream.integrations.http._connection import Connection, Origin
from respstream.integrations.http._library import Options

__all__ = ["Pool"]


class Pool:
    """Connections that are open, or being opened."""

    def __init__(self, library: Any, options: Options, loop: asyncio.AbstractEventLoop) -> None:
        self._library, self._options, self._loop = library, options, loop
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []  # the one that was used last is the last one
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_closed = False

    async def acquire(self, origin: Origin, server_name: str, timeouts: dict[str, float | None]) -> Connection:
        """A connection to the origin for one request; raises as httpx does."""
        try:
            async with asyncio.timeout(timeouts.get("pool")):
                found = await self._slot(origin)
        except TimeoutError as error:
            raise self._library.PoolTimeout("") from error
        if found is None:
            return await self._open(origin, server_name, timeouts.get("connect"))
        return found

    async def _slot(self, origin: Origin) -> Connection | None:
        """An idle connection, or None where a new one is allowed."""
        if self._waiting:
            await self._turn(self._waiting.append)
        while True:
            found = self._reuse(origin)
            if found is not None:
                return found
            if len(self._connections) >= self._options.limit and self._idle:
                self._idle[0].close()
            if len(self._connections) < self._options.limit:
                return None
            # It came first, or another one was faster.
            await self._turn(self._waiting.appendleft)

    async def _turn(self, enqueue: Callable[[asyncio.Future[None]], None]) -> None:
        """Waits for a connection that is given back or closed."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        enqueue(waiter)
        try:
            await waiter
        except BaseException:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            else:  # it was this one's turn
                self._next()
            raise

    def _reuse(self, origin: Origin) -> Connection | None:
        now = self._loop.time()
        for connection in self._idle.copy():
            if connection.expires is not None and now > connection.expires:
                connection.close()
        for connection in reversed(self._idle.copy()):
            if connection.origin == origin:
                if not connection.is_readable():
                    self._idle.remove(connection)
                    return connection
                connection.close()
        return None

    async def _open(self, origin: Origin, server_name: str, seconds: float | None) -> Connection:
        connection = Connection(self._library, origin, self._loop, self._forget)
        self._connections.add(connection)
        await connection.connect(self._options, server_name, seconds)
        return connection

    def release(self, connection: Connection) -> None:
        """Takes a connection back behind its request."""
        if connection.finish():
            if self._is_closed or len(self._idle) >= self._options.kept:
                connection.close()
            else:
                expiry = self._options.expiry
                connection.expires = None if expiry is None else self._loop.time() + expiry
                self._idle.append(connection)
                self._next()

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._next()

    def _next(self) -> None:
        """Lets the next one try that waits."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def close(self, *, used: bool) -> None:
        """Closes the idle connections, with `used` also those that are in use; the others when they come back."""
        self._is_closed = True
        if not self._loop.is_closed():
            for connection in list(self._connections if used else self._idle):
                connection.close()
