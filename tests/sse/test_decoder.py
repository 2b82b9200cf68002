"""The SSE decoder over both backends: the standard's cases, every cut, an oracle that reads whole texts, counted work."""

from __future__ import annotations

import array
import copy
import itertools
import json
import pickle
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from respstream import sse
from respstream._pure.sse.decoder import SseDecoder as Reference
from respstream._pure.sse.lines import LineSplitter
from respstream.sse import ServerSentEvent as Message
from tests.support.paths import DATA

CONFORMANCE = DATA / "conformance"
CASES: list[dict[str, Any]] = json.loads((CONFORMANCE / "cases.json").read_text("utf-8"))
BOM = b"\xef\xbb\xbf"
# Line ends for str.splitlines() but not for the standard: VT FF FS GS RS NEL LS PS.
NO_LINE_ENDS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def decode(
    decoder_class: Any, chunks: Iterable[bytes], on_eof: str = "flush"
) -> tuple[list[Message], int | None, str | None]:
    """All results of a stream: its messages, the last retry and the last event id."""
    decoder = decoder_class(on_eof=on_eof)
    messages = [message for chunk in chunks for message in decoder.feed(chunk)]
    messages += decoder.finish()
    return messages, decoder.retry, decoder.last_event_id


def ways(raw: bytes) -> Iterator[list[bytes]]:
    """Whole, byte by byte, and cut in two at every position."""
    yield [raw]
    yield [raw[i : i + 1] for i in range(len(raw))]
    for cut in range(len(raw) + 1):
        yield [raw[:cut], raw[cut:]]


def oracle(raw: bytes, on_eof: str) -> tuple[list[Message], int | None, str | None]:
    """A direct implementation of the standard: decode the whole text, split it, process the lines."""
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, rest = re.split("\r\n|\r|\n", text)
    if on_eof == "flush":
        lines += [rest, ""] if rest else [""]
    data = event = last_id = committed = ""
    retry: int | None = None
    block_retry: int | None = None
    messages: list[Message] = []
    for line in lines:
        if not line:
            committed = last_id
            if data:
                messages.append(Message(event or None, data[:-1], last_id or None, block_retry))
            data, event, block_retry = "", "", None
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            event = value
        elif name == "data":
            data += value + "\n"
        elif name == "id" and "\0" not in value:
            last_id = value
        elif name == "retry" and re.fullmatch("[0-9]+", value) and len(value.lstrip("0")) < 20:
            retry = block_retry = int(value)
    return messages, retry, committed or None


def data_of(backend: Any, raw: bytes) -> list[str]:
    return [message.data for message in decode(backend.SseDecoder, [raw])[0]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_conformance_at_every_cut(backend: Any, case: dict[str, Any]) -> None:
    raw = (CONFORMANCE / case["file"]).read_bytes()
    assert len(raw) == case["bytes"]
    expected = [Message(m["event"] or None, m["data"], m["lastEventId"] or None) for m in case["messages"]]
    for chunks in ways(raw):
        messages, retry, _ = decode(backend.SseDecoder, chunks, "discard")
        assert [Message(m.event, m.data, m.id) for m in messages] == expected
        if "retry" in case:
            assert retry == case["retry"]


def test_there_are_26_cases() -> None:
    assert len(CASES) == 26


ROWS: dict[str, tuple[bytes, list[Message]]] = {
    "lf": (b"data:a\ndata:b\n\n", [Message(None, "a\nb")]),
    "crlf": (b"data:a\r\ndata:b\r\n\r\n", [Message(None, "a\nb")]),
    "cr": (b"data:a\rdata:b\r\r", [Message(None, "a\nb")]),
    "mixed ends": (b"data:a\r\rdata:b\n\r\ndata:c\r\n\rdata:d\r\n\n", [Message(None, x) for x in "abcd"]),
    "lf then cr is two ends": (b"data:a\n\rdata:b\n\n", [Message(None, "a"), Message(None, "b")]),
    "blank lines alone": (b"\n\r\n\r\r\n\n", []),
    "bom": (BOM + b"data:a\n\n", [Message(None, "a")]),
    "two boms": (BOM + BOM + b"data:a\n\ndata:b\n\n", [Message(None, "b")]),
    "bom later on": (b"data:a\n\n" + BOM + b"data:b\n\n", [Message(None, "a")]),
    "bom and a blank line": (BOM + b"\ndata:a\n\n", [Message(None, "a")]),
    "bom in a value": (b"data:" + BOM + b"a\n\n", [Message(None, "\ufeffa")]),
    "half a bom": (b"\xef\xbbdata:a\n\ndata:b\n\n", [Message(None, "b")]),
    "one space is dropped": (b"data: a\ndata:  b\ndata:\tc\n\n", [Message(None, "a\n b\n\tc")]),
    "no colon": (b"data\nevent\nid\nretry\n\n", [Message(None, "")]),
    "two empty data lines": (b"data\ndata:\n\n", [Message(None, "\n")]),
    "space before the colon": (b"data :a\n\n", []),
    "names are case-sensitive": (b"Data:a\nDATA:b\n\n", []),
    "comments": (b":\n:data:a\ndata:b\n: c\n\n", [Message(None, "b")]),
    "unknown fields": (b"foo:a\ndata:b\ndatax:c\n:\n\n", [Message(None, "b")]),
    "last event wins": (b"event:a\nevent:b\ndata\n\n", [Message("b", "")]),
    "empty event is none": (b"event:a\nevent:\ndata\n\n", [Message(None, "")]),
    "event without data": (b"event:a\n\ndata:b\n\n", [Message(None, "b")]),
    "id without data": (b"id:1\n\ndata:b\n\n", [Message(None, "b", "1")]),
    "id persists, is reset": (b"id:1\ndata:a\n\ndata:b\n\nid\ndata:c\n\n", [Message(None, "a", "1"), Message(None, "b", "1"), Message(None, "c")]),
    "id with nul": (b"id:1\nid:2\0\ndata:a\n\n", [Message(None, "a", "1")]),
    "retry is its block's": (b"retry:5\n\ndata:a\n\nretry:07\ndata:b\n\ndata:c\n\n", [Message(None, "a"), Message(None, "b", None, 7), Message(None, "c")]),
    "last valid retry wins": (b"retry:1\nretry:2\nretry:x\ndata\n\n", [Message(None, "", None, 2)]),
    "utf-8": ("event:é\nid:…\ndata:\U0001f600\n\n".encode(), [Message("é", "\U0001f600", "…")]),
    "invalid utf-8": (b"event:\xff\nid:\xc3\ndata:\xe2\x82\ndata:\xed\xa0\x80\n\n", [Message("\ufffd", "\ufffd\n\ufffd\ufffd\ufffd", "\ufffd")]),
    "invalid utf-8 in a name": (b"\xffdata:a\ndat\xe2:b\n\n", []),
    "separators are text": (f"data:{NO_LINE_ENDS}\nevent:{NO_LINE_ENDS}\n\n".encode(), [Message(NO_LINE_ENDS, NO_LINE_ENDS)]),
    "nul in data": (b"data:\0\n\n", [Message(None, "\0")]),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_rows_at_every_cut(backend: Any, name: str) -> None:
    raw, expected = ROWS[name]
    for on_eof in ("flush", "discard"):
        assert oracle(raw, on_eof)[0] == expected
        for chunks in ways(raw):
            assert decode(backend.SseDecoder, chunks, on_eof)[0] == expected


@pytest.mark.parametrize(
    ("raw", "flushed"),
    [
        (b"data:a", "a"),
        (b"data:a\n", "a"),
        (b"data:a\r", "a"),
        (b"data:a\ndata", "a\n"),
        (BOM + b"data:a", "a"),
        (b"data:\xe2\x82", "\ufffd"),
    ],
)
def test_end_of_input(backend: Any, raw: bytes, flushed: str) -> None:
    for chunks in ways(raw):
        assert [m.data for m in decode(backend.SseDecoder, chunks)[0]] == [flushed]
        assert decode(backend.SseDecoder, chunks, "discard")[0] == []


@pytest.mark.parametrize("raw", [b"", BOM, BOM[:2], b"\n", b"\r", b"event:a", b":c", b"id:1", b"retry:1"])
def test_nothing_to_flush(backend: Any, raw: bytes) -> None:
    for chunks in ways(raw):
        assert decode(backend.SseDecoder, chunks)[0] == []


def test_last_event_id_is_that_of_last_complete_block(backend: Any) -> None:
    raw = b"id:1\n\nid:2\n"
    assert decode(backend.SseDecoder, [raw], "discard")[2] == "1"
    assert decode(backend.SseDecoder, [raw], "flush")[2] == "2"


@pytest.mark.parametrize(
    ("value", "retry"),
    [
        (b"0", 0),
        (b"3000", 3000),
        (b"000123", 123),
        (b"0" * 10_000 + b"9", 9),
        (b"18446744073709551615", 2**64 - 1),
        (b"18446744073709551616", None),
        (b"9" * 10_000, None),
        (b"", None),
        (b"+1", None),
        (b"-1", None),
        (b"1 ", None),
        (b" 1", None),
        (b"1_000", None),
        (b"1.0", None),
        ("\u0661".encode(), None),
        ("\xb2".encode(), None),
    ],
    ids=repr,
)
def test_retry_is_ascii_digits(backend: Any, value: bytes, retry: int | None) -> None:
    # The one space that may follow the colon is there already, so a second one is part of the value.
    messages, last, _ = decode(backend.SseDecoder, [b"retry: " + value + b"\ndata\n\n"])
    assert messages == [Message(None, "", None, retry)]
    assert last == retry


def test_retry_applies_when_its_line_ends(backend: Any) -> None:
    decoder = backend.SseDecoder()
    decoder.feed(b"retry:10")
    assert decoder.retry is None
    decoder.feed(b"\r")
    assert decoder.retry == 10


def test_message_is_complete_at_final_cr(backend: Any) -> None:
    decoder = backend.SseDecoder()
    assert decoder.feed(b"data:a\r") == []
    assert decoder.feed(b"\n\r") == [Message(None, "a")]
    assert decoder.feed(b"\ndata:b\n\r") == [Message(None, "b")]
    assert decoder.feed(b"\n\n") == []
    assert decoder.finish() == []


def test_invalid_utf8_is_replaced_as_specified(backend: Any) -> None:
    high = range(0x80, 0x100)
    edges = [0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF4, 0xF5]
    words = [bytes(word) for word in itertools.chain(itertools.product(high, high), itertools.product(edges, repeat=4))]
    data = b"".join(b"data:" + word + b"\n\n" for word in words)
    assert data_of(backend, data) == [word.decode("utf-8", "replace") for word in words]


# Pieces that meet each other's edges: line ends, halves of a BOM, names, colons, invalid bytes.
PIECES = [b"\r", b"\n", b"\r\n", b"\n\n", b":", b" ", b"\0", BOM, BOM[:1], BOM[1:], b"data", b"event", b"id", b"retry", b"data: a\n",
          b"id: 7\n", b"retry: 12\n", b"event: e\n", b"1", b"x", b"\xff", b"\xe2\x80\xa8", b"\xf0\x9f"]  # fmt: skip
STREAMS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=24).map(b"".join)


def chunked(raw: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted(cut % (len(raw) + 1) for cut in cuts)
    return [raw[a:b] for a, b in itertools.pairwise([0, *places, len(raw)])]


@given(raw=STREAMS, cuts=st.lists(st.integers(min_value=0), max_size=6), on_eof=st.sampled_from(["flush", "discard"]))
def test_any_bytes_at_any_cuts(backend: Any, raw: bytes, cuts: list[int], on_eof: str) -> None:
    expected = oracle(raw, on_eof)
    assert decode(backend.SseDecoder, [raw], on_eof) == expected
    assert decode(backend.SseDecoder, chunked(raw, cuts), on_eof) == expected
    assert decode(Reference, chunked(raw, cuts), on_eof) == expected


@given(raw=STREAMS, cuts=st.lists(st.integers(min_value=0), max_size=6))
def test_line_positions_do_not_depend_on_cuts(raw: bytes, cuts: list[int]) -> None:
    def places(chunks: list[bytes]) -> list[tuple[int, int]]:
        splitter, window, base, found = LineSplitter(), b"", 0, []
        for chunk in chunks:
            window += chunk
            found += [(base + start, base + end) for start, end in splitter.lines(window)]
            base += splitter.rest
            window = window[splitter.rest :]
        start, end = splitter.unfinished(window)
        return [*found, (base + start, base + end)]

    assert places(chunked(raw, cuts)) == places([raw])


SHAPES = {
    "one line in 1-byte chunks": (b"data:" + b"x" * 200_000 + b"\n\n", 1),
    "8 MiB in 64-byte chunks": (b"data:" + b"x" * (8 << 20) + b"\n\n", 64),
    "data lines, whole": (b"data:x\n" * 1_000_000 + b"\n", 1 << 30),
    "data lines in 5-byte chunks": (b"data:x\r\n" * 50_000 + b"\r\n", 5),
    "blank lines": (b"\n" * 200_000, 4096),
    "a CR far behind many LFs": (b"data:x\n\n" * 100_000 + b"\r", 1 << 20),
    "a comment that never ends": (b":" + b"x" * 2_000_000, 100),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_work_is_linear(backend: Any, shape: str) -> None:
    raw, size = SHAPES[shape]
    decoder = backend.SseDecoder()
    for at in range(0, len(raw), size):
        decoder.feed(raw[at : at + size])
    decoder.finish()
    assert len(raw) <= decoder.work <= 8 * len(raw)


@pytest.mark.parametrize(
    "make", [bytearray, memoryview, lambda raw: array.array("B", raw)], ids=["bytearray", "memoryview", "array"]
)
def test_bytes_like_chunks(backend: Any, make: Any) -> None:
    assert backend.SseDecoder().feed(make(b"data:a\n\n")) == [Message(None, "a")]


def test_non_contiguous_view(backend: Any) -> None:
    assert backend.SseDecoder().feed(memoryview(b"d.a.t.a.:.a.\n.\n.")[::2]) == [Message(None, "a")]


def test_chunk_may_change_after_feed(backend: Any) -> None:
    decoder, chunk = backend.SseDecoder(), bytearray(b"data:a")
    decoder.feed(chunk)
    chunk[:] = b"xxxxxx"
    assert decoder.feed(b"\n\n") == [Message(None, "a")]


def test_str_chunk_raises(backend: Any) -> None:
    with pytest.raises(TypeError, match="takes bytes, not str"):
        backend.SseDecoder().feed("data:a\n\n")


@pytest.mark.parametrize("chunk", [None, 5, [1, 2], object()], ids=lambda value: type(value).__name__)
def test_non_buffer_chunk_raises(backend: Any, chunk: object) -> None:
    with pytest.raises(TypeError):
        backend.SseDecoder().feed(chunk)


@pytest.mark.parametrize("on_eof", ["", "keep", "FLUSH", None, 1], ids=repr)
def test_invalid_on_eof_raises(backend: Any, on_eof: object) -> None:
    with pytest.raises(ValueError, match=f"on_eof must be one of flush, discard, not {on_eof!r}"):
        backend.SseDecoder(on_eof=on_eof)


def test_finished_until_reset(backend: Any) -> None:
    decoder = backend.SseDecoder()
    decoder.feed(b"id:1\nretry:2\ndata:a")
    assert decoder.finish() == [Message(None, "a", "1", 2)]
    assert decoder.finish() == []
    with pytest.raises(ValueError, match=r"feed\(\) after finish\(\)"):
        decoder.feed(b"data:b\n\n")
    assert (decoder.last_event_id, decoder.retry) == ("1", 2)
    decoder.reset()
    assert (decoder.last_event_id, decoder.retry) == (None, None)
    assert decoder.feed(BOM + b"data:b\n\n") == [Message(None, "b")]


def test_reset_keeps_only_on_eof(backend: Any) -> None:
    decoder = backend.SseDecoder("discard")
    decoder.feed(b"id:1\nevent:e\ndata:a\n\ndata:b\r")
    decoder.reset()
    assert decoder.feed(b"\ndata:c") == []
    assert decoder.finish() == []


def test_messages_compare_by_value() -> None:
    message = Message("e", '{"a": 1}', "7", 10)
    assert message == Message("e", '{"a": 1}', "7", 10)
    for other in (Message("x", '{"a": 1}', "7", 10), Message("e", "", "7", 10), Message("e", '{"a": 1}'), "e"):
        assert message != other
    assert message.json() == {"a": 1}
    assert repr(message) == """ServerSentEvent(event='e', data='{"a": 1}', id='7', retry=10)"""
    assert pickle.loads(pickle.dumps(message)) == copy.copy(message) == copy.deepcopy(message) == message
    assert Message() == Message(None, "", None, None)
    with pytest.raises(TypeError):
        hash(message)
    with pytest.raises(AttributeError):
        message.other = 1  # type: ignore[attr-defined]
    with pytest.raises(json.JSONDecodeError):
        Message(data="[DONE]").json()


def test_message_supports_match_by_position() -> None:
    match Message("e", "d", "7", 10):
        case Message("e", data, _, int(retry)):
            assert (data, retry) == ("d", 10)
        case _:
            pytest.fail("no match")


def test_module_exports_decoder_of_active_backend() -> None:
    assert sse.Decoder().feed(b"data:a\n\n") == [Message(None, "a")]
    with pytest.raises(AttributeError, match="no attribute 'Decodr'"):
        getattr(sse, "Decodr")  # noqa: B009  (an attribute that type checkers know is missing)
