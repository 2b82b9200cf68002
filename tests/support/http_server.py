"""A local HTTP server whose answers are written byte by byte, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field

__all__ = ["Connection", "Server", "chunked", "running"]


def chunked(*blocks: bytes) -> bytes:
    """A whole chunked body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(block), block) for block in blocks) + b"0\r\n\r\n"


@dataclass
class Connection:
    """A connection of a client. `requests`: the heads that it sent, with their bodies."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def request(self) -> tuple[bytes, bytes]:
        """Waits for the next request."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = [
            line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        ]
        body = await self.reader.readexactly(int(length[0])) if length else b""
        self.requests.append((head, body))
        return head, body

    async def send(self, *parts: bytes, pause: float = 0) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(pause)

    def reset(self) -> None:
        """Ends the connection with a RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Answer = Callable[[Connection], Awaitable[None]]
"""What is done with a connection, which is closed afterwards."""


@dataclass
class Server:
    """`port`: where it listens; `connections`: all that were made."""

    port: int = 0
    connections: list[Connection] = field(default_factory=list)

    @property
    def requests(self) -> list[tuple[bytes, bytes]]:
        return [request for connection in self.connections for request in connection.requests]


@contextlib.contextmanager
def running(answer: Answer, tls: ssl.SSLContext | None = None) -> Generator[Server]:
    """Runs a server."""
    server, started = Server(), threading.Event()
    loop = asyncio.new_event_loop()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        server.connections.append(connection)
        try:
            await answer(connection)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()

    async def serve() -> None:
        listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        server.port = listening.sockets[0].getsockname()[1]
        started.set()
        await stopped.wait()
        listening.close()
        await settled()  # a connection that was just accepted gets its handler
        for connection in server.connections:
            connection.writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await settled()  # transports close their sockets in a later step

    async def settled() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    def run() -> None:
        loop.run_until_complete(serve())
        loop.close()

    stopped = asyncio.Event()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
