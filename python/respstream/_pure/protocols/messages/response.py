"""The state of one assembled message: its members, and its content.

All values can be read at any time, also while the stream runs. The interface is that of the states of other protocols
(`keys`, `member`, `json`, `output`, `texts`, `error`, `calls`, `call_text`, `call_arguments`, `tool_calls`, `id`, `status`,
`complete`), and `finish_reason`, `usage` and `pieces` for the view that all APIs share:

* texts are those of all blocks of text and of thinking, in order;
* tool calls are the calls of tools of the client and of MCP servers, not those of tools that the API runs;
* `output` has the blocks as plain values, as `json` has them in its member `content`;
* `pieces` has the texts that the latest event added: kind, text, index of the block, and for inputs id and name of the call.
"""

from __future__ import annotations

from respstream._pure.assemble import Text, expand, freeze
from respstream._pure.json import Number, clean, clean_text, dumps, loads, locate
from respstream._pure.protocols.messages import WHOLE
from respstream._pure.protocols.messages.catalogue import INCOMPLETE
from respstream._pure.protocols.messages.content import ARGUMENTS, INPUT, Block, Content
from respstream._pure.protocols.protocol import ResponseState
from respstream._pure.protocols.responses.tool_calls import Position, new_of_growing, new_of_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

Piece: TypeAlias = "tuple[str, str, int, str | None, str | None]"
CONTENT = "content"
_EMPTY = {"type": WHOLE, "role": "assistant"}  # the members of a message whose start was not seen


class Folded(ResponseState):
    """One message, assembled so far. `members`: those of the message except for its content, which is in `content`.

    `loose`: the fields that were reported as loose values. `call_changes`: counts what may change the calls.
    """

    def __init__(self, lane: str | None, offset: int, line: int) -> None:
        super().__init__(lane, offset, line)
        self.members: dict[str, Any] = {**_EMPTY}
        self.content = Content()
        self.loose: set[str] = set()
        self.pieces: list[Piece] = []
        self.call_changes = 0
        self.event_error: dict[str, Any] | None = None
        self._raw: bytes | None = None  # the message that was not streamed
        self._nodes: tuple[int, list[Block]] = (-1, [])  # the calls, with their `calls_version`
        self._texts: tuple[int, tuple[str, str | None, str, str]] | None = None  # with their `version`

    def set_whole(self, raw: bytes) -> None:
        """Sets the bytes of a message that was not streamed."""
        self._raw = raw

    def set_error(self, error: dict[str, Any]) -> None:
        """Sets the API's error."""
        self.event_error = clean(error)

    def take(self, kind: str, text: str, block: Block) -> None:
        """Takes a text that the current event adds."""
        if kind == ARGUMENTS:
            self.pieces.append((kind, text, block.index, *block.call_names()))
        else:
            self.pieces.append((kind, text, block.index, None, None))

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether its end was seen, or it was not streamed."""
        return self.terminal is not None or self.non_streamed

    @property
    def id(self) -> str | None:
        """The id of the message."""
        return _string(self.members, "id") or None

    @property
    def finish_reason(self) -> str | None:
        """Why the message stopped, None until it is known."""
        return _string(self.members, "stop_reason") or None

    @property
    def status(self) -> str | None:
        """`failed` after an error; `in_progress` until the stop reason or the end is known; `incomplete` or `completed`."""
        reason = self.finish_reason
        if self.event_error is not None:
            return "failed"
        if reason is None and not self.complete:
            return "in_progress"
        return "incomplete" if reason in INCOMPLETE else "completed"

    def usage(self) -> dict[str, Any] | None:
        """The token counts, None until they are known."""
        usage = self.members.get("usage")
        return _values(usage) if type(usage) is dict else None

    def output(self) -> list[Any]:
        """The blocks as plain values; numbers keep their text."""
        if self._raw is not None:
            found = expand(self._raw).get(CONTENT)
            return found if type(found) is list else []
        return self.content.values()

    def keys(self) -> list[str]:
        """The names of the members."""
        if self._raw is not None:
            return list(locate(self._raw))
        return list(dict.fromkeys((*self.members, CONTENT)))

    def member(self, name: str) -> bytes | None:
        """One member of the message as JSON, None if it has none of that name."""
        if self._raw is not None:
            span = locate(self._raw).get(name)
            return None if span is None else self._raw[span[0] : span[1]]
        return self._member(name) if name in self.members or name == CONTENT else None

    def _member(self, name: str) -> bytes:
        value: Any = self.output() if name == CONTENT else self.members.get(name)
        return dumps(clean(freeze(value))).encode()

    def json(self) -> bytes:
        """The whole message as JSON: the bytes as received if it was not streamed."""
        if self._raw is not None:
            return self._raw
        return b"{" + b",".join(dumps(name).encode() + b":" + self._member(name) for name in self.keys()) + b"}"

    def texts(self) -> tuple[str, str | None, str, str]:
        """Text and reasoning of all blocks; there are neither refusals nor summaries."""
        cached = self._texts
        if cached is None or cached[0] != self.version:
            found: dict[str, list[str]] = {"text": [], "reasoning": []}
            for block in self.content.ordered():
                if block.kind.text and block.kind.kind in found:
                    found[block.kind.kind].append(block.text())
            cached = self._texts = self.version, ("".join(found["text"]), None, "".join(found["reasoning"]), "")
        return cached[1]

    def error(self) -> dict[str, Any] | None:
        """The API's error."""
        return self.event_error

    # -- tool calls ------------------------------------------------------------------------------------------------

    @property
    def calls_version(self) -> int:
        """A number that changes whenever the result of `calls` may change; pieces of inputs never change it."""
        return self.call_changes

    def call_blocks(self) -> list[Block]:
        """The blocks that are calls."""
        version, blocks = self._nodes
        if version != self.call_changes:
            blocks = [block for block in self.content.ordered() if block.kind.kind == ARGUMENTS]
            self._nodes = self.call_changes, blocks
        return blocks

    def calls(self) -> list[tuple[int, str, str | None, str | None]]:
        """Rank among the calls, type, id and name of each call."""
        return [(rank, block.type or "", *block.call_names()) for rank, block in enumerate(self.call_blocks())]

    def call_text(self, rank: int, position: Position | None) -> tuple[str, Position] | None:
        """The input of a call after a position (None: all of it), and the next position.

        Returns None if there is no text, or if the position is no longer valid. Half a surrogate pair at the end is left for
        the next call.
        """
        blocks = self.call_blocks()
        if not 0 <= rank < len(blocks):
            return None
        text = blocks[rank].argument()
        if isinstance(text, Text):
            return new_of_growing(text, position)
        return new_of_whole(blocks[rank].members.get(INPUT), text, position)

    def call_arguments(self, rank: int) -> str | None:
        """The input of a call as far as it has arrived, None if there is none."""
        blocks = self.call_blocks()
        return _argument(blocks[rank]) if 0 <= rank < len(blocks) else None

    def tool_calls(self) -> list[tuple[str, str | None, str | None, str | None]]:
        """Type, id, name and input of each call."""
        return [(block.type or "", *block.call_names(), _argument(block)) for block in self.call_blocks()]


def _argument(block: Block) -> str | None:
    text = block.argument()
    return text.join() if isinstance(text, Text) else text


def _values(node: dict[str, Any]) -> dict[str, Any]:
    """An object of the tree as plain values, with numbers."""
    value: dict[str, Any] = loads(dumps(clean(freeze(node))).encode())
    return value


def _string(members: dict[str, Any], name: str) -> str | None:
    """The text of a member, None if it is missing or not a text."""
    value = members.get(name)
    return clean_text(value) if type(value) is str and not isinstance(value, Number) else None
