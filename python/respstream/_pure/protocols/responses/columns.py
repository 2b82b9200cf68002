"""One row a response: the columns of the table `responses` (SEMANTICS, "Tables"), in their order.

Times are microseconds since the epoch here; integers that do not fit 64 bits, and members of another kind, are null.
"""

from __future__ import annotations

import math

from respstream._pure.events import Parsed
from respstream._pure.json import locate
from respstream._pure.latency import figures
from respstream._pure.response import Folded, _text, texts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

_INT = 2**63

Row: TypeAlias = "tuple[Any, ...]"


def response_row(folded: Folded, source: str, *, whole: bool = False) -> Row:
    """The row of one response; with `whole` its JSON is among them."""
    base = folded.base
    usage = base.get("usage")
    output_text, refusal, reasoning_text, reasoning_summary = folded.texts()
    error = folded.error() or {}
    calls = folded.tool_calls()
    output_tokens = _count(usage, "output_tokens")
    return (
        source,
        folded.stream_index,
        folded.byte_start,
        folded.byte_end,
        folded.id,
        _text(base, "previous_response_id"),
        _conversation(base.get("conversation")),
        _text(base, "model"),
        folded.status,
        folded.terminal,
        _seconds(base.get("created_at")),
        _seconds(base.get("completed_at")),
        _text(base, "service_tier"),
        _count(usage, "input_tokens"),
        _count(_object(usage, "input_tokens_details"), "cached_tokens"),
        output_tokens,
        _count(_object(usage, "output_tokens_details"), "reasoning_tokens"),
        _count(usage, "total_tokens"),
        output_text or None,
        refusal,
        reasoning_text or None,
        reasoning_summary or None,
        len(folded.output()),
        calls,
        _text(base.get("incomplete_details"), "reason"),
        _word(error.get("code")),
        _word(error.get("message")),
        _metadata(folded),
        folded.events,
        folded.deltas,
        folded.first_sequence,
        folded.last_sequence,
        _seconds(folded.started_at),
        _seconds(folded.first_delta_at),
        _seconds(folded.ended_at),
        folded.lane,
        [diagnostic.code for diagnostic in folded.diagnostics],
        folded.json().decode(errors="replace") if whole else None,
        *figures(folded.started_at, folded.first_delta_at, folded.ended_at, folded.delta_times, output_tokens),
    )


def item_rows(folded: Folded) -> list[Row]:
    """The rows of the items of one response, less what they share with it: from `output_index` on."""
    return [_item_row(place, item) for place, item in enumerate(folded.output())]


def _item_row(place: int, item: Any) -> Row:
    output_text, _, reasoning_text, reasoning_summary = texts_of([item])
    arguments = _text(item, "arguments")
    return (
        place,
        _text(item, "id"),
        _text(item, "type"),
        _text(item, "status"),
        _text(item, "role"),
        _text(item, "name"),
        _text(item, "call_id"),
        output_text or reasoning_text or reasoning_summary or None,
        _text(item, "input") if arguments is None else arguments,
    )


def event_row(parsed: Parsed, folded: Folded | None, number: int | None, index: int, *, whole: bool = False) -> Row:
    """The row of one event, less the source; `folded` is its response, `number` that one's, `index` its place in it."""
    indexes = parsed.indexes or {}
    row = (
        number,
        index,
        parsed.offset,
        parsed.end,
        None if folded is None else folded.id,
        parsed.type,
        parsed.sequence_number,
        _text(parsed.members, "item_id"),
        indexes.get("output_index"),
        indexes.get("content_index"),
        indexes.get("summary_index"),
        _text(parsed.members, "delta"),
        _seconds(parsed.time),
        parsed.lane,
    )
    return (*row, parsed.raw.decode(errors="replace")) if whole else row


def _object(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _count(value: Any, key: str) -> int | None:
    number = _object(value, key)
    return number if type(number) is int and -_INT <= number < _INT else None


def _conversation(value: Any) -> str | None:
    return _text({"id": value} if isinstance(value, str) else value, "id")


def _word(value: Any) -> str | None:
    """A text, or an integer as text."""
    if type(value) is int and -_INT <= value < _INT:
        return str(value)
    return _text({"value": value}, "value")


def _seconds(value: Any) -> int | None:
    """Seconds since the epoch as microseconds; null where they do not fit a timestamp that every reader can show."""
    if type(value) is int:
        return value * 1_000_000 if 0 <= value < 253_402_300_800 else None
    if isinstance(value, float):
        return math.floor(value * 1e6 + 0.5) if 0 <= value < 253_402_300_800 else None
    return None


def _metadata(folded: Folded) -> str | None:
    raw = folded.base_raw()
    if raw is None or not isinstance(folded.base.get("metadata"), dict):
        return None
    start, end = locate(raw)["metadata"]
    return raw[start:end].decode(errors="replace")
