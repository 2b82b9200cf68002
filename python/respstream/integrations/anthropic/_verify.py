"""Recorded streams through the SDK and through us, over a transport without a network."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from respstream.integrations import _verify
from respstream.integrations._plans import plans
from respstream.integrations._verify import Verdict
from respstream.integrations.anthropic._clients import accelerate
from respstream.integrations.anthropic._sdk import load

__all__ = ["Verdict", "client", "refused", "verify"]

_ASKED: dict[str, Any] = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}


def _http() -> Any:
    """The HTTP library that this generation of the SDK stands on."""
    import anthropic

    roots = [cls.__module__.partition(".")[0] for cls in anthropic.DefaultHttpxClient.__mro__]
    return sys.modules[next(root for root in roots if root.startswith("httpx"))]


def client(chunks: Iterable[bytes], *, asynchronous: bool = False, headers: dict[str, str] | None = None) -> Any:
    """A client of the SDK whose every request is answered by this stream, without a network."""
    import anthropic

    transport, http = _verify.transport(_http(), chunks, asynchronous, headers), _http()
    common: dict[str, Any] = {"api_key": "none", "base_url": "http://local", "max_retries": 0}
    if asynchronous:
        return anthropic.AsyncAnthropic(http_client=http.AsyncClient(transport=transport), **common)
    return anthropic.Anthropic(http_client=http.Client(transport=transport), **common)


def _create(connection: Any) -> Iterator[Any]:
    return iter(connection.messages.create(**_ASKED, stream=True))


def _stream(connection: Any) -> Iterator[Any]:
    with connection.messages.stream(**_ASKED) as stream:
        for event in stream:
            yield event
            if event.type == "content_block_stop":
                yield stream.current_message_snapshot.model_copy(deep=True)
        yield stream.get_final_message()


def verify(paths: list[str], *, timed: bool = True) -> Iterator[Verdict]:
    """The verdict on each recorded stream; a folder stands for all files below it that end in .sse, .jsonl or .txt.

    Without `timed` the speed-ups are 0. Raises OSError for a file that cannot be read, ImportError without the SDK.
    """
    ways = _verify.Ways(client, accelerate, lambda _: (_create, _stream), plans(load()).prepare)
    return _verify.verify(paths, ways, timed=timed)


def refused() -> dict[str, str]:
    """The event types that are left to the SDK, and why."""
    return plans(load()).refused
