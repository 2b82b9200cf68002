"""The HTTP library of a client, httpx or httpx2, and what its transport was made with. All private names are here."""

from __future__ import annotations

import ssl
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Options", "is_plain", "library_of", "options_of"]

_NAMES = {"httpx2": "httpcore2", "httpx": "httpcore"}
_UNLIMITED = sys.maxsize


@dataclass(frozen=True)
class Options:
    """What a transport was made with. `limit` of all connections, `kept` of idle ones; `expiry` of idle ones in seconds."""

    tls: ssl.SSLContext
    limit: int = _UNLIMITED
    kept: int = _UNLIMITED
    expiry: float | None = None
    local_address: str | None = None
    socket_options: tuple[tuple[Any, ...], ...] = ()


def _libraries() -> Iterator[tuple[Any, Any]]:
    """Those that are imported, each with the library of its connections."""
    for name, core in _NAMES.items():
        if name in sys.modules and core in sys.modules:
            yield sys.modules[name], sys.modules[core]


def library_of(client: object) -> Any:
    """The library that an asynchronous HTTP client is of; None for other objects."""
    return next((library for library, _ in _libraries() if isinstance(client, library.AsyncClient)), None)


def options_of(transport: object) -> Options | None:
    """What a transport was made with; None if it is not a library's own one, or does what the transport here does not."""
    for library, core in _libraries():
        if type(transport) is library.AsyncHTTPTransport:
            pool = getattr(transport, "_pool", None)
            return _pool_options(pool) if type(pool) is core.AsyncConnectionPool else None
    return None


def _pool_options(pool: Any) -> Options | None:
    try:
        tls, other = pool._ssl_context, (pool._http2, pool._retries, pool._uds, pool._proxy)
        if any(other) or not pool._http1 or type(pool._network_backend).__name__ != "AutoBackend":
            return None
        return (
            Options(
                tls,
                pool._max_connections,
                pool._max_keepalive_connections,
                pool._keepalive_expiry,
                pool._local_address,
                tuple(pool._socket_options or ()),
            )
            if isinstance(tls, ssl.SSLContext)
            else None
        )
    except AttributeError:
        return None


def is_plain(transport: Any) -> bool:
    """Whether nobody has replaced a function that sends the requests of a library's own transport, as tracers and mocks do."""
    return _is_own(transport, "handle_async_request") and _is_own(transport._pool, "handle_async_request")


def _is_own(owner: Any, name: str) -> bool:
    function = getattr(type(owner), name, None)
    return (
        type(function) is types.FunctionType
        and _package(function) == _package(type(owner))
        and not hasattr(function, "__wrapped__")
        and name not in owner.__dict__
    )


def _package(defined: Any) -> str:
    # The libraries name their package itself as the module of a public class.
    name: str = defined.__module__
    return name.partition(".")[0]
