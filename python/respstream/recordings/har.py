"""HAR files: what browsers and proxies export. Each entry with a stream of the Responses API is a record.

The bodies may be base64. A stream starts when its request did and ends as long after it as the entry says; of what came
between, HAR knows nothing, but for WebSocket frames and EventSource messages, which some browsers write with their times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from respstream._pure.json import BadJson, LimitExceeded, decode, elements, loads, locate
from respstream._pure.packed import unpacked
from respstream._pure.pointer import resolve
from respstream._pure.shapes import is_event, is_object, looks_like_sse
from respstream._pure.times import read_time

if TYPE_CHECKING:
    from respstream.wrapped import Record

Report = Callable[[str, str, tuple[int, int, int]], None]


def records(data: bytes, report: Report) -> Iterator[Record]:
    """The streams in a HAR file, in its order. `report(field, expected, span)` takes what cannot be read."""
    entries = _entries(data)
    if entries is None:
        report("the file", "a HAR file", (0, len(data), 1))
        return
    line, seen = 1, 0
    for start, end in entries:
        line += data.count(b"\n", seen, start)
        seen = start
        if data[start] == 0x7B:
            yield from _entry(data[start:end], (start, end, line), report)


def _entries(data: bytes) -> list[tuple[int, int]] | None:
    """The spans of the entries; None where this is no HAR file."""
    start = len(data) - len(data.removeprefix(b"\xef\xbb\xbf"))
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


def _entry(raw: bytes, span: tuple[int, int, int], report: Report) -> Iterator[Record]:
    entry: dict[str, Any] = loads(raw)
    spans = locate(raw)
    began = _time(raw, spans, "startedDateTime")
    lasted = entry.get("time")
    ended = began
    if began is not None and isinstance(lasted, (int, float)) and 0 <= lasted < 1e9:
        ended = began + lasted / 1000
    messages = _messages(entry)
    if messages:
        for number, (time, data) in enumerate(messages):
            yield _record(data, (began, time), span, ends=number == len(messages) - 1)
        return
    content = _member(_member(entry, "response"), "content")
    body = content.get("text")
    plain = body.encode("utf-8", "replace") if isinstance(body, str) else b""
    if content.get("encoding") == "base64":
        plain = unpacked(plain, "base64", known=True)[0]
    mime = content.get("mimeType")
    url = _member(entry, "request").get("url")
    if not is_relevant(url, mime, plain):
        return
    if not isinstance(body, str):
        report("/response/content/text", "in this entry", span)
        return
    yield _record(plain, (began, ended), span, ends=True)


def _record(data: bytes, times: tuple[float | None, float | None], span: Any, *, ends: bool) -> Record:
    return data, times, span, ends  # type: ignore[return-value]


def _messages(entry: dict[str, Any]) -> list[tuple[float | None, bytes]]:
    """WebSocket frames that came, and EventSource messages, with their times."""
    found: list[tuple[float | None, bytes]] = []
    for message in _list(entry.get("_webSocketMessages")):
        data = message.get("data")
        if message.get("type") == "receive" and isinstance(data, str) and is_event(data.encode("utf-8", "replace")):
            found.append((_seconds(message.get("time")), data.encode("utf-8", "replace")))
    for message in _list(entry.get("_eventSourceMessages")):
        data, name = message.get("data"), message.get("eventName")
        if isinstance(data, str) and is_object(data.encode("utf-8", "replace")):
            lines = "".join(f"data: {line}\n" for line in data.split("\n"))
            named = f"event: {name}\n" if isinstance(name, str) and name and "\n" not in name else ""
            found.append((_seconds(message.get("time")), f"{named}{lines}\n".encode("utf-8", "replace")))
    return found


def is_relevant(url: Any, mime: Any, body: bytes) -> bool:
    """Whether an exchange is one with the Responses API: most of what a browser exports is not."""
    path = url.partition("?")[0].rstrip("/") if isinstance(url, str) else ""
    if path.endswith("/responses") or (isinstance(mime, str) and mime.startswith("text/event-stream")):
        return True
    return looks_like_sse(body)


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
