"""The connections of the native transport: limits, reuse, and streams that are left early."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Generator
from typing import Any

import httpx2
import pytest

from tests.support.http_server import Connection, chunked, running
from tests.support.native_transport import (
    BLOCKS,
    CHUNKED,
    OPENAI,
    RUNNERS,
    SOME,
    Run,
    always,
    chain,
    client,
    hanging,
    once,
    open_stream,
    read,
    whole,
)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Generator[Run]:
    yield RUNNERS[request.param]
    gc.collect()  # warns of what was not closed


def limited(**limits: Any) -> Any:
    return httpx2.AsyncClient(limits=httpx2.Limits(**limits), timeout=5)


def test_reuse(run: Run) -> None:
    async def several() -> None:
        async with client(server, "native") as made:
            for _ in range(3):
                assert len(await read(await open_stream(made))) == len(BLOCKS)

    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        run(several())
    assert len(server.connections) == 1


def test_several_loops(run: Run) -> None:
    """A client that is used with one event loop after the other."""
    with running(always(CHUNKED + chunked(*BLOCKS), pause=0)) as server:
        made = client(server, "native")

        async def one(last: bool) -> int:
            count = len(await read(await open_stream(made)))
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
                assert len(await read(await open_stream(made))) == len(BLOCKS)
                await asyncio.sleep(0.05)

    with running(once(CHUNKED + chunked(*BLOCKS))) as server:
        run(several())
    assert len(server.connections) == 3


def test_idle_connections_expire(run: Run) -> None:
    async def several(expiry: float) -> int:
        before = len(server.connections)
        async with client(server, "native", http_client=limited(keepalive_expiry=expiry)) as made:
            for _ in range(3):
                await read(await open_stream(made))
                await asyncio.sleep(0.1)
        return len(server.connections) - before

    with running(always(CHUNKED + chunked(*BLOCKS))) as server:
        assert run(several(0.05)) == 3
        assert run(several(5)) == 1


def test_idle_connections_are_limited(run: Run) -> None:
    async def several() -> int:
        async with client(server, "native", http_client=limited(max_keepalive_connections=2)) as made:
            await asyncio.gather(*(whole(made) for _ in range(6)))
            before = len(server.connections)
            await asyncio.gather(*(whole(made) for _ in range(6)))
            return len(server.connections) - before

    with running(always(CHUNKED, chunked(*BLOCKS), pause=0.1)) as server:
        assert run(several()) == 4


def test_more_streams_than_connections(run: Run) -> None:
    async def all_streams() -> list[int]:
        async with client(server, "native", http_client=limited(max_connections=4)) as made:
            return await asyncio.gather(*(whole(made) for _ in range(40)))

    with running(always(CHUNKED, chunked(*BLOCKS), pause=0.005)) as server:
        assert run(all_streams()) == [len(BLOCKS)] * 40
    assert len(server.connections) <= 4


def test_other_origins_take_the_place_of_idle_connections(run: Run) -> None:
    async def alternate() -> list[int]:
        http = limited(max_connections=1)
        async with client(one, "native", http_client=http) as made:
            other = made.with_options(base_url=f"http://localhost:{one.port}/v1")
            return [await whole(each) for each in (made, other, made)]

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
                return chain(error)
        return []

    with running(always(CHUNKED, chunked(*BLOCKS), pause=0.02)) as server:
        found = run(waiting("native"))
        assert found == run(waiting(None))
    assert found[-1][0] == "PoolTimeout"


def test_cancelled_waits_for_a_connection(run: Run) -> None:
    async def cancel() -> int:
        async with client(server, "native", http_client=limited(max_connections=1)) as made:
            stream = await open_stream(made)
            waiting = [asyncio.create_task(whole(made)) for _ in range(5)]
            await asyncio.sleep(0.05)
            for task in waiting[:4]:
                task.cancel()
            await stream.close()
            waiting[0].cancel()
            return await waiting[4]

    with running(always(CHUNKED, chunked(*BLOCKS), pause=0.02)) as server:
        assert run(cancel()) == len(BLOCKS)


@pytest.mark.parametrize("how", ["cancel", "break", "close", "timeout"])
def test_streams_left_early(how: str, run: Run) -> None:
    """The connection is closed, and the client goes on."""

    async def leave() -> None:
        async with client(server, "native") as made:
            stream = await open_stream(made)
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
            task = asyncio.create_task(open_stream(made))
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
            stream = await open_stream(made)
            await anext(aiter(stream))
            await asyncio.sleep(0.5)
            early = sent
            await stream.close()
            return early, sent

    with running(flood) as server:
        early, _ = run(slowly())
    assert early < 20_000_000
