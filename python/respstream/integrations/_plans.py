"""Native plans for the event types, derived from the SDK's classes and proved against what the SDK constructs.

A type gets its plan at its first event, which the SDK still makes: samples and that event have to come out equal both
ways. From the second event on the type is built natively; one that differs anywhere stays with the SDK.

Samples of types with unions of models make the SDK prepare many classes, which takes longer than many short streams. Such a
type, which few events of a stream are of, gets its plan once it is frequent, and then one sample is compared at each event.
"""

from __future__ import annotations

import collections
import functools
import json
import threading
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, get_args, get_origin

from respstream import _backend
from respstream.integrations._samples import samples
from respstream.integrations._sdk import Sdk
from respstream.integrations._shapes import Shapes, has_union_of_models, literals

__all__ = ["UNTYPED", "Plans", "difference", "plans"]

UNTYPED = ""
"""The type of events that have none."""

_FREQUENT = 8
"""The events after which the plan of a type with unions of models begins."""


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
        self._tried: set[str] = set()
        self._seen: collections.Counter[str] = collections.Counter()
        self._proofs: dict[str, Iterator[None]] = {}
        self._lock = threading.Lock()

    def reader(self, drafts: Iterable[str] = ()) -> Any:
        """A native reader of one stream; events of the types in `drafts` come as drafts."""
        return _backend.engine.SdkReader(self.native, list(drafts), self.sdk.named)

    def messages(self) -> Any:
        """A native reader of messages with one event each."""
        return _backend.engine.SdkMessages(self.native)

    def learn(self, data: str, event: object) -> None:
        """Takes note of an event that the SDK made of a payload: a plan of its type is made, or gets one step further."""
        cls = event.__class__
        kind = getattr(event, "type", UNTYPED)
        if not isinstance(kind, str) or kind in self._tried or self.classes.get(kind) is not cls:
            return
        # Another thread that makes a plan is not waited for: this event is made already.
        if self._lock.acquire(blocking=False):
            try:
                if kind not in self._tried:
                    self._go_on(kind, cls, data, event)
            finally:
                self._lock.release()

    def prepare(self) -> None:
        """Makes the plans of all types at once, from samples alone."""
        with self._lock:
            for kind, cls in self.classes.items():
                if kind not in self._tried:
                    self._finish(kind, self._proof(kind, cls, None, None))

    def _go_on(self, kind: str, cls: type[Any], data: str, event: object) -> None:
        proof = self._proofs.get(kind)
        if proof is None:
            self._seen[kind] += 1
            proof = self._proof(kind, cls, data, event)
            if not has_union_of_models(cls, self.sdk.model):
                self._finish(kind, proof)
            elif self._seen[kind] >= _FREQUENT:
                self._proofs[kind] = proof
        elif next(proof, self) is self:
            self._finish(kind, proof)

    def _finish(self, kind: str, proof: Iterator[None]) -> None:
        collections.deque(proof, maxlen=0)
        self._tried.add(kind)
        self._proofs.pop(kind, None)

    def _proof(self, kind: str, cls: type[Any], data: str | None, event: object) -> Iterator[None]:
        """Makes a plan; yields after each comparison of an event that was built both ways."""
        node = self._shapes.model(cls)
        self.native.extend(self._shapes.take())
        if node is None:
            self.refused[kind] = "the class is not a plain model"
            return
        where = None if data is None else self._differs(node, data, event)
        construct = self.sdk.construct if data is None else functools.partial(self._construct, cls)
        for sample in samples(cls):
            yield
            # The SDK chooses the class by the type.
            payload = json.dumps({**sample, "type": kind} if kind else sample, ensure_ascii=False)
            where = where or self._differs(node, payload, construct(json.loads(payload)))
        if where is None:
            self.native.set_event(kind, node)
        else:
            self.refused[kind] = where

    def _construct(self, cls: type[Any], value: Any) -> Any:
        """What the SDK makes of a payload of a class. For one that does not validate it would prepare all classes of the union
        first, to find this one, which stalls an event loop for longer than many streams take.
        """
        if self.sdk.is_untyped:
            return self.sdk.construct(value)
        try:
            return self.sdk.validate_type(type_=self._union, value=value)
        except Exception:  # as the SDK, which then constructs it without validation
            return self.sdk.construct_type(type_=cls, value=value)

    def _differs(self, node: int, data: str, event: object) -> str | None:
        built = self.native.build(node, data.encode("utf-8", "surrogatepass"))
        return None if built is None else difference(event, built)


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
