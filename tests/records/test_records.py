"""Records that contain streams: each log format, well-formed and malformed, over both backends; HAR and VCR files."""

from __future__ import annotations

import base64
import gzip
import json
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support import chat_streams, readings
from tests.support.paths import TRANSCRIPTS

SSE = (TRANSCRIPTS / "conversation.sse").read_bytes()
TEXT = SSE.decode()
COUNT = 18
SECOND = 1_763_705_153


def rows(*objects: Any) -> bytes:
    """JSON Lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in objects)


def payloads() -> list[dict[str, Any]]:
    """The events of the sample."""
    return [json.loads(line[6:]) for line in TEXT.split("\n") if line.startswith("data: {")]


def pieces(size: int = 100) -> list[str]:
    """The sample in chunks, cut anywhere."""
    return [TEXT[at : at + size] for at in range(0, len(TEXT), size)]


class Read:
    """The reading of a source by a backend."""

    def __init__(self, backend: ModuleType, data: bytes, **options: Any) -> None:
        self.decoder = backend.Decoder(**options)
        self.events = self.decoder.feed(data) + self.decoder.finish()
        self.responses = self.decoder.responses
        self.codes = dict(self.decoder.diagnostic_counts)

    def times(self, number: int = 0) -> tuple[Any, Any, Any]:
        state = self.responses[number]._state
        return state.started_at, state.first_delta_at, state.ended_at


SHAPES = {
    "a whole stream in a field": rows({"id": 1, "ts": SECOND, "response": {"body_raw": TEXT}}),
    "base64 in a field": rows({"time": SECOND, "body": base64.b64encode(SSE).decode()}),
    "base64 of gzip": rows({"time": SECOND, "body": base64.b64encode(gzip.compress(SSE)).decode()}),
    "chunks": rows(*({"ts": SECOND + n, "chunk": piece} for n, piece in enumerate(pieces()))),
    "chunks in base64": rows(*({"ts": SECOND, "b": base64.b64encode(p.encode()).decode()} for p in pieces(300))),
    "lines of a container's log": rows(*({"log": line + "\n", "stream": "stdout", "time": "2026-11-21T06:00:00.5Z"} for line in TEXT.split("\n"))),
    "named events": rows(*({"event": e["type"], "data": e, "timestamp": SECOND} for e in payloads())),
    "named events, data as text": rows(*({"event": e["type"], "data": json.dumps(e), "timestamp": SECOND} for e in payloads())),
    "events in a field": rows(*({"at": SECOND, "msg": {"payload": e}} for e in payloads())),
    "WebSocket frames": rows(*({"ts": SECOND, "dir": "in", "frame": json.dumps(e)} for e in payloads())),
    "a list of events": rows({"ts": SECOND, "events": payloads()}),
    "a list of named events": rows({"ts": SECOND, "answer": {"sse": [{"event": e["type"], "data": e} for e in payloads()]}}),
    "a list of named events, data as text": rows({"ts": SECOND, "sse": [{"event": e["type"], "data": json.dumps(e)} for e in payloads()]}),
    "a list of wrapped events": rows({"ts": SECOND, "events": [{"at": 1, "data": e} for e in payloads()]}),
    "a list of wrapped events, as text": rows({"ts": SECOND, "frames": [{"at": 1, "raw": json.dumps(e)} for e in payloads()]}),
    "messages of journald": rows(*({"__REALTIME_TIMESTAMP": str(SECOND * 10**6 + n), "MESSAGE": line} for n, line in enumerate(TEXT.split("\n")))),
    "one line per row": rows(*({"ts": SECOND + n, "line": line} for n, line in enumerate(TEXT.splitlines()))),
    "our own recording": rows({"t": SECOND * 10**9, "lane": "a", "begin": True}, *({"t": SECOND * 10**9 + n, "lane": "a", "chunk": p} for n, p in enumerate(pieces())), {"t": SECOND * 10**9 + 999, "lane": "a", "end": True}),
}  # fmt: skip


@pytest.mark.parametrize("form", ["auto", "rows"])
@pytest.mark.parametrize("shape", SHAPES)
def test_known_shapes_need_no_options(backend: ModuleType, shape: str, form: str) -> None:
    read = Read(backend, SHAPES[shape], form=form)
    assert [event.to_dict() for event in read.events] == payloads()
    assert read.codes == {}
    (response,) = read.responses
    assert response.status == "completed"
    assert response.output_text == backend_text(backend)
    if shape != "events in a field":
        assert response._state.started_at is not None


def test_list_of_events_precedes_whole_response(backend: ModuleType) -> None:
    """A row that contains both gives one response, from its events."""
    whole = {"id": "resp_1", "object": "response", "status": "completed", "output": []}
    read = Read(
        backend, rows({"response": {"body": whole, "events": [{"event": e["type"], "data": e} for e in payloads()]}})
    )
    assert [event.to_dict() for event in read.events] == payloads()
    assert len(read.responses) == 1


@pytest.mark.parametrize("form", ["auto", "rows"])
def test_whole_responses_in_rows(backend: ModuleType, form: str) -> None:
    """The output of the Batch API: a whole response or an error at `/response/body`."""

    def row(number: int, body: Any) -> dict[str, Any]:
        return {
            "id": f"b_{number}",
            "custom_id": f"c_{number}",
            "response": {"status_code": 200, "body": body},
            "error": None,
        }

    def whole(number: int) -> dict[str, Any]:
        return {
            "object": "response",
            "id": f"r_{number}",
            "status": "completed",
            "output": [],
            "usage": {"input_tokens": number},
        }

    error = {"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}
    read = Read(backend, rows(row(0, whole(0)), row(1, error), row(2, whole(2))), form=form)
    assert [(response.id, response.complete, response.usage.input_tokens) for response in read.responses] == [
        ("r_0", True, 0),
        ("r_2", True, 2),
    ]
    assert (read.events, read.codes) == ([], {"error_body": 1})


def test_rows_that_are_no_lines_are_joined(backend: ModuleType) -> None:
    """A chunk may begin like a line, or be empty: only whole lines get a line end."""
    event = '{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"data: x"}'
    for chunks in (
        ["data: ", "", event, "\n\n"],
        [f"data: {event[:-9]}", f"{event[-9:]}\n", "\n"],
        [f"data: {event[:-9]}", "", event[-9:], "\n\n"],
        [": comment\n", f"data: {event}", "\n\n"],
        ["event: response.output", "_text.delta\n", f"data: {event}\n\n"],
    ):
        read = Read(backend, rows(*({"chunk": chunk} for chunk in chunks)), field="/chunk")
        assert ([event.delta for event in read.events], read.codes.get("bad_json")) == (["data: x"], None), chunks


def backend_text(backend: ModuleType) -> str:
    text: str = Read(backend, SSE).responses[0].output_text
    return text


def test_offsets_are_row_offsets(backend: ModuleType) -> None:
    data = SHAPES["chunks"]
    read = Read(backend, data)
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    assert all(event.offset in starts for event in read.events)
    state = read.responses[0]._state
    assert (state.byte_start, state.line) == (0, 1)
    assert state.byte_end + 1 in starts


def test_one_response_per_row(backend: ModuleType) -> None:
    whole = {"id": "x", "ts": SECOND, "body": TEXT}
    read = Read(backend, rows(whole, {**whole, "ts": SECOND + 1}, {**whole, "body": TEXT[:2000]}, whole))
    assert [response.status for response in read.responses] == ["completed", "completed", "in_progress", "completed"]
    assert read.codes == {"unfinished_block": 1, "no_terminal": 1}
    assert read.times(1) == (SECOND + 1, None, SECOND + 1)


def test_response_is_returned_with_its_row(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    assert len(decoder.fold(rows({"body": TEXT}))) == 1
    assert len(decoder.fold(rows({"body": TEXT}))) == 1
    assert decoder.fold_end() == []


def test_lanes_join_chunks(backend: ModuleType) -> None:
    mixed = rows(*({"q": {"id": lane}, "w": SECOND + n, "c": p} for n, p in enumerate(pieces(70)) for lane in (7, "b")))
    read = Read(backend, mixed, form="rows", field="/c", time="/w", lane="/q/id")
    assert [response.stream_id for response in read.responses] == ["7", "b"]
    assert {event.stream_id for event in read.events} == {"7", "b"}
    assert read.codes == {}
    assert all(response.status == "completed" for response in read.responses)
    assert read.times(0) == read.times(1)


def test_arrays_end_with_their_row(backend: ModuleType) -> None:
    """Whatever the next row has is no text on the line of the array, in the same lane or in another."""
    event = '{"type":"response.brand_new"}'
    texts = [
        ("a", f"[{event}]"),
        ("a", f"[{event}, {event}]"),
        ("a", event),
        ("a", f"[{event}]"),
        ("b", f"data: {event}\n\n"),
    ]
    read = Read(backend, rows(*({"lane": lane, "text": text} for lane, text in texts)), field="/text")
    assert [event.stream_id for event in read.events] == ["a", "a", "a", "a", "a", "b"]
    assert read.codes == {"unknown_event": 1, "no_responses": 1}


def test_lanes_end(backend: ModuleType) -> None:
    """A finished lane is dropped."""
    decoder = backend.Decoder()
    for lane in range(50):
        row = {"t": 1, "lane": str(lane)}
        ended = decoder.fold(rows({**row, "begin": True}, {**row, "chunk": TEXT[:900]}, {**row, "chunk": TEXT[900:]}))
        assert ended == []
        assert len(decoder.fold(rows({**row, "end": True}))) == 1
    assert decoder.fold_end() == []


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (SECOND, SECOND),
        (SECOND + 0.25, SECOND + 0.25),
        (SECOND * 1000 + 250, SECOND + 0.25),
        (SECOND * 10**6 + 250_000, SECOND + 0.25),
        (SECOND * 10**9 + 250_000_000, SECOND + 0.25),
        (f"{SECOND}.25", SECOND + 0.25),
        ("2025-11-21T06:05:53.25Z", SECOND + 0.25),
        ("2025-11-21 06:05:53.250", SECOND + 0.25),
        ("2025-11-21T08:35:53,25+02:30", SECOND + 0.25),
        ("2025-11-20T22:05:53.25-0800", SECOND + 0.25),
        ("yesterday", None),
        (-1, None),
        (True, None),
        (1e30, None),
        ("2025-13-01T00:00:00Z", None),
    ],
)
def test_times(backend: ModuleType, written: Any, seconds: float | None) -> None:
    read = Read(backend, rows({"w": written, "e": payloads()[0]}), field="/e", time="/w")
    assert read.times()[0] == seconds
    assert read.codes.get("bad_field", 0) == (seconds is None)


def test_response_gets_times(backend: ModuleType) -> None:
    events = payloads()
    read = Read(
        backend, rows(*({"event": e["type"], "data": e, "timestamp": SECOND + n} for n, e in enumerate(events)))
    )
    first = next(n for n, e in enumerate(events) if e["type"].endswith(".delta"))
    assert read.times() == (SECOND, SECOND + first, SECOND + len(events) - 1)
    assert list(read.responses[0]._state.delta_times) == [
        SECOND + n for n, e in enumerate(events) if e["type"].endswith(".delta")
    ]


def test_decreasing_times_are_clamped(backend: ModuleType) -> None:
    events = payloads()
    back = rows(*({"event": e["type"], "data": e, "timestamp": SECOND - n} for n, e in enumerate(events)))
    read = Read(backend, back)
    assert read.codes == {"time_reversed": len(events) - 1}
    assert read.times() == (SECOND, SECOND, SECOND)
    assert read.decoder.diagnostics[0].message == "the time is 1000000 µs before the previous one"


MALFORMED = [
    ("a row that is not JSON", b"nope\n", {}, {"bad_json": 1}),
    ("a row that is cut short", b'{"t":1,"lane":"a","chunk":"data: {\n', {}, {"bad_json": 1}),
    ("a row without the field", rows({"x": 1}), {}, {"bad_field": 1}),
    ("a field of another kind", rows({"c": 3}), {}, {"bad_field": 1}),
    ("no time", rows({"c": "data: {}\n\n"}), {"time": "/ts"}, {"bad_field": 1, "no_type": 1}),
    ("no lane", rows({"c": ": ping\n"}), {"lane": "/id"}, {"bad_field": 1}),
    ("gzip that is cut short", rows({"c": base64.b64encode(gzip.compress(SSE)[:90]).decode()}), {}, {"bad_compression": 1}),
    ("an error body", rows({"c": '{"error": {"message": "no", "code": "invalid_api_key"}}'}), {}, {"error_body": 1}),
    ("a list of numbers", rows({"c": [1, 2]}), {}, {"bad_field": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "options", "codes"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
)
def test_malformed_rows_are_diagnosed(
    backend: ModuleType, data: bytes, options: dict[str, str], codes: dict[str, int]
) -> None:
    good = rows({"c": TEXT, "ts": SECOND, "id": "a"})
    alone = Read(backend, data, form="rows", field="/c", **options)
    named = {} if "error_body" in codes else {"no_responses": 1}
    assert alone.codes == codes | named
    between = Read(backend, good + data + good, form="rows", field="/c", **options)
    assert len(between.responses) == 2
    assert between.codes == codes


def whole_response() -> dict[str, Any]:
    response: dict[str, Any] = payloads()[-1]["response"]
    return response


def test_whole_responses_in_other_fields(backend: ModuleType) -> None:
    whole = whole_response()
    for row in ({"a": 1, "response": whole}, {"log": {"body": json.dumps(whole)}}, {"response": {"body": whole}}):
        read = Read(backend, rows(row, row))
        assert [response.to_dict() for response in read.responses] == [whole, whole]
        assert read.codes == {}


def test_batch_output(backend: ModuleType) -> None:
    """Errors of the Batch API's output are read in any order, also if no request succeeded."""
    error = {"custom_id": "a", "response": {"status_code": 429, "body": {"error": {"message": "Slow down"}}}}
    expired = {"custom_id": "b", "response": None, "error": {"code": "batch_expired", "message": "late"}}
    good = {"custom_id": "c", "response": {"status_code": 200, "body": whole_response()}, "error": None}
    chat = {"custom_id": "d", "response": {"status_code": 200, "body": {"object": "chat.completion", "id": "c"}}}
    read = Read(backend, rows(error, expired, good, error))
    assert [response.status for response in read.responses] == ["completed"]
    assert read.codes == {"error_body": 3}
    assert Read(backend, rows(error, expired)).codes == {"error_body": 2}
    read = Read(backend, rows(chat))
    assert ([(response.api, response.id) for response in read.responses], read.codes) == ([("chat", "c")], {})
    assert Read(backend, rows({"custom_id": "e", "response": {"body": 1}})).codes == {"no_type": 1, "no_responses": 1}


@pytest.mark.parametrize("other", ["GET /health 200", "Started.", '{"level": "info"}', "  indented", ""])
def test_lines_of_a_log_between_lines_of_a_stream(backend: ModuleType, other: str) -> None:
    lines = TEXT.rstrip("\n").split("\n")
    mixed = rows(*({"ts": SECOND, "msg": text} for line in lines for text in (line, other)), {"msg": ""})
    read = Read(backend, mixed)
    assert [event.to_dict() for event in read.events] == payloads()
    assert [response.status for response in read.responses] == ["completed"]
    assert read.codes.keys() <= {"stray_text", "no_type"}


def test_chunks_that_end_inside_of_lines(backend: ModuleType) -> None:
    """Chunks are joined as they are if the second one cannot be a line."""
    first = TEXT.index("data:")
    for cut in (8, 15, first - 1, first, first + 30):
        parts = [TEXT[:cut], *(TEXT[at : at + 200] for at in range(cut, len(TEXT), 200))]
        read = Read(backend, rows(*({"ts": SECOND, "chunk": part} for part in parts)))
        assert [event.to_dict() for event in read.events] == payloads()
        assert read.codes == {}


def test_rows_without_stream(backend: ModuleType) -> None:
    data = rows({"level": "info", "msg": "data: none"})
    assert Read(backend, data).codes == {"no_type": 1, "no_responses": 1}
    assert Read(backend, data, form="rows").codes == {"bad_field": 1, "no_responses": 1}


def test_wrong_options(backend: ModuleType) -> None:
    with pytest.raises(ValueError, match="field must be a JSON pointer such as /response/body, not 'body'"):
        backend.Decoder(field="body")
    with pytest.raises(ValueError, match="field, time and lane require form='rows', not 'sse'"):
        backend.Decoder(form="sse", time="/t")


def test_split_anywhere(backend: ModuleType) -> None:
    random.seed(4)
    for data in SHAPES.values():
        whole = Read(backend, data)
        for _ in range(3):
            decoder = backend.Decoder()
            events: list[Any] = []
            at = 0
            while at < len(data):
                step = random.choice([1, 50, 4000])
                events += decoder.feed(data[at : at + step])
                at += step
            events += decoder.finish()
            assert [(e.raw, e.offset) for e in events] == [(e.raw, e.offset) for e in whole.events]
            assert decoder.diagnostics == whole.decoder.diagnostics


# -- the backends agree ----------------------------------------------------------------------------------------------


def jumble(seed: int) -> bytes:
    """Rows of many shapes, mixed and spoiled."""
    draw = random.Random(seed)
    lines: list[bytes] = []
    for _ in range(draw.randrange(1, 5)):
        data = draw.choice(list(SHAPES.values())).splitlines(keepends=True)
        lines += data if draw.random() < 0.7 else data[: draw.randrange(len(data) + 1)]
    if draw.random() < 0.4:
        draw.shuffle(lines)
    if draw.random() < 0.4:
        lines.insert(0, draw.choice(MALFORMED)[1])
    text = b"".join(lines)
    if draw.random() < 0.4:
        at = draw.randrange(len(text) + 1)
        text = text[:at] + bytes([draw.randrange(256)]) + text[at + draw.randrange(3) :]
    return text


OPTIONS: list[dict[str, Any]] = [
    {},
    {"form": "rows"},
    {"field": "/body"},
    {"form": "rows", "field": "/chunk", "time": "/ts", "lane": "/lane"},
    {"on_eof": "discard"},
    {"max_event_bytes": 700},
]


@pytest.mark.parametrize("seed", range(40))
def test_backends_agree(backends: tuple[ModuleType, ModuleType], seed: int) -> None:
    data, options = jumble(seed), OPTIONS[seed % len(OPTIONS)]
    rust, python = (Read(backend, data, **options) for backend in backends)
    assert [(e.raw, e.offset, e.stream_id) for e in rust.events] == [
        (e.raw, e.offset, e.stream_id) for e in python.events
    ]
    assert rust.decoder.diagnostics == python.decoder.diagnostics
    found = [[(backend.response_row(r._state, "s", whole=True), list(r._state.delta_times)) for r in read.responses]
             for backend, read in zip(backends, (rust, python), strict=True)]  # fmt: skip
    assert found[0] == found[1]


# -- HAR and VCR files -----------------------------------------------------------------------------------------------


def har(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"log": {"version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"}, "entries": [*entries]}}


def entry(text: Any, **content: Any) -> dict[str, Any]:
    return {
        "startedDateTime": "2025-11-21T06:05:53.000Z",
        "time": 1500.5,
        "request": {"method": "POST", "url": "https://api.openai.com/v1/responses", "headers": []},
        "response": {
            "status": 200,
            "content": {"mimeType": "text/event-stream; charset=utf-8", "text": text, **content},
        },
    }


def cassette(*bodies: Any) -> dict[str, Any]:
    request = {"method": "POST", "uri": "https://api.openai.com/v1/responses", "body": '{"input": "é"}'}
    return {
        "interactions": [
            {
                "request": request,
                "response": {"headers": {"Content-Type": ["text/event-stream"]}, "body": {"string": b}},
            }
            for b in bodies
        ],
        "version": 1,
    }


OTHER = {
    "request": {"url": "https://x.org/y.js"},
    "response": {"content": {"mimeType": "text/javascript", "text": "1"}},
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("form", ["auto", "har"])
def test_har(api: Any, form: str, indent: int | None) -> None:
    packed = base64.b64encode(SSE).decode()
    text = json.dumps(har(OTHER, entry(TEXT), entry(packed, encoding="base64"), entry(TEXT[:900])), indent=indent)
    data = text.encode()
    stream = api.responses(data, form=form)
    found = list(stream)
    assert [response.status for response in found] == ["completed", "completed", "in_progress"]
    assert [data[response.offset : response.offset + 1] for response in found] == [b"{"] * 3
    state = found[0]._state
    assert (state.started_at, state.first_delta_at, state.ended_at) == (SECOND, None, SECOND + 1.5005)
    assert {diagnostic.code for diagnostic in stream.diagnostics} == {"bad_json", "unfinished_block", "no_terminal"}
    assert len(list(api.events(data, form=form))) >= 2 * COUNT


def test_har_with_timed_frames(api: Any) -> None:
    frames = [
        {"type": "receive", "time": SECOND + n / 8, "opcode": 1, "data": json.dumps(e)}
        for n, e in enumerate(payloads())
    ]
    one = {**OTHER, "_webSocketMessages": [{"type": "send", "time": 1, "data": "{}"}, *frames]}
    (response,) = api.responses(json.dumps(har(one)).encode())
    assert response.latency.inter_token_p50 == 0.125


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (json.dumps(har(entry(TEXT))).encode()[:3000], "bad_field"),
        (json.dumps(har(entry(None))).encode(), "bad_field"),
        (json.dumps(har(entry('{"error": {"message": "no"}}'))).encode(), "error_body"),
        (json.dumps(har()).encode(), None),
    ],
)
def test_har_without_responses(api: Any, tmp_path: Path, data: bytes, code: str | None) -> None:
    stream = api.responses(data)
    assert list(stream) == []
    *found, last = readings.codes(stream.diagnostics)
    assert [*found, last] == [code] if code == "error_body" else [*filter(None, [code]), "no_responses"]
    if last == "no_responses":
        assert stream.diagnostics[-1].message == "0 responses; the HAR file has no stream of a response"
    (path := tmp_path / "a.har").write_bytes(data)
    scan = api.scan(path, "diagnostics")
    messages = [row["message"] for row in scan.to_arrow().to_pylist()]
    assert sorted(messages) == sorted(one.message for one in stream.diagnostics)


@pytest.mark.parametrize("unicode", [True, False])
def test_vcr(api: Any, unicode: bool) -> None:
    yaml = pytest.importorskip("yaml")
    data = yaml.safe_dump(cassette(TEXT, gzip.compress(SSE), None), allow_unicode=unicode).encode()
    stream = api.responses(data)
    found = list(stream)
    assert [response.status for response in found] == ["completed", "completed"]
    assert [data[: response.offset].count(b"\n") + 1 for response in found] == [
        response._state.line for response in found
    ]
    assert readings.codes(stream.diagnostics) == ["bad_field"]
    assert len(list(api.events(data, form="vcr"))) == 2 * COUNT


def test_vcr_as_json(api: Any) -> None:
    data = json.dumps({"version": 1, **cassette(TEXT)}).encode()
    assert [response.status for response in api.responses(data)] == ["completed"]


def test_ruby_vcr(api: Any) -> None:
    yaml = pytest.importorskip("yaml")
    one = {
        "request": {"method": "post", "uri": "https://api.openai.com/v1/responses"},
        "response": {"headers": {"Content-Type": ["text/event-stream"]}, "body": {"encoding": "UTF-8", "string": TEXT}},
        "recorded_at": "Fri, 21 Nov 2025 06:05:53 GMT",
    }
    data = b"---\n" + yaml.safe_dump({"http_interactions": [one], "recorded_with": "VCR 6.3.1"}).encode()
    (response,) = api.responses(data)
    assert response._state.ended_at == SECOND


def test_broken_cassette(api: Any) -> None:
    pytest.importorskip("yaml")
    stream = api.responses(b"interactions:\n- request: [}\n")
    assert list(stream) == []
    assert readings.codes(stream.diagnostics) == ["bad_field", "no_responses"]
    assert stream.diagnostics[-1].message == "0 responses; the VCR cassette has no stream of a response"


def test_detection_by_first_bytes() -> None:
    from respstream.recordings.detect import detect_wrapper as sniff

    seen = {
        b'{"log": {"version"': "har",
        b'\xef\xbb\xbf{\n  "log" : {': "har",
        b'{"log": "data: {}", "stream": "stdout"}': "",
        b'{"type": "response.created"}': "",
        b"interactions:\n- request:": "vcr",
        b"---\nhttp_interactions:\n": "vcr",
        b"version: 1\ninteractions:\n": "vcr",
        b'{"version": 1, "interactions": [': "vcr",
        b"id: 7\n": "",
        b": comment\n": "",
        b"data: {": "",
        b"[": "",
    }
    for text, form in seen.items():
        assert sniff(text) == form, text
        assert all(sniff(text[:cut]) in (None, form) for cut in range(len(text)))


def test_detection_does_not_copy_log() -> None:
    from respstream.recordings.detect import detect_wrapper as sniff

    log = rows({"type": "response.created"}) * 100_000
    tracemalloc.start()
    try:
        assert sniff(log) == ""
        assert tracemalloc.get_traced_memory()[1] < len(log) // 20
    finally:
        tracemalloc.stop()


def drip(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def test_byte_by_byte(api: Any) -> None:
    assert len(list(api.events(drip(SSE)))) == COUNT
    assert len(list(api.responses(drip(json.dumps(har(entry(TEXT))).encode())))) == 1


# -- Chat Completions ------------------------------------------------------------------------------------------------

CHAT = chat_streams.sse([chat_streams.chunk("Hi"), chat_streams.chunk(" you", finish="stop")]).decode()
CHAT_PATH = "https://gateway.example/v1/chat/completions?api-version=1"


def chat_texts(api: Any, value: Any, **options: Any) -> list[tuple[str, str, bool]]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return [(one.api, one.output_text, one.complete) for one in api.responses(data, **options)]


@pytest.mark.parametrize("mime", ["text/event-stream", "application/json", ""])
def test_har_with_completions(api: Any, mime: str) -> None:
    one = entry(CHAT, mimeType=mime)
    one["request"]["url"] = CHAT_PATH
    assert chat_texts(api, har(OTHER, one, entry(TEXT)))[0] == ("chat", "Hi you", True)
    whole = entry(json.dumps({"object": "chat.completion", "choices": [{"message": {"content": "Hi"}}]}), mimeType=mime)
    whole["request"]["url"] = CHAT_PATH
    assert chat_texts(api, har(whole)) == [("chat", "Hi", True)]


def test_har_with_frames_of_completions(api: Any) -> None:
    frames = [
        {"type": "receive", "time": SECOND + n / 8, "opcode": 1, "data": json.dumps(chat_streams.chunk(text))}
        for n, text in enumerate("abc")
    ]
    (response,) = api.responses(json.dumps(har({**OTHER, "_webSocketMessages": frames})).encode())
    assert (response.api, response.output_text, response.latency.inter_token_p50) == ("chat", "abc", 0.125)


def test_vcr_with_completions(api: Any) -> None:
    tape = cassette(CHAT, TEXT)
    tape["interactions"][0]["request"]["uri"] = CHAT_PATH
    tape["interactions"][0]["response"]["headers"] = {}
    assert [found[0] for found in chat_texts(api, tape)] == ["chat", "responses"]


def test_rows_with_completions(api: Any) -> None:
    chunks = [chat_streams.chunk("Hi"), chat_streams.chunk(" you", finish="stop")]
    lanes = [{"t": n, "lane": "a", "chunk": text} for n, text in enumerate(CHAT.partition("you"))]
    rows = {
        "stream in a field": [{"time": 1, "body": CHAT}],
        "events in a field": [{"time": 1, "body": one} for one in chunks],
        "events as text": [{"time": 1, "body": json.dumps(one)} for one in chunks],
        "list of events": [{"time": 1, "body": chunks}],
        "wrapped events": [{"time": 1, "body": [{"at": n, "event": one} for n, one in enumerate(chunks)]}],
        "recording": [{"t": 0, "lane": "a", "begin": True}, *lanes, {"t": 9, "lane": "a", "end": True}],
    }
    for name, lines in rows.items():
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        assert chat_texts(api, data) == [("chat", "Hi you", True)], name
