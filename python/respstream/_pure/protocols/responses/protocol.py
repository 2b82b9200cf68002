"""The Responses API as a protocol for `lanes` and `decoder`."""

from __future__ import annotations

from respstream._pure.json import clean
from respstream._pure.protocols.responses import LANE_FIELD, URL_PATH
from respstream._pure.protocols.responses.catalogue import EVENTS
from respstream._pure.protocols.responses.events import PREFIX, SIGNATURE, Reader, claims
from respstream._pure.protocols.responses.fold import apply
from respstream._pure.protocols.responses.response import Folded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.protocol import NonStreamed, ParsedEvent, Protocol


class Responses:
    """The Responses API; see `respstream._pure.protocols.protocol.Protocol`."""

    api = "responses"
    routing_members: tuple[str, ...] = (LANE_FIELD,)
    url_path = URL_PATH
    end_mark = b""
    signature = SIGNATURE
    types = frozenset(name for name in EVENTS if name.startswith(PREFIX))
    claims = staticmethod(claims)
    apply = staticmethod(apply)

    def reader(self) -> Reader:
        """A reader for a new source."""
        return Reader()

    def suggests(self, members: dict[str, Any]) -> bool:
        """Whether a payload that no protocol claims is likely of this API; none is."""
        return False

    def begins(self, response: Folded, parsed: ParsedEvent) -> bool:
        """Whether an event begins a response; the effects of this API tell it, so that it is never asked."""
        return False

    def begin(self, lane: str | None, offset: int, line: int) -> Folded:
        """A new response, which begins at that position."""
        folded = Folded(lane, offset, line)
        folded.protocol = self
        return folded

    def apply_error(self, response: Folded, error: dict[str, Any]) -> None:
        """Sets the error of a response to that of an error body."""
        response.event_error = clean(error)

    def apply_whole(self, response: Folded, found: NonStreamed) -> None:
        """Sets a response to one that was not streamed."""
        response.set_base(found.members, found.raw, whole=True)

    def rows(self) -> Any:
        """The module of the rows of tables; readers of streams never need it."""
        from respstream._pure.protocols.responses import rows

        return rows


RESPONSES: Protocol = Responses()
