"""Puts the transport into the HTTP client of an SDK's client, and takes it out."""

from __future__ import annotations

import warnings
from typing import Any

from respstream.integrations.http._library import library_of, options_of
from respstream.integrations.http._response import import_parser
from respstream.integrations.http._transport import transport_class

__all__ = ["install", "uninstall"]

# The name of its transport in an HTTP client.
_NAME = "_transport"


def install(client: Any) -> None:
    """Makes the asynchronous client of an SDK send its requests for streams here.

    Warns (RuntimeWarning) and leaves the client alone if its HTTP client has a transport that is not a common one: then it
    is not known what its requests should go through. Raises ImportError without the parser.
    """
    import_parser()
    http = client._client
    library = library_of(http)
    own: Any = getattr(http, _NAME, None)
    if library is not None and type(own) is transport_class(library):
        own.users.add(client)
        return
    options = None if library is None else options_of(own)
    if options is None:
        message = "respstream leaves the HTTP client as it is: its transport is not httpx's own over HTTP/1.1"
        warnings.warn(message, RuntimeWarning, 2)
        return
    made = transport_class(library)(library, own, options)
    made.users.add(client)
    setattr(http, _NAME, made)


def uninstall(client: Any) -> None:
    """Undoes `install`. Streams that are open are read on. An HTTP client of several clients is left as it is until the last."""
    http = getattr(client, "_client", None)
    library = library_of(http)
    made: Any = getattr(http, _NAME, None)
    if library is None or type(made) is not transport_class(library):
        return
    made.users.discard(client)
    if not made.users:
        setattr(http, _NAME, made.own)
        made.close(used=False)
