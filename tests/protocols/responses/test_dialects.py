"""Unusual streams (`tests.support.dialects`): our result, the SDK's result, and the docs table."""

from __future__ import annotations

from operator import attrgetter
from types import ModuleType

import pytest

from tests.support import doc_tables, readings
from tests.support.dialects import DIALECTS, Dialect, dialects_table, recorded, sdk_answer

ROWS = pytest.mark.parametrize("row", DIALECTS, ids=lambda row: row.name)


@ROWS
def test_result_of_dialect(backend: ModuleType, row: Dialect) -> None:
    decoder = backend.Decoder()
    events = [*decoder.feed(row.body), *decoder.finish()]
    assert len(events) == row.events
    assert readings.codes(decoder.diagnostics) == row.codes
    response = decoder.response
    assert (response is None) == (row.text is None)
    if response is not None:
        assert len(decoder.responses) == 1
        assert (response.output_text, response.status) == (row.text, row.status)
        assert (response.error and response.error.code) == row.error
        assert [call.arguments for call in response.tool_calls] == list(row.calls) or not row.calls
        assert [attrgetter(path)(response) for path, _ in row.more] == [value for _, value in row.more]


@ROWS
def test_split_anywhere(backend: ModuleType, row: Dialect) -> None:
    assert readings.read(backend, row.body, readings.every_byte(row.body)) == readings.read(backend, row.body)


@pytest.mark.parametrize("row", [row for row in DIALECTS if not row.wrapped], ids=lambda row: row.name)
def test_no_bytes_are_lost(backend: ModuleType, row: Dialect) -> None:
    assert readings.lost_lines(backend, row.body) == []


@ROWS
def test_sdk_result_matches_record(row: Dialect) -> None:
    """The record covers one major version of the SDK; others may differ."""
    import openai

    if openai.__version__.split(".")[0] == recorded()["sdk"].split(".")[0]:
        assert sdk_answer(row.body) == recorded()["answers"][row.name]


def test_record_has_every_dialect() -> None:
    assert recorded()["answers"].keys() == {row.name for row in DIALECTS}
    assert len(DIALECTS) == len(recorded()["answers"]) >= 33


def test_docs_table_is_up_to_date() -> None:
    """`python -m tests.support.doc_tables` writes it."""
    assert doc_tables.page_table("dialects.md", "dialects") == doc_tables.with_markers("dialects", dialects_table())
