"""HAR files, which browsers and proxies export. Each entry with a stream of an API is a record.

Bodies may be base64. An entry has the time of the request and the duration, but no times in between, except those of
WebSocket frames and EventSource messages, which some browsers write.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from respstream._pure.json import BadJson, LimitExceeded, decode, elements, loads, locate
from respstream._pure.protocols.any_api import APIS
from respstream._pure.records.detect import is_event, is_object
from respstream._pure.records.encoding import base64_decoded, inflated_head
from respstream._pure.records.pointer import resolve
from respstream._pure.records.timestamps import read_time
from respstream._pure.sse.lines import BOM
from respstream.recordings.guard import reported
from respstream.recordings.record import Record, Report, Span, is_relevant


def records(data: bytes, report: Report) -> Iterator[Record]:
    """The streams in a HAR file, in order. `report(field, expected, span)` takes entries that cannot be read."""
    entries = _entries(data)
    if entries is None:
        report("the file", "a HAR file", (0, len(data), 1))
        return
    line, seen = 1, 0
    for start, end in entries:
        line += data.count(b"\n", seen, start)
        seen = start
        if data[start] != 0x7B:
            continue
        found: list[Record] = []
        span = (start, end, line)
        with reported(report, "the entry", "readable", span):
            found += _entry(data[start:end], span, report)
        yield from found


def _entries(data: bytes) -> list[tuple[int, int]] | None:
    """The spans of the entries; None if this is not a HAR file."""
    start = len(data) - len(data.removeprefix(BOM))
    try:
        value, _ = decode(data[start:])
    except (BadJson, LimitExceeded):
        return None
    if not isinstance(value, dict):
        return None
    start += len(data) - start - len(data[start:].lstrip())
    found = resolve(data[start:], ("log", "entries"))
    if found is None or data[start + found[0]] != 0x5B:
        return None
    base = start + found[0]
    return [(base + first, base + last) for first, last in elements(data[base : start + found[1]])]


def _entry(raw: bytes, span: Span, report: Report) -> Iterator[Record]:
    entry: dict[str, Any] = loads(raw)
    spans = locate(raw)
    started = _time(raw, spans, "startedDateTime")
    lasted = entry.get("time")
    ended = started
    if started is not None and isinstance(lasted, (int, float)) and 0 <= lasted < 1e9:
        ended = started + lasted / 1000
    messages = _messages(entry)
    if messages:
        for number, (time, data) in enumerate(messages):
            yield Record(data, (started, time), span, number == len(messages) - 1)
        return
    content = _member(_member(entry, "response"), "content")
    body = content.get("text")
    stream = body.encode("utf-8", "replace") if isinstance(body, str) else b""
    if content.get("encoding") == "base64":
        stream = base64_decoded(stream) or stream
    mime = content.get("mimeType")
    url = _member(entry, "request").get("url")
    if not is_relevant(url, mime, inflated_head(stream)):
        return
    if not isinstance(body, str):
        report("/response/content/text", "in this entry", span)
        return
    yield Record(stream, (started, ended), span, True)


def _messages(entry: dict[str, Any]) -> list[tuple[float | None, bytes]]:
    """Received WebSocket frames, and EventSource messages, with their times."""
    found: list[tuple[float | None, bytes]] = []
    for message in _list(entry.get("_webSocketMessages")):
        data = message.get("data")
        payload = data.encode("utf-8", "replace") if isinstance(data, str) else b""
        if message.get("type") == "receive" and is_event(payload, APIS["auto"].signature):
            found.append((_seconds(message.get("time")), payload))
    for message in _list(entry.get("_eventSourceMessages")):
        data, name = message.get("data"), message.get("eventName")
        if isinstance(data, str) and is_object(data.encode("utf-8", "replace")):
            lines = "".join(f"data: {line}\n" for line in data.split("\n"))
            named = f"event: {name}\n" if isinstance(name, str) and name and "\n" not in name else ""
            found.append((_seconds(message.get("time")), f"{named}{lines}\n".encode("utf-8", "replace")))
    return found


def _time(raw: bytes, spans: dict[str, tuple[int, int]], name: str) -> float | None:
    span = spans.get(name)
    return None if span is None else read_time(raw[span[0] : span[1]])


def _seconds(value: Any) -> float | None:
    return read_time(str(value).encode()) if isinstance(value, (int, float)) else None


def _member(value: Any, name: str) -> dict[str, Any]:
    member = value.get(name) if isinstance(value, dict) else None
    return member if isinstance(member, dict) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
