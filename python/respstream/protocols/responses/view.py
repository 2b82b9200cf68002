"""The view of a response of the Responses API, as far as it differs from that of other APIs."""

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
    return declared_members("response")


def usage(response: Response) -> Any:
    """The token counts."""
    return response.get("usage")


def finish_reason(response: Response) -> str | None:
    """The reason of an incomplete response, else the status of a response that has ended."""
    if not response.complete:
        return None
    return incomplete_reason(response) or response.status


def incomplete_reason(response: Response) -> str | None:
    """The member `reason` of `incomplete_details`."""
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, Payload) else None
    return reason if isinstance(reason, str) else None
