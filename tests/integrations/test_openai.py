"""The accelerated openai client compared with the unchanged SDK over a local server, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from respstream import _backend
from respstream.integrations import _clients as shared_clients
from respstream.integrations import _streams
from respstream.integrations import openai as integration
from respstream.integrations.openai import _clients, accelerate, restore
from respstream.integrations.openai._plans import difference, plans
from respstream.integrations.openai._sdk import UnsupportedError, load
from tests.support.openai_server import STREAMS, Handler, serve

MANNERS = ("each", "whole", "cut-1", "cut-7", "gzip", "broken-9", "broken-0")
TOOL: dict[str, Any] = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": True}


class Weather(BaseModel):
    """A structured output."""

    city: str
    degrees: int


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve() as base:
        yield base


def options(url: str, **more: Any) -> dict[str, Any]:
    return {"api_key": "none", "base_url": url, "max_retries": 0, **more}


@pytest.fixture(scope="module")
def clients(url: str) -> Iterator[tuple[openai.OpenAI, openai.OpenAI]]:
    """The SDK as it is, and accelerated."""
    with openai.OpenAI(**options(url)) as theirs, openai.OpenAI(**options(url)) as ours:
        assert accelerate(ours) is ours
        yield theirs, ours


Answer = tuple[list[Any], str | None, Any]
How = Callable[[Any, str], Iterator[Any]]


def create(client: Any, model: str) -> Iterator[Any]:
    with client.responses.create(model=model, input="x", stream=True) as stream:
        yield stream.response.headers["x-request-id"]
        yield from stream
        yield stream.response.is_closed


def snapshots(client: Any, model: str, **more: Any) -> Iterator[Any]:
    with client.responses.stream(model=model, input="x", **more) as stream:
        yield from stream
        yield stream.get_final_response()


def read(events: Iterator[Any]) -> tuple[list[Any], str | None]:
    found = []
    try:
        for event in events:
            found.append(event)
    except Exception as error:
        return found, f"{type(error).__name__}: {error} from {type(error.__cause__).__name__}"
    return found, None


async def async_create(client: Any, model: str, found: list[Any]) -> None:
    async with await client.responses.create(model=model, input="x", stream=True) as stream:
        async for event in stream:
            found.append(event)
        found.append(stream.response.is_closed)


async def async_snapshots(client: Any, model: str, found: list[Any]) -> None:
    async with client.responses.stream(model=model, input="x") as stream:
        async for event in stream:
            found.append(event)
        found.append(await stream.get_final_response())


def aread(url: str, how: Any, model: str, *, fast: bool) -> tuple[list[Any], str | None]:
    async def run() -> tuple[list[Any], str | None]:
        found: list[Any] = []
        async with openai.AsyncOpenAI(**options(url)) as client:
            if fast:
                accelerate(client)
            try:
                await how(client, model, found)
            except Exception as error:
                return found, f"{type(error).__name__}: {error} from {type(error.__cause__).__name__}"
        return found, None

    return asyncio.run(run())


def same(one: tuple[list[Any], str | None], other: tuple[list[Any], str | None]) -> bool:
    assert one[1] == other[1]
    assert len(one[0]) == len(other[0])
    assert difference(one[0], other[0]) is None
    for theirs, ours in zip(one[0], other[0], strict=True):
        assert theirs == ours
        if isinstance(theirs, BaseModel):
            assert theirs.model_fields_set == ours.model_fields_set
            assert theirs.model_dump(warnings=False) == ours.model_dump(warnings=False)
            assert repr(type(theirs)) == repr(type(ours))
    return True


@pytest.mark.parametrize("how", [create, snapshots])
@pytest.mark.parametrize("manner", MANNERS)
def test_chunking_and_failures(clients: tuple[Any, Any], how: How, manner: str) -> None:
    for _ in range(2):  # the first time, plans are made
        theirs, ours = (read(how(client, f"chat/{manner}")) for client in clients)
        assert len(theirs[0]) > 5 or manner == "broken-0"
        assert same(theirs, ours)


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_streams(clients: tuple[Any, Any], name: str) -> None:
    for how in (create, snapshots):
        for manner in ("each", "whole", "cut-5"):
            assert same(*(read(how(client, f"{name}/{manner}")) for client in clients))


@pytest.mark.parametrize("how", [async_create, async_snapshots])
@pytest.mark.parametrize("model", ["chat/each", "chat/gzip", "chat/cut-9", "chat/broken-9", "done/each"])
def test_async(url: str, how: Any, model: str) -> None:
    assert same(aread(url, how, model, fast=False), aread(url, how, model, fast=True))


def test_async_failures(url: str) -> None:
    async def run(fast: bool) -> list[tuple[list[Any], str | None]]:
        answers = []
        async with openai.AsyncOpenAI(**options(url)) as client:
            if fast:
                accelerate(client)
            for name in sorted(STREAMS):
                found: list[Any] = []
                error = None
                try:
                    await async_create(client, f"{name}/cut-40", found)
                except Exception as raised:
                    error = f"{type(raised).__name__}: {raised}"
                answers.append((found, error))
        return answers

    for theirs, ours in zip(asyncio.run(run(False)), asyncio.run(run(True)), strict=True):
        assert same(theirs, ours)


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_http_errors(clients: tuple[Any, Any], status: int) -> None:
    for how in (create, snapshots):
        theirs, ours = (read(how(client, f"chat/status-{status}")) for client in clients)
        assert theirs == ours
        assert theirs[1]


def test_timeouts(clients: tuple[Any, Any]) -> None:
    for how in (create, snapshots):
        theirs, ours = (read(how(client.with_options(timeout=0.15), "chat/slow-0.6")) for client in clients)
        assert "APITimeoutError" in str(theirs[1]) or openai.__version__ < "3"
        assert same(theirs, ours)


def test_events_are_built_natively(clients: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plans().prepare()
    slow: list[Any] = []
    monkeypatch.setattr(_streams._Queue, "put", lambda _, message: slow.append(message))
    events, error = read(create(clients[1], "chat"))
    assert (slow, error) == ([], None)
    assert events[1].__class__.__module__.startswith("openai.types")
    assert plans().refused == {}


def test_structured_output_and_tools(clients: tuple[Any, Any]) -> None:
    more = {"text_format": Weather, "tools": [TOOL]}
    theirs, ours = (read(snapshots(client, "chat", **more)) for client in clients)
    assert same(theirs, ours)
    final = ours[0][-1]
    assert final.output_parsed == Weather(city="Zürich", degrees=21)
    assert final.output[1].parsed_arguments == {"city": "Bern"}


def test_resuming(clients: tuple[Any, Any]) -> None:
    def retrieve(client: Any) -> Iterator[Any]:
        yield from client.responses.retrieve("resp_1", stream=True, starting_after=3)

    assert same(*(read(retrieve(client)) for client in clients))
    assert Handler.asked[-1][1]["starting_after"] == "3"

    def resumed(client: Any) -> Iterator[Any]:
        with client.responses.stream(response_id="resp_1", starting_after=5) as stream:
            yield from stream

    assert same(*(read(resumed(client)) for client in clients))


def test_raw_and_streaming_responses(clients: tuple[Any, Any]) -> None:
    def streaming(client: Any) -> Iterator[Any]:
        create = client.responses.with_streaming_response.create
        with create(model="chat", input="x", stream=True) as response:
            yield response.request_id
            yield from response.parse()

    def raw(client: Any) -> Iterator[Any]:
        response = client.responses.with_raw_response.create(model="chat", input="x", stream=True)
        yield response.request_id
        yield from response.parse()

    for how in (streaming, raw):
        assert same(*(read(how(client)) for client in clients))


def test_closing_early(clients: tuple[Any, Any]) -> None:
    for client in clients:
        stream = client.responses.create(model="chat", input="x", stream=True)
        assert next(stream).type == "response.created"
        stream.close()
        assert stream.response.is_closed
        with client.responses.stream(model="chat", input="x") as snapshot:
            for event in snapshot:
                if event.type == "response.output_text.delta":
                    break
        assert snapshot._response.is_closed


def test_classes_are_those_of_sdk(clients: tuple[Any, Any]) -> None:
    with clients[1].responses.create(model="chat", input="x", stream=True) as stream:
        assert isinstance(stream, openai.Stream)
    assert type(clients[1]) is openai.OpenAI
    with clients[1].responses.stream(model="chat", input="x") as snapshot:
        assert type(snapshot).__module__.startswith("openai.")


def test_every_client(url: str) -> None:
    """tests/integrations/test_sdk_clients.py has copies, subclasses and wrappers."""
    init = openai.OpenAI.__init__
    accelerate()
    try:
        made = openai.OpenAI(**options(url))
        with made, made.responses.create(model="chat", input="x", stream=True) as stream:
            assert type(stream) is not openai.Stream
    finally:
        restore()
    assert openai.OpenAI.__init__ is init
    with openai.OpenAI(**options(url)) as made:
        assert type(made.responses.create(model="chat", input="x", stream=True)) is openai.Stream


def test_unsupported_client_raises() -> None:
    with pytest.raises(TypeError, match="a client of the openai SDK"):
        accelerate("client")


def test_strict_validation_uses_sdk(url: str) -> None:
    with openai.OpenAI(**options(url, _strict_response_validation=True)) as client:
        theirs = read(create(client, "wrong_kinds"))
        assert same(theirs, read(create(accelerate(client), "wrong_kinds")))
        assert "APIResponseValidationError" in str(theirs[1])


@pytest.mark.parametrize("reason", ["extension", "layout"])
def test_unsupported_setups_are_unchanged(
    url: str, reason: str, monkeypatch: pytest.MonkeyPatch, backends: tuple[ModuleType, ModuleType]
) -> None:
    def changed() -> Any:
        raise UnsupportedError("Stream has no __stream__")

    shared_clients._warn.cache_clear()
    if reason == "extension":
        monkeypatch.setattr(_backend, "engine", backends[1])
    else:
        monkeypatch.setattr(_clients._integration, "_load", changed)
    with openai.OpenAI(**options(url)) as client:
        with pytest.warns(RuntimeWarning, match="as it is"):
            accelerate(client)
        accelerate(client)  # once is enough
        accelerate()
        assert "_respstream" not in client.__dict__
    shared_clients._warn.cache_clear()


def test_changed_sdk_layout_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    load.cache_clear()
    monkeypatch.delattr(openai.Stream, "_iter_events")
    try:
        with pytest.raises(UnsupportedError, match="_iter_events"):
            load()
    finally:
        monkeypatch.undo()
        load.cache_clear()


def test_additions_to_sdk(url: str) -> None:
    with openai.OpenAI(**options(url)) as client:
        accelerate(client, faithful=False)
        assert [e.type for e in read(create(client, "no_blank_line"))[0][1:-1]][-1] == "response.completed"
        odd = next(e for e in read(create(client, "unknown_type"))[0][1:-1] if e.type == "response.new.thing")
        assert (type(odd).__name__, odd.delta, odd.sequence_number) == ("UnknownEvent", "x", 9)
        for end in ("incomplete", "failed"):
            assert read(snapshots(client, end))[0][-1].status == end
        final = read(snapshots(client, "no_output"))[0][-1]
        assert [item.type for item in final.output] == ["message", "function_call"]
        assert final.output_text == '{"city":"Zürich","degrees":21}'


def test_public_names() -> None:
    functions = [name for name in integration.__all__ if name[0].islower()]
    assert functions == ["accelerate", "from_openai", "record", "restore", "resume", "to_openai"]
