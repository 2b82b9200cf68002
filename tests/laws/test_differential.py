"""A short differential run, and a check that it detects a difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import differential, differential_tables
from tests.support.differential import Case
from tests.support.differential_tables import TableCase

DONE = b'data: {"type":"response.function_call_arguments.done","output_index":0,"arguments":"{}"}\n\n'
NAMED = (
    b'{"event":"x","data":"{\\"type\\":\\"response.in_progress\\",\\"sequence_number\\":1}","timestamp":1763705153}\n'
)
CHUNK = b'{"t":%d,"lane":"b","chunk":"data:{\\"type\\":\\"%b\\",\\"sequence_number\\":%d}\\n\\n"}\n'
REPORTED: dict[str, tuple[bytes, dict[str, Any], str, list[str], int]] = {
    "one column, unknown type in the second split": (
        DONE + b'data: {"type":"x.y","item":{}}\n\n',
        {},
        "events",
        ["source"],
        100,
    ),
    "an event in each row": (
        b"}\r\n" + NAMED * 3,
        {"form": "auto"},
        "events",
        ["sequence_number", "type", "byte_start"],
        100,
    ),
    "a list, and a block that is not closed": (
        b'data:{"":["",1,""],"type":"response.content_part.done","output_index":1}\n\ndata:{"type":"e","":[{"a":[]}]}',
        {"form": "auto"},
        "events",
        ["summary_index", "output_index", "lane"],
        50,
    ),
    "strict, an error before the range": (
        b'data:\n\nevent:\ndata:{"type":"response.completed","a":[%b]}\n\n' % b",".join([b'{"b":""}'] * 30),
        {"strict": True, "form": "sse"},
        "events",
        ["type", "time", "lane"],
        120,
    ),
    "strict, errors in several splits": (
        (DONE + b"data: {oops\n\n") * 3,
        {"strict": True, "on_eof": "discard", "form": "auto"},
        "events",
        ["output_index"],
        60,
    ),
    "strict, many columns": (
        b'{"type":"response.created"}\n{"type":"response.output_text.delta","output_index":-1}\n' * 3,
        {"strict": True},
        "events",
        ["content_index", "item_id", "sequence_number", "source", "output_index", "byte_end", "time", "byte_start"],
        60,
    ),
    "an unfinished block is discarded": (
        DONE + b'event: x\ndata: {"type":"response.unknown"}\n\neve',
        {"max_event_bytes": 200, "on_eof": "discard", "form": "auto"},
        "events",
        ["type", "time", "summary_index", "delta"],
        100,
    ),
    "payloads, text between blocks": (
        b'data:{"type":"response.output_item.done","item":{"role":"assistant"}}\n\nresponse.completed\ndata:{"type":"d"}\n',
        {"form": "auto"},
        "events",
        ["payload", "byte_end", "type"],
        60,
    ),
    "blanks between tokens": (
        b"\n" + DONE + b'stray\ndata: {"type" :\t"r.done" ,\t"item" :\t{"status" :\t"c"} ,\t"n" :\t9}\n\ne',
        {},
        "events",
        ["source", "byte_end", "content_index"],
        100,
    ),
    "a last block without an end": (
        b'data:{"type":"response.audio.transcript.delta","":""}\n\ndata:{"type":"r","":""}',
        {},
        "events",
        ["source", "byte_start"],
        40,
    ),
    "lifecycle columns, times of rows": (
        CHUNK % (7, b"response.output_text.delta", 3) + CHUNK % (0, b"e", 8),
        {"max_event_bytes": 5000, "on_eof": "discard", "form": "jsonl"},
        "responses",
        ["created_at"],
        200,
    ),
    "lifecycle columns, a repeated number in a list": (
        b'{"g":[{"type":"response.function_call_arguments.delta","sequence_number":3},{"type":"r","sequence_number":3}]}',
        {"on_eof": "discard", "form": "auto"},
        "responses",
        ["source", "cached_tokens"],
        200,
    ),
    "lifecycle columns, a gap in a lane": (
        b'{"type":"response.created","sequence_number":0,"stream_id":"c"}\n{"type":"a","sequence_number":4,"stream_id":"c"}',
        {},
        "responses",
        ["error_code", "created_at"],
        200,
    ),
    "lifecycle columns, a gap in a lane of rows": (
        CHUNK % (1, b"response.content_part.added", 0) + CHUNK % (2, b"d", 3),
        {},
        "responses",
        ["completed_at", "response_id"],
        200,
    ),
}
"""Sources whose tables once differed between the backends: bytes, options, table, columns, and the size of splits."""


def test_backends_agree() -> None:
    events, found = differential.run(1, range(400))
    assert found is None, found
    assert events > 1000


def test_backends_agree_on_long_streams() -> None:
    events, found = differential.run(1, range(30), long=True)
    assert found is None, found
    assert events > 1000


def test_backends_agree_on_tables() -> None:
    count, found = differential_tables.run(1, range(60))
    assert found is None, found
    assert count == 60


@pytest.mark.parametrize(("source", "options", "table", "columns", "target"), REPORTED.values(), ids=REPORTED)
def test_reported_differences(
    source: bytes, options: dict[str, Any], table: str, columns: list[str], target: int, tmp_path: Path
) -> None:
    for threads in (1, 2):
        one = TableCase(source, ".log", options, {table: columns}, threads, 3, 0, 1, target)
        assert differential_tables.difference(one, tmp_path) == ""


def test_difference_is_minimised(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_cannot_spell(case: Case) -> tuple[str, int]:
        return ("a word" if b"data" in case.source else ""), 1

    monkeypatch.setattr(differential, "difference", one_cannot_spell)
    _, found = differential.run(1, range(100))
    assert found is not None
    assert found.case.source == b"data"
    assert found.case.cuts == []


def test_difference_of_tables_is_minimised(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_has_no_status(one: TableCase, _: Path) -> str:
        return "no status" if b"data" in one.source and "responses" in one.tables else ""

    monkeypatch.setattr(differential_tables, "difference", one_has_no_status)
    _, found = differential_tables.run(1, range(100))
    assert found is not None
    small, text = found
    assert text == "no status"
    assert (small.source, small.copies, small.threads, small.options, [*small.tables]) == (
        b"data",
        1,
        1,
        {},
        ["responses"],
    )
