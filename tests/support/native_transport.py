"""Clients with `accelerate(client, transport="native")`, and answers of a server, for the tests of the transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from tests.support.http_server import Connection, Server
from tests.support.sdk_kits import KITS, Kit

__all__ = [
    "BLOCKS",
    "BODY",
    "CHUNKED",
    "ERROR",
    "HEAD",
    "OPENAI",
    "RUNNERS",
    "SOME",
    "Outcome",
    "Run",
    "always",
    "broken",
    "chain",
    "client",
    "hanging",
    "is_native",
    "once",
    "open_stream",
    "outcome",
    "read",
    "sized",
    "whole",
]

pytest.importorskip("respstream._native")
pytest.importorskip("httptools")
uvloop: Any = pytest.importorskip("uvloop")

OPENAI, _ = KITS
BLOCKS = OPENAI.chunks
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ERROR = b'{"error":{"message":"no","code":"x"}}'

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Outcome = tuple[list[Any], list[tuple[str, str]]]
RUNNERS: dict[str, Run] = {"asyncio": asyncio.run, "uvloop": uvloop.run}
"""What runs a coroutine, by the name of the event loop."""


def client(server: Server | str, transport: str | None, kit: Kit = OPENAI, **options: Any) -> Any:
    """A client of the SDK; accelerated with the transport, if there is one."""
    url = server if isinstance(server, str) else f"http://127.0.0.1:{server.port}/v1"
    made = kit.async_client(base_url=url, api_key="none", **{"max_retries": 0, **options})
    return made if transport is None else kit.integration.accelerate(made, transport=transport)


def is_native(response: Any) -> bool:
    return hasattr(response.stream._stream, "respstream_read")


async def read(stream: Any) -> list[Any]:
    return [event.model_dump(warnings=False) async for event in stream]


async def outcome(made: Any, kit: Kit = OPENAI, **asked: Any) -> Outcome:
    """The events of a stream, and the exception that ended it with its causes."""
    events: list[Any] = []
    try:
        async with made:
            stream = await getattr(made, kit.api).create(**{**kit.asked, **asked}, stream=True)
            async for event in stream:
                events.append(event.model_dump(warnings=False))
    except Exception as error:
        return events, chain(error)
    return events, []


def chain(error: BaseException | None) -> list[tuple[str, str]]:
    """The classes and messages of an exception and its causes, as far as they are of the SDK or of httpx."""
    found = []
    while error is not None and type(error).__module__.partition(".")[0] in ("openai", "anthropic", "httpx", "httpx2"):
        found.append((type(error).__name__, str(error)))
        error = error.__cause__
    return found


def once(*parts: bytes, pause: float = 0) -> Callable[[Connection], Awaitable[None]]:
    """Answers each connection's first request."""

    async def answer(connection: Connection) -> None:
        await connection.request()
        await connection.send(*parts, pause=pause)

    return answer


def always(*parts: bytes, pause: float = 0) -> Callable[[Connection], Awaitable[None]]:
    """Answers all requests."""

    async def answer(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(*parts, pause=pause)

    return answer


def broken(*parts: bytes) -> Callable[[Connection], Awaitable[None]]:
    """Sends this, and resets the connection."""

    async def answer(connection: Connection) -> None:
        await connection.request()
        await connection.send(*parts, pause=0.05)
        connection.reset()

    return answer


def hanging(*parts: bytes) -> Callable[[Connection], Awaitable[None]]:
    """Sends this, and nothing more."""

    async def answer(connection: Connection) -> None:
        await connection.request()
        await connection.send(*parts)
        await asyncio.sleep(60)

    return answer


def sized(body: bytes, more: int = 0, head: bytes = HEAD) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % (len(body) + more) + body


BODY = b"".join(BLOCKS)
SOME = b"".join(BLOCKS[:8])


async def open_stream(made: Any) -> Any:
    stream = await made.responses.create(**OPENAI.asked, stream=True)
    assert is_native(stream.response)
    return stream


async def whole(made: Any) -> int:
    return len(await read(await open_stream(made)))
