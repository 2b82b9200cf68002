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
# More texts at once than this, and all of them begin again.
_RUNS = 16


def _stamp(event: Any, made: Any) -> Any:
    """What makes events like `made` out of ones like `event`; None where it does not come out equal."""
    cls = made.__class__
    fields = [
        (name, name, 0, field.is_required(), None if field.is_required() else field.default)
        for name, field in cls.model_fields.items()
    ]
    if any(field.default_factory is not None for field in cls.model_fields.values()):
        return None
    stamp = _backend.engine.SdkStamp(cls, fields, made.__pydantic_fields_set__, "snapshot")
    return stamp if difference(made, stamp.stamp(event, made.snapshot)) is None else None


@functools.cache
def _warn() -> None:
    warnings.warn("respstream leaves responses.stream() to the openai SDK: its events differ", RuntimeWarning, 2)


@functools.cache
def _state_class(sdk: Sdk, faithful: bool) -> type[Any]:
    base: Any = sdk.state

    class ResponseStreamState(base):  # type: ignore[misc]
        """As the SDK's; the deltas of a text that it has begun are not its business."""

        _run: Any
        _runs: list[tuple[Any, Any, str]]

        def handle_event(self, event: Any) -> list[Any]:
            if self._run is not None:
                made = self._run(event)
                if made is not None:
                    return made  # type: ignore[no-any-return]
                for run, _, _ in self._runs:
                    made = run(event)
                    if made is not None:
                        self._run = run
                        return made  # type: ignore[no-any-return]
            attribute = _TARGETS.get(event.type)
            # The first delta of another text leaves the texts of the others alone.
            if attribute is None or event.delta.__class__ is not str or len(self._runs) == _RUNS:
                self._flush()
            events: list[Any] = super().handle_event(event)
            if attribute is not None:
                self._begin(event, events, attribute)
            elif not faithful:
                _recover(self, sdk, event, events)
            return events

        def _flush(self) -> None:
            """Puts the texts back where the SDK looks for them."""
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
            self._run = _backend.engine.SdkRun(stamp, event, text)
            self._runs.append((self._run, target, attribute))

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
        state._runs, state._run = [], None
