"""Unusual streams (`tests.support.messages_dialects`)."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from tests.support import doc_tables, readings
from tests.support.messages_dialects import DIALECTS, Dialect, dialects_table, recorded, sdk_answer

ROWS = pytest.mark.parametrize("row", DIALECTS, ids=lambda row: row.name)


def member(value: Any, path: str) -> Any:
    """The member of a message at a path of names and positions."""
    for step in path.split("."):
        value = value[int(step) if isinstance(value, list) else step]
    return value


@ROWS
def test_result_of_dialect(backend: ModuleType, row: Dialect) -> None:
    decoder = backend.Decoder(api="messages")
    events = [*decoder.feed(row.body), *decoder.finish()]
    assert tuple(readings.codes(decoder.diagnostics)) == row.codes
    assert len(events) == row.events
    (response,) = decoder.responses
    got = response.output_text, response.reasoning_text, response.finish_reason, response.status
    assert got == (row.text, row.reasoning, row.finish, row.status)
    assert tuple((call.name, call.arguments) for call in response.tool_calls) == row.calls
    message = response.to_dict()
    assert [member(message, path) for path, _ in row.more] == [value for _, value in row.more]


@ROWS
def test_same_without_naming_the_api(backend: ModuleType, row: Dialect) -> None:
    assert readings.read(backend, row.body) == readings.read(backend, row.body, api="messages")


@ROWS
def test_split_anywhere(backend: ModuleType, row: Dialect) -> None:
    assert readings.read(backend, row.body, readings.every_byte(row.body)) == readings.read(backend, row.body)


@ROWS
def test_no_bytes_are_lost(backend: ModuleType, row: Dialect) -> None:
    assert readings.lost_lines(backend, row.body) == []


@ROWS
def test_sdk_result_matches_record(row: Dialect) -> None:
    """The record covers one major version of the SDK; others may differ."""
    import anthropic

    if anthropic.__version__.split(".")[0] == recorded()["sdk"].split(".")[0]:
        assert sdk_answer(row.body) == recorded()["answers"][row.name]


def test_docs_table_is_up_to_date() -> None:
    """`python -m tests.support.doc_tables` writes it."""
    table = doc_tables.with_markers("messages dialects", dialects_table())
    assert doc_tables.page_table("dialects.md", "messages dialects") == table
