"""Frames to events: types, classes, members, offsets, lanes, and payload defects. A table, over both backends."""

from __future__ import annotations

import gc
import json
import tracemalloc
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from benches import shapes
from respstream import Payload, UnknownEvent, types
from tests.support import readings

DELTA = b'{"type":"response.output_text.delta","sequence_number":3,"item_id":"i","output_index":0,"content_index":1,"delta":"Hi","logprobs":[]}'


def decode(backend: ModuleType, source: bytes, **options: Any) -> tuple[list[Any], list[str]]:
    """The events and the codes."""
    decoder = backend.Decoder(**options)
    events = [*decoder.feed(source), *decoder.finish()]
    return events, readings.codes(decoder.diagnostics)


def one(backend: ModuleType, source: bytes, **options: Any) -> Any:
    (event,) = decode(backend, source, **options)[0]
    return event


class Row(NamedTuple):
    """The input; the types and offsets of the events, and the diagnostic codes."""

    name: str
    source: bytes
    events: list[tuple[str, int]]
    codes: list[str] = []  # noqa: RUF012
    form: str = "auto"


K = b'{"type":"keepalive"}'
KEEP = "keepalive"
FRAMES = [
    Row("a block", b"data: " + K + b"\n\n", [(KEEP, 0)]),
    Row("blocks", b"data: " + K + b"\n\ndata: " + K + b"\n\n", [(KEEP, 0), (KEEP, 28)]),
    Row("an offset is that of the block, not of its data", b": hi\nid: 1\nevent: keepalive\ndata: " + K + b"\n\n", [(KEEP, 5)]),
    Row("more blank lines than needed", b"\n\n\ndata: " + K + b"\n\n\n\n", [(KEEP, 3)]),
    Row("a line", K + b"\n", [(KEEP, 0)]),
    Row("lines", K + b"\n" + K, [(KEEP, 0), (KEEP, 21)]),
    Row("white space around a line", b"  " + K + b" \t\n", [(KEEP, 0)]),
    Row("lines and blocks", K + b"\ndata: " + K + b"\n\n" + K + b"\n", [(KEEP, 0), (KEEP, 21), (KEEP, 49)]),
    Row("a line inside a block is an unknown field", b"event: keepalive\n" + K + b"\ndata: " + K + b"\n\n", [(KEEP, 0)]),
    Row("no blank lines", b"data: " + K + b"\ndata: " + K + b"\n\n", [(KEEP, 0), (KEEP, 27)], ["missing_blank_line"]),
    Row("no blank lines, with names", b"event: keepalive\ndata: " + K + b"\nevent: keepalive\ndata: " + K + b"\n\n", [(KEEP, 0), (KEEP, 44)], ["missing_blank_line"]),
    Row("no blank lines, names last", b"data: " + K + b"\nevent: keepalive\ndata: " + K + b"\nevent: keepalive\n\n", [(KEEP, 0), (KEEP, 44)], ["missing_blank_line"]),
    Row("data of several lines", b'data: {"type":\ndata: "keepalive"}\n\n', [(KEEP, 0)]),
    Row("data of several lines that is none", b'data: {"type":\ndata: oops}\n\n', [], ["bad_json", "no_responses"]),
    Row("a text of several lines", b'{\n "type": "keepalive"\n}\n' + K + b"\n", [(KEEP, 0), (KEEP, 25)]),
    Row("a text that breaks off", b'{\n "type": "keep\n' + K + b"\n", [(KEEP, 17)], ["bad_json", "stray_text"]),
    Row("a text that another line ends", b'{\n "type":\n' + K + b"\n", [(KEEP, 11)], ["bad_json"]),
    Row("an array", b"[" + K + b"," + K + b"]", [(KEEP, 1), (KEEP, 22)]),
    Row("an array over lines", b"[\n " + K + b",\n " + K + b"\n]\n", [(KEEP, 3), (KEEP, 26)]),
    Row("an array that is cut", b"[" + K + b"," + K[:9], [(KEEP, 1)], ["bad_json"]),
    Row("an array that is cut between", b"[" + K + b",", [(KEEP, 1)], ["unfinished_block"]),
    Row("a line behind an array", b"[" + K + b"]\n" + K + b"\n", [(KEEP, 1), (KEEP, 23)]),
    Row("a bracket that begins no array", b"[INFO] x\n" + K + b"\n", [(KEEP, 9)], ["stray_text"]),
    Row("form sse: lines are text", b"data: " + K + b"\n\n" + K + b"\n", [(KEEP, 0)], ["stray_text"], "sse"),
    Row("form jsonl: blocks are no JSON", b"data: " + K + b"\n" + K + b"\n", [(KEEP, 27)], ["bad_json"], "jsonl"),
    Row("stray lines are one span", b"a\nb\nc\n\nd\n" + K + b"\n", [(KEEP, 9)], ["stray_text"]),
    Row("a broken line that begins with a brace", b"{oops}\n" + K + b"\n", [(KEEP, 7)], ["bad_json"]),
    Row("a lone end mark", b"[DONE]\n" + K + b"\n", [(KEEP, 7)]),
    Row("trailing commas", b'{"type":"keepalive",}\n', [], ["bad_json", "no_responses"]),
    Row("two objects on a line", K + K + b"\n", [], ["bad_json", "no_responses"]),
    Row("single quotes", b"{'type':'keepalive'}\n", [], ["bad_json", "no_responses"]),
    Row("Infinity", b'{"type":"keepalive","x":Infinity}\n', [], ["bad_json", "no_responses"]),
    Row("a control character in a string", b'{"type":"keepalive","x":"\x01"}\n', [], ["bad_json", "no_responses"]),
    Row("not UTF-8", b'{"type":"keepalive","x":"\xff"}\n', [(KEEP, 0)], ["bad_utf8"]),
    Row("a lone surrogate", b'{"type":"keepalive","x":"\\ud800"}\n', [(KEEP, 0)], ["bad_utf8"]),
    Row("a pair of surrogates", b'{"type":"keepalive","x":"\\ud83d\\ude00"}\n', [(KEEP, 0)]),
    Row("256 levels", b'{"type":"keepalive","x":' + b"[" * 255 + b"]" * 255 + b"}\n", [(KEEP, 0)]),
    Row("257 levels", b'{"type":"keepalive","x":' + b"[" * 256 + b"]" * 256 + b"}\n", [(KEEP, 0)], ["limit_exceeded", "no_responses"]),
    Row("4300 digits", b'{"type":"keepalive","x":' + b"9" * 4300 + b"}\n", [(KEEP, 0)]),
    Row("4301 digits", b'{"type":"keepalive","x":' + b"9" * 4301 + b"}\n", [(KEEP, 0)], ["limit_exceeded", "no_responses"]),
    Row("4301 digits behind the point", b'{"type":"keepalive","x":0.' + b"9" * 4301 + b"}\n", [(KEEP, 0)]),
    Row("broken and too deep is broken", b'{"type":"keepalive","x":' + b"[" * 300 + b"\n", [], ["bad_json", "no_responses"]),
]  # fmt: skip


@pytest.mark.parametrize("row", FRAMES, ids=lambda row: row.name)
def test_frames(backend: ModuleType, row: Row) -> None:
    events, codes = decode(backend, row.source, form=row.form)
    assert [(event.type, event.offset) for event in events] == row.events
    # Offsets differ by white space, and no_terminal is not compared.
    assert codes == row.codes


def test_event(backend: ModuleType) -> None:
    event = one(backend, b"event: response.output_text.delta\ndata: " + DELTA + b"\n\n")
    assert type(event) is types.ResponseTextDeltaEvent
    assert (event.type, event.delta, event.item_id, event.output_index, event.content_index) == (
        "response.output_text.delta",
        "Hi",
        "i",
        0,
        1,
    )
    assert (event.sequence_number, event.stream_id, event.offset, event.raw) == (3, None, 0, DELTA)
    assert event.logprobs == []
    assert event.to_dict() == json.loads(DELTA)


def test_json_type_overrides_event_line(backend: ModuleType) -> None:
    events, codes = decode(backend, b"event: error\ndata: " + K + b"\n\n")
    assert ([event.type for event in events], codes) == ([KEEP], ["type_mismatch"])


@pytest.mark.parametrize("kind", [b'{"a":1}', b'{"type":null,"a":1}', b'{"type":5,"a":1}', b'{"type":"","a":1}'])
def test_event_line_names_type_if_json_has_none(backend: ModuleType, kind: bytes) -> None:
    events, codes = decode(backend, b"event: keepalive\ndata: " + kind + b"\n\n")
    (event,) = events
    assert (event.type, type(event), codes) == (KEEP, types.KeepaliveEvent, [])
    assert event.to_dict()["type"] == KEEP
    assert event.raw == kind
    assert decode(backend, b"data: " + kind + b"\n\n") == ([], ["no_type", "no_responses"])


def test_unknown_types(backend: ModuleType) -> None:
    event = one(backend, b'{"type":"response.brand_new","x":{"y":[1]},"sequence_number":4}\n')
    assert type(event) is UnknownEvent
    assert (event.type, event.x.y, event.sequence_number) == ("response.brand_new", [1], 4)
    with pytest.raises(AttributeError):
        event.z  # noqa: B018


def test_event_names_match_types_exactly(backend: ModuleType) -> None:
    for kind in ("Response.created", "response.created ", "response.creat", "response.created\\u0000"):
        assert type(one(backend, b'{"type":"%s"}\n' % kind.encode())) is UnknownEvent


def test_type_with_escapes(backend: ModuleType) -> None:
    event = one(backend, b'{"ty\\u0070e":"keep\\u0061live"}\n')
    assert (event.type, type(event)) == (KEEP, types.KeepaliveEvent)


def test_duplicate_members(backend: ModuleType) -> None:
    event = one(
        backend,
        b'{"type":"error","delta":"a","type":"response.output_text.delta","delta":"b","output_index":"x","output_index":0}\n',
    )
    assert (event.type, event.delta, event.output_index) == ("response.output_text.delta", "b", 0)


def test_strings_without_surrogates(backend: ModuleType) -> None:
    event = one(
        backend,
        b'{"type":"response.output_text.delta","delta":"a\\ud83d","item_id":"\\ud83d\\ude00","x":{"\\udc00":"\\udc00"}}\n',
    )
    assert (event.delta, event.item_id) == ("a\ufffd", "\U0001f600")
    assert event.x.to_dict() == {"\ufffd": "\ufffd"}
    json.dumps(event.to_dict(), ensure_ascii=False).encode()


def test_invalid_utf8(backend: ModuleType) -> None:
    event = one(backend, b'{"type":"response.output_text.delta","delta":"a\xff\xf0\x9f\x98b"}\n')
    assert event.delta == "a\ufffd\ufffdb"
    assert event.raw.endswith(b'"a\xff\xf0\x9f\x98b"}')


def test_numbers_are_exact(backend: ModuleType) -> None:
    big = 10**400 + 7
    event = one(backend, b'{"type":"x","a":1.2e-7,"b":%d,"c":-0,"d":1E400}\n' % big)
    assert (event.a, event.b, event.c, event.d) == (1.2e-7, big, 0, float("inf"))


@pytest.mark.parametrize(
    ("number", "expected"), [("7", 7), ("-1", -1), ("9223372036854775807", 2**63 - 1), ("null", None)]
)
def test_sequence_numbers(backend: ModuleType, number: str, expected: int | None) -> None:
    events, codes = decode(backend, b'{"type":"keepalive","sequence_number":%s}\n' % number.encode())
    assert ([event.sequence_number for event in events], codes) == ([expected], [])


@pytest.mark.parametrize("number", ["7.0", '"7"', "true", "[]", "9223372036854775808", "1e2"])
def test_invalid_sequence_numbers(backend: ModuleType, number: str) -> None:
    events, codes = decode(backend, b'{"type":"keepalive","sequence_number":%s}\n' % number.encode())
    assert codes == ["bad_field"]
    assert [event.sequence_number for event in events] == [None]
    assert "sequence_number" in events[0].to_dict()


def test_payload_over_limits_stays_raw(backend: ModuleType) -> None:
    raw = b'{"type":"response.output_text.delta","delta":"x","y":' + b"[" * 300 + b"]" * 300 + b"}"
    event = one(backend, raw + b"\n")
    assert (type(event), event.type, event.raw) == (UnknownEvent, "response.output_text.delta", raw)
    with pytest.raises(ValueError, match="nesting"):
        event.to_dict()


def test_data_lines_are_joined_by_newlines(backend: ModuleType) -> None:
    event = one(backend, b'data: {"type":"x",\r\ndata:"y":1\rdata:  }\n\n')
    assert event.raw == b'{"type":"x",\n"y":1\n }'


def test_limits_apply_to_payload(backend: ModuleType) -> None:
    """`max_event_bytes` bounds the payload alone: not the field's name, not the event line."""
    block = b"event: keepalive\ndata: " + K + b"\n\n"
    assert len(decode(backend, block, max_event_bytes=len(K))[0]) == 1
    assert decode(backend, block, max_event_bytes=len(K) - 1) == ([], ["event_too_large", "no_responses"])
    assert len(decode(backend, K + b"\n", max_event_bytes=len(K))[0]) == 1
    assert decode(backend, K + b"\n", max_event_bytes=len(K) - 1) == ([], ["event_too_large", "no_responses"])
    assert len(decode(backend, b"[" + K + b"," + K + b"]", max_event_bytes=len(K))[0]) == 2


def test_large_event_keeps_following_events(backend: ModuleType) -> None:
    source = b"data: " + K + b"\n\ndata: " + b"x" * 1000 + b"\n\n" + K + b"\n"
    events, codes = decode(backend, source, max_event_bytes=30)
    assert ([event.offset for event in events], codes) == ([0, 28 + 1008], ["event_too_large"])


def test_unread_payload_costs_one_copy(backend: ModuleType) -> None:
    """No object is created for the 100,000 members, neither while reading nor afterwards."""
    response = json.dumps({"id": "r", "metadata": {f"k{number}": [number, str(number)] for number in range(50_000)}})
    block = b'data: {"type":"response.completed","response":' + response.encode() + b"}\n\n"
    small = b'data: {"type":"response.completed","response":{"id":"r"}}\n\n'
    backend.Decoder().feed(small)  # values are created once
    decoder = backend.Decoder()
    gc.collect()
    tracemalloc.start()
    try:
        (event,) = decoder.feed(block)
        peak = tracemalloc.get_traced_memory()[1]
        del decoder
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    size = len(event.raw)
    assert size < kept < 1.01 * size + 5_000
    if backend.__name__ == "respstream._native":  # the fallback's JSON is the standard library's, which builds
        assert peak < 1.01 * size + 5_000
    assert event.response.metadata.k7 == [7, "7"]


ODD = b'data: {"type":"response.new","a":{"b":[1]},"c":[{"d":{}}]}\n\n' + shapes.logprobs(1, 100_000).data


def reached(event: Any) -> list[Any]:
    """The objects reachable from an event, without classes."""
    found: list[Any] = []
    left = [event]
    while left:
        inside = [held for held in gc.get_referents(left.pop()) if not isinstance(held, type)]
        found += inside
        left += inside
    return found


def test_events_have_no_reference_cycles(backend: ModuleType) -> None:
    """So that the collector, which costs as much as the events where a list of them is kept, need not look at those of the compiled backend."""
    events, _ = decode(backend, shapes.mixed(1, 200_000).data + ODD)
    for event in events:
        for name in (*event.__slots__, *event.to_dict()):
            value = getattr(event, name, None)
            if isinstance(value, Payload):
                assert all(value[inner] is value[inner] for inner in value)
        assert not any(held is event for held in reached(event))
    unseen = backend.__name__ == "respstream._native"
    assert {gc.is_tracked(event) for event in events} == {not unseen}
