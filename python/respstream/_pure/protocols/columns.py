"""The columns of all tables, of every API: name, type, and the function that extracts the value for the fallback.

Adding a column here adds it to the tables of Python; the Rust core has its own list. A function takes the object of `rows`
for its table, of which each API has its own class. This module imports nothing, because `respstream.tables` reads it under both backends.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CALL = ("type", "call_id", "name", "arguments")
"""The members of an element of the column `tool_calls`."""


class Column:
    """One column.

    `type`: "str", "dict" (dictionary-encoded text), "int", "real", "ts" (microseconds since the epoch, UTC) or a list of
    one of these. `nullable`: whether values may be null. `extra`: only present if it is selected by name. `value`: extracts
    the value from a row object.
    """

    __slots__ = ("extra", "name", "nullable", "type", "value")

    def __init__(
        self, name: str, type: str, value: Callable[[Any], Any], *, nullable: bool = True, extra: bool = False
    ) -> None:
        self.name, self.type, self.value = name, type, value
        self.nullable, self.extra = nullable, extra


def _required(name: str, type: str, value: Callable[[Any], Any]) -> Column:
    return Column(name, type, value, nullable=False)


TABLES: dict[str, tuple[Column, ...]] = {
    "responses": (
        _required("source", "str", lambda row: row.source),
        _required("stream_index", "int", lambda row: row.stream_index),
        _required("byte_start", "int", lambda row: row.response.byte_start),
        _required("byte_end", "int", lambda row: row.response.byte_end),
        Column("response_id", "str", lambda row: row.response.id),
        Column("previous_response_id", "str", lambda row: row.previous_response_id()),
        Column("conversation_id", "str", lambda row: row.conversation_id()),
        Column("model", "str", lambda row: row.model()),
        Column("status", "str", lambda row: row.response.status),
        Column("terminal", "str", lambda row: row.response.terminal),
        Column("created_at", "ts", lambda row: row.created_at()),
        Column("completed_at", "ts", lambda row: row.completed_at()),
        Column("service_tier", "str", lambda row: row.service_tier()),
        Column("input_tokens", "int", lambda row: row.tokens("input_tokens")),
        Column("cached_tokens", "int", lambda row: row.tokens("cached_tokens")),
        Column("output_tokens", "int", lambda row: row.tokens("output_tokens")),
        Column("reasoning_tokens", "int", lambda row: row.tokens("reasoning_tokens")),
        Column("total_tokens", "int", lambda row: row.tokens("total_tokens")),
        Column("output_text", "str", lambda row: row.response.texts()[0] or None),
        Column("refusal", "str", lambda row: row.response.texts()[1]),
        Column("reasoning_text", "str", lambda row: row.response.texts()[2] or None),
        Column("reasoning_summary", "str", lambda row: row.response.texts()[3] or None),
        _required("items", "int", lambda row: row.item_count()),
        _required(
            "tool_calls",
            f"list<struct<{', '.join(f'{name} str' for name in CALL)}>>",
            lambda row: row.response.tool_calls(),
        ),
        Column("incomplete_reason", "str", lambda row: row.incomplete_reason()),
        Column("error_code", "str", lambda row: row.error("code")),
        Column("error_message", "str", lambda row: row.error("message")),
        Column("metadata", "str", lambda row: row.metadata()),
        _required("events", "int", lambda row: row.response.events),
        _required("deltas", "int", lambda row: row.response.deltas),
        Column("first_sequence", "int", lambda row: row.response.first_sequence),
        Column("last_sequence", "int", lambda row: row.response.last_sequence),
        Column("started_at", "ts", lambda row: row.timestamp(row.response.started_at)),
        Column("first_delta_at", "ts", lambda row: row.timestamp(row.response.first_delta_at)),
        Column("ended_at", "ts", lambda row: row.timestamp(row.response.ended_at)),
        Column("lane", "str", lambda row: row.response.lane),
        _required("diagnostics", "list<str>", lambda row: [found.code for found in row.response.diagnostics]),
        Column("response_json", "str", lambda row: row.response.json().decode(errors="replace"), extra=True),
        Column("duration", "real", lambda row: row.latency.duration),
        Column("time_to_first_token", "real", lambda row: row.latency.time_to_first_token),
        Column("inter_token_mean", "real", lambda row: row.latency.inter_token_mean),
        Column("inter_token_p50", "real", lambda row: row.latency.inter_token_p50),
        Column("inter_token_p95", "real", lambda row: row.latency.inter_token_p95),
        Column("inter_token_p99", "real", lambda row: row.latency.inter_token_p99),
        Column("longest_stall", "real", lambda row: row.latency.longest_stall),
        Column("output_tokens_per_second", "real", lambda row: row.latency.output_tokens_per_second),
        _required("api", "str", lambda row: row.response.api),
    ),
    "events": (
        _required("source", "str", lambda row: row.source),
        Column("stream_index", "int", lambda row: row.stream_index),
        _required("event_index", "int", lambda row: row.event_index),
        _required("byte_start", "int", lambda row: row.event.offset),
        _required("byte_end", "int", lambda row: row.event.end),
        Column("response_id", "str", lambda row: None if row.response is None else row.response.id),
        _required("type", "dict", lambda row: row.event.type),
        Column("sequence_number", "int", lambda row: row.event.sequence),
        Column("item_id", "str", lambda row: row.item_id()),
        Column("output_index", "int", lambda row: row.output_index()),
        Column("content_index", "int", lambda row: row.content_index()),
        Column("summary_index", "int", lambda row: row.summary_index()),
        Column("delta", "str", lambda row: row.delta()),
        Column("time", "ts", lambda row: row.timestamp(row.event.time)),
        Column("lane", "str", lambda row: row.event.lane),
        Column("payload", "str", lambda row: row.event.raw.decode(errors="replace"), extra=True),
        _required("api", "dict", lambda row: row.event.protocol.api),
    ),
    "items": (
        _required("source", "str", lambda row: row.source),
        _required("stream_index", "int", lambda row: row.stream_index),
        Column("response_id", "str", lambda row: row.response.id),
        _required("output_index", "int", lambda row: row.output_index),
        Column("item_id", "str", lambda row: row.item_id()),
        Column("type", "str", lambda row: row.type()),
        Column("status", "str", lambda row: row.status()),
        Column("role", "str", lambda row: row.role()),
        Column("name", "str", lambda row: row.name()),
        Column("call_id", "str", lambda row: row.call_id()),
        Column("text", "str", lambda row: row.all_text()),
        Column("arguments", "str", lambda row: row.arguments()),
        _required("api", "str", lambda row: row.response.api),
    ),
    "diagnostics": (
        _required("source", "str", lambda row: row.source),
        Column("stream_index", "int", lambda row: row.stream_index),
        Column("offset", "int", lambda row: row.offset),
        Column("length", "int", lambda row: row.length),
        Column("line", "int", lambda row: row.line),
        _required("code", "str", lambda row: row.code),
        _required("severity", "str", lambda row: row.severity),
        _required("message", "str", lambda row: row.message),
        Column("response_id", "str", lambda row: row.response_id),
        Column("api", "str", lambda row: row.api),
    ),
}
"""The columns of each table, in order."""
