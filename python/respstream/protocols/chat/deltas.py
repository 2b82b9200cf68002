"""The deltas of a completion."""

from __future__ import annotations

from collections import defaultdict

from respstream._pure.assemble import text_of
from respstream._pure.json import SplitPairs
from respstream._pure.protocols.chat.choice import facts_of
from respstream._pure.protocols.chat.tool_calls import text_place
from respstream.protocols.delta import Delta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.chat.response import Folded
    from respstream._pure.protocols.protocol import ParsedEvent


class Deltas:
    """Makes the deltas of one completion."""

    def __init__(self, folded: Folded) -> None:
        self._folded = folded
        self._pairs: defaultdict[tuple[Any, ...], SplitPairs] = defaultdict(SplitPairs)

    def event(self, parsed: ParsedEvent) -> list[Delta]:
        """Those of a chunk, after it was applied."""
        folded, found = self._folded, []
        pieces, folded.pieces = folded.pieces, []
        for kind, text, choice, index, call_id, name in pieces:
            whole = text if text.isascii() and not self._pairs else self._pairs[kind, choice, index, call_id].next(text)
            if whole:
                found.append(Delta(kind, whole, choice, index, call_id, name, folded.id, "chat"))
        return found

    def end(self) -> list[Delta]:
        """Those of a completion that was not streamed, and halves of characters."""
        folded = self._folded
        found = self._whole() if folded.non_streamed else []
        for (kind, choice, index, call_id), pairs in self._pairs.items():
            if rest := pairs.rest():
                found.append(Delta(kind, rest, choice, index, call_id, None, folded.id, "chat"))
        return found

    def _whole(self) -> list[Delta]:
        ident, found = self._folded.id, []
        for number in sorted(self._folded.choices):
            choice = self._folded.choices[number]
            texts = (("reasoning", choice.reasoning.join()), ("text", choice.text.join()), ("refusal", choice.refusal))
            found += [Delta(kind, text, number, None, None, None, ident, "chat") for kind, text in texts if text]
            for index, node in enumerate(choice.call_nodes()):
                _, call_id, name = facts_of(*node)
                inner, member = text_place(node[0])
                if text := text_of(inner.get(member)):
                    found.append(Delta("tool_arguments", text, number, index, call_id, name, ident, "chat"))
        return found
