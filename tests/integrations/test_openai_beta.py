"""`client.beta.responses` of the accelerated SDK compared with the unchanged one: streams and WebSockets of several agents."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.beta import BetaResponsesServerEvent, BetaResponseStreamEvent

import respstream
from respstream.integrations import _streams
from respstream.integrations.openai import _websocket, accelerate, restore
from respstream.integrations.openai._plans import difference, plans
from respstream.integrations.openai._sdk import load
from tests.support import openai_server, websocket_server
from tests.support.openai_server import STREAMS, chat
from tests.support.websocket_server import frames

AGENT = {"agent_name": "lead/helper"}
MESSAGE = {
    "id": "am_1", "type": "agent_message", "author": "lead", "recipient": "lead/helper", "agent": AGENT,
    "content": [{"type": "output_text", "text": "do it", "annotations": []}],
}  # fmt: skip
CALL = {
    "id": "mac_1", "type": "multi_agent_call", "action": "spawn_agent", "arguments": "{}", "call_id": "call_9",
    "agent": AGENT,
}  # fmt: skip


def agents() -> list[dict[str, Any]]:
    """A response of several agents: the events name theirs, and there are items that only the beta has."""
    *events, last = [{**event, "agent": AGENT} for event in chat()]
    for at, item in ((2, MESSAGE), (3, CALL), (4, {**CALL, "type": "multi_agent_call_output", "output": []})):
        events += [
            {"type": f"response.output_item.{end}", "output_index": at, "item": item} for end in ("added", "done")
        ]
    return [{**event, "sequence_number": number} for number, event in enumerate([*events, last])]


def prepare(events: Any) -> None:
    """Makes the plans of the events of a union."""
    plans(load().with_events(events)).prepare()


@pytest.fixture(scope="module")
def clients() -> Iterator[tuple[openai.OpenAI, openai.OpenAI]]:
    STREAMS["agents"] = openai_server.sse(agents())
    try:
        with (
            openai_server.serve() as url,
            openai.OpenAI(api_key="none", base_url=url) as theirs,
            openai.OpenAI(api_key="none", base_url=url) as ours,
        ):
            yield theirs, accelerate(ours)
    finally:
        del STREAMS["agents"]


def create(client: Any, model: str) -> list[Any]:
    with client.beta.responses.create(model=model, input="x", stream=True, betas=["agents"]) as stream:
        assert isinstance(stream, openai.Stream)
        return list(stream)


@pytest.mark.parametrize("model", ["agents", "chat", "failed", "wrong_kinds/cut-7", "unknown_type", "ids"])
def test_streams_equal_sdk(clients: tuple[Any, Any], model: str) -> None:
    for _ in range(2):  # the first time, plans are made
        theirs, ours = (create(client, model) for client in clients)
        assert difference(theirs, ours) is None
        assert type(ours[0]).__name__ == "BetaResponseCreatedEvent"


def test_events_are_built_natively(clients: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(BetaResponseStreamEvent)
    handed: list[Any] = []
    monkeypatch.setattr(_streams._Queue, "put", lambda _, message: handed.append(message))
    events = create(clients[1], "agents")
    assert (len(events), handed) == (len(agents()), [])
    assert events[0].agent.agent_name == "lead/helper"


def test_retrieved_streams_equal_sdk(clients: tuple[Any, Any]) -> None:
    def retrieve(client: Any) -> list[Any]:
        return list(client.beta.responses.retrieve("resp_1", stream=True, starting_after=3))

    theirs, ours = (retrieve(client) for client in clients)
    assert difference(theirs, ours) is None


def test_async_streams_equal_sdk(clients: tuple[Any, Any]) -> None:
    async def run(*, fast: bool) -> list[Any]:
        async with openai.AsyncOpenAI(api_key="none", base_url=clients[0].base_url) as client:
            responses = (accelerate(client) if fast else client).beta.responses
            stream = await responses.create(model="agents", input="x", stream=True)
            return [event async for event in stream]

    assert difference(asyncio.run(run(fast=False)), asyncio.run(run(fast=True))) is None


def test_connections_are_native(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [json.dumps(event) for event in agents()] + frames("chat")
    with websocket_server.running() as url, openai.OpenAI(api_key="none", base_url=url) as client:
        with client.beta.responses.connect() as connection:
            wanted = [connection.parse_event(frame) for frame in given]
        accelerate(client)
        with client.beta.responses.connect() as connection:
            assert difference(wanted, [connection.parse_event(frame) for frame in given]) is None
            prepare(BetaResponsesServerEvent)
            monkeypatch.setattr(_websocket, "_by_sdk", lambda *_: pytest.fail("the SDK read a frame"))
            assert difference(wanted, [connection.parse_event(frame) for frame in given]) is None
        restore(client)
        with client.beta.responses.connect() as connection:
            assert "_respstream" not in connection.__dict__
    assert type(wanted[0]).__name__ == "BetaResponseWsCreated"


LAZY = """
import sys
from openai import OpenAI
from respstream.integrations.openai import accelerate

client = accelerate(OpenAI(api_key="none", base_url="http://127.0.0.1:9/v1"))
client.responses
assert "openai.resources.beta.responses.responses" not in sys.modules
for responses in (client.responses, client.beta.responses):
    assert type(responses.connect()).__module__.startswith("respstream"), responses
"""


def test_beta_is_imported_when_it_is_used() -> None:
    subprocess.run([sys.executable, "-c", LAZY], check=True)


def test_members_of_agents(api: Any) -> None:
    """Respstream's own events and items: `agent` is an object or None."""
    data = openai_server.sse(agents())
    found = list(api.events(data))
    assert found[0].agent.agent_name == "lead/helper"
    assert {event.agent for event in api.events(openai_server.sse(chat()))} == {None}
    assert not any(isinstance(event, respstream.types.UnknownEvent) for event in found)
    without_end = api.events(openai_server.sse(agents()[:-1]))
    list(without_end)
    items = without_end.response.output
    assert [item.type for item in items[2:]] == ["agent_message", "multi_agent_call", "multi_agent_call_output"]
    assert [item.agent.agent_name for item in items[2:]] == ["lead/helper"] * 3
    assert items[0].agent is None
    inject = [
        {"type": "response.inject.created", "response_id": "resp_1", "sequence_number": 1},
        {"type": "response.inject.failed", "response_id": "resp_1", "sequence_number": 2, "input": [], "error": {}},
    ]
    stream = api.events(openai_server.sse(inject))
    assert [event.response_id for event in stream] == ["resp_1"] * 2
    assert stream.response is None
