"""Responses and errors that are the event itself, or that are not where the protocol puts them."""

from __future__ import annotations

from respstream._pure.diagnostics import detail_error, error_member
from respstream._pure.json import dumps, locate
from respstream._pure.protocols.protocol import ParsedEvent
from respstream._pure.protocols.responses.texts import string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_OWN = ("type", "sequence_number", "stream_id")  # members of an event that are not those of its response or error


def is_response(members: dict[str, Any]) -> bool:
    """Whether a lifecycle event without a member `response` is the response itself."""
    return string(members, "object") == "response" or None not in (string(members, "id"), string(members, "status"))


def flat_response(parsed: ParsedEvent) -> tuple[dict[str, Any], bytes]:
    """The response that a lifecycle event is: its members except for those of the event, and their JSON."""
    own = [name for name in (*_OWN, "response") if name in parsed.members]
    if not own:
        return parsed.members, parsed.raw
    members = {name: value for name, value in parsed.members.items() if name not in own}
    spans = locate(parsed.raw)
    raw = [
        dumps(name).encode() + b":" + parsed.raw[start:end] for name, (start, end) in spans.items() if name not in own
    ]
    return members, b"{" + b",".join(raw) + b"}"


def event_error(members: dict[str, Any]) -> dict[str, Any]:
    """The error of an `error` event: its member `error`, that of a nested response, or the event itself."""
    error, inner = members.get("error"), members.get("response")
    if isinstance(error, dict):
        return error
    no_message = not isinstance(members.get("message"), str)
    nested = error_member(inner) if isinstance(inner, dict) and no_message else None
    return nested or _flat_error(members)


def _flat_error(members: dict[str, Any]) -> dict[str, Any]:
    """The members of an event except for those of the event itself. Without a message, `error` or `detail` contains the error."""
    flat = {key: value for key, value in members.items() if key not in _OWN}
    if not isinstance(flat.get("message"), str):
        text = next((key for key in ("error", "detail") if isinstance(flat.get(key), str)), None)
        if text is not None:
            flat["message"] = flat.pop(text)
        else:
            flat |= detail_error(flat.get("detail")) or {}
    return flat
