"""The rows of the tables for messages and events of Anthropic Messages."""

from __future__ import annotations

from respstream._pure.assemble import Text
from respstream._pure.json import text_member
from respstream._pure.protocols import rows
from respstream._pure.protocols.messages.catalogue import DELTAS
from respstream._pure.protocols.messages.content import Block
from respstream._pure.protocols.messages.events import INDEX
from respstream._pure.protocols.messages.response import Folded
from respstream._pure.protocols.messages.usage import TOTAL, total_of
from respstream._pure.protocols.rows import integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ResponseRow(rows.ResponseRow):
    """A row of the table `responses`."""

    __slots__ = ()

    response: Folded

    def model(self) -> str | None:
        """The name of the model."""
        return text_member(self.response.members, "model")

    def service_tier(self) -> str | None:
        """The service tier."""
        return text_member(self.usage(), "service_tier")

    def item_count(self) -> int:
        """The number of blocks."""
        return len(self.response.content.blocks)

    def usage(self) -> Any:
        """The usage object."""
        return self.response.usage()

    def tokens(self, name: str) -> int | None:
        """A number of tokens in the usage, or their sum."""
        return integer(total_of(self.usage())) if name == TOTAL else super().tokens(name)

    def error(self, name: str) -> str | None:
        """A text of the API's error; its code is its type."""
        found = super().error(name)
        return super().error("type") if found is None and name == "code" else found

    def incomplete_reason(self) -> str | None:
        """The stop reason of an incomplete message."""
        return self.response.finish_reason if self.response.status == "incomplete" else None


class BlockRow(rows.ItemRow):
    """A row of the table `items`: a block. `rank`: its position in the content."""

    __slots__ = ("_block",)

    def __init__(self, response: Folded, source: str, stream_index: int | None, rank: int, block: Block) -> None:
        super().__init__(response, source, stream_index, rank)
        self._block = block

    def type(self) -> str | None:
        """The type of the block."""
        return self._block.type

    def role(self) -> str | None:
        """The role of the message, for texts."""
        return text_member(self.response.members, "role") if self._block.kind.kind == "text" else None

    def name(self) -> str | None:
        """The name of the tool."""
        return self._block.string("name")

    def call_id(self) -> str | None:
        """The id of a call; that of the call that a result belongs to."""
        return self._block.string("id") or self._block.string("tool_use_id")

    def all_text(self) -> str | None:
        """The text of the block."""
        return self._block.text() or None

    def arguments(self) -> str | None:
        """The input of a call as text."""
        text = self._block.argument()
        return text.join() if isinstance(text, Text) else text


class EventRow(rows.EventRow):
    """A row of the table `events`."""

    __slots__ = ()

    def output_index(self) -> int | None:
        """The index of the block."""
        return None if self.event.indexes is None else self.event.indexes.get(INDEX)

    def delta(self) -> str | None:
        """The text of the delta."""
        if self.event.entry is None or self.event.entry.op != "block_delta":
            return None
        delta = self.event.members.get("delta")
        rule = DELTAS.get(text_member(delta, "type") or "")
        return None if rule is None or rule.op not in ("append", "input") else text_member(delta, rule.member)


def item_rows(response: Folded, source: str, stream_index: int | None) -> list[rows.ItemRow]:
    """The rows of the table `items` of one message: its blocks."""
    return [
        BlockRow(response, source, stream_index, rank, block) for rank, block in enumerate(response.content.ordered())
    ]
