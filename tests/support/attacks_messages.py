"""Hostile sources of Messages."""

from __future__ import annotations

from tests.support.attack import Attack
from tests.support.messages_streams import HI, STOP, block, delta, end, jsonl, part, sse, start, stop, text, tool

_LONG = "n" * 50

MESSAGES: dict[str, Attack] = {
    "Messages: texts of one character": Attack("no_terminal", lambda n: sse([start(), block(0, "text", text=""), *[text("x")] * n]), 20_000, 20),
    "Messages: texts in two blocks": Attack("no_block_start no_terminal", lambda n: sse([start(), *[text("x"), text("x", 1)] * n]), 20_000, 20),
    "Messages: texts and thinking with one index": Attack("no_block_start no_terminal", lambda n: sse([start(), *[text("x"), delta(0, "thinking_delta", thinking="x")] * n]), 20_000, 20),
    "Messages: inputs of one character": Attack("bad_input", lambda n: sse([start(), tool(0), *[part("1")] * n, stop(), STOP]), 20_000, 4, 8000, 100),
    "Messages: inputs of one character, and ends": Attack("bad_input delta_after_stop", lambda n: sse([start(), tool(0), *[part("1"), stop()] * n, STOP]), 20_000, 4, 8000, 100),
    "Messages: inputs of a call with a long name": Attack("no_terminal", lambda n: sse([start(), tool(0, name=_LONG * n), *[part("x")] * n]), 20_000, 20, 8000, 100),
    "Messages: many blocks": Attack("", lambda n: sse([start(), *(block(k, "text", text="x") for k in range(n)), end(), STOP]), 20_000, 20),
    "Messages: many blocks with one index": Attack("index_reused", lambda n: sse([start(), *[block(0, "text", text="x")] * n, end(), STOP]), 20_000, 20, memory_factor=3),
    "Messages: many calls with one index": Attack("index_reused", lambda n: sse([start(), *[tool(0, input={"a": 1}), stop()] * n, end(), STOP]), 20_000, 20, 8000, 100, memory_factor=7),
    "Messages: descending indexes": Attack("no_block_start", lambda n: sse([start(), *(text("x", k) for k in reversed(range(n))), STOP]), 20_000, 20, memory_factor=5),
    "Messages: deltas of an unknown type": Attack("no_terminal", lambda n: sse([start(), block(0, "x"), *[delta(0, "x_delta", a="x", b=[1])] * n]), 20_000, 20),
    "Messages: citations": Attack("no_block_start no_terminal", lambda n: sse([start(), *[delta(0, "citations_delta", citation={"a": 1})] * n]), 20_000, 20),
    "Messages: many messages of a log": Attack("", lambda n: jsonl(HI * (n // 4)), 20_000, 20, memory_factor=4),
    "Messages: a start with a long member, then usage": Attack("no_terminal", lambda n: sse([start(x=_LONG * n), *[end()] * n]), 20_000, 20),
    "Messages: deep inputs": Attack("bad_input", lambda n: sse([start(), tool(0), part("[" * n), stop(), STOP]), 20_000, 20, 8000, 100),
}  # fmt: skip
