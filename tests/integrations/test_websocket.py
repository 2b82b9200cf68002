"""`client.responses.connect()` of the accelerated SDK compared with the unchanged one, over a local WebSocket server."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import uuid
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai.lib.responses_websocket import (
    AsyncResponsesWebSocketSession,
    ResponsesWebSocketAccumulator,
    ResponsesWebSocketLimits,
    ResponsesWebSocketSession,
)

from respstream.integrations.openai import _websocket, accelerate, restore
from respstream.integrations.openai._plans import difference, plans
from respstream.integrations.openai._sdk import load
from respstream.types import UnknownEvent
from tests.support import websocket_server
from tests.support.openai_server import STREAMS
from tests.support.websocket_server import LANE_TEXT, frames

LANES = 64
LIMITS = ResponsesWebSocketLimits(
    max_lanes=LANES + 1, max_events_per_lane=10_000, max_events=100_000, max_bytes_per_lane=1 << 24, max_bytes=1 << 28
)
Reading = tuple[list[Any], str | None]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with websocket_server.running() as base:
        yield base


def options(url: str) -> dict[str, Any]:
    return {"api_key": "none", "base_url": url}


@pytest.fixture(scope="module")
def clients(url: str) -> Iterator[tuple[openai.OpenAI, openai.OpenAI]]:
    """The SDK as it is, and accelerated."""
    with openai.OpenAI(**options(url)) as theirs, openai.OpenAI(**options(url)) as ours:
        yield theirs, accelerate(ours)


def request(model: str, **more: Any) -> Any:
    return {"type": "response.create", "model": model, "input": "x", **more}


def collect(events: Iterator[Any]) -> Reading:
    found = []
    try:
        for event in events:
            found.append(event)
    except Exception as error:
        return found, f"{type(error).__name__}: {error} from {type(error.__cause__).__name__}"
    return found, None


def received(client: Any, model: str, count: int = 1_000) -> Iterator[Any]:
    """By `recv()`."""
    with client.responses.connect() as connection:
        connection.send(request(model))
        for _ in range(count):
            event = connection.recv()
            yield event
            if event.type in ("response.completed", "error"):
                return


def iterated(client: Any, model: str, count: int = 1_000) -> Iterator[Any]:
    """By iteration; `create()` sends the request."""
    connection = client.responses.connect().enter()
    try:
        connection.response.create(model=model, input="x")
        for number, event in enumerate(connection):
            yield event
            if event.type in ("response.completed", "error") or number + 1 == count:
                return
    finally:
        connection.close()


def dispatched(client: Any, model: str, _: int = 0) -> Iterator[Any]:
    """By `dispatch_events()`."""
    found: list[Any] = []
    with client.responses.connect() as connection:

        def take(event: Any) -> None:
            found.append(event)
            if event.type in ("response.completed", "error"):
                connection.close()

        connection.on("event", take)
        connection.send(request(model))
        connection.dispatch_events()
    yield from found


def same(theirs: Reading, ours: Reading) -> None:
    assert theirs[1] == ours[1]
    assert difference(theirs[0], ours[0]) is None
    assert theirs[0] == ours[0]


@pytest.mark.parametrize("how", [received, iterated, dispatched])
@pytest.mark.parametrize("model", ["chat", "no_output", "comments", "wrong_kinds", "api_error", "fail"])
def test_events_equal_sdk(clients: tuple[Any, Any], how: Callable[..., Iterator[Any]], model: str) -> None:
    for _ in range(2):  # the first time, plans are made
        theirs, ours = (collect(how(client, model)) for client in clients)
        assert theirs[0]
        same(theirs, ours)


@pytest.mark.parametrize(("model", "count"), [("odd", 8), ("broken", 1), ("drop/7", 99)])
def test_unusual_frames_and_failures_equal_sdk(clients: tuple[Any, Any], model: str, count: int) -> None:
    for how in (received, iterated):
        theirs, ours = (collect(how(client, model, count)) for client in clients)
        assert theirs[0] or theirs[1]
        same(theirs, ours)


def test_steering_events_equal_sdk(clients: tuple[Any, Any]) -> None:
    def steered(client: Any) -> Iterator[Any]:
        with client.responses.connect() as connection:
            connection.response.steer(input="stop", previous_response_id="resp_1")
            for _ in range(3):
                yield connection.recv()

    for _ in range(2):
        theirs, ours = (collect(steered(client)) for client in clients)
        assert [event.type.rpartition(".")[2] for event in theirs[0]] == ["accepted", "pending", "failed"]
        same(theirs, ours)


def test_reconnecting_equals_sdk(clients: tuple[Any, Any]) -> None:
    def restarted(client: Any) -> Iterator[Any]:
        again = {**request("restart/5"), "input": uuid.uuid4().hex}
        codes: list[int] = []

        def on_reconnecting(event: Any) -> None:
            codes.append(event.close_code)
            connection.send(again)  # queued until there is a connection

        connection = client.responses.connect(on_reconnecting=on_reconnecting, initial_delay=0.01).enter()
        connection.send(again)
        for event in connection:
            yield event
            if event.type == "response.completed":
                break
        connection.close()
        yield codes

    theirs, ours = (collect(restarted(client)) for client in clients)
    assert theirs[0][-1] == [1012]
    assert len(theirs[0]) == 5 + len(frames("chat")) + 1
    same(theirs, ours)


def outcome(parse: Callable[[Any], Any], data: Any) -> Any:
    try:
        return parse(data)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def test_parse_event_takes_text_and_bytes(clients: tuple[Any, Any]) -> None:
    with clients[0].responses.connect() as theirs, clients[1].responses.connect() as ours:
        for frame in [frame for name in sorted(STREAMS) for frame in frames(name)]:
            for data in (
                frame,
                frame.encode(),
                frame.encode("utf-16"),
                b"\xef\xbb\xbf" + frame.encode(),
                f" {frame}\r\n",
            ):
                one, other = outcome(theirs.parse_event, data), outcome(ours.parse_event, data)
                assert difference(one, other) is None, data


def test_all_types_are_built_natively(clients: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event type of the SDK's unions passes its proof; events then come without the SDK."""
    for api in _websocket.websocket_apis():
        known = plans(load().with_events(api.events))
        known.prepare()
        assert known.refused == {}
        assert len(known.classes) > 60
    list(received(clients[1], "chat"))
    slow: list[Any] = []
    monkeypatch.setattr(_websocket, "_by_sdk", lambda *given: slow.append(given))
    events = list(received(clients[1], "chat"))
    assert slow == []
    assert {type(event).__module__ for event in events} == {"openai.types.responses.responses_server_event"}


def lanes_of(client: Any) -> list[tuple[list[Any], Any, Any]]:
    """Each lane's events, final response and snapshot, from 64 lanes at once, each read by a thread."""
    results: dict[int, tuple[list[Any], Any, Any]] = {}

    def read(number: int, lane: Any) -> None:
        accumulator = ResponsesWebSocketAccumulator()
        events: list[Any] = []
        while not events or events[-1].type != "response.completed":
            events.append(lane.recv(timeout=60))
            accumulator.add_event(events[-1])
        results[number] = events, accumulator.get_final_response(), accumulator.detailed_snapshot()

    with ResponsesWebSocketSession(client.responses.connect().enter(), limits=LIMITS) as session:
        lanes = [session.lane(f"lane-{number}") for number in range(LANES)]
        readers = [threading.Thread(target=read, args=pair) for pair in enumerate(lanes)]
        for reader in readers:
            reader.start()
        for lane in lanes:
            lane.send(request(f"together/{LANES}"))
        for reader in readers:
            reader.join()
    return [results[number] for number in range(LANES)]


def check_lanes(theirs: list[Any], ours: list[Any]) -> None:
    for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
        assert difference(one, other) is None
        events, response, snapshot = other
        assert {event.stream_id for event in events} == {f"lane-{number}"}
        assert response.output_text == LANE_TEXT.format(number)
        assert snapshot["response"]["id"] == f"resp_1_{number}"


def test_interleaved_lanes(clients: tuple[Any, Any]) -> None:
    check_lanes(*(lanes_of(client) for client in clients))


def test_interleaved_lanes_async(url: str) -> None:
    async def read(lane: Any) -> tuple[list[Any], Any, Any]:
        accumulator = ResponsesWebSocketAccumulator()
        events: list[Any] = []
        await lane.send(request(f"together/{LANES}"))
        while not events or events[-1].type != "response.completed":
            events.append(await lane.recv())
            accumulator.add_event(events[-1])
        return events, accumulator.get_final_response(), accumulator.detailed_snapshot()

    async def run(*, fast: bool) -> list[Any]:
        async with openai.AsyncOpenAI(**options(url)) as client:
            connection = await (accelerate(client) if fast else client).responses.connect().enter()
            async with AsyncResponsesWebSocketSession(connection, limits=LIMITS) as session:
                names = [f"lane-{number}" for number in range(LANES)]
                return list(await asyncio.gather(*(read(session.lane(name)) for name in names)))

    check_lanes(asyncio.run(run(fast=False)), asyncio.run(run(fast=True)))


def test_session_reports_errors_and_drops(clients: tuple[Any, Any]) -> None:
    def run(client: Any, model: str) -> str:
        with ResponsesWebSocketSession(client.responses.connect().enter(), limits=LIMITS) as session:
            session.default.send(request(model))
            try:
                return str(session.default.get_final_response(timeout=60))
            except Exception as error:
                return f"{type(error).__name__}: {error}"

    for model in ("fail", "drop/9", "broken", "chat", "failed"):
        theirs, ours = (run(client, model) for client in clients)
        assert theirs == ours


def test_async_events_equal_sdk(url: str) -> None:
    async def run(model: str, *, fast: bool) -> Reading:
        found: list[Any] = []
        async with openai.AsyncOpenAI(**options(url)) as client:
            connect = (accelerate(client) if fast else client).responses.connect
            try:
                async with connect() as connection:
                    await connection.send(request(model))
                    async for event in connection:
                        found.append(event)
                        if event.type in ("response.completed", "error"):
                            break
            except Exception as error:
                return found, f"{type(error).__name__}: {error} from {type(error.__cause__).__name__}"
        return found, None

    for model in ("chat", "fail", "drop/9", "broken", "chat"):
        same(asyncio.run(run(model, fast=False)), asyncio.run(run(model, fast=True)))


def test_beta_connection(clients: tuple[Any, Any]) -> None:
    def run(client: Any) -> Iterator[Any]:
        with client.beta.responses.connect() as connection:
            for frame in (*frames("chat"), *BETA_FRAMES):
                yield connection.parse_event(frame)

    for _ in range(2):
        theirs, ours = (collect(run(client)) for client in clients)
        assert theirs[0][0].__class__.__name__ == "BetaResponseWsCreated"
        same(theirs, ours)


BETA_FRAMES = [
    json.dumps(event)
    for event in (
        {"type": "response.inject.created", "response_id": "resp_1", "sequence_number": 3, "stream_id": "a"},
        {
            "type": "response.inject.failed", "response_id": "resp_1", "sequence_number": 3, "input": [],
            "error": {"code": "response_not_found", "message": "gone"},
        },
        {
            "type": "response.output_item.done", "output_index": 0, "sequence_number": 4, "agent": {"agent_name": "/root"},
            "item": {
                "type": "multi_agent_call", "id": "mac_1", "action": "spawn_agent", "arguments": "{}", "call_id": "call_1",
                "agent": {"agent_name": "/root"},
            },
        },
    )
]  # fmt: skip


def test_restored_client_uses_sdk(url: str) -> None:
    with openai.OpenAI(**options(url)) as client:
        plain = type(client.responses.connect())
        accelerate(client)
        assert issubclass(type(client.responses.connect()), plain)
        assert type(client.responses.connect()) is not plain
        assert type(client.with_options(timeout=9).responses.connect()) is not plain
        restore(client)
        assert type(client.responses.connect()) is plain
        assert type(client.beta.responses.connect()).__name__ == "ResponsesConnectionManager"


def test_additions_to_sdk(url: str) -> None:
    with openai.OpenAI(**options(url)) as client, accelerate(client, faithful=False).responses.connect() as connection:
        event: Any = connection.parse_event('{"type":"response.new.thing","a":1,"sequence_number":3}')
        assert isinstance(event, UnknownEvent)
        assert (event.type, event.a, event.sequence_number) == ("response.new.thing", 1, 3)
        assert connection.parse_event(frames("chat")[0]).type == "response.created"


def test_threads_share_connection(clients: tuple[Any, Any]) -> None:
    with clients[0].responses.connect() as theirs, clients[1].responses.connect() as ours:
        wanted = [theirs.parse_event(frame) for frame in frames("chat")]
        results: list[Any] = []

        def read() -> None:
            results.extend(difference(wanted, [ours.parse_event(frame) for frame in frames("chat")]) for _ in range(20))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [None] * 160


def test_closed_connection_is_freed(clients: tuple[Any, Any]) -> None:
    with clients[1].responses.connect() as connection:
        connection.parse_event(frames("chat")[0])
    dead = weakref.ref(connection)
    del connection
    gc.collect()
    assert dead() is None
