"""Several APIs through one interface: detection, sources that mix APIs, the option `api`, and the view of every response."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import respstream
from tests.support import readings
from tests.support.chat_streams import Json, call, chunk, jsonl, of, sse, usage
from tests.support.paths import TRANSCRIPTS

RESPONSE: Json = {"id": "r", "object": "response", "status": "in_progress", "model": "m", "output": []}
TEXT: Json = {"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
RESPONSES: list[Json] = [
    {"type": "response.created", "response": RESPONSE},
    {"type": "response.output_item.added", "output_index": 0, "item": {**TEXT, "content": []}},
    {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "Hi"},
    {
        "type": "response.completed",
        "response": {
            **RESPONSE,
            "status": "completed",
            "output": [TEXT],
            "usage": {
                "input_tokens": 3,
                "output_tokens": 5,
                "total_tokens": 8,
                "input_tokens_details": {"cached_tokens": 2},
                "output_tokens_details": {"reasoning_tokens": 1},
            },
        },
    },
]
CHAT: list[Json] = [chunk("Hi", role="assistant"), chunk(" you"), chunk(finish="stop"), usage()]
ERROR: Json = {"type": "error", "code": "overloaded", "message": "later"}


def mixed() -> bytes:
    """A log of both APIs, in both formats."""
    return sse(RESPONSES, done=False) + sse(CHAT) + jsonl(RESPONSES) + jsonl(CHAT)


def read(backend: ModuleType, data: bytes, **options: Any) -> Any:
    """The decoder at the end of a source, and its events."""
    decoder = backend.Decoder(**options)
    return decoder, [*decoder.feed(data), *decoder.finish()]


def test_mixed_log(backend: ModuleType) -> None:
    decoder, events = read(backend, mixed())
    assert [event.api for event in events] == (["responses"] * 4 + ["chat"] * 4) * 2
    assert {event.type for event in events if event.api == "chat"} == {"chat.completion.chunk"}
    assert [(r.api, r.status, r.output_text) for r in decoder.responses] == [
        ("responses", "completed", "Hi"),
        ("chat", "completed", "Hi you"),
    ] * 2
    assert readings.codes(decoder.diagnostics) == []


def test_mixed_log_split_anywhere(backend: ModuleType) -> None:
    whole = readings.read(backend, mixed())
    for cut in range(0, len(mixed()), 7):
        assert readings.read(backend, mixed(), [cut]) == whole


def test_an_api_ends_the_response_of_another(backend: ModuleType) -> None:
    decoder, _ = read(backend, sse(RESPONSES[:3], done=False) + sse(CHAT[:2], done=False) + sse(RESPONSES, done=False))
    assert [(r.api, r.output_text, r.complete) for r in decoder.responses] == [
        ("responses", "Hi", False),
        ("chat", "Hi you", False),
        ("responses", "Hi", True),
    ]
    assert readings.codes(decoder.diagnostics) == ["no_terminal", "no_terminal"]


@pytest.mark.parametrize(("before", "api"), [(RESPONSES[:3], "responses"), (CHAT[:2], "chat")])
@pytest.mark.parametrize("payload", [{"type": "keepalive"}, {"type": "ping"}, {"type": "surprise", "a": 1}])
def test_payloads_of_no_api_belong_to_the_open_response(
    backend: ModuleType, before: list[Json], api: str, payload: Json
) -> None:
    _, events = read(backend, sse([*before, payload], done=False))
    assert events[-1].type == payload["type"]
    assert events[-1].api == api


@pytest.mark.parametrize(("before", "api"), [(RESPONSES[:3], "responses"), (CHAT[:2], "chat")])
@pytest.mark.parametrize("payload", [ERROR, {"error": {"code": "overloaded", "message": "later"}}])
def test_error_of_the_open_response(backend: ModuleType, before: list[Json], api: str, payload: Json) -> None:
    decoder, _ = read(backend, sse([*before, payload], done=False))
    (response,) = decoder.responses
    assert (response.api, response.error.code, response.error.message) == (api, "overloaded", "later")


def test_lanes_have_their_own_api(backend: ModuleType) -> None:
    """A payload that no API claims belongs to that of its lane, not to the latest one of the source."""
    rows = [
        {"lane": "x", "data": "".join(sse(RESPONSES[:3], done=False).decode())},
        {"lane": "y", "data": sse(CHAT[:2], done=False).decode()},
        {"lane": "x", "data": sse([ERROR], done=False).decode()},
    ]
    decoder, _ = read(backend, jsonl(rows), form="rows")
    assert [(r.api, r.stream_id, r.error is None) for r in decoder.responses] == [
        ("responses", "x", False),
        ("chat", "y", True),
    ]


# -- the option ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("api", "kept"), [("responses", ["responses"] * 2), ("chat", ["chat"] * 2)])
def test_fixed_api(backend: ModuleType, api: str, kept: list[str]) -> None:
    decoder, events = read(backend, mixed(), api=api)
    assert [response.api for response in decoder.responses] == kept
    assert {event.api for event in events} == {api}


def test_chat_is_foreign_to_responses(backend: ModuleType) -> None:
    decoder, events = read(backend, sse(CHAT), api="responses")
    assert events == []
    assert readings.codes(decoder.diagnostics) == ["foreign_stream"]


@pytest.mark.parametrize("value", ["Messages", "Chat", "", "openai"])
def test_wrong_value(api: Any, tmp_path: Path, value: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: api.Decoder(api=value),
        lambda: api.events(b"", api=value),
        lambda: api.responses(b"", api=value),
        lambda: api.deltas(b"", api=value),
        lambda: api.aevents(b"", api=value),
        lambda: api.aresponses(b"", api=value),
        lambda: api.adeltas(b"", api=value),
        lambda: api.scan(tmp_path, api=value),
    ]
    for one in calls:
        with pytest.raises(ValueError, match=r"api must be one of auto, responses, chat, messages, not"):
            one()


def test_value_of_a_wrong_type(api: Any) -> None:
    with pytest.raises(TypeError):
        api.Decoder(api=1)
    with pytest.raises(TypeError):
        api.events(b"", api=None)


def test_other_apis_are_foreign(backend: ModuleType) -> None:
    for kind in ("session.created", "thread.run.created"):
        decoder, events = read(backend, sse([{"type": kind}], done=False))
        assert [type(event).__name__ for event in events] == ["UnknownEvent"]
        assert readings.codes(decoder.diagnostics) == ["foreign_stream"]


# -- the view --------------------------------------------------------------------------------------------------------


def only(backend: ModuleType, data: bytes) -> Any:
    """The only response of a source."""
    decoder, _ = read(backend, data)
    (response,) = decoder.responses
    return response


def test_view_of_responses(backend: ModuleType) -> None:
    response = only(backend, sse(RESPONSES, done=False))
    assert (response.api, response.id, response.model, response.status) == ("responses", "r", "m", "completed")
    assert (response.finish_reason, response.output_text, response.complete) == ("completed", "Hi", True)
    assert response.output[0].type == "message"
    tokens = response.usage
    assert (tokens.input_tokens, tokens.output_tokens, tokens.total_tokens) == (3, 5, 8)
    assert (tokens.cached_tokens, tokens.reasoning_tokens) == (2, 1)
    cut = only(backend, sse(RESPONSES[:3], done=False))
    assert (cut.finish_reason, cut.usage) == (None, None)
    details = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    end = {"type": "response.incomplete", "response": {**RESPONSE, **details}}
    assert only(backend, sse([RESPONSES[0], end], done=False)).finish_reason == "max_output_tokens"


def test_view_of_chat(backend: ModuleType) -> None:
    counts = {
        "prompt_tokens": 3,
        "completion_tokens": 5,
        "total_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    chunks = [
        chunk("", role="assistant", reasoning_content="Hm"),
        chunk("Hi"),
        chunk(tool_calls=[call("{}", ident="t1", name="f")]),
        chunk(finish="tool_calls"),
        of(usage=counts),
    ]
    response = only(backend, sse(chunks))
    assert (response.api, response.id, response.model, response.status) == ("chat", "c1", "m", "completed")
    assert (response.finish_reason, response.output_text, response.reasoning_text) == ("tool_calls", "Hi", "Hm")
    assert (response.refusal, response.error, response.complete, response.incomplete_reason) == (None, None, True, None)
    (found,) = response.tool_calls
    assert (found.call_id, found.name, found.parsed_arguments()) == ("t1", "f", {})
    tokens = response.usage
    assert (tokens.input_tokens, tokens.output_tokens, tokens.total_tokens) == (3, 5, 8)
    assert (tokens.cached_tokens, tokens.reasoning_tokens, tokens.prompt_tokens) == (2, 1, 3)
    assert response.choices[0].message.content == "Hi"
    assert response.object == "chat.completion"
    assert (response.output, response.reasoning_summary) == ([], "")
    assert response.latency.duration is None
    with pytest.raises(AttributeError):
        _ = response.surprise


@pytest.mark.parametrize(
    ("finish", "status", "incomplete"),
    [
        ("stop", "completed", None),
        ("function_call", "completed", None),
        ("length", "incomplete", "length"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
def test_finish_reasons_of_chat(backend: ModuleType, finish: str, status: str, incomplete: str | None) -> None:
    response = only(backend, sse([chunk("Hi"), chunk(finish=finish)]))
    assert (response.finish_reason, response.status, response.incomplete_reason) == (finish, status, incomplete)


def test_finish_reason_is_that_of_choice_0(backend: ModuleType) -> None:
    chunks = [chunk("b", index=1, finish="length"), chunk("a", finish="stop")]
    response = only(backend, sse(chunks))
    assert (response.finish_reason, response.status, response.output_text) == ("stop", "completed", "a")


def test_token_names_of_servers(backend: ModuleType) -> None:
    counts = {
        "prompt_tokens": 3,
        "completion_tokens": 5,
        "total_tokens": 8,
        "prompt_cache_hit_tokens": 1,
        "reasoning_tokens": 4,
    }
    tokens = only(backend, sse([chunk("Hi", finish="stop"), of(usage=counts)])).usage
    assert (tokens.cached_tokens, tokens.reasoning_tokens) == (1, 4)


def test_non_streamed_completion(backend: ModuleType) -> None:
    whole = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
    decoder, events = read(backend, json.dumps(whole).encode())
    (response,) = decoder.responses
    assert events == []
    assert (response.api, response.output_text, response.finish_reason, response.complete) == (
        "chat",
        "Hi",
        "stop",
        True,
    )
    assert response.to_dict() == whole


def test_responses_are_values(backend: ModuleType) -> None:
    response = only(backend, sse(CHAT))
    for same in (copy.copy(response), pickle.loads(pickle.dumps(response))):
        assert same == response
        assert (same.api, same.finish_reason, same.usage.input_tokens) == ("chat", "stop", 3)
        assert isinstance(same, respstream.Response)
    assert repr(response) == "Response(api='chat', id='c1', status='completed', output_text='Hi you')"


# -- messages and the accumulator ------------------------------------------------------------------------------------


def test_messages(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    for payload in (*RESPONSES, *CHAT, "[DONE]"):
        decoder.message(payload if isinstance(payload, str) else json.dumps(payload))
    assert [(r.api, r.output_text, r.complete) for r in decoder.responses] == [
        ("responses", "Hi", True),
        ("chat", "Hi you", True),
    ]


def sdk_chunks() -> list[Any]:
    from openai.types.chat import ChatCompletionChunk

    return [ChatCompletionChunk.model_validate(one) for one in CHAT]


@pytest.mark.parametrize("kind", ["dicts", "ours", "sdk"])
def test_accumulator(api: Any, kind: str) -> None:
    events = {"dicts": lambda: CHAT, "ours": lambda: api.events(sse(CHAT)), "sdk": sdk_chunks}[kind]()
    accumulator = api.Accumulator()
    for event in events:
        accumulator.add(event)
    (expected,) = api.responses(sse(CHAT))
    assert accumulator.response.to_dict() == expected.to_dict()
    assert (accumulator.response.api, accumulator.response.status) == ("chat", "completed")


def test_accumulator_of_both_apis(api: Any) -> None:
    accumulator = api.Accumulator()
    for event in (*RESPONSES, *CHAT):
        accumulator.add(event)
    assert [response.output_text for response in accumulator.responses] == ["Hi", "Hi you"]


def test_transcripts_are_of_the_responses_api(api: Any) -> None:
    for path in TRANSCRIPTS.glob("*.*l"):
        assert {response.api for response in api.responses(path)} == {"responses"}


def test_payload_precedes_name_of_event_line(backend: ModuleType) -> None:
    """The line only decides where the payload has no mark of an API; also for chunks that repeat one another."""
    chunks = [chunk(text) for text in "abc"]
    data = b"".join(b"event: response.x\n" + sse([one], done=False) for one in [*chunks, {"x": 1}])
    decoder, events = read(backend, sse(chunks[:1], done=False) + data)
    assert [event.type for event in events] == ["chat.completion.chunk"] * 4 + ["response.x"]
    assert decoder.response.output_text == "aabc"


def test_events_without_marks_are_of_the_api_of_the_last_event(backend: ModuleType) -> None:
    """Also after a chunk that repeats an earlier one, which the native backend recognises without classifying it."""
    message = {"type": "message", "id": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 1}}
    of_lanes: list[tuple[str, Json]] = [
        *(("a", chunk(text)) for text in ("a", "b", "c")),
        ("b", {"type": "message_start", "message": message}),
        ("b", {"type": "message_stop"}),
        ("a", chunk("d")),
        ("c", {"type": "strange"}),
    ]
    rows = (json.dumps({"lane": lane, "data": json.dumps(payload)}) for lane, payload in of_lanes)
    source = "".join(f"{row}\n" for row in rows).encode()
    _, events = read(backend, source)
    assert [event.api for event in events] == ["chat"] * 3 + ["messages"] * 2 + ["chat"] * 2
