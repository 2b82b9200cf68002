"""A response as it arrives: what the parser calls, the head, and the bytes of the body that were not read yet."""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["Response", "import_parser"]

MAX_HEAD = 100 * 1024
"""The limit of h11, which parses for httpx."""
# What h11 accepts too.
_LENIENT = dict.fromkeys(
    (
        "lenient_chunked_length",
        "lenient_data_after_close",
        "lenient_optional_cr_before_lf",
        "lenient_spaces_after_chunk_size",
    ),
    True,
)


@functools.cache
def import_parser() -> Any:
    """httptools; raises ImportError, saying how to install it."""
    try:
        import httptools
    except ModuleNotFoundError as error:
        if error.name != "httptools":
            raise
        message = 'transport="native" requires httptools: pip install "respstream[transport]"'
        raise ImportError(message, name="httptools") from None
    return httptools


class Response:
    """One response. `chunks`: of the body, and not yet read. `error`: what reading raises behind them.

    The parser calls the methods `on_…`. `library`: httpx, for its exceptions.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self.version, self.status, self.reason = b"HTTP/1.1", 0, b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        self.is_complete = False
        self.keeps_alive = False
        """Whether the connection can send another response behind this one."""
        self.error: Exception | None = None
        self.chunks: list[bytes] = []
        self.taken = 0
        """The number of bytes that were read."""
        self._head_size = 0
        self._reason: list[bytes] = []
        self.on_body: Any = self.chunks.append
        parser: Any = import_parser().HttpResponseParser(self)
        parser.set_dangerous_leniencies(**_LENIENT)
        self._parser: Any = parser
        self.parse: Any = parser.feed_data
        """Takes bytes from the connection."""

    def on_status(self, part: bytes) -> None:
        self._reason.append(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # those behind a chunked body are dropped
            self.headers.append((name, value.rstrip(b" \t")))

    def on_message_begin(self) -> None:
        if self.is_complete:  # nothing was asked for
            self.keeps_alive = False

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self.is_complete and not (100 <= status < 200 and status != 101):
            self.has_head, self.status, self.reason = True, status, b"".join(self._reason)
            self.version = b"HTTP/" + self._parser.get_http_version().encode()
            self.keeps_alive = status != 101 and self._parser.should_keep_alive()
        else:
            self.headers.clear()
            self._reason.clear()

    def on_message_complete(self) -> None:
        self.is_complete = self.has_head

    def fail(self, error: Exception) -> None:
        """The parser has raised this."""
        self.keeps_alive = False
        if not self.is_complete:
            self.error = self._library.RemoteProtocolError(str(error))

    def count_head(self, data: bytes) -> None:
        """Takes note of bytes that do not end the head."""
        self._head_size += len(data)
        if self._head_size > MAX_HEAD and self.error is None:
            self.error = self._library.RemoteProtocolError("Receive buffer too long")

    def end(self, error: Exception | None) -> None:
        """The connection was closed by the server, or is broken because of an error."""
        if self.is_complete or self.error is not None:
            return
        self.keeps_alive = False
        if error is not None:
            self.error = self._library.ReadError("")
        elif not self.has_head:
            self.error = self._library.RemoteProtocolError("Server disconnected without sending a response.")
        elif (missing := self._missing()) is not None:
            reason = f"peer closed connection without sending complete message body ({missing})"
            self.error = self._library.RemoteProtocolError(reason)
        else:
            self.is_complete = True

    def release(self) -> None:
        """Nothing more is fed: what is read behind the bytes that have arrived raises, unless the response is complete."""
        self.end(ConnectionAbortedError())
        self._parser = self.parse = self.on_body = None  # which form a cycle

    def _missing(self) -> str | None:
        """What tells that the body is not complete; None if it ends with the connection."""
        given = {name.lower(): value for name, value in self.headers}
        if b"transfer-encoding" in given:
            return "incomplete chunked read"
        expected = given.get(b"content-length")
        received = self.taken + sum(map(len, self.chunks))
        return None if expected is None else f"received {received} bytes, expected {expected.decode('latin-1')}"

    def take(self) -> bytes:
        """All of the body that has arrived and was not read."""
        chunks = self.chunks
        data = chunks.pop() if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.taken += len(data)
        return data
