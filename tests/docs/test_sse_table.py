"""The table of `docs/sse.md`: the standard, httpx-sse, the openai SDK and this package; each cell is checked by running it.

`python -m tests.docs.test_sse_table` prints the table for the page.
"""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import httpx
import httpx_sse
import pytest
from openai._streaming import SSEDecoder as OpenAIDecoder

from respstream import sse
from tests.support.paths import DOCS

PAGE = DOCS / "sse.md"
Decode = Callable[[Iterable[bytes], str], Iterator[Any]]


class Got(NamedTuple):
    """A message, or the name of an exception as data of event `raises`; "message" and "" count as none, as they mean none."""

    data: str
    event: str | None = None
    id: str | None = None
    retry: int | None = None


class Row(NamedTuple):
    """`standard` is written by hand from the text of the standard; `differs` is why this package differs, if it does."""

    rule: str
    chunks: list[bytes]
    standard: list[Got]
    on_eof: str = "flush"
    content_type: str = "text/event-stream"
    live: bool = False  # only messages that are complete before the second chunk
    differs: str = ""


A, B = Got("a"), Got("b")
SEPARATORS = "\v\f\x1c\x85\u2028\u2029"
ROWS = [
    Row("A line ends at LF", [b"data: a\n\ndata: b\n\n"], [A, B]),
    Row("… at CRLF", [b"data: a\r\n\r\ndata: b\r\n\r\n"], [A, B]),
    Row("… at CR", [b"data: a\r\rdata: b\r\r"], [A, B]),
    Row("… and at no other separator", [f"data: {SEPARATORS}\n\n".encode()], [Got(SEPARATORS)]),
    Row("A CR ends its line when it comes, not with the byte after it", [b"data: a\r\r", b"data: b\r\r"], [A], live=True),
    Row("An LF after it, in the next chunk, ends nothing more", [b"data: a\r", b"\ndata: b\r\n\r\n"], [Got("a\nb")]),
    Row("A byte order mark at the start is dropped", [b"\xef\xbb\xbfdata: a\n\n"], [A]),
    Row("… also one split over chunks", [b"\xef", b"\xbb", b"\xbfdata: a\n\n"], [A]),
    Row("… and only one, only at the start", [b"data: a\n\n\xef\xbb\xbfdata: b\n\n"], [A]),
    Row("The text is UTF-8, also where a character is split", [b"data: \xc3", b"\xa9\n\n"], [Got("é")]),
    Row("Invalid UTF-8 becomes U+FFFD", [b"data: \xff\n\n"], [Got("\ufffd")]),
    Row("A charset in the Content-Type means nothing", [b"data: \xc3\xa9\n\n"], [Got("é")],
        content_type="text/event-stream; charset=latin-1"),
    Row("One space after the colon is dropped", [b"data:a\ndata: a\ndata:  a\n\n"], [Got("a\na\n a")]),
    Row("A line without a colon is a field with an empty value", [b"data\ndata\n\n"], [Got("\n")]),
    Row("Comments and unknown fields are ignored", [b": c\nfoo: c\nDATA: c\ndata: a\n\n"], [A]),
    Row("A block with empty data is a message", [b"data:\n\n"], [Got("")]),
    Row("A block without data is none: an event name", [b"event: ping\n\ndata: a\n\n"], [A]),
    Row("… an id, which counts for what follows", [b"id: 1\n\ndata: a\n\n"], [Got("a", id="1")]),
    Row("… a retry", [b"retry: 5\n\ndata: a\n\n"], [A]),
    Row("… a blank line too many, with an id remembered", [b"id: 1\ndata: a\n\n\n\n"], [Got("a", id="1")]),
    Row("An empty event name is none", [b"event: e\nevent:\ndata: a\n\n"], [A]),
    Row("The id stays until another comes; an empty one ends it", [b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: a\n\n"],
        [Got("a", id="1"), Got("b", id="1"), A]),
    Row("An id with a NUL is ignored", [b"id: 1\nid: 2\0\ndata: a\n\n"], [Got("a", id="1")]),
    Row("A retry is ASCII digits: no sign", [b"retry: -5\ndata: a\n\n"], [A]),
    Row("… no space", [b"retry:  5\ndata: a\n\n"], [A]),
    Row("… no underscore", [b"retry: 1_0\ndata: a\n\n"], [A]),
    Row("… no other digits", ["retry: ٥\ndata: a\n\n".encode()], [A]),
    Row("… and of any length", [b"retry: 99999999999999999999\ndata: a\n\n"], [Got("a", retry=99999999999999999999)],
        differs="over 64 bits it is ignored"),
    Row("A block that the end cuts short is discarded", [b"data: a\n\ndata: b\n"], [A], differs="`on_eof=\"flush\"`, the default, counts it"),
    Row("… with `on_eof=\"discard\"`", [b"data: a\n\ndata: b\n"], [A], on_eof="discard"),
]  # fmt: skip


def by_httpx_sse(chunks: Iterable[bytes], content_type: str) -> Iterator[Any]:
    response = httpx.Response(200, content=chunks, headers={"Content-Type": content_type})
    return httpx_sse.EventSource(response).iter_sse()


def by_openai(chunks: Iterable[bytes], _: str) -> Iterator[Any]:
    return OpenAIDecoder().iter_bytes(iter(chunks))


def by_decoder(decoder: Any) -> Decode:
    def by_ours(chunks: Iterable[bytes], _: str) -> Iterator[Any]:
        for chunk in chunks:
            yield from decoder.feed(chunk)
        yield from decoder.finish()

    return by_ours


def run(row: Row, decode: Decode) -> list[Got]:
    got: list[Got] = []
    before_second: list[Got] = []

    def chunks() -> Iterator[bytes]:
        for number, chunk in enumerate(row.chunks):
            if number == 1:
                before_second.extend(got)
            yield chunk

    try:
        for m in decode(chunks(), row.content_type):
            event = None if m.event in {None, "", "message"} else m.event
            got.append(Got(m.data, event, m.id or None, m.retry))
    except ValueError as error:
        got.append(Got(type(error).__name__, "raises"))
    return before_second if row.live else got


def render(messages: list[Got]) -> str:
    """The messages as one cell."""
    cells = []
    for data, event, last_id, retry in messages:
        if event == "raises":
            cells.append(f"raises `{data}`")
            continue
        named = f"{event} " if event else ""
        extra = (f" id={last_id}" if last_id else "") + (f" retry={retry}" if retry is not None else "")
        cells.append(f"`{named}{json.dumps(data)}{extra}`")
    return ", ".join(cells) or "nothing"


def compare(row: Row, messages: list[Got]) -> str:
    return "the same" if messages == row.standard else render(messages)


def line(row: Row, decoder_class: Any) -> str:
    ours = compare(row, run(row, by_decoder(decoder_class(on_eof=row.on_eof))))
    cells = [
        row.rule,
        " ".join(f"`{ascii(chunk)[1:]}`" for chunk in row.chunks),
        render(row.standard) + (" before the second chunk" if row.live else ""),
        compare(row, run(row, by_httpx_sse)),
        compare(row, run(row, by_openai)),
        f"{ours}: {row.differs}" if row.differs else ours,
    ]
    return f"| {' | '.join(cells)} |"


HEAD = "| the standard | bytes | gives | httpx-sse 0.4.3 | openai 3.57 | respstream |\n|---|---|---|---|---|---|"


def table(decoder_class: Any) -> str:
    return "\n".join([HEAD, *(line(row, decoder_class) for row in ROWS)])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_page_matches_behaviour(backend: Any, row: Row) -> None:
    assert line(row, backend.SseDecoder) in PAGE.read_text("utf-8").splitlines()


def test_page_has_whole_table(backend: Any) -> None:
    assert table(backend.SseDecoder) in PAGE.read_text("utf-8")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_behaviour_follows_standard_or_row_explains(backend: Any, row: Row) -> None:
    got = run(row, by_decoder(backend.SseDecoder(on_eof=row.on_eof)))
    assert (got == row.standard) == (not row.differs)


def test_page_examples_run() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert (failed, tried) == (0, 5)


if __name__ == "__main__":
    print(table(sse.Decoder))
