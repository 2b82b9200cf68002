"""Chat Completions of the accelerated openai client compared with the unchanged SDK, sync and async, over a local server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from pydantic import BaseModel

from respstream.integrations.openai import accelerate
from respstream.integrations.openai._plans import Plans, difference, plans
from respstream.integrations.openai._sdk import load
from tests.support.openai_server import running

END = b"data: [DONE]\n\n"
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object"}, "strict": True},
}
OTHER: dict[str, Any] = {**TOOL, "function": {"name": "weather", "parameters": {"type": "object"}}}


class Weather(BaseModel):
    """A structured output."""

    city: str
    degrees: int


def chunk_plans() -> Plans:
    return plans(load().with_events(load().chunk))


def chunk(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt",
        "service_tier": "default",
    }
    return {**head, "choices": list(choices), "usage": None, **more}


def choice(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish, **more}


def texts(*pieces: str, name: str = "content", finish: str = "stop") -> list[dict[str, Any]]:
    return [
        chunk(choice({"role": "assistant", name: "", "refusal": None})),
        *(chunk(choice({name: piece}), obfuscation="xyz") for piece in pieces),
        chunk(choice({}, finish)),
        chunk(usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}),
    ]


def call(index: int, name: str, *pieces: str) -> list[dict[str, Any]]:
    first = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    return [
        chunk(choice({"tool_calls": [first]})),
        *(chunk(choice({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})) for piece in pieces),
    ]


def logprob(token: str) -> dict[str, Any]:
    return {"content": [{"token": token, "bytes": [65], "logprob": -0.5, "top_logprobs": []}], "refusal": None}


JSON_TEXT = ('{"city":', ' "Bonn', '", "deg', 'rees": 7}')
STREAMS: dict[str, list[dict[str, Any]]] = {
    "text": texts("He", "llo", " ", "wörld", "\n", "😀"),
    "json": texts(*JSON_TEXT),
    "blank": texts(" ", "\n", *JSON_TEXT, " "),
    "no JSON": [*call(0, "weather", "{", "}", "}}", "x"), chunk(choice({}, "tool_calls"))],
    "long": texts('{"city": "', *"abcdefghijklmnopqrstuvw", '", "degrees": 4}'),
    "long reasoning": [*texts(*"abcdefghijklmnopq", name="reasoning")[:-2], *texts(*"abcdefghijklmnopq")[1:]],
    "long calls": [chunk(choice({"role": "assistant", "content": None})), *call(0, "weather", '{"city": "', *"abcdefghijk", '", "degrees": 4}'), chunk(choice({}, "tool_calls"))],
    "refusal": texts("I ", "can", "not", name="refusal"),
    "reasoning": [*texts("think ", "hard", name="reasoning_content")[:-2], *texts("so", " it is")],
    "calls": [
        chunk(choice({"role": "assistant", "content": None})),
        *call(0, "weather", '{"ci', 'ty":', '"B"}'),
        *call(1, "other", "{", "}"),
        chunk(choice({}, "tool_calls")),
    ],
    "text and calls": [*texts("Let me ", "look")[:3], *call(0, "weather", "{", "}"), chunk(choice({}, "tool_calls"))],
    "two choices": [
        *(chunk(choice({"role": "assistant", "content": ""}, index=index)) for index in (0, 1)),
        *(chunk(choice({"content": f"{n} "}, index=n % 2)) for n in range(6)),
        chunk(choice({}, "stop"), choice({}, "length", index=1)),
    ],
    "logprobs": [
        chunk(choice({"role": "assistant", "content": ""})),
        *(chunk(choice({"content": "A"}, logprobs=logprob("A"))) for _ in range(3)),
        chunk(choice({}, "stop")),
    ],
    "cut off": texts('{"city":', '"Bo', finish="length"),
    "filtered": texts('{"city"', ':"Ba', finish="content_filter"),
    "calls without index": [
        chunk(choice({"role": "assistant", "content": "", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": '{"a"'}}]})),
        chunk(choice({"tool_calls": [{"function": {"arguments": ":1}"}}]})),
        chunk(choice({"tool_calls": [{"id": "d", "function": {"name": "g", "arguments": "{}"}}]})),
        chunk(choice({}, "tool_calls")),
    ],
    "one index for all calls": [
        chunk(choice({"role": "assistant", "content": None})),
        *call(0, "f", '{"a"', ":1}"),
        chunk(choice({"tool_calls": [{"index": 0, "id": "d", "type": "function", "function": {"name": "g", "arguments": "{"}}]})),
        chunk(choice({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]})),
        chunk(choice({}, "tool_calls")),
    ],
    "role in each chunk": [chunk(choice({"role": "assistant", "content": piece})) for piece in "abc"],
    "extra members": [chunk(choice({"content": piece, "channel": "final"}, p=1.5), x_groq={"id": "r"}) for piece in "abc"],
    "usage in each chunk": [{**each, "usage": {"prompt_tokens": 1, "completion_tokens": n, "total_tokens": n + 1}} for n, each in enumerate(texts("a", "b", "c")[:-1])],
    "members go and come": [chunk(choice({"content": "a"})), {"choices": [choice({"content": "b"})], "object": "chat.completion.chunk"}, chunk(choice({"content": "c"}))],
    "wrong values": [chunk(choice({"content": "a"})), chunk(choice({"content": 5})), chunk(choice({"content": "b"}), created="x"), chunk(choice({"content": None}))],
    "no object": [{**each, "object": ""} for each in texts("a", "b")],
    "error": [*texts("a", "b")[:3], {"error": {"message": "overloaded", "code": 529}}],
    "ping": [*texts("a", "b")[:2], {"type": "ping"}, *texts("c")[1:]],
    "nothing": [],
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers with the stream that the request names as its model, one chunk of the body at a time."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for each in STREAMS[body["model"]]:
            self.wfile.write(b"data: " + json.dumps(each, ensure_ascii=False).encode() + b"\n\n")
            self.wfile.flush()
        self.wfile.write(END)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as base:
        yield base


def options(url: str) -> dict[str, Any]:
    return {"api_key": "none", "base_url": url, "max_retries": 0}


@pytest.fixture(scope="module")
def clients(url: str) -> Iterator[tuple[openai.OpenAI, openai.OpenAI]]:
    """The SDK as it is, and accelerated."""
    with openai.OpenAI(**options(url)) as theirs, openai.OpenAI(**options(url)) as ours:
        yield theirs, accelerate(ours)


def state_of(event: Any) -> list[Any]:
    """An event, and what the snapshot has at that moment: the snapshot is one object throughout."""
    messages = [each.message for each in event.snapshot.choices] if event.type == "chunk" else []
    return [event, messages, event.snapshot.to_dict() if event.type == "chunk" else None]


def created(client: Any, model: str) -> Iterator[Any]:
    with client.chat.completions.create(model=model, messages=[], stream=True) as stream:
        yield from stream
        yield stream.response.is_closed


def streamed(client: Any, model: str, **more: Any) -> Iterator[Any]:
    with client.chat.completions.stream(model=model, messages=[], **more) as stream:
        for event in stream:
            yield state_of(event)
        yield stream.get_final_completion()


def read(items: Iterator[Any]) -> tuple[list[Any], str | None]:
    found = []
    try:
        for item in items:
            found.append(item)
    except Exception as error:
        return found, f"{type(error).__name__}: {error}"
    return found, None


def assert_same(one: tuple[list[Any], str | None], other: tuple[list[Any], str | None]) -> None:
    assert one[1] == other[1]
    assert difference(one[0], other[0]) is None


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("model", STREAMS)
def test_created_streams(clients: tuple[Any, Any], model: str) -> None:
    theirs, ours = clients
    for _ in range(2):
        assert_same(read(created(ours, model)), read(created(theirs, model)))


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("model", STREAMS)
def test_snapshots(clients: tuple[Any, Any], model: str) -> None:
    theirs, ours = clients
    for _ in range(2):
        assert_same(read(streamed(ours, model)), read(streamed(theirs, model)))


@pytest.mark.parametrize(
    "model", ["json", "calls", "text", "cut off", "refusal", "reasoning", "blank", "text and calls", "no JSON"]
)
@pytest.mark.parametrize(
    "more", [{"response_format": Weather}, {"tools": [TOOL]}, {"tools": [OTHER]}], ids=["format", "strict", "tools"]
)
def test_structured_output_and_tools(clients: tuple[Any, Any], model: str, more: dict[str, Any]) -> None:
    theirs, ours = clients
    for _ in range(3):  # the first streams prove what the others copy
        assert_same(read(streamed(ours, model, **more)), read(streamed(theirs, model, **more)))


def accumulated(state: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The chunks that the SDK adds to the completion itself."""
    seen: list[Any] = []
    accumulate = state._accumulate_chunk

    def watched(self: Any, chunk: Any) -> Any:
        seen.append(chunk)
        return accumulate(self, chunk)

    monkeypatch.setattr(state, "_accumulate_chunk", watched)
    return seen


@pytest.mark.parametrize(
    ("model", "more", "count"),
    [
        ("long", {}, 4),
        ("long", {"response_format": Weather}, 4),
        ("long reasoning", {}, 6),
        ("long calls", {"tools": [TOOL]}, 6),
    ],
)
def test_growing_texts_are_left_out(
    clients: tuple[Any, Any], model: str, more: Any, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK adds only the first and last chunks of a text."""
    theirs, ours = clients
    read(streamed(ours, model, **more))
    wanted = read(streamed(ours, model, **more))
    assert_same(wanted, read(streamed(theirs, model, **more)))
    seen = accumulated(ChatCompletionStreamState, monkeypatch)
    assert_same(read(streamed(ours, model, **more)), wanted)
    assert len(seen) <= count


def changed(client: Any, change: str) -> Iterator[Any]:
    """The events of a stream while the caller changes the snapshot."""
    with client.chat.completions.stream(model="long", messages=[]) as stream:
        for number, event in enumerate(stream):
            yield state_of(event)
            if event.type == "chunk" and number > 20 and event.snapshot.choices:
                message = event.snapshot.choices[0].message
                if change == "content":
                    message.content = "other "
                elif change == "role":
                    message.role = "user"
                elif change == "extra":
                    message.extra = "more"
                elif change == "nothing":
                    message.content = None
                elif change == "message":
                    event.snapshot.choices[0].message = message.model_copy()
                change = ""


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("change", ["content", "role", "extra", "nothing", "message"])
def test_snapshots_that_others_change(clients: tuple[Any, Any], change: str) -> None:
    theirs, ours = clients
    read(streamed(ours, "long"))
    assert_same(read(changed(ours, change)), read(changed(theirs, change)))


@pytest.mark.parametrize("model", ["text", "calls", "error"])
def test_async(url: str, model: str) -> None:
    async def run(*, fast: bool) -> tuple[list[Any], str | None]:
        found: list[Any] = []
        async with openai.AsyncOpenAI(**options(url)) as client:
            made: Any = accelerate(client) if fast else client
            try:
                async with await made.chat.completions.create(model=model, messages=[], stream=True) as stream:
                    async for event in stream:
                        found.append(event)
                async with made.chat.completions.stream(model=model, messages=[]) as stream:
                    async for event in stream:
                        found.append(state_of(event))
                    found.append(await stream.get_final_completion())
            except openai.APIError as error:
                return found, str(error)
        return found, None

    assert_same(asyncio.run(run(fast=True)), asyncio.run(run(fast=False)))


def test_chunks_are_built_natively(clients: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    _, ours = clients
    wanted = read(created(ours, "text"))
    assert chunk_plans().refused == {}
    sdk_type = type(chunk_plans().sdk.clients[0](api_key="none"))
    monkeypatch.setattr(
        sdk_type, "_process_response_data", lambda *_, **__: pytest.fail("built by the SDK"), raising=True
    )
    monkeypatch.setattr("respstream.integrations._streams._known", lambda *_: chunk_plans())
    assert_same(read(created(ours, "text")), wanted)


def test_other_ways_to_a_stream(clients: tuple[Any, Any]) -> None:
    theirs, ours = clients
    for way in ("with_raw_response", "with_streaming_response"):
        answers = []
        for client in (ours, theirs):
            made = getattr(client.chat.completions, way).create(model="text", messages=[], stream=True)
            if way == "with_raw_response":
                answers.append(read(iter(made.parse())))
            else:
                with made as response:
                    answers.append(read(iter(response.parse())))
        assert_same(*answers)
    copied = ours.with_options(timeout=5)
    assert type(copied.chat.completions.create(model="text", messages=[], stream=True)).__module__.startswith(
        "respstream"
    )


def test_azure(url: str) -> None:
    given: dict[str, Any] = {"api_key": "none", "base_url": url, "api_version": "2024-10-21", "max_retries": 0}
    with openai.AzureOpenAI(**given) as theirs, openai.AzureOpenAI(**given) as ours:
        assert_same(read(created(accelerate(ours), "text")), read(created(theirs, "text")))


@pytest.mark.parametrize("model", ["cut off", "filtered"])
def test_completions_that_were_cut_off(url: str, model: str) -> None:
    with openai.OpenAI(**options(url)) as client:
        accelerate(client, faithful=False)
        for more in ({}, {"response_format": Weather}):
            items, error = read(streamed(client, model, **more))
            assert error is None
            final = items[-1]
            assert final.choices[0].finish_reason == {"cut off": "length", "filtered": "content_filter"}[model]
            assert final.choices[0].message.content == {"cut off": '{"city":"Bo', "filtered": '{"city":"Ba'}[model]


@pytest.mark.parametrize("model", ["calls without index", "one index for all calls", "calls"])
def test_calls_are_told_apart(url: str, model: str) -> None:
    with openai.OpenAI(**options(url)) as client:
        items, error = read(streamed(accelerate(client, faithful=False), model))
    assert error is None
    calls = items[-1].choices[0].message.tool_calls
    wanted = {
        "calls without index": [("f", '{"a":1}'), ("g", "{}")],
        "one index for all calls": [("f", '{"a":1}'), ("g", "{}")],
        "calls": [("weather", '{"city":"B"}'), ("other", "{}")],
    }
    assert [(each.function.name, each.function.arguments) for each in calls] == wanted[model]
