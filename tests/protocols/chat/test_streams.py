"""The laws over random streams: the SDK's completion, split anywhere, nothing disappears, linear time."""

from __future__ import annotations

import json
import re
from random import Random
from types import ModuleType
from typing import Any

import pytest

from respstream import _fallback
from tests.support import readings, work_counter
from tests.support.chat_sdk import differences, sdk_completion
from tests.support.chat_streams import Stream, call, chunk, jsonl, sse, stream

COUNT = 400


def _read(backend: ModuleType, body: bytes, **options: Any) -> Any:
    decoder = backend.Decoder(**options)
    decoder.feed(body)
    decoder.finish()
    return decoder


def _streams(name: str, count: int, *, dialects: bool) -> list[Stream]:
    return [stream(Random(f"{name}/{number}"), number, dialects=dialects) for number in range(count)]


def test_completion_is_that_of_the_sdk(backend: ModuleType) -> None:
    compared = 0
    for random_stream in _streams("sdk", COUNT // 4, dialects=False):
        expected = sdk_completion(sse(random_stream.chunks))
        assert not isinstance(expected, str), expected
        (response,) = _read(backend, sse(random_stream.chunks)).responses
        found = differences(expected, response.to_dict())
        assert [one for one in found if not one.documented] == [], random_stream.chunks
        compared += 1
    assert compared == COUNT // 4


def test_split_anywhere(backend: ModuleType) -> None:
    for number, random_stream in enumerate(_streams("split", COUNT // 8, dialects=True)):
        body = sse(random_stream.chunks) if number % 2 else jsonl(random_stream.chunks)
        whole = readings.read(backend, body)
        rng = Random(number)
        cuts = readings.every_byte(body) if number < 6 else [rng.randint(0, len(body)) for _ in range(40)]
        assert readings.read(backend, body, cuts) == whole


def test_no_bytes_are_lost(backend: ModuleType) -> None:
    for random_stream in _streams("bytes", COUNT // 8, dialects=True):
        assert readings.lost_lines(backend, sse(random_stream.chunks)) == []


def test_nothing_disappears(backend: ModuleType) -> None:
    """Each streamed text is in the completion, once, except where two members say the same."""
    for random_stream in _streams("nothing", COUNT, dialects=True):
        (response,) = _read(backend, sse(random_stream.chunks)).responses
        found = json.dumps(response.to_dict(), ensure_ascii=False)
        texts = json.dumps([response.output_text, response.reasoning_text], ensure_ascii=False)
        for text in random_stream.texts:
            (word,) = re.findall("<[^>]*>", text)
            assert found.count(word) in (1, 2), (word, random_stream.chunks)
            assert texts.count(word) <= 1, (word, random_stream.chunks)


def test_events_and_json_lines_have_the_same_responses(backend: ModuleType) -> None:
    for random_stream in _streams("forms", COUNT // 4, dialects=True):
        one, other = (_read(backend, body) for body in (sse(random_stream.chunks), jsonl(random_stream.chunks)))
        first, second = one.responses, other.responses
        assert [response.to_dict() for response in first] == [response.to_dict() for response in second]


@pytest.mark.parametrize("kind", ["content", "arguments", "reasoning_details"])
def test_work_of_fallback_is_linear(kind: str) -> None:
    counts = [work_counter.python_work(_pieces(kind, size), 4096, every=4) for size in (500, 2000)]
    assert counts[1] < 4.4 * counts[0]


def _pieces(kind: str, count: int) -> bytes:
    first = chunk(tool_calls=[call("", ident="call_1", name="f")])
    deltas: dict[str, Any] = {
        "content": {"content": "x"},
        "arguments": {"tool_calls": [call("x")]},
        "reasoning_details": {"reasoning_details": [{"type": "reasoning.text", "text": "x", "index": 0}]},
    }
    return sse([first, *([chunk(**deltas[kind])] * count)])


def test_100_000_pieces() -> None:
    body = sse([chunk(tool_calls=[call("", ident="c", name="f")]), *([chunk(tool_calls=[call("ab")])] * 100_000)])
    (response,) = _read(_fallback, body).responses
    assert response.tool_calls[0].arguments == "ab" * 100_000
