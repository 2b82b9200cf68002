"""`accelerate(client, transport="native")`: the same events and errors as over the SDK's own transport, over local servers."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import gzip
import socket
import ssl
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import httpx
import httpx2
import pytest

from respstream.integrations.http import _connection
from tests.support import openai_server
from tests.support.http_server import Connection, chunked, running
from tests.support.native_transport import (
    BLOCKS,
    BODY,
    CHUNKED,
    ERROR,
    HEAD,
    OPENAI,
    RUNNERS,
    SOME,
    Outcome,
    Run,
    always,
    broken,
    client,
    hanging,
    is_native,
    once,
    outcome,
    read,
    sized,
)
from tests.support.sdk_kits import KITS, Kit

trustme: Any = pytest.importorskip("trustme")


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Generator[Run]:
    yield RUNNERS[request.param]
    gc.collect()  # warns of what was not closed


ANSWERS: dict[str, Callable[[Connection], Awaitable[None]]] = {
    "chunked": always(CHUNKED + chunked(*BLOCKS)),
    "bytes": once(*[bytes([byte]) for byte in CHUNKED + chunked(*BLOCKS[:7])]),
    "each": always(CHUNKED, *[b"%x\r\n%b\r\n" % (len(block), block) for block in BLOCKS], b"0\r\n\r\n", pause=0.001),
    "trailers": always(CHUNKED + chunked(*BLOCKS)[:-2] + b"X-Trailer: 1\r\n\r\n"),
    "sized": always(sized(BODY)),
    "until_closed": once(HEAD + b"\r\n", SOME, BODY[len(SOME) :], pause=0.01),
    "connection_close": once(HEAD + b"Connection: close\r\n" + sized(BODY, head=b"")),
    "http_1_0": once(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + BODY),
    "gzip": always(sized(gzip.compress(BODY), head=HEAD + b"Content-Encoding: gzip\r\n")),
    "bad_gzip": always(sized(gzip.compress(BODY)[:99] + b"xx", head=HEAD + b"Content-Encoding: gzip\r\n")),
    "empty": always(HEAD + b"Content-Length: 0\r\n\r\n"),
    "no_content": always(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "informational": always(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + CHUNKED + chunked(*BLOCKS)
    ),
    "loose": always(
        b"HTTP/1.1 200 OK\nX: 1\nTransfer-Encoding: chunked\n\n" + b"%x  \r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    ),
    "both_lengths": always(HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*BLOCKS)),
    "extra": once(sized(BODY) + b"HTTP/1.1 200 OK\r\n\r\n"),
    "bad_request": always(sized(ERROR, head=b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n")),
    "server_error": always(sized(b"oops", head=b"HTTP/1.1 500 Oh\r\n")),
    "error_cut": once(sized(ERROR, 5, head=b"HTTP/1.1 400 Bad Request\r\n")),
    "redirect": always(b"HTTP/1.1 307 Go\r\nLocation: /v1/other\r\nContent-Length: 0\r\n\r\n"),
    "chunk_cut": once(CHUNKED + chunked(*BLOCKS)[:-40]),
    "chunks_unended": once(CHUNKED + chunked(*BLOCKS)[:-5]),
    "length_cut": once(sized(BODY, 7)),
    "bad_chunk": once(CHUNKED + chunked(*BLOCKS[:4])[:-5] + b"zz\r\n"),
    "reset_body": broken(CHUNKED + chunked(*BLOCKS)[:-5]),
    "reset_head": broken(b"HTTP/1.1 200 OK\r\nX-"),
    "reset": broken(),
    "closed": once(),
    "closed_in_head": once(b"HTTP/1.1 200 OK\r\nX-"),
    "no_http": once(b"SSH-2.0-x\r\n"),
    "bad_header": once(b"HTTP/1.1 200 OK\r\nX Y: 1\r\n\r\n"),
    "long_head": once(b"HTTP/1.1 200 OK\r\n" + b"X-Y: %b\r\n" % (b"y" * 50) * 3000 + b"\r\n"),
}
# Where the parsers word it differently.
_WORDED = {"bad_chunk", "no_http", "bad_header", "long_head"}


def _unworded(found: Outcome, name: str) -> Any:
    events, errors = found
    return events, [error[:1] for error in errors] if name in _WORDED else errors


@pytest.mark.parametrize("name", ANSWERS)
def test_as_the_sdk(name: str, run: Run) -> None:
    with running(ANSWERS[name]) as server:
        theirs, ours = (run(outcome(client(server, transport))) for transport in (None, "native"))
        assert _unworded(theirs, name) == _unworded(ours, name)
        heads = [_without_idempotency(head) for head, _ in server.requests]
        assert heads[: len(heads) // 2] == heads[len(heads) // 2 :]


@pytest.mark.parametrize("kit", KITS, ids=lambda kit: kit.name)
@pytest.mark.parametrize("name", ANSWERS)
def test_over_aiohttp(name: str, kit: Kit) -> None:
    """The SDKs' transport over aiohttp, whose bytes are read past httpx too."""

    def made(accelerated: bool) -> Any:
        plain = client(server, None, kit, http_client=kit.sdk.DefaultAioHttpClient())
        return kit.integration.accelerate(plain) if accelerated else plain

    with running(ANSWERS[name]) as server:
        theirs, ours = (asyncio.run(outcome(made(accelerated), kit)) for accelerated in (False, True))
    gc.collect()
    assert repr(ours) == repr(theirs)


def test_bytes_are_read_past_httpx(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both transports; not where someone looks at the bytes, or the response is compressed."""
    import respstream.integrations._streams as streams

    found: list[Any] = []

    def find(response: Any) -> Any:
        found.append(source_of(response))
        return found[-1]

    source_of: Any = vars(streams)["source_of"]
    monkeypatch.setattr(streams, "source_of", find)

    async def past_httpx(made: Any) -> tuple[bool, int]:
        async with made:
            stream = await made.responses.create(**OPENAI.asked, stream=True)
            count = len(await read(stream))
            return found[-1] is not None, count

    def over(transport: str) -> Any:
        if transport == "native":
            return client(server, "native")
        return OPENAI.integration.accelerate(client(server, None, http_client=OPENAI.sdk.DefaultAioHttpClient()))

    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        assert [run(past_httpx(over(name))) for name in ("native", "aiohttp")] == [(True, len(BLOCKS))] * 2
        assert run(past_httpx(OPENAI.integration.accelerate(client(server, None)))) == (False, len(BLOCKS))
        iterate = httpx2.Response.aiter_raw
        with monkeypatch.context() as patch:
            patch.setattr(httpx2.Response, "aiter_raw", functools.partialmethod(iterate))
            assert run(past_httpx(over("native"))) == (False, len(BLOCKS))
    with running(ANSWERS["gzip"]) as server:
        assert run(past_httpx(over("native"))) == (False, len(BLOCKS))


def _without_idempotency(head: bytes) -> list[bytes]:
    return [line for line in head.split(b"\r\n") if b"dempotency" not in line]


@pytest.mark.parametrize("kit", KITS, ids=lambda kit: kit.name)
def test_both_sdks(kit: Kit, run: Run) -> None:
    with running(always(CHUNKED + chunked(*kit.chunks))) as server:
        theirs, ours = (run(outcome(client(server, transport, kit), kit)) for transport in (None, "native"))
    assert ours == theirs
    assert len(ours[0]) > 5
    assert ours[1] == []


@pytest.mark.parametrize("name", openai_server.STREAMS)
def test_streams(name: str, run: Run) -> None:
    blocks = openai_server.blocks(openai_server.STREAMS[name])
    with running(always(CHUNKED + chunked(*blocks))) as server:
        theirs, ours = (run(outcome(client(server, transport))) for transport in (None, "native"))
    assert repr(ours) == repr(theirs)


def test_response(run: Run) -> None:
    """What the response tells is what httpx tells."""

    async def told(transport: str | None) -> Any:
        async with (
            client(server, transport) as made,
            made.responses.with_streaming_response.create(**OPENAI.asked, stream=True) as raw,
        ):
            response = raw.http_response
            assert is_native(response) == (transport == "native")
            network = response.extensions["network_stream"]
            peer = network.get_extra_info("server_addr")[1]
            begun = response.is_closed, response.is_stream_consumed
            events = await read(await raw.parse())
            ended = response.is_closed, response.is_stream_consumed, response.num_bytes_downloaded
            known = response.http_version, response.reason_phrase, response.headers.multi_items()
            with pytest.raises((httpx2.StreamConsumed, httpx.StreamConsumed)):
                await response.aread()
            return peer == server.port, begun, events, ended, known, str(response.request.url)

    with running(
        always(b"HTTP/1.1 200 Very OK\r\nX-Request-ID: a \r\nX-Y: 1\r\nx-y: 2\r\n" + CHUNKED[17:] + chunked(BODY))
    ) as server:
        assert run(told("native")) == run(told(None))


@pytest.mark.parametrize("name", ["head", "body"])
def test_read_timeout(name: str, run: Run) -> None:
    timeout = httpx2.Timeout(5, read=0.2)
    with running(hanging(*([CHUNKED, b"%x\r\n%b\r\n" % (len(SOME), SOME)] if name == "body" else []))) as server:
        theirs, ours = (run(outcome(client(server, transport, timeout=timeout))) for transport in (None, "native"))
    assert ours == theirs
    assert ours[1][-1][0] == "ReadTimeout"


def test_read_timeout_is_for_each_chunk(run: Run) -> None:
    with running(always(CHUNKED, *[b"%x\r\n%b\r\n" % (len(b), b) for b in BLOCKS], b"0\r\n\r\n", pause=0.05)) as server:
        made = client(server, "native", timeout=httpx2.Timeout(5, read=0.4))
        events, errors = run(outcome(made))
    assert (len(events), errors) == (len(BLOCKS), [])


def test_write_timeout(run: Run) -> None:
    async def deaf(connection: Connection) -> None:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(60)

    timeout = httpx2.Timeout(5, write=0.3)
    with running(deaf) as server:
        results = [
            run(outcome(client(server, transport, timeout=timeout), input="x" * 20_000_000))
            for transport in (None, "native")
        ]
    assert results[0] == results[1]
    assert results[1][1][-1][0] == "WriteTimeout"


def test_early_answer(run: Run) -> None:
    """A server that refuses a large body without reading it."""

    async def refuse(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(sized(ERROR, head=b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n"))
        connection.writer.write_eof()
        while await connection.reader.read(1_000_000):
            pass

    with running(refuse) as server:
        theirs = run(outcome(client(server, None), input="x" * 5_000_000))
        # Whether the connection is lost before the request ends depends on the time.
        ours = [run(outcome(client(server, "native"), input="x" * 5_000_000)) for _ in range(10)]
    assert theirs[1][0][0] == "APIStatusError"
    assert ours == [theirs] * 10


def test_lost_connection_is_closed_again() -> None:
    """A transport of asyncio that sent its last bytes after the end of the other side cannot be aborted."""

    async def lose() -> list[Any]:
        loop, lost = asyncio.get_running_loop(), list[Any]()
        origin: Any = None
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        make = functools.partial(_connection.Connection, httpx2, origin, loop, lost.append)
        transport, connection = await loop.create_connection(make, sock=ours)
        transport.write(b"x" * 10_000_000)
        theirs.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(theirs, 1 << 20):
            pass
        assert connection.is_closed
        connection.close()
        theirs.close()
        return [one is connection for one in lost]

    assert asyncio.run(lose()) == [True]


def test_refused_connection(run: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        theirs, ours = (run(outcome(client(url, transport))) for transport in (None, "native"))
    assert [name for name, _ in ours[1]] == [name for name, _ in theirs[1]] == ["APIConnectionError", "ConnectError"]


def test_unknown_host(run: Run) -> None:
    theirs, ours = (run(outcome(client("http://no.invalid/v1", transport))) for transport in (None, "native"))
    assert ours == theirs
    assert ours[1][-1][0] == "ConnectError"


def test_connect_timeout(run: Run) -> None:
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # fill the queue of the socket that nobody accepts from
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                other.connect(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        timeout = httpx2.Timeout(5, connect=0.2)
        theirs, ours = (run(outcome(client(url, transport, timeout=timeout))) for transport in (None, "native"))
    assert ours == theirs
    assert ours[1][-1][0] == "ConnectTimeout"


def test_retries(run: Run) -> None:
    """The SDK tries again what fails before the stream begins."""

    async def answer(connection: Connection) -> None:
        number = len(server.connections)
        await connection.request()
        if number == 2:
            connection.reset()
        elif number == 3:
            await connection.send(sized(b"", head=b"HTTP/1.1 503 Later\r\nRetry-After-Ms: 1\r\nConnection: close\r\n"))
        elif number > 3:
            await connection.send(CHUNKED + chunked(*BLOCKS))

    with running(answer) as server:
        events, errors = run(outcome(client(server, "native", max_retries=3)))
    assert (len(events), errors) == (len(BLOCKS), [])
    assert len(server.connections) == 4


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_tls(trusted: bool, host: str, run: Run) -> None:
    authority = trustme.CA()
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.set_alpn_protocols(["h2", "http/1.1"])
    authority.issue_cert("localhost").configure_cert(server_side)
    with running(always(CHUNKED, *[chunked(*BLOCKS)], pause=0.01), server_side) as server:

        def made(transport: str | None) -> Any:
            context = ssl.create_default_context()
            if trusted:
                authority.configure_trust(context)
            return client(f"https://{host}:{server.port}/v1", transport, http_client=httpx2.AsyncClient(verify=context))

        theirs, ours = (run(outcome(made(transport))) for transport in (None, "native"))
    assert ours == theirs
    assert (len(ours[0]) == len(BLOCKS)) == (trusted and host == "localhost")


def test_tls_with_a_server_that_does_not_speak_it(run: Run) -> None:
    with running(once(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        url = f"https://127.0.0.1:{server.port}/v1"

        async def answer(transport: str | None) -> list[str]:
            timeout = httpx2.Timeout(5, connect=0.3)
            return [name for name, _ in (await outcome(client(url, transport, timeout=timeout)))[1]]

        assert run(answer("native")) == run(answer(None))
