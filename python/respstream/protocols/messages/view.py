"""The view of a response of Anthropic Messages, as far as it differs from that of other APIs."""

from __future__ import annotations

from respstream.protocols.messages.types import BLOCKS, Message, Usage
from respstream.protocols.payload import retyped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream.protocols.response import Response

PARTS = {"content": BLOCKS}
"""The classes of the objects in members of the final object."""


def declared() -> tuple[str, ...]:
    """The members that the SDK declares for the final object."""
    return Message.__slots__


def usage(response: Response) -> Any:
    """The token counts."""
    return retyped(response.get("usage"), Usage)


def finish_reason(response: Response) -> str | None:
    """The stop reason."""
    reason = response.get("stop_reason")
    return reason if isinstance(reason, str) and reason else None


def incomplete_reason(response: Response) -> str | None:
    """The stop reason of an incomplete message."""
    return finish_reason(response) if response.status == "incomplete" else None
