"""Events and responses made of dicts, and the streams that a server would send for finished responses."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import respstream
from respstream import Event
from respstream._pure.protocols.any_api import PROTOCOLS
from respstream.protocols.classes import classes_of
from respstream.protocols.encode import encoded_events
from respstream.recordings.replay import encoded, takes
from respstream.types import ResponseCompletedEvent, ResponseTextDeltaEvent
from respstream.types.chat import ChatCompletionChunk
from tests.support.backends import load
from tests.support.cli_runner import BACKENDS
from tests.support.paths import TRANSCRIPTS

WRONG: Any = respstream.types  # whose types are not checked


def read(backend: ModuleType, data: bytes) -> tuple[Any, list[str]]:
    """The only response of a stream, and the codes of its diagnostics."""
    decoder = backend.Decoder()
    decoder.feed(data)
    decoder.finish()
    (response,) = decoder.responses
    return response, [diagnostic.code for diagnostic in decoder.diagnostics]


def sent(members: Any) -> Any:
    """A final object without what assembling adds, as the SDKs do: members that are null, and the index of calls."""
    if isinstance(members, list):
        return [sent(element) for element in members]
    if not isinstance(members, dict):
        return members
    is_call = "function" in members
    return {
        name: sent(value) for name, value in members.items() if value is not None and not (is_call and name == "index")
    }


# -- events ------------------------------------------------------------------------------------------------------------


def test_event_of_keywords_equals_that_of_the_stream(backend: ModuleType) -> None:
    event = ResponseTextDeltaEvent(item_id="m", output_index=0, content_index=0, delta="x", sequence_number=3)
    assert (event.type, event.delta, event.output_index, event.sequence_number) == (
        "response.output_text.delta",
        "x",
        0,
        3,
    )
    assert (event.offset, event.stream_id) == (0, None)
    assert getattr(event, "logprobs", 0) is None
    (read,) = backend.Decoder().feed(event.to_sse())
    assert read == event == pickle.loads(pickle.dumps(event)) == Event.from_dict(event.to_dict())
    assert event.model_dump() == event.to_dict()


@pytest.mark.parametrize(
    "cls", [cls for one in PROTOCOLS for cls in classes_of(one.api).values()], ids=lambda cls: cls.__name__
)
def test_every_class_makes_events(cls: Any) -> None:
    event = cls()
    assert event.type == cls.type
    assert json.loads(event.raw) == ({} if cls._untyped else {"type": cls.type})


def test_members_may_be_payloads_and_responses() -> None:
    (response,) = respstream.responses(TRANSCRIPTS / "hello_world.sse")
    event: Any = ResponseCompletedEvent(response=response)
    assert event.response == response.to_dict()
    chunk = ChatCompletionChunk(id="c", choices=[{"index": 0, "delta": {"content": "Hi"}}], usage=response.usage)
    assert chunk.choices[0].delta.content == "Hi"
    assert "type" not in chunk.to_dict()


@pytest.mark.parametrize(("run", "error", "message"), [
    (lambda: WRONG.ResponseTextDeltaEvent(detla="x"), TypeError, r"has no member 'detla'; did you mean 'delta'\?"),
    (lambda: WRONG.ResponseTextDeltaEvent(delta=object()), TypeError, "a member cannot be a object"),
    (lambda: WRONG.ResponseTextDeltaEvent(type="response.created"), ValueError, "the type of a ResponseTextDeltaEvent is"),
    (lambda: Event(delta="x"), TypeError, "has no type: use Event.from_dict"),
    (lambda: ResponseTextDeltaEvent.from_dict({"type": "response.created"}), ValueError, "is a ResponseCreatedEvent, not a"),
    (lambda: Event.from_dict({"delta": "x"}), ValueError, "is not an event"),
])  # fmt: skip
def test_mistakes(run: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run()


def test_unknown_types_are_events_too() -> None:
    event = Event.from_dict({"type": "response.new", "member": 1})
    assert isinstance(event, respstream.UnknownEvent)
    assert event.member == 1


# -- finished responses ------------------------------------------------------------------------------------------------

ITEMS: list[dict[str, Any]] = [
    {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "First one, then two."}],
     "content": [{"type": "reasoning_text", "text": "One. Two."}]},
    {"type": "message", "id": "m", "status": "completed", "role": "assistant", "content": [
        {"type": "output_text", "text": "¡Hola,  mundo! 😀\n", "annotations": [{"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 4}]},
        {"type": "refusal", "refusal": "I can't."}]},
    {"type": "function_call", "id": "fc", "call_id": "c1", "name": "f", "arguments": '{"a": [1, 2]}', "status": "completed"},
    {"type": "custom_tool_call", "id": "ct", "call_id": "c2", "name": "g", "input": "x = 1"},
    {"type": "mcp_call", "id": "mc", "name": "h", "server_label": "s", "arguments": "{}", "output": "done"},
    {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search", "query": "q"}},
    {"type": "message", "id": "e", "content": []},
]  # fmt: skip
USAGE = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
MESSAGE: dict[str, Any] = {
    "id": "msg", "type": "message", "role": "assistant", "model": "claude", "content": [
        {"type": "thinking", "thinking": "So so.", "signature": "sig"},
        {"type": "text", "text": "Look here.", "citations": [{"type": "char_location", "cited_text": "x"}]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1, {"b": None}]}},
        {"type": "tool_use", "id": "u", "name": "g", "input": {}},
        {"type": "redacted_thinking", "data": "…"},
    ], "stop_reason": "tool_use", "stop_sequence": None, "usage": {"input_tokens": 4, "output_tokens": 9},
}  # fmt: skip


def completion(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": list(choices), **more}


def choice(index: int, message: dict[str, Any], reason: str = "stop") -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", **message},
        "logprobs": None,
        "finish_reason": reason,
    }


RESPONSES: dict[str, dict[str, Any]] = {
    "all items": {"id": "r", "object": "response", "status": "completed", "model": "m", "output": ITEMS, "usage": USAGE},
    "incomplete": {"id": "r", "object": "response", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": ITEMS[1:2]},
    "failed": {"id": "r", "object": "response", "status": "failed", "error": {"code": "server_error", "message": "no"}, "output": []},
    "cancelled": {"id": "r", "object": "response", "status": "cancelled", "output": []},
    "completion": completion(choice(0, {"content": "Hi there,\nyou", "refusal": None}), usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
    "calls": completion(choice(0, {"content": None, "tool_calls": [CALL, CALL | {"id": "c2"}]}, "tool_calls"), system_fingerprint="f"),
    "choices": completion(choice(0, {"content": "a b"}), choice(1, {"content": "", "refusal": "no no"}, "content_filter")),
    "message": MESSAGE,
}  # fmt: skip


CASES = [(name, members) for name in BACKENDS for members in RESPONSES.values()]
READ = [members for name, members in CASES if name == respstream.BACKEND]


@pytest.mark.parametrize(("name", "members"), CASES)
def test_encoded_response_reads_back_equal(name: str, members: dict[str, Any]) -> None:
    backend = load(name)
    data = respstream.encode(members)
    response, codes = read(backend, data)
    assert (sent(response.to_dict()), codes) == (sent(members), [])
    assert response.complete
    assert read(backend, respstream.encode(response)) == (response, [])
    whole = respstream.Response.from_dict(members)
    assert sent(whole.to_dict()) == sent(members)
    assert (whole.api, whole.status, whole.output_text, whole.tool_calls, whole.usage) == (
        response.api, response.status, response.output_text, response.tool_calls, response.usage,
    )  # fmt: skip


@pytest.mark.parametrize("members", READ)
def test_encoded_texts_come_in_deltas(members: dict[str, Any]) -> None:
    data = respstream.encode(members)
    (response,) = respstream.responses(data)
    deltas = [delta for delta in respstream.deltas(data) if delta.kind == "text" and not delta.choice_index]
    assert "".join(delta.text for delta in deltas) == response.output_text
    assert len(deltas) >= len(response.output_text.split())
    assert b"".join(encoded_events(members)) == data


def test_replay_streams_finished_responses() -> None:
    (take,) = takes([json.dumps(RESPONSES["all items"]).encode()])
    assert take.events == []
    assert b"".join(data for _, data in encoded(take).events) == respstream.encode(RESPONSES["all items"])
    (streamed,) = takes([respstream.encode(MESSAGE)])
    assert encoded(streamed) is streamed


def test_encode_of_other_dicts() -> None:
    with pytest.raises(ValueError, match="not the final object of an API"):
        respstream.encode({"id": "x"})


def recorded() -> Iterator[Any]:
    for path in sorted(TRANSCRIPTS.iterdir()):
        if path.suffix in (".sse", ".jsonl"):
            yield from respstream.responses(path)


def test_transcripts_read_back_equal() -> None:
    for response in recorded():
        (again,) = respstream.responses(respstream.encode(response))
        assert again == response
        assert again.diagnostics == []
