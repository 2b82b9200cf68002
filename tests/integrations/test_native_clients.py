"""The clients that get the native transport, and the requests that are left to their own one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import trio

import respstream
from tests.support.http_server import Server, chunked, running
from tests.support.native_transport import (
    BLOCKS,
    BODY,
    CHUNKED,
    OPENAI,
    RUNNERS,
    Run,
    always,
    client,
    is_native,
    once,
    open_stream,
    read,
    sized,
    whole,
)

EACH = always(CHUNKED, *[b"%x\r\n%b\r\n" % (len(block), block) for block in BLOCKS], b"0\r\n\r\n", pause=0.001)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Generator[Run]:
    yield RUNNERS[request.param]
    gc.collect()  # warns of what was not closed


def _is_used(made: Any, **asked: Any) -> Callable[[], Coroutine[Any, Any, bool]]:
    async def ask() -> bool:
        async with made:
            stream = await made.responses.create(**{**OPENAI.asked, "stream": True, **asked})
            await read(stream)
            return is_native(stream.response)

    return ask


@pytest.mark.parametrize("name", ["extension", "header", "wrapped", "mocked"])
def test_requests_for_the_own_transport(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    http = httpx2.AsyncClient()
    transport: Any = httpx2.AsyncHTTPTransport
    handle = transport.handle_async_request
    if name == "extension":

        async def trace(request: Any) -> None:
            async def ignore(name: str, info: Any) -> None:
                pass

            request.extensions["trace"] = ignore

        http.event_hooks = {"request": [trace]}
    elif name == "header":
        asked = {"extra_headers": {"Upgrade": "x"}}
    elif name == "wrapped":

        async def wrapper(self: Any, request: Any) -> Any:
            return await handle(self, request)

        monkeypatch.setattr(transport, "handle_async_request", wrapper)
    else:

        async def mocked(self: Any, request: Any) -> Any:
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=httpx2.ByteStream(BODY))

        monkeypatch.setattr(transport, "handle_async_request", mocked)
    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        assert asyncio.run(_is_used(client(server, "native"))()) == (name in ("extension", "header"))
        assert not asyncio.run(_is_used(client(server, "native", http_client=http), **asked)())
    gc.collect()


def test_whole_responses(run: Run) -> None:
    async def ask() -> bool:
        async with client(server, "native") as made:
            raw = await made.responses.with_raw_response.create(**OPENAI.asked)
            return is_native(raw.http_response)

    with running(always(sized(b'{"id":"x"}', head=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"))) as server:
        assert run(ask()) is False


def test_retrieved_streams(run: Run) -> None:
    async def ask() -> bool:
        async with client(server, "native") as made:
            stream = await made.responses.retrieve("resp_1", stream=True, starting_after=1)
            await read(stream)
            return is_native(stream.response)

    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        assert run(ask()) is True


def test_trio() -> None:
    with running(once(CHUNKED + chunked(*BLOCKS))) as server:
        assert trio.run(_is_used(client(server, "native"))) is False
    gc.collect()


@pytest.mark.parametrize("name", ["proxy", "http2", "transport", "aiohttp", "uds"])
def test_http_clients_that_are_left_alone(name: str) -> None:
    import openai

    make: dict[str, Callable[[], Any]] = {
        "proxy": lambda: httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(proxy="http://127.0.0.1:9")),
        "http2": lambda: _with_pool(_http2=True),
        "transport": lambda: httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200))),
        "aiohttp": openai.DefaultAioHttpClient,
        "uds": lambda: httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds="/nothing")),
    }
    http = make[name]()
    before = http._transport
    with pytest.warns(RuntimeWarning, match="leaves the HTTP client"):
        client("http://localhost", "native", http_client=http)
    assert http._transport is before


def _with_pool(**attributes: Any) -> Any:
    http = httpx2.AsyncClient()
    for name, value in attributes.items():
        setattr(http._transport._pool, name, value)  # type: ignore[attr-defined]
    return http


def test_record(run: Run, tmp_path: Path) -> None:
    """The recorder, which takes the place of the stream of a response, sees the same chunks."""

    async def ask() -> int:
        async with client(server, "native") as made:
            with OPENAI.integration.record(made, tmp_path / "recording.jsonl"):
                return len(await read(await made.responses.create(**OPENAI.asked, stream=True)))

    with running(EACH) as server:
        assert run(ask()) == len(BLOCKS)
    recorded = respstream.events(tmp_path / "recording.jsonl")
    assert [event.type for event in recorded] == [event.type for event in respstream.events(BODY)]


def _asked(server: Server, content: bytes, headers: Any = None) -> bool:
    """Whether a request with this body is answered over the native transport."""

    async def ask() -> bool:
        made = client(server, "native")
        async with made:
            request = httpx2.Request("POST", made.base_url, content=content, headers=headers)
            async with contextlib.AsyncExitStack() as stack:
                response = await made._client.send(request, stream=True)
                stack.push_async_callback(response.aclose)
                return is_native(response) and len(await response.aread()) == len(BODY)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "content", [b'{"input":"%b","stream":true}' % (b"x" * 1_000_000), b'{"stream": true, "model": "m"}']
)
def test_bodies_of_any_size(content: bytes) -> None:
    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        assert _asked(server, content)
        assert server.requests[0][1] == content
    gc.collect()


@pytest.mark.parametrize("headers", [[("Content-Length", "3"), ("Content-Length", "4")], [("X", "a\nb")]])
def test_headers_that_are_left_to_the_own_transport(headers: Any) -> None:
    """It connects before it refuses them."""
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(httpx2.LocalProtocolError):
        _asked(Server(listening.getsockname()[1]), b'{"stream": true, "model": "m"}', headers)


def test_legacy_httpx(run: Run) -> None:
    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        made = client(server, "native", http_client=httpx.AsyncClient())
        assert run(_is_used(made)()) is True


def _transport_of(made: Any) -> str:
    return type(made._client._transport).__module__.partition(".")[0]


def test_restore() -> None:
    restore = OPENAI.integration.restore
    made = client("http://localhost", "native")
    own = made._client._transport.own
    copied = made.with_options(timeout=3)
    restore(made)
    assert _transport_of(made) == "respstream"  # the copy has the same HTTP client
    restore(copied)
    assert made._client._transport is own
    OPENAI.integration.accelerate(made, transport="native")
    OPENAI.integration.accelerate(made)
    assert made._client._transport is own


def test_restore_with_open_streams(run: Run) -> None:
    async def ask() -> tuple[int, bool]:
        made = client(server, "native")
        await whole(made)
        stream = await open_stream(made)
        OPENAI.integration.restore(made)
        count = len(await read(stream))
        after = await made.responses.create(**OPENAI.asked, stream=True)
        await read(after)
        await made.close()
        await asyncio.sleep(0.01)
        return count, is_native(after.response)

    with running(always(CHUNKED, chunked(*BLOCKS), pause=0.01)) as server:
        assert run(ask()) == (len(BLOCKS), False)


def test_every_client() -> None:
    integration = OPENAI.integration
    integration.accelerate(transport="native")
    try:
        made = OPENAI.async_client(api_key="none")
        other = OPENAI.client(api_key="none")
        assert (_transport_of(made), _transport_of(other)) == ("respstream", "httpx2")
    finally:
        integration.restore()
    assert _transport_of(made) == "httpx2"


def test_wrong_arguments() -> None:
    accelerate = OPENAI.integration.accelerate
    with pytest.raises(TypeError, match="asynchronous"):
        accelerate(OPENAI.client(api_key="none"), transport="native")
    with pytest.raises(ValueError, match="'other'"):
        accelerate(OPENAI.async_client(api_key="none"), transport="other")


def test_without_the_parser() -> None:
    program = (
        "import sys, openai; sys.modules['httptools'] = None\n"
        "from respstream.integrations.openai import accelerate\n"
        "try: accelerate(openai.AsyncOpenAI(api_key='x'), transport='native')\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=True)
    assert "respstream[transport]" in done.stdout, json.dumps(done.stderr)
