"""Clients of the SDK that read their streams natively, and back again."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, overload

from respstream import _backend
from respstream.integrations._clients import Acceleration
from respstream.integrations._streams import native_class
from respstream.integrations.anthropic import _snapshots
from respstream.integrations.anthropic._sdk import Sdk, UnsupportedError, load

__all__ = ["accelerate", "restore"]

Client = TypeVar("Client")

_accelerations: dict[Sdk, Acceleration] = {}


@overload
def accelerate(client: Client, *, faithful: bool = True) -> Client: ...
@overload
def accelerate(client: None = None, *, faithful: bool = True) -> None: ...
def accelerate(client: Any = None, *, faithful: bool = True) -> Any:
    """Makes a client of the anthropic SDK build the events of its streams of messages natively, those of
    `client.beta.messages` and of the clients of Bedrock, Vertex and other platforms included; returns the client.

    Without a client, every one made from now on does so, those that frameworks make for themselves too. Events,
    exceptions and methods stay the SDK's. With `faithful=False` the last event counts although no blank line ended it.

    Where the SDK, or pydantic, is not laid out as expected, or the compiled extension is missing, it warns once
    (RuntimeWarning) and changes nothing. Raises ImportError if there is no SDK.
    """
    sdk = _supported()
    if sdk is None:
        return client
    if client is None:
        _acceleration(sdk).everywhere(faithful)
        return None
    if not isinstance(client, sdk.clients):
        raise TypeError(f"accelerate() requires a client of the anthropic SDK, not {type(client).__name__}")
    _acceleration(sdk).accelerate(client, faithful)
    return client


def restore(client: Any = None) -> None:
    """Undoes `accelerate(client)`, or without a client `accelerate()`, for the clients made meanwhile too."""
    for acceleration in _accelerations.values():
        if client is None:
            acceleration.restore_all()
        else:
            acceleration.restore(client)


def _acceleration(sdk: Sdk) -> Acceleration:
    if sdk not in _accelerations:
        opened = functools.partial(_opened, sdk)
        _accelerations[sdk] = Acceleration(sdk.clients, functools.partial(native_class, sdk), opened)
    return _accelerations[sdk]


def _opened(sdk: Sdk) -> dict[type[Any], Callable[[Any, bool | None], None]]:
    """The classes that are followed: the readers of `messages.stream()`."""
    return {
        cls: functools.partial(_snapshots.adopt, reader=reader) for reader in sdk.readers() for cls in reader.readers
    }


@functools.cache
def _warn(reason: str) -> None:
    warnings.warn(f"respstream leaves the anthropic SDK as it is: {reason}", RuntimeWarning, 4)


def _supported() -> Sdk | None:
    if not hasattr(_backend.engine, "SdkPlan"):
        _warn("the compiled extension is not installed")
        return None
    try:
        return load()
    except UnsupportedError as error:
        _warn(str(error))
        return None
