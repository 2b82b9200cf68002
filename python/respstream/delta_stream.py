"""The uniform stream of every API: the text, reasoning, refusals and tool arguments of a source, as they arrive."""

from __future__ import annotations

from respstream._fallback import Decoder
from respstream.errors import StreamError
from respstream.protocols.delta import Delta, delta_reader
from respstream.stream import AsyncStream, Stream, options_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Unpack

    from respstream._pure.protocols.protocol import ParsedEvent, ResponseState
    from respstream.protocols.delta import DeltaReader
    from respstream.stream import Options

__all__ = ["Delta", "adeltas", "deltas"]


class DeltaDecoder(Decoder):
    """A decoder that returns deltas instead of events. The fallback is used under both backends.

    A subclass may return other values: those of its own `reader` of each response.
    """

    def reader(self, folded: ResponseState) -> DeltaReader:
        """What takes the events of a response."""
        return delta_reader(folded)

    def reset(self) -> None:
        """Discards all state."""
        super().reset()
        self._readers: dict[int, DeltaReader] = {}
        self._closed = 0
        self._found: list[Delta] = []

    def feed(self, data: Any, start: int = 0, stop: int | None = None) -> list[Any]:
        """Takes the next bytes; returns the deltas that they complete."""
        part = data if (start, stop) == (0, None) else memoryview(data)[start:stop]
        return self._run(lambda: self._core.feed(part, self._take))

    def message(self, data: Any) -> list[Any]:
        """Takes one payload that arrived as a message of its own; returns its deltas."""
        return self._run(lambda: self._core.message(data, self._take))

    def feed_record(self, data: bytes, times: Any, span: Any, ends: bool = True) -> list[Any]:
        """Takes one record; returns its deltas."""
        return self._run(lambda: self._core.feed_record(data, times, span, ends, self._take))

    def finish(self) -> list[Any]:
        """Ends the source; returns the last deltas."""
        return self._run(lambda: self._core.finish(self._take))

    def _run(self, call: Callable[[], object]) -> list[Delta]:
        try:
            call()
            self._close()
        except StreamError as error:
            self._close()
            error.events, self._found = self._found, []
            raise
        found, self._found = self._found, []
        return found

    def _take(self, parsed: ParsedEvent, folded: ResponseState | None) -> None:
        self._close()
        if folded is not None:
            reader = self._readers.get(folded.ordinal)
            if reader is None:
                reader = self._readers[folded.ordinal] = self.reader(folded)
            self._found += reader.event(parsed)

    def _close(self) -> None:
        """Adds the deltas of the responses that have ended."""
        ended = self._core.ended
        while self._closed < len(ended):
            folded = ended[self._closed]
            self._closed += 1
            reader = self._readers.pop(folded.ordinal, None) or self.reader(folded)
            self._found += reader.end()


def deltas(source: Any, **options: Unpack[Options]) -> Stream[Delta]:
    """The pieces of text of a source, read lazily; the same for every API, for programs that print or forward tokens.

    Options and exceptions are those of `events`. A text that comes only in its final event is one delta. For each response,
    the joined deltas of a kind equal the texts of `responses`.
    """
    return Stream(source, options_of(source, **options), whole=False, make=DeltaDecoder)


def adeltas(source: Any, **options: Unpack[Options]) -> AsyncStream[Delta]:
    """As `deltas`, over an asynchronous iterable of bytes, or any source of `deltas`, which then blocks while it is read."""
    return AsyncStream(source, options_of(source, **options), whole=False, make=DeltaDecoder)
