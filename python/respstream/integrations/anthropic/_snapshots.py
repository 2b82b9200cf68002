"""`messages.stream()`: deltas that only continue a text, a thinking or an input, without validating an object for each.

The SDK adds each event to the message, and constructs an event with the snapshot beside it. Here it does so too, but for such
deltas: the member of the block is set as the SDK sets it, and the event is made natively, like one that the SDK made. The events
of each class of delta and of block are proved against what the SDK makes before they are copied.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from respstream import _backend
from respstream.integrations._plans import difference
from respstream.integrations.anthropic._sdk import Reader

__all__ = ["adopt"]

_DELTA = "content_block_delta"
_TEXTS = {"text_delta": "text", "thinking_delta": "thinking"}
"""By the type of delta: the type of the block that it continues; also the member of both, and the type of the event."""
_INPUT = "input_json_delta"
_TOOLS = ("tool_use", "server_tool_use")
"""The types of blocks whose input the SDK accumulates."""
_ENDS = {"content_block_stop": "content_block", "message_stop": "message"}
"""The events that the SDK replaces by ones with one member more."""
_FINE_GRAINED = "fine-grained-tool-streaming-2025-05-14"
"""The beta in which the strings of an input that is not complete count."""


class _Kind(NamedTuple):
    """How the deltas of a class continue blocks of a class.

    `event`: the type of the event; `member`: of the delta and of the event; `grown`: of the block. `made`: makes events.
    """

    event: str
    member: str
    grown: str
    made: Any


class _Accumulator:
    """Adds the events of one stream to its message, and makes the events of the reader."""

    def __init__(self, stream: Any, reader: Reader, prefix: str) -> None:
        self._stream, self._reader = stream, reader
        self._members: dict[str, Any] = stream.__dict__
        self._snapshot, self._inputs = f"{prefix}__final_message_snapshot", f"{prefix}__json_bufs"
        self._format = f"{prefix}__output_format"
        self._kinds, self._ends = _kinds(reader), _ends(reader)
        self.run: Any = None
        """The native form of the block that the latest delta continued: called with an event, it gives those of the reader."""
        self._mode: Any = None

    def events(self, event: Any) -> Any:
        """The events for one of the stream that does not only continue a block."""
        if event.__dict__.get("type") == _DELTA:
            return self._begun(event)
        self.run = None
        return self._handled(event)

    def _handled(self, event: Any) -> Any:
        """What the SDK does."""
        members, reader = self._members, self._reader
        if members[self._snapshot] is None and event.type != "message_start":
            return (event,)
        headers = {"request_headers": self._stream.response.request.headers} if reader.takes_headers else {}
        try:
            members[self._snapshot] = reader.accumulate(
                event=event,
                current_snapshot=members[self._snapshot],
                json_bufs=members[self._inputs],
                output_format=members[self._format],
                **headers,
            )
        except Exception:
            reader.withhold(self._stream._raw_stream)
            raise
        if event.type == "content_block_stop" and "_completed_blocks" in members:
            members["_completed_blocks"] += 1
        elif event.type == "message_stop" and "_message_complete" in members:
            members["_message_complete"] = True
        return self._built(event, self._stream.current_message_snapshot)

    def _built(self, event: Any, message: Any) -> Any:
        """The events of one that was added to the message. The SDK makes them, but for the ends of which one was proved."""
        name = _ENDS.get(event.type)
        if name is None:
            return self._reader.build(event=event, message_snapshot=message)
        members = {**event.__dict__, name: message.content[event.index] if name == "content_block" else message}
        key = event.__class__, members[name].__class__
        made = self._ends.get(key)
        if made is not None and not event.__pydantic_extra__:
            return (made.build(members),)
        events = self._reader.build(event=event, message_snapshot=message)
        if len(events) == 1 and key not in self._ends and not event.__pydantic_extra__:
            made = _backend.engine.SdkClass(events[0])
            self._ends[key] = made if difference(events[0], made.build(members)) is None else None
        return events

    def _partial_mode(self) -> Any:
        if self._mode is None:
            self._mode = True
            if self._reader.takes_headers:
                headers = self._stream.response.request.headers
                if headers and _FINE_GRAINED in headers.get("anthropic-beta", ""):
                    self._mode = "trailing-strings"
        return self._mode

    def _begun(self, event: Any) -> Any:
        """Lets the SDK handle a delta; the next ones may continue its block. An event of unknown classes is proved."""
        self.run = None
        events = self._handled(event)
        snapshot = self._members[self._snapshot]
        index, delta = (event.__dict__.get(name) for name in ("index", "delta"))
        content: Any = None if snapshot is None else snapshot.__dict__.get("content")
        if index.__class__ is not int or content.__class__ is not list or not 0 <= index < len(content):
            return events
        block = content[index]
        key = delta.__class__, block.__class__
        if key not in self._kinds and len(events) == 2 and events[0] is event:
            self._kinds[key] = _proved(events[1], delta, block)
        kind = self._kinds.get(key)
        if kind is not None and (kind.grown == "input" or block.__dict__.get(kind.grown).__class__ is str):
            self.run = self._native(kind, event, content)
        return events

    def _native(self, kind: _Kind, event: Any, content: list[Any]) -> Any:
        more: tuple[Any, ...] = ()
        if kind.grown == "input":
            more = self._members[self._inputs], functools.partial(self._reader.parse, partial_mode=self._partial_mode())
        names = kind.member, kind.grown
        return _backend.engine.SdkBlockRun(event, content, names, kind.made, kind.event, *more)


def _proved(made: Any, delta: Any, block: Any) -> _Kind | None:
    """How to make events like one that the SDK made; None if a copy of it differs."""
    kind, inside = getattr(delta, "type", None), getattr(block, "type", None)
    if kind == _INPUT and inside in _TOOLS:
        names = "input_json", "partial_json", "input"
    elif isinstance(inside, str) and isinstance(kind, str) and _TEXTS.get(kind) == inside:
        names = inside, inside, inside
    else:
        return None
    found = _Kind(*names, _backend.engine.SdkClass(made))
    copy = found.made.build(
        {"type": found.event, found.member: getattr(delta, found.member), "snapshot": getattr(block, found.grown)}
    )
    return found if difference(made, copy) is None else None


@functools.cache
def _kinds(reader: Reader) -> dict[tuple[type[Any], type[Any]], _Kind | None]:
    """The classes of deltas and blocks that were tried; shared by all streams of an API."""
    return {}


@functools.cache
def _ends(reader: Reader) -> dict[tuple[type[Any], type[Any]], Any]:
    """What makes the events for the ends of blocks and messages, by their classes, where it was tried; shared likewise."""
    return {}


def _is_ours(raw: Any) -> bool:
    # Not by `__class__`, which proxies have, too.
    return getattr(type(raw), "respstream_faithful", None) is not None


def _source(stream: Any) -> Any:
    """The events of a stream, as the SDK reads them: tracers replace what it reads after it is made.

    They come from the iterator, unless something looks at what the stream is iterated for.
    """
    raw = stream._raw_stream
    return raw._iterator if _is_ours(raw) and raw.is_unwatched() else raw


async def _read(accumulator: _Accumulator, stream: Any) -> AsyncIterator[Any]:
    async for event in _source(stream):
        run = accumulator.run
        made = None if run is None else run(event)
        for each in accumulator.events(event) if made is None else made:
            yield each


def adopt(stream: Any, _: bool | None, reader: Reader) -> None:
    """Makes a stream of the SDK's `messages.stream()`, not read yet, copy what only grows, if its events are ours."""
    cls = type(stream)
    raw: Any = getattr(stream, "_raw_stream", None)
    # A tracer of the SDK that observes the stream, or a patch, may look at how each event is added.
    if cls not in reader.readers or not _is_ours(raw) or not raw.is_unwatched() or reader.is_patched():
        return
    prefix = f"_{cls.__name__}"
    names = {f"{prefix}__final_message_snapshot", f"{prefix}__json_bufs", f"{prefix}__output_format", "_iterator"}
    if names <= stream.__dict__.keys():
        accumulator = _Accumulator(stream, reader, prefix)
        if cls is reader.readers[1]:
            stream._iterator = _read(accumulator, stream)
        else:
            stream._iterator = _backend.engine.SdkBlockEvents(functools.partial(_source, stream), accumulator)
