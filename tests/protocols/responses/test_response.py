"""`Response` as users see it: members, texts, calls, errors, and a view that follows the stream while it runs."""

from __future__ import annotations

import copy
import json
import pickle
from types import ModuleType
from typing import Any

import pytest

from respstream import Payload, Response, ToolCall
from respstream.protocols.response import ResponseError
from tests.support.fold_cases import CREATED, MSG, PART, end, ev, fn, msg, txt
from tests.support.paths import TRANSCRIPTS

CONVERSATION = (TRANSCRIPTS / "conversation.sse").read_bytes()
FACTS = "id status model output usage output_text refusal reasoning_text complete terminal stream_index events offset diagnostics".split()
FINAL = end(
    msg(txt("Hello")),
    fn('{"city":"Paris"}'),
    model="gpt-x",
    usage={"input_tokens": 3, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 1}},
    metadata={"k": "v"},
    keys="a member that a method hides",
)


def folded(backend: ModuleType, *events: Any) -> Any:
    """The response of the events, as an object whose members are not checked."""
    decoder = backend.Decoder()
    for event in events:
        decoder.feed(json.dumps(event).encode() + b"\n")
    assert isinstance(decoder.response, Response)
    return decoder.response


def test_members(backend: ModuleType) -> None:
    response = folded(backend, CREATED, FINAL)
    assert (response.id, response.status, response.model) == ("r", "completed", "gpt-x")
    assert response.usage.output_tokens == 7
    assert response.usage.output_tokens_details.reasoning_tokens == 1
    assert response["usage"]["input_tokens"] == 3
    assert response.metadata.k == "v"
    assert isinstance(response.usage, Payload)
    assert response.output[0].content[0].text == "Hello"
    assert "usage" in response
    assert "nothing" not in response
    assert list(response) == list(response.keys()) == list(FINAL["response"])
    assert response.get("nothing") is None
    assert response.get("nothing", 5) == 5
    assert response["keys"] == "a member that a method hides"
    assert callable(response.keys)


@pytest.mark.parametrize(
    "usage",
    [
        '{"output_tokens":7}',
        '{"output_tokens":-0}',
        '{"output_tokens":1,"output_tokens":2}',
        '{"output_tokens":1,"output\\u005ftokens":2}',
        '{ "output_tokens" : 12345678901234567890123 }',
        '{"output_tokens":1.0}',
        '{"output_tokens":"seven"}',
        '{"output_tokens":null}',
        '{"output_tokens":{"text":7}}',
        '{"output_tokens":[true]}',
        '{"output_tokens":7,"much":"' + "x" * 5000 + '"}',
        "{}",
        '{"type":"usage"}',
    ],
)
def test_counts_are_ordinary_members(backend: ModuleType, usage: str) -> None:
    """The compiled backend locates these members by a separate path; values must match those of `json`."""
    decoder = backend.Decoder()
    decoder.feed(f'{{"type":"response.completed","response":{{"id":"r","usage":{usage}}}}}\n'.encode())
    found, expected = decoder.response.usage, json.loads(usage)
    for _ in range(2):  # the second time it is known
        if "output_tokens" not in expected:
            assert found.output_tokens is None
            assert "output_tokens" not in found
            continue
        assert found.output_tokens == expected["output_tokens"]
        assert type(found["output_tokens"]) is (Payload if "{" in usage[1:] else type(expected["output_tokens"]))
    assert Payload(expected).get("output_tokens") == expected.get("output_tokens")
    assert copy.copy(found) == pickle.loads(pickle.dumps(found)) == expected


def test_counts_are_not_class_attributes(backend: ModuleType) -> None:
    assert folded(backend, CREATED, FINAL).usage.input_tokens == 3
    assert not hasattr(Payload, "output_tokens")
    with pytest.raises(AttributeError, match="'Payload' has no attribute 'output_tokens'"):
        Payload.output_tokens  # type: ignore[attr-defined]  # noqa: B018


def test_missing_members_of_usage(backend: ModuleType) -> None:
    """What the SDK declares is None; the names of Chat Completions are also those of the Responses API."""
    chat = {
        "prompt_tokens": 11,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    for _ in range(2):
        usage = folded(backend, CREATED, end(usage=chat)).usage
        assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (11, 5, None)
        assert (usage.prompt_tokens, usage.to_dict(), "input_tokens" in usage) == (11, chat, False)
        assert usage.input_tokens_details.cached_tokens == 4
        assert usage.input_tokens_details.cache_write_tokens is None
        assert usage.output_tokens_details.reasoning_tokens == 2
        with pytest.raises(KeyError):
            usage["input_tokens"]
    usage = folded(
        backend, CREATED, end(usage={"input_tokens": 0, "prompt_tokens": 9, "output_tokens_details": {}})
    ).usage
    for copied in (usage, copy.deepcopy(usage), pickle.loads(pickle.dumps(usage))):
        assert (copied.input_tokens, copied.input_tokens_details, copied.output_tokens) == (0, None, None)
        assert copied.output_tokens_details.reasoning_tokens is None
        with pytest.raises(AttributeError, match="this object has no member 'tokens'"):
            copied.tokens  # noqa: B018
    details = folded(backend, CREATED, end(incomplete_details={}, error={"message": "m"})).incomplete_details
    assert details.reason is None
    event, *_ = backend.Decoder().feed(b'{"type":"response.created","response":{"usage":{}}}\n')
    assert (event.response.usage.input_tokens, event.response.model) == (None, None)


def test_missing_members(backend: ModuleType) -> None:
    response = folded(backend, CREATED)
    assert response.instructions is None
    with pytest.raises(AttributeError, match="instruction_"):
        response.instruction_  # noqa: B018
    with pytest.raises(KeyError):
        response["instructions"]
    assert (response.model, response.usage, response.error, response.incomplete_reason) == (None, None, None, None)


def test_response_grows(backend: ModuleType) -> None:
    """One object, which always shows the latest state."""
    decoder = backend.Decoder()
    seen = []
    events = [CREATED, MSG, PART, *(ev("output_text.delta", delta=d) for d in ("He", "llo")), FINAL]
    response = None
    for event in events:
        decoder.feed(json.dumps(event).encode() + b"\n")
        response = response or decoder.response
        assert decoder.response is response
        assert decoder.responses == [response]
        seen.append((response.output_text, response.status, len(response.output), response.get("model")))
    assert seen == [
        ("", "in_progress", 0, None),
        ("", "in_progress", 1, None),
        ("", "in_progress", 1, None),
        ("He", "in_progress", 1, None),
        ("Hello", "in_progress", 1, None),
        ("Hello", "completed", 2, "gpt-x"),
    ]


def test_values_are_created_once_per_version(backend: ModuleType) -> None:
    """A value stays the same object until the next event, and is then created again."""
    decoder = backend.Decoder(form="jsonl")

    def feed(event: Any) -> None:
        decoder.feed(json.dumps(event).encode() + b"\n")

    feed(end(model="a", usage={"input_tokens": 1}, metadata=["m"]) | {"type": "response.created"})
    response = decoder.response
    usage, metadata = response.usage, response.metadata
    assert response.usage is usage is response["usage"] is response.get("usage")
    assert response.metadata is metadata
    assert (usage.input_tokens, metadata, response.get("\ud800", 7), response.get("nothing", 7)) == (1, ["m"], 7, 7)
    feed(end(model="b", usage={"input_tokens": 2}, metadata=["n"]) | {"type": "response.in_progress"})
    assert (response.usage.input_tokens, response.metadata, response.model) == (2, ["n"], "b")
    assert (usage.input_tokens, metadata) == (1, ["m"])


@pytest.mark.parametrize("name", "id status usage output_text refusal reasoning_text reasoning_summary".split())
def test_properties_have_docstrings_in_both_backends(backend: ModuleType, name: str) -> None:
    """The extension intercepts some of them; they still are read-only properties."""
    response = folded(backend, CREATED, FINAL)
    found = getattr(Response, name)
    assert isinstance(found, property)
    assert found.__doc__
    assert found.__get__(response) == getattr(response, name)
    assert getattr(copy.copy(response), name) == getattr(response, name)
    with pytest.raises(AttributeError):
        setattr(response, name, "another")


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("last", ["same", "longer", "shorter", "another"])
def test_output_with_repeated_items(backend: ModuleType, separators: tuple[str, str], last: str) -> None:
    """Byte for byte the same, or with something else behind it, before it or in its place."""
    items = [msg(txt("Hello")), fn('{"a":1}'), msg(txt("there"))]
    reported = {
        "same": items,
        "longer": [*items, msg(txt("!"))],
        "shorter": items[:2],
        "another": [msg(txt("Hi")), *items[1:]],
    }[last]
    done = [ev("output_item.done", o=number, item=item) for number, item in enumerate(items)]
    decoder = backend.Decoder(form="jsonl")
    for event in (CREATED, *done, end(*reported)):
        decoder.feed(json.dumps(event, separators=separators).encode() + b"\n")
    response = decoder.response
    output = [*reported, items[2]] if last == "shorter" else reported
    assert response.to_dict()["output"] == output
    text = "".join(item["content"][0]["text"] for item in output if item["type"] == "message")
    assert (response.output_text, [call.arguments for call in response.tool_calls]) == (text, ['{"a":1}'])


def test_to_dict_returns_new_dict(backend: ModuleType) -> None:
    response = folded(backend, CREATED, FINAL)
    assert response.to_dict() == FINAL["response"]
    response.to_dict()["output"].clear()
    assert response.to_dict() == FINAL["response"]
    assert json.loads(response.to_json()) == FINAL["response"]


def test_responses_compare_by_value(backend: ModuleType) -> None:
    assert folded(backend, CREATED, FINAL) == folded(backend, FINAL)
    assert folded(backend, CREATED, FINAL) != folded(backend, CREATED)
    assert folded(backend, CREATED) != "r"
    with pytest.raises(TypeError, match="unhashable"):
        hash(folded(backend, CREATED))
    assert repr(folded(backend, CREATED, FINAL)) == "Response(id='r', status='completed', output_text='Hello')"
    long = folded(backend, CREATED, end(msg(txt("x" * 500))))
    assert len(repr(long)) < 120


def test_tool_calls(backend: ModuleType) -> None:
    (call,) = folded(backend, CREATED, FINAL).tool_calls
    assert (call.type, call.call_id, call.name, call.arguments) == ("function_call", "c1", "f", '{"city":"Paris"}')
    assert call.parsed_arguments() == {"city": "Paris"}
    assert call == ToolCall("function_call", "c1", "f", '{"city":"Paris"}')
    assert call != ToolCall("function_call", "c2", "f", '{"city":"Paris"}')
    assert "Paris" in repr(call)


@pytest.mark.parametrize("arguments", ['{"a', "", None, "[NaN]"])
def test_invalid_json_arguments(arguments: str | None) -> None:
    with pytest.raises(ValueError, match="arguments of f are not JSON"):
        ToolCall("function_call", "c", "f", arguments).parsed_arguments()


def test_arguments_grow(backend: ModuleType) -> None:
    response = folded(
        backend,
        CREATED,
        ev("output_item.added", o=0, item=fn("")),
        ev("function_call_arguments.delta", o=0, delta='{"a'),
    )
    assert [call.arguments for call in response.tool_calls] == ['{"a']


def test_errors() -> None:
    error = ResponseError({"code": "c", "message": "m", "headers": {}})
    assert (error.code, error.message, error.type, error.param, error.request_id) == ("c", "m", None, None, None)
    assert error.to_dict() == {"code": "c", "message": "m"}
    assert error == ResponseError({"code": "c", "message": "m"})
    assert "code='c'" in repr(error)


def test_incomplete_reason(backend: ModuleType) -> None:
    response = folded(backend, CREATED, end(kind="incomplete", incomplete_details={"reason": "content_filter"}))
    assert (response.status, response.incomplete_reason, response.complete) == ("incomplete", "content_filter", True)
    assert folded(backend, CREATED, end(kind="incomplete", incomplete_details=None)).incomplete_reason is None


ODD: list[tuple[str, dict[str, Any]]] = [
    ("numbers", {"id": 5, "status": 6, "model": 7, "output": 8, "error": 9, "incomplete_details": 1}),
    ("null", {"id": None, "status": None, "model": None, "output": None, "error": None, "incomplete_details": None}),
    ("lists", {"id": [], "status": [], "model": [], "output": [[], None, 1, "x"], "error": [], "incomplete_details": []}),
    ("items of the wrong kind", {"output": [{"type": 5}, {"type": "message", "content": {}}, {"type": "message", "content": [1, {"type": "output_text", "text": 2}]}]}),
    ("calls of the wrong kind", {"output": [{"type": "message", "content": None}, {"type": "reasoning", "summary": [None]}]}),
]  # fmt: skip


@pytest.mark.parametrize("members", [row[1] for row in ODD], ids=[row[0] for row in ODD])
def test_response_with_wrong_types_does_not_raise(backend: ModuleType, members: dict[str, Any]) -> None:
    response = folded(backend, CREATED, ev("completed", response=members))
    assert (response.id, response.status, response.model, response.error, response.incomplete_reason) == (None,) * 5
    assert (response.output_text, response.refusal, response.reasoning_text, response.reasoning_summary) == (
        "",
        None,
        "",
        "",
    )
    assert response.tool_calls == []
    assert response.to_dict() == members
    assert isinstance(response.output, list)
    assert repr(response)


def test_times(backend: ModuleType) -> None:
    """A decoder with a clock notes when a response began, when its first delta came, and when it ended."""
    now = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    decoder = backend.Decoder(clock=lambda: next(now))
    for event in (CREATED, MSG, ev("output_text.delta", delta="a"), ev("output_text.delta", delta="b"), FINAL):
        decoder.feed(json.dumps(event).encode() + b"\n")
    state = decoder.response._state
    assert (state.started_at, state.first_delta_at, state.ended_at) == (1.0, 3.0, 5.0)


# -- as values -------------------------------------------------------------------------------------------------------


def test_responses_can_be_pickled_and_copied(api: Any) -> None:
    decoder = api.Decoder()
    for part in (slice(0, 2500), slice(2500, None)):
        decoder.feed(CONVERSATION[part])
        for response in decoder.responses:
            for copied in (pickle.loads(pickle.dumps(response)), copy.deepcopy(response), copy.copy(response)):
                assert copied == response
                for name in FACTS:
                    assert getattr(copied, name) == getattr(response, name), name
                assert [str(call.arguments) for call in copied.tool_calls] == [
                    str(call.arguments) for call in response.tool_calls
                ]
                assert list(copied) == list(response)
                assert pickle.dumps(pickle.loads(pickle.dumps(copied))) == pickle.dumps(copied)


def test_members_declared_by_sdk_are_none(api: Any) -> None:
    item = b'{"type":"message","content":[{"type":"output_text"}]}'
    [response] = api.responses(b'{"type":"response.completed","response":{"object":"response","output":[%s]}}' % item)
    assert response.previous_response_id is response.metadata is response.output[0].phase is None
    assert response.output[0].content[0].annotations is None
    for odd in (response, response.output[0], response.output[0].content[0]):
        with pytest.raises(AttributeError):
            _ = odd.nope
    with pytest.raises(KeyError):
        _ = response["metadata"]
    with pytest.raises(AttributeError):
        _ = response.output[0].arguments


@pytest.mark.parametrize(
    ("terminal", "status"),
    [
        (b'{"type":"response.completed"}', "completed"),
        (b'{"type":"response.failed","response":null}', "failed"),
        (b'{"type":"response.incomplete","response":[]}', "incomplete"),
        (b'{"type":"response.cancelled","response":{"status":1}}', None),
        (b'{"type":"response.completed","response":{"status":"odd"}}', "odd"),
        (b'{"type":"response.done"}', "in_progress"),
        (b'{"type":"response.done","response":{"id":"r"}}', None),
    ],
)
def test_terminal_event_without_response_sets_status(api: Any, terminal: bytes, status: str | None) -> None:
    source = b'{"type":"response.created","response":{"id":"r","status":"in_progress"}}\n' + terminal
    [response] = api.responses(source)
    assert (response.status, response.complete) == (status, True)


def test_lone_surrogate_in_complete_arguments(backend: ModuleType) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "b\ud83d"}
    for events in ([{**CREATED, "response": {"output": [call]}}], [CREATED, ev("output_item.done", item=call)]):
        assert folded(backend, *events).tool_calls[0].arguments == "b\ufffd"
