"""The state of one assembled completion: the members of its chunks, and its choices.

All values can be read at any time, also while the stream runs. The interface is that of the states of other protocols
(`keys`, `member`, `json`, `output`, `texts`, `error`, `calls`, `call_text`, `call_arguments`, `tool_calls`, `id`, `status`,
`complete`), and `finish_reason`, `usage` and `pieces` for the view that all APIs share:

* texts, tool calls, status and finish reason are those of the choice with index 0; `choices` has all of them;
* `output` has the choices as plain values, as `json` has them in its member `choices`;
* `usage` is the last one that a chunk had, also that of Groq's `x_groq`;
* `pieces` has the texts that the latest event added: kind, text, index of the choice, and for arguments of tools index, id
  and name of the call.
"""

from __future__ import annotations

from respstream._pure.assemble import SparseList, Text, expand, freeze
from respstream._pure.json import clean, clean_text, dumps, join_text, loads, locate
from respstream._pure.protocols.chat import CHUNK, END_MARK, WHOLE
from respstream._pure.protocols.chat.choice import Choice, facts_of
from respstream._pure.protocols.chat.tool_calls import text_place
from respstream._pure.protocols.protocol import ResponseState
from respstream._pure.protocols.responses.tool_calls import Position, new_of_growing, new_of_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

Piece: TypeAlias = "tuple[str, str, int, int | None, str | None, str | None]"
Cursor: TypeAlias = "tuple[str, Choice, dict[str, Any], tuple[Text, ...]]"
"""What the next chunk may continue: the member of its delta, the choice, that chunk's choice, and the texts that grow."""
FIRST = ("id", "object", "created", "model", "choices")  # members that come first in the completion
ADDED = ("object", "choices", "system_fingerprint")
INCOMPLETE = ("length", "content_filter")
FAILED = "error"


class Folded(ResponseState):
    """One completion, assembled so far. `members`: those of the chunks except for the choices."""

    def __init__(self, lane: str | None, offset: int, line: int) -> None:
        super().__init__(lane, offset, line)
        self.members: dict[str, Any] = {}
        self.choices = SparseList(None)
        self.chunks = 0
        self.unfinished = 0  # choices without a finish reason
        self.id_changed = False
        self.loose: set[str] = set()  # the members that were reported as loose values
        self.rest: dict[str, Any] | None = None  # the members of the previous chunk, if repeating them changes nothing
        self.cursor: Cursor | None = None
        self.pieces: list[Piece] = []
        self.event_error: dict[str, Any] | None = None
        self._raw: bytes | None = None  # the completion that was not streamed
        self._nodes: tuple[int, list[tuple[dict[str, Any], str]]] = (-1, [])  # with their `calls_version`
        self._texts: tuple[int, tuple[str, str | None, str, str]] | None = None  # with their `version`

    def set_whole(self, raw: bytes) -> None:
        """Sets the bytes of a completion that was not streamed; its members are merged as those of a chunk."""
        self._raw = raw

    def choice(self, index: int) -> Choice:
        """The choice with that index; a missing one is created."""
        choice: Choice | None = self.choices.get(index)
        if choice is None:
            choice = self.choices[index] = Choice(index)
            self.unfinished += 1
        return choice

    def end(self) -> None:
        """Takes the end mark."""
        super().end()
        if self.terminal is None:
            self.terminal = END_MARK

    def check_finished(self) -> None:
        """Sets the terminal event to a chunk if all choices have finished."""
        if self.choices and not self.unfinished:
            self.terminal = CHUNK
        elif self.terminal == CHUNK:
            self.terminal = None

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether all choices have finished, or the end mark was seen."""
        return self.terminal is not None or self.ended

    @property
    def settled(self) -> bool:
        """Whether no further chunk is expected: it has ended, or all choices have finished and the usage is known."""
        return self.ended or (self.terminal is not None and self._usage() is not None)

    @property
    def complete(self) -> bool:
        """Whether all choices finished, the end mark was seen, or the completion was not streamed."""
        return self.terminal is not None or self.non_streamed

    @property
    def id(self) -> str | None:
        """The first id that is not empty."""
        return _string(self.members, "id") or None

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended, None until then."""
        choice = self.choices.get(0)
        return None if choice is None else choice.finish_reason

    @property
    def status(self) -> str | None:
        """`failed` after an error, else `in_progress` until all choices have finished, then `incomplete` or `completed`."""
        reason = self.finish_reason
        if reason == FAILED or self.error() is not None:
            return "failed"
        if not self.complete:
            return "in_progress"
        return "incomplete" if reason in INCOMPLETE else "completed"

    def usage(self) -> dict[str, Any] | None:
        """The token counts, None until they are known."""
        usage = self._usage()
        return None if usage is None else _values(usage)

    def _usage(self) -> dict[str, Any] | None:
        groq = self.members.get("x_groq")
        for value in (self.members.get("usage"), groq.get("usage") if type(groq) is dict else None):
            if type(value) is dict:
                return value
        return None

    def output(self) -> list[Any]:
        """The choices as plain values; numbers keep their text."""
        if self._raw is not None:
            found = expand(self._raw).get("choices")
            return found if type(found) is list else []
        return [self.choices[index].value() for index in sorted(self.choices)]

    def keys(self) -> list[str]:
        """The names of the members."""
        if self._raw is not None:
            return list(locate(self._raw))
        names = dict.fromkeys((*FIRST, *self.members, "system_fingerprint", "usage"))
        return [name for name in names if self._has(name)]

    def _has(self, name: str) -> bool:
        """Whether the completion has a member. The SDK adds some that no chunk had, as null."""
        return name in self.members or name in ADDED or (name == "usage" and self.chunks > 1)

    def member(self, name: str) -> bytes | None:
        """One member of the completion as JSON, None if it has none of that name."""
        if self._raw is not None:
            span = locate(self._raw).get(name)
            return None if span is None else self._raw[span[0] : span[1]]
        return self._member(name) if self._has(name) else None

    def _member(self, name: str) -> bytes:
        value: Any = self.members.get(name)
        if name == "object":
            value = WHOLE
        elif name == "choices":
            value = self.output()
        return dumps(clean(freeze(value))).encode()

    def json(self) -> bytes:
        """The whole completion as JSON: the bytes as received if it was not streamed."""
        if self._raw is not None:
            return self._raw
        return b"{" + b",".join(dumps(name).encode() + b":" + self._member(name) for name in self.keys()) + b"}"

    def texts(self) -> tuple[str, str | None, str, str]:
        """Text, refusal and reasoning of the first choice; the last is empty: there are no summaries."""
        cached = self._texts
        if cached is None or cached[0] != self.version:
            choice = self.choices.get(0)
            found = ("", None, "", "")
            if choice is not None:
                found = choice.text.join(), choice.refusal, choice.reasoning.join(), ""
            cached = self._texts = self.version, found
        return cached[1]

    def error(self) -> dict[str, Any] | None:
        """The API's error: that of a chunk, else that of an error body."""
        own = self.members.get("error")
        if type(own) is str and own:
            return {"message": clean_text(own)}
        return _values(own) if type(own) is dict else self.event_error

    # -- tool calls ------------------------------------------------------------------------------------------------

    @property
    def calls_version(self) -> int:
        """A number that changes whenever the result of `calls` may change; pieces of arguments never change it."""
        choice: Choice | None = self.choices.get(0)
        if choice is None:
            return 0
        return len(choice.calls.tree) + choice.calls.changes + ("function_call" in choice.message)

    def _call_nodes(self) -> list[tuple[dict[str, Any], str]]:
        version, nodes = self._nodes
        if version != self.calls_version:
            choice = self.choices.get(0)
            nodes = [] if choice is None else choice.call_nodes()
            self._nodes = self.calls_version, nodes
        return nodes

    def calls(self) -> list[tuple[int, str, str | None, str | None]]:
        """Rank, type, id and name of each call of the first choice."""
        return [(rank, *facts_of(node, kind)) for rank, (node, kind) in enumerate(self._call_nodes())]

    def call_text(self, rank: int, position: Position | None) -> tuple[str, Position] | None:
        """The arguments of a call after a position (None: all of them), and the next position.

        Returns None if there is no text, or if the position is no longer valid. Half a surrogate pair at the end is left for
        the next call.
        """
        text = self._call_node(rank)
        return new_of_growing(text, position) if isinstance(text, Text) else new_of_whole(text, text, position)

    def call_arguments(self, rank: int) -> str | None:
        """The arguments of a call as far as they have arrived, None if there are none."""
        text = self._call_node(rank)
        if isinstance(text, Text):
            return text.join()
        return join_text([text]) if type(text) is str else None

    def _call_node(self, rank: int) -> Any:
        nodes = self._call_nodes()
        if not 0 <= rank < len(nodes):
            return None
        inner, member = text_place(nodes[rank][0])
        return inner.get(member)

    def tool_calls(self) -> list[tuple[str, str | None, str | None, str | None]]:
        """Type, id, name and arguments of each call of the first choice."""
        return [(kind, ident, name, self.call_arguments(rank)) for rank, kind, ident, name in self.calls()]


def _values(node: dict[str, Any]) -> dict[str, Any]:
    """An object of the tree as plain values, with numbers."""
    value: dict[str, Any] = loads(dumps(clean(freeze(node))).encode())
    return value


def _string(members: dict[str, Any], name: str) -> str | None:
    """The text of a member, None if it is missing or not a text."""
    value = members.get(name)
    return clean_text(value) if type(value) is str else None
