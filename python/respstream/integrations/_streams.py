"""The SDK's streams with events that are built natively.

Subclasses of the SDK's `Stream` and `AsyncStream`. All other messages are passed, one at a time, to the SDK's own
generator, so that its errors, its `[DONE]` and its handling of other payloads are those of the installed release. From the
first block with unusual framing on, the SDK's own decoder reads the stream.
"""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from respstream.integrations._clients import derived
from respstream.integrations._plans import Plans, plans
from respstream.integrations._sdk import Sdk
from respstream.protocols.event import UnknownEvent, build

__all__ = ["native_class", "stream_classes"]

# What the streams call past a class that somebody derived from the SDK's.
_OWN = frozenset({"_iter_events"})


class _Batches:
    """A decoder in the place of the SDK's: gives lists of events, and tuples with messages for the SDK among them."""

    def __init__(self, original: Any, known: Plans, drafts: Iterable[str], *, flush: bool) -> None:
        self._original = original
        self._sdk = known.sdk
        self._reader = known.reader(drafts)
        self._flush = flush

    def _odd(self, batch: tuple[Any, ...]) -> tuple[tuple[Any, ...], bytes | None]:
        """The batch with its texts as messages, and the bytes that the SDK has to frame."""
        rest: bytes | None = None
        items: list[Any] = []
        for item in batch:
            if item.__class__ is tuple:
                items += self._passed(self._sdk.message(event=item[0], data=item[1]))
            elif item.__class__ is bytes:
                rest = item
            else:
                items.append(item)
        return tuple(items), rest

    def _passed(self, message: Any) -> tuple[Any, ...]:
        """A message for the SDK, unless the SDK passes it over."""
        return () if self._sdk.skips(message) else (message,)

    def _last(self) -> tuple[Any, ...]:
        """What the last block gives although no blank line ended it, if that is wanted."""
        if not self._flush or not self._reader.rest:
            return ()
        return self._odd(tuple(self._reader.feed(b"\n\n")))[0]

    def iter_bytes(self, chunks: Iterator[bytes]) -> Iterator[Any]:
        chunks, feed = iter(chunks), self._reader.feed
        for chunk in chunks:
            batch = feed(chunk)
            if batch.__class__ is tuple:
                batch, rest = self._odd(batch)
                if rest is not None:
                    yield batch
                    for message in self._original.iter_bytes(chain([rest], chunks)):
                        yield self._passed(message)
                    return
            yield batch
        yield self._last()
        for message in self._original.iter_bytes(iter([self._reader.rest])):
            yield self._passed(message)

    async def aiter_bytes(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        chunks, feed = aiter(chunks), self._reader.feed
        async for chunk in chunks:
            batch = feed(chunk)
            if batch.__class__ is tuple:
                batch, rest = self._odd(batch)
                if rest is not None:
                    yield batch
                    async for message in self._original.aiter_bytes(_prefixed(rest, chunks)):
                        yield self._passed(message)
                    return
            yield batch
        yield self._last()
        async for message in self._original.aiter_bytes(_prefixed(self._reader.rest, None)):
            yield self._passed(message)


class _Messages:
    """A decoder in the place of one whose messages have one event each: gives the event, or the message for the SDK."""

    def __init__(self, original: Any, known: Plans) -> None:
        self._original, self._sdk = original, known.sdk
        self._event = known.messages().event

    def _batch(self, message: Any) -> Any:
        if self._sdk.skips(message):
            return ()
        event = None if message.event == "error" else self._event(message.data)
        return (message,) if event is None else [event]

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


async def _prefixed(first: bytes, chunks: AsyncIterator[bytes] | None) -> AsyncIterator[bytes]:
    yield first
    if chunks is not None:
        async for chunk in chunks:
            yield chunk


def _known(stream: Any, sdk: Sdk) -> Plans | None:
    """The plans for a stream; None if it is not read the common way, and the SDK must read it."""
    options = getattr(stream, "_options", None)
    client = getattr(stream, "_client", None)
    process = getattr(type(client), "_process_response_data", None)
    if (
        getattr(stream, "_cast_to", None) != sdk.events
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


@functools.cache
def stream_classes(sdk: Sdk, faithful: bool) -> tuple[type[Any], type[Any]]:
    """The synchronous and the asynchronous stream that take the place of the SDK's."""
    return _sync_class(sdk, faithful), _async_class(sdk, faithful)


def _sync_class(sdk: Sdk, faithful: bool) -> type[Any]:
    generic: Any = sdk.streams[0]
    base: Any = generic[sdk.events]
    iterate = generic.__iter__

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
                type(self).__iter__ is own and generic.__iter__ is iterate and getattr(self, "_observer", None) is None
            )

        def __stream__(self) -> Any:
            known = _known(self, sdk)
            if known is None:
                return super().__stream__()
            iterator = _read(self, known, super()._iter_events, super().__stream__)
            if not sdk.named:  # which reads a copy of the stream, that must not form a cycle with its iterator
                self.native_iterator = iterator
            return iterator

    if sdk.named:  # whose own iteration looks for an observer at each event
        Stream.__iter__ = lambda self: self._iterator if self.is_unwatched() else generic.__iter__(self)
    own = Stream.__iter__
    return Stream


def _read(stream: Any, known: Plans, batched: Callable[[], Iterator[Any]], theirs: Callable[[], Any]) -> Iterator[Any]:
    """The events of a stream. `batched`: its batches, once its decoder is ours; `theirs`: the SDK's generator of events."""
    faithful, message_class = stream.respstream_faithful, known.sdk.message
    stream._decoder = _decoder(stream, known)
    batches = batched()
    queue = stream._queue = _Queue()
    slow: Any = None
    try:
        for batch in batches:
            if batch.__class__ is list:
                yield from batch
                continue
            for item in batch:
                if item.__class__ is not message_class:
                    yield item
                    continue
                event: Any = None if faithful or known.sdk.is_untyped or not known.sdk.api else _unknown(item, known)
                if event is None:
                    queue.put(item)
                    slow = slow or theirs()
                    event = next(slow, queue)
                    if event is queue:
                        return
                    known.learn(item.data, event)
                yield event
    finally:
        if slow is not None:
            slow.close()
        stream.response.close()


def _async_class(sdk: Sdk, faithful: bool) -> type[Any]:
    generic: Any = sdk.streams[1]
    base: Any = generic[sdk.events]
    iterate = generic.__aiter__

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
                type(self).__aiter__ is own
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

    if sdk.named:
        AsyncStream.__aiter__ = lambda self: self._iterator if self.is_unwatched() else generic.__aiter__(self)
    own = AsyncStream.__aiter__
    return AsyncStream


async def _aread(
    stream: Any, known: Plans, batched: Callable[[], AsyncIterator[Any]], theirs: Callable[[], Any]
) -> AsyncIterator[Any]:
    """As `_read`."""
    faithful, message_class = stream.respstream_faithful, known.sdk.message
    stream._decoder = _decoder(stream, known)
    batches = batched()
    queue = stream._queue = _Queue()
    slow: Any = None
    try:
        async for batch in batches:
            if batch.__class__ is list:
                for made in batch:
                    yield made
                continue
            for item in batch:
                if item.__class__ is not message_class:
                    yield item
                    continue
                event: Any = None if faithful or known.sdk.is_untyped or not known.sdk.api else _unknown(item, known)
                if event is None:
                    queue.put(item)
                    slow = slow or theirs()
                    event = await anext(slow, queue)
                    if event is queue:
                        return
                    known.learn(item.data, event)
                yield event
    finally:
        # Closing a generator that was not started would start it, maybe after the event loop has closed all others.
        if slow is not None:
            await slow.aclose()
        await stream.response.aclose()
