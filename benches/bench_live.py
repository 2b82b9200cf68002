"""The openai SDK over a real local server that sends one event a chunk, as a model does: CPU time of the client's process.

The server runs in a process of its own, and pauses behind each event, so that no two events come together. What the transport
costs (HTTP, event loop, sockets) is a part of every contender.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any

from benches import ours, peers, shapes
from benches.files import folder
from benches.peers import EventsAnswer
from benches.rows import Row, events_answer, suite
from benches.shapes import Log

STREAMS = 50
PAUSE = 0.025
SIZE = 30_000
ASYNC, SYNC = f"live: {STREAMS} async streams over HTTP", "live: one stream over HTTP"
SDK, FAST, FAST_AIOHTTP = "openai", "accelerated", "accelerated, aiohttp"
FAST_NATIVE, FAST_UVLOOP = "accelerated, native transport", "accelerated, native transport, uvloop"
_OPTIONS: dict[str, Any] = {"api_key": "none", "max_retries": 0}


class Server:
    """A server that sends the log to each request."""

    def __init__(self, data: bytes, pause: float) -> None:
        path = folder() / f"live-{len(data)}.sse"
        path.write_bytes(data)
        command = [sys.executable, "-m", "benches.live_server", str(path), str(pause)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/v1"


def _many(size: int) -> Log:
    """A log that each of the streams sends; the counts are those of all streams."""
    log = shapes.chat(shapes.SEED, size) if size >= SIZE else shapes.short(shapes.SEED, 1)
    return replace(
        log,
        responses=log.responses * STREAMS,
        events=log.events * STREAMS,
        deltas=log.deltas * STREAMS,
        delta_chars=log.delta_chars * STREAMS,
    )


def _serve_slowly(log: Log) -> Server:
    return Server(log.data, PAUSE)


def _serve(log: Log) -> Server:
    return Server(log.data, 0.001)


async def _read(client: Any) -> EventsAnswer:
    count = characters = 0
    async for event in await client.responses.create(model="gpt", input="", stream=True):
        count += 1
        if event.type.endswith(".delta"):
            characters += len(event.delta)
    return count, characters


@asynccontextmanager
async def _client(server: Server, *, fast: bool, aiohttp: bool, native: bool) -> AsyncGenerator[Any]:
    import openai

    http: Any = openai.DefaultAioHttpClient() if aiohttp else None
    client = openai.AsyncOpenAI(base_url=server.url, http_client=http, **_OPTIONS)
    async with client:
        yield _accelerated(client, transport="native" if native else None) if fast else client


def _accelerated(client: Any, **options: Any) -> Any:
    ours.native()
    return import_module("respstream.integrations.openai").accelerate(client, **options)


def _all(
    server: Server,
    *,
    fast: bool = False,
    aiohttp: bool = False,
    native: bool = False,
    run: Callable[[Any], Any] = asyncio.run,
) -> EventsAnswer:
    async def read_all() -> list[EventsAnswer]:
        async with _client(server, fast=fast, aiohttp=aiohttp, native=native) as client:
            return await asyncio.gather(*(_read(client) for _ in range(STREAMS)))

    answers = run(read_all())
    return sum(count for count, _ in answers), sum(characters for _, characters in answers)


def openai_async(server: Server) -> EventsAnswer:
    """The SDK."""
    return _all(server)


def accelerated_async(server: Server) -> EventsAnswer:
    """The SDK, accelerated."""
    return _all(server, fast=True)


def accelerated_aiohttp(server: Server) -> EventsAnswer:
    """The SDK, accelerated, on its own transport over aiohttp (`openai[aiohttp]`)."""
    return _all(server, fast=True, aiohttp=True)


def accelerated_native(server: Server) -> EventsAnswer:
    """The SDK, accelerated with the native transport (`respstream[transport]`)."""
    return _all(server, fast=True, native=True)


def accelerated_uvloop(server: Server) -> EventsAnswer:
    """The same on the event loop uvloop."""
    return _all(server, fast=True, native=True, run=import_module("uvloop").run)


def _one(server: Server, *, fast: bool) -> EventsAnswer:
    import openai

    with openai.OpenAI(base_url=server.url, **_OPTIONS) as client:
        reader = _accelerated(client) if fast else client
        return peers.read_objects(reader.responses.create(model="gpt", input="", stream=True))


def openai_one(server: Server) -> EventsAnswer:
    """The SDK."""
    return _one(server, fast=False)


def accelerated_one(server: Server) -> EventsAnswer:
    """The SDK, accelerated."""
    return _one(server, fast=True)


ROWS = (
    Row(
        name=ASYNC,
        contenders={
            FAST_UVLOOP: accelerated_uvloop, FAST_NATIVE: accelerated_native, FAST_AIOHTTP: accelerated_aiohttp,
            FAST: accelerated_async, SDK: openai_async,
        },
        reference=SDK, answer=events_answer, cpu=True, size_bytes=SIZE, make=_many, prepare=_serve_slowly,
    ),
    Row(
        name=SYNC, contenders={FAST: accelerated_one, SDK: openai_one}, reference=SDK, answer=events_answer, cpu=True,
        size_bytes=10 * SIZE, prepare=_serve,
    ),
)  # fmt: skip

test_live = suite(ROWS)
