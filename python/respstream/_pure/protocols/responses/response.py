"""The state of one folded response: what its lifecycle events said, its items, and what can be read of them.

The terminal response is kept as the bytes it came in; items that nothing has touched since they came whole are too.
Everything here may be read at any time, also while the stream runs.
"""

from __future__ import annotations

from array import array

from respstream._alone import RLock, alone
from respstream._pure.calls import Call, Position, argument_of, call_of, members_of, new_of_growing, new_of_whole
from respstream._pure.json import Number, clean, dumps, join_text, locate, parse_exact
from respstream._pure.tree import Text, expand, freeze
from respstream.base import Values
from respstream.diagnostics import Diagnostic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Item:
    """One item of the output: the bytes of the whole item, or a tree that deltas have touched."""

    __slots__ = ("final", "id", "id_changed", "odd", "raw", "tree")

    def __init__(self, raw: bytes | None, tree: dict[str, Any] | None) -> None:
        self.raw, self.tree = raw, tree
        self.final = False
        self.id: str | None = None
        self.id_changed = False
        self.odd: set[str] = set()  # the paths whose texts were found to disagree

    def put(self, raw: bytes, *, final: bool) -> None:
        """Replaces the item by a whole one."""
        self.raw, self.tree, self.final = raw, None, final

    def grown(self) -> dict[str, Any]:
        """The tree, to be written to."""
        if self.tree is None:
            self.tree = expand(self.raw or b"{}")
            self.raw = None
        return self.tree

    def value(self) -> dict[str, Any]:
        """The item as plain values; numbers keep their text."""
        value: dict[str, Any] = freeze(self.tree) if self.tree is not None else parse_exact(self.raw or b"{}")
        return value

    def json(self) -> bytes:
        """The item as JSON."""
        return self.raw if self.raw is not None else dumps(clean(freeze(self.tree))).encode()


class Folded(Values):
    """One response, folded so far."""

    def __init__(self, lane: str | None, offset: int, line: int) -> None:
        self.lane = lane
        self.byte_start = self.byte_end = offset
        self.line = line
        self.stream_index: int | None = None
        self.events = self.deltas = 0
        self.first_sequence: int | None = None
        self.last_sequence: int | None = None
        self.previous: tuple[int | None, bytes] | None = None  # number and bytes of the event before
        self.diagnostics: list[Diagnostic] = []
        self.version = 0
        self.changes = 0  # how often an item or the output was given anew
        self.terminal: str | None = None
        self.ended = False  # by a terminal event or the end mark
        self.plain = False
        self.settled = False  # a terminal event told the whole response
        self.id_changed = False
        self.base: dict[str, Any] = {}
        self.items: dict[int, Item] = {}
        self.top = -1  # the last index of an item
        self.latest = 0
        # Where the last delta went: entry, indexes, item id, text. Any other event that is folded forgets it.
        self.cursor: tuple[Any, dict[str, int], str | None, Text] | None = None
        self.side: dict[str, Text] = {}
        self.event_error: dict[str, Any] | None = None
        self.recovered: list[Item] | None = None
        self.first_delta_at: float | None = None
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.delta_times: array[float] = array("d")  # where there is a clock
        self._ranks: tuple[int, list[tuple[Item | None, Any]]] = (-1, [])  # of which `calls_version`
        self._base_raw: bytes | None = None
        self._base_in: bytes | None = None  # the payload whose member `response` is the base

    def set_base(self, members: dict[str, Any], raw: bytes, *, whole: bool = False) -> None:
        """Takes over what a lifecycle event says; `raw` is its payload, or with `whole` the response itself."""
        self.base = members
        self._base_raw, self._base_in = (raw, None) if whole else (None, raw)

    def add_item(self, index: int, item: Item) -> Item:
        """Takes a new item."""
        self.items[index] = item
        self.top = max(self.top, index)
        return item

    def base_raw(self) -> bytes | None:
        """The bytes of the last lifecycle response."""
        if self._base_raw is None and self._base_in is not None:
            start, end = locate(self._base_in)["response"]
            self._base_raw = self._base_in[start:end]
        return self._base_raw

    def folded_items(self) -> list[Item]:
        """The streamed items in output order."""
        return [self.items[index] for index in sorted(self.items)]

    def _kept(self) -> bool:
        """Whether the output is the base's own: the terminal one, or nothing was streamed."""
        if self.plain or self.settled:
            return self.recovered is None
        return not self.items and self._base_in is not None

    # -- what is read ----------------------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether a terminal event was seen, or the response came whole."""
        return self.terminal is not None or (self.plain and self.status not in ("queued", "in_progress"))

    @property
    def id(self) -> str | None:
        """The id in the last lifecycle response."""
        return _text(self.base, "id")

    @property
    def status(self) -> str | None:
        """The status in the last lifecycle response. A terminal event that has none tells it by its type."""
        if self.terminal is not None and not self.settled and self.terminal != "response.done":
            return self.terminal.removeprefix("response.")
        return _text(self.base, "status")

    def output(self) -> list[Any]:
        """The items as plain values."""
        own = self.base.get("output")
        own = own if isinstance(own, list) else []
        if self._kept():
            return own
        if self.recovered is not None:
            return [*own, *(item.value() for item in self.recovered)]
        return [item.value() for item in self.folded_items()]

    def output_json(self) -> bytes:
        """The member `output` as JSON."""
        raw = self.base_raw()
        span = locate(raw).get("output") if raw else None
        own = raw[span[0] : span[1]] if raw and span else b"[]"
        if self._kept():
            return own
        if self.recovered is None:
            return b"[" + b",".join(item.json() for item in self.folded_items()) + b"]"
        tail = b",".join(item.json() for item in self.recovered)
        extends = isinstance(self.base.get("output"), list) and self.base["output"]
        return own[:-1] + b"," + tail + b"]" if extends else b"[" + tail + b"]"

    def json(self) -> bytes:
        """The whole response as JSON: the terminal one as it came unless items had to be recovered."""
        raw = self.base_raw()
        if raw is None:
            return b'{"output":' + self.output_json() + b"}"
        if self._kept():
            return raw
        spans = locate(raw)
        if "output" in spans:
            start, end = spans["output"]
            return raw[:start] + self.output_json() + raw[end:]
        comma = b"," if spans else b""
        return raw.rstrip()[:-1] + comma + b'"output":' + self.output_json() + b"}"

    def member(self, name: str) -> bytes | None:
        """One member of the response as JSON, None where there is none."""
        if name == "output":
            return self.output_json() if "output" in self.keys() else None
        raw = self.base_raw()
        span = locate(raw).get(name) if raw else None
        return raw[span[0] : span[1]] if raw and span else None

    def keys(self) -> list[str]:
        """The names of the members."""
        raw = self.base_raw()
        names = list(locate(raw)) if raw else []
        return names if "output" in names or self._kept() else [*names, "output"]

    def texts(self) -> tuple[str, str | None, str, str]:
        """Output text, refusal, reasoning text and reasoning summary."""
        made = self.made()
        texts: tuple[str, str | None, str, str] | None = made.get(None)
        if texts is None:
            texts = made[None] = texts_of(self.output())
        return texts

    def tool_calls(self) -> list[tuple[str, str | None, str | None, str | None]]:
        """Type, call id, name and arguments of each function, custom and MCP call."""
        calls: list[tuple[str, str | None, str | None, str | None]] = []
        for item in self.output():
            kind = _text(item, "type")
            if kind in ("function_call", "custom_tool_call", "mcp_call"):
                arguments = _text(item, "input" if kind == "custom_tool_call" else "arguments")
                calls.append((kind, _text(item, "call_id"), _text(item, "name"), arguments))
        return calls

    # -- tool calls while they grow --------------------------------------------------------------------------------

    @property
    def calls_version(self) -> int:
        """Another number whenever `calls` may give something else, which deltas alone never change."""
        return self.changes + len(self.items)

    def _ranked(self) -> list[tuple[Item | None, Any]]:
        """The output in order: each element as the item that was streamed, or as the value in the base."""
        version, ranked = self._ranks
        if version == self.calls_version:
            return ranked
        kept = self._kept()
        own = self.base.get("output") if kept or self.recovered is not None else None
        fresh: list[tuple[Item | None, Any]] = [(None, value) for value in own] if isinstance(own, list) else []
        if not kept:
            items = self.folded_items() if self.recovered is None else self.recovered
            fresh.extend((item, None) for item in items)
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
        """The arguments of the call of that rank behind a position, and the next position; from None on the whole text.

        None where there is no text, or where the position does not hold any more. Half a surrogate pair at the end is
        kept for the next time.
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
        return new_of_growing(text, position) if isinstance(text, Text) else new_of_whole(text, text, position)

    def call_arguments(self, rank: int) -> str | None:
        """The arguments of the call of that rank as far as they have arrived, None where there are none."""
        ranked = self._ranked()
        if not 0 <= rank < len(ranked):
            return None
        item, value = ranked[rank]
        found = argument_of(value if item is None else members_of(item.raw, item.tree))
        if isinstance(found, Text):
            return found.join()
        return join_text([found]) if type(found) is str else None

    def error(self) -> dict[str, Any] | None:
        """The API's error: the response's own, else that of an `error` event."""
        own = self.base.get("error")
        return clean(own) if isinstance(own, dict) else self.event_error


def _alone(name: str) -> Any:
    @alone
    def method(self: Growing, *given: Any) -> Any:
        return getattr(self._folded, name)(*given)

    return method


class Growing:
    """A response that its decoder still folds, for readers: what they read holds still meanwhile."""

    __slots__ = ("_folded", "_lock")

    def __init__(self, folded: Folded, lock: RLock) -> None:
        self._folded, self._lock = folded, lock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._folded, name)

    keys, member, value, json = map(_alone, ("keys", "member", "value", "json"))
    output, texts, error = map(_alone, ("output", "texts", "error"))
    calls, tool_calls, call_text = map(_alone, ("calls", "tool_calls", "call_text"))
    call_arguments = _alone("call_arguments")


def texts_of(items: list[Any]) -> tuple[str, str | None, str, str]:
    """Output text, refusal, reasoning text and reasoning summary of some items."""
    found: tuple[list[str], list[str], list[str], list[str]] = ([], [], [], [])
    for item in items:
        kind = _text(item, "type")
        for part in _parts(item, "content"):
            if kind == "reasoning":
                _collect(found[2], part, "text")
            elif kind == "message" and _text(part, "type") == "output_text":
                _collect(found[0], part, "text")
            elif kind == "message" and _text(part, "type") == "refusal":
                _collect(found[1], part, "refusal")
        if kind == "reasoning":
            for part in _parts(item, "summary"):
                _collect(found[3], part, "text")
    refusal = "".join(found[1]) if found[1] else None
    return "".join(found[0]), refusal, "".join(found[2]), "\n\n".join(found[3])


def _text(value: Any, key: str) -> str | None:
    member = value.get(key) if isinstance(value, dict) else None
    return join_text([member]) if isinstance(member, str) and not isinstance(member, Number) else None


def _parts(item: Any, key: str) -> list[Any]:
    parts = item.get(key) if isinstance(item, dict) else None
    return parts if isinstance(parts, list) else []


def _collect(found: list[str], part: Any, key: str) -> None:
    text = _text(part, key)
    if text is not None:
        found.append(text)
