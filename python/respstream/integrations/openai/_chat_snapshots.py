"""`chat.completions.stream()`: chunks that only continue a text, without rebuilding the message for each.

The SDK's state dumps the message, adds the delta and constructs it anew. Here it does so too, but for chunks that only add to
the content, or to the arguments of one call: their message is a copy with the longer text. A shape of messages and a class of
events is proved against what the SDK makes before it is copied.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from respstream.integrations.openai._plans import difference
from respstream.integrations.openai._sdk import Sdk

__all__ = ["adopt"]

_SNAPSHOT = "_ChatCompletionStreamState__current_completion_snapshot"
_STATES = "_ChatCompletionStreamState__choice_event_states"
_CALL_INDEX = "_ChoiceEventState__current_tool_call_index"
_CUT = ("length", "content_filter")

_CONTENT = frozenset({"content"})
_CALLS = frozenset({"tool_calls"})
_PIECE = frozenset({"index", "function"})
_ARGUMENTS = frozenset({"arguments"})


class _Continued:
    """A subclass of the SDK's state, which it bypasses for chunks that only continue a text."""

    _sdk: ClassVar[Sdk]
    _faithful: ClassVar[bool]
    _messages: ClassVar[set[Any]]
    _events: ClassVar[dict[type[Any], _Pattern]]
    _calls: dict[int, _Calls]
    _rich_response_format: Any
    _response_format: Any
    _input_tools: Any

    def handle_chunk(self, chunk: Any) -> Any:
        """The events of a chunk."""
        if not self._faithful:
            self._number_calls(chunk)
        found = self._continues(chunk)
        if found is None:
            return self._handle(chunk)
        choice, kept, kind = found
        message = kept.message
        longer = (_longer_content if kind == "content" else _longer_arguments)(message, choice.delta)
        if (kind, _shape(message)) not in self._messages:
            return self._prove(chunk, kept, longer, (kind, _shape(message)))
        _assign(kept, "message", longer)
        snapshot = self.__dict__[_SNAPSHOT]
        _assign(snapshot, "usage", chunk.usage)
        _assign(snapshot, "system_fingerprint", chunk.system_fingerprint)
        events = self._build_continued(chunk, choice, longer, snapshot, kind)
        if events is None:
            events = self._build_events(chunk=chunk, completion_snapshot=snapshot)  # type: ignore[attr-defined]
            self._learn(events)
        return events

    def _handle(self, chunk: Any) -> Any:
        """What the SDK does; with `faithful=False` without the errors for a choice that was cut off."""
        if self._faithful or not any(choice.finish_reason in _CUT for choice in chunk.choices or ()):
            return super().handle_chunk(chunk)  # type: ignore[misc]
        given = self._response_format, self._rich_response_format, self._input_tools
        self._response_format = self._rich_response_format = self._sdk.omit
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
        made = self._sdk.parse_completion(response_format=self._sdk.omit, input_tools=[], chat_completion=copied)
        for at, reason in cut.items():
            made.choices[at].finish_reason = reason
        return made

    def _continues(self, chunk: Any) -> tuple[Any, Any, str] | None:
        """The choice of a chunk that only continues a text, the choice of the snapshot, and what grows; None for others."""
        snapshot, choices = self.__dict__[_SNAPSHOT], chunk.__dict__.get("choices")
        if snapshot is None or choices.__class__ is not list or len(choices) != 1 or chunk.__dict__.get("moderation"):
            return None
        choice = choices[0]
        members, index = choice.__dict__, choice.__dict__.get("index")
        if members.get("finish_reason") or members.get("logprobs") is not None or index.__class__ is not int:
            return None
        delta = members.get("delta")
        if not 0 <= index < len(self.__dict__[_STATES]) or index >= len(snapshot.choices):
            return None
        kept, names = snapshot.choices[index], getattr(delta, "__pydantic_fields_set__", None)
        if names is None or kept.finish_reason or delta.__pydantic_extra__:
            return None
        if names == _CONTENT and self._content_grows(kept.message, delta):
            return choice, kept, "content"
        if names == _CALLS and self._arguments_grow(kept.message, delta, self.__dict__[_STATES][index]):
            return choice, kept, "arguments"
        return None

    def _content_grows(self, message: Any, delta: Any) -> bool:
        members = message.__dict__
        return (
            delta.content.__class__ is str
            and members.get("content").__class__ is str
            and not members.get("tool_calls")
            and self._rich_response_format is self._sdk.omit
        )

    def _arguments_grow(self, message: Any, delta: Any, state: Any) -> bool:
        """Whether the delta is a piece of arguments of the latest call, and no tools are known, whose arguments are parsed."""
        pieces, calls = delta.__dict__["tool_calls"], message.__dict__.get("tool_calls")
        if pieces.__class__ is not list or len(pieces) != 1 or not calls or self._input_tools:
            return False
        piece = pieces[0]
        function, index = piece.__dict__.get("function"), piece.__dict__.get("index")
        return (
            piece.__pydantic_fields_set__ == _PIECE
            and not piece.__pydantic_extra__
            and index.__class__ is int
            and 0 <= index < len(calls)
            and state.__dict__.get(_CALL_INDEX) == index
            and getattr(function, "__pydantic_fields_set__", None) == _ARGUMENTS
            and not function.__pydantic_extra__
            and function.arguments.__class__ is str
            and all(call.type == "function" and call.function.arguments.__class__ is str for call in calls)
        )

    def _prove(self, chunk: Any, kept: Any, longer: Any, shape: Any) -> Any:
        """Lets the SDK handle a chunk; messages of this shape are copied from now on if it makes the same one."""
        events = self._handle(chunk)
        if difference(kept.message, longer) is None:
            self._messages.add(shape)
        self._learn(events)
        return events

    def _learn(self, events: list[Any]) -> None:
        """Takes the events of the SDK as patterns for further ones of their class, if copies of them are equal."""
        for event in events:
            pattern = _Pattern(event)
            if difference(event, pattern.build(event.__dict__)) is None:
                self._events.setdefault(type(event), pattern)

    def _build_continued(self, chunk: Any, choice: Any, message: Any, snapshot: Any, kind: str) -> list[Any] | None:
        """The events of a chunk that continues a text; None if their classes are not known."""
        made = self._events.get(self._sdk.chat_events[0])
        of_kind = self._sdk.chat_events[1 if kind == "content" else 2]
        delta_pattern = self._events.get(of_kind)
        if made is None or delta_pattern is None:
            return None
        first = made.build({"type": "chunk", "chunk": chunk, "snapshot": snapshot})
        if kind == "content":
            members = {
                "type": "content.delta",
                "delta": choice.delta.content,
                "snapshot": message.content,
                "parsed": message.parsed,
            }
        else:
            piece = choice.delta.tool_calls[0]
            function = message.tool_calls[piece.index].function
            members = {
                "type": "tool_calls.function.arguments.delta",
                "name": function.name,
                "index": piece.index,
                "arguments": function.arguments,
                "parsed_arguments": function.parsed_arguments,
                "arguments_delta": piece.function.arguments or "",
            }
        return [first, delta_pattern.build(members)]


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


class _Pattern:
    """Makes events like one that the SDK made."""

    def __init__(self, event: Any) -> None:
        self.cls = type(event)
        self._fields_set = event.__pydantic_fields_set__

    def build(self, members: dict[str, Any]) -> Any:
        return _made(self.cls, dict(members), set(self._fields_set), {})


_set = object.__setattr__


def _made(cls: Any, members: dict[str, Any], fields_set: set[str], extra: Any) -> Any:
    made = cls.__new__(cls)
    _set(made, "__dict__", members)
    _set(made, "__pydantic_fields_set__", fields_set)
    _set(made, "__pydantic_extra__", extra)
    _set(made, "__pydantic_private__", None)
    return made


def _copy(value: Any, **changed: Any) -> Any:
    """A copy of a model, with other values of some fields."""
    extra = value.__pydantic_extra__
    return _made(
        value.__class__,
        {**value.__dict__, **changed},
        set(value.__pydantic_fields_set__),
        None if extra is None else dict(extra),
    )


def _assign(model: Any, name: str, value: Any) -> None:
    """Sets a field, as the assignment does in models that do not validate it."""
    model.__dict__[name] = value
    model.__pydantic_fields_set__.add(name)


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


def _longer_content(message: Any, delta: Any) -> Any:
    return _copy(message, content=message.content + delta.content)


def _longer_arguments(message: Any, delta: Any) -> Any:
    piece = delta.tool_calls[0]
    calls = [_copy(call, function=_copy(call.function)) for call in message.tool_calls]
    function = calls[piece.index].function
    _assign(function, "arguments", function.arguments + piece.function.arguments)
    return _copy(message, tool_calls=calls)


@functools.cache
def _state_class(sdk: Sdk, faithful: bool) -> type[Any]:
    members = {"_sdk": sdk, "_faithful": faithful, "_messages": set(), "_events": {}}
    return type(sdk.chat_state.__name__, (_Continued, sdk.chat_state), members)


def adopt(stream: Any, _: bool | None, sdk: Sdk) -> None:
    """Makes a stream of the SDK's `chat.completions.stream()`, not read yet, copy what only grows, if its chunks are ours."""
    raw: Any = getattr(stream, "_raw_stream", None)
    faithful = getattr(type(raw), "respstream_faithful", None)  # not by `__class__`, which proxies have, too
    state: Any = getattr(stream, "_state", None)
    if faithful is not None and type(state) is sdk.chat_state and {_SNAPSHOT, _STATES} <= state.__dict__.keys():
        ours = object.__new__(_state_class(sdk, faithful))
        ours.__dict__.update(state.__dict__, _calls={})
        stream._state = ours
