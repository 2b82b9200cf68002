"""A minimal stream for each diagnostic code."""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Minimal(NamedTuple):
    """A minimal stream for a code; `also`: further codes of that stream; `options`: of the decoder; `api`: of the stream."""

    code: str
    stream: bytes
    also: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    api: str = "responses"


# A valid response, to which rows add a defect.
BEGIN = b'{"type":"response.created","response":{"id":"r1","output":[]}}\n'
ITEM = b'{"type":"response.output_item.added","output_index":0,"item":{"id":"i1","type":"message","content":[]}}\n'
DELTA = b'{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hi"}\n'
END = b'{"type":"response.completed","response":{"id":"r1","output":[]}}\n'
# The same for Messages.
MESSAGE = b'{"type":"message_start","message":{"id":"m1","content":[]}}\n'
BLOCK = b'{"type":"content_block_start","index":0,"content_block":{"type":"text"}}\n'
BLOCK_DELTA = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}\n'
BLOCK_STOP = b'{"type":"content_block_stop","index":0}\n'
STOP = b'{"type":"message_stop"}\n'

DIAGNOSTICS = [
    Minimal("bad_json", b"data: {oops}\n\n", ("no_responses",)),
    Minimal("bad_utf8", b'{"type":"keepalive","x":"\xff"}\n'),
    Minimal("bad_field", b'{"type":"keepalive","sequence_number":"7"}\n'),
    Minimal("no_type", b'data: {"delta":"Hi"}\n\n', ("no_responses",)),
    Minimal("error_body", b'{"error":{"message":"Wrong key","type":"auth","code":"invalid_api_key"}}\n'),
    Minimal("event_too_large", b'data: {"type":"keepalive","x":"12345678901234567890"}\n\n', ("no_responses",), (("max_event_bytes", 20),)),
    Minimal("limit_exceeded", b'{"type":"keepalive","x":' + b"[" * 256 + b"]" * 256 + b"}\n", ("no_responses",)),
    Minimal("foreign_stream", b'data: {"type":"session.created"}\n\n'),
    Minimal("stray_text", b"<html>\n", ("no_responses",)),
    Minimal("unfinished_block", b'data: {"type":"keepalive"}\n'),
    Minimal("missing_blank_line", b'data: {"type":"keepalive"}\ndata: {"type":"keepalive"}\n\n'),
    Minimal("type_mismatch", b'event: error\ndata: {"type":"keepalive"}\n\n'),
    Minimal("unknown_event", b'{"type":"response.brand_new"}\n', ("no_responses",)),
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
    Minimal("no_responses", b": ping\n\n"),
    Minimal("index_reused", BEGIN + ITEM + ITEM.replace(b"i1", b"i2") + END, ("output_recovered",)),
    Minimal("value_recovered", BEGIN + ITEM + DELTA + DELTA.replace(b"delta", b"done", 1).replace(b'"delta"', b'"text"').replace(b"Hi", b"") + END, ("output_recovered",)),
    Minimal("late_delta", BEGIN + ITEM.replace(b"added", b"done") + DELTA + END, ("output_recovered",)),
    Minimal("loose_value", BEGIN + ITEM.replace(b":0", b':"0"') + END, ("output_recovered",)),
    Minimal("no_block_start", MESSAGE + BLOCK_DELTA + STOP, api="messages"),
    Minimal("delta_after_stop", MESSAGE + BLOCK + BLOCK_STOP + BLOCK_DELTA + STOP, api="messages"),
    Minimal("bad_input", MESSAGE + BLOCK.replace(b"text", b"tool_use") + BLOCK_DELTA.replace(b"text_delta", b"input_json_delta").replace(b"text", b"partial_json") + STOP, api="messages"),
]  # fmt: skip
FILE_CODES = ("unreadable", "truncated_file", "bad_compression")  # only for files: `scan` and the command line


def printed(row: Minimal) -> str:
    """The stream of a row as text on one line of a table."""
    text = row.stream.decode("utf-8", "backslashreplace")
    text = re.sub(r"(\[{9,}|\]{9,})", lambda match: f"{match[0][:2]}…{match[0][:2]}", text)
    lines = [f"`{line}`" if line else "(blank)" for line in text.removesuffix("\n").split("\n")]
    options = [f"with `{name}={value}`" for name, value in row.options]
    return "<br>".join([*lines, *options])
