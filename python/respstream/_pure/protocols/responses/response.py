"""The state of one assembled response: the response object of its lifecycle events, and its items.

The terminal response, and items that no delta has changed, are stored as the bytes of the wire. All values can be read at
any time, also while the stream runs.
"""

from __future__ import annotations

from respstream._pure.assemble import Text
from respstream._pure.json import clean, join_text, locate, located, parse_exact, text_member
from respstream._pure.protocols.protocol import ResponseState
from respstream._pure.protocols.responses.identities import Identities
from respstream._pure.protocols.responses.item import Item
from respstream._pure.protocols.responses.texts import list_of
from respstream._pure.protocols.responses.tool_calls import (
    KINDS,
    Call,
    Position,
    argument_of,
    argument_text,
    call_of,
    members_of,
    new_of_growing,
    new_of_whole,
    raw_argument_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Folded(ResponseState):
    """One response, assembled so far."""

    def __init__(self, lane: str | None, offset: int, line: int) -> None:
        super().__init__(lane, offset, line)
        self.changes = 0  # how often an event replaced an item or the output
        self.has_final = False  # a terminal event had the whole response
        self.id_changed = False
        self.base: dict[str, Any] = {}  # the response object of the last lifecycle event
        self.items: dict[int, Item] = {}
        self.identities = Identities(self.items)
        self.loose: set[str] = set()  # the fields that were reported as loose values
        # The target of the previous delta: entry, indexes, item id, text. Any other event resets it.
        self.cursor: tuple[Any, dict[str, int], str | None, Text] | None = None
        self.side: dict[str, Text] = {}
        self.event_error: dict[str, Any] | None = None
        self.rebuilt: list[Item] | None = None  # the output, if it differs from the terminal one
        self._ranks: tuple[int, list[tuple[Item | None, Any]]] = (-1, [])  # with their `calls_version`
        self._texts: tuple[int, tuple[str, str | None, str, str]] | None = None  # with their `version`
        self._base_raw: bytes | None = None
        self._base_in: bytes | None = None  # the payload that contains the base

    def set_base(self, members: dict[str, Any], raw: bytes, *, whole: bool = False) -> None:
        """Sets the response object. `raw`: the payload of the lifecycle event, or with `whole` the response itself."""
        self.base = members
        self._base_raw, self._base_in = (raw, None) if whole else (None, raw)

    def base_raw(self) -> bytes | None:
        """The bytes of the last response object."""
        if self._base_raw is None and self._base_in is not None:
            start, end = locate(self._base_in)["response"]
            self._base_raw = self._base_in[start:end]
        return self._base_raw

    def folded_items(self) -> list[Item]:
        """The streamed items in output order."""
        return [self.items[index] for index in sorted(self.items)]

    def _has_own_output(self) -> bool:
        """Whether the output is that of the base: of the terminal response, or because no item was streamed."""
        if self.non_streamed or self.has_final:
            return self.rebuilt is None
        return not self.items and (self._base_raw is not None or self._base_in is not None)

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether a terminal event was seen, or the response was not streamed."""
        return self.terminal is not None or (self.non_streamed and self.status not in ("queued", "in_progress"))

    @property
    def id(self) -> str | None:
        """The id in the last response object."""
        return text_member(self.base, "id")

    @property
    def status(self) -> str | None:
        """The status in the last response object; for a terminal event without one, the status in its type."""
        if self.terminal is not None and not self.has_final and self.terminal != "response.done":
            return self.terminal.removeprefix("response.")
        return text_member(self.base, "status")

    def output(self) -> list[Any]:
        """The items as plain values."""
        if self._has_own_output():
            return self._own_output()
        return [item.value() for item in self._built_items()]

    def _own_output(self) -> list[Any]:
        """The output of the base. Numbers keep their text if the arguments of a call are an object."""
        own = self.base.get("output")
        if not isinstance(own, list):
            return []
        objects = any(type(argument) is dict for argument in map(raw_argument_of, own))
        exact: list[Any] = parse_exact(self.own_output_json()) if objects else own
        return exact

    def _built_items(self) -> list[Item]:
        """The items of an output that is not that of the base."""
        return self.folded_items() if self.rebuilt is None else self.rebuilt

    def output_json(self) -> bytes:
        """The member `output` as JSON."""
        if self._has_own_output():
            return self.own_output_json()
        return b"[" + b",".join(item.json() for item in self._built_items()) + b"]"

    def own_output_json(self) -> bytes:
        """The member `output` of the base as JSON, an empty list if there is none."""
        raw = self.base_raw()
        span = locate(raw).get("output") if raw else None
        return raw[span[0] : span[1]] if raw and span else b"[]"

    def json(self) -> bytes:
        """The whole response as JSON: the bytes of the terminal response unless items had to be recovered."""
        raw = self.base_raw()
        if raw is None:
            return b'{"output":' + self.output_json() + b"}"
        if self._has_own_output():
            return raw
        spans = locate(raw)
        if "output" in spans:
            start, end = spans["output"]
            return raw[:start] + self.output_json() + raw[end:]
        comma = b"," if spans else b""
        return raw.rstrip()[:-1] + comma + b'"output":' + self.output_json() + b"}"

    def member(self, name: str) -> bytes | None:
        """One member of the response as JSON, None if it has none of that name."""
        if name == "output":
            return self.output_json() if "output" in self.keys() else None
        raw = self.base_raw()
        span = located(raw).get(name) if raw else None
        return raw[span[0] : span[1]] if raw and span else None

    def keys(self) -> list[str]:
        """The names of the members."""
        raw = self.base_raw()
        names = list(located(raw)) if raw else []
        return names if "output" in names or self._has_own_output() else [*names, "output"]

    def texts(self) -> tuple[str, str | None, str, str]:
        """Output text, refusal, reasoning text and reasoning summary."""
        cached = self._texts
        if cached is None or cached[0] != self.version:
            cached = self._texts = self.version, texts_of(self.output())
        return cached[1]

    def tool_calls(self) -> list[tuple[str, str | None, str | None, str | None]]:
        """Type, call id, name and arguments of each function, custom and MCP call."""
        calls: list[tuple[str, str | None, str | None, str | None]] = []
        for item in self.output():
            kind = text_member(item, "type")
            if kind in KINDS:
                calls.append((kind, text_member(item, "call_id"), text_member(item, "name"), argument_text(item)))
        return calls

    # -- tool calls while they grow --------------------------------------------------------------------------------

    @property
    def calls_version(self) -> int:
        """A number that changes whenever the result of `calls` may change; deltas never change it."""
        return self.changes + len(self.items)

    def _ranked(self) -> list[tuple[Item | None, Any]]:
        """The output in order: each element is a streamed item, or a value of the base."""
        version, ranked = self._ranks
        if version == self.calls_version:
            return ranked
        fresh: list[tuple[Item | None, Any]]
        if self._has_own_output():
            fresh = [(None, value) for value in self._own_output()]
        else:
            fresh = [(item, None) for item in self._built_items()]
        self._ranks = self.calls_version, fresh
        return fresh

    def calls(self) -> list[Call]:
        """Rank in the output, type, call id and name of each function, custom and MCP call."""
        found = (
            call_of(rank, value if item is None else members_of(item.raw, item.tree))
            for rank, (item, value) in enumerate(self._ranked())
        )
        return [call for call in found if call is not None]

    def call_text(self, rank: int, position: Position | None) -> tuple[str, Position] | None:
        """The arguments of the call of that rank after a position (None: all of them), and the next position.

        Returns None if there is no text, or if the position is no longer valid. Half a surrogate pair at the end is left for
        the next call.
        """
        ranked = self._ranked()
        if not 0 <= rank < len(ranked):
            return None
        item, value = ranked[rank]
        if item is not None and item.tree is None:
            if position is not None:
                return ("", position) if position.source is item.raw else None
            return new_of_whole(item.raw, argument_of(members_of(item.raw, None)), None)
        text = argument_of(value if item is None else item.tree)
        if (
            isinstance(text, Text) and self.rebuilt is not None
        ):  # the response has ended: half a pair gets no other half
            return new_of_whole(self.rebuilt, text.join(), position)
        return new_of_growing(text, position) if isinstance(text, Text) else new_of_whole(text, text, position)

    def call_arguments(self, rank: int) -> str | None:
        """The arguments of the call of that rank as far as they have arrived, None if there are none."""
        ranked = self._ranked()
        if not 0 <= rank < len(ranked):
            return None
        item, value = ranked[rank]
        found = argument_of(value if item is None else members_of(item.raw, item.tree))
        if isinstance(found, Text):
            return found.join()
        return join_text([found]) if type(found) is str else None

    def error(self) -> dict[str, Any] | None:
        """The API's error: that of the response object, else that of an `error` event or error body."""
        own = self.base.get("error")
        if isinstance(own, str) and own:
            own = {"message": own}
        return clean(own) if isinstance(own, dict) else self.event_error


def texts_of(items: list[Any]) -> tuple[str, str | None, str, str]:
    """Output text, refusal, reasoning text and reasoning summary of some items."""
    found: tuple[list[str], list[str], list[str], list[str]] = ([], [], [], [])
    for item in items:
        kind = text_member(item, "type")
        for part in list_of(item, "content"):
            if kind == "reasoning":
                _collect(found[2], part, "text")
            elif kind == "message" and text_member(part, "type") == "output_text":
                _collect(found[0], part, "text")
            elif kind == "message" and text_member(part, "type") == "refusal":
                _collect(found[1], part, "refusal")
        if kind == "reasoning":
            for part in list_of(item, "summary"):
                _collect(found[3], part, "text")
    refusal = "".join(found[1]) if found[1] else None
    return "".join(found[0]), refusal, "".join(found[2]), "\n\n".join(found[3])


def _collect(found: list[str], part: Any, key: str) -> None:
    text = text_member(part, key)
    if text is not None:
        found.append(text)
