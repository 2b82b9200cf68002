"""Objects inside chunks: both backends make equal ones, whichever way the extension makes them."""

from __future__ import annotations

import json
import pickle
from random import Random
from types import ModuleType
from typing import Any

import pytest

from benches import completions
from respstream.protocols.event import Event
from respstream.protocols.payload import Payload
from tests.support import readings

# Chunks as `json.dumps` writes them, of which the text `@` and the number `#` change.
CHUNKS = [
    '{"choices":[{"index":0,"delta":{"content":"@"},"logprobs":{"content":[{"token":"@"}]},"finish_reason":null}]}',
    '{"id":"c1","choices":[{"delta":{"content":"@","x":1.5},"index":0}],"obfuscation":"@","usage":{"total_tokens":#}}',
    '{"id":"c1","choices":[{"delta":{"content":"@"},"logprobs":{"content":["@"]},"index":0}],"obfuscation":"@"}',
    '{"id":"c1","choices":[{"index":0,"delta":{"reasoning":"@","reasoning_details":[{"index":0,"text":"@"}]}}]}',
    '{"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"@"}}]}}]}',
    '{"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"@"},"x":{}}]}}]}',
    '{"id":"c1","choices":[{"index":0,"delta":{"content":"@"},"content_filter_results":{"hate":{"filtered":false}}}]}',
    '{"id":"c1","choices":[{"index":0,"delta":{"content":"@","content":"@"}}]}',
    '{"id":"c1","choices":[{"index":0,"delta":{"\\u0063ontent":"@"}}]}',
    '{"id":"c1","choices":[{"index":0,"delta":{"content":"@"}},7],"usage":[{"total_tokens":#}]}',
    '{"id":"c1","choices":[{"index":0,"delta":{"content":"@"}},{"index":1,"delta":{"content":"@"}}]}',
]
TEXTS = ["a", "", "é", r"\n", r"\ud83d\ude00", r"\ud83d", "a text of more than sixteen bytes"]


def chunks(seed: int) -> list[bytes]:
    """Chunks that repeat each other, and others between them."""
    rng = Random(seed)
    found = []
    for shape in rng.sample(CHUNKS, 4):
        for _ in range(rng.randrange(1, 6)):
            text = shape
            while "@" in text:
                text = text.replace("@", rng.choice(TEXTS), 1)
            found.append(text.replace("#", str(rng.randrange(200))).encode())
    return found


def values(value: Any) -> Any:
    """All that can be read of an object: its class, its declared attributes and its members, at any depth."""
    if isinstance(value, list):
        return [values(element) for element in value]
    if not isinstance(value, (Event, Payload)):
        return value
    declared = {name: values(getattr(value, name)) for name in type(value).__slots__}
    members = {} if isinstance(value, Event) else {name: values(value[name]) for name in value}
    assert pickle.loads(pickle.dumps(value)) == value
    return type(value), declared, members, value.to_dict(), repr(value)


@pytest.mark.parametrize("seed", range(12))
def test_random_chunks(backends: tuple[ModuleType, ModuleType], seed: int) -> None:
    source = b"".join(b"data: " + chunk + b"\n\n" for chunk in chunks(seed))
    ours, expected = (readings.feed_all(backend.Decoder(api="chat"), [source]) for backend in backends)
    assert [values(event) for event in ours] == [values(event) for event in expected]
    assert [event.to_dict() for event in ours] == [json.loads(event.raw) for event in expected] or rb"\ud83d" in source


@pytest.mark.parametrize("shape", completions.SHAPES)
@pytest.mark.parametrize("form", ["sse", "jsonl"])
def test_real_logs(backends: tuple[ModuleType, ModuleType], shape: str, form: Any) -> None:
    log = completions.make(shape, 3, 30_000, form)
    ours, expected = (readings.feed_all(backend.Decoder(), [log.data]) for backend in backends)
    assert [values(event) for event in ours] == [values(event) for event in expected]


def test_objects_of_a_chunk_are_its_own(backends: tuple[ModuleType, ModuleType]) -> None:
    """Chunks that repeat each other share no object that could be changed."""
    source = b"".join(b"data: " + CHUNKS[4].replace("@", text).encode() + b"\n\n" for text in "abcdef")
    events: list[Any] = list(readings.feed_all(backends[0].Decoder(api="chat"), [source]))
    objects = [one for event in events for one in (event.choices, event.choices[0], event.choices[0].delta.tool_calls)]
    assert len({id(one) for one in objects}) == len(objects)
    assert [event.choices[0].delta.tool_calls[0].function.arguments for event in events] == list("abcdef")
    assert all(event.choices is event.choices for event in events)
    del events
    assert [one[0].delta.tool_calls[0].function.arguments for one in objects[::3]] == list("abcdef")
