"""Diagnostics: a minimal stream for each (`tests.support.minimal_streams`), the table of the docs, storage, messages, attribution."""

from __future__ import annotations

import pickle
from types import ModuleType
from typing import Any

import pytest

from respstream import Diagnostic, StreamError
from respstream._codes import DIAGNOSTICS as CODES
from tests.support import doc_tables, readings
from tests.support.minimal_streams import BEGIN, DIAGNOSTICS, END, FILE_CODES, ITEM, Minimal

ROWS = pytest.mark.parametrize("row", DIAGNOSTICS, ids=lambda row: row.code)


def decode(backend: ModuleType, stream: bytes, **options: Any) -> Any:
    """A finished decoder of the stream."""
    decoder = backend.Decoder(**options)
    decoder.feed(stream)
    decoder.finish()
    return decoder


@ROWS
def test_minimal_stream_gives_diagnostic(backend: ModuleType, row: Minimal) -> None:
    decoder = decode(backend, row.stream, **dict(row.options))
    assert sorted(readings.codes(decoder.diagnostics)) == sorted([row.code, *row.also])
    (diagnostic,) = (d for d in decoder.diagnostics if d.code == row.code)
    assert isinstance(diagnostic, Diagnostic)
    assert diagnostic.severity == CODES[row.code][0]
    assert "{" not in diagnostic.message
    assert 0 <= diagnostic.offset <= diagnostic.offset + diagnostic.length <= len(row.stream)
    assert decoder.diagnostic_counts == dict.fromkeys([row.code, *row.also], 1)


@ROWS
def test_strict_raises_errors_only(backend: ModuleType, row: Minimal) -> None:
    if CODES[row.code][0] != "error":
        decode(backend, row.stream, strict=True, **dict(row.options))
        return
    with pytest.raises(StreamError) as caught:
        decode(backend, row.stream, strict=True, **dict(row.options))
    error = caught.value
    assert error.code == row.code
    assert (error.offset, error.line) == (error.diagnostic.offset, error.diagnostic.line)
    assert f"{row.code} at byte {error.offset}, line {error.line}" in str(error)


def test_every_code_has_minimal_stream() -> None:
    assert {row.code for row in DIAGNOSTICS} | set(FILE_CODES) == CODES.keys()
    assert len({row.code for row in DIAGNOSTICS}) == len(DIAGNOSTICS)


def test_docs_table_is_up_to_date() -> None:
    """`python -m tests.support.doc_tables` writes it."""
    printed = doc_tables.page_table("diagnostics.md", "diagnostics")
    assert printed == doc_tables.with_markers("diagnostics", doc_tables.diagnostics_table())


# -- as values -------------------------------------------------------------------------------------------------------


def sample() -> Diagnostic:
    return Diagnostic("sequence_gap", 10, 5, 2, 7, "r", {"got": 7, "previous": 3})


def test_diagnostics_compare_by_value() -> None:
    assert sample() == sample()
    assert sample() != Diagnostic("sequence_gap", 11, 5, 2, 7, "r", {"got": 7, "previous": 3})
    assert sample() != "sequence_gap"
    assert pickle.loads(pickle.dumps(sample())) == sample()
    with pytest.raises(TypeError, match="unhashable"):
        hash(sample())


def test_diagnostic_to_dict() -> None:
    assert sample().to_dict() == {
        "code": "sequence_gap",
        "severity": "warning",
        "message": "sequence_number 7 follows 3",
        "offset": 10,
        "length": 5,
        "line": 2,
        "sequence_number": 7,
        "response_id": "r",
        "detail": {"got": 7, "previous": 3},
    }
    assert "sequence_number 7 follows 3" in repr(sample())


def test_strict_error_can_be_pickled(backend: ModuleType) -> None:
    with pytest.raises(StreamError) as caught:
        decode(backend, b'{"type":"x"}\n{bad}\n', strict=True)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.events, again.diagnostic) == (
        str(caught.value),
        caught.value.events,
        caught.value.diagnostic,
    )
    assert [event.type for event in again.events] == ["x"]


# -- error bodies ----------------------------------------------------------------------------------------------------

BODY = b'{"error":{"message":"m","type":"t","code":"c","param":"p"}}'
DETAIL = {"code": "c", "message": "m", "type": "t", "param": "p"}
BODIES: list[tuple[str, bytes, dict[str, Any]]] = [
    ("one line", BODY, DETAIL),
    ("pretty", BODY.replace(b"{", b"{\n").replace(b",", b",\n").replace(b"}", b"\n}"), DETAIL),
    ("without its last brace", BODY[:-1], DETAIL),
    ("without both last braces", BODY[:-2], DETAIL),
    ("pretty, without its last brace", b'{\n  "error": {\n    "message": "m",\n    "code": "c"\n  }\n', {**DETAIL, "type": None, "param": None}),
    ("a string", b'{"error":"m"}', {"code": None, "message": "m", "type": None, "param": None}),
    ("a number as code", b'{"error":{"code":429}}', {"code": "429", "message": None, "type": None, "param": None}),
    ("as data", b"data: " + BODY, DETAIL),
]  # fmt: skip


@pytest.mark.parametrize("end", [b"\n\n", b"\n\n" + BEGIN + END, b""], ids=["alone", "before a stream", "unfinished"])
@pytest.mark.parametrize(("body", "detail"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_error_bodies(backend: ModuleType, body: bytes, detail: dict[str, Any], end: bytes) -> None:
    decoder = decode(backend, body + end)
    assert [d.detail for d in decoder.diagnostics if d.code == "error_body"] == [detail]
    assert set(readings.codes(decoder.diagnostics)) <= {"error_body", "unfinished_block"}
    assert len(decoder.responses) == end.count(b"created")


def test_message_names_code(backend: ModuleType) -> None:
    (diagnostic,) = decode(backend, BODY).diagnostics
    assert diagnostic.message == "API error: c: m"


def test_long_texts_are_clipped(backend: ModuleType) -> None:
    (diagnostic,) = decode(backend, BODY.replace(b'"m"', b'"' + b"m" * 5000 + b'"') + b"\n").diagnostics
    assert diagnostic.detail["message"] == "m" * 200


# -- stored and attributed -------------------------------------------------------------------------------------------


def test_storage_limit_keeps_counting(backend: ModuleType) -> None:
    decoder = decode(backend, b"{bad}\n" * 10_050)
    assert len(decoder.diagnostics) == 10_001  # and `no_responses`
    assert decoder.diagnostic_counts == {"bad_json": 10_050, "no_responses": 1}


def test_once_per_source(backend: ModuleType) -> None:
    decoder = decode(backend, b'{"type":"new"}\n' * 5 + b'{"type":"newer"}\n' * 5)
    unknown = [d.detail for d in decoder.diagnostics if d.code == "unknown_event"]
    assert unknown == [{"type": "new"}, {"type": "newer"}]
    decoder = decode(backend, b'data: {"type":"session.created"}\n\n' * 5)
    assert readings.codes(decoder.diagnostics) == ["foreign_stream"]
    decoder = decode(backend, b'data: {"type":"keepalive"}\n' * 5 + b"\n")
    assert readings.codes(decoder.diagnostics) == ["missing_blank_line"]


def test_diagnostics_inside_response_belong_to_it(backend: ModuleType) -> None:
    stream = (
        b"before\n\n"
        + BEGIN
        + b"between\n\n"
        + ITEM
        + b"{bad}\n"
        + END
        + b"after\n\n"
        + BEGIN.replace(b"r1", b"r2")
        + b"late\n\n"
        + END.replace(b"r1", b"r2")
    )
    decoder = decode(backend, stream)
    first, second = decoder.responses
    assert readings.codes(first.diagnostics) == ["stray_text", "bad_json", "output_recovered"]
    assert readings.codes(second.diagnostics) == ["stray_text"]
    owners = [(d.code, d.response_id) for d in decoder.diagnostics]
    assert owners == [
        ("stray_text", None),
        ("stray_text", "r1"),
        ("bad_json", "r1"),
        ("output_recovered", "r1"),
        ("stray_text", None),
        ("stray_text", "r2"),
    ]


def test_diagnostics_after_cut_response_belong_to_source(backend: ModuleType) -> None:
    decoder = decode(backend, BEGIN + b"noise\n")
    assert [(d.code, d.response_id) for d in decoder.diagnostics] == [("stray_text", None), ("no_terminal", "r1")]


def test_offsets_and_lines(backend: ModuleType) -> None:
    stream = b'\xef\xbb\xbf: c\r\n\r\ndata: {"type":"x"}\r\n\r\n<p>\r</p>\n\n{bad}\n'
    unknown, stray, bad, last = decode(backend, stream).diagnostics
    assert (unknown.code, unknown.offset, unknown.length, unknown.line) == (
        "unknown_event",
        stream.index(b"data"),
        18,
        3,
    )
    assert (stray.code, stray.offset, stray.length, stray.line) == ("stray_text", stream.index(b"<p>"), 8, 5)
    assert (bad.code, bad.offset, bad.length, bad.line) == ("bad_json", stream.index(b"{bad"), 5, 8)
    assert (last.code, last.offset, last.length, last.line) == ("no_responses", 0, len(stream), 1)
