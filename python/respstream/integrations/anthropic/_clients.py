"""Clients of the SDK that read their streams natively, and back again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, overload

from respstream.integrations._clients import Integration, Transport
from respstream.integrations._streams import native_class
from respstream.integrations.anthropic import _snapshots
from respstream.integrations.anthropic._sdk import Sdk, load

__all__ = ["accelerate", "restore"]

Client = TypeVar("Client")


@overload
def accelerate(client: Client, *, faithful: bool = True, transport: Transport | None = None) -> Client: ...
@overload
def accelerate(client: None = None, *, faithful: bool = True, transport: Transport | None = None) -> None: ...
def accelerate(client: Any = None, *, faithful: bool = True, transport: Transport | None = None) -> Any:
    """Makes a client of the anthropic SDK build the events of its streams of messages natively, those of
    `client.beta.messages` and of the clients of Bedrock, Vertex and other platforms included; returns the client.

    Without a client, every one made from now on does so, those that frameworks make for themselves too. Events,
    exceptions and methods stay the SDK's. With `faithful=False` the last event counts although no blank line ended it.

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
    """The classes that are followed: the readers of `messages.stream()`."""
    return {
        cls: functools.partial(_snapshots.adopt, reader=reader) for reader in sdk.readers() for cls in reader.readers
    }


_integration = Integration("anthropic", load, native_class, _opened)
