"""The deltas of a message."""

from __future__ import annotations

from collections import defaultdict

from respstream._pure.json import SplitPairs
from respstream._pure.protocols.messages.content import ARGUMENTS
from respstream.protocols.delta import Delta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.messages.response import Folded
    from respstream._pure.protocols.protocol import ParsedEvent


class Deltas:
    """Makes the deltas of one message."""

    def __init__(self, folded: Folded) -> None:
        self._folded = folded
        self._pairs: defaultdict[tuple[Any, ...], SplitPairs] = defaultdict(SplitPairs)

    def event(self, parsed: ParsedEvent) -> list[Delta]:
        """Those of an event, after it was applied."""
        folded, found = self._folded, []
        pieces, folded.pieces = folded.pieces, []
        for kind, text, index, call_id, name in pieces:
            whole = text if text.isascii() and not self._pairs else self._pairs[kind, index, call_id].next(text)
            if whole:
                found.append(Delta(kind, whole, 0, index, call_id, name, folded.id, "messages"))
        return found

    def end(self) -> list[Delta]:
        """Those of a message that was not streamed, inputs that came without deltas, and halves of characters."""
        folded = self._folded
        found = []
        for block in folded.content.ordered():
            kind, text = block.kind.kind, block.argument() if block.kind.kind == ARGUMENTS else block.text()
            if folded.non_streamed or (kind == ARGUMENTS and not block.taken):
                found += self._whole(kind, text, block)
        for (kind, index, call_id), pairs in self._pairs.items():
            if rest := pairs.rest():
                found.append(Delta(kind, rest, 0, index, call_id, None, folded.id, "messages"))
        return found

    def _whole(self, kind: str, text: Any, block: Any) -> list[Delta]:
        if not kind or not text or type(text) is not str:
            return []
        call_id, name = block.call_names() if kind == ARGUMENTS else (None, None)
        return [Delta(kind, text, 0, block.index, call_id, name, self._folded.id, "messages")]
