"""The tool calls of a response: views whose arguments can be read while they stream."""

from __future__ import annotations

from respstream.protocols.payload import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.json.partial import PartialJson
    from respstream.protocols.state import CallState

__all__ = ["ToolCall"]


class Entry:
    """One call of a response, and the reader of its arguments.

    `rank`: its position in the output, None once it is removed; in a response that has ended, its position among the calls.
    """

    __slots__ = ("call_id", "kind", "name", "position", "rank", "reader")

    def __init__(self, kind: str, call_id: str | None, name: str | None, rank: int | None = None) -> None:
        self.rank = rank
        self.kind, self.call_id, self.name = kind, call_id, name
        self.reader: PartialJson | None = None
        self.position: Any = None


class Calls:
    """The calls of one response.

    A call keeps its entry while the response grows. It is identified by its call id, or without an id by its number among
    the calls that have none.
    """

    __slots__ = ("_entries", "_final", "_known", "_ranks", "_state", "_texts", "_version")

    def __init__(self, state: CallState) -> None:
        self._state = state
        self._version = -1
        self._entries: list[Entry] = []
        self._final = False  # the response has ended, and nothing can change
        self._texts: list[str | None] = []
        self._ranks: list[int] | None = None
        self._known: dict[tuple[str | None, int], Entry] = {}

    def entries(self) -> list[Entry]:
        """The calls in output order. Constant time per call, unless other events than deltas have arrived."""
        if self._final:
            return self._entries
        if self._state.stream_index is not None:
            self.set_final(self._state.tool_calls())
            return self._entries
        version = self._state.calls_version
        if version != self._version:
            self._entries = self._listed(self._state.calls())
            self._version = version
        return self._entries

    def set_final(self, found: list[tuple[str, str | None, str | None, str | None]]) -> None:
        """Sets the calls of a response that has ended. Their rank is the position among the calls, not among all items."""
        self._texts = [text for *_, text in found]
        if self._known:
            self._entries = self._listed([(number, *call[:3]) for number, call in enumerate(found)])
        else:
            self._entries = [
                Entry(kind, call_id, name, number) for number, (kind, call_id, name, _) in enumerate(found)
            ]
        self._final = True

    def views(self) -> list[ToolCall]:
        """The calls in output order, as public objects."""
        if self._final:
            if not self._entries:
                return []
            return [_view(self, entry, text, True) for entry, text in zip(self._entries, self._texts, strict=True)]
        return [_view(self, entry, None, False) for entry in self.entries()]

    def _listed(self, calls: list[tuple[int, str, str | None, str | None]]) -> list[Entry]:
        for before in self._entries:
            before.rank = None
        seen: dict[str | None, int] = {}
        entries = []
        for rank, kind, call_id, name in calls:
            number = seen[call_id] = seen.get(call_id, -1) + 1
            entry = self._known.get((call_id, number))
            if entry is None:
                entry = self._known[call_id, number] = Entry(kind, call_id, name)
            entry.rank, entry.kind, entry.name = rank, kind, name
            entries.append(entry)
        return entries

    def _final_rank(self, number: int) -> int:
        if self._ranks is None:
            self._ranks = [rank for rank, *_ in self._state.calls()]
        return self._ranks[number]

    def arguments(self, entry: Entry) -> str | None:
        """The arguments of a call as far as they have arrived."""
        self.entries()
        if entry.rank is None:
            return None
        return self._texts[entry.rank] if self._final else self._state.call_arguments(entry.rank)

    def partial(self, entry: Entry) -> Any:
        """The value of the arguments of a call so far. Reads only the new part of the text."""
        from respstream._pure.json.partial import PartialJson

        self.entries()
        if entry.rank is not None:
            rank = self._final_rank(entry.rank) if self._final else entry.rank
            found = None if entry.reader is None else self._state.call_text(rank, entry.position)
            if found is None:
                found = self._state.call_text(rank, None)
                entry.reader = None if found is None else PartialJson()
            if found is not None and entry.reader is not None:
                text, entry.position = found
                entry.reader.feed(text)
        return None if entry.reader is None else entry.reader.value


class ToolCall:
    """A tool call of the model: `type`, `call_id`, `name` and `arguments`, as far as they have arrived.

    `arguments`: the text of the model, JSON for functions and MCP, any text for custom tools. A call from
    `Response.tool_calls` is a view that follows the stream; a `copy.copy` of it does not change.
    """

    __slots__ = ("_calls", "_ended", "_entry", "_text")

    _calls: Calls | None
    _ended: bool  # the response has ended, and nothing can change

    def __init__(self, type: str, call_id: str | None, name: str | None, arguments: str | None) -> None:
        self._calls = None
        self._ended = True
        self._entry = Entry(type, call_id, name)
        self._text = arguments

    @property
    def type(self) -> str:
        """`function_call`, `custom_tool_call` or `mcp_call`."""
        return (self._entry if self._ended else self._current()).kind

    @property
    def call_id(self) -> str | None:
        """The id to send with the output of the call; None if there is none."""
        return (self._entry if self._ended else self._current()).call_id

    @property
    def name(self) -> str | None:
        """The name of the function or tool."""
        return (self._entry if self._ended else self._current()).name

    @property
    def arguments(self) -> str | None:
        """The text of the arguments so far, or the input of a custom tool; joined at each read."""
        if self._ended or self._calls is None:
            return self._text
        return self._calls.arguments(self._entry)

    def _current(self) -> Entry:
        if self._calls is not None:
            self._calls.entries()
        return self._entry

    def partial_arguments(self) -> Any:
        """The value of the arguments so far: complete members, open objects and lists, and the open string.

        Returns None until a part of the value is known. The cost of a read is linear in the text that arrived since the last
        one. The value is one structure that grows in place: copy it (`copy.deepcopy`) to keep it, and do not change it. If
        an event repeats the whole arguments, a new structure is made. Raises ValueError with the call and the position if
        the text cannot become JSON, is nested deeper than 256 levels or has an integer of more than 4,300 digits. The input of
        a custom tool may be any text, so it can raise ValueError too.
        """
        try:
            if self._calls is not None:
                return self._calls.partial(self._entry)
            return self._partial_text()
        except ValueError as error:
            raise ValueError(f"the arguments of {self.name or self.type} are not JSON: {error}") from None

    def _partial_text(self) -> Any:
        from respstream._pure.json.partial import PartialJson

        entry = self._entry
        if entry.reader is None:
            entry.reader = PartialJson()
            entry.reader.feed(self._text or "")
        else:
            entry.reader.feed("")
        return entry.reader.value

    def parsed_arguments(self) -> Any:
        """The arguments decoded from JSON. Raises ValueError with the name of the call if they are not JSON (yet)."""
        text = self.arguments or ""
        try:
            return loads(text.encode("utf-8", "surrogatepass"))
        except ValueError:
            raise ValueError(f"the arguments of {self.name or self.type} are not JSON: {text[:80]!r}") from None

    def to_dict(self) -> dict[str, str | None]:
        """The call as a plain dict."""
        return {"type": self.type, "call_id": self.call_id, "name": self.name, "arguments": self.arguments}

    def __reduce__(self) -> tuple[Any, ...]:
        return ToolCall, (self.type, self.call_id, self.name, self.arguments)

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, ToolCall) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ToolCall({self.type!r}, call_id={self.call_id!r}, name={self.name!r}, arguments={self.arguments!r})"


def _view(calls: Calls, entry: Entry, text: str | None, ended: bool) -> ToolCall:
    call = ToolCall.__new__(ToolCall)
    call._calls, call._entry, call._text, call._ended = calls, entry, text, ended
    return call


def calls_of(state: CallState) -> Calls:
    """The calls of a response. All responses that have ended without calls share one object."""
    if state.stream_index is None:
        return Calls(state)
    found = state.tool_calls()
    if not found:
        return NONE
    calls = Calls(state)
    calls.set_final(found)
    return calls


NONE = Calls(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
NONE.set_final([])  # from here on its state is not read
