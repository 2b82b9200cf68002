"""Sources without responses: what the diagnostic `no_responses` says about them, and when it is reported."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import pytest

from tests.support import readings

EVENT = 'data: {"type":"response.created","response":{"id":"r1","output":[]}}\n\n'
JSON = "this looks like JSON without events of a response; if a field contains the stream, name it with `--field`"
CSV = "this looks like CSV; extract the column that contains the stream"
SSE = "this looks like SSE without events of a response"
HTML = "this looks like HTML or XML"
TEXT = "this looks like text without SSE fields"
BINARY = "this looks like binary data"
EMPTY = "the source is empty"


def utf16(encoding: str) -> str:
    return f"this looks like UTF-16; use `--encoding {encoding}`"


def behind(prefix: str, expression: str, what: str = "SSE") -> str:
    return f"this looks like {what} behind a line prefix `{prefix}`; use `--strip-prefix '{expression}'`"


def prefixed(prefix: str, text: str = EVENT) -> bytes:
    return "".join(f"{prefix}{line}\n" for line in text.split("\n")).encode()


LOOKS = [
    (b"\n \r\n", EMPTY),
    (b": ping\n\n", SSE),
    (b"data: [DONE]\n\n", SSE),
    (EVENT.encode("utf-16"), utf16("utf-16")),
    (EVENT.encode("utf-16-le"), utf16("utf-16-le")),
    (EVENT.encode("utf-16-be"), utf16("utf-16-be")),
    (b"\0\1\2\3", BINARY),
    (b"<html><body>502</body></html>\n", HTML),
    (b"\xef\xbb\xbf<html>\n", HTML),
    (b"id,body\n1,x\n", CSV),
    (b"id\tbody\r\n1\tx\r\n", CSV),
    (b"Hello, world\nnothing here\n", TEXT),
    (b"{}\n", JSON),
    (b'[{"a":1}]\n', JSON),
    (b'{"type":"response.brand_new"}\n', JSON),
    (b'{"MESSAGE": "hello"}\n', "this looks like JSON of journald; write the messages alone with `jq -r .MESSAGE`"),
    (prefixed("api-1  | "), behind("api-1  | ", r"api-1  \| ?")),
    (
        prefixed("Nov  7 10:00:00 host app[1]: "),
        behind("Nov  7 10:00:00 host app[1]: ", r"[A-Z][a-z]{2} +\d+ \d+:\d+:\d+ host app\[1\]: ?"),
    ),
    (
        prefixed("2026-11-27T10:00:00.000000000Z "),
        behind("2026-11-27T10:00:00.000000000Z ", r"\d+-\d+-\d+T\d+:\d+:\d+\.\d+Z ?"),
    ),
    (
        prefixed("2026-11-27 10:00:00,123 INFO a.b:  "),
        behind("2026-11-27 10:00:00,123 INFO a.b:  ", r"\d+-\d+-\d+ \d+:\d+:\d+,\d+ INFO a\.b: {0,2}"),
    ),
    (prefixed("[1796040000] 10.0.0.1 - "), behind("[1796040000] 10.0.0.1 - ", r"\[\d+\] 10\.0\.0\.1 - ?")),
    (prefixed("INFO:proxy:"), behind("INFO:proxy:", "INFO:proxy:")),
    (b"starting up\n" + prefixed("DEBUG "), behind("DEBUG ", "DEBUG ?")),
    (b"[api] event: response.created\n[api] data: x\n", behind("[api] ", r"\[api\] ?")),
    (b'[api] {"type":"response.created","response":{}}\n', behind("[api] ", r"\[api\] ?", "JSON Lines")),
    (prefixed("it's \u00fc\t"), behind("it's \ufffd\ufffd\ufffd", r"it\x27s \xc3\xbc\x09")),
    (b'x event: response.created"\n', TEXT),
    (b"x event: responses.created\n", TEXT),
    (prefixed("x" * 300), TEXT),
]


@pytest.mark.parametrize(("source", "what"), LOOKS, ids=range(len(LOOKS)))
def test_message_says_what_source_looks_like(backend: ModuleType, source: bytes, what: str) -> None:
    cuts: Sequence[int]
    for cuts in ([], readings.every_byte(source)):
        decoder = backend.Decoder()
        for start, end in zip([0, *cuts], [*cuts, len(source)], strict=True):
            decoder.feed(source[start:end])
        decoder.finish()
        (found,) = [diagnostic for diagnostic in decoder.diagnostics if diagnostic.code == "no_responses"]
        assert found.message == f"0 responses; {what}"
        assert (found.severity, found.offset, found.length, found.line) == ("warning", 0, len(source), 1)


@pytest.mark.parametrize(
    "source",
    [
        b"",
        EVENT.encode(),
        b"<html>\n" + EVENT.encode(),
        b'{"object":"response","id":"r1","output":[]}\n',
        b'data: {"type":"keepalive"}\n\n',
        b'{"error":{"message":"m"}}\n',
        b'{"object":"chat.completion.chunk"}\n',
        b'{"object":"event","type":"response.completed","data":{"id":"r1"}}\n',
    ],
)
def test_sources_that_do_not_get_it(backend: ModuleType, source: bytes) -> None:
    decoder = backend.Decoder()
    decoder.feed(source)
    decoder.finish()
    assert "no_responses" not in decoder.diagnostic_counts


def test_reset_forgets_the_source(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    decoder.feed(b"<html>\n")
    decoder.reset()
    decoder.feed(b"id,body\n1,x\n")
    decoder.finish()
    assert decoder.diagnostics[-1].message == f"0 responses; {CSV}"
