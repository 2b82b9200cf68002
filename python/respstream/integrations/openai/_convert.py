"""Events and responses of respstream as the openai SDK's, and the other way round."""

from __future__ import annotations

from typing import Any

from respstream import _backend
from respstream.integrations.openai._sdk import load
from respstream.protocols.event import Event
from respstream.protocols.response import Response

__all__ = ["from_openai", "to_openai"]

# What the SDK adds to the members of the wire.
_ADDED_TO_EVENTS = {"snapshot": True, "parsed": True}
_ADDED_TO_RESPONSES = {"output": {"__all__": {"parsed_arguments": True, "content": {"__all__": {"parsed": True}}}}}


def to_openai(value: Event | Response | dict[str, Any]) -> Any:
    """The SDK's object for an event, a response, or either of them as a dict: what the SDK would make of the same JSON.

    An event of a type that the SDK does not know is what the SDK makes of it: the first class of its union. Raises
    TypeError for anything else, ImportError without the SDK.
    """
    sdk = load()
    if isinstance(value, Event):
        return sdk.construct(value.to_dict())
    if isinstance(value, Response):
        return sdk.response(value.to_dict())
    if not isinstance(value, dict):
        raise TypeError(f"an event, a response or a dict is required, not {type(value).__name__!r}")
    return sdk.response(value) if value.get("object") == "response" else sdk.construct(value)


def from_openai(value: Any) -> Any:
    """The event of `respstream.types`, or the `respstream.Response`, for the SDK's object.

    It has the members that were set, as on the wire; what the SDK adds (`snapshot`, `parsed`, `parsed_arguments`) is left
    out. Raises TypeError for what is neither an event nor a response of the SDK, ImportError without the SDK.
    """
    sdk = load()
    if not isinstance(value, sdk.model):
        raise TypeError(f"an event or a response of the openai SDK is required, not {type(value).__name__!r}")
    if getattr(value, "object", None) == "response":
        raw = _dump(value, _ADDED_TO_RESPONSES if type(value).__name__.startswith("Parsed") else None)
        decoder = _backend.engine.Decoder(form="jsonl")
        decoder.feed(raw)
        decoder.finish()
        return decoder.response
    decoder = _backend.engine.Decoder(form="jsonl")
    streamed = isinstance(value, sdk.chunk_types) and type(value) not in sdk.chunk_types
    events = decoder.feed(_dump(value, _ADDED_TO_EVENTS if streamed else None))
    if len(events) != 1:
        raise TypeError(f"{type(value).__name__!r} is neither an event nor a response")
    return events[0]


def _dump(value: Any, exclude: Any) -> bytes:
    text: str = value.model_dump_json(exclude_unset=True, by_alias=True, warnings=False, exclude=exclude)
    return text.encode("utf-8", "surrogatepass") + b"\n"
