"""The view of a response of Anthropic Messages, as far as it differs from that of other APIs."""

from __future__ import annotations

from respstream.protocols.payload import Payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream.protocols.response import Response

OBJECT = "message"
"""The `type` of the final object."""


class Usage(Payload):
    """The token counts of a message; `total_tokens` is their sum, which the API does not send."""

    __slots__ = ()

    def _missing(self, name: str) -> Any:
        if name == "total_tokens":
            from respstream._pure.protocols.messages.usage import total_of

            return total_of(self)
        return super()._missing(name)

    def __reduce__(self) -> tuple[Any, ...]:
        return Usage, (self._raw if self._data is None else self.to_dict(),), (None, {"_member": "usage"})


def usage(response: Response) -> Any:
    """The token counts."""
    found = response.get("usage")
    if not isinstance(found, Payload):
        return found
    counts = Usage(found._raw if found._data is None else found._data)
    counts._member = "usage"
    return counts


def finish_reason(response: Response) -> str | None:
    """The stop reason."""
    reason = response.get("stop_reason")
    return reason if isinstance(reason, str) and reason else None


def incomplete_reason(response: Response) -> str | None:
    """The stop reason of an incomplete message."""
    return finish_reason(response) if response.status == "incomplete" else None
