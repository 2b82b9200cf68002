"""Tables that the docs print and the tests check: a minimal stream for each diagnostic code, the event classes.

`python -m tests.tables` writes them into the docs, between the markers; the tests compare.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

DOCS = Path(__file__).parent.parent / "docs"


class Minimal(NamedTuple):
    """A minimal stream for a code; `also`: what else such a stream gives; `options`: of the decoder."""

    code: str
    stream: bytes
    also: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


# A response that is in order but for what a row puts into it.
BEGIN = b'{"type":"response.created","response":{"id":"r1","output":[]}}\n'
ITEM = b'{"type":"response.output_item.added","output_index":0,"item":{"id":"i1","type":"message","content":[]}}\n'
DELTA = b'{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hi"}\n'
END = b'{"type":"response.completed","response":{"id":"r1","output":[]}}\n'

DIAGNOSTICS = [
    Minimal("bad_json", b"data: {oops}\n\n"),
    Minimal("bad_utf8", b'{"type":"keepalive","x":"\xff"}\n'),
    Minimal("bad_field", b'{"type":"keepalive","sequence_number":"7"}\n'),
    Minimal("no_type", b'data: {"delta":"Hi"}\n\n'),
    Minimal("error_body", b'{"error":{"message":"Wrong key","type":"auth","code":"invalid_api_key"}}\n'),
    Minimal("event_too_large", b'data: {"type":"keepalive","x":"12345678901234567890"}\n\n', (), (("max_event_bytes", 20),)),
    Minimal("limit_exceeded", b'{"type":"keepalive","x":' + b"[" * 256 + b"]" * 256 + b"}\n"),
    Minimal("foreign_stream", b'data: {"object":"chat.completion.chunk"}\n\n'),
    Minimal("stray_text", b"<html>\n"),
    Minimal("unfinished_block", b'data: {"type":"keepalive"}\n'),
    Minimal("missing_blank_line", b'data: {"type":"keepalive"}\ndata: {"type":"keepalive"}\n\n'),
    Minimal("type_mismatch", b'event: error\ndata: {"type":"keepalive"}\n\n'),
    Minimal("unknown_event", b'{"type":"response.brand_new"}\n'),
    Minimal("sequence_gap", BEGIN + b'{"type":"keepalive","sequence_number":1}\n{"type":"keepalive","sequence_number":5}\n' + END),
    Minimal("sequence_repeat", BEGIN + b'{"type":"keepalive","sequence_number":1}\n{"type":"keepalive","sequence_number":1}\n' + END),
    Minimal("no_created", END),
    Minimal("no_terminal", BEGIN),
    Minimal("after_terminal", BEGIN + END + b'{"type":"error","message":"late"}\n'),
    Minimal("time_reversed", b'{"event":"response.created","data":{"response":{"id":"r1","output":[]}},"timestamp":1800000001}\n{"event":"response.completed","data":{"response":{"id":"r1","output":[]}},"timestamp":1800000000}\n'),
    Minimal("response_id_changed", BEGIN + END.replace(b"r1", b"r2")),
    Minimal("item_id_changed", BEGIN + ITEM + DELTA.replace(b'"delta":', b'"item_id":"i2","delta":') + END, ("output_recovered",)),
    Minimal("text_mismatch", BEGIN + ITEM + DELTA + DELTA.replace(b"delta", b"done", 1).replace(b'"delta"', b'"text"').replace(b"Hi", b"Ho") + END, ("output_recovered",)),
    Minimal("output_differs", BEGIN + ITEM + END.replace(b"[]", b'[{"type":"function_call"}]')),
    Minimal("output_recovered", BEGIN + ITEM + END),
]  # fmt: skip
ELSEWHERE = ("unreadable", "truncated_file", "bad_compression")  # they are about files: `scan` and the command line


def printed(row: Minimal) -> str:
    """The stream of a row as text on one line of a table."""
    text = row.stream.decode("utf-8", "backslashreplace")
    text = re.sub(r"(\[{9,}|\]{9,})", lambda match: f"{match[0][:2]}…{match[0][:2]}", text)
    lines = [f"`{line}`" if line else "(blank)" for line in text.removesuffix("\n").split("\n")]
    options = [f"with `{name}={value}`" for name, value in row.options]
    return "<br>".join([*lines, *options])


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table."""
    head = list(header)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def between(name: str) -> re.Pattern[str]:
    """The part of a page that is generated."""
    return re.compile(rf"(<!-- table: {name} -->\n).*?(\n<!-- end of table -->)", re.DOTALL)


def page_table(page: str, name: str) -> str:
    """The table that a page of the docs has."""
    found = between(name).search((DOCS / page).read_text("utf-8"))
    assert found is not None, f"docs/{page} has no table {name}"
    return found[0]


def with_markers(name: str, table: str) -> str:
    """A table as a page has it."""
    return f"<!-- table: {name} -->\n{table}\n<!-- end of table -->"


def write(page: str, name: str, table: str) -> None:
    """Puts a table into its page."""
    path = DOCS / page
    text, count = between(name).subn(lambda _: with_markers(name, table), path.read_text("utf-8"))
    assert count == 1, f"docs/{page} has no table {name}"
    path.write_text(text, "utf-8")


def diagnostics_table() -> str:
    """The table of docs/diagnostics.md, by what the reference engine says."""
    from respstream import _fallback
    from respstream._codes import DIAGNOSTICS as CODES

    found = {}
    for row in DIAGNOSTICS:
        decoder = _fallback.Decoder(**dict(row.options))
        decoder.feed(row.stream)
        decoder.finish()
        message = next((d.message for d in decoder.diagnostics if d.code == row.code), "?")
        found[row.code] = (message, printed(row))
    for code in ELSEWHERE:
        where = "a file; `scan` and the command line" if code == "unreadable" else "a compressed file"
        found[code] = (CODES[code][1], f"({where})")
    rows = [(f"`{code}`", severity, *found[code]) for code, (severity, _) in CODES.items()]
    return markdown(["code", "severity", "message", "a minimal stream"], rows)


def events_table() -> str:
    """The table of docs/events.md, by the catalogue."""
    catalogue = DOCS.parent / "rust" / "core" / "src" / "protocols" / "responses" / "catalogue.toml"
    rows = []
    for event in tomllib.loads(catalogue.read_text("utf-8"))["event"]:
        members = [f"`{field['name']}`" for field in event.get("fields", [])]
        rows.append((f"`{event['type']}`", f"`{event['class']}`", ", ".join(members), event["doc"]))
    return markdown(["type", "class", "its members", "what it tells"], rows)


if __name__ == "__main__":
    from tests.dialects import dialects_table

    write("diagnostics.md", "diagnostics", diagnostics_table())
    write("dialects.md", "dialects", dialects_table())
    write("events.md", "events", events_table())
