"""Messages among other APIs through one interface: detection, the option `api`, the view, the accumulator, deltas."""

from __future__ import annotations

import copy
import json
import pickle
from random import Random
from types import ModuleType
from typing import Any

import pytest

import respstream
from tests.support import chat_streams, readings
from tests.support.messages_streams import (
    HI,
    STOP,
    Json,
    block,
    delta,
    end,
    jsonl,
    message,
    part,
    sse,
    start,
    stop,
    stream,
    text,
    thinking,
    tool,
)  # fmt: skip

RESPONSES: list[Json] = [
    {"type": "response.created", "response": {"id": "r", "object": "response", "status": "in_progress", "output": []}},
    {"type": "response.completed", "response": {"id": "r", "object": "response", "status": "completed", "output": []}},
]
CHAT: list[Json] = [chat_streams.chunk("Hi", role="assistant"), chat_streams.chunk(finish="stop"), chat_streams.usage()]
OVERLOADED: Json = {"type": "error", "error": {"type": "overloaded_error", "message": "later"}, "request_id": "req_1"}
ITEM: Json = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}


def mixed() -> bytes:
    """A log of all APIs, in both formats."""
    each = [sse(RESPONSES), chat_streams.sse(CHAT), sse(HI), jsonl(HI), chat_streams.jsonl(CHAT), jsonl(RESPONSES)]
    return b"".join(each)


def read(backend: ModuleType, data: bytes, **options: Any) -> Any:
    """The decoder at the end of a source, and its events."""
    decoder = backend.Decoder(**options)
    return decoder, [*decoder.feed(data), *decoder.finish()]


def only(backend: ModuleType, data: bytes) -> Any:
    """The only response of a source."""
    decoder, _ = read(backend, data)
    (response,) = decoder.responses
    return response


def test_mixed_log(backend: ModuleType) -> None:
    decoder, events = read(backend, mixed())
    assert [(r.api, r.status, r.output_text) for r in decoder.responses] == [
        ("responses", "completed", ""),
        ("chat", "completed", "Hi"),
        ("messages", "completed", "Hi you"),
        ("messages", "completed", "Hi you"),
        ("chat", "completed", "Hi"),
        ("responses", "completed", ""),
    ]
    assert [event.api for event in events].count("messages") == 2 * len(HI)
    assert readings.codes(decoder.diagnostics) == []


def test_mixed_log_split_anywhere(backend: ModuleType) -> None:
    whole = readings.read(backend, mixed())
    for cut in range(0, len(mixed()), 17):
        assert readings.read(backend, mixed(), [cut]) == whole


@pytest.mark.parametrize("payload", [{"type": "ping"}, {"type": "surprise", "a": 1}, OVERLOADED])
def test_payloads_of_no_api_belong_to_the_open_message(backend: ModuleType, payload: Json) -> None:
    decoder, events = read(backend, sse([*HI[:3], payload]))
    (response,) = decoder.responses
    assert (events[-1].type, events[-1].api, response.events) == (payload["type"], "messages", 4)


def test_an_error_ends_the_message(backend: ModuleType) -> None:
    response = only(backend, sse([*HI[:3], OVERLOADED]))
    assert (response.status, response.complete, response.terminal) == ("failed", True, "error")
    assert (response.error.type, response.error.message, response.error.request_id) == (
        "overloaded_error",
        "later",
        "req_1",
    )
    assert response.output_text == "Hi"
    decoder, _ = read(backend, sse([*HI[:3], OVERLOADED, *HI]))
    assert [one.status for one in decoder.responses] == ["failed", "completed"]


@pytest.mark.parametrize("event", [end(), STOP, stop()], ids=lambda event: str(event["type"]))
def test_ends_never_begin_a_message(backend: ModuleType, event: Json) -> None:
    decoder, events = read(backend, sse([event, {"type": "ping"}]))
    assert (len(events), decoder.responses) == (2, [])
    decoder, _ = read(backend, sse([*HI, event]))
    assert len(decoder.responses) == 1
    assert readings.codes(decoder.diagnostics) == ["after_terminal"]


@pytest.mark.parametrize("event", [block(0, "text", text="Hi"), text("Hi")], ids=lambda event: str(event["type"]))
def test_blocks_begin_a_message(backend: ModuleType, event: Json) -> None:
    decoder, _ = read(backend, sse([*HI, event]))
    assert [one.output_text for one in decoder.responses] == ["Hi you", "Hi"]
    assert "no_created" in readings.codes(decoder.diagnostics)


# -- the option ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["responses", "chat", "messages"])
def test_fixed_api(backend: ModuleType, api: str) -> None:
    decoder, events = read(backend, mixed(), api=api)
    assert [response.api for response in decoder.responses] == [api] * 2
    assert {event.api for event in events} == {api}


@pytest.mark.parametrize(
    ("data", "name"), [(chat_streams.sse(CHAT), "Chat Completions"), (sse(RESPONSES), "Responses")]
)
def test_other_apis_are_foreign(backend: ModuleType, data: bytes, name: str) -> None:
    decoder, _ = read(backend, data, api="messages")
    assert decoder.responses == []
    assert [(one.code, one.detail) for one in decoder.diagnostics] == [("foreign_stream", {"protocol": name})]


def test_messages_are_foreign_to_responses(backend: ModuleType) -> None:
    decoder, events = read(backend, sse(HI), api="responses")
    assert {type(event).__name__ for event in events} == {"UnknownEvent"}
    assert readings.codes(decoder.diagnostics) == ["foreign_stream"]


def test_items_of_responses_are_no_messages(backend: ModuleType) -> None:
    decoder, _ = read(backend, jsonl([ITEM]))
    assert decoder.responses == []


# -- the view --------------------------------------------------------------------------------------------------------


def test_view(backend: ModuleType) -> None:
    events = [
        start(),
        block(0, "thinking", thinking="", signature=""),
        thinking("Hm"),
        delta(0, "signature_delta", signature="s"),
        stop(),
        block(1, "text", text=""),
        text("Hi", 1),
        stop(1),
        tool(2, name="f"),
        part('{"a":', 2),
        part(" 1}", 2),
        stop(2),
        tool(3, "t2", "web_search", "server_tool_use", input={"q": "x"}),
        stop(3),
        end("tool_use", {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}}),
        STOP,
    ]
    response = only(backend, sse(events))
    assert (response.api, response.id, response.model, response.status) == ("messages", "m1", "m", "completed")
    assert (response.finish_reason, response.output_text, response.reasoning_text) == ("tool_use", "Hi", "Hm")
    assert (response.refusal, response.error, response.complete, response.incomplete_reason) == (None, None, True, None)
    assert [call.to_dict() for call in response.tool_calls] == [
        {"type": "tool_use", "call_id": "t1", "name": "f", "arguments": '{"a": 1}'}
    ]
    assert response.tool_calls[0].parsed_arguments() == {"a": 1}
    tokens = response.usage
    assert (tokens.input_tokens, tokens.output_tokens, tokens.total_tokens) == (3, 9, 15)
    assert (tokens.cached_tokens, tokens.reasoning_tokens, tokens.cache_creation_input_tokens) == (2, 4, 1)
    assert tokens.service_tier is None
    assert [type(one).__name__ for one in response.content] == [
        "ThinkingBlock",
        "TextBlock",
        "ToolUseBlock",
        "ServerToolUseBlock",
    ]
    assert (response.content[2].input, response.content[1].citations) == ({"a": 1}, None)
    assert (response.container, response.role, response.stop_reason) == (None, "assistant", "tool_use")
    assert (response.output, response.reasoning_summary) == ([], "")
    with pytest.raises(AttributeError):
        _ = response.surprise


@pytest.mark.parametrize(
    ("reason", "status", "incomplete"),
    [
        ("end_turn", "completed", None),
        ("stop_sequence", "completed", None),
        ("pause_turn", "completed", None),
        ("max_tokens", "incomplete", "max_tokens"),
        ("refusal", "incomplete", "refusal"),
        ("model_context_window_exceeded", "incomplete", "model_context_window_exceeded"),
        ("brand_new", "completed", None),
        (None, "completed", None),
    ],
)
def test_stop_reasons(backend: ModuleType, reason: Any, status: str, incomplete: str | None) -> None:
    response = only(backend, sse([*HI[:-2], end(reason), STOP]))
    assert (response.finish_reason, response.status, response.incomplete_reason) == (reason, status, incomplete)


@pytest.mark.parametrize(
    ("counts", "total"),
    [
        ({"input_tokens": 3, "output_tokens": 5}, 8),
        ({"input_tokens": 3, "output_tokens": 5, "cache_read_input_tokens": None}, 8),
        ({"input_tokens": 3, "output_tokens": 5, "total_tokens": 9}, 9),
        ({"input_tokens": 3}, None),
        ({"input_tokens": "3", "output_tokens": 5}, None),
        ({"input_tokens": 3, "output_tokens": 5, "cache_read_input_tokens": "x"}, None),
    ],
)
def test_total_of_the_tokens(backend: ModuleType, counts: Json, total: int | None) -> None:
    response = only(backend, sse([start(usage=counts), STOP]))
    assert response.usage.total_tokens == total
    assert pickle.loads(pickle.dumps(response)).usage.total_tokens == total


def raw(usage: bytes) -> bytes:
    """A message whose usage is this JSON."""
    return sse([start(usage={"x": 0}), STOP]).replace(b'{"x": 0}', usage)


@pytest.mark.parametrize(
    "usage",
    [
        b'{"input_tokens":3,"output_tokens":5,"service_tier":"standard","speed":null}',
        b'{"output_tokens":5,"input_tokens":3,"input_tokens":4,"new":[1,{"a":2}]}',
        b'{"input\\u005ftokens":3,"output_tokens":99999999999999999999}',
        b'{"service_tier":"\xff","inference_geo":"\\ud83d","input_tokens":-0}',
        b'{"cache_creation":{"ephemeral_1h_input_tokens":1},"iterations":[{"type":"message"}],"output_tokens":1.5}',
        b'{"output_tokens":"' + b"x" * 5000 + b'"}',
        b"{}", b"null", b"[]", b'"x"', b"7",
    ],
)  # fmt: skip
def test_usage_of_any_kind(backends: tuple[ModuleType, ModuleType], usage: bytes) -> None:
    one, other = (only(backend, raw(usage)) for backend in backends)
    for found, wanted in ((one.usage, other.usage), (one.get("usage"), other.get("usage"))):
        assert (type(found), found, repr(found)) == (type(wanted), wanted, repr(wanted))
    names = (*respstream.types.messages.Usage.__slots__, "total_tokens", "cached_tokens", "reasoning_tokens", "new")
    if isinstance(one.usage, respstream.types.messages.Usage):
        for name in names:
            assert repr(getattr(one.usage, name, "none")) == repr(getattr(other.usage, name, "none")), name
        assert pickle.loads(pickle.dumps(one.usage)) == other.usage


def test_calls_while_they_stream(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    decoder.feed(sse([start(), tool(0)]))
    (call,) = decoder.response.tool_calls
    assert (call.arguments, call.partial_arguments()) == (None, None)
    seen = []
    for piece in ('{"a"', ": [1", ", 2], ", '"b": "x', '"}'):
        decoder.feed(sse([part(piece)]))
        seen.append(copy.deepcopy(call.partial_arguments()))
    assert seen == [{}, {"a": []}, {"a": [1, 2]}, {"a": [1, 2], "b": "x"}, {"a": [1, 2], "b": "x"}]
    decoder.feed(sse([stop(), tool(1, "t2", input={"c": 3}), stop(1)]))
    assert [one.arguments for one in decoder.response.tool_calls] == ['{"a": [1, 2], "b": "x"}', '{"c":3}']


def test_message_that_was_not_streamed(backend: ModuleType) -> None:
    whole = message(content=[{"type": "text", "text": "Hi"}], stop_reason="end_turn")
    decoder, events = read(backend, json.dumps(whole).encode())
    (response,) = decoder.responses
    assert events == []
    assert (response.api, response.output_text, response.finish_reason, response.complete) == (
        "messages",
        "Hi",
        "end_turn",
        True,
    )
    assert response.to_dict() == whole


def test_messages_are_values(backend: ModuleType) -> None:
    response = only(backend, sse(HI))
    for same in (copy.copy(response), pickle.loads(pickle.dumps(response))):
        assert same == response
        assert (same.api, same.finish_reason, same.usage.input_tokens) == ("messages", "end_turn", 3)
        assert isinstance(same, respstream.Response)
    assert repr(response) == "Response(api='messages', id='m1', status='completed', output_text='Hi you')"


# -- messages, the accumulator, deltas -------------------------------------------------------------------------------


BODY = {"type": "error", "error": {"type": "overloaded_error", "message": "later"}, "request_id": "req_1"}


@pytest.mark.parametrize("write", [sse, jsonl], ids=["sse", "jsonl"])
def test_error_alone(backend: ModuleType, write: Any) -> None:
    """An error of this API, in a stream or as the body of an answer, is of this API if no response is open."""
    response = only(backend, write([BODY]))
    assert (response.api, response.status, response.error.type) == ("messages", "failed", "overloaded_error")
    batch = {"custom_id": "a", "result": {"type": "errored", "error": BODY}}
    response = only(backend, jsonl([batch]))
    assert (response.api, response.status) == ("messages", "failed")


@pytest.mark.parametrize(
    "error",
    [
        {**BODY, "sequence_number": 3},
        {**BODY, "error": {"type": "server_error", "code": "x", "message": "m"}},
        {**BODY, "error": {"type": "server_error", "param": None, "message": "m"}},
        {**BODY, "error": {"type": "usage_limit_reached", "message": "m"}},
        {"type": "error", "code": "x", "message": "m"},
        {"type": "error", "error": "x"},
    ],
)
def test_errors_of_other_apis(backend: ModuleType, error: Json) -> None:
    assert only(backend, sse([error])).api == "responses"
    decoder, _ = read(backend, sse([*RESPONSES[:1], BODY]))
    assert [one.api for one in decoder.responses] == ["responses"]
    decoder, _ = read(backend, sse([*HI, *RESPONSES[:1], error]))
    assert [one.api for one in decoder.responses] == ["messages", "responses"]


def test_payloads_as_messages(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    for payload in (*HI, *HI):
        decoder.message(json.dumps(payload))
    assert [one.output_text for one in decoder.responses] == ["Hi you"] * 2


@pytest.mark.parametrize("kind", ["dicts", "ours", "sdk"])
def test_accumulator(api: Any, kind: str) -> None:
    from anthropic.types import RawMessageStreamEvent
    from pydantic import TypeAdapter

    adapter: Any = TypeAdapter(RawMessageStreamEvent)
    makes: dict[str, Any] = {
        "dicts": lambda: HI,
        "ours": lambda: api.events(sse(HI)),
        "sdk": lambda: map(adapter.validate_python, HI),
    }
    accumulator = api.Accumulator()
    for event in makes[kind]():
        accumulator.add(event)
    (expected,) = api.responses(sse(HI))
    assert accumulator.response.to_dict() == expected.to_dict()
    assert (accumulator.response.api, accumulator.response.status) == ("messages", "completed")


def test_deltas(api: Any) -> None:
    events = [
        start(), block(0, "thinking", thinking="H"), thinking("m"), stop(), block(1, "text", text=""), text("Hi", 1), text("", 1),
        stop(1), tool(2), part("{", 2), part("}", 2), stop(2), tool(3, "t2", "g", input={"a": 1}), stop(3),
        tool(4, "t3", "s", "server_tool_use"), part("{}", 4), stop(4), end(), STOP,
    ]  # fmt: skip
    assert [tuple(one) for one in api.deltas(sse(events))] == [
        ("reasoning", "H", 0, 0, None, None, "m1", "messages"),
        ("reasoning", "m", 0, 0, None, None, "m1", "messages"),
        ("text", "Hi", 0, 1, None, None, "m1", "messages"),
        ("tool_arguments", "{", 0, 2, "t1", "f", "m1", "messages"),
        ("tool_arguments", "}", 0, 2, "t1", "f", "m1", "messages"),
        ("tool_arguments", '{"a":1}', 0, 3, "t2", "g", "m1", "messages"),
    ]
    whole = message(content=[{"type": "text", "text": "Hi"}, tool(0, input={"a": 1})["content_block"]])
    assert [(one.kind, one.text) for one in api.deltas(jsonl([whole]))] == [
        ("text", "Hi"),
        ("tool_arguments", '{"a":1}'),
    ]
    assert {one.api for one in api.deltas(mixed())} == {"chat", "messages"}


def test_halves_of_characters(api: Any) -> None:
    body = sse(
        [start(), block(0, "text", text=""), text("a\ud83d"), text("\ude00b"), text("\ud83d"), stop(), end(), STOP]
    )
    assert "".join(one.text for one in api.deltas(body)) == "a😀b\ufffd"
    (response,) = api.responses(body)
    assert response.output_text == "a😀b\ufffd"


async def _collect(source: Any) -> list[Any]:
    return [one async for one in source]


def test_asynchronous(api: Any) -> None:
    import asyncio

    async def chunks() -> Any:
        for at in range(0, len(sse(HI)), 50):
            yield sse(HI)[at : at + 50]

    events = asyncio.run(_collect(api.aevents(chunks())))
    assert [event.type for event in events] == [event["type"] for event in HI]
    assert "".join(one.text for one in asyncio.run(_collect(api.adeltas(chunks())))) == "Hi you"


def test_random_streams_one_answer(api: Any) -> None:
    """Deltas, responses and the accumulator have the same texts."""
    for number in range(40):
        made = stream(Random(number), number)
        body = sse(made.events)
        (response,) = api.responses(body)
        accumulator = api.Accumulator()
        for event in made.events:
            accumulator.add(event)
        assert accumulator.response.to_dict() == response.to_dict()
        for kind, expected in (("text", response.output_text), ("reasoning", response.reasoning_text)):
            assert "".join(one.text for one in api.deltas(body) if one.kind == kind) == expected
