"""`Decoder.message`: payloads that arrive as messages of their own, as WebSocket frames."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from respstream import StreamError
from tests.support import readings
from tests.support.dialects import S

CREATED = '{"type":"response.created","response":{"id":"r","output":[]}}'
DELTA = '{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"Hé"}'
COMPLETED = '{"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}'
FRAMES = [json.dumps(event) for event in S]

# Name, message, types of its events, codes of its diagnostics.
MESSAGES: list[tuple[str, str | bytes, list[str], list[str]]] = [
    ("an event", CREATED, ["response.created"], []),
    ("bytes", CREATED.encode(), ["response.created"], []),
    ("a memoryview", memoryview(CREATED.encode()), ["response.created"], []),  # type: ignore[list-item]
    ("white space around", f" \r\n{CREATED}\n\n", ["response.created"], []),
    ("a byte order mark", "\ufeff" + CREATED, ["response.created"], []),
    ("several lines", json.dumps(json.loads(CREATED), indent=1), ["response.created"], []),
    ("JSON Lines", f"{CREATED}\n{DELTA}", ["response.created", "response.output_text.delta"], []),
    ("an SSE block", f"event: response.created\ndata: {CREATED}\n\n", ["response.created"], []),
    ("an SSE block without its end", f"data: {CREATED}", ["response.created"], []),
    ("an array", f"[{CREATED},{DELTA}]", ["response.created", "response.output_text.delta"], []),
    ("a row", json.dumps({"time": 1, "event": json.loads(CREATED)}), ["response.created"], []),
    ("a non-streamed response", '{"id":"r","object":"response","status":"completed"}', [], []),
    ("the end mark", "[DONE]", [], []),
    ("nothing", "", [], []),
    ("a blank", " ", [], []),
    ("truncated JSON", CREATED[:-1], [], ["bad_json"]),
    ("truncated in a string", CREATED[:12], [], ["bad_json"]),
    ("a truncated array", f"[{CREATED},{DELTA[:-2]}", ["response.created"], ["bad_json"]),
    ("an open array", f"[{CREATED},", ["response.created"], ["unfinished_block"]),
    ("text", "hello", [], ["stray_text"]),
    ("a bracket", "[", [], ["unfinished_block"]),
    ("an error body", '{"error":{"message":"no","code":"bad"}}', [], ["error_body"]),
    ("a lone surrogate", CREATED.replace("r", "\ud800", 1), [], ["bad_utf8", "unknown_event"]),
]
EACH = pytest.mark.parametrize(
    ("message", "types", "codes"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES]
)


@EACH
def test_one_message(backend: ModuleType, message: Any, types: list[str], codes: list[str]) -> None:
    decoder = backend.Decoder()
    found = [event.type for event in decoder.message(message)]
    if "unknown_event" not in codes:
        assert found == types
    assert readings.codes(decoder.diagnostics) == codes


@EACH
@pytest.mark.parametrize("form", ["sse", "jsonl"])
def test_no_message_continues_another(
    backend: ModuleType, message: Any, types: list[str], codes: list[str], form: str
) -> None:
    decoder = backend.Decoder(form=form)
    decoder.message(message)
    before = len(decoder.diagnostics)
    assert [event.type for event in decoder.message(DELTA)] == ["response.output_text.delta"]
    assert "bad_json" not in readings.codes(decoder.diagnostics)[before:]


@EACH
def test_backends_agree(
    backends: tuple[ModuleType, ModuleType], message: Any, types: list[str], codes: list[str]
) -> None:
    ways: list[Any] = []
    for backend in backends:
        decoder = backend.Decoder()
        events = [*decoder.message(message), *decoder.message(CREATED), *decoder.message(message), *decoder.finish()]
        ways.append(readings.reading(decoder, events))
    assert ways[0] == ways[1]


def messages(backend: ModuleType, frames: list[Any], **options: Any) -> Any:
    """The reading of frames that are given as messages."""
    decoder = backend.Decoder(**options)
    events = [event for frame in frames for event in decoder.message(frame)]
    return readings.reading(decoder, [*events, *decoder.finish()])


def test_as_json_lines(backend: ModuleType) -> None:
    data = "".join(frame + "\n" for frame in FRAMES).encode()
    assert messages(backend, FRAMES) == readings.read(backend, data)


def test_rows_as_messages(backend: ModuleType) -> None:
    rows = [json.dumps({"at": frame, "lane": "a"}) for frame in FRAMES]
    options: dict[str, Any] = {"field": "/at", "lane": "/lane"}
    data = "".join(row + "\n" for row in rows).encode()
    found = messages(backend, rows, **options)
    assert found == readings.read(backend, data, **options)
    assert len(found.responses) == 1


def test_no_events(backend: ModuleType) -> None:
    found = messages(backend, ["hello", '{"a":1}'])
    assert found.counts == {"no_type": 1, "stray_text": 1, "no_responses": 1}
    assert found.diagnostics[-1]["length"] == 14


def test_bytes_and_messages(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    assert decoder.feed(f"data: {CREATED}".encode()) == []
    events = decoder.message(DELTA)
    assert [event.type for event in events] == ["response.created", "response.output_text.delta"]
    assert [event.offset for event in events] == [0, len(f"data: {CREATED}\n")]
    assert [event.type for event in decoder.feed(f"data: {COMPLETED}\n\n".encode())] == ["response.completed"]
    assert decoder.response.output_text == "Hé"


def test_the_end(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    decoder.finish()
    with pytest.raises(ValueError, match="finished"):
        decoder.message(CREATED)
    decoder.reset()
    assert len(decoder.message(CREATED)) == 1


def test_clock(backend: ModuleType) -> None:
    times = iter([1.0, 2.0, 3.0])
    decoder = backend.Decoder(clock=lambda: next(times))
    for frame in (CREATED, DELTA, COMPLETED):
        decoder.message(frame)
    assert decoder.response.latency.time_to_first_token == 1.0


def test_strict(backend: ModuleType) -> None:
    decoder = backend.Decoder(strict=True)
    decoder.message(CREATED)
    with pytest.raises(StreamError) as caught:
        decoder.message(f"{DELTA}\n{{")
    assert (caught.value.code, [event.type for event in caught.value.events]) == (
        "bad_json",
        ["response.output_text.delta"],
    )
    assert caught.value.offset == len(CREATED) + len(DELTA) + 2 + 1  # é is two bytes
    with pytest.raises(ValueError, match="failed"):
        decoder.message(CREATED)


def test_too_large(backend: ModuleType) -> None:
    found = messages(backend, [CREATED, DELTA * 3, COMPLETED], max_event_bytes=150)
    assert [event[1] for event in found.events] == ["response.created", "response.completed"]
    assert found.counts["event_too_large"] == 1


@pytest.mark.parametrize("value", [1, None, ["a"], {}])
def test_other_objects(backend: ModuleType, value: Any) -> None:
    with pytest.raises(TypeError, match="bytes-like object is required"):
        backend.Decoder().message(value)


def test_offsets(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    for number in range(5000):
        assert decoder.message('{"type":"keepalive"}')[0].offset == number * 21


# -- frames that are fed as one text -------------------------------------------------------------------------------


def test_frames_without_line_breaks(api: Any) -> None:
    stream = api.events(iter([frame.encode() for frame in FRAMES]))
    assert list(stream) == []
    bad, none = stream.diagnostics
    assert (bad.code, none.code) == ("bad_json", "no_responses")
    assert "Decoder.message" in bad.message
    assert "Decoder.message" in none.message
    with pytest.raises(StreamError, match=r"Decoder\.message"):
        list(api.events(iter([frame.encode() for frame in FRAMES]), strict=True))


def test_frames_as_text(api: Any) -> None:
    with pytest.raises(TypeError, match=r"Decoder\.message"):
        list(api.events(iter(FRAMES)))
    with pytest.raises(TypeError, match=r"Decoder\.message"):
        api.Decoder().feed(FRAMES[0])


# -- any messages --------------------------------------------------------------------------------------------------

TEXTS = st.lists(
    st.sampled_from(
        [*FRAMES[:4], "[DONE]", "", "[", '{"a":', "}", '"', "data: ", "event: x", "\r", "\n", "[{}", "]", "x"]
    ),
    max_size=3,
).map("".join)


@given(st.lists(TEXTS, max_size=5), st.sampled_from(["auto", "sse", "jsonl"]))
def test_backends_agree_on_any_messages(backends: tuple[ModuleType, ModuleType], frames: list[str], form: str) -> None:
    rust, python = backends
    assert messages(rust, frames, form=form) == messages(python, frames, form=form)
