"""`responses.stream()`: the deltas that carry the text so far, without copying it for each.

The SDK's state folds every event. Here it does so too, but for the deltas of one text after its first: those are made
natively, and the text is put back into the SDK's snapshot before it sees any other event.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

from respstream import _backend
from respstream.integrations.openai._plans import difference
from respstream.integrations.openai._sdk import Sdk

__all__ = ["adopt"]

# The member of an item or part that the deltas of each type add to.
_TARGETS = {"response.output_text.delta": "text", "response.function_call_arguments.delta": "arguments"}


class _Run:
    """The deltas of one text, from the second on.

    Two texts grow in turn: a reader mostly holds on to its latest event, so that the one before can be extended in
    place, which CPython does if nobody else has it.
    """

    __slots__ = ("attribute", "kind", "newer", "older", "pending", "stamp", "target")

    def __init__(self, kind: type[Any], target: Any, attribute: str, stamp: Any, text: str) -> None:
        self.kind = kind
        self.target = target
        self.attribute = attribute
        self.stamp = stamp
        self.newer = text
        self.older = ""
        self.pending = text

    def next(self, event: Any, delta: str) -> Any:
        """The SDK's event for one more delta."""
        text = self.older
        self.older = self.newer
        self.newer = ""
        text += self.pending
        text += delta
        self.newer = text
        self.pending = delta
        return self.stamp(event, text)

    def flush(self) -> None:
        """Puts the text back where the SDK looks for it."""
        setattr(self.target, self.attribute, self.newer)


def _key(members: dict[str, Any]) -> tuple[Any, Any]:
    return members.get("output_index"), members.get("content_index")


def _stamp(event: Any, made: Any) -> Any:
    """What makes events like `made` out of ones like `event`; None where it does not come out equal."""
    cls = made.__class__
    fields = [
        (name, name, 0, field.is_required(), None if field.is_required() else field.default)
        for name, field in cls.model_fields.items()
    ]
    if any(field.default_factory is not None for field in cls.model_fields.values()):
        return None
    stamp = _backend.engine.SdkStamp(cls, fields, made.__pydantic_fields_set__, "snapshot").stamp
    return stamp if difference(made, stamp(event, made.snapshot)) is None else None


@functools.cache
def _warn() -> None:
    warnings.warn("respstream leaves responses.stream() to the openai SDK: its events differ", RuntimeWarning, 2)


@functools.cache
def _state_class(sdk: Sdk, faithful: bool) -> type[Any]:
    base: Any = sdk.state

    class ResponseStreamState(base):  # type: ignore[misc]
        """As the SDK's; the deltas of a text that it has begun are not its business."""

        _runs: dict[Any, _Run]

        def handle_event(self, event: Any) -> list[Any]:
            members = event.__dict__
            run = self._runs.get(_key(members)) if self._runs else None
            if run is not None and run.kind is event.__class__:
                delta = members.get("delta")
                if delta.__class__ is str:
                    return [run.next(event, delta)]
            self._flush()
            events: list[Any] = super().handle_event(event)
            attribute = _TARGETS.get(members.get("type"))  # type: ignore[arg-type]
            if attribute is not None:
                self._begin(event, events, attribute)
            elif not faithful:
                _recover(self, sdk, event, events)
            return events

        def _flush(self) -> None:
            for run in self._runs.values():
                run.flush()
            self._runs.clear()

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
            self._runs[_key(event.__dict__)] = _Run(event.__class__, target, attribute, stamp, text)

        def _target(self, event: Any) -> Any:
            find = getattr(self, "_get_output_item", None)
            if find is not None:
                item = find(event.output_index)
            else:  # 2.x
                item = self._ResponseStreamState__current_snapshot.output[event.output_index]
            content = getattr(event, "content_index", None)
            return item if content is None else item.content[content]

    return ResponseStreamState


def _recover(state: Any, sdk: Sdk, event: Any, events: list[Any]) -> None:
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
    final = sdk.parse_response(text_format=state._text_format, response=response, input_tools=state._input_tools)
    state._completed_response = final
    for made in events:
        made.response = final


def adopt(stream: Any, sdk: Sdk, faithful: bool) -> None:
    """Makes a stream of the SDK's `responses.stream()`, not read yet, fold its deltas natively."""
    state = getattr(stream, "_state", None)
    if type(state) is sdk.state:
        state.__class__ = _state_class(sdk, faithful)
        state._runs = {}
