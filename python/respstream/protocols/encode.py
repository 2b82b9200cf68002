"""Finished responses as the streams that a server would send for them."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from respstream._pure.protocols.any_api import PROTOCOLS
from respstream.protocols.building import json_of, response_of
from respstream.protocols.response import Response

__all__ = ["encode", "encoded_events"]

_PIECES = re.compile(r"\s*\S+|\s+")


def encode(response: Response | dict[str, Any]) -> bytes:
    """The stream that a server would send for a finished response: server-sent events, with a delta for each word.

    `response`: a response, or the API's final object as a dict. Reading the bytes gives an equal response. For an object of
    Chat Completions or Messages that was not streamed, it has in addition the members that the API's SDK adds to streamed
    ones: null for what is missing, and the index of calls. Events that assembled responses do not keep, such as the progress
    of a web search, are not there. Raises ValueError for a dict that is no such object.
    """
    return b"".join(encoded_events(response))


def encoded_events(response: Response | dict[str, Any]) -> list[bytes]:
    """As `encode`, event by event."""
    given = response if isinstance(response, Response) else response_of(response)
    events_of: Any = import_module(f"respstream.protocols.{given.api}.encode").events_of
    blocks = [_block(event) for event in events_of(given.to_dict(), _PIECES.findall)]
    mark = next(protocol.end_mark for protocol in PROTOCOLS if protocol.api == given.api)
    return [*blocks, *([mark] if mark else [])]


def _block(event: dict[str, Any]) -> bytes:
    kind = event.get("type")
    name = b"event: %b\n" % kind.encode() if isinstance(kind, str) else b""
    return name + b"data: " + json_of(event) + b"\n\n"
