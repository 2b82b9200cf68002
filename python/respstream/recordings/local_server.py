"""An HTTP server for this machine alone, which any client may send anything: a bad request is answered or closed.

It answers only requests that name this machine as their host and come from no web page, so that no page in a browser can reach
it, not even under a name of its own that resolves to 127.0.0.1.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from respstream._pure.json import loads

HOST: Final = "127.0.0.1"
MAX_CONNECTIONS: Final = 64
MAX_BODY_BYTES: Final = 64 << 20
IDLE_SECONDS: Final = 60
"""How long a client may send, or accept, nothing."""
_LOCAL = re.compile(r"(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_CHUNK_LINE_BYTES: Final = 1024


class BadRequest(Exception):  # noqa: N818
    """A request that cannot be read. `status`: that of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LocalServer(ThreadingHTTPServer):
    """Serves each connection in a thread, at most `MAX_CONNECTIONS` at once; further ones are closed."""

    daemon_threads = True

    def __init__(self, port: int, handler: type[LocalHandler]) -> None:
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((HOST, port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts the thread of a connection, or closes it if there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints a traceback, unless the client left."""
        import sys

        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class LocalHandler(BaseHTTPRequestHandler):
    """Reads requests and writes answers. Subclasses define `answer`."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS

    def answer(self, body: bytes) -> None:
        """Answers the request; `self.command` is GET or POST. May raise BadRequest."""
        raise NotImplementedError

    def do_POST(self) -> None:
        """Reads a request with a body, and answers it."""
        self._serve()

    def do_GET(self) -> None:
        """Answers a request without a body."""
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Logs nothing."""

    def _serve(self) -> None:
        try:
            self._check_origin()
            self.answer(self._body())
        except BadRequest as error:
            self.close_connection = True  # where the next request begins is unknown
            self.refuse(error.status, "bad_request", str(error))

    def _check_origin(self) -> None:
        host = self.headers.get_all("Host") or []
        if len(host) > 1 or (not host and self.request_version != "HTTP/1.0"):
            raise BadRequest(400, "the request has no Host, or several")
        if host and not _LOCAL.fullmatch(host[0].strip()):
            raise BadRequest(403, "the Host of the request is not this machine")
        if self.headers.get("Origin") is not None:
            raise BadRequest(403, "the request comes from a web page (it has an Origin)")

    # -- the request -----------------------------------------------------------------------------------------------

    def _body(self) -> bytes:
        sizes = set(self.headers.get_all("Content-Length") or [])
        coding = self.headers.get("Transfer-Encoding")
        if coding is not None:
            if sizes or coding.strip().lower() != "chunked":
                raise BadRequest(400, "the request has a Transfer-Encoding that is not read")
            return self._chunked()
        size = sizes.pop().strip() if sizes else "0"
        if sizes or not re.fullmatch("[0-9]{1,18}", size):
            raise BadRequest(400, "the Content-Length of the request is not a number")
        return self._read(int(size), 0)

    def _chunked(self) -> bytes:
        pieces: list[bytes] = []
        total = 0
        while size := self._chunk_size():
            pieces.append(self._read(size, total))
            total += size
            if self._line():
                raise BadRequest(400, "a chunk of the request does not end where its size says")
        while self._line():  # trailers
            total += _CHUNK_LINE_BYTES
            self._check_size(total)
        return b"".join(pieces)

    def _chunk_size(self) -> int:
        size = self._line().partition(b";")[0].strip()
        if not re.fullmatch(b"[0-9A-Fa-f]{1,16}", size):
            raise BadRequest(400, "a chunk of the request has no size")
        return int(size, 16)

    def _line(self) -> bytes:
        line = self.rfile.readline(_CHUNK_LINE_BYTES)
        if not line.endswith(b"\n"):
            self._check_left(line)
            raise BadRequest(400, "a line between the chunks of the request is too long")
        return line.rstrip(b"\r\n")

    def _read(self, size: int, before: int) -> bytes:
        self._check_size(before + size)
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionResetError("the client closed the connection within a request")
        return data

    @staticmethod
    def _check_size(size: int) -> None:
        if size > MAX_BODY_BYTES:
            raise BadRequest(413, f"the request is larger than {MAX_BODY_BYTES} bytes")

    @staticmethod
    def _check_left(line: bytes) -> None:
        if len(line) < _CHUNK_LINE_BYTES:
            raise ConnectionResetError("the client closed the connection within a request")

    # -- the answer ------------------------------------------------------------------------------------------------

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answers with an error in the form of the API."""
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        self.whole(status, json.dumps({"error": error}).encode())

    def whole(self, status: int, body: bytes) -> None:
        """Answers with a body of JSON."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        """Begins an answer of server-sent events. HTTP/1.0 has no chunks: the end of the connection ends the answer."""
        if self.request_version == "HTTP/1.0":
            self.close_connection = True
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        if self.request_version == "HTTP/1.0":
            self.send_header("Connection", "close")
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send(self, data: bytes) -> None:
        """Sends a part of the stream; empty data ends it."""
        if self.request_version != "HTTP/1.0":
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self.wfile.write(data)
        self.wfile.flush()


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; empty for no body. Raises BadRequest."""
    if not body.strip():
        return {}
    try:
        value = loads(body)
    except ValueError:
        raise BadRequest(400, "the body of the request is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequest(400, "the body of the request is not a JSON object")
    return value
