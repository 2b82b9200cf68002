"""`responses.connect()` with events that are built natively.

The SDK reads every frame of a connection by its `parse_event`: `recv`, iteration, `dispatch_events` and the sessions and lanes of
`openai.lib.responses_websocket` all call it. A subclass replaces this one method; transport, queues, reconnects and errors
remain the SDK's.
"""

from __future__ import annotations

import functools
import inspect
import sys
from importlib import import_module
from typing import Any, NamedTuple

from respstream import _backend
from respstream.integrations._streams import _unknown
from respstream.integrations.openai._plans import Plans, plans
from respstream.integrations.openai._sdk import Sdk

__all__ = ["WebSocketApi", "adopt_manager", "has_websockets", "websocket_apis"]

_MANAGERS = ("ResponsesConnectionManager", "AsyncResponsesConnectionManager")
_CONNECTIONS = ("ResponsesConnection", "AsyncResponsesConnection")
# The modules of the resource and of the events, and the union of the events.
_APIS = (
    ("openai.resources.responses.responses", "openai.types.responses", "ResponsesServerEvent"),
    ("openai.resources.beta.responses.responses", "openai.types.beta", "BetaResponsesServerEvent"),
)


class WebSocketApi(NamedTuple):
    """One WebSocket API of the SDK: the synchronous and the asynchronous classes, and the union of the event classes.

    `managers`: what `connect()` returns. `connections`: what these return when they are entered.
    """

    managers: tuple[type[Any], type[Any]]
    connections: tuple[type[Any], type[Any]]
    events: Any


def websocket_apis() -> tuple[WebSocketApi, ...]:
    """The WebSocket APIs whose modules are imported and whose layout is known, of the stable and of the beta API."""
    found = [_api(*names) for names in _APIS if names[0] in sys.modules]
    return tuple(api for api in found if api is not None)


def has_websockets(resource: Any) -> bool:
    """Whether an object is of a module with a WebSocket API, such as `client.responses`."""
    return any(type(resource).__module__ == module for module, _, _ in _APIS)


@functools.cache
def _api(module: str, types: str, union: str) -> WebSocketApi | None:
    try:
        resource = import_module(module)
        managers: Any = tuple(getattr(resource, name) for name in _MANAGERS)
        connections: Any = tuple(getattr(resource, name) for name in _CONNECTIONS)
        api = WebSocketApi(managers, connections, getattr(import_module(types), union))
    except (ImportError, AttributeError):  # a release without this API
        return None
    return api if _is_known(api) else None


def _is_known(api: WebSocketApi) -> bool:
    return all(
        list(inspect.signature(cls.parse_event).parameters) == ["self", "data"] for cls in api.connections
    ) and all(hasattr(cls, "enter") for cls in api.managers)


def adopt_manager(manager: Any, faithful: bool | None, sdk: Sdk) -> None:
    """Makes what `connect()` returns open connections that read their frames natively; not if `faithful` is None."""
    if faithful is None:
        return
    for api in websocket_apis():
        if type(manager) in api.managers:
            manager.__class__ = _manager_classes(api, sdk, faithful)[api.managers.index(type(manager))]


@functools.cache
def _manager_classes(api: WebSocketApi, sdk: Sdk, faithful: bool) -> tuple[type[Any], type[Any]]:
    sync_base: Any = api.managers[0]
    async_base: Any = api.managers[1]

    class ResponsesConnectionManager(sync_base):  # type: ignore[misc]
        """As the SDK's."""

        def __enter__(self) -> Any:
            return _adopt(super().__enter__(), 0, api, sdk, faithful)

        enter = __enter__

    class AsyncResponsesConnectionManager(async_base):  # type: ignore[misc]
        """As the SDK's."""

        async def __aenter__(self) -> Any:
            return _adopt(await super().__aenter__(), 1, api, sdk, faithful)

        enter = __aenter__

    return ResponsesConnectionManager, AsyncResponsesConnectionManager


def _adopt(connection: Any, place: int, api: WebSocketApi, sdk: Sdk, faithful: bool) -> Any:
    """The connection, which reads its frames natively from now on."""
    if type(connection) is api.connections[place]:
        known = plans(sdk.with_events(api.events))
        connection.__dict__["_respstream"] = _backend.engine.SdkMessages(known.native)
        connection.__class__ = _connection_class(api, place, known, faithful)
    return connection


@functools.cache
def _connection_class(api: WebSocketApi, place: int, known: Plans, faithful: bool) -> type[Any]:
    base: Any = api.connections[place]

    def parse_event(self: Any, data: str | bytes) -> Any:
        event = self._respstream.event(data)
        return _by_sdk(base, self, data, known, faithful) if event is None else event

    functools.update_wrapper(parse_event, base.parse_event)
    names = {name: getattr(base, name) for name in ("__module__", "__qualname__", "__doc__")}
    return type(base.__name__, (base,), {**names, "parse_event": parse_event})


def _by_sdk(base: Any, connection: Any, data: str | bytes, known: Plans, faithful: bool) -> Any:
    """The event that the SDK makes of a frame; the first one of its type leads to a plan."""
    text = _text(data)
    event: Any = None if faithful or text is None else _unknown(known.sdk.message(data=text), known)
    if event is None:
        event = base.parse_event(connection, data)
        if text is not None:
            known.learn(text, event)
    return event


def _text(data: str | bytes) -> str | None:
    """The text of a frame; None for what is not UTF-8, which `json.loads` may read nevertheless."""
    try:
        return data if isinstance(data, str) else bytes(data).decode()
    except (TypeError, ValueError):
        return None
