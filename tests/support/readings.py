"""Readings: all results of a decoder as plain values, and checks that compare readings.

`read` runs a backend over a source in any chunks; two readings are equal if all their public results are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from respstream import Diagnostic, Event, Response, StreamError

BLANKS = b" \t\r\n"


class Reading(NamedTuple):
    """All public results of one reading, in plain values; `error` is that of `strict`."""

    events: list[Any]
    diagnostics: list[dict[str, Any]]
    counts: dict[str, int]
    responses: list[dict[str, Any]]
    last_sequence_number: int | None
    error: Any = None


def plain_event(event: Event) -> tuple[Any, ...]:
    """All public attributes of an event."""
    members: dict[str, Any] = {}
    for name in type(event).__slots__:
        try:
            members[name] = plain(getattr(event, name))
        except (AttributeError, ValueError) as error:
            members[name] = type(error).__name__
    try:
        content: Any = event.to_dict()
    except ValueError as error:
        content = str(error)
    where = event.offset, event.stream_id, event.sequence_number, event._named
    return type(event).__name__, event.type, event.raw, where, members, content


def plain(value: Any) -> Any:
    """Payloads as dicts, at any depth."""
    if isinstance(value, list):
        return [plain(element) for element in value]
    return value.to_dict() if hasattr(value, "to_dict") else value


def plain_response(response: Response) -> dict[str, Any]:
    """All public attributes of a response."""
    state = response._state
    return {
        "json": response.to_json(),
        "keys": list(response.keys()),
        "members": {name: state.member(name) for name in response},
        "id": response.id,
        "status": response.status,
        "complete": response.complete,
        "terminal": response.terminal,
        "output_text": response.output_text,
        "refusal": response.refusal,
        "reasoning_text": response.reasoning_text,
        "reasoning_summary": response.reasoning_summary,
        "tool_calls": [call.to_dict() for call in response.tool_calls],
        "error": state.error(),
        "lane": response.stream_id,
        "stream_index": response.stream_index,
        "span": (state.byte_start, state.byte_end, state.line),
        "events": response.events,
        "deltas": state.deltas,
        "sequence": (state.first_sequence, state.last_sequence),
        "diagnostics": [diagnostic.to_dict() for diagnostic in response.diagnostics],
    }


def plain_error(error: StreamError) -> tuple[Any, ...]:
    """All public attributes of a strict error, except the events that the failing call had decoded."""
    return error.code, error.offset, error.line, str(error), error.diagnostic.to_dict()


def pieces(data: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    """The data cut at those positions; equal positions give empty chunks."""
    start = 0
    for cut in sorted(cuts):
        yield data[start:cut]
        start = cut
    yield data[start:]


def read(backend: Any, data: bytes, cuts: Iterable[int] = (), **options: Any) -> Reading:
    """Reads the data in chunks, to its end or the first strict error."""
    decoder = backend.Decoder(**options)
    events: list[Event] = []
    error = None
    try:
        for piece in pieces(data, cuts):
            events += decoder.feed(piece)
        events += decoder.finish()
    except StreamError as raised:
        error = plain_error(raised)
        events += raised.events
    return reading(decoder, events, error)


def fold(backend: Any, data: bytes, cuts: Iterable[int] = (), **options: Any) -> Reading:
    """Like `read`, without events: the responses as they are returned."""
    decoder = backend.Decoder(**options)
    responses: list[Response] = []
    error = None
    try:
        for piece in pieces(data, cuts):
            responses += decoder.fold(piece)
        responses += decoder.fold_end()
    except StreamError as raised:
        error = plain_error(raised)
        responses += decoder.responses
    return reading(decoder, (), error)._replace(responses=[plain_response(response) for response in responses])


def reading(decoder: Any, events: Sequence[Event], error: Any = None) -> Reading:
    """The public state of a decoder and its events."""
    return Reading(
        [plain_event(event) for event in events],
        [diagnostic.to_dict() for diagnostic in decoder.diagnostics],
        decoder.diagnostic_counts,
        [plain_response(response) for response in decoder.responses],
        decoder.last_sequence_number,
        error,
    )


def feed_all(decoder: Any, parts: Iterable[bytes]) -> list[Event]:
    """The events of the parts, fed one after the other to their end."""
    events: list[Event] = []
    for part in parts:
        events += decoder.feed(part)
    return [*events, *decoder.finish()]


def every_byte(data: bytes) -> range:
    """The cuts for chunks of one byte."""
    return range(1, len(data))


def codes(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """The codes of diagnostics, in order."""
    return [diagnostic.code for diagnostic in diagnostics]


# -- no lost lines ----------------------------------------------------------------------------------------------

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_KNOWN = (b"data", b"event", b"id", b"retry")


class Line(NamedTuple):
    """A line of the source: its span without the break, its text and the name of the field that it would be."""

    start: int
    end: int
    text: bytes
    name: bytes


def lines(data: bytes) -> list[Line]:
    """The lines that are not empty, split independently of the code under test."""
    found = []
    for match in _LINE.finditer(data, 3 if data.startswith(b"\xef\xbb\xbf") else 0):
        text = match[0].rstrip(b"\r\n")
        if text:
            found.append(Line(match.start(), match.start() + len(text), text, text.partition(b":")[0]))
    return found


def _covered_by_event(data: bytes, event: Event) -> int:
    """The end of the event's payload in the source, found by searching for its lines from its offset on."""
    position = event.offset
    for line in re.split(rb"\r\n|\r|\n", event.raw):
        found = data.find(line, position)
        assert found >= 0, f"the payload of the event at {event.offset} is not in the source"
        position = found + len(line)
    return position


def _non_streamed_span(data: bytes, response: Response) -> tuple[int, int]:
    """The span of a non-streamed response."""
    position = response.offset
    for line in re.split(rb"\r\n|\r|\n", response.to_json()):
        found = data.find(line, position)
        assert found >= 0, f"the response at {response.offset} is not in the source"
        position = found + len(line)
    return response.offset, position


def lost_lines(backend: Any, data: bytes, **options: Any) -> list[bytes]:
    """The lines outside all events, responses and diagnostics that the specifications do not drop either."""
    decoder = backend.Decoder(**options)
    events = [*decoder.feed(data), *decoder.finish()]
    spans = [(event.offset, _covered_by_event(data, event)) for event in events]
    spans += [(d.offset, d.offset + d.length) for d in decoder.diagnostics if d.code != "no_terminal"]
    offsets = {event.offset for event in events}
    spans += [_non_streamed_span(data, r) for r in decoder.responses if r.offset not in offsets]
    foreign = any(d.code == "foreign_stream" for d in decoder.diagnostics)
    return [
        line.text
        for line, in_block in _with_state(data)
        if not _inside(line, spans) and not _droppable(line.text, line.name, in_block, foreign)
    ]


def _with_state(data: bytes) -> Iterator[tuple[Line, bool]]:
    """Each line and whether a block is open at it: one opens with a known field and closes with an empty line."""
    in_block, end = False, 0
    for line in lines(data):
        between = data[end : line.start]
        if between not in (b"\r\n", b"\n", b"\r"):
            in_block = False
        in_block = in_block or line.name in _KNOWN
        end = line.end
        yield line, in_block


def _inside(line: Line, spans: list[tuple[int, int]]) -> bool:
    """Whether the spans cover the line, with nothing but blanks and array marks between them."""
    rest = bytearray(line.text)
    for start, end in spans:
        if start < line.end and end > line.start:
            first, last = max(start, line.start) - line.start, min(end, line.end) - line.start
            rest[first:last] = b" " * (last - first)
    return not bytes(rest).strip(BLANKS + b"[],")


def _droppable(text: bytes, name: bytes, in_block: bool, foreign: bool) -> bool:
    bare = text.strip(BLANKS)
    if not bare or not name or bare == b"[DONE]":
        return True  # white space, a comment, the end mark
    if name == b"data":
        value = text[5:].strip(BLANKS)
        return value in (b"", b"[DONE]") or (foreign and b"completion" in value)
    return in_block or name in _KNOWN or (foreign and b"completion" in bare)
