"""Sources of Messages events with values of any kind anywhere."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.support.messages_streams import jsonl, sse, stream

ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e300, 65535, 65536, 10**30, "", "x", "0", "07", "\ud83d", "\ude00", "é", [], {}, [[]], [{}],
    [None], {"type": "text", "text": "t"}, {"type": "tool_use", "id": 5, "name": ["f"], "input": "{}"}, {"type": "thinking"},
    {"type": "text_delta", "text": "d"}, {"type": "input_json_delta", "partial_json": '{"a": 1.50, "b": "\\ud83d"}'}, {"type": 5},
    {"text": "d"}, {"type": "odd_delta", "text": "o", "type_": [1]}, {"input_tokens": 2**64, "output_tokens": "1"},
    {"type": "fallback", "to": {"model": "n"}}, {"type": "overloaded_error", "message": "m"}, {"x": {"y": [1]}},
]  # fmt: skip
NAMES = ["id", "type", "message", "content", "content_block", "delta", "index", "usage", "text", "thinking", "partial_json", "input",
    "signature", "citation", "citations", "stop_reason", "error", "model", "name", "container", "x"]  # fmt: skip
TYPES = [
    "message_start",
    "message_delta",
    "message_stop",
    "content_block_start",
    "content_block_stop",
    "ping",
    "error",
    "odd",
]


def mutated(rng: Random, value: Any, depth: int = 0) -> Any:
    """A value in which some members are replaced, removed or added; only an event gets the type of another event."""
    if rng.random() < 0.04:
        return rng.choice(ODD)
    if isinstance(value, dict):
        items = [(name, mutated(rng, member, depth + 1)) for name, member in value.items() if rng.random() > 0.03]
        if rng.random() < 0.1:
            items.append((rng.choice(NAMES), rng.choice(ODD)))
        rng.shuffle(items)
        found = dict(items)
        if depth == 0 and rng.random() < 0.03:
            found["type"] = rng.choice(TYPES)
        return found
    if isinstance(value, list):
        made = [mutated(rng, element, depth + 1) for element in value]
        return made * 2 if rng.random() < 0.05 else made
    return value


def source(number: int) -> bytes:
    """A source of mutated events, as server-sent events or as JSON Lines."""
    rng = Random(f"hostile/{number}")
    events = [mutated(rng, event) for event in stream(rng, number, dialects=True).events]
    if rng.random() < 0.3:
        events += [mutated(rng, event) for event in stream(rng, number + 1, dialects=True).events]
        rng.shuffle(events)
    if rng.random() < 0.5:
        return jsonl(map(json.dumps, events))
    return sse(events, names=rng.random() < 0.7)
