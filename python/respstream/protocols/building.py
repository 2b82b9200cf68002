"""Makes events and responses of dicts, for tests and for programs that send streams. It is the same with both backends."""

from __future__ import annotations

import json
from typing import Any

from respstream._pure.decoder import Decoder
from respstream._pure.protocols.any_api import api_named
from respstream._suggest import suggestion
from respstream.protocols.event import Event
from respstream.protocols.parsed import make_event
from respstream.protocols.response import Response
from respstream.protocols.snapshot import Snapshot

__all__ = ["event_of", "fill", "json_of", "response_of"]

_ALWAYS = frozenset({"type", "sequence_number"})


def response_of(members: dict[str, Any]) -> Response:
    """The response of an API's final object. Raises ValueError for a dict that is none, TypeError for anything else."""
    if not isinstance(members, dict):
        raise TypeError(f"a Response or the API's final object as a dict is required, not {type(members).__name__!r}")
    decoder = Decoder(api_named("auto"))
    decoder.message(json_of(members))
    decoder.finish()
    if not decoder.ended:
        raise ValueError(
            "the dict is not the final object of an API: "
            "its member 'object' must be 'response' or 'chat.completion', or its 'type' 'message', with a 'model'"
        )
    folded: Any = decoder.ended[0]
    state: Any = Snapshot(folded)
    return Response(state)


def event_of(cls: type[Event], members: dict[str, Any]) -> Event:
    """The event of a payload. Raises ValueError for one that is no event, or of another class."""
    found: list[Event] = []
    Decoder(api_named("auto")).message(json_of(members), lambda parsed, _: found.append(make_event(parsed)))
    if not found:
        raise ValueError("the dict is not an event: it has no type")
    event = found[0]
    if not isinstance(event, cls):
        raise ValueError(f"the dict is a {type(event).__name__}, not a {cls.__name__}")
    event.offset = 0
    return event


def fill(event: Event, members: dict[str, Any]) -> None:
    """Makes a new object of an event class the event with these members. Raises TypeError for members that its class lacks."""
    cls = type(event)
    kind = getattr(cls, "type", None)
    if not isinstance(kind, str):
        raise TypeError(f"{cls.__name__}() has no type: use {cls.__name__}.from_dict()")
    known = [*cls.__slots__, *cls._common, *_ALWAYS]
    for name in members:
        if name not in known:
            raise TypeError(f"{cls.__name__} has no member {name!r}{suggestion(name, known)}")
    if members.get("type", kind) != kind:
        raise ValueError(f"the type of a {cls.__name__} is {kind!r}")
    event.raw = json_of(members if cls._untyped else {"type": kind, **members})
    event.offset, event.stream_id, event._named = 0, None, None
    event.sequence_number = members.get("sequence_number")


def json_of(members: dict[str, Any]) -> bytes:
    """A dict as JSON; its values may be payloads, events and responses. Raises ValueError for NaN, TypeError for other objects."""
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain)
    return text.encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    to_dict = getattr(value, "to_dict", None) or getattr(value, "model_dump", None)
    if to_dict is None:
        raise TypeError(f"a member cannot be a {type(value).__name__}")
    return to_dict()
