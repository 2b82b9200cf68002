"""Filters of the input: encodings and line prefixes, through every way to read a source."""

from __future__ import annotations

import asyncio
import codecs
import gzip
import io
import json
import pickle
import random
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from respstream._pure.diagnostics.appearance import prefix_pattern
from respstream.inputs.filters import MATCHED_BYTES, FilteredInput, Filters
from tests.support import readings

EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": {"id": "r1", "status": "in_progress", "output": []}},
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Zoë "},
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "\U0001f600 ok"},
    {"type": "response.completed", "response": {"id": "r1", "status": "completed", "output": []}},
]
TEXT = "Zoë \U0001f600 ok"
SSE = "".join(f"event: {e['type']}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n" for e in EVENTS)
JSONL = "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in EVENTS)
PREFIXES = [
    "api-1  | ",
    "Nov 29 12:00:00 host unit[71]: ",
    "Nov  9 12:00:00 host unit[71]: ",
    "2026-11-29T12:00:00.123456789Z ",
    "INFO:root:",
    "2026-11-29 12:00:00,123 INFO name: ",
    "[2026-11-29 12:00:00 +0100] [7] [INFO] ",
    "\x1b[36mapi-1  |\x1b[0m ",
    "it's (1+1)? ^$.*\\ {2} ",
    "1796040000.123\t",
    "ü: ",
]


def prefixed(prefix: str, text: str = SSE) -> bytes:
    return "".join(f"{prefix}{line}\n" for line in text.split("\n")).encode()


def text_of(api: Any, source: Any, **options: Any) -> str:
    stream = api.responses(source, **options)
    found = "".join(response.output_text for response in stream)
    assert [one for one in stream.diagnostics if one.severity == "error"] == []
    return found


def filtered(data: bytes, cuts: Sequence[int], **options: Any) -> bytes:
    filters = Filters(**options)
    parts = [filters.feed(data[start:end]) for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return b"".join([*parts, filters.finish()])


# -- the suggested expression ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("text", [SSE, JSONL], ids=["SSE", "JSON Lines"])
def test_suggested_expression_works(api: Any, prefix: str, text: str) -> None:
    """The message of the diagnostic names an option that, as it is written, makes the stream readable."""
    data = prefixed(prefix, text)
    stream = api.responses(data)
    assert list(stream) == []
    message = stream.diagnostics[-1].message
    found = re.search(r"use `--strip-prefix '(.+)'`$", message)
    assert found is not None
    assert "'" not in found[1]
    assert text_of(api, data, strip_prefix=found[1]) == TEXT


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("Nov 29 12:00:00 host unit[71]: ", "Dec  1 01:02:03 host unit[71]:"),
        ("2026-11-29T12:00:00.123456789Z ", "2027-01-01T00:00:01.5Z"),
        ("2026-11-29 12:00:00,123 INFO name: ", "2026-11-30 01:00:00,007 INFO name:"),
        ("api-1  | ", "api-1  |"),
    ],
)
def test_suggested_expression_fits_other_lines(first: str, other: str) -> None:
    assert re.fullmatch(prefix_pattern(first.encode()).encode(), other.encode())


@pytest.mark.parametrize(
    ("first", "other"),
    [("api-1  | ", "api-2  | "), ("host unit[71]: ", "host unit[72]: "), ("10.0.0.1 - ", "10.0.0.2 - ")],
)
def test_suggested_expression_does_not_mix_processes(first: str, other: str) -> None:
    assert not re.match(prefix_pattern(first.encode()).encode(), other.encode())


# -- prefixes ----------------------------------------------------------------------------------------------------------


def test_prefix_is_removed_at_every_cut() -> None:
    data = b"\xef\xbb\xbfa1: x\r\na22: \nno prefix\n\na3:a4: y\na5: " + b"z" * 5 + b"\na6: end"
    expected = b"x\r\n\nno prefix\n\na4: y\nzzzzz\nend"
    for cut in range(len(data) + 1):
        assert filtered(data, [cut], strip_prefix=r"a\d+: ?") == expected
    assert filtered(data, readings.every_byte(data), strip_prefix=r"a\d+: ?") == expected
    assert filtered(data, [], strip_prefix=rb"a\d+: ?") == expected


@pytest.mark.parametrize("size", [MATCHED_BYTES - 10, MATCHED_BYTES + 2, MATCHED_BYTES + 3, 3 * MATCHED_BYTES])
def test_long_lines_do_not_depend_on_cuts(size: int) -> None:
    data = b"ab: " + b"x" * size + b"\nab: " + b"y" * size
    expected = b"x" * size + b"\n" + b"y" * size
    for cuts in ([], [1, 5, size], list(range(0, len(data), 7)), readings.every_byte(data)):
        assert filtered(data, cuts, strip_prefix="ab: ") == expected


def test_line_without_end_is_not_stored() -> None:
    filters = Filters("x+")
    assert filters.feed(b"x" * (MATCHED_BYTES + 3)) == b"xxx"
    assert filters.feed(b"yy") == b"yy"


def test_expression_is_matched_line_by_line() -> None:
    assert filtered(b"a\n\nb: c\nd", [], strip_prefix=r"[^:]*: ") == b"a\n\nc\nd"
    assert filtered(b"1\n2\n", [], strip_prefix=r"\s*") == b"1\n2\n"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"strip_prefix": "("}, ValueError, "not a valid regular expression"),
        ({"strip_prefix": "a\0b"}, ValueError, "NUL"),
        ({"strip_prefix": b"a\0b"}, ValueError, "NUL"),
        ({"strip_prefix": 5}, TypeError, "regular expression"),
        ({"encoding": "nope"}, ValueError, "unknown encoding: 'nope'"),
        ({"encoding": "utf\0"}, ValueError, "unknown encoding"),
        ({"encoding": "hex"}, ValueError, "unknown encoding: 'hex'"),
        ({"encoding": "undefined"}, ValueError, "undefined"),
        ({"encoding": "utf-7"}, ValueError, "not an encoding of log files"),
        ({"encoding": 5}, TypeError, "encoding must be a str"),
    ],
)
def test_wrong_options_raise(
    api: Any, tmp_path: Path, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    (path := tmp_path / "a.sse").write_text(SSE)
    from respstream.tables import splits

    for read in (api.events, api.responses, api.aevents, api.aresponses, api.scan, splits.plan):
        with pytest.raises(error, match=text):
            read(path, **options)


# -- encodings ---------------------------------------------------------------------------------------------------------

MARKED = [codecs.BOM_UTF16_LE + SSE.encode("utf-16-le"), codecs.BOM_UTF16_BE + SSE.encode("utf-16-be")]


@pytest.mark.parametrize("data", MARKED, ids=["little", "big"])
def test_utf16_with_mark_is_detected(api: Any, tmp_path: Path, data: bytes) -> None:
    assert text_of(api, data) == TEXT
    assert text_of(api, (data[at : at + 1] for at in range(len(data)))) == TEXT
    assert text_of(api, io.BytesIO(data)) == TEXT
    for name, content in (("a.sse", data), ("b.sse.gz", gzip.compress(data))):
        (path := tmp_path / name).write_bytes(content)
        assert text_of(api, path) == TEXT
        assert [row["output_text"] for row in api.scan(path).to_arrow().to_pylist()] == [TEXT]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32", "cp1252", "latin-1", "shift_jis"])
def test_named_encodings(api: Any, tmp_path: Path, encoding: str) -> None:
    text = SSE if encoding.startswith("utf") else SSE.replace("\U0001f600", "!").replace("ë", "e" * 3)
    data = text.encode(encoding)
    expected = TEXT if text is SSE else "Zoeee ! ok"
    assert text_of(api, data, encoding=encoding) == expected
    (path := tmp_path / "a.sse").write_bytes(data)
    (row,) = api.scan(path, encoding=encoding).to_arrow().to_pylist()
    assert row["output_text"] == expected


def test_utf8_is_the_default(api: Any) -> None:
    assert text_of(api, SSE.encode(), encoding="utf-8") == text_of(api, SSE.encode("utf-8-sig")) == TEXT


INVALID = [
    b"\xff\xfea\0\x00\xd8b\0",
    b"\xff\xfea\0\x00\xdcb\0",
    b"\xff\xfea\0\x00\xd8",
    b"\xff\xfea\0\x00\xd8\x00",
    b"\xff\xfea\0b",
    b"\xff\xfe\x00\xd8\x00\xd8\x00\xdc",
    b"\xff",
    b"\xfe",
    b"\xff\xff",
    b"\xfe\xff",
]


@pytest.mark.parametrize("data", INVALID)
def test_invalid_units_are_reported(backends: Any, tmp_path: Path, data: bytes) -> None:
    """They become invalid UTF-8, which the decoder replaces and reports; the scan of the extension does the same."""
    for cut in range(len(data) + 1):
        assert filtered(data, [cut]) == filtered(data, [])
    wrapped = data + '\n{"type":"x\\u0041"}\n'.encode("utf-16-be" if data[:2] == b"\xfe\xff" else "utf-16-le")
    (path := tmp_path / "a.sse").write_bytes(wrapped)
    found = [_diagnostics(backend, path) for backend in backends]
    assert found[0] == found[1]


def _diagnostics(backend: Any, path: Path) -> Any:
    import respstream
    from respstream import _backend

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_backend, "engine", backend)
        scan = respstream.scan(path, ["diagnostics", "events"], {"events": ["type", "byte_start"]})
        rows = {name: table.to_pylist() for name, table in scan.to_arrow().items()}
        assert scan.summary is not None
        return rows, scan.summary.to_dict()


def test_random_utf16_is_equal_in_both_backends(backends: Any, tmp_path: Path) -> None:
    generator = random.Random(5)
    units = [0x0A, 0x7B, 0xD83D, 0xDE00, 0xFEFF, 0x20, 0xE9, 0x4E2D]
    for number in range(60):
        chosen = [generator.choice(units) for _ in range(generator.randrange(12))]
        data = b"\xfe\xff" + b"".join(unit.to_bytes(2, "big") for unit in chosen) + b"\xd8" * generator.randrange(2)
        (path := tmp_path / f"{number}.sse").write_bytes(data)
        rust, python = (_diagnostics(backend, path) for backend in backends)
        assert rust == python


# -- every way to read -------------------------------------------------------------------------------------------------


async def _async_text(api: Any, source: Any, **options: Any) -> tuple[str, int]:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(source), 5):
            yield source[at : at + 5]

    texts = [response.output_text async for response in api.aresponses(chunks(), **options)]
    return "".join(texts), len([event async for event in api.aevents(chunks(), **options)])


def test_prefix_through_every_door(api: Any, tmp_path: Path) -> None:
    from respstream.tables import splits

    options = {"strip_prefix": r"\[x\] ?"}
    data = prefixed("[x] ")
    (path := tmp_path / "a.log").write_bytes(data)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(data))
    assert [event.to_dict() for event in api.events(data, **options)] == EVENTS
    assert asyncio.run(_async_text(api, data, **options)) == (TEXT, len(EVENTS))
    scan = api.scan(tmp_path, ["responses", "items", "events"], **options)
    found = {name: table.to_pylist() for name, table in scan.to_arrow().items()}
    assert [row["output_text"] for row in found["responses"]] == [TEXT, TEXT]
    assert [row["text"] for row in found["items"]] == [TEXT, TEXT]
    assert len(found["events"]) == 2 * len(EVENTS)
    assert scan.summary.bytes == 2 * len(SSE.encode() + b"\n")
    planned = splits.plan(path, 100, **options)
    assert len(planned) == 1
    again = pickle.loads(pickle.dumps(planned))
    assert [row["output_text"] for row in splits.read_split(again).to_arrow().to_pylist()] == [TEXT]


def test_positions_are_those_of_the_filtered_text(api: Any) -> None:
    data = prefixed("INFO:root:") + b"junk\n"
    stream = api.events(data, strip_prefix="INFO:root:")
    assert [event.offset for event in stream] == [event.offset for event in api.events(SSE.encode())]
    (junk,) = [one for one in stream.diagnostics if one.code == "stray_text"]
    assert (junk.line, junk.offset) == (data.count(b"\n"), len(SSE.encode()) + 1)


def test_prefix_and_encoding_together(api: Any, tmp_path: Path) -> None:
    data = prefixed("api-1 | ").decode().encode("utf-16")
    (path := tmp_path / "a.log").write_bytes(data)
    for source in (data, path):
        assert text_of(api, source, strip_prefix=r"api-1 \| ?") == TEXT


@pytest.mark.parametrize("options", [{}, {"strip_prefix": "INFO:"}], ids=["detected", "prefix"])
def test_damaged_file_is_read_to_its_end(backends: Any, tmp_path: Path, options: dict[str, Any]) -> None:
    content = prefixed("INFO:", SSE + SSE) if options else MARKED[0]
    (path := tmp_path / "a.sse.gz").write_bytes(gzip.compress(content)[:-12])
    import respstream
    from respstream import _backend

    results = []
    for backend in backends:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_backend, "engine", backend)
            stream = respstream.events(path, **options)
            count = len(list(stream))
            scan = respstream.scan(path, "diagnostics", **options)
            rows = scan.to_arrow().to_pylist()
            assert scan.summary is not None
            (problem,) = scan.summary.problems
            last = stream.diagnostics[-1]
            assert (last.code, problem[1], rows[-1]["code"]) == ("truncated_file",) * 3
            assert last.offset == rows[-1]["offset"] == scan.summary.bytes
            results.append((count, last, problem, rows, scan.summary.to_dict()))
    assert results[0] == results[1]


def test_closing_closes_the_source(api: Any) -> None:
    class Source:
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            try:
                yield SSE.encode()
                yield SSE.encode()
            finally:
                self.closed = True

    source = Source()
    stream = api.events(source, strip_prefix="x")
    next(iter(stream))
    stream.close()
    assert source.closed
    file = io.BytesIO(SSE.encode())
    opened = FilteredInput(lambda: file, {"strip_prefix": "event: "})()
    assert opened.read(17) == b"response.created\n"
    opened.close()
    assert file.closed


def test_wrong_chunks_raise_the_usual_errors(api: Any) -> None:
    for options in ({}, {"strip_prefix": "x"}):
        with pytest.raises(TypeError, match="bytes-like object is required, not 'float'"):
            list(api.events([b"da", 1.5], **options))
        with pytest.raises(TypeError, match="the chunks are str"):
            list(api.events(["data: x"], **options))
