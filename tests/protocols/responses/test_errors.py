"""Errors in the forms of servers and gateways, and events of other APIs that look like those of this one."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support import readings
from tests.support.minimal_streams import BEGIN, DELTA, END, ITEM

ERRORS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"error": "up"}, {"message": "up"}),
    ({"error": {"message": "m", "code": 502}}, {"message": "m", "code": 502}),
    ({"error": "up", "code": 3, "message": None}, {"message": "up", "code": 3}),
    ({"error": "up", "message": "m"}, {"message": "m"}),
    ({"detail": "d"}, {"message": "d"}),
    ({"error": "up", "detail": "d"}, {"message": "up"}),
    ({"code": "c"}, {"code": "c"}),
    ({"response": {"id": "r", "error": {"message": "m", "code": "c"}}}, {"message": "m", "code": "c"}),
    ({"response": {"id": "r", "error": "m"}}, {"message": "m"}),
    ({"response": {"error": "m"}, "message": "own"}, {"message": "own"}),
    ({"detail": {"message": "m", "code": "c"}}, {"message": "m", "code": "c"}),
    ({"detail": [{"msg": "m"}], "status": 422}, {"message": "m"}),
    ({"detail": [], "code": 1}, {"code": 1}),
    ({"response": {"error": {}, "x": 1}, "code": "c"}, {"code": "c"}),
    ({"detail": {"error": {}, "message": "m"}}, {"message": "m"}),
    ({"detail": {"error": {}}, "code": "c"}, {"code": "c"}),
]
# fmt: off
BODIES: list[tuple[bytes, dict[str, Any]]] = [
    (b'{"error":{"message":"boom","code":502}}', {"message": "boom", "code": 502}),
    (b'{"error":"boom"}', {"message": "boom"}),
    (b'{"error":{"message":"' + b"m" * 5000 + b'"}}', {"message": "m" * 5000}),
    (b'{\n "error": {\n  "message": "boom"\n }\n}', {"message": "boom"}),
    (b'{"error":{"message":"boom","code":5', {"message": "boom"}),
    (b'data: {"error":{"message":"boom"}}\n', {"message": "boom"}),
    (b'{"detail":"boom"}', {"message": "boom"}),
    (b'{"detail":[{"loc":["body","input"],"msg":"required"}]}', {"message": "required"}),
    (b'{"detail":{"error":"boom"}}', {"message": "boom"}),
    (b'{"detail":{"message":"boom","code":"c"}}', {"message": "boom", "code": "c"}),
    (b'{"detail":{"error":{ },"message":"boom"}}', {"message": "boom"}),
    (b'{"object":"error","message":"boom","type":"NotFoundError","param":null,"code":404}', {"message": "boom", "type": "NotFoundError", "code": 404}),
    (b'event: error\ndata: {"object":"error","message":"boom","type":"NotFoundError"}\n', {"message": "boom", "type": "NotFoundError"}),
    (b'{"object":"error","message":"boom","type":null,"x":1}', {"message": "boom"}),
]
# fmt: on
NO_BODIES = [
    b'{"object":"error","type":"x"}',
    b'{"object":"error","message":5,"type":"x"}',
    b'{"detail":"d","level":"info"}',
    b'{"detail":[]}',
    b'{"detail":{"x":1}}',
    b'{"detail":{"error":{}}}',
    b'{"error":1}',
]


def decode(backend: ModuleType, stream: bytes) -> Any:
    decoder = backend.Decoder()
    decoder.feed(stream)
    decoder.finish()
    return decoder


@pytest.mark.parametrize("kind", ["error", "response.error"])
@pytest.mark.parametrize(("members", "expected"), ERRORS)
def test_error_events(backend: ModuleType, kind: str, members: dict[str, Any], expected: dict[str, Any]) -> None:
    line = json.dumps({"type": kind, **members}).encode() + b"\n"
    for stream in (BEGIN + DELTA + line, line):
        (response,) = decode(backend, stream).responses
        assert response.error.to_dict() == expected


@pytest.mark.parametrize("error", ['{"message":"boom","code":"c"}', '"boom"'])
def test_error_beside_a_missing_response(backend: ModuleType, error: str) -> None:
    line = f'{{"type":"response.failed","error":{error}}}\n'.encode()
    for stream in (BEGIN + DELTA + line, line):
        (response,) = decode(backend, stream).responses
        assert (response.status, response.error.message) == ("failed", "boom")
        assert "bad_field" in readings.codes(response.diagnostics)


def test_message_of_an_error_body_without_code(backend: ModuleType) -> None:
    messages = [one.message for one in decode(backend, b'{"error":"boom"}\n').diagnostics]
    assert messages == ["API error: boom"]
    messages = [one.message for one in decode(backend, b'{"error":{"type":"t"}}\n').diagnostics]
    assert messages == ["API error: t: "]


def test_error_of_response_is_a_string(backend: ModuleType) -> None:
    failed = END.replace(b"completed", b"failed").replace(b'"id"', b'"error":"boom","id"')
    (response,) = decode(backend, BEGIN + failed).responses
    assert response.error.message == "boom"


@pytest.mark.parametrize(("body", "expected"), BODIES, ids=range(len(BODIES)))
def test_error_body_inside_response(backend: ModuleType, body: bytes, expected: dict[str, Any]) -> None:
    for stream in (BEGIN + DELTA + body, BEGIN + body + b"\n" + ITEM + DELTA + END):
        (response,) = decode(backend, stream).responses
        found = response.error.to_dict()
        assert found == expected or (body.endswith(b"5") and found == {**expected, "code": "5"})
        assert readings.codes(response.diagnostics).count("error_body") == 1


@pytest.mark.parametrize(("body", "_"), BODIES, ids=range(len(BODIES)))
def test_error_body_outside_responses(backend: ModuleType, body: bytes, _: Any) -> None:
    stream = BEGIN + END + body + b"\n" + BEGIN + END
    decoder = decode(backend, stream)
    assert [response.error for response in decoder.responses] == [None, None]
    (found,) = [diagnostic for diagnostic in decoder.diagnostics if diagnostic.code == "error_body"]
    assert found.response_id is None
    assert not decode(backend, body).responses


@pytest.mark.parametrize("body", NO_BODIES)
def test_objects_that_are_no_error_bodies(backend: ModuleType, body: bytes) -> None:
    (response,) = decode(backend, BEGIN + body + b"\n").responses
    assert response.error is None


def test_error_body_in_the_lane_of_a_row(backend: ModuleType) -> None:
    body = f"data: {BEGIN.decode()}\n" + 'data: {"error":{"message":"boom"}}\n\n'
    rows = [{"body": body, "request_id": lane, "timestamp": 1800000000} for lane in ("a", "b")]
    decoder = decode(backend, b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    assert [response.error.message for response in decoder.responses] == ["boom", "boom"]


def test_table_has_error(api: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(BEGIN + b'{"error":{"message":"boom","code":502}}\n')
    (row,) = api.scan(path, "responses").to_arrow().to_pylist()
    assert (row["error_code"], row["error_message"]) == ("502", "boom")


# -- other APIs --------------------------------------------------------------------------------------------------------

WEBHOOK = b'{"object":"event","id":"evt_1","type":"response.completed","data":{"id":"resp_1"}}\n'
REALTIME = (
    b'{"type":"session.created","event_id":"e0","session":{}}\n'
    b'{"type":"response.created","event_id":"e1","response":{"object":"realtime.response","id":"resp_1","output":[]}}\n'
    b'{"type":"response.output_item.added","event_id":"e2","output_index":0,"item":{"object":"realtime.item","id":"i"}}\n'
    b'{"type":"response.output_text.delta","event_id":"e3","output_index":0,"content_index":0,"delta":"Hi"}\n'
    b'{"type":"response.audio_transcript.delta","event_id":"e4","delta":"Hi"}\n'
    b'{"type":"error","event_id":"e5","error":{"message":"m"}}\n'
    b'{"type":"response.done","event_id":"e6","response":{"object":"realtime.response","id":"resp_1","output":[]}}\n'
)
ASSISTANTS = (
    b'event: thread.run.created\ndata: {"id":"run_1","object":"thread.run"}\n\n'
    b'event: thread.message.delta\ndata: {"id":"msg_1","object":"thread.message.delta"}\n\n'
)
OTHERS = [
    (WEBHOOK * 3, "webhooks"),
    (WEBHOOK.replace(b'"object":"event",', b""), "webhooks"),
    (WEBHOOK.replace(b"response.completed", b"batch.completed"), "webhooks"),
    (WEBHOOK.replace(b'"event"', b'"\\u0065vent"'), "webhooks"),
    (REALTIME, "Realtime"),
    (REALTIME[REALTIME.index(b"\n") + 1 :], "Realtime"),
    (DELTA.replace(b'"type"', b'"event_id":"e","response_id":"r","type"', 1) + REALTIME, "Realtime"),
    (ASSISTANTS, "Assistants"),
    (b'{"id":"run_1","object":"thread.run"}\n{"type":"thread.created"}\n', "Assistants"),
]


@pytest.mark.parametrize(("stream", "protocol"), OTHERS, ids=range(len(OTHERS)))
def test_look_alikes_make_no_response(backend: ModuleType, stream: bytes, protocol: str) -> None:
    decoder = decode(backend, stream)
    assert not decoder.responses
    (found,) = decoder.diagnostics
    assert (found.code, found.detail) == ("foreign_stream", {"protocol": protocol})
    assert readings.read(backend, stream, readings.every_byte(stream)) == readings.read(backend, stream)


def test_responses_among_look_alikes_are_read(backend: ModuleType) -> None:
    numbered = DELTA.replace(b'"delta":', b'"event_id":"e","sequence_number":1,"delta":')
    decoder = decode(backend, REALTIME + BEGIN + ITEM + DELTA + WEBHOOK + DELTA + numbered + END + REALTIME)
    (response,) = decoder.responses
    assert response.output_text == "HiHiHi"
    assert readings.codes(decoder.diagnostics).count("foreign_stream") == 1


def test_event_ids_of_gateways_are_no_sign(backend: ModuleType) -> None:
    lines = (line.replace(b'"type"', b'"event_id":"e","type"', 1) for line in (BEGIN, ITEM, DELTA, DELTA, END))
    (response,) = decode(backend, b"".join(lines)).responses
    assert response.output_text == "HiHi"
