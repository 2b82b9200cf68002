"""The replay server against clients that send anything: an answer or a closed connection, no traceback, no advance."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from respstream.recordings import local_server
from respstream.recordings.local_server import LocalServer
from respstream.recordings.replay import serve, takes
from tests.support.paths import TRANSCRIPTS

STREAM = b'{"stream":true}'
DEEP = b"[" * 200_000 + b"]" * 200_000


@pytest.fixture
def server() -> Iterator[LocalServer]:
    server = serve(takes([(TRANSCRIPTS / "log_of_seven.sse").read_bytes()]), speed=None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def exchange(server: LocalServer, request: bytes, *, close: bool = True) -> bytes:
    """All bytes of the answers to what is sent. `close`: nothing follows."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as connection:
        with contextlib.suppress(OSError):  # answered and closed before all was sent
            connection.sendall(request)
            if close:
                connection.shutdown(socket.SHUT_WR)
        found = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(1 << 16):
                found += piece
        return found


def post(body: bytes, *headers: str, version: str = "1.1", host: str | None = "127.0.0.1") -> bytes:
    lines = [f"POST /v1/responses HTTP/{version}", *([] if host is None else [f"Host: {host}"]), *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def sized(body: bytes, *headers: str, **options: str | None) -> bytes:
    return post(body, f"Content-Length: {len(body)}", *headers, **options)  # type: ignore[arg-type]


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Trailer: 1\r\n\r\n"


def ids(answer: bytes) -> list[str]:
    """The ids of the responses in an answer, in order."""
    found = [part.split(b'"')[0].decode() for part in answer.split(b'"id":"resp_')[1:]]
    return list(dict.fromkeys(found))


BAD = {
    "length is no number": (post(b"{}", "Content-Length: x"), 400),
    "length is negative": (post(b"{}", "Content-Length: -1"), 400),
    "length has a sign": (post(b"{}", "Content-Length: +2"), 400),
    "length is huge": (post(b"{}", "Content-Length: 999999999999999"), 413),
    "length has too many digits": (post(b"{}", "Content-Length: " + "9" * 5000), 400),
    "two lengths": (post(b"{}", "Content-Length: 2", "Content-Length: 3"), 400),
    "length and chunks": (post(chunked(b"{}"), "Content-Length: 2", "Transfer-Encoding: chunked"), 400),
    "unknown coding": (post(b"{}", "Transfer-Encoding: gzip, chunked"), 400),
    "chunk without a size": (post(b"x\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 400),
    "chunk with a sign": (post(b"-2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 400),
    "chunk that does not end": (post(b"1\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 400),
    "huge chunk": (post(b"fffffffffffff\r\n", "Transfer-Encoding: chunked"), 413),
    "endless line between chunks": (post(b"1" * 5000, "Transfer-Encoding: chunked"), 400),
    "body is no JSON": (sized(b"{"), 400),
    "body is no object": (sized(b"[1]"), 400),
    "body is nested too deep": (sized(DEEP), 400),
    "no host": (sized(STREAM, host=None), 400),
    "two hosts": (sized(STREAM, "Host: localhost"), 400),
    "other host": (sized(STREAM, host="attacker.example"), 403),
    "other host that begins like this one": (sized(STREAM, host="127.0.0.1.attacker.example"), 403),
    "web page": (sized(STREAM, "Origin: https://attacker.example"), 403),
    "web page without an origin": (sized(STREAM, "Origin: null"), 403),
    "unknown method": (b"PUT /v1/responses HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
    "long line": (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_request(server: LocalServer, case: str, capfd: pytest.CaptureFixture[str]) -> None:
    request, status = BAD[case]
    answer = exchange(server, request)
    assert f" {status} ".encode() in answer.split(b"\r\n", 1)[0] + b" " or b"Error code: %d" % status in answer
    assert b'"id":"resp_' not in answer
    assert ids(exchange(server, sized(STREAM))) == FIRST  # the recording did not advance
    assert capfd.readouterr().err == ""


FIRST = ids((TRANSCRIPTS / "log_of_seven.sse").read_bytes())[:1]


@pytest.mark.parametrize(
    "request_bytes", [sized(STREAM)[:-3], post(chunked(STREAM)[:-9], "Transfer-Encoding: chunked"), b"POST"]
)
def test_client_that_leaves_within_its_request(
    server: LocalServer, request_bytes: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    exchange(server, request_bytes)
    assert ids(exchange(server, sized(STREAM))) == FIRST
    assert capfd.readouterr().err == ""


def test_client_that_leaves_within_its_answer(server: LocalServer, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            connection.sendall(sized(STREAM) * 30)
            connection.recv(10)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert exchange(server, sized(STREAM)).startswith(b"HTTP/1.1 200 OK")
    assert capfd.readouterr().err == ""


def test_request_in_chunks(server: LocalServer) -> None:
    answer = exchange(server, post(chunked(STREAM[:4], STREAM[4:]), "Transfer-Encoding: chunked") * 2)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.count(b"text/event-stream") == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:80", "127.1.2.3:1"])
def test_names_of_this_machine(server: LocalServer, host: str) -> None:
    assert exchange(server, sized(STREAM, host=host)).startswith(b"HTTP/1.1 200 OK")


def test_http_1_0_gets_no_chunks(server: LocalServer) -> None:
    """The end of the connection ends the answer, also while the client keeps its side open."""
    head, body = exchange(server, sized(STREAM, version="1.0", host=None), close=False).split(b"\r\n\r\n", 1)
    assert b"Transfer-Encoding" not in head
    assert body.startswith(b"event: response.created\ndata: {")
    assert body.endswith(b"}\n\n")
    whole = exchange(server, sized(b"{}", version="1.0", host=None), close=False).split(b"\r\n\r\n", 1)[1]
    assert json.loads(whole)["status"] == "completed"


def test_silent_clients_are_closed(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.RequestHandlerClass, "timeout", 0.2)
    for sent in (b"", b"POST /v1", sized(STREAM)[:-1]):
        assert exchange(server, sent, close=False) == b""


def test_number_of_connections_is_bounded(server: LocalServer) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(local_server.MAX_CONNECTIONS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), timeout=30))
            connection.sendall(sized(b"{}"))
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert exchange(server, sized(STREAM)) == b""
    answer = b""
    for _ in range(200):
        if answer := exchange(server, sized(STREAM)):
            break
    assert answer.startswith(b"HTTP/1.1 200 OK")
