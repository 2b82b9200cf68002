"""`responses.stream()`: the deltas that carry the text so far, without copying it for each.

The SDK's state folds every event. Here it does so too, but for the deltas of one text after its first: those are made
natively, and the text is put back into the SDK's snapshot before it sees any other event.
"""

from __future__ import annotations

import functools
import warnings
import weakref
from collections.abc import Iterable
from typing import Any, ClassVar

from respstream import _backend
from respstream._pure.protocols.responses.catalogue import EVENTS
from respstream.integrations._streams import stream_classes
from respstream.integrations.openai._plans import difference
from respstream.integrations.openai._sdk import ResponseReaders, Sdk

__all__ = ["adopt"]

# The event types whose deltas the SDK's state turns into events with a snapshot of the text, with the member that grows.
_TARGETS = {
    kind: EVENTS[kind].target[-1][0]
    for kind in ("response.output_text.delta", "response.function_call_arguments.delta")
}
_RUNS = 16  # the maximum number of texts at once; with more, all of them start again


def _stamp(event: Any, made: Any) -> Any:
    """A stamp that makes events like `made` from events like `event`; None if its result differs."""
    cls = made.__class__
    fields = [
        (name, name, 0, field.is_required(), None if field.is_required() else field.default)
        for name, field in cls.model_fields.items()
    ]
    if any(field.default_factory is not None for field in cls.model_fields.values()):
        return None
    stamp = _backend.engine.SdkSnapshotBuilder(cls, fields, made.__pydantic_fields_set__, "snapshot")
    return stamp if difference(made, stamp.build(event, made.snapshot)) is None else None


@functools.cache
def _warn() -> None:
    warnings.warn("respstream leaves responses.stream() to the openai SDK: its events differ", RuntimeWarning, 2)


class _Deltas:
    """A subclass of the SDK's state, which it bypasses for further deltas of a text."""

    _parts: ClassVar[ResponseReaders]
    _faithful: ClassVar[bool]
    _run: Any
    _runs: list[tuple[Any, Any, str]]

    def handle_event(self, event: Any) -> list[Any]:
        """The events for one of the stream."""
        if self._run is not None:
            made: list[Any] | None = self._run(event)
            if made is not None:
                return made
            for run, _, _ in self._runs:
                made = run(event)
                if made is not None:
                    self._run = run
                    return made
        if event.__class__ is _backend.engine.SdkDraft:
            event = event.event()
        attribute = _TARGETS.get(event.type)
        # The first delta of another text does not affect the other texts.
        if attribute is None or event.delta.__class__ is not str or len(self._runs) == _RUNS:
            self._flush()
        events: list[Any] = super().handle_event(event)  # type: ignore[misc]
        if attribute is not None:
            self._begin(event, events, attribute)
        elif not self._faithful:
            _recover(self, self._parts, event, events)
        return events

    def _flush(self) -> None:
        """Stores the texts in the SDK's snapshot."""
        for run, target, attribute in self._runs:
            setattr(target, attribute, run.text)
        self._runs.clear()
        self._run = None

    def _begin(self, event: Any, events: list[Any], attribute: str) -> None:
        made = events[0] if len(events) == 1 else None
        text = getattr(made, "snapshot", None)
        if text.__class__ is not str or made.__class__ is event.__class__:
            return
        target = self._target(event)
        if getattr(target, attribute, None) != text:
            return
        stamp = _stamp(event, made)
        if stamp is None:
            _warn()
            return
        self._run = _backend.engine.SdkDeltaRun(stamp, event, text)
        self._runs.append((self._run, target, attribute))

    def _target(self, event: Any) -> Any:
        """The item or part that the SDK adds the delta to."""
        find = getattr(self, "_get_output_item", None)
        if find is not None:
            item = find(event.output_index)
        else:  # 2.x
            item = self.__dict__["_ResponseStreamState__current_snapshot"].output[event.output_index]
        content = getattr(event, "content_index", None)
        return item if content is None else item.content[content]


@functools.cache
def _state_class(parts: ResponseReaders, faithful: bool) -> type[Any]:
    return type(parts.state.__name__, (_Deltas, parts.state), {"_parts": parts, "_faithful": faithful})


def _recover(state: Any, parts: ResponseReaders, event: Any, events: list[Any]) -> None:
    """Counts incomplete and failed responses as final ones, and fills an empty terminal output."""
    kind = getattr(event, "type", None)
    done = state.__dict__.setdefault("_done", {})
    if kind == "response.output_item.done":
        done[event.output_index] = event.item
    if kind not in ("response.completed", "response.incomplete", "response.failed"):
        return
    response = event.response
    if not response.output and done:
        response = response.model_copy(update={"output": [done[index] for index in sorted(done)]})
    elif kind == "response.completed":
        return
    final = parts.parse(text_format=state._text_format, response=response, input_tools=state._input_tools)
    state._completed_response = final
    for made in events:
        made.response = final


def adopt(stream: Any, _: bool | None, sdk: Sdk, parts: ResponseReaders) -> None:
    """Makes a stream of the SDK's `responses.stream()`, not read yet, fold its deltas natively, if its events are ours."""
    raw: Any = getattr(stream, "_raw_stream", None)
    faithful = getattr(type(raw), "respstream_faithful", None)  # not by `__class__`, which proxies have, too
    state: Any = getattr(stream, "_state", None)
    if faithful is not None and type(state) is parts.state:
        cls = _state_class(parts, faithful)
        ours = object.__new__(cls)
        ours.__dict__.update(state.__dict__, _runs=[], _run=None)
        stream._state = ours
        if type(raw) in stream_classes(sdk, faithful):
            raw.drafts = functools.partial(_drafts, weakref.ref(stream))


def _drafts(stream: weakref.ref[Any], raw: Any) -> Iterable[str]:
    """The types of events that come as drafts. Asked for when reading begins: others replace what the stream reads before."""
    reader = stream()
    return _TARGETS if reader is not None and reader._raw_stream is raw and _is_unwatched(raw) else ()


def _is_unwatched(raw: Any) -> bool:
    """Whether only the state reads the events of a stream, which may be drafts then. Others read what it iterates over."""
    return raw._iterator is raw.native_iterator and raw.is_unwatched()
