"""Filters between the bytes of a source and the decoder: conversion to UTF-8, and removal of a prefix of each line.

UTF-16 with a byte order mark is detected. Everything else needs `encoding` or `strip_prefix`. Offsets and sizes after a filter
are those of the filtered bytes; line numbers do not change.
"""

from __future__ import annotations

import os

from respstream.inputs.sources import CorruptFile, achunks, chunks

TYPE_CHECKING = False
if TYPE_CHECKING:
    import codecs
    import re
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any, BinaryIO

MATCHED_BYTES = 4096
"""A prefix is searched for in this number of bytes at the beginning of a line, so that a line without an end is not stored."""

OPTIONS = ("strip_prefix", "encoding")
"""The names of the options that select filters."""

_MARKS = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16
_UTF8_MARK = b"\xef\xbb\xbf"
_INVALID = "respstream.invalid"  # the error handler of the conversion
_UNSUITABLE = ("idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf_7")


class Filters:
    """The filters of one source. `is_active`: whether they change its bytes; None until that is known.

    `strip_prefix`: a regular expression (`re`, on bytes) for the prefix of each line. `encoding`: the name of a text encoding
    of Python. Raises ValueError for an invalid expression or an unknown encoding, TypeError for a value that is not text.
    """

    def __init__(self, strip_prefix: str | bytes | None = None, encoding: str | None = None) -> None:
        self._prefix = None if strip_prefix is None else _Prefix(_compiled(strip_prefix))
        converter = None if encoding is None else _converter(encoding)
        self._converter = converter
        self.is_active: bool | None = None if converter is None else True
        self._held = b""  # the first byte, if it may begin a byte order mark
        self.size, self.line = 0, 1  # of the filtered bytes, if the filters are active

    def feed(self, data: Any) -> Any:
        """The filtered bytes that the next bytes complete. Raises TypeError for anything but bytes, if the filters are active."""
        if self.is_active is False:
            return data
        data = _as_bytes(data)
        if self.is_active is None:
            data = self._held + data
            active = self._detect(data)
            if not active:
                return b"" if active is None else data
        return self._filtered(data, last=False)

    def finish(self) -> bytes:
        """The remaining filtered bytes, at the end of the source."""
        if self.is_active is None and not self._begin(self._held):
            return self._held
        return self._filtered(self._held, last=True)

    def _detect(self, data: bytes) -> bool | None:
        """Decides by the first two bytes whether the filters are active; None if there are too few."""
        if len(data) > 1 or (data and data[0] not in b"\xff\xfe"):
            self._held = b""
            return self._begin(data)
        self._held = data
        return None

    def _begin(self, head: bytes) -> bool:
        if head.startswith(_MARKS):
            self._converter = _converter("utf-16")
        self.is_active = self._converter is not None or self._prefix is not None
        return self.is_active

    def _filtered(self, data: bytes, *, last: bool) -> bytes:
        if self._converter is not None:
            text = self._converter.decode(data, last)
            data = text.encode("utf-8", _INVALID)
        if self._prefix is not None:
            data = self._prefix.feed(data)
            if last:
                data += self._prefix.finish()
        self.size += len(data)
        self.line += data.count(b"\n")
        return data


class _Prefix:
    """Removes the prefix of each line. Lines end at LF, as loggers write them."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._match = pattern.match
        self._line: list[bytes] = []  # the beginning of the current line, not matched yet
        self._size = 0
        self._inside = False  # the rest of the current line is passed through
        self._first = True

    def feed(self, data: bytes) -> bytes:
        """The bytes without prefixes, as far as they are known."""
        *lines, rest = data.split(b"\n")
        found = [self._end(line) for line in lines]
        found.append(self._begin(rest))
        return b"\n".join(found)

    def finish(self) -> bytes:
        """The last line, if it has no end."""
        return self._stripped()

    def _end(self, line: bytes) -> bytes:
        """The rest of a line up to its end."""
        if self._inside:
            self._inside = False
            return line
        if self._line or self._first:
            self._line.append(line)
            return self._stripped()
        found = self._match(line[:MATCHED_BYTES])
        return line if found is None else line[found.end() :]

    def _begin(self, data: bytes) -> bytes:
        """The bytes of a line whose end is not known."""
        if self._inside or not data:
            return data
        self._line.append(data)
        self._size += len(data)
        if self._size < MATCHED_BYTES + len(_UTF8_MARK):
            return b""
        self._inside = True
        return self._stripped()

    def _stripped(self) -> bytes:
        line = b"".join(self._line)
        self._line, self._size = [], 0
        if self._first:
            line = line.removeprefix(_UTF8_MARK)
            self._first = False
        found = self._match(line[:MATCHED_BYTES])
        return line if found is None else line[found.end() :]


def _as_bytes(data: Any) -> bytes:
    if type(data) is bytes:
        return data
    try:
        return bytes(memoryview(data))
    except (TypeError, ValueError):  # ValueError of a view that was released
        raise TypeError(f"a bytes-like object is required, not {type(data).__name__!r}") from None


def _compiled(expression: str | bytes) -> re.Pattern[bytes]:
    import re

    if not isinstance(expression, (str, bytes)):
        raise TypeError(f"strip_prefix must be a regular expression as str or bytes, not {type(expression).__name__!r}")
    pattern = os.fsencode(expression) if isinstance(expression, str) else expression
    if b"\0" in pattern:
        raise ValueError("strip_prefix must not contain a NUL character")
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"strip_prefix is not a valid regular expression: {error}") from None


def _converter(encoding: str) -> codecs.IncrementalDecoder | None:
    """A decoder of the encoding; None for UTF-8."""
    import codecs

    if not isinstance(encoding, str):
        raise TypeError(f"encoding must be a str, not {type(encoding).__name__!r}")
    try:
        found = codecs.lookup(encoding)
        "a".encode(encoding)  # fails for codecs that are not text encodings
    except (LookupError, ValueError):
        raise ValueError(f"unknown encoding: {encoding!r}") from None
    decoder: Any = found.incrementaldecoder  # None for some codecs of other packages
    if decoder is None or found.name.replace("-", "_") in _UNSUITABLE:
        raise ValueError(f"{encoding!r} is not an encoding of log files")
    if found.name in ("utf-8", "utf-8-sig"):
        return None
    codecs.register_error(_INVALID, _invalid)
    made: codecs.IncrementalDecoder = decoder(_INVALID)
    return made


def _invalid(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replaces what cannot be converted by an invalid byte, which the decoder reports as `bad_utf8`."""
    if isinstance(error, UnicodeDecodeError):
        return "\udcff", error.end
    if isinstance(error, UnicodeEncodeError):
        return b"\xff" * (error.end - error.start), error.end
    raise error


# -- chunks ------------------------------------------------------------------------------------------------------------


class FilteredChunks:
    """The chunks of a source behind its filters. `close` also closes the source before the first read."""

    def __init__(self, source: Iterator[Any], filters: Filters) -> None:
        self._source = source
        self._found = _filtered(source, filters)

    def __iter__(self) -> Iterator[Any]:
        return self._found

    def __next__(self) -> Any:
        return next(self._found)

    def close(self) -> None:
        """Closes the source."""
        self._found.close()  # type: ignore[attr-defined]
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


def _filtered(source: Iterator[Any], filters: Filters) -> Iterator[Any]:
    try:
        for chunk in source:
            found = filters.feed(chunk)
            if filters.is_active is False or found:
                yield found
    except OSError as error:
        yield from _last(filters, error)
        raise
    yield from _last(filters, None)


def _last(filters: Filters, error: OSError | None) -> Iterator[bytes]:
    found = filters.finish()
    if found:
        yield found
    if isinstance(error, CorruptFile) and filters.is_active:
        error.offset, error.line = filters.size, filters.line


async def _afiltered(source: AsyncIterator[Any], filters: Filters) -> AsyncIterator[Any]:
    try:
        try:
            async for chunk in source:
                found = filters.feed(chunk)
                if filters.is_active is False or found:
                    yield found
        except OSError as error:
            for found in _last(filters, error):
                yield found
            raise
        for found in _last(filters, None):
            yield found
    finally:
        await source.aclose()  # type: ignore[attr-defined]


def filtered_chunks(source: Any, filters: Filters) -> FilteredChunks:
    """The bytes of a source of `sources.chunks` behind the filters. Raises its exceptions."""
    return FilteredChunks(chunks(source), filters)


def filtered_achunks(source: Any, filters: Filters) -> AsyncIterator[Any]:
    """The bytes of a source of `sources.achunks` behind the filters."""
    return _afiltered(achunks(source), filters)


# -- files -------------------------------------------------------------------------------------------------------------


class FilteredFile:
    """A binary file object that reads an input behind its filters; the input is decompressed first."""

    def __init__(self, file: BinaryIO, filters: Filters) -> None:
        self._file = file
        self._chunks = filtered_chunks(file, filters)
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        """The available bytes, at most `size`; b"" at the end."""
        while not self._rest:
            found = next(self._chunks, None)
            if found is None:
                return b""
            self._rest = found
        end = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:end], self._rest[end:]
        return found

    def close(self) -> None:
        """Closes the input."""
        self._chunks.close()
        self._file.close()


class _CountedFile:
    """The file of an input, whose `stored` counts the bytes that are read."""

    def __init__(self, file: Any, counted: FilteredInput) -> None:
        self._read: Callable[[int], bytes] = getattr(file, "read1", file.read)
        self._counted = counted
        self.close: Callable[[], None] = file.close

    def read(self, size: int) -> bytes:
        """The next bytes that are available, at most `size`."""
        block = self._read(size)
        self._counted.stored += len(block)
        return block


class FilteredInput:
    """Opens an input of a scan behind filters; picklable. `place`: its path as bytes, or a callable that opens it.

    `stored`: the bytes that were read since it was opened, before decompression.
    """

    def __init__(self, place: bytes | Callable[[], BinaryIO], options: dict[str, Any]) -> None:
        self._place, self._options = place, options
        self.stored = 0

    def __call__(self) -> Any:
        """Opens it: a `FilteredFile`. Raises the exceptions of the input."""
        place = self._place
        self.stored = 0
        file: Any = open(place, "rb") if isinstance(place, bytes) else place()  # noqa: PTH123, SIM115
        counted: Any = _CountedFile(file, self)
        return FilteredFile(counted, Filters(**self._options))
