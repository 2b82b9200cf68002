"""Records streams: a tee around an iterator of chunks or messages that writes them, with times, to a JSON Lines file.

Each row is `{"t": nanoseconds since the epoch, "lane": "…", …}` with one of

* `"begin": true`  when the stream was requested,
* `"chunk": "…"`   the bytes of a chunk as text, or `"b64"` if they are not valid UTF-8,
* `"message": "…"` a message of its own, such as the frame of a WebSocket; `"sent": true` if the client sent it,
* `"end": true`    when the stream ended; `"error"` is the exception that ended it early.

A row is one `write` to a file that is open for appending: a crash can only damage the row that is being written, and several
processes and threads can write to one file. All functions that read files read recordings (`form="auto"`).
"""

from __future__ import annotations

import os
from time import time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
    from typing import Any, TypeVar

    Chunk = TypeVar("Chunk", bytes, str, bytes | str)

__all__ = ["Recorder", "Track", "arecord", "record"]


def record(chunks: Iterable[Chunk], path: str | os.PathLike[str], lane: str | None = None) -> Iterator[Chunk]:
    """Yields the same chunks, and records them in a file: `respstream.events(respstream.record(chunks, "log.jsonl"))`.

    A `str` is a message of its own, such as the frame of a WebSocket. The file is appended to. `lane`: as in `Recorder.track`.
    Raises OSError if the file cannot be written, and the exceptions of `chunks`.
    """
    with Recorder(path) as recorder:
        yield from recorder.tee(chunks, lane)


async def arecord(
    chunks: AsyncIterable[Chunk], path: str | os.PathLike[str], lane: str | None = None
) -> AsyncIterator[Chunk]:
    """As `record`, over an asynchronous iterable."""
    with Recorder(path) as recorder:
        async for chunk in recorder.atee(chunks, lane):
            yield chunk


class Recorder:
    """Writes streams to one file; each stream is a track with its own lane.

    `path`: the file, which is created or appended to. `sync`: fsync at the end of each track. `clock`: returns nanoseconds
    since the epoch. `mode`: the permissions of a new file, less the umask; by default only its owner can read it. Use it as
    a context manager, or call `close()`. Raises OSError.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        sync: bool = False,
        clock: Callable[[], int] = time_ns,
        mode: int = 0o600,
    ) -> None:
        self._rows = _Rows(path, mode)
        self._sync, self._clock = sync, clock

    def track(self, lane: str | None = None) -> Track:
        """A new stream, requested now. `lane`: its name, by default a unique one.

        Raises ValueError after `close()`, and for a name with a lone surrogate.
        """
        if self._rows.file < 0:
            raise ValueError("the recorder is closed")
        name = os.urandom(6).hex() if lane is None else lane
        try:
            name.encode()
        except UnicodeEncodeError:
            raise ValueError(f"the lane {name!r} has a lone surrogate, which UTF-8 cannot represent") from None
        return Track(self._rows, name, sync=self._sync, clock=self._clock)

    def tee(self, chunks: Iterable[Chunk], lane: str | None = None) -> Iterator[Chunk]:
        """Yields the same chunks, and writes them; a `str` is a message. The time of the request is that of the first `next()`.

        Raises ValueError if `chunks` is the file of the recording itself.
        """
        self._rows.refuse(chunks)
        with self.track(lane) as track:
            write = track.write
            try:
                for chunk in chunks:
                    write(chunk)
                    yield chunk
            finally:
                _close(chunks)

    async def atee(self, chunks: AsyncIterable[Chunk], lane: str | None = None) -> AsyncIterator[Chunk]:
        """As `tee`, over an asynchronous iterable."""
        with self.track(lane) as track:
            write = track.write
            try:
                async for chunk in chunks:
                    write(chunk)
                    yield chunk
            finally:
                close = getattr(chunks, "aclose", None)
                if close is not None:
                    await close()

    def close(self) -> None:
        """Closes the file. Safe to call twice; the tracks must have ended."""
        self._rows.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Track:
    """One stream of a recording, from `Recorder.track`. `write` each chunk, and `end` it, or use it as a context manager."""

    __slots__ = ("_append", "_clock", "_ended", "_middle", "_quote", "_rows", "_sync", "lane")

    def __init__(self, rows: _Rows, lane: str, *, sync: bool, clock: Callable[[], int]) -> None:
        from json.encoder import encode_basestring

        self._quote = encode_basestring
        self._rows, self._append = rows, rows.append
        self.lane, self._clock = lane, clock
        self._sync, self._ended = sync, False
        self._middle = f',"lane":{self._quote(lane)},"'
        self.begin()

    def begin(self) -> None:
        """Marks that the stream, or its next response, was requested now. Raises OSError."""
        self._row('begin":true')

    def _row(self, rest: str) -> None:
        self._append(f'{{"t":{self._clock()}{self._middle}{rest}}}\n'.encode("utf-8", "replace"))

    def write(self, chunk: bytes | bytearray | memoryview | str) -> None:
        """Writes one chunk, unchanged, with the current time; a `str` is a message of its own.

        Raises OSError, and TypeError for anything else.
        """
        if isinstance(chunk, str):
            self.message(chunk)
            return
        if not isinstance(chunk, bytes):
            chunk = _as_bytes(chunk)
        try:
            rest = f'chunk":{self._quote(chunk.decode())}'
        except UnicodeDecodeError:
            from base64 import b64encode

            rest = f'b64":"{b64encode(chunk).decode()}"'
        self._row(rest)

    def message(self, data: bytes | str, *, sent: bool = False) -> None:
        """Writes a message of its own, such as the frame of a WebSocket. `sent`: the client sent it. Raises OSError."""
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        self._row(f'message":{self._quote(text)}' + (',"sent":true' if sent else ""))

    def end(self, error: BaseException | None = None) -> None:
        """Ends the stream. `error`: the exception that ended it early. Safe to call twice. Raises OSError."""
        if self._ended:
            return
        self._ended = True
        detail = "" if error is None else f',"error":{self._quote(f"{type(error).__name__}: {error}")}'
        self._row('end":true' + detail)
        if self._sync:
            os.fsync(self._rows.file)

    def __enter__(self) -> Track:
        return self

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        # A consumer that stops early closes the generator, which is not an error of the stream.
        self.end(None if isinstance(error, GeneratorExit) else error)


class _Rows:
    """Appends rows to a file that other processes may append to as well, and crash in the middle of a row.

    Once the file has other data after the last row of this process, which may be a truncated row, each further row begins on
    a new line. Readers skip the empty lines.
    """

    __slots__ = ("_end", "file")

    def __init__(self, path: str | os.PathLike[str], mode: int) -> None:
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), mode)
        self._end = os.fstat(self.file).st_size
        if self._end and not self._is_whole():
            self.append(b"\n")

    def _is_whole(self) -> bool:
        os.lseek(self.file, -1, os.SEEK_END)
        return os.read(self.file, 1) == b"\n"

    def refuse(self, chunks: Any) -> None:
        """Raises ValueError if `chunks` reads the file that is written, which would grow without end."""
        from respstream.inputs.identity import identity, identity_of

        own = identity(self.file)
        if own is not None and identity_of(chunks) == own:
            raise ValueError("the recording and its source are the same file")

    def append(self, row: bytes) -> None:
        """Writes a row in one call. Raises OSError, also if the row could not be written completely."""
        try:
            end = os.lseek(self.file, 0, os.SEEK_END)
        except OSError:  # a pipe or a terminal, which has no rows of other processes
            end = self._end
        if end == self._end:
            self._end = end + len(row)
        else:
            self._end = -1  # other processes write to the file
            row = b"\n" + row
        if os.write(self.file, row) != len(row):
            raise OSError("a row was written incompletely; the disk may be full")

    def close(self) -> None:
        """Closes the file. Safe to call twice."""
        file, self.file = self.file, -1
        if file >= 0:
            os.close(file)


def _as_bytes(chunk: Any) -> bytes:
    if isinstance(chunk, (bytearray, memoryview)):
        return bytes(chunk)
    raise TypeError(f"a chunk must be bytes, bytearray or memoryview, not {type(chunk).__name__!r}")


def _close(chunks: Any) -> None:
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
