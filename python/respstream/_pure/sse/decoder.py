"""Server-sent events alone: bytes to messages, by WHATWG HTML, 9.2.6 "Interpreting an event stream".

Lines are parsed as bytes and only values are decoded: UTF-8 never holds an ASCII byte inside a character, so this gives the
same text as decoding first would. The pieces of a block are kept and joined once, when it ends.
"""

from __future__ import annotations

from respstream._alone import RLock, alone
from respstream.sse import ServerSentEvent

from .lines import LineSplitter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Buffer

# The standard sets no bound, the twins agree on one: what 64 bits hold is over half a billion years of milliseconds.
_MAX_RETRY = 2**64 - 1
_MAX_RETRY_DIGITS = 20


class SseDecoder:
    """Decodes one stream of server-sent events, fed in chunks of any size; does no I/O.

    `on_eof` says what `finish()` does with a block that the end of the input cut short: `"flush"` (default) counts it,
    `"discard"` drops it, as the standard has it. Another value raises `ValueError`.
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
            raise ValueError(f"on_eof is 'flush' or 'discard', not {on_eof!r}")
        self._on_eof = on_eof
        self._lock = RLock()
        self.reset()

    @alone
    def reset(self) -> None:
        """Begin a new stream; nothing of the old one is kept, `last_event_id` and `retry` included."""
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

    @property
    def last_event_id(self) -> str | None:
        """What to send as `Last-Event-ID` when reconnecting: the id as of the last whole block, or `None`."""
        return self._last_event_id or None

    @property
    def retry(self) -> int | None:
        """The reconnection time in milliseconds that the stream set last, or `None`."""
        return self._retry

    @property
    def work(self) -> int:
        """Bytes looked at or moved so far: a measure for tests, linear in the input at every cut."""
        return self._lines.work + self._copied

    @alone
    def feed(self, chunk: Buffer) -> list[ServerSentEvent]:
        """The messages that `chunk` (bytes-like) completes.

        Raises `TypeError` for anything else, `str` included, and `ValueError` after `finish()`. No content raises.
        """
        if not isinstance(chunk, bytes):
            chunk = _to_bytes(chunk)
        if self._finished:
            raise ValueError("feed() after finish(): call reset() to begin a new stream")
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

    @alone
    def finish(self) -> list[ServerSentEvent]:
        """The last message, where the input ended inside a block and `on_eof` counts it; a second call gives nothing."""
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
        """Hold what follows the last line end until more comes."""
        rest = self._lines.rest
        if window is self._tail:
            del self._tail[:rest]
        else:
            self._tail += window[rest:]
        if rest:
            self._copied += len(self._tail)

    def _field(self, line: bytes | bytearray) -> None:
        """Process one line that is not empty; a comment is a field without a name."""
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
        """End the block: the id is committed in any case, a message is made where there was data."""
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
        raise TypeError("feed() takes bytes, not str: hand over the bytes as they came, before any decoding")
    return bytes(memoryview(chunk))  # type: ignore[arg-type]
