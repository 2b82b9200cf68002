"""Sources of bytes: data, files, file objects and iterables; gzip and zstd are detected by their magic bytes.

docs/semantics.md ("Sources") defines the rules. The functions return an iterator of bytes; closing it closes the file that
it opened.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from typing import Any, BinaryIO

READ_BYTES = 1 << 18
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_SKIPPED = tuple(bytes((number,)) + b"\x2a\x4d\x18" for number in range(0x50, 0x60))
_STREAM_STARTS = ("{", "data:", "event:")
_AS_TEXT = (
    "the chunks are str: pass bytes, not decoded (with httpx: response.iter_bytes(), not iter_text()); "
    "Decoder.message takes messages of their own, as WebSocket frames"
)


def chunks(source: Any) -> Iterator[bytes]:
    """The bytes of a source, in chunks.

    `source`: a bytes-like object is data; str and PathLike are paths; a binary file object or an iterable of bytes is read.
    Raises ValueError for a str that is the text of a stream, FileNotFoundError, and TypeError for anything else.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return iter((bytes(source),))
    if hasattr(source, "tobytes"):  # array.array and the like
        return iter((source.tobytes(),))
    if isinstance(source, (str, os.PathLike)):
        return _file(_path(source))
    if hasattr(source, "read"):
        return decompressed(_blocks(source, close=False))
    if hasattr(source, "__aiter__"):
        raise TypeError("the source is asynchronous: use aevents() or aresponses()")
    if hasattr(source, "__iter__"):
        return _checked(source)
    raise TypeError(
        f"a source must be bytes, a path, a binary file or an iterable of bytes, not {type(source).__name__!r}"
    )


async def achunks(source: Any) -> AsyncIterator[bytes]:
    """The bytes of an asynchronous source, or of any source of `chunks`, in chunks."""
    if not hasattr(source, "__aiter__"):
        for chunk in chunks(source):
            yield chunk
        return
    try:
        async for chunk in source:
            if not isinstance(chunk, bytes):
                _check(chunk)
            yield chunk
    finally:  # an unclosed generator keeps its connection until it is collected
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()


def _path(source: str | os.PathLike[str]) -> str:
    path = os.fspath(source)
    text = os.fsdecode(path)
    looks_like_stream = isinstance(source, str) and ("\n" in text or text.startswith(_STREAM_STARTS))
    if looks_like_stream and not _exists(path):
        raise ValueError("a str is the name of a file: pass the text of a stream as bytes (text.encode())")
    return path


def _exists(path: str) -> bool:
    try:
        return os.path.exists(path)  # noqa: PTH110 (pathlib costs a third of the import)
    except (OSError, ValueError):  # longer than any name; a NUL in it
        return False


def _file(path: str) -> Iterator[bytes]:
    # Opened now, so that a missing file raises in the call itself.
    try:
        return _File(open(path, "rb"))  # noqa: PTH123
    except OSError as error:
        scanned = _names_many_files(path)
        if scanned is None:
            raise
        raise type(error)(error.errno, f"{error.strerror} ({scanned}: use respstream.scan)", path) from None


def _names_many_files(path: str) -> str | None:
    """What `scan` would read under a path that cannot be opened as a file."""
    import glob

    if os.path.isdir(path):  # noqa: PTH112
        return "a folder"
    name = os.fsdecode(path)
    return "a pattern with matches" if glob.has_magic(name) and glob.glob(name) else None  # noqa: PTH207


class _File:
    """The decompressed bytes of a file. Unlike a generator, `close` also closes the file before the first read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._content = decompressed(_blocks(file, close=True))

    def __iter__(self) -> Iterator[bytes]:
        return self._content

    def __next__(self) -> bytes:
        return next(self._content)

    def close(self) -> None:
        self._content.close()  # type: ignore[attr-defined]
        self._file.close()


def _blocks(file: BinaryIO, *, close: bool) -> Iterator[bytes]:
    # read1 returns the available bytes, so that events of a pipe are not delayed.
    read = getattr(file, "read1", file.read)
    try:
        while block := read(READ_BYTES):
            if isinstance(block, str):
                raise TypeError("the file is open in text mode: open it in binary mode ('rb')")
            yield block
    finally:
        if close:
            file.close()


def _checked(source: Iterable[Any]) -> Iterator[bytes]:
    for chunk in source:
        if not isinstance(chunk, bytes):
            _check(chunk)
        yield chunk


def _check(chunk: object) -> None:
    """Raises TypeError for a chunk of another type, if there is more to say than that it is not bytes."""
    if isinstance(chunk, str):
        raise TypeError(_AS_TEXT)
    if isinstance(chunk, int):
        raise TypeError("an iterable of bytes is required, not of integers")
    if isinstance(chunk, os.PathLike):
        raise TypeError("a source is one file, not a list of paths: read them one by one, or use respstream.scan")


class CorruptFile(OSError):  # noqa: N818
    """Compressed data that is truncated (`code` "truncated_file") or corrupt ("bad_compression").

    `offset`, `line`: the position after the decompressed bytes.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.offset = 0
        self.line = 1


def compression(head: bytes) -> str | None:
    """The compression in the first four bytes of a file: "gzip", "zstd" or None. Files of pzstd begin with a skippable frame."""
    if head.startswith(_GZIP):
        return "gzip"
    return "zstd" if head.startswith((_ZSTD, *_SKIPPED)) else None


def decompressed(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The decompressed bytes of a file, of all its compressed members."""
    try:
        head = b""
        for block in blocks:
            head += block
            if len(head) >= len(_ZSTD):
                break
        kind = compression(head)
        if kind == "gzip":
            yield from _counted(_gunzip(head, blocks))
        elif kind == "zstd":
            yield from _counted(_unzstd(head, blocks))
        else:
            if head:
                yield head
            yield from blocks
    finally:
        close = getattr(blocks, "close", None)
        if close is not None:
            close()


def _counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
    offset, line = 0, 1
    try:
        for chunk in chunks:
            offset += len(chunk)
            line += chunk.count(b"\n")
            yield chunk
    except CorruptFile as error:
        error.offset, error.line = offset, line
        raise


def _gunzip(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    import zlib

    member = zlib.decompressobj(wbits=31)
    for data in _chained(head, blocks):
        while data:
            if member.eof:  # padding of zeros may follow the last member
                data = data.lstrip(b"\0")
                if not data:
                    break
                member = zlib.decompressobj(wbits=31)
            try:
                content = member.decompress(data, READ_BYTES)
            except zlib.error:
                raise CorruptFile("bad_compression", "the gzip data is damaged") from None
            if content:
                yield content
            data = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise CorruptFile("truncated_file", "the gzip data ends before its end mark")


def _unzstd(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    zstd = _zstd()
    frame = zstd.ZstdDecompressor()
    for data in _chained(head, blocks):
        while data or not (frame.needs_input or frame.eof):
            if frame.eof:
                frame = zstd.ZstdDecompressor()
            try:  # in parts: a few bytes may decompress to gigabytes
                content = frame.decompress(data, READ_BYTES)
            except zstd.ZstdError as error:
                raise CorruptFile("bad_compression", _zstd_reason(error)) from None
            if content:
                yield content
            data = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise CorruptFile("truncated_file", "the zstd data ends before its end mark")


def _zstd_reason(error: Exception) -> str:
    # The library's own limit; a frame may require 3.75 TiB.
    if "too much memory" in str(error):
        return "the zstd data needs a window larger than 128 MiB"
    return "the zstd data is damaged"


def _zstd() -> Any:
    """`compression.zstd` of Python 3.14, or its backport. Raises ImportError that names the extra."""
    try:
        from compression import zstd  # type: ignore[import-not-found,attr-defined,unused-ignore]
    except ImportError:
        try:
            from backports import zstd  # type: ignore[import-not-found,attr-defined,unused-ignore]
        except ImportError:
            raise ImportError(
                "reading zstd-compressed files needs backports.zstd: pip install 'respstream[zstd]'"
            ) from None
    return zstd


def _chained(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from blocks
