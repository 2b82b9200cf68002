"""Server-sent events alone: bytes to messages, by WHATWG HTML, 9.2.6 "Interpreting an event stream".

Lines are parsed as bytes and only values are decoded. UTF-8 has no ASCII byte inside a character, so the text is the same
as if the stream were decoded first. The data lines of a block are kept and joined once, when the block ends.
"""

from __future__ import annotations

from respstream._locking import RLock, locked
from respstream._pure.sse.lines import LineSplitter
from respstream._sse_values import ServerSentEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Buffer

# The standard sets no bound; both backends use the largest number of 64 bits.
_MAX_RETRY = 2**64 - 1
_MAX_RETRY_DIGITS = 20


class SseDecoder:
    """Decodes one stream of server-sent events, fed in chunks of any size; does no I/O.

    `on_eof`: `"flush"` (default) dispatches a block that the end of the input cut short, `"discard"` drops it, as the
    standard requires. Another value raises `ValueError`.
    """

    __slots__ = (
        "_copied",
        "_data",
        "_event",
        "_finished",
        "_id",
        "_last_event_id",
        "_lines",
        "_lock",
        "_new_retry",
        "_on_eof",
        "_retry",
        "_tail",
    )

    def __init__(self, on_eof: Literal["flush", "discard"] = "flush") -> None:
        if on_eof not in ("flush", "discard"):
            raise ValueError(f"on_eof must be one of flush, discard, not {on_eof!r}")
        self._on_eof = on_eof
        self._lock = RLock()
        self.reset()

    @locked
    def reset(self) -> None:
        """Starts a new stream and forgets the old one, including `last_event_id` and `retry`."""
        self._lines = LineSplitter()
        self._tail = bytearray()
        self._copied = 0
        self._data: list[bytes | bytearray] = []
        self._event = ""
        self._new_retry: int | None = None
        self._id = ""
        self._last_event_id = ""
        self._retry: int | None = None
        self._finished = False

    @locked
    def __repr__(self) -> str:
        buffered = len(self._tail) + sum(len(line) + 1 for line in self._data)
        end = ", finished" if self._finished else ""
        return f"sse.Decoder(last_event_id={self.last_event_id!r}, retry={self.retry!r}, buffered={buffered}{end})"

    @property
    def last_event_id(self) -> str | None:
        """The value to send as `Last-Event-ID` when reconnecting: the id as of the last complete block, or `None`."""
        return self._last_event_id or None

    @property
    def retry(self) -> int | None:
        """The reconnection time in milliseconds that the stream set last, or `None`."""
        return self._retry

    @property
    def work(self) -> int:
        """The number of bytes searched or copied so far, for tests: linear in the input at every cut."""
        return self._lines.work + self._copied

    @locked
    def feed(self, chunk: Buffer) -> list[ServerSentEvent]:
        """Takes the next bytes (bytes-like) and returns the messages that they complete.

        Raises `TypeError` for anything else, `str` included, and `ValueError` after `finish()`. Malformed content never
        raises.
        """
        if not isinstance(chunk, bytes):
            chunk = _to_bytes(chunk)
        if self._finished:
            raise ValueError("feed() after finish(): call reset() before another stream")
        window: bytes | bytearray = chunk
        if self._tail:
            self._tail += chunk
            self._copied += len(chunk)
            window = self._tail
        messages: list[ServerSentEvent] = []
        for start, end in self._lines.lines(window):
            if start < end:
                self._field(window[start:end])
            else:
                self._dispatch(messages)
        self._keep_rest(window)
        return messages

    @locked
    def finish(self) -> list[ServerSentEvent]:
        """Ends the input; returns the unfinished message if `on_eof` is "flush". A second call returns an empty list."""
        messages: list[ServerSentEvent] = []
        if not self._finished and self._on_eof == "flush":
            start, end = self._lines.unfinished(self._tail)
            self._field(self._tail[start:end])
            self._dispatch(messages)
        self._finished = True
        self._tail = bytearray()
        self._data = []
        return messages

    def _keep_rest(self, window: bytes | bytearray) -> None:
        """Keeps the bytes after the last line end."""
        rest = self._lines.rest
        if window is self._tail:
            del self._tail[:rest]
        else:
            self._tail += window[rest:]
        if rest:
            self._copied += len(self._tail)

    def _field(self, line: bytes | bytearray) -> None:
        """Processes one line that is not empty; a comment is a field without a name."""
        self._copied += len(line)
        name, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = _text(value)
        elif name == b"id":
            if b"\0" not in value:
                self._id = _text(value)
        elif name == b"retry":
            self._set_retry(value)

    def _set_retry(self, value: bytes | bytearray) -> None:
        digits = value.lstrip(b"0")
        # The length is checked first: int() itself refuses some thousands of digits.
        if value.isdigit() and len(digits) <= _MAX_RETRY_DIGITS and (number := int(digits or b"0")) <= _MAX_RETRY:
            self._retry = self._new_retry = number

    def _dispatch(self, messages: list[ServerSentEvent]) -> None:
        """Ends the block: sets the last event id, and appends a message if the block has data."""
        self._last_event_id = self._id
        if self._data:
            data = _text(b"\n".join(self._data))
            self._copied += len(data)
            messages.append(ServerSentEvent(self._event or None, data, self._id or None, self._new_retry))
            self._data = []
        self._event = ""
        self._new_retry = None


def _text(value: bytes | bytearray) -> str:
    return value.decode("utf-8", "replace")


def _to_bytes(chunk: object) -> bytes:
    if isinstance(chunk, str):
        raise TypeError("feed() takes bytes, not str: pass the bytes as received, not decoded")
    return bytes(memoryview(chunk))  # type: ignore[arg-type]
