"""Decodes files: a stream, or a HAR file or VCR cassette, which are detected by their first bytes.

The backends read rows that wrap streams themselves, line by line. HAR files and VCR cassettes are small, and one text each:
they are collected, read in Python under both backends, and their records fed to the decoder of the backend.
"""

from __future__ import annotations

from respstream import _backend
from respstream.errors import StreamError
from respstream.recordings.detect import detect_wrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeVar

    from respstream.recordings.record import Record

    T = TypeVar("T")

__all__ = ["FORMS", "FileDecoder", "unwrapped"]

FORMS = ("auto", "sse", "jsonl", "rows", "har", "vcr")
EVENTS_BYTES = 1 << 16  # the events of this many bytes fit the processor's cache
RESPONSES_BYTES = 1 << 22  # folded in one call, which releases the GIL


def _in_parts(take: Callable[..., list[Any]], data: Any, size: int) -> Iterator[list[Any]]:
    if not isinstance(data, bytes) or len(data) <= size:
        yield take(data)
        return
    for start in range(0, len(data), size):
        yield take(data, start, start + size)


class FileDecoder:
    """As `respstream.Decoder`, for files: it also takes the formats "har" and "vcr", and detects them under "auto".

    For these, the methods that end the source raise ImportError if a package is missing; a second call ends the decoder
    without their records. `make` makes the `decoder` to be fed, by default that of the backend.
    """

    def __init__(self, form: str = "auto", *, make: Callable[..., Any] | None = None, **options: Any) -> None:
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
        wraps = form in ("har", "vcr")
        named = any(options.get(name) is not None for name in ("field", "time", "lane"))
        if wraps and named:
            raise ValueError(f"field, time and lane require form='rows', not {form!r}")
        self.decoder: Any = (make or _backend.engine.Decoder)(form="auto" if wraps else form, **options)
        self._first = form if wraps else None if form == "auto" and not named else ""
        self._form = self._first
        self._collected: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.decoder, name)

    def feed(self, data: Any) -> list[Any]:
        """Takes the next bytes; returns the events that they complete."""
        return self._take(data, self.decoder.feed, [])

    def feed_in_parts(self, data: Any) -> Iterable[list[Any]]:
        """As `feed`, but returns one list for each part of the bytes, small enough for the processor's cache."""
        return self._take(data, lambda data: _in_parts(self.decoder.feed, data, EVENTS_BYTES), ())

    def fold(self, data: Any) -> list[Any]:
        """As `feed`, but returns the responses that have ended, and releases them."""
        return self._take(data, self.decoder.fold, [])

    def fold_in_parts(self, data: Any) -> Iterable[list[Any]]:
        """As `fold`, but returns one list for each part of the bytes, so that earlier responses can be freed."""
        return self._take(data, lambda data: _in_parts(self.decoder.fold, data, RESPONSES_BYTES), ())

    def finish(self) -> list[Any]:
        """Ends the source; returns the last events."""
        last = self._rest(self.decoder.feed, self.decoder.feed_record)
        return [*last, *self.decoder.finish()]

    def fold_end(self) -> list[Any]:
        """As `finish`, but returns the responses that have ended, and releases them."""
        last = self._rest(self.decoder.fold, self.decoder.fold_record)
        return [*last, *self.decoder.fold_end()]

    def reset(self) -> None:
        """Discards all state; the decoder is ready for another source."""
        self.decoder.reset()
        self._collected.clear()
        self._form = self._first

    def _take(self, data: Any, feed: Callable[[Any], T], nothing: T) -> T:
        if self._form == "":
            return feed(data)
        if not isinstance(data, (bytes, bytearray, memoryview)):
            return feed(data)  # which raises TypeError
        self._collected.append(bytes(data))
        if self._form is None:
            head = b"".join(self._collected)
            self._form = detect_wrapper(head)
            if self._form == "":
                self._collected.clear()
                return feed(head)
        return nothing

    def _rest(self, feed: Callable[[bytes], list[Any]], record: Callable[..., list[Any]]) -> list[Any]:
        """The events or responses in the collected bytes, at the end of the source."""
        data = b"".join(self._collected)
        self._collected.clear()
        form, self._form = self._form, ""
        if not form:
            return feed(data)
        found: list[Any] = []
        try:
            for one in _records(form, data, self.decoder.bad_record):
                found += record(*one)
        except StreamError as error:
            error.events = [*found, *error.events]
            raise
        self.decoder.set_recording(form, len(data))
        return found


def unwrapped(form: str, data: bytes) -> list[tuple[Any, ...]]:
    """The content of a HAR file or a VCR cassette, in order, for the scans of the extension.

    Returns records, and (field, expected, span) of those that cannot be read. Raises ImportError if a package is missing.
    """
    found: list[tuple[Any, ...]] = []
    for record in _records(form, data, lambda *bad: found.append(bad)):
        found.append(record)
    return found


def _records(form: str, data: bytes, report: Callable[[str, str, tuple[int, int, int]], None]) -> Iterator[Record]:
    from respstream.recordings.guard import reported

    if form == "har":
        from respstream.recordings.har import records
    else:
        from respstream.recordings.vcr import records
    expected = "a HAR file" if form == "har" else "a VCR cassette"
    with reported(report, "the file", expected, (0, len(data), 1)):
        yield from records(data, report)
