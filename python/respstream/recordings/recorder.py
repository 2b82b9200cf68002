"""A recorder: a tee around any iterator of bytes that writes what passed, with times, to a JSON Lines file.

Each row is `{"t": nanoseconds since the epoch, "lane": "…", …}` with one of

* `"begin": true`  when the stream was asked for,
* `"chunk": "…"`   the bytes that came, as text; `"b64"` in its place where they are no UTF-8 by themselves,
* `"end": true`    when the stream was over; `"error"` names what ended it early.

A row is one `write` to a file that is open for appending: what a crash leaves is whole but for the row that was being
written, which spoils no other, and several processes and threads may write into one file. Whatever reads files reads
these (`form="auto"`).
"""

from __future__ import annotations

import os
from time import time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
    from typing import Any

__all__ = ["Recorder", "Track", "arecord", "record"]


def record(chunks: Iterable[bytes], path: str | os.PathLike[str], lane: str | None = None) -> Iterator[bytes]:
    """The same chunks, recorded into a file as they pass: `respstream.events(respstream.record(chunks, "log.jsonl"))`.

    The file is appended to. It raises OSError where the file cannot be written, and what `chunks` raises.
    """
    with Recorder(path) as recorder:
        yield from recorder.tee(chunks, lane)


async def arecord(
    chunks: AsyncIterable[bytes], path: str | os.PathLike[str], lane: str | None = None
) -> AsyncIterator[bytes]:
    """As `record`, over an asynchronous iterable."""
    with Recorder(path) as recorder:
        async for chunk in recorder.atee(chunks, lane):
            yield chunk


class Recorder:
    """Writes streams into one file; each stream is a track with a lane of its own.

    `path`: the file, which is made or appended to. `sync`: fsync at the end of each track, for those who fear the power cut.
    `clock` gives nanoseconds since the epoch. Use as a context manager, or `close()`. Raises OSError.
    """

    def __init__(self, path: str | os.PathLike[str], *, sync: bool = False, clock: Callable[[], int] = time_ns) -> None:
        self._rows = _Rows(path)
        self._sync, self._clock = sync, clock

    def track(self, lane: str | None = None) -> Track:
        """A new stream, asked for now. `lane` names it; by default a name that no other process gives."""
        if self._rows.file < 0:
            raise ValueError("the recorder is closed")
        name = os.urandom(6).hex() if lane is None else lane
        return Track(self._rows, name, sync=self._sync, clock=self._clock)

    def tee(self, chunks: Iterable[bytes], lane: str | None = None) -> Iterator[bytes]:
        """The same chunks, written as they pass. The stream counts as asked for when the first is asked for."""
        with self.track(lane) as track:
            write = track.write
            try:
                for chunk in chunks:
                    write(chunk)
                    yield chunk
            finally:
                _close(chunks)

    async def atee(self, chunks: AsyncIterable[bytes], lane: str | None = None) -> AsyncIterator[bytes]:
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
        self._row('begin":true')

    def _row(self, rest: str) -> None:
        self._append(f'{{"t":{self._clock()}{self._middle}{rest}}}\n'.encode())

    def write(self, chunk: bytes) -> None:
        """Writes one chunk as it came."""
        try:
            rest = f'chunk":{self._quote(chunk.decode())}'
        except UnicodeDecodeError:
            from base64 import b64encode

            rest = f'b64":"{b64encode(chunk).decode()}"'
        self._row(rest)

    def end(self, error: BaseException | None = None) -> None:
        """The stream is over, early where there is an `error`. Safe to call twice."""
        if self._ended:
            return
        self._ended = True
        told = "" if error is None else f',"error":{self._quote(f"{type(error).__name__}: {error}")}'
        self._row('end":true' + told)
        if self._sync:
            os.fsync(self._rows.file)

    def __enter__(self) -> Track:
        return self

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        # A consumer that stops early closes the generator: no error of the stream.
        self.end(None if isinstance(error, GeneratorExit) else error)


class _Rows:
    """Rows at the end of a file that others may append to as well, and die in the middle of a row.

    Where something else stands behind our last row, it may be such a torn one: from then on each of our rows begins on a
    line of its own. The empty lines that this makes are none of JSON Lines.
    """

    __slots__ = ("_end", "file")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
        self._end = os.fstat(self.file).st_size
        if self._end and not self._is_whole():
            self.append(b"\n")

    def _is_whole(self) -> bool:
        os.lseek(self.file, -1, os.SEEK_END)
        return os.read(self.file, 1) == b"\n"

    def append(self, row: bytes) -> None:
        """Writes a row at once. Raises OSError, also where not all of it could be written."""
        try:
            end = os.lseek(self.file, 0, os.SEEK_END)
        except OSError:  # a pipe or a terminal, in which no row of others lies
            end = self._end
        if end == self._end:
            self._end = end + len(row)
        else:
            self._end = -1  # there are others
            row = b"\n" + row
        if os.write(self.file, row) != len(row):
            raise OSError("a row was cut short: is the disk full?")

    def close(self) -> None:
        """Closes the file. Safe to call twice."""
        file, self.file = self.file, -1
        if file >= 0:
            os.close(file)


def _close(chunks: Any) -> None:
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
