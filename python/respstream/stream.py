"""Events and responses of a source, read lazily."""

from __future__ import annotations

from respstream import _backend
from respstream.diagnostics import Diagnostic
from respstream.errors import StreamError
from respstream.inputs.filters import Filters, filtered_achunks, filtered_chunks
from respstream.inputs.sources import CorruptFile
from respstream.recordings.file_decoder import FileDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any, Generic, TypedDict, TypeVar, Unpack

    from respstream._options import Api, FileForm, OnEof
    from respstream.protocols.response import Response
    from respstream.types import StreamEvent

    T = TypeVar("T")

    class Options(TypedDict, total=False):
        """The options of what reads a source; `events` describes them."""

        api: Api
        form: FileForm
        on_eof: OnEof
        strict: bool
        max_event_bytes: int | None
        field: str | None
        time: str | None
        lane: str | None
        strip_prefix: str | bytes | None
        encoding: str | None

else:
    # Importing `typing` costs more than all other imports of this package.
    T = None
    Generic = {T: object}

__all__ = ["AsyncStream", "Stream", "aevents", "aresponses", "events", "responses"]

FILE_EVENT_BYTES = 64 << 20  # the default of `max_event_bytes` for files
KEPT_RESPONSES = 1000
"""The default of `keep_responses`."""
DEFAULTS: dict[str, Any] = {
    "api": "auto", "form": "auto", "on_eof": "flush", "strict": False, "max_event_bytes": None, "field": None, "time": None,
    "lane": None, "strip_prefix": None, "encoding": None,
}  # fmt: skip
"""The options of what reads a source, with their defaults."""


class _Reading:
    """Reads a source through a decoder.

    It has no reference to its stream, so that a stream without references is freed at once, and its source is closed.
    """

    def __init__(
        self,
        opened: Callable[[Any, Filters], Any],
        source: Any,
        options: dict[str, Any],
        *,
        whole: bool,
        make: Callable[..., Any] | None = None,
        keep: int | None = None,
    ) -> None:
        if keep is not None and keep < 0:
            raise ValueError(f"keep_responses must be a number of responses or None, not {keep}")
        filters = Filters(options.pop("strip_prefix"), options.pop("encoding"))
        self.decoder = FileDecoder(make=make, **options)
        self._parts = self.decoder.fold_in_parts if whole else self.decoder.feed_in_parts
        self._finish = self.decoder.fold_end if whole else self.decoder.finish
        self._whole = whole
        self._keep = None if whole else keep  # `fold` returns those that have ended
        self._strict: bool = options["strict"]
        self._closed = False
        self._batch: list[Any] = []  # the items of one call that are being returned; closing empties it
        self.damage: list[Diagnostic] = []  # diagnostics of the compressed file
        self._chunks = opened(source, filters)
        self.about = f"{'responses' if whole else 'events'} of {_name(source)}"

    def run(self) -> Iterator[Any]:
        """The items of a synchronous source."""
        items: Iterator[Any] = _backend.engine.items_of(self._batches())
        return items

    def _batches(self) -> Iterator[list[Any]]:
        """Yields the items in lists, which are to be read one after the other."""
        try:
            try:
                for chunk in self._chunks:
                    if self.is_closed():
                        return
                    for found in self._parts(chunk):
                        self._batch = found
                        yield found
                        if self.is_closed():
                            return
                        found.clear()  # so that the next items reuse the memory
                        self._forget()
            except CorruptFile as error:
                self._damaged(error)
            if not self._closed:
                self._batch = self._finish()
                yield self._batch
        except StreamError as error:
            self._batch = self._before(error)
            yield self._batch
            if not self._closed:
                raise
        finally:
            self.close()

    async def arun(self) -> AsyncIterator[Any]:
        """Yields the items of an asynchronous source."""
        try:
            try:
                async for chunk in self._chunks:
                    if self.is_closed():
                        return
                    for batch in self._parts(chunk):
                        self._batch = batch
                        for found in batch:
                            yield found
                        if self.is_closed():
                            return
                        batch.clear()
                        self._forget()
            except CorruptFile as error:
                self._damaged(error)
            if not self._closed:
                self._batch = self._finish()
                for found in self._batch:
                    yield found
        except StreamError as error:
            self._batch = self._before(error)
            for found in self._batch:
                yield found
            if not self._closed:
                raise
        finally:
            await self.aclose()

    def is_closed(self) -> bool:
        """Whether the stream was closed, which is possible between any two events."""
        return self._closed

    def close(self) -> None:
        """Stops reading, and closes a synchronous source."""
        self._stop()
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()

    async def aclose(self) -> None:
        """Stops reading, and closes an asynchronous source."""
        self._stop()
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()

    def _stop(self) -> None:
        self._closed = True
        self._batch.clear()

    def _forget(self) -> None:
        """Bounds the memory of endless sources."""
        if self._keep is not None:
            self.decoder.forget_ended(self._keep)

    def responses(self) -> list[Response]:
        """The responses of the decoder."""
        self._forget()
        responses: list[Response] = self.decoder.responses
        return responses

    def _damaged(self, error: CorruptFile) -> None:
        """Adds a diagnostic for a compressed file that cannot be read to its end; the data before it is used."""
        found = Diagnostic(error.code, error.offset, 0, error.line, detail={"reason": str(error)})
        self.damage.append(found)
        if self._strict:
            raise StreamError(found)

    def _before(self, error: StreamError) -> list[Any]:
        """The items before a failure that were not returned yet."""
        found: list[Any] = list(error.events)
        if self._whole:
            found += [response for response in self.decoder.responses if response.stream_index is not None]
        return found


def _name(source: Any) -> str:
    """A source in a repr."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"{len(source):,} bytes"
    if isinstance(source, str) or hasattr(source, "__fspath__"):
        return repr(str(source))
    return f"a {type(source).__name__}"


class _Results(Generic[T]):
    """The results so far of synchronous and asynchronous streams."""

    if not TYPE_CHECKING:

        def __class_getitem__(cls, _: object) -> type:
            return cls

    # How a source is opened, and how its items are read: in the classes.
    _open: Callable[[Any, Filters], Any]
    _run: Callable[[_Reading], Any]

    def __init__(
        self,
        source: Any,
        options: dict[str, Any],
        *,
        whole: bool,
        make: Callable[..., Any] | None = None,
        keep: int | None = KEPT_RESPONSES,
    ) -> None:
        self._reading = _Reading(self._open, source, options, whole=whole, make=make, keep=keep)
        self._found: Any = self._run(self._reading)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._reading.about})"

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """The diagnostics so far; complete once the stream is exhausted."""
        diagnostics: list[Diagnostic] = self._reading.decoder.diagnostics
        return diagnostics + self._reading.damage

    @property
    def responses(self) -> list[Response]:
        """The responses that were not returned yet: those that have ended, of which `events` keeps the last 1,000 by default,
        then the open ones.
        """
        return self._reading.responses()

    @property
    def response(self) -> Response | None:
        """The latest response, assembled so far; None before the first."""
        response: Response | None = self._reading.decoder.response
        return response


class Stream(_Results[T]):
    """An iterator over the events or responses of a source.

    It closes the source at its end, on `close()`, and as a context manager.
    """

    _open = staticmethod(filtered_chunks)
    _run = staticmethod(_Reading.run)
    _found: Iterator[T]

    def __iter__(self) -> Iterator[T]:
        return self._found  # the iterator itself, which saves a call of `__next__` per event

    def __next__(self) -> T:
        return next(self._found)

    def close(self) -> None:
        """Stops reading and closes the source. Safe to call twice."""
        self._reading.close()

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncStream(_Results[T]):
    """As `Stream`, over an asynchronous iterable of bytes."""

    _open = staticmethod(filtered_achunks)
    _run = staticmethod(_Reading.arun)
    _found: AsyncIterator[T]

    def __aiter__(self) -> AsyncIterator[T]:
        return self._found

    async def __anext__(self) -> T:
        return await anext(self._found)

    async def aclose(self) -> None:
        """Stops reading and closes the source. Safe to call twice."""
        await self._reading.aclose()

    async def __aenter__(self) -> AsyncStream[T]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def events(
    source: Any,
    *,
    api: Api = "auto",
    form: FileForm = "auto",
    on_eof: OnEof = "flush",
    strict: bool = False,
    max_event_bytes: int | None = None,
    field: str | None = None,
    time: str | None = None,
    lane: str | None = None,
    strip_prefix: str | bytes | None = None,
    encoding: str | None = None,
    keep_responses: int | None = KEPT_RESPONSES,
) -> Stream[StreamEvent]:
    """The typed events of a source, read lazily.

    `source`: bytes, a path, a binary file object, or an iterable of bytes. `api`: "responses", "chat" or "messages" reads
    streams of that API; "auto" detects it for each payload, so that a source may mix them. `form`: the input format,
    "auto", "sse", "jsonl", "rows", "har" or "vcr". `field`, `time`, `lane`: JSON pointers into rows (docs/recordings.md).
    `on_eof`: "flush" keeps an unfinished block at the end, "discard" drops it, as the WHATWG standard requires (HTML,
    9.2.6). `strict`: the first diagnostic of severity error raises StreamError. `max_event_bytes`: larger payloads are
    skipped with a diagnostic; default 64 MiB for a path, else no limit. `strip_prefix`: a regular expression (`re`, on
    bytes); what it matches at the beginning of a line is removed before anything else is read. `encoding`: the encoding of
    the source; default UTF-8, or UTF-16 if the source begins with its byte order mark. With these two, offsets are those of
    the resulting UTF-8. `keep_responses`: how many of the responses that have ended `responses` of the stream has, the last ones;
    None for all, which takes memory for each.

    Raises ValueError, TypeError or OSError for the source and the options. Malformed input never raises by default: problems
    are in `diagnostics`, with byte offsets. Of a corrupt or truncated compressed file, the readable part is used.
    """
    options = options_of(
        source,
        api=api,
        form=form,
        on_eof=on_eof,
        strict=strict,
        max_event_bytes=max_event_bytes,
        field=field,
        time=time,
        lane=lane,
        strip_prefix=strip_prefix,
        encoding=encoding,
    )
    return Stream(source, options, whole=False, keep=keep_responses)


def responses(
    source: Any,
    *,
    api: Api = "auto",
    form: FileForm = "auto",
    on_eof: OnEof = "flush",
    strict: bool = False,
    max_event_bytes: int | None = None,
    field: str | None = None,
    time: str | None = None,
    lane: str | None = None,
    strip_prefix: str | bytes | None = None,
    encoding: str | None = None,
) -> Stream[Response]:
    """The responses of a source, assembled from their events; options and exceptions as for `events`.

    A response is returned when the next one begins or the source ends. One that was cut short is returned too: its `complete`
    is False.
    """
    options = options_of(
        source,
        api=api,
        form=form,
        on_eof=on_eof,
        strict=strict,
        max_event_bytes=max_event_bytes,
        field=field,
        time=time,
        lane=lane,
        strip_prefix=strip_prefix,
        encoding=encoding,
    )
    return Stream(source, options, whole=True)


def aevents(
    source: Any,
    *,
    api: Api = "auto",
    form: FileForm = "auto",
    on_eof: OnEof = "flush",
    strict: bool = False,
    max_event_bytes: int | None = None,
    field: str | None = None,
    time: str | None = None,
    lane: str | None = None,
    strip_prefix: str | bytes | None = None,
    encoding: str | None = None,
    keep_responses: int | None = KEPT_RESPONSES,
) -> AsyncStream[StreamEvent]:
    """As `events`, over an asynchronous iterable of bytes, or any source of `events`, which then blocks while it is read."""
    options = options_of(
        source,
        api=api,
        form=form,
        on_eof=on_eof,
        strict=strict,
        max_event_bytes=max_event_bytes,
        field=field,
        time=time,
        lane=lane,
        strip_prefix=strip_prefix,
        encoding=encoding,
    )
    return AsyncStream(source, options, whole=False, keep=keep_responses)


def aresponses(
    source: Any,
    *,
    api: Api = "auto",
    form: FileForm = "auto",
    on_eof: OnEof = "flush",
    strict: bool = False,
    max_event_bytes: int | None = None,
    field: str | None = None,
    time: str | None = None,
    lane: str | None = None,
    strip_prefix: str | bytes | None = None,
    encoding: str | None = None,
) -> AsyncStream[Response]:
    """As `responses`, over an asynchronous iterable of bytes."""
    options = options_of(
        source,
        api=api,
        form=form,
        on_eof=on_eof,
        strict=strict,
        max_event_bytes=max_event_bytes,
        field=field,
        time=time,
        lane=lane,
        strip_prefix=strip_prefix,
        encoding=encoding,
    )
    return AsyncStream(source, options, whole=True)


def options_of(source: Any, **options: Unpack[Options]) -> dict[str, Any]:
    """The options of `events` with their defaults for a source, as keywords of `Stream`. Raises TypeError for others."""
    unknown = options.keys() - DEFAULTS.keys()
    if unknown:
        from respstream._suggest import suggestion

        first = min(unknown)
        raise TypeError(f"unexpected option: {', '.join(sorted(unknown))}{suggestion(first, DEFAULTS)}")
    found = {**DEFAULTS, **options}
    if found["max_event_bytes"] is None and (isinstance(source, str) or hasattr(source, "__fspath__")):
        found["max_event_bytes"] = FILE_EVENT_BYTES
    return found
