"""The event classes: attributes, values, pickle, repr, and the SDK's objects of the same events."""

from __future__ import annotations

import copy
import json
import pickle
import re
from random import Random
from types import ModuleType
from typing import Any

import pytest

import respstream
from respstream.types import messages as types
from tests.support import readings
from tests.support.messages_streams import HI, PING, STOP, block, delta, end, part, sse, start, stop, stream, text, tool


def _events(backend: ModuleType, *events: Any, **options: Any) -> list[Any]:
    decoder = backend.Decoder(api="messages", **options)
    return [*decoder.feed(sse(events)), *decoder.finish()]


def test_attributes(backend: ModuleType) -> None:
    first, second, third, *_, last, done = _events(backend, *HI)
    assert isinstance(first, types.RawMessageStartEvent)
    assert isinstance(first.message, types.Message)
    assert isinstance(first.message.usage, types.Usage)
    assert (first.type, first.api, first.message.id, first.message.usage.total_tokens) == (
        "message_start",
        "messages",
        "m1",
        7,
    )
    assert isinstance(second, types.RawContentBlockStartEvent)
    assert isinstance(second.content_block, types.TextBlock)
    assert (second.index, second.content_block.type, second.content_block.citations) == (0, "text", None)
    assert isinstance(third, types.RawContentBlockDeltaEvent)
    assert isinstance(third.delta, types.TextDelta)
    assert (third.index, third.delta.type, third.delta.text) == (0, "text_delta", "Hi")
    assert isinstance(last, types.RawMessageDeltaEvent)
    assert isinstance(last.delta, types.Delta)
    assert (last.delta.stop_reason, last.delta.container, last.usage.output_tokens) == ("end_turn", None, 5)
    assert isinstance(done, types.RawMessageStopEvent)
    assert (done.offset > 0, done.stream_id, done.sequence_number) == (True, None, None)


def test_classes_by_type(backend: ModuleType) -> None:
    kinds = {
        "tool_use": "ToolUseBlock",
        "thinking": "ThinkingBlock",
        "mcp_tool_use": "BetaMCPToolUseBlock",
        "new": "UnknownBlock",
    }
    for kind, name in kinds.items():
        (event,) = _events(backend, block(0, kind))
        assert type(event.content_block).__name__ == name
    deltas = {"input_json_delta": "InputJSONDelta", "citations_delta": "CitationsDelta", "new_delta": "UnknownDelta"}
    for kind, name in deltas.items():
        _, event = _events(backend, block(0, "text"), delta(0, kind))
        assert type(event.delta).__name__ == name
    (event,) = _events(backend, start(content=[{"type": "text", "text": "x"}, {"type": "odd"}, 5]))
    assert [type(one).__name__ for one in event.message.content] == ["TextBlock", "UnknownBlock", "int"]


def test_missing_and_other_members(backend: ModuleType) -> None:
    (event,) = _events(backend, tool(0, input={"a": [1]}, note="n"))
    assert (event.content_block.caller, event.content_block.note, event.content_block.input.a) == (None, "n", [1])
    assert "note" in event.content_block
    for value in (event, event.content_block):
        with pytest.raises(AttributeError):
            _ = value.unheard


def test_signs_of_life_and_errors(backend: ModuleType) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}
    ping, failed, other = _events(backend, PING, error, {"type": "unheard", "a": 1})
    assert (type(ping), type(failed)) == (types.PingEvent, types.ErrorEvent)
    assert (failed.error.message, failed.request_id) == ("m", None)
    assert (type(other), other.type, other.a, other.api) == (respstream.types.UnknownEvent, "unheard", 1, "messages")


def test_events_are_values(backend: ModuleType) -> None:
    for number in range(20):
        made = stream(Random(number), number, dialects=True).events
        events = _events(backend, *made)
        assert events == _events(backend, *made)
        for event in events:
            for other in (pickle.loads(pickle.dumps(event)), copy.copy(event), copy.deepcopy(event)):
                assert (other, other.to_dict(), other.offset) == (event, event.to_dict(), event.offset)
            decoder = backend.Decoder(api="messages")
            assert [*decoder.feed(event.to_sse()), *decoder.finish()] == [event]


def test_parts_are_values(backend: ModuleType) -> None:
    (event,) = _events(backend, text("Hi"))
    other = pickle.loads(pickle.dumps(event.delta))
    assert (type(other), other, other.text) == (types.TextDelta, event.delta, "Hi")
    assert event.delta == {"type": "text_delta", "text": "Hi"}


def test_repr_shows_the_text(backend: ModuleType) -> None:
    first, second, third, fourth = _events(backend, start(), tool(0), part("{}"), text("x" * 1000))
    assert re.fullmatch(
        r"RawMessageStartEvent\(message=Message\(id='\w+', model='[\w-]+', role='assistant'\)\)", repr(first)
    )
    assert "content_block=ToolUseBlock(id=" in repr(second)
    assert repr(third) == "RawContentBlockDeltaEvent(index=0, partial_json='{}')"
    assert len(repr(fourth)) < 200
    assert repr(third.delta) == "InputJSONDelta(type='input_json_delta', partial_json='{}')"
    assert repr(_events(backend, stop(3))[0]) == "RawContentBlockStopEvent(index=3)"


def test_types_of_event_lines(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    events = decoder.feed(
        b'event: content_block_delta\ndata: {"index":0,"delta":{"type":"text_delta","text":"Hi"}}\n\n'
    )
    assert [(event.type, event.delta.text, event.to_dict()["type"]) for event in events] == [
        ("content_block_delta", "Hi", "content_block_delta")
    ]
    decoder.feed(b'event: message_delta\ndata: {"type":"message_stop"}\n\n')
    assert "type_mismatch" in readings.codes(decoder.diagnostics)
    assert decoder.response.complete


def test_payload_over_the_limits(backend: ModuleType) -> None:
    decoder = backend.Decoder(api="messages")
    (event,) = decoder.feed(b'data: {"type":"message_start","message":' + b"[" * 300 + b"]" * 300 + b"}\n\n")
    assert (type(event).__name__, event.type) == ("UnknownEvent", "message_start")
    assert readings.codes(decoder.diagnostics) == ["limit_exceeded"]
    assert decoder.responses == []


@pytest.mark.parametrize(("depth", "kept"), [(252, False), (253, False), (254, True)])
def test_input_over_the_limits(backend: ModuleType, depth: int, kept: bool) -> None:
    """The whole message stays within the limits of nesting."""
    given = "[" * depth + "]" * depth
    decoder = backend.Decoder()
    decoder.feed(sse([start(), tool(0), part(given), stop(), end(), STOP]))
    value = decoder.response.to_dict()["content"][0]["input"]
    assert (value == given) == kept
    assert ("bad_input" in readings.codes(decoder.diagnostics)) == kept


def test_same_attributes_as_the_sdk(backend: ModuleType) -> None:
    from anthropic.types import RawMessageStreamEvent
    from pydantic import TypeAdapter

    adapter: Any = TypeAdapter(RawMessageStreamEvent)
    for number in range(20):
        members = [one for one in stream(Random(number), number).events if one["type"] != "ping"]
        for event, one in zip(_events(backend, *members), members, strict=True):
            _compare(event, adapter.validate_python(json.loads(json.dumps(one))))


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
