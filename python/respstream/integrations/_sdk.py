"""What the integrations with SDKs share of an SDK whose events are built natively: its classes, and how it reads streams."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, get_args

__all__ = ["Sdk", "UnsupportedError"]

Own = TypeVar("Own", bound="Sdk")


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
        """The SDK with another union of event classes, or with the only class of an API whose events have no type."""
        return dataclasses.replace(self, events=events)

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
