"""The anthropic SDK with its streams read natively, over HTTP: events, messages and exceptions equal those of the SDK alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import anthropic
import pytest
from pydantic import BaseModel

from respstream import _fallback
from respstream.integrations._plans import difference, plans
from respstream.integrations.anthropic import __main__ as command
from respstream.integrations.anthropic import accelerate, record, restore
from respstream.integrations.anthropic._sdk import load
from respstream.integrations.anthropic._verify import client as local_client
from respstream.integrations.anthropic._verify import verify
from tests.support import readings
from tests.support.anthropic_server import serving
from tests.support.messages_dialects import DIALECTS
from tests.support.messages_streams import (
    HI,
    PING,
    STOP,
    Json,
    block,
    delta,
    end,
    part,
    sse,
    start,
    stop,
    stream,
    text,
    thinking,
    tool,
)  # fmt: skip

ASKED: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
ERROR: Json = {"type": "error", "error": {"type": "overloaded_error", "message": "later"}}
ALL: list[Json] = [
    start(), PING, block(0, "thinking", thinking="", signature=""), *[thinking(f"t{n} ") for n in range(9)],
    delta(0, "signature_delta", signature="s"), stop(), block(1, "text", text="", citations=None), *[text(f"w{n} ", 1) for n in range(9)],
    delta(1, "citations_delta", citation={"type": "char_location", "cited_text": "x", "document_index": 0, "document_title": None,
        "start_char_index": 0, "end_char_index": 1, "file_id": None}), text("end", 1), stop(1),
    tool(2), *[part(piece, 2) for piece in ("", '{"a"', ": [1, ", "2.5", '], "b": "x', 'y"}')], stop(2),
    tool(3, "s1", "web_search", "server_tool_use"), part('{"query": "q"}', 3), stop(3),
    block(4, "web_search_tool_result", tool_use_id="s1", content=[]), stop(4), end("tool_use"), STOP,
]  # fmt: skip
LONG: list[Json] = [*ALL[:-1], *(end() for _ in range(9)), STOP, {"type": "surprise"}]
How = Callable[[Any], Iterator[Any]]


def create(client: Any) -> Iterator[Any]:
    yield from client.messages.create(**ASKED, stream=True)


def helper(client: Any) -> Iterator[Any]:
    """The events of the helper, with the message so far at each."""
    with client.messages.stream(**ASKED) as events:
        for event in events:
            yield event
            yield events._current_snapshot_or_none() and events.current_message_snapshot.model_copy(deep=True)
        yield events.get_final_message()
        yield (events.request_id, events.response.status_code)


def beta(client: Any) -> Iterator[Any]:
    return helper(client.beta)


def beta_create(client: Any) -> Iterator[Any]:
    return create(client.beta)


def texts(client: Any) -> Iterator[Any]:
    with client.messages.stream(**ASKED) as events:
        yield from events.text_stream
        yield events.get_final_text()


WAYS: list[How] = [create, helper, beta, beta_create, texts]


def read(client: Any, how: How) -> tuple[list[Any], str]:
    """The events, and the exception that ended them."""
    found = []
    try:
        for event in how(client):
            found.append(event.model_copy(deep=True) if isinstance(event, BaseModel) else event)
    except Exception as error:
        return found, f"{type(error).__name__}: {error}"
    return found, ""


def client(url: str, **options: Any) -> Any:
    return anthropic.Anthropic(api_key="none", base_url=url, max_retries=0, **options)


def compare(theirs: Any, ours: Any, how: How) -> list[Any]:
    """Reads a stream in both ways, several times; the first streams make the plans."""
    wanted = read(theirs, how)
    for _ in range(3):
        given = read(ours, how)
        assert difference(wanted[0], given[0]) is None
        assert wanted[1] == given[1]
    return wanted[0]


@pytest.mark.parametrize("how", WAYS, ids=lambda how: how.__name__)
@pytest.mark.parametrize("size", [1000, 37])
def test_equal_over_http(how: How, size: int) -> None:
    with serving(sse(LONG), size) as url, client(url) as theirs, client(url) as ours:
        assert len(compare(theirs, accelerate(ours), how)) > 9


def pieces(body: bytes) -> list[bytes]:
    return [body[at : at + 200] for at in range(0, len(body), 200)]


@pytest.mark.parametrize("how", [create, helper, beta], ids=lambda how: how.__name__)
def test_equal_for_unusual_streams(how: How) -> None:
    bodies = [row.body for row in DIALECTS] + [
        sse([*HI[:3], ERROR]), sse([ERROR]), sse([*HI[:3], PING, {**HI[3], "more": [1]}, *HI[4:]]),
        sse([start(), tool(0), part("{a}"), stop(), STOP]), sse([start(), block(0, "text", text=""), text("x", 5)]),
        sse(HI).replace(b"\n", b"\r\n"), sse(HI).replace(b"\n\n", b"\nid: 1\n\n"), b": comment\n\n" + sse(HI)[:-1], b"",
        b"event: ping\ndata: " + json.dumps(HI[0]).encode() + b"\n\n" + sse(HI), b"event: message_start\n\n" + sse(HI),
        sse(HI).replace(b'"Hi"', b'"H\\u00e9\\ud83d\\ude00"'), sse(HI).replace(b'"Hi"', b'"\\ud83d"'), sse(HI) + b"data: x\n\n" + sse(HI),
    ]  # fmt: skip
    bodies += [sse(stream(Random(number), number, dialects=bool(number % 2)).events) for number in range(10)]
    for body in bodies:
        compare(local_client(pieces(body)), accelerate(local_client(pieces(body))), how)


def test_many_streams_at_a_time() -> None:
    bodies = [sse(LONG).replace(b"m1", f"m{number}".encode()) for number in range(9)]
    wanted = [read(local_client(pieces(body)), create) for body in bodies]
    ours = [accelerate(local_client(pieces(body))) for body in bodies]
    for _ in range(3):
        started = [one.messages.create(**ASKED, stream=True) for one in ours]
        found: list[list[Any]] = [[] for _ in ours]
        for _ in wanted[0][0]:
            for events, source in zip(found, started, strict=True):
                events.append(next(source))
        for source, events, (theirs, error) in zip(started, found, wanted, strict=True):
            assert error == ""
            assert list(source) == []
            assert difference(theirs, events) is None


def test_objects_of_streams_are_their_own() -> None:
    client = accelerate(local_client(pieces(sse(LONG))))
    wanted = read(local_client(pieces(sse(LONG))), create)[0]
    for _ in range(4):
        given = list(client.messages.create(**ASKED, stream=True))
        assert difference(wanted, given) is None
        for event in given:
            event.__dict__["type"] = "changed"
            event.__pydantic_fields_set__.clear()
            for inner in event.__dict__.values():
                if isinstance(inner, BaseModel):
                    vars(inner).clear()


@pytest.mark.parametrize("last", [{"x": 1}, {}, {"x": {}}])
def test_empty_inputs_with_other_spaces(last: Json) -> None:
    """An input that is empty in some streams, with and without spaces, is not taken for empty in others."""
    shape = b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":%s}\n\n'
    inner = b'{"type":"tool_use","id":"%s","name":"f","input":%s}'
    for order in (b"{}", b"{ }", b"{}"), (b"{ }", b"{}", b"{  }"):
        for number, given in enumerate([*order, json.dumps(last).encode()] * 2):
            body = sse([start()]) + shape % (inner % (b"t%d" % number, given)) + sse([stop(), end("tool_use"), STOP])
            theirs, ours = local_client(pieces(body)), accelerate(local_client(pieces(body)))
            compare(theirs, ours, create)


def test_helper_is_read_like_a_generator() -> None:
    client = accelerate(local_client(pieces(sse(LONG))))
    for _ in range(4):
        with client.messages.stream(**ASKED) as stream:
            events = stream._iterator
            assert iter(events) is events
            count = sum(1 for _ in events)
            assert count > len(LONG)
            assert next(events, None) is None
            assert next(events, None) is None
    body = sse([*HI[:3], *[text(f"w{n}") for n in range(9)], ERROR, *HI[3:]])
    failing = accelerate(local_client(pieces(body)))
    for _ in range(4):
        with failing.messages.stream(**ASKED) as stream:
            with pytest.raises(anthropic.APIStatusError):
                list(stream._iterator)
            assert list(stream._iterator) == []


def test_all_types_are_built_natively() -> None:
    ours = accelerate(local_client(pieces(sse(LONG))))
    for _ in range(9):
        read(ours, create)
        read(ours, beta_create)
    for sdk in load().variants():
        known = plans(sdk)
        assert known.refused == {}
        known.prepare()
        assert known.refused == {}


def test_events_are_those_of_our_stream() -> None:
    ours = accelerate(local_client(pieces(sse(HI))))
    assert hasattr(ours.messages.create(**ASKED, stream=True), "respstream_faithful")
    assert not hasattr(local_client([]).messages.create(**ASKED, stream=True), "respstream_faithful")
    copied = ours.with_options(timeout=3)
    assert hasattr(copied.messages.create(**ASKED, stream=True), "respstream_faithful")


@pytest.mark.parametrize("api", ["messages", "beta.messages"])
def test_asynchronous(api: str) -> None:
    def make(url: str) -> Any:
        return anthropic.AsyncAnthropic(api_key="none", base_url=url, max_retries=0)

    def resource(client: Any) -> Any:
        return client.beta.messages if api == "beta.messages" else client.messages

    async def everything(client: Any) -> list[Any]:
        found = [event async for event in await resource(client).create(**ASKED, stream=True)]
        async with resource(client).stream(**ASKED) as events:
            found += [event.model_copy(deep=True) async for event in events]
            found.append(await events.get_final_message())
        async with resource(client).stream(**ASKED) as events:
            found.append("".join([piece async for piece in events.text_stream]))
        return found

    async def both(url: str) -> None:
        async with make(url) as theirs, make(url) as ours:
            wanted = await everything(theirs)
            accelerate(ours)
            for _ in range(3):
                assert difference(wanted, await everything(ours)) is None

    with serving(sse(LONG)) as url:
        asyncio.run(both(url))


def test_asynchronous_stream_that_is_left() -> None:
    async def run() -> None:
        ours = accelerate(local_client(pieces(sse(LONG)), asynchronous=True))
        events = await ours.messages.create(**ASKED, stream=True)
        async for _ in events:
            break
        await events.close()
        assert events.response.is_closed

    asyncio.run(run())


def test_stream_that_is_left() -> None:
    ours = accelerate(local_client(pieces(sse(LONG))))
    with ours.messages.create(**ASKED, stream=True) as events:
        assert next(iter(events)).type == "message_start"
        assert next(events).type == "content_block_start"
    assert events.response.is_closed
    events = ours.messages.create(**ASKED, stream=True)
    response = events.response
    next(events)
    del events
    assert response.is_closed


# -- other clients ---------------------------------------------------------------------------------------------------


def test_vertex() -> None:
    def make(url: str) -> Any:
        options = {"region": "r", "project_id": "p", "access_token": "t"}
        return anthropic.AnthropicVertex(**options, base_url=url, max_retries=0)  # type: ignore[arg-type]

    with serving(sse(ALL)) as url, make(url) as theirs, make(url) as ours:
        accelerate(ours)
        assert hasattr(ours.messages.create(**ASKED, stream=True), "respstream_faithful")
        for how in (create, helper):
            compare(theirs, ours, how)


def test_clients_that_the_sdk_reads() -> None:
    strict = accelerate(local_client(pieces(sse(HI)))).copy(_extra_kwargs={"_strict_response_validation": True})
    compare(local_client(pieces(sse(HI))), strict, create)


def test_stream_that_something_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    iterate = anthropic.Stream.__iter__

    def watched(self: Any) -> Iterator[Any]:
        for event in iterate(self):
            seen.append(event)
            yield event

    ours = accelerate(local_client(pieces(sse(HI))))
    monkeypatch.setattr(anthropic.Stream, "__iter__", watched)
    for how in (create, helper):
        seen.clear()
        read(ours, how)
        assert [event.type for event in seen] == [event["type"] for event in HI]


@pytest.mark.parametrize("how", [helper, beta], ids=lambda how: how.__name__)
def test_patched_accumulation(how: How, monkeypatch: pytest.MonkeyPatch) -> None:
    """A patch of the SDK's function sees each event, as without us."""
    from anthropic.lib.streaming import _beta_messages, _messages

    module: Any = _messages if how is helper else _beta_messages
    seen: list[Any] = []
    accumulate = module.accumulate_event

    def counting(**kwargs: Any) -> Any:
        seen.append(kwargs["event"].type)
        return accumulate(**kwargs)

    monkeypatch.setattr(module, "accumulate_event", counting)
    compare(local_client(pieces(sse(HI))), accelerate(local_client(pieces(sse(HI)))), how)
    assert seen == [event["type"] for event in HI] * 4


def test_output_format() -> None:
    class City(BaseModel):
        name: str

    def parsed(client: Any) -> Iterator[Any]:
        with client.messages.stream(**ASKED, output_format=City) as events:
            yield from events
            yield events.get_final_message().parsed_output

    body = sse([start(), block(0, "text", text=""), text('{"name": '), text('"Bern"}'), stop(), end(), STOP])
    assert compare(local_client([body]), accelerate(local_client([body])), parsed)[-1] == City(name="Bern")


def test_fine_grained_inputs() -> None:
    def fine(client: Any) -> Iterator[Any]:
        given = {**ASKED, "betas": ["fine-grained-tool-streaming-2025-05-14"]}
        with client.beta.messages.stream(**given) as events:
            for event in events:
                yield event.model_copy(deep=True)

    compare(local_client([sse(ALL)]), accelerate(local_client([sse(ALL)])), fine)


# -- undone, recorded, verified --------------------------------------------------------------------------------------


def test_restore() -> None:
    ours = accelerate(local_client([sse(HI)]))
    restore(ours)
    assert not hasattr(ours.messages.create(**ASKED, stream=True), "respstream_faithful")
    accelerate()
    try:
        assert hasattr(local_client([sse(HI)]).messages.create(**ASKED, stream=True), "respstream_faithful")
    finally:
        restore()
    assert not hasattr(local_client([sse(HI)]).messages.create(**ASKED, stream=True), "respstream_faithful")
    assert "_process_response" not in vars(anthropic.Anthropic)


def test_not_faithful_counts_the_last_event() -> None:
    body = sse(HI)[:-1]
    theirs = read(local_client([body]), create)[0]
    ours = read(accelerate(local_client([body]), faithful=False), create)[0]
    assert ours[-1].type == "message_stop"
    assert [event.type for event in ours][: len(theirs)] == [event.type for event in theirs]


def test_wrong_client() -> None:
    with pytest.raises(TypeError, match="a client of the anthropic SDK"):
        accelerate(object())


def test_record(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with serving(sse(HI)) as url, client(url) as ours:
        with record(accelerate(ours), path):
            read(ours, create)
            read(ours, helper)
        read(ours, create)
    found = readings.fold(_fallback, path.read_bytes()).responses
    assert [(one["output_text"], one["complete"]) for one in found] == [("Hi you", True)] * 2
    with pytest.raises(TypeError, match="a client"):
        record(object(), path)


def test_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.sse").write_bytes(sse(ALL))
    (tmp_path / "b.jsonl").write_bytes(b"".join(json.dumps(event).encode() + b"\n" for event in HI))
    assert [(one.equal, one.events) for one in verify([str(tmp_path)], timed=False)] == [
        (True, len(ALL) - 1),
        (True, len(HI)),
    ]
    assert command.main(["verify", str(tmp_path)]) == 0
    assert "2 of 2 streams equal" in capsys.readouterr().out
