"""`resume()`: a background response over connections that break anywhere, with the real SDK over a local server."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import openai
import pytest

import respstream
from respstream.integrations.openai import AsyncResumedStream, ResumedStream, ResumeError, accelerate, resume
from respstream.integrations.openai._plans import difference
from tests.support import doc_examples
from tests.support.openai_server import chat, running
from tests.support.openai_server import sse as to_sse
from tests.support.paths import DOCS, EXHAUSTIVE

Event = dict[str, Any]


def _small(ident: str, text: str, end: str) -> list[Event]:
    """A recorded response as short as servers make them."""
    response = {"id": ident, "object": "response", "created_at": 1, "model": "m", "output": []}
    part = {"item_id": "msg", "output_index": 0, "content_index": 0}
    item = {"id": "msg", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    events: list[Event] = [
        {"type": "response.created", "response": {**response, "status": "queued"}},
        *({"type": "response.output_text.delta", **part, "delta": word} for word in text.split(" ")),
        {"type": f"response.{end}", "response": {**response, "status": end, "output": [item]}},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


TEXTS = ("a b", "grüße an alle", "\U0001f600 x", "", "one", "line\nbreak too", '{"json": 1}', "\\ back", "é è ê", "z")
ENDS = ("completed", "incomplete", "failed")
RECORDINGS = {
    f"resp_{number}": _small(f"resp_{number}", text, ENDS[number % len(ENDS)]) for number, text in enumerate(TEXTS)
}
RECORDINGS["resp_long"] = [
    {**event, "response": {**event["response"], "id": "resp_long"}} if "response" in event else event
    for event in chat()
]


class Handler(BaseHTTPRequestHandler):
    """Sends the events of a recording; `plan` says what happens to the body of each connection in turn.

    A number cuts the body, a tuple of numbers leaves these events out, an integer status above 99 in a string refuses, and
    None sends all. After the plan, everything is sent.
    """

    protocol_version = "HTTP/1.1"
    plan: ClassVar[list[Any]] = []
    asked: ClassVar[list[tuple[str, str]]] = []

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert body["stream"] is True
        assert body["background"] is True
        self._send(body["model"], -1)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        assert query["stream"] == ["true"]
        self._send(parts.path.rpartition("/")[2], int(query.get("starting_after", ["-1"])[0]))

    def _send(self, name: str, after: int) -> None:
        type(self).asked.append((self.command, str(after)))
        action = type(self).plan.pop(0) if type(self).plan else None
        if isinstance(action, str):
            self._refuse(int(action))
            return
        left_out = action if isinstance(action, tuple) else ()
        body = to_sse([event for event in RECORDINGS[name][after + 1 :] if event["sequence_number"] not in left_out])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if isinstance(action, int):
            body = body[:action]
            self.close_connection = True
        self.wfile.write(body)

    def _refuse(self, status: int) -> None:
        body = b'{"error":{"message":"no","code":"c","type":"t","param":null}}'
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with running(server) as base:
        yield base


@pytest.fixture(autouse=True)
def _plan() -> Iterator[None]:
    Handler.plan.clear()
    Handler.asked.clear()
    yield
    assert Handler.plan == []


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="none", base_url=url, max_retries=0) as made:
        yield accelerate(made)


def numbers(stream: ResumedStream) -> list[int]:
    return [event.sequence_number for event in stream]


def check_cut(client: openai.OpenAI, name: str, cut: int, wanted: list[Any]) -> None:
    Handler.plan.append(cut)
    stream = resume(client, name)
    assert difference(wanted, list(stream)) is None, (name, cut)
    assert stream.connections == 2


def cuts(name: str) -> list[int]:
    """Where a body is cut: at the ends of its lines, and at every 29th byte from another one in each recording; or at every byte."""
    body = to_sse(RECORDINGS[name])
    if EXHAUSTIVE:
        return list(range(len(body)))
    ends = {at + near for at, byte in enumerate(body) if byte == 10 for near in (0, 1)}
    return sorted((ends | {*range(len(name) + int(name.rpartition("_")[2]), len(body), 29)}) - {len(body)})


@pytest.mark.parametrize("name", list(RECORDINGS)[:10])
def test_body_cut_anywhere(client: openai.OpenAI, name: str) -> None:
    wanted = list(resume(client, name))
    assert [event.sequence_number for event in wanted] == list(range(len(RECORDINGS[name])))
    final = respstream.Accumulator()
    for event in wanted:
        final.add(event)
    assert final.response is not None
    assert final.response.to_dict() == {**RECORDINGS[name][-1]["response"]}
    for cut in cuts(name):
        check_cut(client, name, cut, wanted)


def test_many_cuts(client: openai.OpenAI) -> None:
    """Every connection brings one event and the beginning of the next."""
    wanted = list(resume(client, "resp_long"))
    sizes = [len(to_sse([event])) for event in RECORDINGS["resp_long"]]
    Handler.plan += [size + 9 for size in sizes[:-1]]
    stream = resume(client, "resp_long", delay=0)
    assert difference(wanted, list(stream)) is None
    assert stream.connections == len(sizes)
    assert stream.last_sequence_number == len(sizes) - 1


def test_creates_response(client: openai.OpenAI) -> None:
    Handler.plan += [900]
    stream = resume(client, model="resp_long", input="x", store=True)
    before = stream.response_id
    with stream:
        assert numbers(stream) == list(range(len(RECORDINGS["resp_long"])))
    assert (before, stream.response_id) == (None, "resp_long")
    assert [method for method, _ in Handler.asked] == ["POST", "GET"]


def test_break_before_id_is_reported(client: openai.OpenAI) -> None:
    """A second request would make a second response."""
    Handler.plan += [40]
    with pytest.raises(ResumeError, match="before the id") as raised:
        list(resume(client, model="resp_1", input="x"))
    assert raised.value.response_id is None
    assert len(Handler.asked) == 1


def test_continues_after_known_event(client: openai.OpenAI) -> None:
    assert numbers(resume(client, "resp_1", starting_after=1)) == list(range(2, len(RECORDINGS["resp_1"])))
    with pytest.raises(ValueError, match="starting_after"):
        resume(client, starting_after=1, model="m")
    with pytest.raises(TypeError, match="client of the openai SDK"):
        resume("client", "resp_1")  # type: ignore[call-overload]


def test_events_left_out_are_asked_for_again(client: openai.OpenAI) -> None:
    count = len(RECORDINGS["resp_1"])
    Handler.plan += [(1,), None]
    assert numbers(resume(client, "resp_1")) == list(range(count))
    # A server that has no such event: it is not waited for.
    Handler.plan += [(1,), (1,)]
    assert numbers(resume(client, "resp_1")) == [0, *range(2, count)]


def test_gives_up_honestly(client: openai.OpenAI) -> None:
    size = len(to_sse(RECORDINGS["resp_1"][:2]))
    Handler.plan += [size, 0, 10]
    stream = resume(client, "resp_1", retries=2, delay=0.001)
    assert [next(stream).sequence_number for _ in range(2)] == [0, 1]
    with pytest.raises(ResumeError, match="broke 3 times after event 1") as raised:
        next(stream)
    assert (raised.value.response_id, raised.value.last_sequence_number) == ("resp_1", 1)
    assert isinstance(raised.value.__cause__, Exception)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.last_sequence_number) == (str(raised.value), 1)


def test_refused_connections(client: openai.OpenAI) -> None:
    Handler.plan += ["503", "429"]
    assert numbers(resume(client, "resp_1", delay=0.001)) == list(range(len(RECORDINGS["resp_1"])))
    Handler.plan += ["404"]
    with pytest.raises(openai.NotFoundError):
        list(resume(client, "resp_1"))


def test_unfaithful_client(url: str) -> None:
    """A client that counts an unfinished block takes the end of a cut body for bad JSON."""
    with accelerate(openai.OpenAI(api_key="none", base_url=url, max_retries=0), faithful=False) as client:
        wanted = list(resume(client, "resp_2"))
        size = len(to_sse(RECORDINGS["resp_2"]))
        for cut in range(0, size - 3, 11):
            Handler.plan.append(cut)
            assert difference(wanted, list(resume(client, "resp_2", delay=0))) is None


def test_example_of_page(client: openai.OpenAI, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """The example of docs/websocket.md."""
    monkeypatch.setitem(RECORDINGS, "gpt-5", RECORDINGS["resp_1"])
    (code,) = (block.code for block in doc_examples.blocks(DOCS / "websocket.md") if "resume(" in block.code)
    names: dict[str, Any] = {"client": client}
    exec(code, names)
    assert capsys.readouterr().out.splitlines() == [
        f"{event['type']} {event['sequence_number']}" for event in RECORDINGS["resp_1"]
    ]
    assert names["stream"].response_id == "resp_123"


def test_closing_ends_connection(client: openai.OpenAI) -> None:
    stream = resume(client, "resp_long")
    assert next(stream).sequence_number == 0
    stream.close()
    assert list(stream) == []
    assert len(Handler.asked) == 1


@pytest.mark.parametrize("step", [pytest.param(17)])
def test_async(url: str, client: openai.OpenAI, step: int) -> None:
    wanted = {name: list(resume(client, name)) for name in ("resp_1", "resp_2")}

    async def run() -> None:
        async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as made:
            for name, events in wanted.items():
                for cut in range(0, len(to_sse(RECORDINGS[name])) - 1, step):
                    Handler.plan.append(cut)
                    stream = resume(accelerate(made), name)
                    assert difference(events, [event async for event in stream]) is None
                    assert stream.connections == 2
            Handler.plan.append(1)
            with pytest.raises(ResumeError):
                async for _ in resume(made, model="resp_1", input="x"):
                    pass
            async with resume(made, "resp_long") as stream:
                assert isinstance(stream, AsyncResumedStream)
                assert (await anext(stream)).sequence_number == 0

    asyncio.run(run())
