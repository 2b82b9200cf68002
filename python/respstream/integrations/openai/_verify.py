"""Recorded streams through the SDK and through us, over a transport without a network."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import respstream
from respstream.integrations.openai._clients import accelerate
from respstream.integrations.openai._plans import difference, plans
from respstream.integrations.openai._sdk import load

__all__ = ["Verdict", "client", "to_chunks", "verify"]

_ROUNDS = 3


@dataclass(frozen=True)
class Verdict:
    """What came of one stream: the first difference of each way to read it, None for none, and the SDK's time to ours."""

    source: str
    events: int
    create: str | None
    stream: str | None
    create_ratio: float
    stream_ratio: float

    @property
    def equal(self) -> bool:
        """Both ways gave the same."""
        return self.create is None and self.stream is None


def _http() -> Any:
    """The HTTP library that this generation of the SDK stands on."""
    import openai

    roots = [cls.__module__.partition(".")[0] for cls in openai.DefaultHttpxClient.__mro__]
    return sys.modules[next(root for root in roots if root.startswith("httpx"))]


def client(chunks: Iterable[bytes], *, asynchronous: bool = False, headers: dict[str, str] | None = None) -> Any:
    """A client of the SDK whose every request is answered by this stream, without a network."""
    import openai

    http = _http()
    given = {"content-type": "text/event-stream", "x-request-id": "req_local", **(headers or {})}

    async def later() -> Any:
        for chunk in chunks:
            yield chunk

    def answer(_: Any) -> Any:
        return http.Response(200, headers=given, content=later() if asynchronous else iter(chunks))

    transport = http.MockTransport(answer)
    common: dict[str, Any] = {"api_key": "none", "base_url": "http://local/v1", "max_retries": 0}
    if asynchronous:
        return openai.AsyncOpenAI(http_client=http.AsyncClient(transport=transport), **common)
    return openai.OpenAI(http_client=http.Client(transport=transport), **common)


def to_chunks(data: bytes) -> list[bytes]:
    """A recorded stream as a server sends it: one event a chunk. JSON Lines become server-sent events."""
    if data.lstrip().startswith(b"{"):
        return [event.to_sse() for event in respstream.events(data)]
    blocks = data.split(b"\n\n")
    return [block + b"\n\n" for block in blocks[:-1]] + ([blocks[-1]] if blocks[-1] else [])


def _create(connection: Any) -> Iterator[Any]:
    return iter(connection.responses.create(model="m", input="x", stream=True))


def _stream(connection: Any) -> Iterator[Any]:
    with connection.responses.stream(model="m", input="x") as stream:
        yield from stream
        yield stream.get_final_response()


def _chat_create(connection: Any) -> Iterator[Any]:
    return iter(connection.chat.completions.create(model="m", messages=[], stream=True))


def _chat_stream(connection: Any) -> Iterator[Any]:
    with connection.chat.completions.stream(model="m", messages=[]) as stream:
        for event in stream:
            yield event
            if event.type == "chunk":
                # The snapshot is one object throughout; its messages are new ones with each chunk.
                yield [choice.message for choice in event.snapshot.choices]
        yield stream.get_final_completion()


def _ways(data: bytes) -> tuple[Callable[[Any], Iterator[Any]], Callable[[Any], Iterator[Any]]]:
    """How to read a recorded stream: the functions of its API."""
    first = next(iter(respstream.events(data)), None)
    return (_chat_create, _chat_stream) if getattr(first, "api", None) == "chat" else (_create, _stream)


def _read(connection: Any, how: Callable[[Any], Iterator[Any]]) -> tuple[list[Any], str | None]:
    """All events, and the exception that ended them, if one did."""
    events = []
    try:
        for event in how(connection):
            events.append(event)
    except Exception as error:
        return events, f"{type(error).__name__}: {error}"
    return events, None


def _compare(theirs: Any, ours: Any, how: Callable[[Any], Iterator[Any]]) -> tuple[str | None, int]:
    """The first difference between both ways of reading, and how many events the SDK gave."""
    (wanted, wanted_error), (given, given_error) = _read(theirs, how), _read(ours, how)
    for number, (one, other) in enumerate(zip(wanted, given, strict=False)):
        found = difference(one, other, f"event {number}")
        if found is not None:
            return found, len(wanted)
    if len(wanted) != len(given):
        return f"{len(wanted)} and {len(given)} events", len(wanted)
    same = wanted_error == given_error
    return None if same else f"{wanted_error or 'no exception'} and {given_error or 'none'}", len(wanted)


def _time(connection: Any, how: Callable[[Any], Iterator[Any]]) -> float:
    times = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        _read(connection, how)
        times.append(time.process_time() - start)
    return min(times) or 1e-9


def _verdict(source: str, data: bytes, timed: bool) -> Verdict:
    chunks, (create, stream) = to_chunks(data), _ways(data)
    theirs, ours = client(chunks), accelerate(client(chunks))
    created = streamed = None
    events = 0
    # The first round meets types without a plan; the second builds all that it can natively.
    for _ in range(2):
        found, events = _compare(theirs, ours, create)
        created = created or found
        streamed = streamed or _compare(theirs, ours, stream)[0]
    ratios = [_time(theirs, how) / _time(ours, how) if timed else 0.0 for how in (create, stream)]
    return Verdict(source, events, created, streamed, *ratios)


def verify(paths: list[str], *, timed: bool = True) -> Iterator[Verdict]:
    """The verdict on each recorded stream; a folder stands for all files below it that end in .sse, .jsonl or .txt.

    Without `timed` the speed-ups are 0. Raises OSError for a file that cannot be read, ImportError without the SDK.
    """
    for name in paths:
        path = Path(name)
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file == path or file.suffix in (".sse", ".jsonl", ".txt"):
                yield _verdict(str(file), file.read_bytes(), timed)


def refused() -> dict[str, str]:
    """The event types that are left to the SDK, and why."""
    sdk = load()
    return {**plans(sdk).refused, **plans(sdk.with_events(sdk.chunk)).refused}
