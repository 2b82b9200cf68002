"""The recorder around clients of the openai SDK, over a local server: the received streams can be read from the file."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from respstream.integrations.openai import accelerate, record
from tests.support.openai_server import STREAMS, serve

CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve() as base:
        yield base


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording.jsonl"


def options(url: str) -> dict[str, Any]:
    return {"api_key": "none", "base_url": url, "max_retries": 0}


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def chunks(path: Path) -> dict[str, bytes]:
    """The recorded bytes by lane, in the order of their start."""
    found: dict[str, bytes] = {}
    for row in written(path):
        chunk = base64.b64decode(row["b64"]) if "b64" in row else row.get("chunk", "").encode()
        found[row["lane"]] = found.get(row["lane"], b"") + chunk
    return found


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("manner", ["each", "whole", "cut-7", "gzip"])
def test_recorded_stream_is_unchanged_and_readable(api: Any, url: str, path: Path, manner: str, fast: bool) -> None:
    before = time.time()
    with openai.OpenAI(**options(url)) as client, openai.OpenAI(**options(url)) as plain:
        if fast and api.BACKEND == "rust":  # the fallback leaves the SDK unchanged
            accelerate(client)
        with record(client, path):
            got = list(client.responses.create(model=f"chat/{manner}", input="x", stream=True))
        assert got == list(plain.responses.create(model=f"chat/{manner}", input="x", stream=True))
    assert list(chunks(path).values()) == [STREAMS["chat"]]
    stream = api.responses(path)
    (response,) = stream
    assert stream.diagnostics == []
    assert response.to_dict() == next(iter(api.responses(STREAMS["chat"]))).to_dict()
    assert [event.raw for event in api.events(path)] == [event.raw for event in api.events(STREAMS["chat"])]
    reported = response.latency
    assert before <= reported.started_at < reported.ended_at <= time.time()
    if manner in ("each", "cut-7"):  # a single time for all deltas gives no pauses
        assert reported.started_at < reported.first_delta_at < reported.ended_at


def test_async(api: Any, url: str, path: Path) -> None:
    """Requests side by side have lanes of their own."""

    async def one(client: Any, name: str) -> int:
        return len([event async for event in await client.responses.create(model=name, input="x", stream=True)])

    async def run() -> list[int]:
        async with openai.AsyncOpenAI(**options(url)) as client:
            with record(client, path):
                return list(
                    await asyncio.gather(one(client, "chat"), one(client, "incomplete"), one(client, "chat/cut-9"))
                )

    counts = asyncio.run(run())
    found = list(api.responses(path))
    assert len({response.stream_id for response in found}) == 3
    assert sorted(response.events for response in found) == sorted(counts)
    assert sorted(response.status for response in found) == ["completed", "completed", "incomplete"]


def test_recorded_requests(api: Any, url: str, path: Path) -> None:
    """Copies of the client, its other stream methods and API errors are recorded; other endpoints and later calls are not."""
    with openai.OpenAI(**options(url)) as client:
        with record(client, path) as recorder:
            with client.responses.stream(model="chat", input="x") as stream:
                stream.get_final_response()
            list(client.with_options(timeout=9).responses.create(model="chat", input="x", stream=True))
            with client.responses.with_streaming_response.create(model="chat", input="x", stream=True) as raw:
                assert b"".join(raw.iter_bytes()) == STREAMS["chat"]
            with pytest.raises(openai.BadRequestError):
                client.responses.create(model="chat/status-400", input="x", stream=True)
            client.models.with_raw_response.list()
        assert client._client.event_hooks == {"request": [], "response": []}
        list(client.responses.create(model="chat", input="x", stream=True))
        recorder.close()
    assert list(chunks(path).values())[:3] == [STREAMS["chat"]] * 3
    assert len(chunks(path)) == 4
    stream = api.responses(path)
    assert [response.status for response in stream] == ["completed"] * 3
    assert [(d.code, d.detail["code"]) for d in stream.diagnostics] == [("error_body", "c")]


def test_chat_completions(api: Any, url: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to Chat Completions are recorded too."""
    pieces = [{**CHUNK, "choices": [{"index": 0, "delta": {"content": piece}}]} for piece in ("Hel", "lo")]
    body = b"".join(b"data: %b\n\n" % json.dumps(piece).encode() for piece in pieces) + b"data: [DONE]\n\n"
    monkeypatch.setitem(STREAMS, "completions", body)
    with openai.OpenAI(**options(url)) as client, record(client, path):
        made = client.chat.completions.create(model="completions", messages=[], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in made) == "Hello"
    assert list(chunks(path).values()) == [body]
    (response,) = api.responses(path)
    assert (response.api, response.output_text) == ("chat", "Hello")
    assert response.latency.first_delta_at is not None


def test_streams_that_end_early(api: Any, url: str, path: Path) -> None:
    """A broken stream, an abandoned one, and an unread one."""
    with openai.OpenAI(**options(url)) as client, record(client, path):
        with pytest.raises(openai.APIConnectionError):
            list(client.responses.create(model="chat/broken-9", input="x", stream=True))
        with client.responses.create(model="chat", input="x", stream=True) as stream:
            next(iter(stream))
        del stream
        client.responses.create(model="chat", input="x", stream=True).close()
        gc.collect()
    ends = [row.get("error", "") for row in written(path) if "end" in row]
    assert len(ends) == 2
    assert ends[0].startswith("RemoteProtocolError: ")
    assert ends[1] == ""
    assert [response.complete for response in api.responses(path)] == [False, False]


def test_failed_recording_does_not_affect_client(url: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with openai.OpenAI(**options(url)) as client, record(client, path) as recorder:
        stream = client.responses.create(model="chat", input="x", stream=True)
        events = iter(stream)
        next(events)

        def full(row: bytes) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(type(recorder._rows), "append", lambda _, row: full(row))
        with pytest.warns(RuntimeWarning, match="No space left"):
            list(client.responses.create(model="chat", input="x", stream=True))
        recorder.close()
        with pytest.warns(RuntimeWarning, match="no further"):
            assert len(list(events)) > 10


def test_misuse(path: Path) -> None:
    with pytest.raises(TypeError, match="not dict"):
        record({}, path)
    with openai.OpenAI(api_key="none") as client, pytest.raises(OSError, match="nowhere"):
        record(client, path.parent / "nowhere" / "x")
