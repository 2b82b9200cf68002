"""What each column of the tables means: the data dictionary of `respstream schema`, of docs/columns.md and of the metadata of
Arrow fields. After a change, run `tools/generate_columns.py` for the Rust scan and `tests.support.doc_tables` for the page.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from respstream._pure.protocols.any_api import APIS
from respstream.tables.columns import COLUMNS, EXTRA

__all__ = ["Description", "describe"]

ALL = tuple(name for name in APIS if name != "auto")
TYPES = {
    "str": "text", "dict": "text, dictionary-encoded", "int": "64-bit integer", "real": "double",
    "ts": "time in UTC, microseconds", "list<str>": "list of texts",
}  # fmt: skip
"""The types of the columns, in words; other types are structs."""


class Description(NamedTuple):
    """One column. `null`: when it is null, "" for never. `apis`: those that fill it. `extra`: it must be selected by name."""

    table: str
    name: str
    type: str
    unit: str
    meaning: str
    null: str
    apis: tuple[str, ...]
    example: str
    extra: bool

    def to_dict(self) -> dict[str, Any]:
        """The description as a dict of JSON values."""
        return self._asdict() | {"apis": list(self.apis)}

    def metadata(self) -> dict[str, str]:
        """The metadata of the Arrow field: `apis`, `description`, and if there are any, `null` (when it is null) and `unit`."""
        found = {"apis": ",".join(self.apis), "description": self.meaning, "null": self.null, "unit": self.unit}
        return {key: value for key, value in found.items() if value}


def describe(table: str) -> list[Description]:
    """The descriptions of the columns of a table, in order. Raises KeyError for an unknown table."""
    found = []
    for name, kind in COLUMNS[table]:
        given = _ROWS[table].get(name) or _SHARED[name]
        meaning, unit, null, example, *apis = given
        plain = kind.removesuffix("!")
        type = TYPES.get(plain) or "list of structs of the texts type, call_id, name, arguments"
        found.append(Description(table, name, type, unit, meaning, null, tuple(apis) or ALL, example, name in EXTRA))
    return found


_NO_TIMES = "the source has no times (docs/latency.md)"
_NOT_SENT = "the server sent none"
_FEW = "fewer than two deltas, or no times"
_R = "responses"

# Of each column: meaning, unit, when it is null, an example, and the APIs that fill it (none: all).
_SHARED: dict[str, tuple[str, ...]] = {
    "source": ("The file, URL or `-` that the row comes from.", "", "", "logs/a.sse.gz"),
    "stream_index": ("The number of the response in its source, from 0, in the order of ending.", "", "", "0"),
    "byte_start": ("The offset of the first byte, in the uncompressed source.", "bytes", "", "5120"),
    "byte_end": ("The offset after the last byte, in the uncompressed source.", "bytes", "", "9731"),
    "response_id": ("The id of the response.", "", _NOT_SENT, "resp_67c9fdce"),
    "lane": ("The stream key, in a source that interleaves streams.", "", "the source has one stream", "req-7"),
    "api": ("The API of the response.", "", "", "responses"),
}
_ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "responses": {
        "previous_response_id": ("The id of the response that this one continues.", "", _NOT_SENT, "resp_67c9fdcd", _R),
        "conversation_id": ("The id of the conversation.", "", _NOT_SENT, "conv_68a1", _R),
        "model": ("The model, as the server names it.", "", _NOT_SENT, "gpt-5-nano-2025-08-07"),
        "status": ("completed, incomplete, failed, in_progress; of Responses also cancelled and queued.", "", "no event says it", "completed"),
        "terminal": ("The type of the terminal event.", "", "the stream ended without one", "response.completed"),
        "created_at": ("When the server created the response.", "", _NOT_SENT, "2026-03-01T12:00:00Z", "responses", "chat"),
        "completed_at": ("When the server completed the response.", "", _NOT_SENT, "2026-03-01T12:00:02Z", _R),
        "service_tier": ("The tier that processed the request.", "", _NOT_SENT, "default"),
        "input_tokens": ("Tokens of the input. Of Messages without cached ones.", "tokens", _NOT_SENT, "121"),
        "cached_tokens": ("Tokens of the input that were read from a cache.", "tokens", _NOT_SENT, "64"),
        "output_tokens": ("Tokens of the output, with those of reasoning.", "tokens", _NOT_SENT, "59"),
        "reasoning_tokens": ("Tokens of the reasoning.", "tokens", _NOT_SENT, "32", "responses", "chat"),
        "total_tokens": ("Tokens of input and output.", "tokens", _NOT_SENT, "180"),
        "output_text": ("The text of all messages, joined; of Chat Completions that of choice 0.", "", "there is no text", "Hello, World!"),
        "refusal": ("The text of the refusal.", "", "the model did not refuse", "I can't help with that."),
        "reasoning_text": ("The reasoning, joined.", "", "there is none", "The user asks for …"),
        "reasoning_summary": ("The parts of the reasoning summary, joined by blank lines.", "", "there is none", "**Comparing options** …", _R),
        "items": ("The number of items of the output; of choices with the API's other ones.", "items", "", "2"),
        "tool_calls": ("The calls, in the order of the output.", "", "", "[{function_call, call_1, weather, {\"city\":\"Paris\"}}]"),
        "incomplete_reason": ("Why an incomplete response ended.", "", "it is not incomplete", "max_output_tokens"),
        "error_code": ("The code of the API's error, else its type.", "", "there is no error", "rate_limit_exceeded"),
        "error_message": ("The message of the API's error.", "", "there is no error", "Rate limit reached"),
        "metadata": ("The metadata of the response, as JSON.", "", _NOT_SENT, "{\"user\":\"u1\"}", "responses", "chat"),
        "events": ("The number of events of the response.", "events", "", "14"),
        "deltas": ("The number of events with a part of a text or of arguments.", "events", "", "7"),
        "first_sequence": ("The sequence number of the first event.", "", _NOT_SENT, "0", _R),
        "last_sequence": ("The sequence number of the last event.", "", _NOT_SENT, "13", _R),
        "started_at": ("When the request was sent, else when the first event arrived.", "", _NO_TIMES, "2026-03-01T12:00:00.125Z"),
        "first_delta_at": ("When the first delta arrived.", "", _NO_TIMES, "2026-03-01T12:00:00.561Z"),
        "ended_at": ("When the last event arrived.", "", _NO_TIMES, "2026-03-01T12:00:01.902Z"),
        "diagnostics": ("The codes of the diagnostics of the response.", "", "", "[no_terminal]"),
        "response_json": ("The assembled response, as JSON.", "", "", "{\"id\":\"resp_67c9fdce\", …}"),
        "duration": ("From `started_at` to `ended_at`.", "seconds", _NO_TIMES, "1.777"),
        "time_to_first_token": ("From `started_at` to the first delta.", "seconds", "no times, or no delta", "0.436"),
        "inter_token_mean": ("The mean pause between neighbouring deltas.", "seconds", _FEW, "0.021"),
        "inter_token_p50": ("The median pause.", "seconds", _FEW, "0.018"),
        "inter_token_p95": ("The 95th percentile of the pauses.", "seconds", _FEW, "0.052"),
        "inter_token_p99": ("The 99th percentile of the pauses.", "seconds", _FEW, "0.240"),
        "longest_stall": ("The longest pause.", "seconds", _FEW, "0.310"),
        "output_tokens_per_second": ("Output tokens after the first, by the time between the first and the last delta.", "tokens per second", "no times or no token count", "44.8"),
    },
    "events": {
        "stream_index": ("The number of the response in its source.", "", "the event belongs to no response, or the source has lanes", "0"),
        "event_index": ("The number of the event in its response, from 0.", "", "", "3"),
        "type": ("The type of the event.", "", "", "response.output_text.delta"),
        "sequence_number": ("The number of the event in its stream.", "", _NOT_SENT, "3", _R),
        "item_id": ("The id of the item that the event belongs to.", "", _NOT_SENT, "msg_67c9fdcf", _R),
        "output_index": ("The index of the item, choice or block.", "", "the event belongs to none", "0"),
        "content_index": ("The index of the content part.", "", "the event belongs to none", "0", _R),
        "summary_index": ("The index of the summary part.", "", "the event belongs to none", "0", _R),
        "delta": ("The part of a text or of arguments.", "", "the event has none", "Hello"),
        "time": ("When the event arrived.", "", _NO_TIMES, "2026-03-01T12:00:00.561Z"),
        "payload": ("The payload of the event, as received.", "", "", "{\"type\":\"response.output_text.delta\", …}"),
        "api": ("The API of the event.", "", "", "responses"),
    },
    "items": {
        "output_index": ("The index of the item, choice or block.", "", "", "0"),
        "item_id": ("The id of the item.", "", _NOT_SENT, "msg_67c9fdcf"),
        "type": ("The type of the item.", "", _NOT_SENT, "message"),
        "status": ("The status of the item.", "", _NOT_SENT, "completed", _R),
        "role": ("The role of a message.", "", "the item is no message", "assistant"),
        "name": ("The name of the tool that is called.", "", "the item is no call", "weather"),
        "call_id": ("The id of the call.", "", "the item is no call", "call_1"),
        "text": ("The output text of a message, else its reasoning text, else its summary.", "", "the item has no text", "Hello, World!"),
        "arguments": ("The arguments of a call, or its input.", "", "the item is no call", "{\"city\":\"Paris\"}"),
    },
    "diagnostics": {
        "stream_index": ("The number of the response in its source.", "", "the problem belongs to no response", "0"),
        "offset": ("The offset of the first byte, in the uncompressed source.", "bytes", "the source could not be opened", "5120"),
        "length": ("The number of bytes.", "bytes", "the source could not be opened", "17"),
        "line": ("The line of the first byte, from 1.", "", "the source could not be opened", "34"),
        "code": ("The code of the diagnostic (docs/diagnostics.md).", "", "", "unfinished_block"),
        "severity": ("error, warning or info.", "", "", "warning"),
        "message": ("The message, in English.", "", "", "input ended mid-event; the event was kept"),
        "response_id": ("The id of the response.", "", "the problem belongs to no response", "resp_67c9fdce"),
        "api": ("The API of the response.", "", "the problem belongs to no response", "responses"),
    },
}  # fmt: skip
