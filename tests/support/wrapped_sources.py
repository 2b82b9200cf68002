"""Streams in the wrappers of logs: rows, HAR files, VCR cassettes, compression, arrays and text prefixes."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from tests.support.wellformed_streams import chance

SECOND = 1_763_705_153


class Wrapped(NamedTuple):
    """The bytes of a file, the suffix of its name, and the options that reading it may need."""

    data: bytes
    suffix: str
    options: dict[str, Any]


def rows(*objects: Any) -> bytes:
    """JSON Lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in objects)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _pieces(rng: Random, data: bytes) -> list[str]:
    size = rng.choice([7, 100, 300])
    text = _text(data)
    return [text[at : at + size] for at in range(0, len(text), size)]


def _payloads(data: bytes) -> list[Any]:
    """The JSON values of the lines of a stream."""
    found = []
    for line in data.splitlines():
        try:
            found.append(json.loads(line.removeprefix(b"data:")))
        except (ValueError, RecursionError):
            continue
    return found


def _name(event: Any) -> Any:
    return event.get("type", "x") if isinstance(event, dict) else "x"


def _rows_of(rng: Random, data: bytes) -> bytes:
    """Rows of one of the known forms."""
    number = iter(range(1 << 20))
    kind = rng.randrange(9)
    if kind == 0:
        return rows({"id": 1, "ts": SECOND, "response": {"body_raw": _text(data)}})
    if kind == 1:
        packed = gzip.compress(data, mtime=0) if chance(rng, 50) else data
        return rows({"time": SECOND, "body": base64.b64encode(packed).decode()})
    if kind == 2:
        return rows(*({"ts": SECOND + next(number), "chunk": piece} for piece in _pieces(rng, data)))
    if kind == 3:
        return rows(*({"log": line + "\n", "time": "2026-11-21T06:00:00.5Z"} for line in _text(data).split("\n")))
    if kind == 4:
        as_text = json.dumps if chance(rng, 50) else (lambda event: event)
        return rows(*({"event": _name(e), "data": as_text(e), "timestamp": SECOND} for e in _payloads(data)))
    if kind == 5:
        return rows(*({"at": SECOND + next(number), "msg": {"payload": event}} for event in _payloads(data)))
    if kind == 6:
        return rows({"ts": SECOND, "events": _payloads(data)}, {"x": 1})
    if kind == 7:
        lanes = [
            {"t": (SECOND * 1000 + next(number)) * 10**6, "lane": rng.choice("ab"), "chunk": piece}
            for piece in _pieces(rng, data)
        ]
        return rows(*lanes, {"t": SECOND * 10**9, "lane": "a", "end": True})
    return rows(*({"ts": SECOND + next(number), "line": line} for line in _text(data).splitlines()))


def _in_rows(rng: Random, data: bytes) -> Wrapped:
    if chance(rng, 25):
        made = rows(
            *({"w": SECOND + n, "a": {"b": p}, "l": rng.choice("qr")} for n, p in enumerate(_pieces(rng, data)))
        )
        names = rng.choice([{"field": "/a/b"}, {"field": "/a/b", "time": "/w"}, {"field": "/a/b", "lane": "/l"}])
        return Wrapped(made, ".jsonl", {**names, "form": "rows"})
    return Wrapped(_rows_of(rng, data), ".jsonl", {"form": rng.choice(["auto", "auto", "rows"])})


def entry(text: str, **content: Any) -> dict[str, Any]:
    """An entry of a HAR file."""
    body = {"mimeType": "text/event-stream; charset=utf-8", "text": text, **content}
    request = {"method": "POST", "url": "https://api.openai.com/v1/responses", "headers": []}
    times = {"startedDateTime": "2025-11-21T06:05:53.000Z", "time": 1500.5}
    return {**times, "request": request, "response": {"status": 200, "content": body}}


def _mixed(rng: Random, data: bytes) -> Wrapped:
    """Parts of a stream, some of them in rows, and lines of a log that wrap nothing."""
    edges = sorted(rng.randint(0, len(data)) for _ in range(rng.randint(1, 4)))
    found = []
    for start, end in zip([0, *edges], [*edges, len(data)], strict=True):
        part = data[start:end]
        found.append(_rows_of(rng, part) if chance(rng, 30) else part)
        if chance(rng, 30):
            found.append(b"\n" + rows({"level": "info", "msg": "data: x"}))
    return Wrapped(b"".join(found), rng.choice([".log", ".jsonl"]), {})


def _in_har(rng: Random, data: bytes) -> Wrapped:
    half = rng.randint(0, len(data))
    parts = [data] if chance(rng, 60) else [data[:half], data[half:]]
    entries = []
    for part in parts:
        if chance(rng, 30):
            entries.append(entry(base64.b64encode(part).decode(), encoding="base64"))
        else:
            entries.append(entry(_text(part)))
    log = {"log": {"version": "1.2", "creator": {"name": "WebInspector"}, "entries": entries}}
    return Wrapped(
        json.dumps(log, indent=rng.choice([None, 1])).encode(), ".har", {"form": rng.choice(["auto", "har"])}
    )


def _in_cassette(rng: Random, data: bytes) -> Wrapped:
    """A cassette as JSON, which is YAML."""
    response = {"headers": {"Content-Type": ["text/event-stream"]}, "body": {"string": _text(data)}}
    request = {"method": "POST", "uri": "https://api.openai.com/v1/responses", "body": "{}"}
    cassette = {"interactions": [{"request": request, "response": response}] * rng.choice([1, 2]), "version": 1}
    return Wrapped(json.dumps(cassette).encode(), rng.choice([".yaml", ".json"]), {"form": rng.choice(["auto", "vcr"])})


def _packed(rng: Random, data: bytes) -> Wrapped:
    made = gzip.compress(data, mtime=0)
    if chance(rng, 30):
        made = made[: rng.randint(0, len(made))]
    if chance(rng, 20):
        made += gzip.compress(data, mtime=0)
    return Wrapped(made, ".sse.gz", {})


def _torn(rng: Random, data: bytes) -> Wrapped:
    """A stream under the name of a wrapper."""
    return Wrapped(data, rng.choice([".har", ".yaml", ".json", ".txt"]), {})


WRAPPERS: list[Callable[[Random, bytes], Wrapped]] = [_in_rows, _in_rows, _in_har, _in_cassette, _packed, _torn, _mixed]


def wrapped(rng: Random, data: bytes) -> Wrapped:
    """The stream in a wrapper."""
    return rng.choice(WRAPPERS)(rng, data)
