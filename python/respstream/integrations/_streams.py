"""The SDK's streams with events that are built natively.

Subclasses of the SDK's `Stream` and `AsyncStream`. All other messages are passed, one at a time, to the SDK's own
generator, so that its errors, its `[DONE]` and its handling of other payloads are those of the installed release. From the
first block with unusual framing on, the SDK's own decoder reads the stream.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from respstream import _backend
from respstream.integrations._clients import derived
from respstream.integrations._plans import Plans, plans
from respstream.integrations._sdk import Sdk
from respstream.integrations._sources import source_of
from respstream.protocols.event import UnknownEvent, build

__all__ = ["is_plain", "native_class", "stream_classes"]

# What the streams call past a class that somebody derived from the SDK's.
_OWN = frozenset({"_iter_events"})
_FOUND = 256  # the maximum number of classes of streams for which the native ones are kept

_making = threading.Lock()


class _Batches:
    """A decoder in the place of the SDK's. Each batch is two iterators: over events, and over the messages for the SDK.

    The one over events stops before each message, and goes on after it.
    """

    def __init__(self, original: Any, known: Plans, drafts: Iterable[str], *, flush: bool) -> None:
        self._original, self._sdk = original, known.sdk
        self._reader = known.reader(drafts)
        self._flush = flush
        self.error: Exception | None = None
        """What reading the next chunk raises."""

    def _messages(self) -> Iterator[Any]:
        take = self._reader.take_message
        while (given := take()) is not None:
            yield self._sdk.message(event=given[0], data=given[1])

    def _last(self) -> Any:
        """What the last block gives although no blank line ended it, if that is wanted."""
        flushes = self._flush and self._reader.rest
        return (self._reader.feed(b"\n\n"), self._messages()) if flushes else _left()

    def iter_bytes(self, chunks: Iterator[bytes]) -> Iterator[Any]:
        chunks, reader = iter(chunks), self._reader
        feed = reader.feed
        for chunk in chunks:
            yield feed(chunk), self._messages()
            if reader.is_unsupported:
                break
        else:
            yield self._last()
        for message in self._original.iter_bytes(chain([reader.rest], chunks)):
            yield _left(message)

    async def aiter_bytes(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        if self.error is not None:
            raise self.error
        chunks, reader = aiter(chunks), self._reader
        feed = reader.feed
        async for chunk in chunks:
            yield feed(chunk), self._messages()
            if reader.is_unsupported:
                break
        else:
            yield self._last()
        async for message in self._original.aiter_bytes(_prefixed(reader.rest, chunks)):
            yield _left(message)


def _left(*messages: Any) -> Any:
    """A batch of nothing but messages for the SDK."""
    return iter(()), messages


class _Messages:
    """A decoder in the place of one whose messages have one event each: gives the event, or the message for the SDK."""

    def __init__(self, original: Any, known: Plans) -> None:
        self._original, self._sdk = original, known.sdk
        self._event = known.messages().event

    def _batch(self, message: Any) -> Any:
        passed = message.event == "error" or self._sdk.skips(message)
        event = None if passed else self._event(message.data)
        return _left(message) if event is None else (iter((event,)), ())

    def iter_bytes(self, chunks: Iterator[bytes]) -> Iterator[Any]:
        return map(self._batch, self._original.iter_bytes(chunks))

    async def aiter_bytes(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for message in self._original.aiter_bytes(chunks):
            yield self._batch(message)


def _decoder(stream: Any, known: Plans) -> Any:
    """The decoder in the place of that of a stream."""
    if type(stream._decoder) in known.sdk.message_decoders():
        return _Messages(stream._decoder, known)
    return _Batches(stream._decoder, known, stream.drafts(stream), flush=not stream.respstream_faithful)


def _no_drafts(_: Any) -> Iterable[str]:
    return ()


async def _prefixed(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in chunks:
        yield chunk


def _known(stream: Any, sdk: Sdk) -> Plans | None:
    """The plans for a stream; None if it is not read the common way, and the SDK must read it."""
    options = getattr(stream, "_options", None)
    client = getattr(stream, "_client", None)
    process, cast_to = getattr(type(client), "_process_response_data", None), getattr(stream, "_cast_to", None)
    if (
        (cast_to is not sdk.events and cast_to != sdk.events)
        or getattr(options, "synthesize_event_and_data", None)
        or getattr(client, "_strict_response_validation", False)
        or process not in sdk.process
        or type(getattr(stream, "_decoder", None)) not in (*sdk.decoders, *sdk.message_decoders())
        or getattr(stream, "_observer", None) is not None
        or not callable(getattr(getattr(stream, "response", None), "close", None))
    ):
        return None
    return plans(sdk)


class _Queue:
    """The messages that the SDK's generator is to do, one after the other. No generator, which would have to be closed."""

    def __init__(self) -> None:
        self._waiting: list[Any] = []

    def put(self, message: Any) -> None:
        self._waiting.append(message)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self._waiting:
            raise StopIteration
        return self._waiting.pop()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if not self._waiting:
            raise StopAsyncIteration
        return self._waiting.pop()


def _unknown(message: Any, known: Plans) -> UnknownEvent | None:
    """An event of a type that the SDK has no class for, as one of ours."""
    try:
        data = json.loads(message.data)
    except ValueError:
        return None
    kind = data.get("type") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind in known.classes or data.get("error"):
        return None
    number = data.get("sequence_number")
    raw = message.data.encode("utf-8", "surrogatepass")
    event = build(
        UnknownEvent,
        raw,
        0,
        None,
        number if isinstance(number, int) else None,
        None,
        {"api": known.sdk.api, "type": kind},
    )
    return event if isinstance(event, UnknownEvent) else None


def native_class(sdk: Sdk, wanted: Any, asynchronous: bool, faithful: bool) -> Any:
    """The class of stream for the one that a request names; the same one if its events are of no API that is read natively."""
    key = id(wanted), asynchronous, faithful
    found = sdk.found.get(key)
    if found is None or found[0] is not wanted:
        found = wanted, _native_class(sdk, wanted, asynchronous, faithful)
        if len(sdk.found) < _FOUND:
            sdk.found[key] = found
    return found[1]


def _native_class(sdk: Sdk, wanted: Any, asynchronous: bool, faithful: bool) -> Any:
    base: Any = sdk.streams[asynchronous]
    for each in sdk.variants():
        ours = stream_classes(each, faithful)[asynchronous]
        if wanted == base[each.events]:
            return ours
        if isinstance(wanted, type) and issubclass(wanted, base) and _chunk_type(each, wanted) == each.events:
            return derived(wanted, ours, base, _OWN)
    return wanted


def _chunk_type(sdk: Sdk, cls: type[Any]) -> Any:
    try:
        return sdk.chunk_type(cls)
    except (AttributeError, RuntimeError, TypeError):  # the SDK cannot resolve it
        return None


def stream_classes(sdk: Sdk, faithful: bool) -> tuple[type[Any], type[Any]]:
    """The synchronous and the asynchronous stream that take the place of the SDK's; the same ones for all threads."""
    with _making:
        return _stream_classes(sdk, faithful)


@functools.cache
def _stream_classes(sdk: Sdk, faithful: bool) -> tuple[type[Any], type[Any]]:
    return _sync_class(sdk, faithful), _async_class(sdk, faithful)


def is_plain(method: Any, cls: type[Any]) -> bool:
    """Whether a method is of the SDK's module of a class, and not one that others set in its place."""
    return method.__module__ == cls.__module__ and not hasattr(method, "__wrapped__")


def _sync_class(sdk: Sdk, faithful: bool) -> type[Any]:
    generic: Any = sdk.streams[0]
    base: Any = generic[sdk.events]
    iterate, plain = generic.__iter__, is_plain(generic.__iter__, sdk.message)

    class Stream(base):  # type: ignore[misc]
        """As the SDK's, with events built natively."""

        respstream_faithful = faithful
        drafts = staticmethod(_no_drafts)  # set before it is read, by what takes drafts for events
        native_iterator: Any = None
        _queue: _Queue | None = None

        def _iter_events(self) -> Iterator[Any]:
            return iter(self._queue) if self._queue is not None else super()._iter_events()

        def is_unwatched(self) -> bool:
            """Whether nothing looks at the events on the way from the iterator: no observer, no replaced or derived method."""
            return (
                plain
                and type(self).__iter__ is own
                and generic.__iter__ is iterate
                and getattr(self, "_observer", None) is None
            )

        def __stream__(self) -> Any:
            known = _known(self, sdk)
            if known is None:
                return super().__stream__()
            iterator = _read(self, known, super()._iter_events, super().__stream__)
            if not sdk.named:  # which reads a copy of the stream, that must not form a cycle with its iterator
                self.native_iterator = iterator
            return iterator

    Stream.__iter__ = lambda self: self._iterator if self.is_unwatched() else generic.__iter__(self)
    own = Stream.__iter__
    return Stream


def _leave(_: Any) -> None:
    """Finalizes a generator without running it, as event loops that are closed do."""


class _Left:
    """The messages that are left to the SDK: its generator of events gets one at a time."""

    end = object()
    """Comes in the place of an event after the last one."""

    def __init__(self, stream: Any, known: Plans, theirs: Callable[[], Any]) -> None:
        self._stream, self._known, self._theirs = stream, known, theirs
        self._recovers = not (stream.respstream_faithful or known.sdk.is_untyped or not known.sdk.api)
        self._queue = stream._queue = _Queue()
        self._events: Any = None

    def event(self, message: Any) -> Any:
        """The event of a message, as the only element of a tuple."""
        if self._known.sdk.skips(message):
            return ()
        found: Any = self._begun(message)
        if found is None:
            found = next(self._events, self.end)
            self._known.learn(message.data, found)
        return (found,)

    async def aevent(self, message: Any) -> Any:
        """As `event`."""
        if self._known.sdk.skips(message):
            return ()
        is_first = self._events is None
        found: Any = self._begun(message)
        if found is None:
            found = await (self._first_step() if is_first else anext(self._events, self.end))
            self._known.learn(message.data, found)
        return (found,)

    def _first_step(self) -> Any:
        """The first step of the SDK's generator. No event loop gets to know of it: `aclose` closes it, or else nothing."""
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, _leave)
        try:
            return anext(self._events, self.end)
        finally:
            sys.set_asyncgen_hooks(*hooks)

    def _begun(self, message: Any) -> UnknownEvent | None:
        """The event of a type that the SDK does not know, if those are wanted; the generator gets other messages."""
        event = _unknown(message, self._known) if self._recovers else None
        if event is None:
            self._queue.put(message)
            if self._events is None:
                self._events = self._theirs()
        return event

    def close(self) -> None:
        if self._events is not None:
            self._events.close()

    async def aclose(self) -> None:
        # Closing a generator that was not started would start it, maybe after the event loop has closed all others.
        if self._events is not None:
            await self._events.aclose()


def _read(stream: Any, known: Plans, batched: Callable[[], Iterator[Any]], theirs: Callable[[], Any]) -> Iterator[Any]:
    """The events of a stream. `batched`: its batches, once its decoder is ours; `theirs`: the SDK's generator of events.

    Natively built events come from the iterators of their batches, without a step of Python for each.
    """
    items: Iterator[Any] = _backend.engine.items_of(_read_batches(stream, known, batched, theirs))
    return items


def _read_batches(
    stream: Any, known: Plans, batched: Callable[[], Iterator[Any]], theirs: Callable[[], Any]
) -> Iterator[Iterable[Any]]:
    """The events of a stream, in iterables that are to be read one after the other."""
    stream._decoder = _decoder(stream, known)
    batches, left = batched(), _Left(stream, known, theirs)
    try:
        for events, messages in batches:
            yield events
            for message in messages:
                found = left.event(message)
                if found and found[0] is left.end:
                    return
                yield found
                yield events
    finally:
        left.close()
        stream.response.close()


def _async_class(sdk: Sdk, faithful: bool) -> type[Any]:
    generic: Any = sdk.streams[1]
    base: Any = generic[sdk.events]
    iterate, plain = generic.__aiter__, is_plain(generic.__aiter__, sdk.message)

    class AsyncStream(base):  # type: ignore[misc]
        """As the SDK's, with events built natively."""

        respstream_faithful = faithful
        drafts = staticmethod(_no_drafts)  # set before it is read, by what takes drafts for events
        native_iterator: Any = None
        _queue: _Queue | None = None

        def _iter_events(self) -> AsyncIterator[Any]:
            return aiter(self._queue) if self._queue is not None else super()._iter_events()

        def is_unwatched(self) -> bool:
            """Whether nothing looks at the events on the way from the iterator: no observer, no replaced or derived method."""
            return (
                plain
                and type(self).__aiter__ is own
                and generic.__aiter__ is iterate
                and getattr(self, "_observer", None) is None
            )

        def __stream__(self) -> Any:
            known = _known(self, sdk)
            if known is None:
                return super().__stream__()
            iterator = _aread(self, known, super()._iter_events, super().__stream__)
            if not sdk.named:  # which reads a copy of the stream, that must not form a cycle with its iterator
                self.native_iterator = iterator
            return iterator

    AsyncStream.__aiter__ = lambda self: self._iterator if self.is_unwatched() else generic.__aiter__(self)
    own = AsyncStream.__aiter__
    return AsyncStream


async def _aread(
    stream: Any, known: Plans, batched: Callable[[], AsyncIterator[Any]], theirs: Callable[[], Any]
) -> AsyncIterator[Any]:
    """As `_read`."""
    decoder = stream._decoder = _decoder(stream, known)
    is_common = type(decoder) is _Batches and is_plain(batched, known.sdk.message)
    source = source_of(stream.response) if is_common else None
    batches = batched() if source is None else decoder.aiter_bytes(source)
    left = _Left(stream, known, theirs)
    try:
        async for events, messages in batches:
            for event in events:
                yield event
            for message in messages:
                for event in await left.aevent(message):
                    if event is left.end:
                        return
                    yield event
                for event in events:
                    yield event
    except Exception as error:
        if source is None or source.error is not error:
            raise
        decoder.error = error
        async for _ in batched():  # raises what the SDK makes of it
            pass
    finally:
        await left.aclose()
        await stream.response.aclose()
