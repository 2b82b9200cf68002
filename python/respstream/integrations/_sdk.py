"""What the integrations with SDKs share of an SDK whose events are built natively: its classes, and how it reads streams."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, get_args

from respstream.integrations._functions import Functions, with_own_caches

__all__ = ["Sdk", "UnsupportedError", "check_classes", "check_layout", "look_up"]

Own = TypeVar("Own", bound="Sdk")
Found = TypeVar("Found")

Wanted = tuple[tuple[type[Any], ...], tuple[str, ...], str, tuple[str, ...]]
"""Classes, names that they must have, and the name of a function of theirs with arguments that it must take."""


class UnsupportedError(Exception):
    """This release of the SDK, or of pydantic, is not laid out as expected; the message says where."""


@dataclass(frozen=True)
class Sdk:
    """The parts of an SDK that are used. A subclass adds those of one SDK."""

    api: ClassVar[str] = ""
    """The API of events of types that the SDK does not know; with "" they are left to the SDK."""
    named: ClassVar[bool] = False
    """Whether the SDK only reads messages with the name of an event."""

    version: str
    clients: tuple[type[Any], type[Any]]
    """The synchronous and the asynchronous client."""
    streams: tuple[type[Any], type[Any]]
    """The classes of streams of events, likewise."""
    message: type[Any]
    """One server-sent event of the SDK's decoder."""
    process: tuple[Any, ...]
    """The functions that make an event from a payload, as the clients have them."""
    decoders: tuple[type[Any], ...]
    """The classes of decoders whose framing is known."""
    events: Any
    """The union of all event classes."""
    model: type[Any]
    """The base class of the SDK's models."""
    chunk_type: Any
    """The type of the events of a class of streams."""
    construct_type: Any
    validate_type: Any

    def with_events(self: Own, events: Any) -> Own:
        """The SDK with another union of event classes, or with the only class of an API whose events have no type.

        The same object for the same events.
        """
        found = self._others.get(id(events))
        return found or self._others.setdefault(id(events), dataclasses.replace(self, events=events))

    @functools.cached_property
    def _others(self: Own) -> dict[int, Own]:
        return {}

    @functools.cached_property
    def functions(self) -> Functions:
        """`validate_type` and `construct_type` without effect on the SDK's caches."""
        model: Any = self.model  # mypy takes no class for a Hashable
        return with_own_caches(self.validate_type, self.construct_type, model)

    @functools.cached_property
    def found(self) -> dict[Any, Any]:
        """What was found for the classes of streams that requests name."""
        return {}

    def __hash__(self) -> int:
        # That of a union of all events takes long.
        return hash((self.version, id(self.events)))

    def variants(self: Own) -> tuple[Own, ...]:
        """The SDK with the events of each API that it streams."""
        return (self,)

    def message_decoders(self) -> tuple[type[Any], ...]:
        """The classes of decoders with another framing, whose messages have one event each."""
        return ()

    def skips(self, message: Any) -> bool:
        """Whether the SDK passes a message over."""
        return False

    @property
    def is_untyped(self) -> bool:
        """Whether events have no type: they are all of one class, which the SDK does not validate."""
        return isinstance(self.events, type)

    def construct(self, value: object) -> Any:
        """The event that the SDK makes of a decoded payload."""
        return self.construct_type(type_=self.events, value=value)

    @functools.cached_property
    def chunk_types(self) -> tuple[type[Any], ...]:
        """The event classes."""
        return (self.events,) if self.is_untyped else get_args(get_args(self.events)[0])


def check_layout(sdk: Sdk, wanted: Iterable[Wanted]) -> None:
    """Raises UnsupportedError if pydantic is not 2.x, or a class of the SDK is not laid out as wanted."""
    import pydantic

    if int(pydantic.VERSION.split(".")[0]) != 2:
        raise UnsupportedError(f"pydantic {pydantic.VERSION}")
    check_classes(wanted)
    if not sdk.chunk_types:
        raise UnsupportedError("the event type is not a union")


def check_classes(wanted: Iterable[Wanted]) -> None:
    """Raises UnsupportedError if a class of the SDK is not laid out as wanted."""
    for classes, names, function, arguments in wanted:
        for cls in classes:
            missing = [name for name in (*names, function) if not hasattr(cls, name)]
            if missing:
                raise UnsupportedError(f"{cls.__name__} has no {missing[0]}")
            parameters = inspect.signature(getattr(cls, function)).parameters
            lacking = [name for name in arguments if name not in parameters]
            if lacking:
                raise UnsupportedError(f"{cls.__name__}.{function} has no argument {lacking[0]}")


def look_up(package: str, find: Callable[[], Found]) -> Found:
    """The SDK, or a part of it, that a function finds.

    Raises UnsupportedError if its layout is not known, ImportError without the package.
    """
    try:
        return find()
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            raise
        raise UnsupportedError(str(error)) from error
