"""Clients of the SDK that read their streams natively, and back again.

A client's own `request` is asked for another class of stream, which is a public argument of it; its copies and what
`responses.stream()` returns are seen to likewise. Nothing of the SDK is changed for other clients.
"""

from __future__ import annotations

import functools
import warnings
import weakref
from collections.abc import Callable
from typing import Any, TypeVar, overload

from respstream import _backend
from respstream.integrations.openai import _snapshots
from respstream.integrations.openai._sdk import Sdk, UnsupportedError, load
from respstream.integrations.openai._streams import stream_classes
from respstream.integrations.openai._websocket import adopt_manager

__all__ = ["accelerate", "restore"]

Client = TypeVar("Client")

_MARK = "_respstream"
# How to put back what `accelerate()` changed, and the clients made meanwhile.
_undo: list[Callable[[], None]] = []
_clients: weakref.WeakSet[Any] = weakref.WeakSet()


@overload
def accelerate(client: Client, *, faithful: bool = True) -> Client: ...
@overload
def accelerate(client: None = None, *, faithful: bool = True) -> None: ...
def accelerate(client: Any = None, *, faithful: bool = True) -> Any:
    """Makes a client of the openai SDK build the events of its Responses API streams natively; returns the client.

    Without a client, every one made from now on does so, those that frameworks make for themselves too. Events,
    exceptions and methods stay the SDK's. With `faithful=False` the last event counts although no blank line ended it,
    events of types that the SDK does not know come as `respstream.types.UnknownEvent`, `get_final_response()` gives
    incomplete and failed responses too, and an empty output of a terminal event is filled from the items that came.

    Where the SDK, or pydantic, is not laid out as expected, or the compiled extension is missing, it warns once
    (RuntimeWarning) and changes nothing. Raises ImportError if there is no SDK.
    """
    sdk = _supported()
    if sdk is None:
        return client
    if client is None:
        _accelerate_all(sdk, faithful)
        return None
    if not isinstance(client, sdk.clients):
        raise TypeError(f"accelerate() requires a client of the openai SDK, not {type(client).__name__}")
    restore(client)
    _install(client, sdk, faithful)
    return client


def restore(client: Any = None) -> None:
    """Undoes `accelerate(client)`, or without a client `accelerate()`, for the clients made meanwhile too."""
    if client is None:
        while _undo:
            _undo.pop()()
        for each in list(_clients):
            restore(each)
        _clients.clear()
        return
    for target in (client, client.__dict__.get("responses")):
        for name in getattr(target, "__dict__", {}).pop(_MARK, ()):
            target.__dict__.pop(name, None)


@functools.cache
def _warn(reason: str) -> None:
    warnings.warn(f"respstream leaves the openai SDK as it is: {reason}", RuntimeWarning, 4)


def _supported() -> Sdk | None:
    if not hasattr(_backend.engine, "SdkPlan"):
        _warn("the compiled extension is not installed")
        return None
    try:
        return load()
    except UnsupportedError as error:
        _warn(str(error))
        return None


def _accelerate_all(sdk: Sdk, faithful: bool) -> None:
    restore()
    for cls in sdk.clients:
        _undo.append(functools.partial(setattr, cls, "__init__", cls.__init__))
        cls.__init__ = _accelerated_init(cls.__init__, sdk, faithful)


def _accelerated_init(init: Callable[..., None], sdk: Sdk, faithful: bool) -> Callable[..., None]:
    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        init(self, *args, **kwargs)
        _install(self, sdk, faithful)
        _clients.add(self)

    return __init__


def _set(target: Any, **attributes: Any) -> None:
    target.__dict__.update(attributes)
    target.__dict__[_MARK] = tuple(attributes)


def _install(client: Any, sdk: Sdk, faithful: bool) -> None:
    """Shadows three methods of this one client, and one of its `responses`."""
    place = 0 if isinstance(client, sdk.clients[0]) else 1
    ours: Any = stream_classes(sdk, faithful)[place]
    theirs: Any = sdk.streams[place]
    request, copy, stream = client.request, client.copy, client.responses.stream
    swapped = {theirs[sdk.events]: ours[sdk.events]}

    @functools.wraps(request)
    def fast_request(cast_to: Any, options: Any, **kwargs: Any) -> Any:
        wanted = kwargs.get("stream_cls")
        if wanted is not None:
            kwargs["stream_cls"] = swapped.get(wanted, wanted)
        return request(cast_to, options, **kwargs)

    @functools.wraps(copy)
    def fast_copy(*args: Any, **kwargs: Any) -> Any:
        made = copy(*args, **kwargs)
        restore(made)
        _install(made, sdk, faithful)
        return made

    @functools.wraps(stream)
    def fast_stream(*args: Any, **kwargs: Any) -> Any:
        manager = stream(*args, **kwargs)
        if type(manager) is sdk.managers[place]:
            manager.__class__ = _manager_classes(sdk, faithful)[place]
        return manager

    @functools.wraps(client.responses.connect)
    def fast_connect(*args: Any, **kwargs: Any) -> Any:
        manager = connect(*args, **kwargs)
        adopt_manager(manager, sdk, faithful=faithful)
        return manager

    connect = client.responses.connect
    _set(client, request=fast_request, copy=fast_copy, with_options=fast_copy)
    _set(client.responses, stream=fast_stream, connect=fast_connect)


@functools.cache
def _manager_classes(sdk: Sdk, faithful: bool) -> tuple[type[Any], type[Any]]:
    sync_base: Any = sdk.managers[0]
    async_base: Any = sdk.managers[1]

    class ResponseStreamManager(sync_base):  # type: ignore[misc]
        """As the SDK's."""

        def __enter__(self) -> Any:
            stream = super().__enter__()
            _snapshots.adopt(stream, sdk, faithful)
            return stream

    class AsyncResponseStreamManager(async_base):  # type: ignore[misc]
        """As the SDK's."""

        async def __aenter__(self) -> Any:
            stream = await super().__aenter__()
            _snapshots.adopt(stream, sdk, faithful)
            return stream

    return ResponseStreamManager, AsyncResponseStreamManager
