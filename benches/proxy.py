"""The latency that the proxy of `examples/` adds to a chunk: `python -m benches.proxy`.

A local server records when it sends each block, the client when it receives it. The proxy runs with and without recording, in
turn; the difference is the cost of recording and folding per chunk. Medians in microseconds.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from benches import shapes
from examples import proxy

ROUNDS, STREAMS = 5, 4
PAUSE = 0.002
"""Seconds between two blocks: 500 tokens per second."""
SENT: list[float] = []


def blocks() -> list[bytes]:
    """One chat response, block by block."""
    parts = shapes.chat(7, 200_000).data.split(b"\n\n")
    return [part + b"\n\n" for part in parts[:300]]


BLOCKS = blocks()


async def _stream(_: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for block in BLOCKS:
            await asyncio.sleep(PAUSE)
            SENT.append(time.perf_counter())
            yield block

    return StreamingResponse(body(), media_type="text/event-stream")


@contextmanager
def served(application: Any) -> Generator[str]:
    """The application on a local port, in a thread."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def delays(base: str) -> list[float]:
    """The latency of each block in microseconds; empty if blocks arrived together."""
    SENT.clear()
    arrived = []
    with httpx.stream("POST", f"{base}/v1/responses", json={}) as answer:
        for _ in answer.iter_raw():
            arrived.append(time.perf_counter())
    if len(arrived) != len(SENT):
        return []
    return [(received - sent) * 1e6 for sent, received in zip(SENT, arrived, strict=True)]


class _PassThrough(proxy.Watch):
    async def tee(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        async for chunk in chunks:
            yield chunk


def main() -> int:
    """Measures and prints; returns exit status 1 if nothing could be measured."""
    found: dict[str, list[float]] = {"with": [], "without": []}
    watch = proxy.Watch
    patched: Any = proxy
    routes = [Route("/v1/responses", _stream, methods=["POST"])]
    with tempfile.TemporaryDirectory() as folder, served(Starlette(routes=routes)) as url:
        for number in range(ROUNDS):
            for name, kind in (("with", watch), ("without", _PassThrough)):
                patched.Watch = kind
                with served(proxy.application(os.fspath(Path(folder) / "log.jsonl"), f"{url}/v1")) as base:
                    for _ in range(STREAMS):
                        found[name] += delays(base)
            print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
    if not all(found.values()):
        return 1
    for name, values in found.items():
        late = statistics.quantiles(values, n=20)[-1]
        print(f"{name:8} recording and folding: {statistics.median(values):7.1f} µs per block, p95 {late:7.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
