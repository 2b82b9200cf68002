"""Recorded messages, such as the frames of a WebSocket: written, read, and served again over WebSocket."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import respstream
from respstream.integrations.openai import accelerate, record
from respstream.recordings.replay import serve, takes
from tests.support import websocket_server
from tests.support.openai_server import chat, running
from tests.support.paths import ROOT
from tests.support.websocket_server import LANE_TEXT, frames, lane_events

CREATE = {"type": "response.create", "model": "chat", "input": "x"}
TYPES = [event["type"] for event in chat()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording.jsonl"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with websocket_server.running() as base:
        yield base


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_text_is_recorded_as_messages(api: Any, path: Path) -> None:
    given = frames("chat")
    assert list(respstream.record(given, path, lane="a")) == given
    assert [row["message"] for row in rows(path)[1:-1]] == given
    read = api.events(path)
    assert [event.type for event in read] == TYPES
    assert read.diagnostics == []
    assert {event.stream_id for event in api.events(path)} == {"a"}
    (response,) = api.responses(path)
    assert (response.complete, response.latency.duration is not None) == (True, True)


def test_async_messages(api: Any, path: Path) -> None:
    async def messages() -> AsyncIterator[str]:
        for frame in frames("chat"):
            yield frame

    async def run() -> int:
        return len([message async for message in respstream.arecord(messages(), path)])

    assert asyncio.run(run()) == len(TYPES)
    assert [event.type for event in api.events(path)] == TYPES


def test_messages_of_any_kind(api: Any, path: Path) -> None:
    """A message with a line break, one that is not valid UTF-8, a broken one: none disturbs the others."""
    spread = json.dumps(chat()[1], indent=1)
    with respstream.Recorder(path) as recorder, recorder.track("a") as track:
        track.message(frames("chat")[0].encode())
        track.message(spread)
        track.message(b'{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"\xff"}')
        track.message('{"type":')
        track.message("")
        for frame in frames("chat")[2:]:
            track.message(frame)
    read = api.events(path)
    assert [event.type for event in read] == [*TYPES[:2], "response.output_text.delta", *TYPES[2:]]
    codes = [found.code for found in read.diagnostics if found.severity == "error"]
    assert codes == ["bad_json"] * 2


def test_rows_of_other_logs_are_no_messages(api: Any) -> None:
    row = {"t": 1, "lane": "x", "message": "sent an event", "event": chat()[0]}
    assert [event.type for event in api.events(json.dumps(row).encode(), form="rows")] == ["response.created"]


def test_client_events_are_quiet(api: Any, path: Path) -> None:
    sent = [{**CREATE, "stream_id": "b"}, {"type": "response.steer", "previous_response_id": "resp_1", "input": "y"}]
    with respstream.Recorder(path) as recorder, recorder.track("a") as track:
        for event in (CREATE, *sent, {"type": "response.inject", "response_id": "resp_1", "input": []}):
            track.message(json.dumps(event), sent=True)
        for number, frame in enumerate(frames("chat")):
            track.message(frame)
            if number in (2, 8):
                track.message(json.dumps(sent[1]), sent=True)
        track.message(json.dumps(CREATE), sent=True)
    read = api.events(path)
    found = list(read)
    assert read.diagnostics == []
    assert [event.type for event in found if event.type not in TYPES].count("response.steer") == 3
    assert not any(isinstance(event, respstream.types.UnknownEvent) for event in found)
    assert (found[0].model, found[0].previous_response_id) == ("chat", None)
    (response,) = api.responses(path)
    assert response.complete
    assert [row["type"] for row in map(json.loads, [line["message"] for line in rows(path) if line.get("sent")])]


def create(**more: Any) -> Any:
    return {**CREATE, **more}


def ask(connection: Any, **more: Any) -> None:
    connection.send(create(**more))
    for event in connection:
        if event.type == "response.completed":
            break


@pytest.mark.parametrize("fast", [False, True])
def test_client_is_recorded(api: Any, url: str, path: Path, fast: bool) -> None:
    with openai.OpenAI(api_key="none", base_url=url) as client:
        if fast and api.BACKEND == "rust":
            accelerate(client)
        with record(client, path) as recorder, client.responses.connect() as connection:
            ask(connection)
            ask(connection, stream_id="left")
            ask(connection)
        assert recorder is not None
        with client.responses.connect() as connection:  # no longer recorded
            ask(connection)
    assert {tuple(row)[:2] for row in rows(path)} == {("t", "lane")}
    names = {row["lane"].partition("/")[2] for row in rows(path)}
    assert names == {"", "left"}
    sent = [json.loads(row["message"])["type"] for row in rows(path) if row.get("sent")]
    assert sent == ["response.create"] * 3
    read = api.events(path)
    assert len(list(read)) == 3 * len(TYPES) + 3
    assert read.diagnostics == []
    found = list(api.responses(path))
    assert [response.complete for response in found] == [True] * 3
    for response in found:
        assert response.latency.time_to_first_token > 0


def test_async_client_is_recorded(api: Any, url: str, path: Path) -> None:
    async def run() -> None:
        async with openai.AsyncOpenAI(api_key="none", base_url=url) as client:
            with record(client, path):
                async with client.responses.connect() as connection:
                    await connection.send(create(model="together/1", stream_id="a"))
                    async for event in connection:
                        if event.type == "response.completed":
                            break

    asyncio.run(run())
    (response,) = api.responses(path)
    assert (response.output_text, response.stream_id) == (LANE_TEXT.format(0), "a")
    assert rows(path)[-1]["end"] is True


def test_dropped_connection_ends_recording(api: Any, url: str, path: Path) -> None:
    with openai.OpenAI(api_key="none", base_url=url) as client, record(client, path):
        connection = client.responses.connect().enter()
        connection.send(create(model="drop/9"))
        with pytest.raises(ConnectionClosed):
            list(connection)
    assert rows(path)[-1]["error"].startswith("ConnectionClosedError")
    (response,) = api.responses(path)
    assert not response.complete
    assert len(list(api.events(path))) == 9 + 1


def test_full_disk_does_not_disturb_connection(url: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with openai.OpenAI(api_key="none", base_url=url) as client, record(client, "/dev/full"):
        connection = client.responses.connect().enter()
        with pytest.warns(RuntimeWarning, match="records a connection no further"):
            ask(connection)
        connection.close()


# -- replay ----------------------------------------------------------------------------------------------------------


def replayed(*streams: bytes, speed: float | None = None) -> Any:
    return running(serve(takes(streams), speed=speed))


STREAM = b"".join(frame.encode() + b"\n" for frame in frames("chat"))
OTHER = b"".join(json.dumps(event).encode() + b"\n" for event in lane_events(7, "recorded"))


def test_sdk_reads_replay(path: Path) -> None:
    with replayed(STREAM, OTHER) as url, openai.OpenAI(api_key="none", base_url=url) as client:
        with client.responses.connect() as connection:
            for lane in (None, "a", "b"):
                connection.send(create() if lane is None else create(stream_id=lane))
            events: list[Any] = []
            while sum(event.type == "response.completed" for event in events) < 3:
                events.append(connection.recv())
        with record(client, path), client.responses.connect() as connection:
            ask(connection)
    ids = {
        lane: {e.response.id for e in events if e.stream_id == lane and "response" in e.model_fields_set}
        for lane in (None, "a", "b")
    }
    assert ids == {None: {"resp_1"}, "a": {"resp_1_7"}, "b": {"resp_1"}}
    assert [event.type for event in events if event.stream_id == "a"] == [
        event["type"] for event in lane_events(7, "a")
    ]
    assert next(iter(respstream.responses(path))).id == "resp_1_7"


def test_replay_protocol() -> None:
    with replayed(STREAM) as url:
        address = f"ws{url.removeprefix('http')}/responses"
        with connect(address) as socket:
            socket.ping().wait(10)
            for wrong in ('{"type":"response.steer"}', "no json", "[]", '{"type":"response.create","stream_id":7}'):
                socket.send(wrong)
                assert json.loads(socket.recv(10))["error"]["code"] == "not_recorded"
            request = json.dumps({**CREATE, "input": "é" * 70_000})
            socket.send([request[:5], request[5:90_000], request[90_000:]])
            socket.send(b'{"type": "response.create"}')
            received = [json.loads(socket.recv(10))["type"] for _ in range(2 * len(TYPES))]
            assert received == TYPES * 2
        with pytest.raises(Exception, match="404"):
            connect(f"ws{url.removeprefix('http')}/chat")


def test_replay_keeps_pauses(path: Path) -> None:
    times = iter(range(10**18, 2 * 10**18, 20_000_000))
    recorder = respstream.Recorder(path, clock=lambda: next(times))
    with recorder, recorder.track("a") as track:
        for frame in frames("chat"):
            track.message(frame)
    for speed, least, most in ((1.0, 0.4, 60.0), (None, 0.0, 60.0)):
        with (
            replayed(path.read_bytes(), speed=speed) as url,
            connect(f"ws{url.removeprefix('http')}/responses") as socket,
        ):
            socket.send(json.dumps(CREATE))
            first = _clock()
            for _ in TYPES:
                socket.recv(60)
            assert least <= _clock() - first <= most


def _clock() -> float:
    import time

    return time.monotonic()


def test_replay_command(path: Path) -> None:
    path.write_bytes(STREAM)
    command = [sys.executable, "-m", "respstream", "replay", str(path), "--speed", "max"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with openai.OpenAI(api_key="none", base_url=url) as client, client.responses.connect() as connection:
            ask(connection)
        process.terminate()
