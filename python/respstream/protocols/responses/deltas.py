"""The deltas of a response of the Responses API."""

from __future__ import annotations

from respstream._pure.protocols.responses.identities import index_of
from respstream.protocols.delta import Delta
from respstream.protocols.parsed import make_event
from respstream.protocols.payload import decode
from respstream.protocols.responses.text_events import CALL, MESSAGE, REASONING, Part, kind_of
from respstream.protocols.responses.text_stream import TextReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from respstream._pure.protocols.protocol import ParsedEvent
    from respstream._pure.protocols.responses.response import Folded
_KINDS = {MESSAGE: "text", REASONING: "reasoning", CALL: "tool_arguments"}


class Deltas:
    """Makes the deltas of one response."""

    def __init__(self, folded: Folded) -> None:
        self._folded = folded
        self._texts = _Texts(folded)

    def event(self, parsed: ParsedEvent) -> list[Delta]:
        """Those of an event, after it was applied."""
        if parsed.entry is None:
            return []
        self._texts.take(make_event(parsed))
        return self._texts.taken()

    def end(self) -> list[Delta]:
        """Those that only the whole response has."""
        output = self._folded.member("output")
        self._texts.reconcile(None if output is None else decode(output, "output"))
        self._texts.finish()
        return self._texts.taken()


class _Texts(TextReader):
    def __init__(self, folded: Folded) -> None:
        super().__init__(frozenset(_KINDS))
        self._folded = folded
        self._found: list[Delta] = []

    def taken(self) -> list[Delta]:
        """The deltas since the last call."""
        found, self._found = self._found, []
        return found

    def write(self, key: int, part: Part | None, text: str) -> None:
        """Takes new text of a part of an item."""
        if part is None or not text:
            return
        item = self.items[key]
        kind = "refusal" if part.member == "refusal" else _KINDS[kind_of(item.kind)]
        index = index_of(key) if key >= 0 else -1 - key  # of an item that was not streamed
        call_id, name = (item.call_id, item.name) if kind == "tool_arguments" else (None, None)
        self._found.append(Delta(kind, text, 0, index, call_id, name, self._folded.id, "responses"))
