"""The tables that streams are read into: their columns, and rows as dicts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from respstream import _backend
from respstream.response import Response

__all__ = ["COLUMNS", "response_row"]

COLUMNS: dict[str, list[tuple[str, str]]] = {
    "responses": [
        ("source", "str!"),
        ("stream_index", "int!"),
        ("byte_start", "int!"),
        ("byte_end", "int!"),
        ("response_id", "str"),
        ("previous_response_id", "str"),
        ("conversation_id", "str"),
        ("model", "str"),
        ("status", "str"),
        ("terminal", "str"),
        ("created_at", "ts"),
        ("completed_at", "ts"),
        ("service_tier", "str"),
        ("input_tokens", "int"),
        ("cached_tokens", "int"),
        ("output_tokens", "int"),
        ("reasoning_tokens", "int"),
        ("total_tokens", "int"),
        ("output_text", "str"),
        ("refusal", "str"),
        ("reasoning_text", "str"),
        ("reasoning_summary", "str"),
        ("items", "int!"),
        ("tool_calls", "list<struct<type str, call_id str, name str, arguments str>>!"),
        ("incomplete_reason", "str"),
        ("error_code", "str"),
        ("error_message", "str"),
        ("metadata", "str"),
        ("events", "int!"),
        ("deltas", "int!"),
        ("first_sequence", "int"),
        ("last_sequence", "int"),
        ("started_at", "ts"),
        ("first_delta_at", "ts"),
        ("ended_at", "ts"),
        ("lane", "str"),
        ("diagnostics", "list<str>!"),
        ("response_json", "str"),
    ],
}
"""The columns of each table, as (name, type); a type that ends in ! is never null. `response_json` comes when asked for."""

_CALL = ("type", "call_id", "name", "arguments")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def response_row(response: Response, source: str, *, whole: bool = False) -> dict[str, Any]:
    """The row of one response as a dict, in column order; times are aware datetimes in UTC.

    `source` is the name to put into the first column; with `whole` the folded response is there as JSON.
    """
    values = _backend.engine.response_row(response._state, source, whole=whole)
    row: dict[str, Any] = {}
    for (name, kind), value in zip(COLUMNS["responses"], values, strict=False):
        if kind == "ts" and value is not None:
            row[name] = _EPOCH + timedelta(microseconds=value)
        elif name == "tool_calls" and value is not None:
            row[name] = [dict(zip(_CALL, call, strict=True)) for call in value]
        else:
            row[name] = value
    return row
