"""The view of a response of Chat Completions, as far as it differs from that of other APIs."""

from __future__ import annotations

from respstream.protocols.payload import Payload, declared_members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream.protocols.payload import PartClass
    from respstream.protocols.response import Response

PARTS: dict[str, PartClass] = {}
"""The classes of the objects in members of the final object."""


def declared() -> frozenset[str]:
    """The members that the SDK declares for the final object."""
    return declared_members("chat.completion")


def usage(response: Response) -> Any:
    """The token counts: those of the completion, else those that Groq sends beside it."""
    found, groq = response.get("usage"), response.get("x_groq")
    return groq.get("usage") if found is None and isinstance(groq, Payload) else found


def finish_reason(response: Response) -> str | None:
    """The finish reason of the choice with index 0."""
    choices = response.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, Payload) and choice.get("index", 0) == 0:
            reason = choice.get("finish_reason")
            return reason if isinstance(reason, str) and reason else None
    return None


def incomplete_reason(response: Response) -> str | None:
    """The finish reason of an incomplete completion."""
    return finish_reason(response) if response.status == "incomplete" else None
