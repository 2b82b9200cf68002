"""Members of the wrong kind: each is reported with its path, in every chunk, and has no effect."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from tests.support import readings

TEXT = "choices[0].delta.reasoning_details.text is not a string"


def chunk(delta: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"id": "r", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, **members}]}


def details(index: int, text: Any) -> dict[str, Any]:
    return chunk({"reasoning_details": [{"index": index, "text": text}]})


@pytest.mark.parametrize(
    ("chunks", "messages", "reasoning"),
    [
        ([details(0, 5), details(0, "a"), details(0, 5), details(1, [])], [TEXT] * 3, "a"),
        ([chunk({"reasoning_details": [{"text": 5}]})], [TEXT], ""),
        ([chunk({"reasoning_details": "a"})], ["choices[0].delta.reasoning_details is not a list"], ""),
        ([chunk({"reasoning": ["a"]})], ["choices[0].delta.reasoning is not a string"], ""),
        ([chunk({"content": "a"}, logprobs=False)] * 3, ["choices[0].logprobs is not an object"] * 3, ""),
        ([chunk({"content": "a"}, finish_reason=0)] * 3, ["choices[0].finish_reason is not a string"] * 3, ""),
    ],
)
def test_bad_field(backend: ModuleType, chunks: list[Any], messages: list[str], reasoning: str) -> None:
    body = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks)
    decoder = backend.Decoder(api="chat")
    decoder.feed(body)
    decoder.finish()
    (response,) = decoder.responses
    assert [found.message for found in decoder.diagnostics if found.code == "bad_field"] == messages
    assert response.reasoning_text == reasoning
    assert readings.read(backend, body, readings.every_byte(body)) == readings.read(backend, body)


def test_minus_zero_is_the_index_zero(backend: ModuleType) -> None:
    """Of choices, tool calls and other elements; `-0` is an integer in JSON, and Responses and Messages read it so."""
    call = '"tool_calls":[{"index":-0,"id":"c","function":{"name":"f","arguments":"1"}}]'
    thought = '"reasoning_details":[{"index":-0,"text":"a"}]'
    first = f'{{"choices":[{{"index":-0,"delta":{{"content":"x",{call},{thought}}}}}]}}'
    body = b"".join(f"data: {text}\n\n".encode() for text in (first, first.replace("-0", "0")))
    found = readings.read(backend, body)
    assert [diagnostic["code"] for diagnostic in found.diagnostics] == ["no_terminal"]
    (response,) = found.responses
    assert (response["output_text"], len(response["tool_calls"])) == ("xx", 1)
    assert response["json"].count(b'"text":"aa"') == 1


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        ('{"index":-0,"delta":{"y":-0,"z":[-0]}}', '"message":{"y":-0,"z":['),
        ('{"a":[{"index":-0}],"index":0}', '"a":[{"index":-0}]'),
        ('{"":{"":[{"index":-0,"":""}]},"n":null,"index":0}', '{"":[{"index":-0,"":""}]}'),
        ('{"index":0,"delta":{"x":{"index":-0,"a":-0}}}', '"x":{"index":-0,"a":-0}'),
    ],
)
def test_minus_zero_stays_in_the_json(backend: ModuleType, choice: str, kept: str) -> None:
    """Also behind a chunk that has 0 there, and before one."""
    chunk = f'data: {{"created":-0,"choices":[{choice}]}}\n\n'.encode()
    for body in (chunk, chunk.replace(b"-0", b"0") + chunk):
        (response,) = readings.read(backend, body).responses
        assert kept.encode() in response["json"]
        assert b'"created":-0' in response["json"]
        assert b'"choices":[{"index":0,' in response["json"]


@pytest.mark.parametrize(
    ("first", "last", "kept"),
    [
        ("0", "0.0", "0.0"),
        ("0", "-0.0", "-0.0"),
        ("0", "-0", "-0"),
        ("-0", "0", "0"),
        ("1", "1.0", "1"),
        ("1.0", "1", "1.0"),
    ],
)
def test_numbers_that_are_equal_but_spelt_otherwise(backend: ModuleType, first: str, last: str, kept: str) -> None:
    """In a chunk that repeats the others; the first time counts that is not 0."""
    chunk = '{"model":"gpt-4o","created":%s,"choices":[{"index":0,"delta":{"content":"a"}}]}'
    body = "".join(f"data: {chunk % number}\n\n" for number in (first, first, last)).encode()
    (response,) = readings.read(backend, body).responses
    assert f'"created":{kept},'.encode() in response["json"]
    assert response["output_text"] == "aaa"
