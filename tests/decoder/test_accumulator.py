"""`Accumulator`: events of ours, of the SDK and dicts fold to the same response as the bytes."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from hypothesis import given

from respstream import StreamError
from tests.support import readings, wellformed_streams
from tests.support.dialects import S, sse
from tests.support.fold_cases import CREATED, MSG, PART, end, ev, msg, txt
from tests.support.paths import TRANSCRIPTS
from tests.support.strategies import examples, scripts

NAMES = sorted(path.name for path in TRANSCRIPTS.iterdir() if path.suffix != ".md")


def gathered(api: Any, events: Any, **options: Any) -> Any:
    accumulator = api.Accumulator(**options)
    for event in events:
        accumulator.add(event)
    return accumulator


def seen(response: Any) -> Any:
    """The parts of a response that do not depend on byte offsets."""
    found = readings.plain_response(response)
    for name in ("span", "stream_index", "diagnostics", "json", "members"):
        del found[name]
    return (
        found,
        response.to_dict(),
        [code for code in readings.codes(response.diagnostics) if code != "unfinished_block"],
    )


@pytest.mark.parametrize("name", NAMES)
def test_our_events(api: Any, name: str) -> None:
    data = (TRANSCRIPTS / name).read_bytes()
    accumulator = gathered(api, api.events(data))
    assert [seen(r) for r in accumulator.responses] == [seen(r) for r in api.responses(data)]


@pytest.mark.parametrize("name", NAMES)
def test_dicts(api: Any, name: str) -> None:
    data = (TRANSCRIPTS / name).read_bytes()
    accumulator = gathered(api, [event.to_dict() for event in api.events(data)])
    assert [seen(r) for r in accumulator.responses] == [seen(r) for r in api.responses(data)]


def sdk_events(data: bytes) -> list[Any]:
    """The events of the openai SDK."""
    import openai

    major = int(openai.__version__.split(".", maxsplit=1)[0])
    http = __import__("httpx2" if major >= 3 else "httpx")
    transport = http.MockTransport(
        lambda _: http.Response(200, headers={"content-type": "text/event-stream"}, content=data)
    )
    with (
        warnings.catch_warnings(action="ignore"),
        openai.OpenAI(api_key="none", max_retries=0, http_client=http.Client(transport=transport)) as client,
        client.responses.create(model="m", input="x", stream=True) as events,
    ):
        return list(events)


@pytest.mark.parametrize("name", ["hello_assist.sse", "conversation.sse", "a common stream"])
def test_sdk_events(api: Any, name: str) -> None:
    data = sse(S) if name == "a common stream" else (TRANSCRIPTS / name).read_bytes()
    accumulator = gathered(api, sdk_events(data))
    (response,) = accumulator.responses
    (expected,) = api.responses(data)
    assert response.to_dict() == expected.to_dict()
    assert (response.output_text, response.status, response.events) == (
        expected.output_text,
        expected.status,
        expected.events,
    )
    assert accumulator.diagnostics == []


def test_mixed_event_kinds(api: Any) -> None:
    data = sse(S)
    events: list[Any] = [*api.events(data)]
    for number, (event, sdk) in enumerate(zip(events, sdk_events(data), strict=True)):
        events[number] = (event, event.to_dict(), sdk)[number % 3]
    accumulator = gathered(api, events)
    assert accumulator.response.to_dict() == S[-1]["response"]
    assert accumulator.diagnostics == []


@examples(60)
@given(one=scripts())
def test_well_formed_streams(api: Any, one: wellformed_streams.Script) -> None:
    accumulator = gathered(api, one.events)
    assert accumulator.response.to_dict()["output"] == one.output
    accumulator.add(one.terminal)
    assert accumulator.response.to_dict() == one.terminal["response"]
    assert accumulator.diagnostics == []


def test_response_grows(api: Any) -> None:
    accumulator = api.Accumulator()
    assert (accumulator.response, accumulator.responses, accumulator.diagnostics) == (None, [], [])
    texts = []
    for event in (
        CREATED,
        MSG,
        PART,
        ev("output_text.delta", delta="a"),
        ev("output_text.delta", delta="b"),
        end(msg(txt("ab"))),
    ):
        accumulator.add(event)
        texts.append(accumulator.response.output_text)
    assert texts == ["", "", "", "a", "ab", "ab"]
    accumulator.add(ev("created", response={"id": "r2"}))
    assert [response.id for response in accumulator.responses] == ["r", "r2"]


def test_offset_is_event_number(api: Any) -> None:
    accumulator = gathered(api, [CREATED, {"type": "new"}, {"a": 1}])
    assert [(d.code, d.offset) for d in accumulator.diagnostics] == [("unknown_event", 1), ("no_type", 2)]


def test_non_streamed_response(api: Any) -> None:
    plain = {"object": "response", "id": "p", "status": "completed", "output": [msg(txt("hi"))]}
    accumulator = gathered(api, [plain])
    assert (accumulator.response.output_text, accumulator.response.complete) == ("hi", True)


def test_type_from_event_line_only(api: Any) -> None:
    (event,) = api.events(b'event: response.created\ndata: {"response":{"id":"r"}}\n\n')
    assert gathered(api, [event]).response.id == "r"


def test_surrogates_in_dicts(api: Any) -> None:
    halves = [ev("output_text.delta", delta=half) for half in ("\ud83d", "\ude00")]
    assert gathered(api, [CREATED, *halves]).response.output_text == "\U0001f600"


def test_strict(api: Any) -> None:
    accumulator = gathered(api, [CREATED], strict=True)
    with pytest.raises(StreamError) as caught:
        accumulator.add(ev("output_text.delta", o=-1))
    assert (caught.value.code, caught.value.offset) == ("bad_field", 1)


@pytest.mark.parametrize(
    "event", [None, 5, "x", b'{"type":"x"}', ["x"], object()], ids=lambda value: type(value).__name__
)
def test_non_events_raise(api: Any, event: Any) -> None:
    with pytest.raises(TypeError, match="event"):
        api.Accumulator().add(event)


def test_dict_with_non_json_value_raises(api: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        api.Accumulator().add({"type": "x", "n": float("nan")})
    with pytest.raises(TypeError):
        api.Accumulator().add({"type": "x", "n": object()})


def test_same_result_as_json_lines(api: Any) -> None:
    events = [CREATED, MSG, PART, ev("output_text.delta", delta="a"), end(msg(txt("a")))]
    (expected,) = api.responses(b"".join(json.dumps(event).encode() + b"\n" for event in events))
    assert gathered(api, events).response == expected
