"""The server's side of a WebSocket connection (RFC 6455) over the streams of `http.server`, without extensions."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["WebSocket", "accept_key", "wants_websocket"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_NORMAL, _PROTOCOL_ERROR, _TOO_BIG = 1000, 1002, 1009


def wants_websocket(headers: Any) -> bool:
    """Whether the headers of a GET request ask for a WebSocket."""
    return headers.get("Upgrade", "").lower() == "websocket" and bool(headers.get("Sec-WebSocket-Key"))


def accept_key(key: str) -> str:
    """The value of `Sec-WebSocket-Accept` for a client's key."""
    return base64.b64encode(hashlib.sha1(key.strip().encode() + _GUID, usedforsecurity=False).digest()).decode()


class WebSocket:
    """One connection, after its handshake. One thread iterates over the messages; `send` may be called by any.

    `reader`, `writer`: binary files of the connection. `limit`: the maximum size of a message, in bytes.
    """

    def __init__(self, reader: Any, writer: Any, limit: int) -> None:
        self._read, self._writer, self._limit = reader.read, writer, limit
        self._lock = threading.Lock()
        self._closing = False

    def send(self, text: bytes) -> None:
        """Sends a text message. Raises OSError if the connection is gone; after `close`, nothing is sent."""
        self._send_frame(_TEXT, text)

    def close(self, code: int = _NORMAL) -> None:
        """Starts the closing handshake, or answers it. Safe to call twice."""
        self._send_frame(_CLOSE, code.to_bytes(2, "big"))

    def _send_frame(self, opcode: int, data: bytes) -> None:
        size = len(data)
        length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
        if size > 0xFFFF:
            length = b"\x7f" + size.to_bytes(8, "big")
        with self._lock:
            if not self._closing:
                self._closing = opcode == _CLOSE
                self._writer.write(bytes([0x80 | opcode]) + length + data)
                self._writer.flush()

    def __iter__(self) -> Iterator[bytes]:
        """The messages, text or binary, until the connection is closed; pings are answered."""
        parts: list[bytes] = []
        size = 0
        while (frame := self._frame()) is not None:
            final, opcode, data = frame
            if opcode == _PING:
                self._send_frame(_PONG, data)
            elif opcode == _CLOSE:
                self._send_frame(_CLOSE, data[:2])
                return
            elif opcode in (_TEXT, _BINARY, _CONTINUATION):
                if bool(parts) != (opcode == _CONTINUATION):
                    self.close(_PROTOCOL_ERROR)
                    return
                parts.append(data)
                size += len(data)
                if size > self._limit:
                    self.close(_TOO_BIG)
                    return
                if final:
                    yield b"".join(parts)
                    parts, size = [], 0
            elif opcode != _PONG:
                self.close(_PROTOCOL_ERROR)
                return

    def _frame(self) -> tuple[bool, int, bytes] | None:
        """The next frame: whether its message ends with it, its opcode, its data. None at the end or for an invalid one."""
        head = self._read(2)
        if len(head) < 2:
            return None
        masked, size = head[1] & 0x80, head[1] & 0x7F
        if head[0] & 0x70 or not masked:  # an extension, or a frame that no client may send
            self.close(_PROTOCOL_ERROR)
            return None
        if size > 125:
            size = int.from_bytes(self._read(2 if size == 126 else 8), "big")
        if size > self._limit:
            self.close(_TOO_BIG)
            return None
        mask, data = self._read(4), self._read(size)
        if len(data) < size:
            return None
        return bool(head[0] & 0x80), head[0] & 0x0F, _unmasked(data, mask)


def _unmasked(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
