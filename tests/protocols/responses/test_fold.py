"""The fold (assembling responses), case by case (`tests.support.fold_cases`), and folded responses of several kinds of streams."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from respstream import Response
from respstream._pure.protocols.responses.catalogue import EVENTS
from tests.support import readings
from tests.support.fold_cases import CASES, CREATED, MSG, PART, Case, end, ev, fn, msg, think, txt


def decode(backend: ModuleType, *events: Any, options: dict[str, Any] | None = None) -> Any:
    """A finished decoder of the events."""
    decoder = backend.Decoder(**(options or {}))
    decoder.feed(b"".join(json.dumps(event).encode() + b"\n" for event in events))
    decoder.finish()
    return decoder


def fold(backend: ModuleType, *events: Any) -> Response:
    """The one response of the events."""
    (response,) = decode(backend, *events).responses
    assert isinstance(response, Response)
    return response


def codes(decoder: Any) -> list[str]:
    return [code for code in readings.codes(decoder.diagnostics) if code != "no_terminal"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(backend: ModuleType, case: Case) -> None:
    decoder = decode(backend, CREATED, *case.events)
    assert codes(decoder) == case.codes
    (response,) = decoder.responses
    assert response.to_dict().get("output") == case.output
    assert response.output_text == case.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_as_sse(backend: ModuleType, case: Case) -> None:
    """The framing makes no difference, nor does looking while the response grows."""
    decoder = backend.Decoder()
    for event in (CREATED, *case.events):
        decoder.feed(b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event).encode()))
        readings.plain_response(decoder.response)
    decoder.finish()
    assert codes(decoder) == case.codes
    assert decoder.response.to_dict().get("output") == case.output


def test_cases_cover_every_event_type() -> None:
    used = {event["type"] for case in CASES for event in (CREATED, *case.events)}
    quiet = {kind for kind, entry in EVENTS.items() if entry.op == "quiet"}
    # See below, test_errors.py, and the tests of the beta API.
    others = {"response.queued", "response.error", "response.inject.created", "response.inject.failed"}
    assert EVENTS.keys() - used - quiet == others


def test_case_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


# -- lifecycle -------------------------------------------------------------------------------------------------------


def test_lifecycle_events_replace_all_but_output(backend: ModuleType) -> None:
    queued = ev("queued", response={"id": "r", "status": "queued", "model": "a", "x": 1, "output": []})
    later = ev("in_progress", response={"id": "r", "status": "in_progress", "model": "b", "output": ["other"]})
    response = fold(backend, CREATED, queued, MSG, PART, ev("output_text.delta", delta="hi"), later)
    assert response.to_dict() == {"id": "r", "status": "in_progress", "model": "b", "output": [msg(txt("hi"))]}
    assert response.status == "in_progress"
    assert (response.complete, response.terminal) == (False, None)


def test_terminal_response_keeps_its_bytes(backend: ModuleType) -> None:
    raw = b'{"output" : [ {"type":"message", "content":[], "n":1.50e-7, "n":1E400 } ],"id":"r","\\u0069d":"q"}'
    decoder = backend.Decoder()
    decoder.feed(
        b'{"type":"response.created","response":{}}\n{"type":"response.output_item.added","item":{"type":"message"}}\n'
    )
    decoder.feed(b'{"response": ' + raw + b' ,"type":"response.completed"}\n')
    decoder.finish()
    assert decoder.response.to_json() == raw
    assert decoder.response.id == "q"


def test_item_without_deltas_keeps_its_bytes(backend: ModuleType) -> None:
    raw = b'{ "type":"x","n":1.50,"s":"\\u0041\\/" }'
    decoder = backend.Decoder()
    decoder.feed(b'{"type":"response.output_item.added","item":' + raw + b"}\n")
    assert decoder.response.to_json() == b'{"output":[' + raw + b"]}"
    decoder.feed(b'{"type":"response.web_search_call.searching"}\n')
    assert decoder.response.to_json() == b'{"output":[{"type":"x","n":1.50,"s":"A/","status":"searching"}]}'


def test_item_with_deltas_has_no_surrogates(backend: ModuleType) -> None:
    r"""Lone surrogates of any member, key or value, are U+FFFD once an item is written anew."""
    item = b'{"type":"x","a\\ud800":["\\udc00"],"ok":"\\ud83d\\ude00"}'
    decoder = backend.Decoder()
    decoder.feed(b'{"type":"response.output_item.added","item":' + item + b"}\n")
    decoder.feed(b'{"type":"response.web_search_call.searching"}\n')
    expected = '{"output":[{"type":"x","a\ufffd":["\ufffd"],"ok":"\U0001f600","status":"searching"}]}'
    assert decoder.response.to_json() == expected.encode()


def test_before_any_lifecycle_event(backend: ModuleType) -> None:
    decoder = decode(backend, ev("output_text.delta", delta="a"))
    (response,) = decoder.responses
    assert response.to_dict() == {"output": [msg(txt("a"))]}
    assert (response.id, response.status, response.usage) == (None, None, None)
    assert readings.codes(decoder.diagnostics) == ["no_created", "no_terminal"]


# -- texts, calls, errors --------------------------------------------------------------------------------------------


def test_texts_of_response(backend: ModuleType) -> None:
    items = [
        think(
            "One", "Two", content=[{"type": "reasoning_text", "text": "hm"}, {"type": "reasoning_text", "text": "!"}]
        ),
        msg(txt("a"), {"type": "refusal", "refusal": "no"}, txt("b")),
        think("Three"),
        msg(txt("c"), {"type": "refusal", "refusal": "pe"}, role="assistant"),
    ]
    response = fold(backend, CREATED, end(*items))
    assert response.output_text == "abc"
    assert response.refusal == "nope"
    assert response.reasoning_text == "hm!"
    assert response.reasoning_summary == "One\n\nTwo\n\nThree"


def test_missing_texts(backend: ModuleType) -> None:
    response = fold(backend, CREATED, end())
    assert (response.output_text, response.reasoning_text, response.reasoning_summary) == ("", "", "")
    assert response.refusal is None
    assert (response.tool_calls, response.error, response.output) == ([], None, [])


def test_tool_calls(backend: ModuleType) -> None:
    items = [
        fn('{"a":1}'),
        msg(txt("x")),
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "ls", "arguments": "not these"},
        {"type": "mcp_call", "id": "m", "name": "h", "arguments": "{}"},
        {"type": "function_call"},
        {"type": "web_search_call"},
    ]
    response = fold(backend, CREATED, end(*items))
    assert [call.to_dict() for call in response.tool_calls] == [
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "arguments": "ls"},
        {"type": "mcp_call", "call_id": None, "name": "h", "arguments": "{}"},
        {"type": "function_call", "call_id": None, "name": None, "arguments": None},
    ]


FLAT = ev("error", code="rate_limit", message="slow", param=None, n=1)
NESTED = ev("error", error={"type": "t", "code": "c", "message": "m", "param": "p", "request_id": "q", "headers": {}})
ERRORS: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("flat", [FLAT], {"code": "rate_limit", "message": "slow"}),
    ("nested", [NESTED], {"type": "t", "code": "c", "message": "m", "param": "p", "request_id": "q"}),
    ("then failed", [FLAT, end(kind="failed", error={"code": "x", "message": "y"})], {"code": "x", "message": "y"}),
    ("then failed without one", [FLAT, end(kind="failed", error=None)], {"code": "rate_limit", "message": "slow"}),
    ("the last one counts", [NESTED, FLAT], {"code": "rate_limit", "message": "slow"}),
    ("only the response's", [end(kind="failed", error={"code": "x", "message": "y"})], {"code": "x", "message": "y"}),
]


@pytest.mark.parametrize(("events", "expected"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_errors(backend: ModuleType, events: list[Any], expected: dict[str, Any]) -> None:
    error = fold(backend, CREATED, *events).error
    assert error is not None
    assert error.to_dict() == expected


def test_error_alone_makes_response(backend: ModuleType) -> None:
    decoder = decode(backend, FLAT)
    (response,) = decoder.responses
    assert response.error is not None
    assert response.error.code == "rate_limit"
    assert (response.id, response.status, response.complete, response.output) == (None, None, False, [])
    assert readings.codes(decoder.diagnostics) == ["no_created", "no_terminal"]


# -- several responses -----------------------------------------------------------------------------------------------


def test_resumed_streams(backend: ModuleType) -> None:
    """A stream resumed with `starting_after` may begin with any event; a status event is not diagnosed."""
    for kind in ("queued", "in_progress"):
        decoder = decode(backend, ev(kind, n=4, response={"id": "r", "output": []}), end(n=5))
        assert readings.codes(decoder.diagnostics) == []
    decoder = decode(backend, ev("output_text.delta", n=9, delta="x"), {**end(msg(txt("abcx"))), "sequence_number": 10})
    assert readings.codes(decoder.diagnostics) == ["no_created", "text_mismatch"]
    assert decoder.response.output_text == "abcx"
    assert decoder.last_sequence_number == 10


def test_terminal_event_alone(backend: ModuleType) -> None:
    decoder = decode(backend, end(msg(txt("a"))))
    assert readings.codes(decoder.diagnostics) == ["no_created"]
    assert decoder.response.output_text == "a"


def test_consecutive_responses(backend: ModuleType) -> None:
    created = ev("created", response={"id": "r2"})
    decoder = decode(backend, CREATED, end(msg(txt("a"))), ev("keepalive"), created, PART, end(msg(txt("b")), id="r2"))
    assert [(r.id, r.output_text, r.stream_index, r.events) for r in decoder.responses] == [
        ("r", "a", 0, 3),
        ("r2", "b", 1, 3),
    ]
    assert decoder.diagnostics == []


def test_created_event_ends_previous_response(backend: ModuleType) -> None:
    decoder = decode(backend, CREATED, MSG, ev("created", response={"id": "r2"}), end(id="r2"))
    first, second = decoder.responses
    assert (first.id, first.complete, second.id, second.complete) == ("r", False, "r2", True)
    assert readings.codes(first.diagnostics) == ["no_terminal"]
    assert second.diagnostics == []


def test_events_after_terminal_start_new_response(backend: ModuleType) -> None:
    decoder = decode(backend, CREATED, end(), ev("output_text.delta", delta="a"))
    assert [r.output_text for r in decoder.responses] == ["", "a"]
    assert readings.codes(decoder.diagnostics) == ["no_created", "no_terminal"]


def test_neutral_events_make_no_response(backend: ModuleType) -> None:
    decoder = decode(backend, ev("keepalive"), ev("rate_limits.updated"), ev("brand_new"), ev("steer.accepted"))
    assert decoder.responses == []
    assert decoder.response is None


def test_done_marker_ends_response(backend: ModuleType) -> None:
    data = b'data: {"type":"response.created","response":{"id":"a"}}\n\ndata: [DONE]\n\ndata: {"type":"response.in_progress","response":{"id":"b"}}\n\n'
    decoder = backend.Decoder()
    decoder.feed(data)
    decoder.finish()
    assert [response.id for response in decoder.responses] == ["a", "b"]
    assert readings.codes(decoder.diagnostics) == ["no_terminal", "no_terminal"]


def test_done_marker_on_separate_line(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    events = decoder.feed(
        b'{"type":"response.created","response":{"id":"a"}}\n[DONE]\n{"type":"response.done","response":{"id":"b"}}\n'
    )
    assert [event.type for event in events] == ["response.created", "response.done"]
    decoder.finish()
    assert {d.code for d in decoder.diagnostics} <= {"no_terminal", "after_terminal", "no_created"}


# -- not streamed ----------------------------------------------------------------------------------------------------

PLAIN = {
    "id": "p",
    "object": "response",
    "status": "completed",
    "output": [msg(txt("hi"))],
    "usage": {"output_tokens": 2},
}


@pytest.mark.parametrize("indent", [None, 2])
def test_non_streamed_response(backend: ModuleType, indent: int | None) -> None:
    raw = json.dumps(PLAIN, indent=indent).encode()
    decoder = backend.Decoder()
    assert decoder.feed(raw + b"\n") == []
    assert decoder.finish() == []
    (response,) = decoder.responses
    assert response.to_dict() == PLAIN
    assert response.to_json() == raw
    assert (response.complete, response.terminal, response.events, response.output_text) == (True, None, 0, "hi")
    assert decoder.diagnostics == []


@pytest.mark.parametrize(
    ("status", "complete"), [("completed", True), ("failed", True), ("queued", False), ("in_progress", False)]
)
def test_non_streamed_background_response(backend: ModuleType, status: str, complete: bool) -> None:
    decoder = decode(backend, {**PLAIN, "status": status})
    assert decoder.response.complete is complete
    assert decoder.diagnostics == []


def test_non_streamed_responses_between_streams(backend: ModuleType) -> None:
    decoder = decode(backend, CREATED, end(), PLAIN, PLAIN, CREATED, end())
    assert [response.id for response in decoder.responses] == ["r", "p", "p", "r"]
    assert decoder.diagnostics == []


@pytest.mark.parametrize("indent", [None, 1])
def test_array_of_events(backend: ModuleType, indent: int | None) -> None:
    events = [CREATED, MSG, PART, ev("output_text.delta", delta="a"), end(msg(txt("a")))]
    decoder = backend.Decoder()
    found = [*decoder.feed(json.dumps(events, indent=indent).encode()), *decoder.finish()]
    assert [event.to_dict() for event in found] == events
    assert decoder.response.output_text == "a"
    assert decoder.diagnostics == []


def test_flat_lifecycle_event_without_output(backend: ModuleType) -> None:
    """The response is the members of the event; no output is made up for it."""
    decoder = backend.Decoder()
    decoder.feed(b'data: {"type":"response.created","id":"r","object":"response","status":"in_progress"}\n\n')
    assert decoder.response.to_json() == b'{"id":"r","object":"response","status":"in_progress"}'
    assert decoder.response.output == []
