"""Bad input: non-stream content gives diagnostics; an unsupported source raises an error that says what to do."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support import readings
from tests.support.paths import TRANSCRIPTS
from tests.support.strategies import examples

HELLO = TRANSCRIPTS / "hello_world.sse"
PAGE = b"<!DOCTYPE html>\n<html>\n <head><title>502</title></head>\n\n <body>Bad Gateway: try again</body>\n</html>\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"

# Content: (name, bytes, allowed codes besides `no_responses`)
CONTENT: list[tuple[str, bytes, set[str]]] = [
    ("nothing", b"", set()),
    ("blank lines", b"\n\r\n\r \n\t\n", set()),
    ("a byte order mark", b"\xef\xbb\xbf", set()),
    ("a web page", PAGE, {"stray_text"}),
    ("a picture", PNG, {"stray_text"}),
    ("zeros", b"\0" * 5000, {"stray_text"}),
    ("a number", b"12345", {"stray_text"}),
    ("null", b"null\n", {"stray_text"}),
    ("a string", b'"data: x"\n', {"stray_text"}),
    ("CSV", b"a,b,c\n1,2,3\n", {"stray_text"}),
    ("a log", b"2024-01-01 INFO start\n2024-01-01 INFO [x] stop\n", {"stray_text"}),
    ("an empty array", b"[]", set()),
    ("an array of numbers", b"[1,2,3]\n", {"stray_text"}),
    ("an empty object", b"{}", {"no_type"}),
    ("an object", b'{"a":1}\n', {"no_type"}),
    ("a brace", b"{", {"bad_json"}),
    ("braces", b"{{{{\n}}}}\n", {"bad_json", "stray_text"}),
    ("text as data", b"data: hello\n\n", {"bad_json"}),
    ("a number as data", b"data: 5\n\n", {"bad_json"}),
    ("an array as data", b"data: []\n\n", {"bad_json"}),
    ("empty data", b"data:\n\n", {"bad_json"}),
    ("only an event line", b"event: response.created\n\n", set()),
    ("only end marks", b"data: [DONE]\n\n[DONE]\n", set()),
    ("comments", b": a\n: b\n\n:\n", set()),
    ("UTF-16", "data: {}\n\n".encode("utf-16"), {"stray_text", "bad_json", "no_type"}),
]


@pytest.mark.parametrize(("data", "codes"), [row[1:] for row in CONTENT], ids=[row[0] for row in CONTENT])
def test_non_stream_input(api: Any, data: bytes, codes: set[str]) -> None:
    stream = api.events(data)
    assert list(stream) == []
    *others, last = readings.codes(stream.diagnostics) if data else [None]
    assert last == ("no_responses" if data else None)
    assert set(others) <= codes
    assert bool(others) == bool(codes)
    assert list(api.responses(data)) == []


def test_empty_file(api: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.sse"
    path.touch()
    stream = api.events(path)
    assert (list(stream), stream.diagnostics, stream.responses, stream.response) == ([], [], [], None)


def test_html_page_is_one_span(api: Any) -> None:
    stream = api.events(PAGE.replace(b"\n\n", b"\n"))
    assert list(stream) == []
    diagnostic, last = stream.diagnostics
    assert last.code == "no_responses"
    assert (diagnostic.offset, diagnostic.line) == (0, 1)


@examples(200)
@example(b"\xff" * 100)
@given(data=st.binary(max_size=300))
def test_random_bytes_do_not_raise(backend: Any, data: bytes) -> None:
    whole = readings.read(backend, data)
    assert readings.read(backend, data, [len(data) // 2]) == whole


def test_many_random_bytes_do_not_raise(backend: Any) -> None:
    data = Random(5).randbytes(300_000)
    whole = readings.read(backend, data)
    assert readings.read(backend, data, range(0, len(data), 1000)) == whole
    assert readings.lost_lines(backend, data[:50_000]) == []


def test_truncated_transcript(api: Any, tmp_path: Path) -> None:
    path = tmp_path / "cut.sse"
    path.write_bytes(HELLO.read_bytes()[:3000])
    stream = api.responses(path)
    (response,) = stream
    assert (response.complete, response.status) == (False, "in_progress")
    assert "Hello, World!".startswith(response.output_text)
    assert "no_terminal" in readings.codes(response.diagnostics)


# -- unsupported sources ---------------------------------------------------------------------------------------------


def calls(api: Any, source: Any) -> list[Any]:
    """The calls that take a source."""

    def consume(call: Any) -> None:
        async def read() -> None:
            async for _ in call(source):
                pass

        asyncio.run(read())

    return [
        lambda: list(api.events(source)),
        lambda: list(api.responses(source)),
        lambda: consume(api.aevents),
        lambda: consume(api.aresponses),
    ]


def check(api: Any, source: Any, error: type[Exception], says: str) -> None:
    for call in calls(api, source):
        with pytest.raises(error, match=says):
            call()


@pytest.mark.parametrize("name", ["missing.sse", "no/such/folder.sse", "", "name: with colon", "*.sse"])
def test_missing_path(api: Any, tmp_path: Path, name: str) -> None:
    for source in (tmp_path / name / "x", str(tmp_path / name / "x")):
        check(api, source, FileNotFoundError, "No such file")


def test_missing_file_raises_before_iteration(api: Any) -> None:
    """At the call, not at the first iteration."""
    with pytest.raises(FileNotFoundError):
        api.events("missing.sse")


@pytest.mark.parametrize(
    "text", [HELLO.read_text("utf-8"), '{"type":"x"}', "data: x", "event: x", "\n", 'first\n{"type":"x"}\n', "data: \0"]
)
def test_stream_text_as_str_raises(api: Any, text: str) -> None:
    check(api, text, ValueError, "bytes")


def test_file_name_that_looks_like_stream_text(api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("{x}.jsonl").write_bytes(b'{"type":"x"}\n')
    assert [event.type for event in api.events("{x}.jsonl")] == ["x"]


def test_folder_as_source(api: Any, tmp_path: Path) -> None:
    for source in (tmp_path, str(tmp_path)):
        for call in calls(api, source):
            with pytest.raises((IsADirectoryError, PermissionError), match=r"a folder: use respstream\.scan"):
                call()  # Windows raises PermissionError


def test_glob_as_source(api: Any, tmp_path: Path) -> None:
    (tmp_path / "a.sse").write_bytes(b"")
    for source in (tmp_path / "*.sse", str(tmp_path / "*.sse")):
        check(api, source, FileNotFoundError, r"a pattern with matches: use respstream\.scan")


def test_text_mode_file_raises(api: Any) -> None:
    with HELLO.open(encoding="utf-8") as file, pytest.raises(TypeError, match="binary mode"):
        list(api.events(file))
    for number in range(4):
        with pytest.raises(TypeError, match="binary mode"):
            calls(api, io.StringIO("data: x\n\n"))[number]()


def test_iterable_of_str_raises(api: Any) -> None:
    check(api, ["data: {}\n", "\n"], TypeError, "iter_bytes")
    with pytest.raises(TypeError, match="iter_bytes"):
        list(api.events(line for line in ["data: {}\n"]))


def test_async_iterable_of_str_raises(api: Any) -> None:
    async def source() -> AsyncIterator[str]:
        yield "data: x"

    async def read() -> None:
        async for _ in api.aevents(source()):
            pass

    with pytest.raises(TypeError, match="iter_bytes"):
        asyncio.run(read())


def test_async_source_in_sync_call_raises(api: Any) -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b""

    for call in (api.events, api.responses):
        with pytest.raises(TypeError, match="aevents"):
            list(call(source()))


@pytest.mark.parametrize("source", [None, 5, 1.5, object()], ids=lambda value: type(value).__name__)
def test_unsupported_source_types_raise(api: Any, source: Any) -> None:
    check(api, source, TypeError, "source")


def test_iterable_of_numbers_raises(api: Any) -> None:
    check(api, [1, 2], TypeError, "bytes")
    check(api, [None], TypeError, "bytes")


@pytest.mark.parametrize("call", ["events", "responses", "aevents", "aresponses"])
def test_invalid_options_raise_before_iteration(api: Any, call: str) -> None:
    for option in ({"form": "xml"}, {"on_eof": "x"}, {"max_event_bytes": 0}):
        with pytest.raises(ValueError, match=next(iter(option))):
            getattr(api, call)(b"", **option)


# -- options ---------------------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], type[Exception]]] = [
    *(({name: value}, TypeError) for name in ("on_eof", "field", "time", "lane") for value in (5, b"/a")),
    *(({"strict": value}, TypeError) for value in ("x", 1, None)),
    *(({"max_event_bytes": value}, TypeError) for value in (1.5, "7")),
    *(({"max_event_bytes": value}, ValueError) for value in (0, -1)),
    ({"max_event_bytes": 1 << 70}, OverflowError),
    ({"form": "x"}, ValueError),
    ({"on_eof": "x"}, ValueError),
    ({"field": "x"}, ValueError),
]


@pytest.mark.parametrize(("options", "error"), WRONG, ids=str)
def test_options_of_wrong_type_raise(api: Any, options: dict[str, Any], error: type[Exception]) -> None:
    for read in (api.Decoder, lambda **given: api.scan(HELLO, **given)):
        with pytest.raises(error):
            read(**options)


def test_released_memoryview_raises(api: Any) -> None:
    view = memoryview(b"data: {}\n\n")
    view.release()
    with pytest.raises(TypeError, match="bytes-like"):
        api.Decoder().feed(view)
