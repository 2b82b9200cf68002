"""Sources of chunks with values of any kind anywhere."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.support.chat_streams import jsonl, sse, stream

ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e300, 65535, 65536, 10**30, "", "x", "0", "07", "\ud83d", "\ude00", "é", [], {}, [[]], [{}],
    [None], ["x", 5], {"index": 0}, [{"index": 0}, {"index": 0}], [{"index": 3, "type": "text", "text": "t"}], {"x": {"y": [1]}},
    {"type": "thinking", "thinking": ["a", {"text": "b"}, 5]}, {"name": 5, "arguments": {"a": [1.50, "\ud83d"]}},
]  # fmt: skip
NAMES = ["id", "object", "choices", "usage", "index", "delta", "content", "tool_calls", "function", "arguments", "finish_reason",
    "reasoning", "reasoning_details", "message", "text", "error", "logprobs", "type", "custom", "audio", "role", "x"]  # fmt: skip


def mutated(rng: Random, value: Any, depth: int = 0) -> Any:
    """A value in which some members are replaced, removed or added."""
    if rng.random() < 0.04:
        return rng.choice(ODD)
    if isinstance(value, dict):
        items = [(name, mutated(rng, member, depth + 1)) for name, member in value.items() if rng.random() > 0.03]
        if rng.random() < 0.1:
            items.append((rng.choice(NAMES), rng.choice(ODD)))
        rng.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        made = [mutated(rng, element, depth + 1) for element in value]
        return made * 2 if rng.random() < 0.05 else made
    return value


def source(number: int) -> bytes:
    """A source of mutated chunks, as server-sent events or as JSON Lines."""
    rng = Random(f"hostile/{number}")
    chunks = [mutated(rng, chunk) for chunk in stream(rng, number, dialects=True).chunks]
    if rng.random() < 0.3:
        chunks += [mutated(rng, chunk) for chunk in stream(rng, number + 1, dialects=True).chunks]
        rng.shuffle(chunks)
    return rng.choice([sse, jsonl])(map(json.dumps, chunks))
