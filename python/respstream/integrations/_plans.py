"""Native plans for the event types, derived from the SDK's classes and proved against what the SDK constructs.

The SDK makes the first events of a type. Once the type is frequent, its plan is made and proved in small steps, which events of the
type that the SDK still makes pay for: samples and those events have to come out equal both ways. From then on the type is built
natively; one that differs anywhere stays with the SDK.

A plan is proved in two parts. The first one is about events that validate, for which the SDK has prepared its classes with its
first event. For others, and for some annotations, the SDK prepares further classes, one after the other, which takes longer than
many short streams. The second part begins only when many events of the type need that.
"""

from __future__ import annotations

import collections
import contextlib
import json
import threading
import time
from collections.abc import Generator, Iterable
from typing import Annotated, Any, get_args, get_origin

from respstream import _backend
from respstream.integrations._samples import samples
from respstream.integrations._sdk import Sdk
from respstream.integrations._shapes import Shapes, has_union_of_models, literals

__all__ = ["UNTYPED", "Plans", "difference", "plans"]

UNTYPED = ""
"""The type of events that have none."""

_FREQUENT = 4
"""The events of a type that the SDK makes before the plan begins."""
_FREQUENT_WITH_UNIONS = 32
"""The same for types with unions of models. Their proofs cost as much as the SDK takes for dozens of these events."""
_FACTOR = 2
"""How many times as many events come that need the second part of the proof before that begins."""
_BUDGET = 0.001
"""The seconds after which an event pays for no further step."""

_Given = tuple[str, object] | None
"""An event that the SDK made, with its payload; None if all steps are taken at once, without events."""
_Steps = Generator[bool, _Given, None]
"""The steps of a proof. Yields whether the next step needs another event."""
_EVENT, _PAUSE = True, False


class Plans:
    """All that is known of the SDK's event types; grows as types are met. Safe to share between threads."""

    def __init__(self, sdk: Sdk) -> None:
        self.sdk = sdk
        self.native = _backend.engine.SdkPlan(validates=not sdk.is_untyped)  # it validates unions first
        self.classes = _event_classes(sdk)
        self.refused: dict[str, str] = {}
        """The types that the SDK goes on building itself, and where the first difference was."""
        self._shapes = Shapes(sdk)
        is_annotated = get_origin(sdk.events) is Annotated  # then the SDK has prepared what is annotated
        self._union = get_args(sdk.events)[0] if is_annotated else sdk.events
        self._proofs: dict[str, _Steps] = {}
        self._done: set[str] = set()
        self._lock = threading.Lock()

    def reader(self, drafts: Iterable[str] = ()) -> Any:
        """A native reader of one stream; events of the types in `drafts` come as drafts."""
        return _backend.engine.SdkReader(self.native, list(drafts), self.sdk.named)

    def messages(self) -> Any:
        """A native reader of messages with one event each."""
        return _backend.engine.SdkMessages(self.native)

    def learn(self, data: str, event: object) -> None:
        """Takes note of an event that the SDK made of a payload: the plan of its type gets further."""
        cls = event.__class__
        kind = getattr(event, "type", UNTYPED)
        if not isinstance(kind, str) or kind in self._done or self.classes.get(kind) is not cls:
            return
        # Another thread that makes a plan is not waited for: this event is made already.
        if self._lock.acquire(blocking=False):
            try:
                if kind not in self._done:
                    self._go_on(kind, cls, (data, event))
            finally:
                self._lock.release()

    def prepare(self) -> None:
        """Makes the plans of all types at once, from samples alone."""
        with self._lock:
            for kind, cls in self.classes.items():
                if kind not in self._done:
                    collections.deque(self._proof(kind, cls, at_once=True), maxlen=0)
                    self._finish(kind)

    def _go_on(self, kind: str, cls: type[Any], given: _Given) -> None:
        """Takes the next steps of a proof."""
        proof = self._proofs.get(kind)
        if proof is None:
            proof = self._proofs[kind] = self._proof(kind, cls)
            next(proof)
        end = time.perf_counter() + _BUDGET
        try:
            while proof.send(given) is _PAUSE and time.perf_counter() < end:
                pass
        except StopIteration:
            self._finish(kind)
        except Exception as error:  # of the SDK, about a sample
            self._finish(kind)
            self.refused[kind] = f"{type(error).__name__}: {error}"

    def _finish(self, kind: str) -> None:
        self._done.add(kind)
        self._proofs.pop(kind, None)

    def _proof(self, kind: str, cls: type[Any], *, at_once: bool = False) -> _Steps:
        frequent = _FREQUENT_WITH_UNIONS if has_union_of_models(cls, self.sdk.model) else _FREQUENT
        for _ in range(0 if at_once else frequent):
            yield _EVENT
        node = self._shapes.model(cls)
        if node is None:
            self.refused[kind] = "the class is not a plain model"
            return
        while self._shapes.go_on():
            yield _PAUSE
        self.native.extend(self._shapes.take())
        alone = not self.sdk.is_untyped  # which the SDK does not validate
        is_right = yield from self._part(kind, cls, node, alone)
        if alone and is_right:
            if not at_once:
                yield from self._need_more(node, frequent * _FACTOR)
            yield from self._part(kind, cls, node, False)

    def _part(self, kind: str, cls: type[Any], node: int, alone: bool) -> Generator[bool, _Given, bool]:
        """Proves a node, for events that are built `alone` or for all; then builds those natively. Returns whether it is right."""
        given = yield _EVENT
        where = None if given is None else self._differs(node, *given, alone)
        for prepare in () if alone else self._shapes.preparations(node):
            yield _PAUSE
            with contextlib.suppress(Exception):  # some refuse the value
                prepare()
        for sample in samples(cls, self._shapes.by_sdk() if alone else frozenset()):
            payload = json.dumps({**sample, "type": kind} if kind else sample, ensure_ascii=False)
            built = None if where else self._built(node, payload, alone)
            if built is not None:
                yield _PAUSE
                where = difference(self._construct(cls, json.loads(payload)), built)
        if where is None:
            self.native.set_event(kind, node, alone)
        else:
            self.refused[kind] = where
        return where is None

    def _need_more(self, node: int, wanted: int) -> _Steps:
        """Waits for so many events that need the second part."""
        while wanted:
            given = yield _EVENT
            wanted -= given is not None and self.native.needs_sdk(node, _bytes(given[0]))

    def _construct(self, cls: type[Any], value: Any) -> Any:
        """What the SDK makes of a payload of a class. For one that does not validate it would prepare all classes of the union
        first, to find this one, which stalls an event loop for longer than many streams take.
        """
        construct = self.sdk.functions.construct_type
        if self.sdk.is_untyped:
            return construct(type_=cls, value=value)
        try:
            return self.sdk.validate_type(type_=self._union, value=value)
        except Exception:  # as the SDK, which then constructs it without validation
            return construct(type_=cls, value=value)

    def _built(self, node: int, data: str, alone: bool) -> Any:
        return self.native.build(node, _bytes(data), alone)

    def _differs(self, node: int, data: str, event: object, alone: bool) -> str | None:
        built = self._built(node, data, alone)
        return None if built is None else difference(event, built)


def _bytes(data: str) -> bytes:
    return data.encode("utf-8", "surrogatepass")


def _event_classes(sdk: Sdk) -> dict[str, type[Any]]:
    """The class of each type; types that several classes claim are left out."""
    if sdk.is_untyped:
        return {UNTYPED: sdk.events}
    found: dict[str, type[Any] | None] = {}
    for cls in sdk.chunk_types:
        for word in literals(cls.model_fields["type"].annotation) or []:
            found[word] = None if word in found else cls
    return {kind: cls for kind, cls in found.items() if cls is not None}


def difference(one: Any, other: Any, path: str = "event") -> str | None:
    """Where two of the SDK's values first differ: class, content and order of members, fields set, extra members."""
    if one.__class__ is not other.__class__:
        return f"{path}: {one.__class__.__name__} and {other.__class__.__name__}"
    if isinstance(one, dict):
        if list(one) != list(other):
            return f"{path}: members {list(one)} and {list(other)}"
        parts = [(f"{path}.{key}", value, other[key]) for key, value in one.items()]
    elif isinstance(one, (list, tuple)):
        if len(one) != len(other):
            return f"{path}: {len(one)} and {len(other)} elements"
        parts = [(f"{path}[{at}]", value, other[at]) for at, value in enumerate(one)]
    elif hasattr(one, "__pydantic_fields_set__"):
        names = "__pydantic_fields_set__", "__pydantic_private__", "__pydantic_extra__"
        parts = [(f"{path}.{name}", getattr(one, name), getattr(other, name)) for name in names]
        parts.append((path, one.__dict__, other.__dict__))
    else:
        return None if one == other or repr(one) == repr(other) else f"{path}: {one!r} and {other!r}"
    return next((found for where, a, b in parts if (found := difference(a, b, where)) is not None), None)


_made: dict[int, Plans] = {}


def plans(sdk: Sdk) -> Plans:
    """The plans of this process for the events of an SDK."""
    key = id(sdk.events)  # which the plans keep alive
    found = _made.get(key)
    return _made.setdefault(key, Plans(sdk)) if found is None else found
