"""A proxy for the Responses API that records every stream and assembles every response without delaying a byte.

    pip install respstream httpx starlette uvicorn
    python proxy.py --port 8000 --log streams.jsonl
    OPENAI_BASE_URL=http://127.0.0.1:8000/v1 …    # any client, with its own key

Each chunk is forwarded to the client first. It is recorded and folded (assembled) afterwards, while the next chunk is on its way from the
API. `GET /seen` lists the responses; `respstream responses streams.jsonl` reads the log.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import respstream
from respstream import Recorder

try:
    import httpx
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response, StreamingResponse
    from starlette.routing import Route
except ImportError as missing:
    sys.exit(f"this example needs {missing.name}: pip install httpx starlette uvicorn")

UPSTREAM = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
KEPT = 1000
"""Number of responses that `/seen` lists."""
# Headers of one connection, or of the encoding of its body.
HOP = {"connection", "content-encoding", "content-length", "host", "keep-alive", "transfer-encoding", "upgrade"}


class Watch:
    """Records the bytes that pass, and lists the responses."""

    def __init__(self, log: str) -> None:
        self.recorder = Recorder(log)
        self.seen: collections.deque[dict[str, Any]] = collections.deque(maxlen=KEPT)

    async def tee(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """Yields the chunks, each before it is recorded and folded."""
        decoder = respstream.Decoder()
        with self.recorder.track() as track:
            try:
                async for chunk in chunks:
                    yield chunk
                    track.write(chunk)
                    self._note(decoder.fold(chunk))
            finally:  # also when the client disconnects
                self._note(decoder.fold_end())

    def _note(self, responses: list[respstream.Response]) -> None:
        for response in responses:
            self.seen.append(
                {
                    "id": response.id,
                    "model": response.model,
                    "status": response.status,
                    "complete": response.complete,
                    "usage": response.usage and response.usage.to_dict(),
                    "tools": [call.name for call in response.tool_calls],
                    "diagnostics": [diagnostic.code for diagnostic in response.diagnostics],
                }
            )


def passed(headers: Any) -> dict[str, str]:
    """The headers that a proxy forwards."""
    return {name: value for name, value in headers.items() if name.lower() not in HOP}


def application(log: str, upstream: str = UPSTREAM) -> Starlette:
    """The proxy as an ASGI application that records into the file `log`."""
    watch = Watch(log)
    client = httpx.AsyncClient(timeout=httpx.Timeout(600, connect=10), limits=httpx.Limits(max_connections=None))

    async def forward(request: Request) -> Response:
        url = f"{upstream}/{request.path_params['path']}"
        # A packed stream would be recorded as it was packed.
        headers = {**passed(request.headers), "accept-encoding": "identity"}
        asked = client.build_request(
            request.method, url, params=request.query_params, headers=headers, content=await request.body()
        )
        answer = await client.send(asked, stream=True)
        is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")

        async def body() -> AsyncIterator[bytes]:
            async with contextlib.aclosing(answer):
                if not is_stream:
                    async for chunk in answer.aiter_bytes():
                        yield chunk
                    return
                async with contextlib.aclosing(watch.tee(answer.aiter_bytes())) as chunks:
                    async for chunk in chunks:
                        yield chunk

        return StreamingResponse(body(), answer.status_code, passed(answer.headers))

    async def seen(_: Request) -> Response:
        return JSONResponse(list(watch.seen))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with client:
            yield
        watch.recorder.close()

    routes = [Route("/seen", seen), Route("/v1/{path:path}", forward, methods=["GET", "POST", "DELETE"])]
    return Starlette(routes=routes, lifespan=lifespan)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A proxy for the Responses API that records every stream.")
    parser.add_argument("--port", type=int, default=8000, help="the port (default: %(default)s)")
    parser.add_argument("--log", default="streams.jsonl", help="the file of the recording (default: %(default)s)")
    options = parser.parse_args()
    uvicorn.run(application(options.log), host="127.0.0.1", port=options.port, log_level="warning")
