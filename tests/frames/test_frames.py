"""Framing in both backends: a table of sources and their frames, at every cut, and the backends against each other."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from respstream._pure.frames import Done, Frame, Framer, Item

Given: TypeAlias = list[tuple[Any, ...]]
Run: TypeAlias = Callable[..., Given]

BOM = b"\xef\xbb\xbf"


def as_tuple(item: Item) -> tuple[Any, ...]:
    if isinstance(item, Frame):
        members = None if item.decoded is None else count_members(item.data)
        where = (item.offset, item.end, item.line, item.kind)
        return ("frame", item.data, item.name, *where, item.missing, item.unfinished, members)
    if isinstance(item, Done):
        return ("done",)
    return ("note", item.code, item.offset, item.length, item.line, item.detail)


def count_members(data: bytes) -> int:
    """Top-level members of an object, duplicates included."""
    return len(json.loads(data.decode(errors="replace"), object_pairs_hook=list))


def python(chunks: list[bytes], form: str = "auto", on_eof: str = "flush", limit: int | None = None) -> Given:
    """The reference."""
    framer = Framer(form, on_eof, limit)
    items = [item for chunk in chunks for item in framer.feed(chunk)]
    return [as_tuple(item) for item in items + framer.finish()]


def rust(chunks: list[bytes], form: str = "auto", on_eof: str = "flush", limit: int | None = None) -> Given:
    """The extension. That it is missing is a failure, not a reason to skip."""
    given: Given = importlib.import_module("respstream._native").frame(chunks, form, on_eof, limit, False)
    return given


def rust_slow(chunks: list[bytes], form: str = "auto", on_eof: str = "flush", limit: int | None = None) -> Given:
    """The extension without its fast path."""
    given: Given = importlib.import_module("respstream._native").frame(chunks, form, on_eof, limit, True)
    return given


BACKENDS = [pytest.param(run, id=run.__name__.replace("_", "-")) for run in (python, rust, rust_slow)]


def ways(source: bytes) -> Iterator[list[bytes]]:
    """Whole, byte by byte, with empty chunks between, and cut in two at every position."""
    yield [source]
    yield [source[i : i + 1] for i in range(len(source))]
    yield [part for i in range(len(source)) for part in (b"", source[i : i + 1])]
    for cut in range(len(source) + 1):
        yield [source[:cut], source[cut:]]


def short(item: tuple[Any, ...]) -> tuple[Any, ...]:
    """An item in the table's notation: (kind, data or detail, name, span, line) and further fields."""
    if item[0] == "frame":
        _, data, name, start, end, line, what, missing, unfinished, _ = item
        kind = what + " missing" * missing + " unfinished" * unfinished
        return kind, data, name, (start, end), line
    if item[0] == "note":
        _, code, offset, length, line, detail = item
        return code, *detail.values(), (offset, offset + length), line
    return item


# -- frames by source ---------------------------------------------------------------------------------------------------

DONE = ("done",)
ERROR = {"code": "invalid_api_key", "message": "no", "type": None, "param": None}
# name: (source, options, expected items)
TABLE: dict[str, tuple[bytes, dict[str, Any], list[tuple[Any, ...]]]] = {
    "empty": (b"", {}, []),
    "block": (b"event: a\ndata: {}\n\n", {}, [("payload", b"{}", b"a", (0, 17), 1)]),
    "two data lines": (b"data: {\ndata:}\n\n", {}, [("payload", b"{\n}", None, (0, 14), 1)]),
    "no space, two spaces": (
        b"event:a\ndata:  {}\n\n",
        {},
        [("payload", b" {}", b"a", (0, 17), 1)],
    ),
    "no colon": (b"event\ndata\n\n", {}, [("payload", b"", None, (0, 10), 1)]),
    "CRLF": (
        b"event: a\r\ndata: {}\r\n\r\ndata: 1\r\n\r\n",
        {},
        [("payload", b"{}", b"a", (0, 18), 1), ("payload", b"1", None, (22, 29), 4)],
    ),
    "CRLF ends a block with LF": (b"data: 1\r\n\ndata: 2\n\n", {}, [("payload", b"1", None, (0, 7), 1), ("payload", b"2", None, (10, 17), 3)]),
    "CR": (b"data: 1\r\rdata: 2\r\r", {}, [("payload", b"1", None, (0, 7), 1), ("payload", b"2", None, (9, 16), 3)]),
    "BOM": (BOM + b"data: {}\n\n", {}, [("payload", b"{}", None, (3, 11), 1)]),
    "BOM before a line": (BOM + b"{}\n" + BOM + b"{}\n", {}, [("line", b"{}", None, (3, 5), 1), ("stray_text", 5, (6, 11), 2)]),
    "half a BOM": (b"\xef\xbb", {}, [("stray_text", 2, (0, 2), 1)]),
    "half a BOM before a block": (b"\xefdata: 1\n\n", {}, [("stray_text", 8, (0, 8), 1)]),
    "blank lines": (b"\n\n{}\n\n\n{}\n", {}, [("line", b"{}", None, (2, 4), 3), ("line", b"{}", None, (7, 9), 6)]),
    "comments and unknown fields": (
        b": hi\n\n:\nfoo: x\ndata: 1\nfoo\n: x\n\n",
        {},
        [("stray_text", 6, (8, 14), 4), ("payload", b"1", None, (15, 30), 5)],
    ),
    "name without data": (b"event: a\n\n", {}, []),
    "the last name counts": (b"event: a\ndata: 1\nevent: b\n\n", {}, [("payload", b"1", b"b", (0, 25), 1)]),
    "done": (b"data: [DONE]\n\n", {}, [DONE]),
    "done, alone": (b"[DONE]\n [DONE] \n", {}, [DONE, DONE]),
    "done in sse": (b"[DONE]\n", {"form": "sse"}, [("stray_text", 6, (0, 6), 1)]),
    "no final newline": (b"data: {}", {}, [("payload unfinished", b"{}", None, (0, 8), 1)]),
    "no blank line at the end": (b"data: {}\n", {}, [("payload unfinished", b"{}", None, (0, 8), 1)]),
    "no final newline, discard": (b"data: 1\n\nda", {"on_eof": "discard"}, [("payload", b"1", None, (0, 7), 1), ("stray_text", 2, (9, 11), 3)]),
    "no blank line, discard": (b"data: 1\ndata", {"on_eof": "discard"}, [("unfinished_block", "was discarded", (0, 12), 1)]),
    "a field at the end, discard": (b"data", {"on_eof": "discard"}, [("unfinished_block", "was discarded", (0, 4), 1)]),
    "a line at the end, discard": (b"{}", {"on_eof": "discard"}, [("line", b"{}", None, (0, 2), 1)]),
    "only a name at the end": (b"event: a", {}, [("unfinished_block", "was kept", (0, 8), 1)]),
    # blocks that no blank line ends
    "names first": (
        b"event: a\ndata: {}\n: x\nevent: b\ndata: {}\n\n",
        {},
        [("payload missing", b"{}", b"a", (0, 17), 1), ("payload", b"{}", b"b", (18, 39), 3)],
    ),
    "names last": (
        b"data: {}\nevent: a\ndata: {}\nevent: b\n\n",
        {},
        [("payload missing", b"{}", b"a", (0, 17), 1), ("payload", b"{}", b"b", (18, 35), 3)],
    ),
    "no names": (
        b"data: {}\ndata: {}\ndata: {\ndata: }\ndata: [DONE]\n\n",
        {},
        [
            ("payload missing", b"{}", None, (0, 8), 1),
            ("payload", b"{}", None, (9, 17), 2),
            ("payload", b"{\n}", None, (18, 33), 3),
            DONE,
        ],
    ),
    "blank data goes with the object": (b"data: {}\ndata: \n\n", {}, [("payload", b"{}\n", None, (0, 15), 1)]),
    "no object": (b"data: 1\ndata: 2\n\n", {}, [("payload", b"1\n2", None, (0, 15), 1)]),
    "a field ends stray text": (b"x\ndata: 1\n\n", {}, [("stray_text", 1, (0, 1), 1), ("payload", b"1", None, (2, 9), 2)]),
    # JSON Lines
    "lines and blocks": (
        b'{"a": 1} \ndata: {}\n\n\t{}\n',
        {},
        [("line", b'{"a": 1} ', None, (0, 9), 1), ("payload", b"{}", None, (10, 18), 2), ("line", b"\t{}", None, (20, 23), 4)],
    ),
    "a line inside a block is a field": (b"data: 1\n{}\n\n", {}, [("payload", b"1", None, (0, 10), 1)]),
    "blocks in jsonl": (b"data: {}\n\n{}", {"form": "jsonl"}, [("bad_json", "line", (0, 8), 1), ("line", b"{}", None, (10, 12), 3)]),
    "lines in sse": (b"{}\n{}\n", {"form": "sse"}, [("stray_text", 5, (0, 5), 1)]),
    "bad lines": (
        b"{a}\n{}}\n5\n{}\n",
        {"form": "jsonl"},
        [("bad_json", "line", (0, 3), 1), ("bad_json", "line", (4, 7), 2), ("bad_json", "line", (8, 9), 3), ("line", b"{}", None, (10, 12), 4)],
    ),
    "a torn line": (b'{"a": {\n{"b": 1}\n', {}, [("bad_json", "line", (0, 7), 1), ("line", b'{"b": 1}', None, (8, 16), 2)]),
    "a torn string": (b'{"a": "b\n{}\n', {}, [("bad_json", "line", (0, 8), 1), ("line", b"{}", None, (9, 11), 2)]),
    "deep": (b'{"a":' + b"[" * 300 + b"]" * 300 + b"}\n", {}, [("line", b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", None, (0, 606), 1)]),
    "pretty": (
        b'{\r\n  "a": [\r\n\r\n1]\r\n}\r\n{}',
        {},
        [("line", b'{\n  "a": [\n1]\n}', None, (0, 20), 1), ("line", b"{}", None, (22, 24), 6)],
    ),
    "pretty, then text": (b'{\n"a": 1,\nx\n', {}, [("bad_json", "line", (0, 9), 1), ("stray_text", 1, (10, 11), 3)]),
    "pretty, then a block": (b"{\ndata: 1\n\n", {}, [("bad_json", "line", (0, 1), 1), ("payload", b"1", None, (2, 9), 2)]),
    # arrays
    "array on a line": (
        b'[{"a":1}, {}]\n{}\n',
        {},
        [("array element", b'{"a":1}', None, (1, 8), 1), ("array element", b"{}", None, (10, 12), 1), ("line", b"{}", None, (14, 16), 2)],
    ),
    "pretty array": (
        b'[\r\n  {\r\n"]": "\\"["\r\n},\r\n{}\r\n]\r\n',
        {},
        [("array element", b'{\r\n"]": "\\"["\r\n}', None, (5, 21), 2), ("array element", b"{}", None, (24, 26), 5)],
    ),
    "empty array": (b"[ ]\n[]", {}, []),
    "text before a block that is cut short": (b"foo: x\ndata:", {"on_eof": "discard"}, [("stray_text", 6, (0, 6), 1), ("unfinished_block", "was discarded", (7, 12), 2)]),
    "text behind an array": (b"[{}]data: {}\n[]: x\n[{},\ndata: {}\n\n", {}, [("array element", b"{}", None, (1, 3), 1), ("stray_text", 8, (4, 12), 1), ("stray_text", 3, (15, 18), 2), ("array element", b"{}", None, (20, 22), 3), ("payload", b"{}", None, (24, 32), 4)]),
    "array with a number": (b"[{}, 5, {}]\n{}", {}, [("array element", b"{}", None, (1, 3), 1), ("stray_text", 6, (5, 11), 1), ("line", b"{}", None, (12, 14), 2)]),
    "array without its end": (b"[{},", {}, [("array element", b"{}", None, (1, 3), 1), ("unfinished_block", "was kept", (3, 4), 1)]),
    "array without an element": (b"[\n", {}, [("unfinished_block", "was kept", (0, 2), 1)]),
    "array torn in an element": (b"[{}, {[", {}, [("array element", b"{}", None, (1, 3), 1), ("bad_json", "array element", (5, 7), 1)]),
    "array torn in a string": (
        b'[{"a": "b\\\r\ndata: {}\n\n',
        {},
        [("bad_json", "array element", (1, 10), 1), ("payload", b"{}", None, (12, 20), 2)],
    ),
    "text in brackets": (b"[INFO] x\n[1]\n[ \nx\n", {}, [("stray_text", 12, (0, 12), 1), ("stray_text", 1, (16, 17), 4)]),
    "bracket at the end": (b"[ ", {}, [("stray_text", 2, (0, 2), 1)]),
    "array in sse": (b"[{}]\n", {"form": "sse"}, [("stray_text", 4, (0, 4), 1)]),
    "array inside a block": (b"data: 1\n[{}]\n\n", {}, [("payload", b"1", None, (0, 12), 1)]),
    # text
    "text": (b"Hello\n\nthere\n \n\xff\n", {}, [("stray_text", 16, (0, 16), 1)]),
    "html": (b"<!DOCTYPE html>\n<title>502</title>\n", {}, [("stray_text", 34, (0, 34), 1)]),
    # error bodies; a complete one is a frame, recognised later
    "error body": (b'{"error": {}}\n', {}, [("line", b'{"error": {}}', None, (0, 13), 1)]),
    "error body in sse": (b'{"error": {"code": "invalid_api_key", "message": "no"}}\n', {"form": "sse"}, [("error_body", *ERROR.values(), (0, 55), 1)]),
    "pretty error body in sse": (b'{\n"error": {\n"code": "invalid_api_key",\n"message": "no"\n}\n}\n', {"form": "sse"}, [("error_body", *ERROR.values(), (0, 59), 1)]),
    "error body without its last braces": (b'{"error": {"code": "invalid_api_key", "message": "no"\n', {}, [("error_body", *ERROR.values(), (0, 53), 1)]),
    "error body between blocks": (
        b'data: 1\n\n{"error": {"message": 5, "code": true,\n"type": 1.5, "param": 123456789012345678901}\ndata: 2\n\n',
        {},
        [("payload", b"1", None, (0, 7), 1), ("error_body", None, "5", None, None, (9, 92), 3), ("payload", b"2", None, (93, 100), 5)],
    ),
    "error text": (b'{"error": "' + b"x" * 300 + b'"\n', {}, [("error_body", None, "x" * 200, None, None, (0, 312), 1)]),
    # limits
    "data over the limit": (b"data: 12\ndata: 34\n\ndata: 1234\n\n", {"limit": 4}, [("event_too_large", 4, (0, 17), 1), ("payload", b"1234", None, (19, 29), 4)]),
    "a name over the limit": (b"event: abcde\ndata: 1\n\n", {"limit": 4}, [("event_too_large", 4, (0, 20), 1)]),
    "a line over the limit": (b'{"a":"bcd"}\n{}\n', {"limit": 4}, [("event_too_large", 4, (0, 11), 1), ("line", b"{}", None, (12, 14), 2)]),
    "a text over the limit": (b'{"a":\n"b",\n{}\n', {"limit": 9}, [("event_too_large", 9, (0, 10), 1), ("line", b"{}", None, (11, 13), 3)]),
    "a whole line behind a text at the limit": (b'{"a":\n{"b":1}\n', {"limit": 8}, [("bad_json", "line", (0, 5), 1), ("line", b'{"b":1}', None, (6, 13), 2)]),
    "an element over the limit": (b'[{"a":"bcd"},{}]', {"limit": 4}, [("event_too_large", 4, (1, 12), 1), ("array element", b"{}", None, (13, 15), 1)]),
    "objects over the limit, without blank lines": (
        b'data: {"a":1}\ndata: {"b":1}\ndata: {}\n\n',
        {"limit": 4},
        [("event_too_large", 4, (0, 13), 1), ("event_too_large", 4, (14, 27), 2), ("payload", b"{}", None, (28, 36), 3)],
    ),
    "a long line of blanks": (b" " * 90 + b"\ndata:" + b" " * 90 + b"\n\n", {"limit": 4}, [("event_too_large", 4, (91, 186), 2)]),
    "long text": (b"x" * 90 + b"\n[" + b" " * 90 + b"{", {"limit": 4}, [("stray_text", 183, (0, 183), 1)]),
    "a long field in jsonl": (b"data: {" + b"x" * 90, {"form": "jsonl", "limit": 4}, [("bad_json", "line", (0, 97), 1)]),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_framing(name: str) -> None:
    source, options, expected = TABLE[name]
    for chunks in ways(source):
        for run in (python, rust, rust_slow):
            assert [short(item) for item in run(chunks, **options)] == expected, (run.__name__, chunks)


# -- the backends agree -----------------------------------------------------------------------------------------------

FRAGMENTS = [
    b"data:", b"data: ", b"data: {}\n", b"event: a\n", b"event:", b"id: 1\n", b"retry", b": c\n", b"foo: x\n", b"\n", b"\n\n", b"\r\n", b"\r",
    b"event: a\ndata: {}\n\n", b'{"type":"x"}\n', b"data: [DONE]\n\n", b"[DONE]", BOM, BOM[:2], b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":",
    b"{}", b'{"a":1}', b'{"a":', b"[{}, {}]", b"\n[{", b" ", b"\t", b"\xff", b"1", b"text", b"\\ud800", b'{"error":{"code":5,"message":"m"}}', b'{"error":{"message":"',
    b" " * 40, b"x" * 70,
]  # fmt: skip
SOURCES = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=2)), max_size=14).map(b"".join)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "form": st.sampled_from(["sse", "jsonl"]),
        "on_eof": st.just("discard"),
        "limit": st.sampled_from([0, 3, 12, 30, 100]),
    },
)


@settings(max_examples=300, deadline=None)
@given(source=SOURCES, options=OPTIONS, data=st.data())
@example(source=b"data: 1\r\n\n", options={}, data=None)
@example(source=b"data: {" + b"x" * 90, options={"form": "jsonl", "limit": 10}, data=None)
def test_backends_and_cuts_agree(source: bytes, options: dict[str, Any], data: Any) -> None:
    expected = python([source], **options)
    for chunks in ways(source):
        for run in (python, rust, rust_slow):
            assert run(chunks, **options) == expected, (run.__name__, chunks)
    if data is not None:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(source)), max_size=6)))
        chunks = [source[a:b] for a, b in zip([0, *cuts], [*cuts, len(source)], strict=True)]
        for run in (python, rust, rust_slow):
            assert run(chunks, **options) == expected, (run.__name__, chunks)


@settings(max_examples=300, deadline=None)
@given(source=SOURCES, options=OPTIONS)
def test_spans(source: bytes, options: dict[str, Any]) -> None:
    """Spans come in order, do not overlap, lie in the source, and begin on the line that they say."""
    edge = 0
    for kind, *rest in python([source], **options):
        if kind == "done":
            continue
        start, end = (rest[2], rest[3]) if kind == "frame" else (rest[1], rest[1] + rest[2])
        assert edge <= start <= end <= len(source)
        assert rest[4 if kind == "frame" else 3] == 1 + len(re.findall(rb"\r\n?|\n", source[:start]))
        edge = end


@pytest.mark.parametrize("run", BACKENDS)
@pytest.mark.parametrize(
    ("source", "chunk"),
    [
        pytest.param(b'data: {"a":"' + b"x" * (8 << 20) + b'"}\n\n', 64, id="one block"),
        pytest.param(b"data: [\n" + b"data: 0,\n" * 500_000 + b"data: 0]\n\n", 4096, id="many data lines"),
        pytest.param(b'{"a": [\n' + b"0,\n" * 200_000 + b"0]}\n", 64, id="many lines of a text"),
        pytest.param(b"[" + b" " * (1 << 20) + b"x\n", 1, id="a bracket and blanks"),
        pytest.param(b'[{"a":"' + b"x" * (1 << 20) + b'"}]', 1, id="an element"),
    ],
)
def test_large_sources_in_small_chunks(run: Run, source: bytes, chunk: int) -> None:
    """Would take hours if anything were looked at again and again."""
    given = run([source[i : i + chunk] for i in range(0, len(source), chunk)])
    assert len(given) == 1
