"""`messages.stream()`: deltas that only continue a text, a thinking or an input, without validating an object for each.

The SDK adds each event to the message, and constructs an event with the snapshot beside it. Here it does so too, but for such
deltas: the member of the block is set as the SDK sets it, and the event is a copy of one that the SDK made with other values. The
events of each class of delta and of block are proved against what the SDK makes before they are copied.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
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
_FINE_GRAINED = "fine-grained-tool-streaming-2025-05-14"
"""The beta in which the strings of an input that is not complete count."""


class _Kind(NamedTuple):
    """How the deltas of a class continue blocks of a class.

    `event`: the type of the event; `member`: of the delta and of the event; `grown`: of the block. `build` makes an event of
    its members.
    """

    event: str
    member: str
    grown: str
    build: Callable[[dict[str, Any]], Any]


class _Run(NamedTuple):
    """The block that the latest delta continued."""

    event: type[Any]
    delta: type[Any]
    at: int
    content: list[Any]
    block: Any
    members: dict[str, Any]
    kind: _Kind


class _Accumulator:
    """Adds the events of one stream to its message, and makes the events of the reader."""

    def __init__(self, stream: Any, reader: Reader, prefix: str) -> None:
        self._stream, self._reader = stream, reader
        self._members: dict[str, Any] = stream.__dict__
        self._snapshot, self._inputs = f"{prefix}__final_message_snapshot", f"{prefix}__json_bufs"
        self._format = f"{prefix}__output_format"
        self._kinds = _kinds(reader)
        self._run: _Run | None = None
        self._mode: Any = None

    def events(self, event: Any) -> Any:
        """The events for one of the stream."""
        members, run = event.__dict__, self._run
        delta = members.get("delta")
        if (
            run is not None
            and event.__class__ is run.event
            and delta.__class__ is run.delta
            and members["index"] == run.at
            and run.content[run.at] is run.block
        ):
            made = self._continued(run, delta)
            if made is not None:
                return event, made
        if members.get("type") == _DELTA:
            return self._begun(event, members, delta)
        self._run = None
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
        return reader.build(event=event, message_snapshot=self._stream.current_message_snapshot)

    def _continued(self, run: _Run, delta: Any) -> Any:
        """The event for a delta that continues a value; None if the SDK has to make it."""
        kind, block = run.kind, run.members
        value = delta.__dict__.get(kind.member)
        if value.__class__ is not str:
            return None
        if kind.grown == "input":
            return self._input(run, value)
        before = block.get(kind.grown)
        if before.__class__ is not str or block.get("type") != kind.event:
            return None
        after = block[kind.grown] = before + value
        return kind.build({"type": kind.event, kind.member: value, "snapshot": after})

    def _input(self, run: _Run, value: str) -> Any:
        block, inputs = run.members, self._members[self._inputs]
        if block.get("type") not in _TOOLS:
            return None
        try:
            buffer = inputs.get(run.at, b"") + value.encode()
            if buffer:
                block["input"] = self._reader.parse(buffer, partial_mode=self._partial_mode())
        except ValueError:  # the SDK raises it
            return None
        inputs[run.at] = buffer
        return run.kind.build({"type": run.kind.event, run.kind.member: value, "snapshot": block.get("input")})

    def _partial_mode(self) -> Any:
        if self._mode is None:
            self._mode = True
            if self._reader.takes_headers:
                headers = self._stream.response.request.headers
                if headers and _FINE_GRAINED in headers.get("anthropic-beta", ""):
                    self._mode = "trailing-strings"
        return self._mode

    def _begun(self, event: Any, members: dict[str, Any], delta: Any) -> Any:
        """Lets the SDK handle a delta; the next ones may continue its block. An event of unknown classes is proved."""
        self._run = None
        events = self._handled(event)
        snapshot = self._members[self._snapshot]
        index: Any = members.get("index")
        content: Any = None if snapshot is None else snapshot.__dict__.get("content")
        if index.__class__ is not int or content.__class__ is not list or not 0 <= index < len(content):
            return events
        block = content[index]
        key = delta.__class__, block.__class__
        if key not in self._kinds and len(events) == 2 and events[0] is event:
            self._kinds[key] = _proved(events[1], delta, block)
        kind = self._kinds.get(key)
        if kind is not None:
            self._run = _Run(event.__class__, delta.__class__, index, content, block, block.__dict__, kind)
        return events


def _proved(made: Any, delta: Any, block: Any) -> _Kind | None:
    """How to make events like one that the SDK made; None if a copy of it differs."""
    kind, inside = getattr(delta, "type", None), getattr(block, "type", None)
    if kind == _INPUT and inside in _TOOLS:
        names = "input_json", "partial_json", "input"
    elif isinstance(inside, str) and isinstance(kind, str) and _TEXTS.get(kind) == inside:
        names = inside, inside, inside
    else:
        return None
    fields = [(name, name, 0, field.is_required(), None) for name, field in type(made).model_fields.items()]
    builder = _backend.engine.SdkSnapshotBuilder(type(made), fields, made.__pydantic_fields_set__, "snapshot")
    found = _Kind(*names, builder.of)
    copy = builder.of(
        {"type": found.event, found.member: getattr(delta, found.member), "snapshot": getattr(block, found.grown)}
    )
    return found if difference(made, copy) is None else None


@functools.cache
def _kinds(reader: Reader) -> dict[tuple[type[Any], type[Any]], _Kind | None]:
    """The classes of deltas and blocks that were tried; shared by all streams of an API."""
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


def _read(accumulator: _Accumulator, stream: Any) -> Iterator[Any]:
    events: Callable[[Any], Any] = accumulator.events
    for event in _source(stream):
        yield from events(event)


async def _aread(accumulator: _Accumulator, stream: Any) -> AsyncIterator[Any]:
    events: Callable[[Any], Any] = accumulator.events
    async for event in _source(stream):
        for made in events(event):
            yield made


def adopt(stream: Any, _: bool | None, reader: Reader) -> None:
    """Makes a stream of the SDK's `messages.stream()`, not read yet, copy what only grows, if its events are ours."""
    cls, raw = type(stream), getattr(stream, "_raw_stream", None)
    # A tracer of the SDK that observes the stream, or a patch, may look at how each event is added.
    if cls not in reader.readers or not _is_ours(raw) or not raw.is_unwatched() or reader.is_patched():
        return
    prefix = f"_{cls.__name__}"
    names = {f"{prefix}__final_message_snapshot", f"{prefix}__json_bufs", f"{prefix}__output_format", "_iterator"}
    if names <= stream.__dict__.keys():
        read = _aread if cls is reader.readers[1] else _read
        stream._iterator = read(_Accumulator(stream, reader, prefix), stream)
