"""Tracing libraries around an accelerated openai client: the spans and the events are those without it, in every order.

`make test-wrappers` runs this folder; `make test` does not. The libraries are installed apart, in `.venv/wrappers`, because
some of them are plugins of pytest and pydantic. Their warnings are no errors.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import langfuse.openai
import openai
import pytest
from langsmith.wrappers import wrap_openai
from openai.resources.responses import AsyncResponses, Responses
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenTelemetry
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from respstream.integrations.openai import accelerate, restore
from respstream.integrations.openai._plans import difference, plans
from respstream.integrations.openai._verify import client as local_client
from tests.integrations.wrappers.tracing import Tracing, by_instrumentor, by_langsmith, by_logfire, count_slow, spans
from tests.support.openai_server import STREAMS, blocks

CHUNKS = {name: blocks(STREAMS[name]) for name in ("chat", "incomplete", "api_error")}
# Importing langfuse wraps these; other libraries do not unwrap them.
ORIGINAL = {cls: cls.__dict__["create"].__wrapped__ for cls in (Responses, AsyncResponses)}


@pytest.fixture(autouse=True)
def _classes_are_unwrapped() -> Iterator[None]:
    unwrap()
    yield
    unwrap()


def unwrap() -> None:
    for cls, create in ORIGINAL.items():
        setattr(cls, "create", create)  # noqa: B010


# Langfuse has one client for a key in a process.
LANGFUSE_SPANS = InMemorySpanExporter()
LANGFUSE = langfuse.Langfuse(
    public_key="pk",
    secret_key="sk",
    base_url="http://127.0.0.1:9",
    span_exporter=LANGFUSE_SPANS,
    tracer_provider=TracerProvider(),
)


@contextmanager
def by_langfuse(_: Any) -> Generator[list[Any]]:
    found: list[Any] = []
    LANGFUSE_SPANS.clear()
    langfuse.openai.register_tracing()
    yield found
    LANGFUSE.flush()
    found += spans(LANGFUSE_SPANS)


ON_CLASSES: dict[str, Tracing] = {
    "logfire": by_logfire("instrument_openai", client=False),
    "opentelemetry": by_instrumentor(OpenTelemetry()),
    "openinference": by_instrumentor(OpenInference()),
    "langfuse": by_langfuse,
}
ON_CLIENTS: dict[str, Tracing] = {
    "logfire": by_logfire("instrument_openai", client=True),
    "langsmith": by_langsmith(wrap_openai),
}
CASES = [(name, tracing) for found in (ON_CLASSES, ON_CLIENTS) for name, tracing in found.items()]
IDS = [f"{name}-{'class' if number < len(ON_CLASSES) else 'client'}" for number, (name, _) in enumerate(CASES)]


def created(client: Any) -> Iterator[Any]:
    with client.responses.create(model="m", input="x", stream=True) as stream:
        yield from stream


def streamed(client: Any) -> Iterator[Any]:
    with client.responses.stream(model="m", input="x") as stream:
        yield from stream
        yield stream.get_final_response()


async def acreated(client: Any) -> list[Any]:
    return [event async for event in await client.responses.create(model="m", input="x", stream=True)]


async def astreamed(client: Any) -> list[Any]:
    async with client.responses.stream(model="m", input="x") as stream:
        return [event async for event in stream] + [await stream.get_final_response()]


def read(client: Any, how: str) -> tuple[list[Any], str | None]:
    asynchronous = isinstance(client, openai.AsyncOpenAI)
    found: list[Any] = []
    try:
        if asynchronous:
            found += asyncio.run((acreated if how == "create" else astreamed)(client))
        else:
            for event in (created if how == "create" else streamed)(client):
                found.append(event)
    except Exception as error:
        return found, f"{type(error).__name__}: {error}"
    return found, None


def run(tracing: Tracing, order: str, how: str, asynchronous: bool, name: str) -> tuple[Any, list[Any]]:
    client = local_client(CHUNKS[name], asynchronous=asynchronous)
    if order == "accelerate first":
        accelerate(client)
    with tracing(client) as found:
        if order == "accelerate last":
            accelerate(client)
        read(client, how)  # the first events of their types are the SDK's
        answer = read(client, how)
    restore(client)
    unwrap()
    return answer, found


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("how", ["create", "stream"])
@pytest.mark.parametrize("tracing", [tracing for _, tracing in CASES], ids=IDS)
def test_spans_and_events(tracing: Tracing, how: str, asynchronous: bool) -> None:
    for name in CHUNKS:
        expected, wanted = run(tracing, "never", how, asynchronous, name)
        assert len(expected[0]) > 5 or asynchronous
        for order in ("accelerate first", "accelerate last"):
            answer, found = run(tracing, order, how, asynchronous, name)
            assert answer[1] == expected[1]
            assert difference(expected[0], answer[0]) is None
            assert json.dumps(found, indent=1) == json.dumps(wanted, indent=1)


@pytest.mark.parametrize("how", ["create", "stream"])
@pytest.mark.parametrize("tracing", [tracing for _, tracing in CASES], ids=IDS)
def test_streams_are_traced_and_native(tracing: Tracing, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plans().prepare()
    slow = count_slow(monkeypatch)
    for order in ("accelerate first", "accelerate last"):
        client = local_client(CHUNKS["chat"])
        if order == "accelerate first":
            accelerate(client)
        with tracing(client) as found:
            accelerate(client)
            events, error = read(client, how)
            slow.clear()
            assert read(client, how) == (events, error)
            assert error is None
            assert len(events) > 5
        assert slow == []
        assert found or how == "stream"  # some libraries trace `create` only
        restore(client)
        unwrap()
        assert read(client, how)[0] == events
