"""Hostile events take work that is linear in their bytes, however often results are read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import ModuleType

import pytest

from tests.support import work_counter
from tests.support.messages_streams import HI, STOP, block, delta, end, jsonl, part, sse, start, stop, text, tool

LONG = "n" * 50

ATTACKS: dict[str, Callable[[int], bytes]] = {
    "texts of one character": lambda n: sse([start(), block(0, "text", text=""), *[text("x")] * n]),
    "texts in two blocks": lambda n: sse([start(), *[text("x"), text("x", 1)] * n]),
    "texts and thinking with one index": lambda n: sse(
        [start(), *[text("x"), delta(0, "thinking_delta", thinking="x")] * n]
    ),
    "inputs of one character": lambda n: sse([start(), tool(0), *[part("1")] * n, stop(), STOP]),
    "inputs of one character, and ends": lambda n: sse([start(), tool(0), *[part("1"), stop()] * n, STOP]),
    "inputs of a call with a long name": lambda n: sse([start(), tool(0, name=LONG * n), *[part("x")] * n]),
    "many blocks": lambda n: sse([start(), *(block(k, "text", text="x") for k in range(n)), end(), STOP]),
    "many blocks with one index": lambda n: sse([start(), *[block(0, "text", text="x")] * n, end(), STOP]),
    "many calls with one index": lambda n: sse([start(), *[tool(0, input={"a": 1}), stop()] * n, end(), STOP]),
    "descending indexes": lambda n: sse([start(), *(text("x", k) for k in reversed(range(n))), STOP]),
    "deltas of an unknown type": lambda n: sse([start(), block(0, "x"), *[delta(0, "x_delta", a="x", b=[1])] * n]),
    "citations": lambda n: sse([start(), *[delta(0, "citations_delta", citation={"a": 1})] * n]),
    "many messages of a log": lambda n: jsonl(HI * (n // 4)),
    "a start with a long member, then usage": lambda n: sse([start(x=LONG * n), *[end()] * n]),
    "deep inputs": lambda n: sse([start(), tool(0), part("[" * n), stop(), STOP]),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_work_of_the_fallback_is_linear(name: str) -> None:
    small, large = (ATTACKS[name](size) for size in (200, 800))
    work = [work_counter.python_work(body, 4096, every=4) for body in (small, large)]
    assert work[1] / work[0] <= 1.3 * len(large) / len(small), work


@pytest.mark.parametrize("name", ATTACKS)
def test_full_attack(backend: ModuleType, name: str) -> None:
    """Work that is not counted would take minutes."""
    body = ATTACKS[name](10_000 if not work_counter.is_python(backend) else 2_000)
    decoder = backend.Decoder()
    before = time.process_time()
    for begin in range(0, len(body), 65536):
        decoder.feed(body[begin : begin + 65536])
        if decoder.response is not None:
            assert decoder.response.tool_calls is not None
    decoder.finish()
    for response in decoder.responses[:100]:
        assert json.loads(response.to_json())
    assert time.process_time() - before < 30
