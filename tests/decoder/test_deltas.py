"""`deltas` and `adeltas`: the same texts as those of the responses, for every API."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest

import respstream
from respstream import Delta, StreamError
from tests.support import chat_streams, wellformed_streams
from tests.support.chat_dialects import DIALECTS
from tests.support.chat_streams import call, chunk, of, sse
from tests.support.paths import RECORDED_OTHER, TRANSCRIPTS

EXPLAINED = {
    "text_mismatch",
    "output_differs",
    "value_recovered",
    "late_delta",
    "item_id_changed",
    "response_id_changed",
}
"""Diagnostics of responses whose final texts are not those that were streamed."""


def joined(deltas: Iterable[Delta]) -> dict[str, Any]:
    """The texts of the first choice by kind, and the arguments of each call."""
    texts: dict[str, Any] = {"text": "", "reasoning": "", "refusal": ""}
    calls: defaultdict[Any, str] = defaultdict(str)
    for delta in deltas:
        assert delta.text
        if delta.choice_index:
            continue
        if delta.kind == "tool_arguments":
            calls[delta.call_id, delta.index, delta.name] += delta.text
        else:
            texts[delta.kind] += delta.text
    return {**texts, "calls": sorted(calls.values())}


def expected(responses: Iterable[Any]) -> dict[str, Any]:
    """The same of responses."""
    found: dict[str, Any] = {"text": "", "reasoning": "", "refusal": "", "calls": []}
    for response in responses:
        found["text"] += response.output_text
        found["refusal"] += response.refusal or ""
        found["reasoning"] += response.reasoning_text or response.reasoning_summary
        found["calls"] += [one.arguments for one in response.tool_calls if one.arguments]
    return {**found, "calls": sorted(found["calls"])}


def check(data: bytes) -> None:
    """The law "One answer" for deltas."""
    responses = list(respstream.responses(data))
    if not any(found.code in EXPLAINED for response in responses for found in response.diagnostics):
        assert joined(respstream.deltas(data)) == expected(responses)


def test_responses(api: Any) -> None:
    deltas = list(api.deltas(TRANSCRIPTS / "conversation.sse"))
    assert {(delta.kind, delta.index, delta.choice_index, delta.api) for delta in deltas} == {
        ("text", 0, 0, "responses")
    }
    assert "".join(delta.text for delta in deltas) == "I'm sorry, but I can't assist with that."
    (response,) = api.responses(TRANSCRIPTS / "conversation.sse")
    assert {delta.response_id for delta in deltas} == {response.id}


def test_chat(api: Any) -> None:
    chunks = [
        chunk("", role="assistant", reasoning="Hm"),
        chunk("Hi"),
        chunk("Ho", index=1),
        chunk(refusal="No"),
        chunk(tool_calls=[call("", ident="t1", name="f")]),
        chunk(tool_calls=[call('{"a"')]),
        chunk(tool_calls=[call("{}", at=1, ident="t2", name="g")]),
        chunk(tool_calls=[call(":1}")]),
        chunk(finish="stop"),
    ]
    assert [tuple(delta) for delta in api.deltas(sse(chunks))] == [
        ("reasoning", "Hm", 0, None, None, None, "c1", "chat"),
        ("text", "Hi", 0, None, None, None, "c1", "chat"),
        ("text", "Ho", 1, None, None, None, "c1", "chat"),
        ("refusal", "No", 0, None, None, None, "c1", "chat"),
        ("tool_arguments", '{"a"', 0, 0, "t1", "f", "c1", "chat"),
        ("tool_arguments", "{}", 0, 1, "t2", "g", "c1", "chat"),
        ("tool_arguments", ":1}", 0, 0, "t1", "f", "c1", "chat"),
    ]


def test_text_only_in_its_final_event() -> None:
    """One delta, when the event arrives."""
    created = {"type": "response.created", "response": {"id": "r", "output": []}}
    call_item = {"type": "function_call", "id": "i", "call_id": "t", "name": "f", "arguments": "{}"}
    text = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hi"}]}
    for event in (
        {"type": "response.output_item.done", "output_index": 0, "item": text},
        {"type": "response.output_text.done", "item_id": "m", "output_index": 0, "content_index": 0, "text": "Hi"},
        {"type": "response.completed", "response": {"id": "r", "output": [text]}},
    ):
        (delta,) = respstream.deltas(sse([created, event], done=False))
        assert (delta.kind, delta.text, delta.index) == ("text", "Hi", 0)
    done = {"type": "response.output_item.done", "output_index": 1, "item": call_item}
    (delta,) = respstream.deltas(sse([created, done], done=False))
    assert (delta.kind, delta.text, delta.index, delta.call_id, delta.name) == ("tool_arguments", "{}", 1, "t", "f")


def test_responses_that_were_not_streamed() -> None:
    text = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}, {"type": "refusal", "refusal": "No"}]}
    whole = {"id": "r", "object": "response", "status": "completed", "output": [text]}
    assert [(delta.kind, delta.text) for delta in respstream.deltas(json.dumps(whole).encode())] == [
        ("text", "Hi"),
        ("refusal", "No"),
    ]
    message = {
        "role": "assistant",
        "content": "Hi",
        "tool_calls": [{"id": "t", "function": {"name": "f", "arguments": "{}"}}],
    }
    completion = {"object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    assert [
        (delta.kind, delta.text, delta.call_id) for delta in respstream.deltas(json.dumps(completion).encode())
    ] == [
        ("text", "Hi", None),
        ("tool_arguments", "{}", "t"),
    ]


def test_surrogate_pairs() -> None:
    """A pair that two deltas share comes whole, with the second; a lone half is replaced."""
    chunks = [chunk("a\ud83d"), chunk("\ude00b"), chunk("c\ud83d"), chunk("d"), chunk("\ud83d", finish="stop")]
    texts = [delta.text for delta in respstream.deltas(sse(chunks))]
    assert texts == ["a", "\U0001f600b", "c", "\ufffdd", "\ufffd"]
    assert "".join(texts) == next(iter(respstream.responses(sse(chunks)))).output_text


def test_both_apis() -> None:
    data = (TRANSCRIPTS / "conversation.sse").read_bytes() + sse([chunk("Hi", finish="stop")])
    assert [delta.api for delta in respstream.deltas(data)][-2:] == ["responses", "chat"]
    assert {delta.api for delta in respstream.deltas(data, api="chat")} == {"chat"}
    check(data)


def test_dialects() -> None:
    for row in DIALECTS:
        check(row.body)


def test_transcripts() -> None:
    for path in TRANSCRIPTS.glob("*.*l"):
        check(path.read_bytes())


@pytest.mark.parametrize("seed", range(30))
def test_random_chat_streams(seed: int) -> None:
    stream = chat_streams.stream(Random(seed), seed, dialects=bool(seed % 2))
    check(sse(stream.chunks))


@pytest.mark.parametrize("seed", range(30))
def test_random_responses(seed: int) -> None:
    script = wellformed_streams.script(Random(seed))
    data = sse([*script.events, script.terminal], done=False)
    texts = joined(respstream.deltas(data))
    (response,) = respstream.responses(data)
    assert texts["text"] == response.output_text
    assert texts["refusal"] == (response.refusal or "")
    assert texts["calls"] == sorted(one.arguments for one in response.tool_calls if one.arguments)


def test_recorded() -> None:
    folder = os.environ.get(RECORDED_OTHER)
    if not folder:
        pytest.skip(f"{RECORDED_OTHER} names no folder of recorded streams")
    for path in (Path(folder) / "chat").iterdir():
        check(path.read_bytes())


def test_deltas_are_values() -> None:
    one = Delta("text", "Hi", 0, None, None, None, "c1", "chat")
    assert one == copy.copy(one) == pickle.loads(pickle.dumps(one))
    assert one != Delta("text", "Ho", 0, None, None, None, "c1", "chat")
    assert repr(one) == "Delta(kind='text', text='Hi', choice_index=0, response_id='c1', api='chat')"
    with pytest.raises(TypeError):
        hash(one)


def test_async(api: Any) -> None:
    async def chunks() -> Any:
        data = sse([chunk("Hi"), chunk(" you", finish="stop")])
        for start in range(0, len(data), 10):
            yield data[start : start + 10]

    async def main() -> list[str]:
        return [delta.text async for delta in api.adeltas(chunks())]

    assert asyncio.run(main()) == ["Hi", " you"]


def test_live() -> None:
    """A delta is returned with the chunk that completes it."""
    blocks = sse([chunk("Hi"), chunk(" you", finish="stop")]).split(b"\n\n")
    seen: list[int] = []

    def feeding() -> Any:
        for number, block in enumerate(blocks):
            seen.append(number)
            yield block + b"\n\n"

    stream = respstream.deltas(feeding())
    assert (next(stream).text, seen) == ("Hi", [0])
    assert (next(stream).text, seen) == (" you", [0, 1])


def test_strict_and_options() -> None:
    data = sse([chunk("Hi"), "{", chunk(" you", finish="stop")])
    stream = respstream.deltas(data, strict=True)
    assert next(iter(stream)).text == "Hi"
    with pytest.raises(StreamError, match="not a JSON object"):
        next(stream)
    assert [delta.text for delta in respstream.deltas(data)] == ["Hi", " you"]
    with pytest.raises(TypeError, match="surprise"):
        respstream.deltas(data, surprise=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_empty_choices() -> None:
    assert list(respstream.deltas(sse([of(), chunk("", finish="stop")]))) == []


@pytest.mark.parametrize("part", [[], [{"type": "output_text"}], "x", 5, None])
def test_part_of_a_wrong_type_has_no_deltas(api: Any, part: Any) -> None:
    item = {"id": "i", "type": "message", "content": []}
    events = [
        {"type": "response.created", "response": {"id": "r", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part},
    ]
    assert list(api.deltas(b"".join(json.dumps(event).encode() + b"\n" for event in events))) == []


def test_delta_that_is_an_object_with_half_a_surrogate(api: Any) -> None:
    """Its text is its JSON; half a surrogate pair in it, or before it, is U+FFFD."""
    delta = '{"type":"response.function_call_arguments.delta","output_index":0,"delta":%s}\n'
    source = "".join(delta % text for text in (r'"a\ud83d"', r'{"call":"\ude00"}', r'{"text":"\ude00"}')).encode()
    texts = [found.text for found in api.deltas(source)]
    assert texts == ["a", '�{"call":"�"}', "�"]
    (response,) = api.responses(source)
    assert response.tool_calls[0].arguments == "".join(texts)
