"""A recorder: a tee around any iterator of bytes that writes what passed, with times, to a JSON Lines file.

Each row is `{"t": nanoseconds since the epoch, "lane": "…", …}` with one of

* `"begin": true`  when the stream was asked for,
* `"chunk": "…"`   the bytes that came, as text; `"b64"` in its place where they are no UTF-8 by themselves,
* `"end": true`    when the stream was over; `"error"` names what ended it early.

A row is one `write` to a file that is open for appending: what a crash leaves is whole up to the last row, and several
processes and threads may write into one file. Whatever reads files reads these (`form="auto"`).
"""

from __future__ import annotations

import os
from time import time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
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
    Use as a context manager, or `close()`.
    """

    def __init__(self, path: str | os.PathLike[str], *, sync: bool = False) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
        self._sync = sync
        self._mend()

    def _mend(self) -> None:
        """A row that a crash cut off gets its line end, so that it spoils no row of ours."""
        size = os.fstat(self._file).st_size
        if size:
            os.lseek(self._file, size - 1, os.SEEK_SET)
            if os.read(self._file, 1) != b"\n":
                _write(self._file, b"\n")

    def track(self, lane: str | None = None) -> Track:
        """A new stream, asked for now. `lane` names it; by default a name that no other process gives."""
        if self._file < 0:
            raise ValueError("the recorder is closed")
        return Track(self._file, os.urandom(6).hex() if lane is None else lane, sync=self._sync)

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
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Track:
    """One stream of a recording. `write` each chunk, and `end` it, or use it as a context manager.

    `clock` gives nanoseconds since the epoch.
    """

    __slots__ = ("_ended", "_file", "_middle", "_quote", "_sync", "clock", "lane")

    def __init__(self, file: int, lane: str, *, sync: bool = False, clock: Any = time_ns) -> None:
        from json.encoder import encode_basestring

        self._quote = encode_basestring
        self.lane, self.clock = lane, clock
        self._file, self._sync, self._ended = file, sync, False
        self._middle = f',"lane":{self._quote(lane)},"'
        self._row('begin":true')

    def _row(self, rest: str) -> None:
        _write(self._file, f'{{"t":{self.clock()}{self._middle}{rest}}}\n'.encode())

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
            os.fsync(self._file)

    def __enter__(self) -> Track:
        return self

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        # A consumer that stops early closes the generator: no error of the stream.
        self.end(None if isinstance(error, GeneratorExit) else error)


def _write(file: int, data: bytes) -> None:
    if os.write(file, data) != len(data):
        raise OSError("a row was cut short: is the disk full?")


def _close(chunks: Any) -> None:
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
