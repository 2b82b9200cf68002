"""Clients of the SDK that read their streams natively, and back again."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, overload

from respstream.integrations._clients import Integration, Transport
from respstream.integrations._streams import native_class
from respstream.integrations.openai import _chat_snapshots, _snapshots
from respstream.integrations.openai._sdk import ResponseReaders, Sdk, UnsupportedError, load
from respstream.integrations.openai._websocket import adopt_manager, has_websockets, websocket_apis

__all__ = ["accelerate", "restore"]

Client = TypeVar("Client")


@overload
def accelerate(client: Client, *, faithful: bool = True, transport: Transport | None = None) -> Client: ...
@overload
def accelerate(client: None = None, *, faithful: bool = True, transport: Transport | None = None) -> None: ...
def accelerate(client: Any = None, *, faithful: bool = True, transport: Transport | None = None) -> Any:
    """Makes a client of the openai SDK build the events of its streams natively, those of the Responses API and the chunks of
    Chat Completions; returns the client.

    Without a client, every one made from now on does so, those that frameworks make for themselves too. Events,
    exceptions and methods stay the SDK's. With `faithful=False` the last event counts although no blank line ended it,
    events of types that the SDK does not know come as `respstream.types.UnknownEvent`, `get_final_response()` gives
    incomplete and failed responses too, and an empty output of a terminal event is filled from the items that came.
    `chat.completions.stream()` then does not raise for completions that were cut off, and tells calls apart by their ids
    where their indexes do not.

    With `transport="native"` an asynchronous client sends its requests for streams over HTTP/1.1 with a transport of
    respstream (`pip install "respstream[transport]"`), which takes less CPU time; without a client, every one made from now on
    does. It needs asyncio, also as uvloop, and no proxy: other requests go through the client's own transport. A client whose
    own transport is not httpx's is left with it, with a warning. Raises TypeError for a synchronous client.

    Where the SDK, or pydantic, is not laid out as expected, or the compiled extension is missing, it warns once
    (RuntimeWarning) and changes nothing. Raises ImportError if there is no SDK.
    """
    return _integration.accelerate(client, faithful, transport)


def restore(client: Any = None) -> None:
    """Undoes `accelerate(client)`, or without a client `accelerate()`, for the clients made meanwhile too."""
    _integration.restore(client)


def _opened(sdk: Sdk) -> dict[type[Any], Callable[[Any, bool | None], None]]:
    """The classes that are followed. The readers of streams, and the managers of WebSockets, are imported with the first object
    of their API.
    """
    connect = functools.partial(adopt_manager, sdk=sdk)
    managers = [cls for api in websocket_apis() for cls in api.managers]
    readers = _readers(sdk)
    followed = len(readers)

    def find_more(resource: Any, _: bool | None) -> None:
        nonlocal followed
        if has_websockets(resource) or len(_readers(sdk)) > followed:
            _integration.of(sdk).follow_imports()
            followed = len(_readers(sdk))

    return {**readers, **dict.fromkeys(sdk.resources, find_more), **dict.fromkeys(managers, connect)}


def _readers(sdk: Sdk) -> dict[type[Any], Callable[[Any, bool | None], None]]:
    """The readers of streams that are in use, and what is done with each of them."""
    followed: dict[type[Any], Callable[[Any, bool | None], None]] = {}
    for name, find in (("responses", sdk.response_readers), ("chat.completions", sdk.chat_readers)):
        try:
            found = find()
        except UnsupportedError as error:
            _warn(name, str(error))
            continue
        if isinstance(found, ResponseReaders):
            adopt = functools.partial(_snapshots.adopt, sdk=sdk, parts=found)
        elif found is not None:
            adopt = functools.partial(_chat_snapshots.adopt, parts=found)
        else:
            continue
        followed |= dict.fromkeys(found.readers, adopt)
    return followed


@functools.cache
def _warn(name: str, reason: str) -> None:
    warnings.warn(f"respstream leaves {name}.stream() to the openai SDK: {reason}", RuntimeWarning, 2)


_integration = Integration("openai", load, native_class, _opened)
