"""Anthropic Messages as a protocol for `lanes` and `decoder`."""

from __future__ import annotations

from respstream._pure.protocols.messages import URL_PATH
from respstream._pure.protocols.messages.events import OWN_TYPES, SIGNATURE, Reader, claims, suggests
from respstream._pure.protocols.messages.fold import apply, apply_whole
from respstream._pure.protocols.messages.response import Folded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.protocol import NonStreamed, ParsedEvent, Protocol


class Messages:
    """Anthropic Messages; see `respstream._pure.protocols.protocol.Protocol`."""

    api = "messages"
    routing_members: tuple[str, ...] = ()
    url_path = URL_PATH
    end_mark = b""
    signature = SIGNATURE
    types = OWN_TYPES
    claims = staticmethod(claims)
    suggests = staticmethod(suggests)
    apply = staticmethod(apply)

    def reader(self) -> Reader:
        """A reader for a new source."""
        return Reader()

    def begins(self, response: Folded, parsed: ParsedEvent) -> bool:
        """Whether an event begins a message; the effects of this API tell it, so that it is never asked."""
        return False

    def begin(self, lane: str | None, offset: int, line: int) -> Folded:
        """A new message, which begins at that position."""
        folded = Folded(lane, offset, line)
        folded.protocol = self
        return folded

    def apply_error(self, response: Folded, error: dict[str, Any]) -> None:
        """Sets the error of a message to that of an error body."""
        response.set_error(error)

    def apply_whole(self, response: Folded, found: NonStreamed) -> None:
        """Sets a message to one that was not streamed."""
        apply_whole(response, found)

    def rows(self) -> Any:
        """The module of the rows of tables; readers of streams never need it."""
        from respstream._pure.protocols.messages import rows

        return rows


MESSAGES: Protocol = Messages()
