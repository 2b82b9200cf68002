"""`accelerate(client, transport="native")`: the same events and errors as over the SDK's own transport, over local servers."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import gzip
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import trio

import respstream
from tests.support import openai_server
from tests.support.http_server import Connection, Server, chunked, running
from tests.support.sdk_kits import KITS, Kit

pytest.importorskip("respstream._native")
pytest.importorskip("httptools")
trustme: Any = pytest.importorskip("trustme")
uvloop: Any = pytest.importorskip("uvloop")

OPENAI, _ = KITS
BLOCKS = OPENAI.chunks
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ERROR = b'{"error":{"message":"no","code":"x"}}'

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Outcome = tuple[list[Any], list[tuple[str, str]]]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Generator[Run]:
    runner: Any = {"asyncio": asyncio.run, "uvloop": uvloop.run}[request.param]
    yield runner
    gc.collect()  # warns of what was not closed


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
        return events, _chain(error)
    return events, []


def _chain(error: BaseException | None) -> list[tuple[str, str]]:
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
        theirs, ours = (
            run(outcome(client(server, transport), input="x" * 5_000_000)) for transport in (None, "native")
        )
    assert ours == theirs
    assert ours[1][0][0] == "APIStatusError"


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


# -- the pool ----------------------------------------------------------------------------------------------------------


def limited(**limits: Any) -> Any:
    return httpx2.AsyncClient(limits=httpx2.Limits(**limits), timeout=5)


async def _stream(made: Any) -> Any:
    stream = await made.responses.create(**OPENAI.asked, stream=True)
    assert is_native(stream.response)
    return stream


def test_reuse(run: Run) -> None:
    async def several() -> None:
        async with client(server, "native") as made:
            for _ in range(3):
                assert len(await read(await _stream(made))) == len(BLOCKS)

    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        run(several())
    assert len(server.connections) == 1


def test_several_loops(run: Run) -> None:
    """A client that is used with one event loop after the other."""
    with running(always(CHUNKED + chunked(*BLOCKS), pause=0)) as server:
        made = client(server, "native")

        async def one(last: bool) -> int:
            count = len(await read(await _stream(made)))
            if last:
                await made.close()
            else:
                await _closed_idle(made)
            return count

        assert [run(one(last)) for last in (False, False, True)] == [len(BLOCKS)] * 3


async def _closed_idle(made: Any) -> None:
    # An event loop that ends with open connections warns, whose ever they are.
    made._client._transport.close(used=False)
    await asyncio.sleep(0.01)


def test_idle_connections_that_the_server_closes(run: Run) -> None:
    async def several() -> None:
        async with client(server, "native") as made:
            for _ in range(3):
                assert len(await read(await _stream(made))) == len(BLOCKS)
                await asyncio.sleep(0.05)

    with running(once(CHUNKED + chunked(*BLOCKS))) as server:
        run(several())
    assert len(server.connections) == 3


def test_idle_connections_expire(run: Run) -> None:
    async def several(expiry: float) -> int:
        before = len(server.connections)
        async with client(server, "native", http_client=limited(keepalive_expiry=expiry)) as made:
            for _ in range(3):
                await read(await _stream(made))
                await asyncio.sleep(0.1)
        return len(server.connections) - before

    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        assert run(several(0.05)) == 3
        assert run(several(5)) == 1


def test_idle_connections_are_limited(run: Run) -> None:
    async def several() -> int:
        async with client(server, "native", http_client=limited(max_keepalive_connections=2)) as made:
            await asyncio.gather(*(_whole(made) for _ in range(6)))
            before = len(server.connections)
            await asyncio.gather(*(_whole(made) for _ in range(6)))
            return len(server.connections) - before

    with running(always(CHUNKED, chunked(*BLOCKS), pause=0.1)) as server:
        assert run(several()) == 4


async def _whole(made: Any) -> int:
    return len(await read(await _stream(made)))


def test_more_streams_than_connections(run: Run) -> None:
    async def all_streams() -> list[int]:
        async with client(server, "native", http_client=limited(max_connections=4)) as made:
            return await asyncio.gather(*(_whole(made) for _ in range(40)))

    with running(always(CHUNKED, chunked(*BLOCKS), pause=0.005)) as server:
        assert run(all_streams()) == [len(BLOCKS)] * 40
    assert len(server.connections) <= 4


def test_other_origins_take_the_place_of_idle_connections(run: Run) -> None:
    async def alternate() -> list[int]:
        http = limited(max_connections=1)
        async with client(one, "native", http_client=http) as made:
            other = made.with_options(base_url=f"http://localhost:{one.port}/v1")
            return [await _whole(each) for each in (made, other, made)]

    with running(always(CHUNKED + chunked(*BLOCKS))) as one:
        assert run(alternate()) == [len(BLOCKS)] * 3
    assert len(one.connections) == 3


def test_pool_timeout(run: Run) -> None:
    async def waiting(transport: str | None) -> list[tuple[str, str]]:
        http = limited(max_connections=1)
        timeout = httpx2.Timeout(5, pool=0.1)
        async with client(server, transport, http_client=http, timeout=timeout) as made:
            stream = await made.responses.create(**OPENAI.asked, stream=True)
            try:
                await made.responses.create(**OPENAI.asked, stream=True)
            except Exception as error:
                await stream.close()
                assert len(await read(await made.responses.create(**OPENAI.asked, stream=True))) == len(BLOCKS)
                return _chain(error)
        return []

    with running(always(CHUNKED, chunked(*BLOCKS), pause=0.02)) as server:
        found = run(waiting("native"))
        assert found == run(waiting(None))
    assert found[-1][0] == "PoolTimeout"


def test_cancelled_waits_for_a_connection(run: Run) -> None:
    async def cancel() -> int:
        async with client(server, "native", http_client=limited(max_connections=1)) as made:
            stream = await _stream(made)
            waiting = [asyncio.create_task(_whole(made)) for _ in range(5)]
            await asyncio.sleep(0.05)
            for task in waiting[:4]:
                task.cancel()
            await stream.close()
            waiting[0].cancel()
            return await waiting[4]

    with running(always(CHUNKED, chunked(*BLOCKS), pause=0.02)) as server:
        assert run(cancel()) == len(BLOCKS)


# -- streams that are left early ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cancel", "break", "close", "timeout"])
def test_streams_left_early(how: str, run: Run) -> None:
    """The connection is closed, and the client goes on."""

    async def leave() -> None:
        async with client(server, "native") as made:
            stream = await _stream(made)
            if how == "cancel":
                task = asyncio.create_task(read(stream))
                await asyncio.sleep(0.1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            elif how == "timeout":
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await read(stream)
            elif how == "break":
                async with stream:
                    async for _ in stream:
                        break
            else:
                await stream.close()
            assert stream.response.is_closed
            assert await asyncio.to_thread(gone.wait, 5)

    async def answer(connection: Connection) -> None:
        await connection.request()
        await connection.send(CHUNKED, b"%x\r\n%b\r\n" % (len(SOME), SOME))
        with contextlib.suppress(ConnectionError):
            assert await connection.reader.read() == b""
        gone.set()

    gone = threading.Event()
    with running(answer) as server:
        run(leave())


def test_cancelled_request(run: Run) -> None:
    async def cancel() -> int:
        async with client(server, "native") as made:
            task = asyncio.create_task(_stream(made))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return len(made._client._transport._pools[asyncio.get_running_loop()]._connections)

    with running(hanging()) as server:
        assert run(cancel()) == 0


def test_back_pressure(run: Run) -> None:
    """A server that is faster than the reader has to wait."""
    sent = 0

    async def flood(connection: Connection) -> None:
        nonlocal sent
        await connection.request()
        await connection.send(CHUNKED)
        block = BLOCKS[6] * 100
        while sent < 50_000_000:
            await connection.send(b"%x\r\n%b\r\n" % (len(block), block))
            sent += len(block)
        await connection.send(b"0\r\n\r\n")

    async def slowly() -> tuple[int, int]:
        async with client(server, "native") as made:
            stream = await _stream(made)
            await anext(aiter(stream))
            await asyncio.sleep(0.5)
            early = sent
            await stream.close()
            return early, sent

    with running(flood) as server:
        early, _ = run(slowly())
    assert early < 20_000_000


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


# -- what is left to the own transport ---------------------------------------------------------------------------------


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

    with running(ANSWERS["each"]) as server:
        assert run(ask()) == len(BLOCKS)
    recorded = respstream.events(tmp_path / "recording.jsonl")
    assert [event.type for event in recorded] == [event.type for event in respstream.events(BODY)]


@pytest.mark.parametrize("name", ["large", "spaced", "two_lengths", "line_break"])
def test_which_requests(name: str) -> None:
    """A body of any size, and headers that are sent as they are, or left to the own transport."""
    content = (
        b'{"stream": true, "model": "m"}' if name != "large" else b'{"input":"%b","stream":true}' % (b"x" * 1_000_000)
    )
    headers = {"two_lengths": [("Content-Length", "3"), ("Content-Length", "4")], "line_break": [("X", "a\nb")]}

    async def ask() -> bool:
        made = client(server, "native")
        async with made:
            request = httpx2.Request("POST", made.base_url, content=content, headers=headers.get(name))
            async with contextlib.AsyncExitStack() as stack:
                response = await made._client.send(request, stream=True)
                stack.push_async_callback(response.aclose)
                return is_native(response) and len(await response.aread()) == len(BODY)

    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        if name in headers:
            with pytest.raises(httpx2.LocalProtocolError):
                asyncio.run(ask())
        else:
            assert asyncio.run(ask()) is True
            assert server.requests[0][1] == content
    gc.collect()


def test_legacy_httpx(run: Run) -> None:
    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        made = client(server, "native", http_client=httpx.AsyncClient())
        assert run(_is_used(made)()) is True


# -- accelerate and restore --------------------------------------------------------------------------------------------


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
        await _whole(made)
        stream = await _stream(made)
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
