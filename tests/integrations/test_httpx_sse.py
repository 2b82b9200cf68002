"""The replacement for httpx-sse compared with httpx-sse over a local server, with httpx and httpx2, sync and async."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, assert_type

import httpx
import httpx2
import httpx_sse as theirs
import pytest

from respstream import errors, sse
from respstream.integrations import httpx_sse as ours

Fields = tuple[str, str, str, int | None]
EVENT_STREAM = "text/event-stream"

# Where httpx-sse follows the standard we must be equal; tests/docs/test_sse_table.py has the rest.
STREAMS: dict[str, bytes] = {
    "plain": b"data: a\n\ndata: b\n\n",
    "every field": b"event: e\ndata: a\nid: 1\nretry: 100\n\n",
    "defaults": b"data\n\n",
    "several data lines": b"data: a\ndata\ndata:  b\n\n",
    "comments": b": c\n\n:\ndata: a\n: c\n\n",
    "id persists": b"id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n",
    "id is reset": b"id: 1\ndata: a\n\nid\ndata: b\n\n",
    "nul in id": b"id: 1\0\ndata: a\n\n",
    "crlf": b"data: a\r\n\r\ndata: b\r\n\r\n",
    "cr": b"data: a\r\rdata: b\r\r",
    "no line ends": "data: \v\f\x1c\x1d\x1e\x85\u2028\u2029\n\n".encode(),
    "utf-8": 'event: é\ndata: {"a": "\U0001f600"}\n\n'.encode(),
    "invalid utf-8": b"data: \xff\xe2\x82\n\n",
    "bogus retry": b"retry: x\nretry:\ndata: a\n\n",
    "unknown field": b"foo: bar\nData: a\ndata: b\n\n",
    "unfinished block": b"data: a\n\ndata: b\n",
    "unfinished line": b"data: a\n\ndata: b",
    "a final cr": b"data: a\n\r",
    "nothing": b"",
    "a stream of responses": b'event: response.created\ndata: {"type":"response.created"}\n\ndata: [DONE]\n\n',
}
CONTENT_TYPES = [
    "text/event-stream",
    "text/event-stream; charset=utf-8",
    "text/event-stream;charset=utf-8",
    "x-text/event-streams",
    "Text/Event-Stream",
    "application/json",
    "text/html; note=text/event-stream",
    "",
]


class Handler(BaseHTTPRequestHandler):
    """Answers by path: /stream/NAME in small writes, /headers with the request's headers, /type with any Content-Type, and special cases."""

    protocol_version = "HTTP/1.1"
    go_on = threading.Event()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        _, kind, *rest = self.path.split("/")
        self.close_connection = True
        with suppress(ConnectionError):
            getattr(self, f"answer_{kind}")(*rest)

    do_POST = do_GET  # noqa: N815

    def begin(self, content_type: str = EVENT_STREAM, **headers: str) -> None:
        self.send_response(200)
        if content_type:
            self.send_header("Content-Type", content_type)
        for name, value in {"Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def answer_stream(self, name: str) -> None:
        self.begin()
        raw = STREAMS[name.replace("%20", " ")]
        for at in range(0, len(raw), 3):
            self.wfile.write(raw[at : at + 3])
            self.wfile.flush()

    def answer_type(self, number: str) -> None:
        self.begin(CONTENT_TYPES[int(number)])
        self.wfile.write(b"data: a\n\n")

    def answer_headers(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = {"method": self.command, "headers": self.headers.items(), "body": body.decode()}
        self.begin()
        self.wfile.write(f"data: {json.dumps(asked)}\n\n".encode())

    def answer_gzip(self) -> None:
        self.begin(Content_Encoding="gzip")
        self.wfile.write(gzip.compress(b"data: a\n\ndata: b\n\n"))

    def answer_short(self) -> None:
        self.begin(Content_Length="100")
        self.wfile.write(b"data: a\n\n")

    def answer_live(self) -> None:
        self.begin()
        self.wfile.write(b"data: a\n\n")
        self.wfile.flush()
        self.go_on.wait(10)
        self.wfile.write(b"data: b\n\n")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def use_backend_decoder(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "Decoder", backend.SseDecoder)


def fields(message: Any) -> Fields:
    return message.event, message.data, message.id, message.retry


def receive(package: Any, http: Any, url: str, method: str = "GET", **options: Any) -> list[Any]:
    with (
        http.Client(trust_env=False, verify=False) as client,
        package.connect_sse(client, method, url, **options) as source,
    ):
        return list(source.iter_sse())


def areceive(package: Any, http: Any, url: str, method: str = "GET", **options: Any) -> list[Any]:
    async def run() -> list[Any]:
        async with (
            http.AsyncClient(trust_env=False, verify=False) as client,
            package.aconnect_sse(client, method, url, **options) as source,
        ):
            return [message async for message in source.aiter_sse()]

    return asyncio.run(run())


Receive = Callable[..., list[Any]]
both_clients = pytest.mark.parametrize("http", [httpx, httpx2], ids=["httpx", "httpx2"])
sync_and_async = pytest.mark.parametrize("get", [receive, areceive], ids=["sync", "async"])


@pytest.mark.parametrize(("get", "http"), [(receive, httpx), (areceive, httpx2)], ids=["sync", "async"])
@pytest.mark.parametrize("name", STREAMS)
def test_messages_match_httpx_sse(url: str, get: Receive, http: Any, name: str) -> None:
    expected = get(theirs, httpx, f"{url}/stream/{name}")
    got = get(ours, http, f"{url}/stream/{name}")
    assert [fields(message) for message in got] == [fields(message) for message in expected]
    assert [repr(message) for message in got] == [repr(message) for message in expected]


@both_clients
@sync_and_async
@pytest.mark.parametrize("number", range(len(CONTENT_TYPES)), ids=[given or "none" for given in CONTENT_TYPES])
def test_content_types_match_httpx_sse(url: str, get: Receive, http: Any, number: int) -> None:
    def outcome(package: Any, client: Any) -> list[Fields] | str:
        try:
            return [fields(message) for message in get(package, client, f"{url}/type/{number}")]
        except package.SSEError as error:
            return str(error)

    assert outcome(ours, http) == outcome(theirs, httpx)


def test_content_type_is_checked_on_first_message() -> None:
    source = ours.EventSource(httpx.Response(200, text="{}", headers={"Content-Type": "application/json"}))
    steps = source.iter_sse()
    with pytest.raises(ours.SSEError, match="'text/event-stream', got 'application/json'") as caught:
        next(steps)
    assert isinstance(caught.value, errors.RespstreamError)


@both_clients
@sync_and_async
def test_request(url: str, get: Receive, http: Any) -> None:
    given = {"accept": "text/html", "CACHE-CONTROL": "max-age=1", "X-Mine": "1"}
    kept = dict(given)
    for headers in (given, list(given.items()), http.Headers(given)):
        (message,) = get(ours, http, f"{url}/headers", "POST", headers=headers, json={"a": 1})
        asked = message.json()
        sent = [(name.lower(), value) for name, value in asked["headers"]]
        assert [value for name, value in sent if name == "accept"] == ["text/event-stream"]
        assert [value for name, value in sent if name == "cache-control"] == ["no-store"]
        assert ("x-mine", "1") in sent
        assert (asked["method"], json.loads(asked["body"])) == ("POST", {"a": 1})
    assert given == kept


@both_clients
@sync_and_async
@pytest.mark.parametrize("options", [{}, {"headers": None}], ids=["no headers", "headers=None"])
def test_request_without_headers(url: str, get: Receive, http: Any, options: dict[str, Any]) -> None:
    (message,) = get(ours, http, f"{url}/headers", **options)
    sent = {name.lower(): value for name, value in message.json()["headers"]}
    assert (sent["accept"], sent["cache-control"]) == ("text/event-stream", "no-store")


@both_clients
@sync_and_async
def test_compressed(url: str, get: Receive, http: Any) -> None:
    assert [message.data for message in get(ours, http, f"{url}/gzip")] == ["a", "b"]


@both_clients
@sync_and_async
def test_connection_break_raises_client_error(url: str, get: Receive, http: Any) -> None:
    with pytest.raises(http.RemoteProtocolError):
        get(ours, http, f"{url}/short")


@both_clients
def test_messages_arrive_while_stream_is_open(url: str, http: Any) -> None:
    Handler.go_on.clear()
    with http.Client(trust_env=False, verify=False) as client, ours.connect_sse(client, "GET", f"{url}/live") as source:
        steps = source.iter_sse()
        assert next(steps).data == "a"
        Handler.go_on.set()
        assert [message.data for message in steps] == ["b"]


@both_clients
def test_async_messages_arrive_while_stream_is_open(url: str, http: Any) -> None:
    async def run() -> list[str]:
        Handler.go_on.clear()
        seen = []
        async with (
            http.AsyncClient(trust_env=False, verify=False) as client,
            ours.aconnect_sse(client, "GET", f"{url}/live") as source,
        ):
            async for message in source.aiter_sse():
                seen.append(message.data)
                Handler.go_on.set()
        return seen

    assert asyncio.run(run()) == ["a", "b"]


def test_early_async_stop_closes_body() -> None:
    class Response:
        closed = False

        @property
        def headers(self) -> dict[str, str]:
            return {"content-type": EVENT_STREAM}

        async def aiter_bytes(self) -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"data: a\n\n"
            finally:
                self.closed = True

        def iter_bytes(self) -> Iterator[bytes]:
            raise NotImplementedError

    async def run() -> None:
        response = Response()
        steps = ours.EventSource(response).aiter_sse()
        assert (await anext(steps)).data == "a"
        assert not response.closed
        await steps.aclose()
        assert response.closed

    asyncio.run(run())


@both_clients
def test_response_that_was_already_read(http: Any) -> None:
    response = http.Response(200, content=b"data: a\n\n", headers={"Content-Type": EVENT_STREAM})
    source = ours.EventSource(response)
    assert source.response is response
    assert [fields(message) for message in source.iter_sse()] == [("message", "a", "", None)]


def spoken(*chunks: bytes) -> Any:
    """A response whose body comes in these chunks."""

    async def later() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    class Body:
        headers = {"content-type": EVENT_STREAM}  # noqa: RUF012

        def iter_bytes(self) -> Iterator[bytes]:
            return iter(chunks)

        def aiter_bytes(self) -> AsyncIterator[bytes]:
            return later()

    return Body()


# After each message, and at the end: the last event id and the reconnection time.
RECONNECTING: list[tuple[tuple[bytes, ...], list[tuple[str, int | None]]]] = [
    ((), [("", None)]),
    ((b"data: a\n\n",), [("", None), ("", None)]),
    ((b"id: 1\n\nretry: 5\n\n",), [("1", 5)]),
    (
        (b"id: 1\ndata: a\n\nid: 2\n\ndata: b\n\nid: 3\ndata: c\n\n",),
        [("1", None), ("2", None), ("3", None), ("3", None)],
    ),
    ((b"retry: 5\ndata: a\n\n", b"id: 2\nretry: 7\n\n", b"data: b\n\nid\n\n"), [("", 5), ("2", 7), ("", 7)]),
    ((b"id: 1\n\ndata: a\n\nid: 2\ndata: cut short",), [("1", None), ("1", None)]),
]


@pytest.mark.parametrize(("chunks", "expected"), RECONNECTING)
def test_reconnecting(chunks: tuple[bytes, ...], expected: list[tuple[str, int | None]]) -> None:
    """Blocks without data, for which there is no message, are seen too; messages that are still to come are not."""
    source = ours.EventSource(spoken(*chunks))
    assert (source.last_event_id, source.retry) == ("", None)
    found = [(source.last_event_id, source.retry) for _ in source.iter_sse()]
    assert [*found, (source.last_event_id, source.retry)] == expected

    async def run() -> None:
        source = ours.EventSource(spoken(*chunks))
        found = [(source.last_event_id, source.retry) async for _ in source.aiter_sse()]
        assert [*found, (source.last_event_id, source.retry)] == expected

    asyncio.run(run())


@pytest.mark.parametrize(
    "given",
    [(), (None, None, None, None), ("", "", "", 0), ("e", "d", "1", 5), (None, '{"a": 1}', None, None), ("e", "", "2")],
    ids=repr,
)
def test_message_matches_httpx_sse_except_equality(given: tuple[Any, ...]) -> None:
    expected, got = theirs.ServerSentEvent(*given), ours.ServerSentEvent(*given)
    assert fields(got) == fields(expected)
    assert repr(got) == repr(expected)
    assert got == ours.ServerSentEvent(*given)
    assert isinstance(got, sse.ServerSentEvent)
    if expected.data:
        with suppress(json.JSONDecodeError):
            assert got.json() == expected.json()


def answer_sse(_: Any) -> httpx.Response:
    return httpx.Response(200, content=b"data: a\n\n", headers={"Content-Type": EVENT_STREAM})


def test_types() -> None:
    client = httpx.Client(transport=httpx.MockTransport(answer_sse))
    with client, ours.connect_sse(client, "GET", "http://test") as source:
        assert_type(source.response, httpx.Response)
        message = next(source.iter_sse())
        assert_type(message.event, str)
        assert_type(message.id, str)


def test_public_names_match_httpx_sse() -> None:
    assert sorted(ours.__all__) == sorted(set(theirs.__all__) - {"__version__"})


def test_import_loads_no_http_client() -> None:
    code = "import sys, respstream.integrations.httpx_sse; print({'httpx', 'httpx2', 'httpx_sse'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
