"""Recorded streams through the SDK and through us, over a transport without a network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import respstream
from respstream.integrations import _verify
from respstream.integrations._verify import Verdict, to_chunks
from respstream.integrations.openai._clients import accelerate
from respstream.integrations.openai._plans import plans
from respstream.integrations.openai._sdk import load

__all__ = ["Verdict", "client", "to_chunks", "verify"]


def _http() -> Any:
    """The HTTP library that this generation of the SDK stands on."""
    import openai

    roots = [cls.__module__.partition(".")[0] for cls in openai.DefaultHttpxClient.__mro__]
    return sys.modules[next(root for root in roots if root.startswith("httpx"))]


def client(chunks: Iterable[bytes], *, asynchronous: bool = False, headers: dict[str, str] | None = None) -> Any:
    """A client of the SDK whose every request is answered by this stream, without a network."""
    import openai

    http = _http()
    transport = _verify.transport(http, chunks, asynchronous, headers)
    common: dict[str, Any] = {"api_key": "none", "base_url": "http://local/v1", "max_retries": 0}
    if asynchronous:
        return openai.AsyncOpenAI(http_client=http.AsyncClient(transport=transport), **common)
    return openai.OpenAI(http_client=http.Client(transport=transport), **common)


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


def verify(paths: list[str], *, timed: bool = True) -> Iterator[Verdict]:
    """The verdict on each recorded stream; a folder stands for all files below it that end in .sse, .jsonl or .txt.

    Without `timed` the speed-ups are 0. Raises OSError for a file that cannot be read, ImportError without the SDK.
    """
    return _verify.verify(paths, _verify.Ways(client, accelerate, _ways, _prepare), timed=timed)


def _prepare() -> None:
    sdk = load()
    plans(sdk).prepare()
    plans(sdk.with_events(sdk.chunk)).prepare()


def refused() -> dict[str, str]:
    """The event types that are left to the SDK, and why."""
    sdk = load()
    return {**plans(sdk).refused, **plans(sdk.with_events(sdk.chunk)).refused}
