"""The event classes: attributes, values, pickle, repr, and the SDK's objects of the same chunks."""

from __future__ import annotations

import copy
import json
import pickle
from random import Random
from types import ModuleType
from typing import Any

import pytest

import respstream
from respstream.types import chat
from tests.support import readings
from tests.support.chat_streams import call, chunk, of, sse, stream, usage


def _events(backend: ModuleType, *chunks: Any, **options: Any) -> list[Any]:
    decoder = backend.Decoder(api="chat", **options)
    return [*decoder.feed(sse(chunks)), *decoder.finish()]


def test_attributes(backend: ModuleType) -> None:
    (event,) = _events(backend, chunk("Hi", role="assistant", choice={"logprobs": {"content": [{"token": "Hi"}]}}))
    assert isinstance(event, chat.ChatCompletionChunk)
    assert (event.type, event.api, event.id, event.created, event.model) == (
        "chat.completion.chunk",
        "chat",
        "c1",
        1,
        "m",
    )
    assert (event.object, event.offset, event.stream_id, event.sequence_number) == (
        "chat.completion.chunk",
        0,
        None,
        None,
    )
    (choice,) = event.choices
    assert isinstance(choice, chat.Choice)
    assert isinstance(choice.delta, chat.ChoiceDelta)
    assert (choice.index, choice.delta.content, choice.delta.role, choice.finish_reason) == (0, "Hi", "assistant", None)
    assert isinstance(choice.logprobs, chat.ChoiceLogprobs)
    assert choice.logprobs.content is not None
    assert choice.logprobs.content[0].token == "Hi"
    assert choice.logprobs.refusal is None


def test_missing_members(backend: ModuleType) -> None:
    (event,) = _events(backend, of({"index": 0, "delta": {}}))
    assert (event.usage, event.service_tier, event.moderation, event.choices[0].delta.tool_calls) == (None,) * 4
    for value in (event, event.choices[0], event.choices[0].delta):
        with pytest.raises(AttributeError):
            _ = value.unheard


def test_other_members(backend: ModuleType) -> None:
    (event,) = _events(backend, {**chunk("Hi", reasoning="r"), "provider": "p"})
    assert (event.provider, event.choices[0].delta.reasoning) == ("p", "r")
    assert event.choices[0]["delta"]["reasoning"] == "r"
    assert "reasoning" in event.choices[0].delta


def test_tool_calls_and_usage(backend: ModuleType) -> None:
    first, second = _events(backend, chunk(tool_calls=[call("{}", ident="a", name="f")]), usage())
    piece = first.choices[0].delta.tool_calls[0]
    assert isinstance(piece, chat.ChoiceDeltaToolCall)
    assert isinstance(piece.function, chat.ChoiceDeltaToolCallFunction)
    assert (piece.index, piece.id, piece.type, piece.function.name, piece.function.arguments) == (
        0,
        "a",
        "function",
        "f",
        "{}",
    )
    assert isinstance(second.usage, chat.CompletionUsage)
    assert (second.usage.total_tokens, second.usage.completion_tokens_details, second.choices) == (8, None, [])


@pytest.mark.parametrize(
    ("counts", "seen"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}, (3, 5, 8)),
        ({"input_tokens": 1, "prompt_tokens": 3, "output_tokens": 2, "completion_tokens": 5}, (1, 2, None)),
        ({"input_tokens": None, "prompt_tokens": 3, "completion_tokens": 1.5}, (None, 1.5, None)),
        ({"completion_tokens": "5", "details": {"output_tokens": 9}}, (None, "5", None)),
        ({"completion_tokens": 10**30}, (None, 10**30, None)),
        ({}, (None, None, None)),
    ],
)
def test_counts_of_a_response(backend: ModuleType, counts: dict[str, Any], seen: tuple[Any, ...]) -> None:
    decoder = backend.Decoder()
    decoder.feed(sse([chunk("Hi", role="assistant"), chunk(finish="stop"), of(usage=counts)]))
    decoder.finish()
    tokens = decoder.responses[0].usage
    for _ in range(2):
        assert (tokens.input_tokens, tokens.output_tokens, tokens.total_tokens) == seen
    for name in ("input_tokens", "output_tokens", "total_tokens"):
        assert (name in tokens, tokens.get(name)) == (name in counts, counts.get(name))
        if name not in counts:
            with pytest.raises(KeyError):
                tokens[name]
    if "details" in counts:
        assert tokens.details.output_tokens == 9
        with pytest.raises(AttributeError):
            _ = tokens.details.input_tokens


def test_signs_of_life(backend: ModuleType) -> None:
    ping, keepalive, other = _events(backend, {"type": "ping"}, {"type": "keepalive"}, {"type": "unheard", "a": 1})
    assert (type(ping), type(keepalive)) == (chat.PingEvent, chat.KeepaliveEvent)
    assert (type(other), other.type, other.a) == (respstream.types.UnknownEvent, "unheard", 1)


def test_events_are_values(backend: ModuleType) -> None:
    for number in range(20):
        events = _events(backend, *stream(Random(number), number, dialects=True).chunks)
        again = _events(backend, *stream(Random(number), number, dialects=True).chunks)
        assert events == again
        for event in events:
            for other in (pickle.loads(pickle.dumps(event)), copy.copy(event), copy.deepcopy(event)):
                assert (other, other.to_dict(), other.offset) == (event, event.to_dict(), event.offset)
            decoder = backend.Decoder(api="chat")
            assert [*decoder.feed(event.to_sse()), *decoder.finish()] == [event]
            assert b"event:" not in event.to_sse()


def test_parts_are_values(backend: ModuleType) -> None:
    (event,) = _events(backend, chunk("Hi"))
    choice = event.choices[0]
    other = pickle.loads(pickle.dumps(choice))
    assert (type(other), other, other.delta.content) == (chat.Choice, choice, "Hi")
    assert choice == {"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}


def test_repr_shows_the_text(backend: ModuleType) -> None:
    first, second, third = _events(
        backend, chunk("Hi"), chunk(tool_calls=[call("{}")]), chunk("x" * 1000, finish="stop")
    )
    assert repr(first) == "ChatCompletionChunk(id='c1', content='Hi')"
    assert "ChoiceDeltaToolCall(" in repr(second)
    (role,) = _events(backend, chunk("", role="assistant"))
    assert repr(role) == "ChatCompletionChunk(id='c1', role='assistant')"
    (counted,) = _events(backend, of(usage={"prompt_tokens": 19, "completion_tokens": 11, "prompt_tokens_details": {}}))
    assert "usage=CompletionUsage(prompt_tokens=19, completion_tokens=11, prompt_tokens_details={…})" in repr(counted)
    assert "finish_reason='stop'" in repr(third)
    assert len(repr(third)) < 200
    assert repr(first.choices[0].delta) == "ChoiceDelta(content='Hi')"


def test_members_of_a_wrong_kind(backend: ModuleType) -> None:
    wrong: list[list[Any]] = [[5], [{"index": 0, "delta": 5}], [{"index": 0, "delta": {"tool_calls": [5]}}], [[]]]
    for choices in wrong:
        (event,) = _events(backend, {**of(), "choices": choices, "id": 5, "usage": "x"})
        assert event.to_dict()["choices"] == choices
        assert readings.plain(event.choices) == choices
        assert (event.id, event.usage) == (5, "x")
        assert repr(event)


def test_payload_over_the_limits(backend: ModuleType) -> None:
    decoder = backend.Decoder(api="chat")
    (event,) = decoder.feed(b'data: {"choices":[' + b"[" * 300 + b"]" * 300 + b"]}\n\n")
    assert (type(event).__name__, event.type) == ("UnknownEvent", "chat.completion.chunk")
    assert readings.codes(decoder.diagnostics) == ["limit_exceeded"]
    assert decoder.responses == []


def test_same_attributes_as_the_sdk(backend: ModuleType) -> None:
    from openai.types.chat import ChatCompletionChunk

    for number in range(20):
        chunks = [one for one in stream(Random(number), number).chunks if "choices" in one]
        for event, members in zip(_events(backend, *chunks), chunks, strict=True):
            model = ChatCompletionChunk.construct(**json.loads(json.dumps(members)))
            _compare(event, model)


def _compare(ours: Any, model: Any) -> None:
    """Compares all declared attributes, at any depth."""
    for name in type(model).model_fields:
        one, other = getattr(ours, name), getattr(model, name)
        if hasattr(type(other), "model_fields"):
            assert type(one).__name__ in (type(other).__name__, "Payload")
            _compare(one, other)
        elif isinstance(other, list) and other and hasattr(type(other[0]), "model_fields"):
            for a, b in zip(one, other, strict=True):
                _compare(a, b)
        else:
            assert readings.plain(one) == other, name
