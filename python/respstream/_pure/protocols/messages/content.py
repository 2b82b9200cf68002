"""The content of a message while it is assembled: its blocks, and which block a delta is about.

Blocks are routed by their index. A second block at a taken index, and one that is made for a delta that fits no block at its
index, come right behind the blocks at that index.
"""

from __future__ import annotations

from respstream._pure.assemble import SparseList, Text, freeze
from respstream._pure.json import clean_text
from respstream._pure.protocols.messages.catalogue import BLOCKS, BlockKind
from respstream._pure.protocols.messages.inputs import json_text, parse_input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BLOCKS_PER_INDEX = 65_536
INPUT = "input"
EMPTY = "{}"
"""The text of an input without members."""
ARGUMENTS = "tool_arguments"
"""The kind of blocks that are tool calls."""
_OTHER = BlockKind("", "", "")


class Block:
    """One block. `members`: its tree; `input`: the JSON text that was streamed, None if no delta of it came.

    `stopped`: its end was seen. `checked`: the text of the input was checked, and is checked again only at the end of the
    message. `reported`: it was reported as invalid. `taken`: the deltas have the whole input. `names`: the id and the name of
    the call, as far as they were read.
    """

    __slots__ = ("checked", "index", "input", "key", "members", "names", "reported", "stopped", "taken", "type")

    def __init__(self, key: int, members: dict[str, Any], kind: str | None) -> None:
        self.key, self.index = key, key // BLOCKS_PER_INDEX
        self.members, self.type = members, kind
        self.input: Text | None = None
        self.names: tuple[str | None, str | None] | None = None
        self.stopped = self.checked = self.reported = self.taken = False

    @property
    def kind(self) -> BlockKind:
        """What the catalogue knows of its type."""
        return BLOCKS.get(self.type or "", _OTHER)

    def text(self) -> str:
        """Its text, "" if it has none."""
        return _text(self.members.get(self.kind.text)) or ""

    def string(self, name: str) -> str | None:
        """A member that is a text, None for anything else."""
        return _text(self.members.get(name))

    def call_names(self) -> tuple[str | None, str | None]:
        """The id and the name of a call."""
        if self.names is None:
            self.names = self.string("id"), self.string("name")
        return self.names

    def value(self) -> dict[str, Any]:
        """The block as plain values; numbers keep their text. An input that is not JSON is its text."""
        value: dict[str, Any] = freeze(self.members)
        if self.input is not None:
            text = self.input.join()
            if text:
                valid, parsed = parse_input(text)
                value[INPUT] = parsed if valid else text
            elif value.get(INPUT) in (None, ""):
                value[INPUT] = {}
        return value

    def argument(self) -> Any:
        """The text of the input, as far as it has arrived: one that grows, a whole one, or None.

        An empty input counts once the block has stopped: until then its text may still come.
        """
        if self.input is not None and self.input.is_filled():
            return self.input
        given = self.members.get(INPUT)
        if given in (None, "", {}):
            return EMPTY if self.stopped and (self.input is not None or INPUT in self.members) else None
        return clean_text(given) if type(given) is str else json_text(freeze(given))


def _text(node: Any) -> str | None:
    if isinstance(node, Text):
        return node.join()
    return clean_text(node) if type(node) is str else None


class Content:
    """The blocks of one message. Keys are `index` * BLOCKS_PER_INDEX + the number of earlier blocks with that index.

    `unchecked`: the blocks whose input has grown since it was checked, by key.
    """

    __slots__ = ("_at_index", "_by_type", "blocks", "latest", "unchecked")

    def __init__(self) -> None:
        self.blocks = SparseList(None)
        self.latest: Block | None = None
        self.unchecked: dict[int, Block] = {}
        self._at_index: dict[int, Block] = {}  # the latest block of each index
        self._by_type: dict[tuple[int, str | None], Block] = {}  # the latest of each index and type

    def add(self, index: int | None, members: dict[str, Any], kind: str | None) -> tuple[Block, bool]:
        """Adds a block; returns it, and whether its index was taken. `index`: None for the one after the last."""
        if index is None:
            index = min(self.blocks.top // BLOCKS_PER_INDEX + 1, BLOCKS_PER_INDEX - 1)
        before = self._at_index.get(index)
        first = index * BLOCKS_PER_INDEX
        key = first if before is None else min(before.key + 1, first + BLOCKS_PER_INDEX - 1)
        block = self.blocks[key] = self.latest = self._at_index[index] = Block(key, members, kind)
        self._by_type[index, kind] = block
        return block, before is not None

    def at(self, index: int | None) -> Block | None:
        """The latest block at an index; without an index the latest of all."""
        return self.latest if index is None else self._at_index.get(index)

    def fitting(self, index: int | None, types: tuple[str, ...]) -> Block | None:
        """The block at an index that deltas for blocks of these types fit, the latest first."""
        block = self.at(index)
        if block is None or block.type is None or block.type in types or block.type not in BLOCKS:
            return block
        return next((found for kind in types if (found := self._by_type.get((block.index, kind))) is not None), None)

    def set_type(self, block: Block, kind: str) -> None:
        """Sets the type of a block that has none."""
        block.type = block.members["type"] = kind
        self._by_type[block.index, kind] = block

    def values(self) -> list[dict[str, Any]]:
        """The blocks as plain values."""
        return [self.blocks[key].value() for key in sorted(self.blocks)]

    def ordered(self) -> list[Block]:
        """The blocks in order."""
        return [self.blocks[key] for key in sorted(self.blocks)]
