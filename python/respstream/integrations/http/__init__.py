"""A transport for the asynchronous clients of the SDKs: the streams they ask for over HTTP/1.1, with a parser written in C.

It takes the place of the HTTP client's own transport, which does all other requests: those without a stream, through a proxy,
over HTTP/2, outside of asyncio, with a body that is not in memory, or with an extension that is not known here. Options of
the own transport (certificates, limits, socket options) apply to both; each counts its own connections.

    _library     httpx or httpx2, and the options of a transport of theirs
    _response    the callbacks of the parser: one response as it arrives
    _connection  a connection, as an asyncio protocol
    _pool        the connections of one event loop
    _transport   the transport, and which requests it does
    _install     puts it into a client and takes it out
"""

from respstream.integrations.http._install import install, uninstall
from respstream.integrations.http._response import import_parser

__all__ = ["import_parser", "install", "uninstall"]
