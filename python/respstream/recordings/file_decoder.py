"""Reads what a file may be: a stream, or a file that wraps streams whole (HAR, VCR), which is seen by its first bytes.

Rows that wrap streams are read by the engines themselves, line by line. HAR files and VCR cassettes are small, and one
text each: they are gathered, read in Python under both backends, and their records given to the engine's decoder.
"""

from __future__ import annotations

from respstream import _backend
from respstream.errors import StreamError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, NamedTuple, TypeVar

    T = TypeVar("T")

    class Record(NamedTuple):
        """A stream that was found in a file: its bytes, when it was asked for and when it came, and where it stands."""

        data: bytes
        times: tuple[float | None, float | None]
        span: tuple[int, int, int]
        ends: bool


__all__ = ["FORMS", "FileDecoder", "sniff", "unwrapped"]

FORMS = ("auto", "sse", "jsonl", "rows", "har", "vcr")
EVENTS_BYTES = 1 << 16  # the events of so many bytes stay in the cache
RESPONSES_BYTES = 1 << 22  # so many are folded at once, without the lock of the interpreter
HEAD = 4096  # bytes in which a VCR cassette has to show what it is
_KEYS = (b"interactions:", b"http_interactions:")
_PASSED = (b"---", b"#", b"version:", b"recorded_with:")
_BLANKS = b" \t\r\n"


def _in_pieces(take: Callable[..., list[Any]], data: Any, size: int) -> Iterator[list[Any]]:
    if not isinstance(data, bytes) or len(data) <= size:
        yield take(data)
        return
    for start in range(0, len(data), size):
        yield take(data, start, start + size)


class FileDecoder:
    """As `respstream.Decoder`, for what reads files: it takes the forms "har" and "vcr" too, and sees them under "auto".

    Their ends raise ImportError where a package is missing; asked once more they end the decoder without those records.

    `make` makes the `decoder` that it stands before; by default the engine's.
    """

    def __init__(self, form: str = "auto", *, make: Callable[..., Any] | None = None, **options: Any) -> None:
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
        wraps = form in ("har", "vcr")
        named = any(options.get(name) is not None for name in ("field", "time", "lane"))
        if wraps and named:
            raise ValueError(f"field, time and lane are for form='rows', not {form!r}")
        self.decoder: Any = (make or _backend.engine.Decoder)(form="auto" if wraps else form, **options)
        self._first = form if wraps else None if form == "auto" and not named else ""
        self._form = self._first
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.decoder, name)

    def feed(self, data: Any) -> list[Any]:
        """Takes the next bytes; gives the events that they complete."""
        return self._take(data, self.decoder.feed, [])

    def feed_in_pieces(self, data: Any) -> Iterable[list[Any]]:
        """The same, a list for each piece of many bytes: one of all events of a log would leave the cache."""
        return self._take(data, lambda data: _in_pieces(self.decoder.feed, data, EVENTS_BYTES), ())

    def fold(self, data: Any) -> list[Any]:
        """As `feed`, but gives the responses that ended, and forgets them."""
        return self._take(data, self.decoder.fold, [])

    def fold_in_pieces(self, data: Any) -> Iterable[list[Any]]:
        """The same, a list for each piece of many bytes, so that what was handed out need not stay."""
        return self._take(data, lambda data: _in_pieces(self.decoder.fold, data, RESPONSES_BYTES), ())

    def finish(self) -> list[Any]:
        """Ends the source; gives the last events."""
        last = self._rest(self.decoder.feed, self.decoder.feed_record)
        return [*last, *self.decoder.finish()]

    def fold_end(self) -> list[Any]:
        """As `finish`, but gives the responses that ended, and forgets them."""
        last = self._rest(self.decoder.fold, self.decoder.fold_record)
        return [*last, *self.decoder.fold_end()]

    def reset(self) -> None:
        """Forgets everything; the decoder is as new."""
        self.decoder.reset()
        self._held.clear()
        self._form = self._first

    def _take(self, data: Any, feed: Callable[[Any], T], nothing: T) -> T:
        if self._form == "":
            return feed(data)
        if not isinstance(data, (bytes, bytearray, memoryview)):
            return feed(data)  # which says what is wrong with it
        self._held.append(bytes(data))
        if self._form is None:
            head = b"".join(self._held)
            self._form = sniff(head)
            if self._form == "":
                self._held.clear()
                return feed(head)
        return nothing

    def _rest(self, feed: Callable[[bytes], list[Any]], record: Callable[..., list[Any]]) -> list[Any]:
        """What was gathered, once there is no more of it."""
        data = b"".join(self._held)
        self._held.clear()
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
        return found


def unwrapped(form: str, data: bytes) -> list[tuple[Any, ...]]:
    """What a HAR file or a VCR cassette holds, in its order: records, and (field, expected, span) of what cannot be read.

    It is for the extension, whose scans have it read here. Raises ImportError where a package is missing.
    """
    found: list[tuple[Any, ...]] = []
    for record in _records(form, data, lambda *bad: found.append(bad)):
        found.append(record)
    return found


def _records(form: str, data: bytes, report: Callable[[str, str, tuple[int, int, int]], None]) -> Iterator[Record]:
    if form == "har":
        from respstream.har import records
    else:
        from respstream.vcr import records
    return records(data, report)


def sniff(head: bytes) -> str | None:
    """By the first bytes of a file: "har", "vcr", "" for anything else; None where more of them are needed."""
    text = head[: 2 * HEAD].lstrip(b"\xef\xbb\xbf" + _BLANKS)  # a whole log may come at once
    form = _sniff_object(text[1:].lstrip(_BLANKS)) if text[:1] == b"{" else _sniff_lines(text)
    return "" if form is None and len(head) >= 2 * HEAD else form


def _sniff_lines(text: bytes) -> str | None:
    if not text:
        return None
    lines = text[:HEAD].split(b"\n")
    last = lines.pop()
    for line in lines:
        if line.startswith(_KEYS):
            return "vcr"
        if line.strip(_BLANKS) and not line.startswith(_PASSED):
            return ""
    if last.startswith(_KEYS):
        return "vcr"
    undecided = not last.strip(_BLANKS) or last.startswith(_PASSED)
    undecided = undecided or any(key.startswith(last) for key in (*_KEYS, *_PASSED))
    return None if undecided and len(text) < HEAD else ""


def _sniff_object(rest: bytes) -> str | None:
    """What an object is, by its first member."""
    if not rest:
        return None
    end = rest.find(b'"', 1, 40)
    if rest[:1] != b'"' or end < 0:
        return None if rest[:1] == b'"' and len(rest) < 40 else ""
    opening = {b"log": b"{", b"interactions": b"[", b"http_interactions": b"[", b"version": b""}.get(rest[1:end])
    if opening is None:
        return ""
    value = rest[end + 1 :].lstrip(_BLANKS).removeprefix(b":").lstrip(_BLANKS)
    if not value:
        return None
    if rest[1:end] == b"version":
        return _sniff_version(rest[end + 1 :][:HEAD])
    return ("har" if rest[1:end] == b"log" else "vcr") if value.startswith(opening) else ""


def _sniff_version(rest: bytes) -> str | None:
    """What an object is whose first member is a version: a cassette if interactions come next."""
    tail = rest.partition(b",")[2].lstrip(_BLANKS)
    keys = (b'"interactions"', b'"http_interactions"')
    if tail.startswith(keys):
        return "vcr"
    return None if len(rest) < 40 and any(key.startswith(tail) for key in keys) else ""
