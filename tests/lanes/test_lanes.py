"""Lanes (stream keys): interleaved responses, separated by `stream_id`; their order, diagnostics and number."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

from tests.support import readings
from tests.support.fold_cases import end, ev, msg, txt


def lane(name: str | None, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """The events in a lane."""
    return [{**event, "stream_id": name} if name is not None else event for event in events]


def created(ident: str) -> dict[str, Any]:
    return ev("created", response={"id": ident, "output": []})


def done(ident: str) -> dict[str, Any]:
    return end(msg(txt(ident)), id=ident)


def decode(backend: ModuleType, *events: dict[str, Any]) -> Any:
    decoder = backend.Decoder()
    for event in events:
        decoder.feed(json.dumps(event).encode() + b"\n")
    return decoder


def test_lanes_interleave(backend: ModuleType) -> None:
    a, b, plain = (
        lane("a", created("A"), done("A")),
        lane("b", created("B"), done("B")),
        lane(None, created("C"), done("C")),
    )
    decoder = decode(backend, a[0], b[0], plain[0], b[1], plain[1], a[1])
    decoder.finish()
    assert [(r.id, r.stream_id, r.output_text) for r in decoder.responses] == [
        ("A", "a", "A"),
        ("B", "b", "B"),
        ("C", None, "C"),
    ]
    assert decoder.diagnostics == []


def test_responses_are_ordered_by_end(backend: ModuleType) -> None:
    """A response ends when the next one begins in its lane; those still open at the end follow in the order of beginning."""
    events = [
        *lane("a", created("A1")), *lane("b", created("B1")), *lane("b", done("B1"), created("B2")), *lane("a", done("A1"), created("A2")),
    ]  # fmt: skip
    decoder = decode(backend, *events)
    assert [(r.id, r.stream_index) for r in decoder.responses] == [("B1", 0), ("A1", 1), ("B2", None), ("A2", None)]
    decoder.finish()
    assert [(r.id, r.stream_index) for r in decoder.responses] == [("B1", 0), ("A1", 1), ("B2", 2), ("A2", 3)]


def test_latest_response_is_last_started(backend: ModuleType) -> None:
    decoder = decode(backend, *lane("a", created("A")), *lane("b", created("B")), *lane("a", done("A")))
    assert decoder.response.id == "B"


def test_sequence_numbers_are_compared_per_lane(backend: ModuleType) -> None:
    one, two = (
        [
            {**event, "sequence_number": n}
            for n, event in enumerate(lane(name, created(name), ev("keepalive"), done(name)))
        ]
        for name in "ab"
    )
    decoder = decode(backend, one[0], two[0], one[1], one[2], two[1], two[2])
    decoder.finish()
    assert decoder.diagnostics == []
    assert decoder.last_sequence_number == 2


def test_event_diagnostics_go_to_its_lane(backend: ModuleType) -> None:
    decoder = decode(
        backend,
        *lane("a", created("A")),
        *lane("b", created("B")),
        *lane("a", ev("brand_new")),
        *lane("b", ev("output_text.delta", o=-1)),
    )
    decoder.finish()
    assert {r.id: readings.codes(r.diagnostics) for r in decoder.responses} == {
        "A": ["unknown_event", "no_terminal"],
        "B": ["bad_field", "no_terminal"],
    }


def test_text_between_lanes_belongs_to_source(backend: ModuleType) -> None:
    decoder = decode(backend, *lane("a", created("A")))
    decoder.feed(b"noise\n\n")
    decoder.feed(json.dumps(lane("a", done("A"))[0]).encode() + b"\n")
    decoder.finish()
    assert [(d.code, d.response_id) for d in decoder.diagnostics] == [("stray_text", None)]
    assert decoder.responses[0].diagnostics == []


def test_done_marker_ends_all_lanes(backend: ModuleType) -> None:
    decoder = decode(backend, *lane("a", created("A")), *lane("b", created("B")))
    decoder.feed(b"[DONE]\n")
    for name in "ab":
        decoder.feed(json.dumps(lane(name, ev("output_text.delta", delta=name))[0]).encode() + b"\n")
    decoder.finish()
    assert [(r.stream_id, r.id, r.output_text) for r in decoder.responses] == [
        ("a", "A", ""),
        ("b", "B", ""),
        ("a", None, "a"),
        ("b", None, "b"),
    ]


def test_empty_stream_id_is_a_lane(backend: ModuleType) -> None:
    decoder = decode(backend, *lane("", created("A")), *lane(None, created("B")))
    assert [r.stream_id for r in decoder.responses] == ["", None]


def test_non_string_stream_id(backend: ModuleType) -> None:
    decoder = decode(backend, {**created("A"), "stream_id": 5}, {**done("A"), "stream_id": None})
    decoder.finish()
    assert [(r.id, r.stream_id, r.complete) for r in decoder.responses] == [("A", None, True)]
    assert readings.codes(decoder.diagnostics) == ["bad_field"]


def test_too_many_open_lanes(backend: ModuleType) -> None:
    """Over 100,000 the oldest is closed."""
    lines = (b'{"type":"response.created","response":{},"stream_id":"%d"}\n' % number for number in range(100_002))
    decoder = backend.Decoder()
    decoder.feed(b"".join(lines))
    closed = [response for response in decoder.responses if response.stream_index is not None]
    assert [response.stream_id for response in closed] == ["0", "1"]
    assert decoder.diagnostic_counts == {"limit_exceeded": 2, "no_terminal": 2}
    assert readings.codes(closed[0].diagnostics) == ["limit_exceeded", "no_terminal"]


def test_latest_response_is_released(backend: ModuleType) -> None:
    """`fold` releases a response that has ended; it is not the latest one any more."""
    decoder = backend.Decoder()
    plain = b'{"object":"response","id":"p","output":[]}\n'
    assert [response.id for response in decoder.fold(plain + b'{"object":"response","id":"q","output":[]}\n')] == ["p"]
    assert decoder.response.id == "q"
    assert [response.id for response in decoder.fold_end()] == ["q"]
    assert decoder.response is None
