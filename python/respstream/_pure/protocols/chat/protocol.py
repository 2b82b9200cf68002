"""Chat Completions as a protocol for `lanes` and `decoder`."""

from __future__ import annotations

from respstream._pure.json import clean
from respstream._pure.protocols.chat import URL_PATH
from respstream._pure.protocols.chat.events import SIGNATURE, Reader, claims
from respstream._pure.protocols.chat.fold import apply, apply_whole
from respstream._pure.protocols.chat.response import Folded
from respstream._pure.protocols.chat.routing import begins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.protocol import NonStreamed, Protocol


class Chat:
    """Chat Completions; see `respstream._pure.protocols.protocol.Protocol`."""

    api = "chat"
    routing_members: tuple[str, ...] = ("choices",)
    url_path = URL_PATH
    end_mark = b"data: [DONE]\n\n"
    signature = SIGNATURE
    types = frozenset[str]()
    claims = staticmethod(claims)
    apply = staticmethod(apply)
    begins = staticmethod(begins)

    def reader(self) -> Reader:
        """A reader for a new source."""
        return Reader()

    def suggests(self, members: dict[str, Any]) -> bool:
        """Whether a payload that no protocol claims is likely of this API; none is."""
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
        apply_whole(response, found)

    def rows(self) -> Any:
        """The module of the rows of tables; readers of streams never need it."""
        from respstream._pure.protocols.chat import rows

        return rows


CHAT: Protocol = Chat()
