"""`chat.completions.stream()`: chunks that only continue a text, without rebuilding the message for each.

The SDK's state dumps the message, adds the delta and constructs it anew. Here it does so too, but for chunks that only add to one
text, or to the arguments of one call: their message is a copy with the longer text, and it and their events are made natively. A
shape of messages and a class of events is proved against what the SDK makes before it is copied.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar, NamedTuple

from respstream import _backend
from respstream.integrations._streams import is_plain
from respstream.integrations.openai._plans import difference
from respstream.integrations.openai._sdk import ChatReaders

__all__ = ["adopt"]

_SNAPSHOT = "_ChatCompletionStreamState__current_completion_snapshot"
_STATES = "_ChatCompletionStreamState__choice_event_states"
_CALL_INDEX = "_ChoiceEventState__current_tool_call_index"
_CUT = ("length", "content_filter")

_OBJECT = "chat.completion.chunk"
_CALLS = frozenset({"tool_calls"})
_PIECE = frozenset({"index", "function"})
_ARGUMENTS = frozenset({"arguments"})
_TEXTS = {frozenset({"content"}): "content", frozenset({"refusal"}): "refusal"}
_REPLACED = ("index", "type")
"""The members whose values the SDK does not add."""
_PARSED = ("parsed", "parsed_arguments")
_RUNS = 16  # the maximum number of texts at once
_GROWTHS = 256  # those that are kept for other streams


class _Event(NamedTuple):
    """An event of a chunk beside the one with the chunk itself.

    `number`: of its class among the SDK's; `members`: with their values; `gets`: those that get something of the chunk.
    """

    number: int
    members: tuple[tuple[str, Any], ...]
    gets: tuple[tuple[str, str], ...]


class _Growth(NamedTuple):
    """How chunks continue a text of a message.

    `member`: of the delta, or None for the arguments of a call; `text`, `parsed`: the ways to the text and to what the SDK
    parses of it, if it does.
    """

    member: str | None
    text: tuple[str | int, ...]
    parsed: tuple[str | int, ...] = ()
    event: _Event | None = None


def _text_event(number: int, name: str, *names: str) -> _Event:
    members = ("type", f"{name}.delta"), *((each, None) for each in ("delta", "snapshot", *names))
    return _Event(number, members, (("delta", "delta"), ("snapshot", "text"), *((each, each) for each in names)))


_CONTENT = _text_event(1, "content", "parsed")
_PLAIN = _Growth("content", ("content",), (), _CONTENT._replace(gets=_CONTENT.gets[:2]))
_RICH = _Growth("content", ("content",), ("parsed",), _CONTENT)
_REFUSAL = _Growth("refusal", ("refusal",), (), _text_event(3, "refusal"))


class _Continued:
    """A subclass of the SDK's state, which it bypasses for chunks that only continue a text."""

    _parts: ClassVar[ChatReaders]
    _faithful: ClassVar[bool]
    _messages: ClassVar[dict[Any, set[str]]]
    """The shapes of messages that are copied, with the fields set of the copies."""
    _made: ClassVar[dict[type[Any], Any]]
    _growths: ClassVar[dict[_Growth, Any]]
    _copied: ClassVar[Any]
    _calls: dict[int, _Calls]
    _runs: list[Any]
    _rich_response_format: Any
    _response_format: Any
    _input_tools: Any

    def handle_chunk(self, chunk: Any) -> Any:
        """The events of a chunk."""
        if not self._faithful:
            self._number_calls(chunk)
        for run in self._runs:
            events = run(chunk)
            if events is not None:
                return events
        found = self._continues(chunk)
        if found is None:
            self._runs.clear()
            return self._handle(chunk)
        return self._begin(chunk, *found)

    def _begin(self, chunk: Any, kept: Any, growth: _Growth) -> Any:
        """The events of a chunk that continues a text; further ones may be made natively. A message of a new shape is proved."""
        shape, snapshot = (growth.text, bool(growth.parsed), _shape(kept.message)), self.__dict__[_SNAPSHOT]
        events, names = self._events_of(growth), self._messages.get(shape)
        native = self._native(growth, events)
        try:
            run = _backend.engine.SdkMessageRun(self._copied, native, snapshot, chunk, names and set(names))
        except (TypeError, ValueError):  # the message has what is not copied
            return self._handle(chunk)
        if events is not None and names is not None:
            made = run(chunk)
            if made is not None:
                self._runs = [*self._runs[1 - _RUNS :], run]
                return made
        wanted = run.preview(chunk)
        made = self._handle(chunk)
        if wanted is not None:
            names = set(kept.message.__pydantic_fields_set__)  # the dump of the message sets what had a default
            object.__setattr__(wanted, "__pydantic_fields_set__", names)
            if difference(kept.message, wanted) is None:
                self._messages[shape] = names
        self._learn(made)
        return made

    def _handle(self, chunk: Any) -> Any:
        """What the SDK does; with `faithful=False` without the errors for a choice that was cut off."""
        if self._faithful or not any(choice.finish_reason in _CUT for choice in chunk.choices or ()):
            return super().handle_chunk(chunk)  # type: ignore[misc]
        given = self._response_format, self._rich_response_format, self._input_tools
        self._response_format = self._rich_response_format = self._parts.omit
        self._input_tools = []
        try:
            return super().handle_chunk(chunk)  # type: ignore[misc]
        finally:
            self._response_format, self._rich_response_format, self._input_tools = given

    def _number_calls(self, chunk: Any) -> None:
        """Gives each piece of a call the index of its call: servers leave it out, or send the same one for all calls."""
        for choice in chunk.choices or ():
            calls = self._calls.setdefault(choice.index, _Calls())
            for piece in getattr(choice.delta, "tool_calls", None) or ():
                calls.number(piece)

    def get_final_completion(self) -> Any:
        """The completion; with `faithful=False` also one that was cut off, with its content not parsed."""
        snapshot: Any = self.current_completion_snapshot  # type: ignore[attr-defined]
        cut = {at: choice.finish_reason for at, choice in enumerate(snapshot.choices) if choice.finish_reason in _CUT}
        if self._faithful or not cut:
            return super().get_final_completion()  # type: ignore[misc]
        copied = snapshot.model_copy(deep=True)
        for at in cut:
            copied.choices[at].finish_reason = "stop"
        made = self._parts.parse(response_format=self._parts.omit, input_tools=[], chat_completion=copied)
        for at, reason in cut.items():
            made.choices[at].finish_reason = reason
        return made

    def _continues(self, chunk: Any) -> tuple[Any, _Growth] | None:
        """The choice of the snapshot whose text a chunk continues, and how; None for other chunks."""
        snapshot, choices = self.__dict__[_SNAPSHOT], chunk.__dict__.get("choices")
        if snapshot is None or choices.__class__ is not list or len(choices) != 1:
            return None
        members, index = choices[0].__dict__, choices[0].__dict__.get("index")
        if index.__class__ is not int or not 0 <= index < min(len(self.__dict__[_STATES]), len(snapshot.choices)):
            return None
        delta, kept = members.get("delta"), snapshot.choices[index]
        names, extra = getattr(delta, "__pydantic_fields_set__", None), getattr(delta, "__pydantic_extra__", None)
        if names is None or kept.finish_reason or (extra and (names or len(extra) > 1)):
            return None
        if names == _CALLS:
            growth = self._arguments(kept.message, delta, self.__dict__[_STATES][index])
        else:
            growth = self._text(kept.message, _TEXTS.get(frozenset(names)), next(iter(extra)) if extra else None)
        return None if growth is None else (kept, growth)

    def _text(self, message: Any, name: str | None, other: str | None) -> _Growth | None:
        """How a member of the message continues, one that the SDK declares or another one."""
        members, extra = message.__dict__, message.__pydantic_extra__ or {}
        is_rich = self._rich_response_format is not self._parts.omit
        if other is not None:
            grows = other not in _REPLACED and extra.get(other).__class__ is str and not is_rich
            return _Growth(other, (other,)) if grows else None
        if name is None or members.get(name).__class__ is not str or members.get("tool_calls"):
            return None
        if is_rich:  # the SDK does not parse a blank text
            is_parsed = name == "content" and members[name].strip() and not members.get("refusal")
            return _RICH if is_parsed else None
        return _PLAIN if name == "content" else _REFUSAL

    def _arguments(self, message: Any, delta: Any, state: Any) -> _Growth | None:
        """How the arguments of the latest call continue."""
        pieces, calls = delta.__dict__["tool_calls"], message.__dict__.get("tool_calls")
        if pieces.__class__ is not list or len(pieces) != 1 or not calls:
            return None
        piece = pieces[0]
        function, index = piece.__dict__.get("function"), piece.__dict__.get("index")
        grows = (
            piece.__pydantic_fields_set__ == _PIECE
            and index.__class__ is int
            and 0 <= index < len(calls)
            and state.__dict__.get(_CALL_INDEX) == index
            and getattr(function, "__pydantic_fields_set__", None) == _ARGUMENTS
            and all(call.type == "function" and call.function.arguments.__class__ is str for call in calls)
        )
        called = calls[index].function if grows else None
        if called is None or called.name.__class__ is not str:
            return None
        is_parsed = self._is_parsed(called.name)
        if not is_parsed and called.parsed_arguments is not None:
            return None
        way = "tool_calls", index, "function"
        members = ("type", "tool_calls.function.arguments.delta"), ("name", called.name), ("index", index)
        others = ("arguments", "text"), ("parsed_arguments", "parsed"), ("arguments_delta", "delta")
        event = _Event(2, (*members, *((name, None) for name, _ in others)), others if is_parsed else others[::2])
        return _Growth(None, (*way, "arguments"), (*way, "parsed_arguments") if is_parsed else (), event)

    def _is_parsed(self, name: str) -> bool:
        """Whether the SDK parses the arguments of a tool while they come."""
        tool = self._parts.get_tool(input_tools=self._input_tools, name=name)
        return bool(tool and tool.get("function", {}).get("strict"))

    def _events_of(self, growth: _Growth) -> Any:
        """The events of a growth with their classes; None until the SDK has made one of each."""
        first = self._made.get(self._parts.events[0])
        members = {"type": "chunk", "chunk": None, "snapshot": None}
        events = [(first, members, [("chunk", "chunk"), ("snapshot", "snapshot")])]
        if growth.event is not None:
            number, own, gets = growth.event
            events.append((self._made.get(self._parts.events[number]), dict(own), list(gets)))
        return None if any(made is None for made, _, _ in events) else events

    def _native(self, growth: _Growth, events: Any) -> Any:
        """The native form of a growth."""
        found = self._growths.get(growth)
        if found is None:
            parse = self._parts.parse_partial if growth.parsed else None
            ways = list(growth.text), list(growth.parsed)
            found = _backend.engine.SdkGrowth(growth.member, *ways, parse, events or [])
            if events is not None and len(self._growths) < _GROWTHS:
                self._growths[growth] = found
        return found

    def _build_events(self, *, chunk: Any, completion_snapshot: Any) -> Any:
        """The events of a chunk that was added to the completion. The SDK makes them, but for chunks without deltas."""
        first, choices = self._made.get(self._parts.events[0]), chunk.choices
        if first is None or not all(map(_is_empty, choices)):
            return super()._build_events(chunk=chunk, completion_snapshot=completion_snapshot)  # type: ignore[misc]
        events = [first.build({"type": "chunk", "chunk": chunk, "snapshot": completion_snapshot})]
        for choice in choices:
            kept, state = completion_snapshot.choices[choice.index], self._get_choice_state(choice)  # type: ignore[attr-defined]
            given = {"choice_chunk": choice, "choice_snapshot": kept, "response_format": self._response_format}
            events += state.get_done_events(**given)
        return events

    def _learn(self, events: list[Any]) -> None:
        """Takes the events of the SDK as models for further ones of their class, if copies of them are equal."""
        for event in events:
            if type(event) not in self._made:
                made = _backend.engine.SdkClass(event)
                if difference(event, made.build(dict(event.__dict__))) is None:
                    self._made[type(event)] = made


class _Calls:
    """The tool calls of one choice, told apart by their ids where the indexes do not."""

    def __init__(self) -> None:
        self._by_id: dict[str, int] = {}
        self._latest_at: dict[int | None, int] = {}
        self._count = 0

    def number(self, piece: Any) -> None:
        """Sets the index of a piece. A new id is a new call; a piece without id and index is about the latest call."""
        wire = piece.index
        found = self._by_id.get(piece.id) if piece.id else self._latest_at.get(wire)
        if found is None:
            found, self._count = self._count, self._count + 1
            if piece.type is None and piece.function is not None:
                piece.type = "function"
        self._latest_at[wire] = self._latest_at[None] = found
        if piece.id:
            self._by_id[piece.id] = found
        if wire != found:
            piece.index = found


def _is_empty(choice: Any) -> bool:
    """Whether a choice of a chunk only ends, or does nothing."""
    delta = choice.delta
    return choice.logprobs is None and delta.content is None and delta.refusal is None and not delta.tool_calls


def _shape(message: Any) -> Any:
    """What tells apart the messages of which a copy may differ from what the SDK constructs."""
    members, extra = message.__dict__, message.__pydantic_extra__
    kinds = tuple((name, value.__class__) for name, value in members.items())
    others = tuple((name, value.__class__) for name, value in extra.items()) if extra else ()
    calls = members.get("tool_calls")
    inner = tuple(map(_shape_of_call, calls)) if calls else ()
    return kinds, others, frozenset(message.__pydantic_fields_set__), inner


def _shape_of_call(call: Any) -> Any:
    function = call.function
    return (
        tuple(call.__dict__),
        frozenset(call.__pydantic_fields_set__),
        tuple(call.__pydantic_extra__ or ()),
        tuple(function.__dict__),
        frozenset(function.__pydantic_fields_set__),
        tuple(function.__pydantic_extra__ or ()),
    )


@functools.cache
def _state_class(parts: ChatReaders, faithful: bool) -> type[Any]:
    members = {"_parts": parts, "_faithful": faithful, "_messages": {}, "_made": {}, "_growths": {}}
    members["_copied"] = _backend.engine.SdkClasses(list(_PARSED))
    return type(parts.state.__name__, (_Continued, parts.state), members)


def _read(state: Any, raw: Any, parts: ChatReaders) -> Iterator[Any]:
    """As the generator of the SDK's reader."""
    handle = state.handle_chunk
    for chunk in raw:
        if chunk.object == _OBJECT or parts.is_chunk(chunk):
            yield from handle(chunk)


async def _aread(state: Any, raw: Any, parts: ChatReaders) -> AsyncIterator[Any]:
    handle = state.handle_chunk
    async for chunk in raw:
        if chunk.object == _OBJECT or parts.is_chunk(chunk):
            for event in handle(chunk):
                yield event


def adopt(stream: Any, _: bool | None, parts: ChatReaders) -> None:
    """Makes a stream of the SDK's `chat.completions.stream()`, not read yet, copy what only grows, if its chunks are ours."""
    raw: Any = getattr(stream, "_raw_stream", None)
    cls = type(stream)
    faithful = getattr(type(raw), "respstream_faithful", None)  # not by `__class__`, which proxies have, too
    state: Any = getattr(stream, "_state", None)
    if faithful is not None and type(state) is parts.state and {_SNAPSHOT, _STATES} <= state.__dict__.keys():
        ours = object.__new__(_state_class(parts, faithful))
        ours.__dict__.update(state.__dict__, _calls={}, _runs=[])
        stream._state = ours
        if cls in parts.readers and is_plain(cls.__stream__, parts.state):
            stream._iterator = (_read, _aread)[parts.readers.index(cls)](ours, raw, parts)
