"""Events and responses of a source, lazily: the decoder with a reader in front of it."""

from __future__ import annotations

from respstream.diagnostics import Diagnostic
from respstream.errors import StreamError
from respstream.inputs.sources import CorruptFile, achunks, chunks
from respstream.recordings.file_decoder import FileDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any, Generic, TypeVar

    from respstream.protocols.responses.response import Response
    from respstream.types import ResponseStreamEvent

    T = TypeVar("T")
else:
    # `typing` costs more than everything else that this package imports.
    T = None
    Generic = {T: object}

__all__ = ["AsyncStream", "Stream", "aevents", "aresponses", "events", "responses"]

FILE_EVENT_BYTES = 64 << 20  # the default of `max_event_bytes` for what reads files


class _Reading:
    """A source on its way through the decoder. It knows no stream: one that is dropped goes at once, and its source with it."""

    def __init__(self, opened: Callable[[Any], Any], source: Any, options: dict[str, Any], *, whole: bool) -> None:
        self.decoder = FileDecoder(**options)
        self._feed = self.decoder.fold if whole else self.decoder.feed
        self._parts = self.decoder.fold_in_parts if whole else self.decoder.feed_in_parts
        self._finish = self.decoder.fold_end if whole else self.decoder.finish
        self._whole = whole
        self._strict: bool = options["strict"]
        self._closed = False
        self._batch: list[Any] = []  # what was found at once and is being handed out; closing empties it
        self.damage: list[Diagnostic] = []  # of the file around the stream
        self._chunks = opened(source)

    def run(self) -> Iterator[Any]:
        """What is found in a synchronous source."""
        try:
            try:
                for chunk in self._chunks:
                    if self.is_closed():
                        return
                    for found in self._parts(chunk):
                        self._batch = found
                        yield from found
                        if self.is_closed():
                            return
                        found.clear()  # before the next ones are made, which take the same memory
            except CorruptFile as error:
                self._damaged(error)
            if not self._closed:
                self._batch = self._finish()
                yield from self._batch
        except StreamError as error:
            self._batch = self._before(error)
            yield from self._batch
            if not self._closed:
                raise
        finally:
            self.close()

    async def arun(self) -> AsyncIterator[Any]:
        """The same of an asynchronous one."""
        try:
            try:
                async for chunk in self._chunks:
                    if self.is_closed():
                        return
                    self._batch = self._feed(chunk)
                    for found in self._batch:
                        yield found
                    self._batch.clear()
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
        """Whether it was ended from outside, as it may be between any two events."""
        return self._closed

    def close(self) -> None:
        """Ends it, and closes a synchronous source."""
        self._stop()
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()

    async def aclose(self) -> None:
        """The same for an asynchronous one."""
        self._stop()
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()

    def _stop(self) -> None:
        self._closed = True
        self._batch.clear()

    def _damaged(self, error: CorruptFile) -> None:
        """Diagnoses a compressed file that cannot be read to its end; what was read before counts."""
        found = Diagnostic(error.code, error.offset, 0, error.line, detail={"reason": str(error)})
        self.damage.append(found)
        if self._strict:
            raise StreamError(found)

    def _before(self, error: StreamError) -> list[Any]:
        """What was found before a failure and not yet handed out."""
        found: list[Any] = list(error.events)
        if self._whole:
            found += [response for response in self.decoder.responses if response.stream_index is not None]
        return found


class _Known(Generic[T]):
    """What synchronous and asynchronous streams tell of what has been read."""

    if not TYPE_CHECKING:

        def __class_getitem__(cls, _: object) -> type:
            return cls

    _reading: _Reading

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What was odd in what has been read so far; complete when the stream is exhausted."""
        diagnostics: list[Diagnostic] = self._reading.decoder.diagnostics
        return diagnostics + self._reading.damage

    @property
    def responses(self) -> list[Response]:
        """The responses folded so far that were not handed out: those that have ended first."""
        responses: list[Response] = self._reading.decoder.responses
        return responses

    @property
    def response(self) -> Response | None:
        """The latest response, folded so far."""
        response: Response | None = self._reading.decoder.response
        return response


class Stream(_Known[T]):
    """An iterator over what a source holds. It closes the source at the end, at `close()`, or as a context manager."""

    def __init__(self, source: Any, options: dict[str, Any], *, whole: bool) -> None:
        self._reading = _Reading(chunks, source, options, whole=whole)
        self._found: Iterator[T] = self._reading.run()

    def __iter__(self) -> Iterator[T]:
        return self._found  # itself, so that a loop does not pay for a call of `__next__` an event

    def __next__(self) -> T:
        return next(self._found)

    def close(self) -> None:
        """Stops reading and releases the source; nothing more is handed out. Safe to call twice."""
        self._reading.close()

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncStream(_Known[T]):
    """As `Stream`, over an asynchronous iterable of bytes."""

    def __init__(self, source: Any, options: dict[str, Any], *, whole: bool) -> None:
        self._reading = _Reading(achunks, source, options, whole=whole)
        self._found: AsyncIterator[T] = self._reading.arun()

    def __aiter__(self) -> AsyncIterator[T]:
        return self._found

    async def __anext__(self) -> T:
        return await anext(self._found)

    async def aclose(self) -> None:
        """Stops reading and releases the source; nothing more is handed out. Safe to call twice."""
        await self._reading.aclose()

    async def __aenter__(self) -> AsyncStream[T]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def events(
    source: Any,
    *,
    form: str = "auto",
    on_eof: str = "flush",
    strict: bool = False,
    max_event_bytes: int | None = None,
    field: str | None = None,
    time: str | None = None,
    lane: str | None = None,
) -> Stream[ResponseStreamEvent]:
    """The typed events of a source, one after the other.

    `source`: bytes, a path, a binary file object, or an iterable of bytes. `form`: "auto", "sse", "jsonl",
    "rows", "har" or "vcr"; `field`, `time` and `lane` are JSON pointers into rows (docs/recordings.md). `on_eof`:
    whether an unfinished block at the end counts ("flush") or not ("discard", as the standard has it). With `strict`, the
    first diagnostic of severity error raises StreamError. `max_event_bytes`: larger payloads are skipped and diagnosed.
    Raises ValueError, TypeError or OSError for the source itself, never for what it holds: a compressed file that is damaged
    or cut short gives what can be read, and a diagnostic.
    """
    return Stream(source, _options(source, form, on_eof, strict, max_event_bytes, (field, time, lane)), whole=False)


def responses(
    source: Any,
    *,
    form: str = "auto",
    on_eof: str = "flush",
    strict: bool = False,
    max_event_bytes: int | None = None,
    field: str | None = None,
    time: str | None = None,
    lane: str | None = None,
) -> Stream[Response]:
    """The folded responses of a source, each when the next one begins or the source ends. Options as for `events`."""
    return Stream(source, _options(source, form, on_eof, strict, max_event_bytes, (field, time, lane)), whole=True)


def aevents(
    source: Any,
    *,
    form: str = "auto",
    on_eof: str = "flush",
    strict: bool = False,
    max_event_bytes: int | None = None,
    field: str | None = None,
    time: str | None = None,
    lane: str | None = None,
) -> AsyncStream[ResponseStreamEvent]:
    """As `events`, over an asynchronous iterable of bytes."""
    return AsyncStream(
        source, _options(source, form, on_eof, strict, max_event_bytes, (field, time, lane)), whole=False
    )


def aresponses(
    source: Any,
    *,
    form: str = "auto",
    on_eof: str = "flush",
    strict: bool = False,
    max_event_bytes: int | None = None,
    field: str | None = None,
    time: str | None = None,
    lane: str | None = None,
) -> AsyncStream[Response]:
    """As `responses`, over an asynchronous iterable of bytes."""
    return AsyncStream(source, _options(source, form, on_eof, strict, max_event_bytes, (field, time, lane)), whole=True)


def _options(
    source: Any, form: str, on_eof: str, strict: bool, limit: int | None, row: tuple[str | None, ...]
) -> dict[str, Any]:
    if limit is None and (isinstance(source, str) or hasattr(source, "__fspath__")):
        limit = FILE_EVENT_BYTES
    named = dict(zip(("field", "time", "lane"), row, strict=True))
    return {"form": form, "on_eof": on_eof, "strict": strict, "max_event_bytes": limit, **named}
