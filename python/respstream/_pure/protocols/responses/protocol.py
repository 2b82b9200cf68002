"""The Responses API as a protocol for `lanes` and `decoder`."""

from __future__ import annotations

from respstream._pure.json import clean
from respstream._pure.protocols.responses.events import SIGNATURE, Reader
from respstream._pure.protocols.responses.fold import apply
from respstream._pure.protocols.responses.response import Folded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.protocol import NonStreamed, Protocol


class Responses:
    """The Responses API; see `respstream._pure.protocols.protocol.Protocol`."""

    signature = SIGNATURE
    apply = staticmethod(apply)

    def reader(self) -> Reader:
        """A reader for a new source."""
        return Reader()

    def begin(self, lane: str | None, offset: int, line: int) -> Folded:
        """A new response, which begins at that position."""
        return Folded(lane, offset, line)

    def apply_error(self, response: Folded, error: dict[str, Any]) -> None:
        """Sets the error of a response to that of an error body."""
        response.event_error = clean(error)

    def apply_whole(self, response: Folded, found: NonStreamed) -> None:
        """Sets a response to one that was not streamed."""
        response.set_base(found.members, found.raw, whole=True)


RESPONSES: Protocol = Responses()
