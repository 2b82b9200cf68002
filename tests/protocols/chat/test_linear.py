"""Hostile chunks take work that is linear in their bytes, however often results are read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import ModuleType

import pytest

from tests.support import work_counter
from tests.support.chat_streams import Json, call, chunk, jsonl, of, sse

ARGUMENT = chunk(tool_calls=[call("x")])
LONG = "n" * 50


def _first(count: int, **members: str) -> Json:
    return chunk(tool_calls=[call("", **{"ident": "a", "name": "f", **members})])  # type: ignore[arg-type]


ATTACKS: dict[str, Callable[[int], bytes]] = {
    "texts of one character": lambda n: sse([chunk("x")] * n),
    "texts in two choices": lambda n: sse([chunk("x"), chunk("x", index=1)] * n),
    "arguments of one character": lambda n: sse([_first(n), *[ARGUMENT] * n]),
    "arguments of a call with a long name": lambda n: sse([_first(n, name=LONG * n), *[ARGUMENT] * n]),
    "a long name, then short ones": lambda n: sse([_first(n, name=LONG * n), *[chunk(tool_calls=[call(name="n")])] * n]),
    "a long name, then ids": lambda n: sse([_first(n, name=LONG * n), *[chunk(tool_calls=[call("x", ident="a")])] * n]),
    "a long name and arguments, then short names": lambda n: sse(
        [_first(n, name=LONG * n), ARGUMENT, *[chunk(tool_calls=[call("x", name="n")])] * n]
    ),
    "many calls with one index": lambda n: sse([chunk(tool_calls=[call("x", ident=f"i{k}")]) for k in range(n)]),
    "many calls without an index": lambda n: sse([chunk(tool_calls=[call("x", at=None, ident=f"i{k}")]) for k in range(n)]),
    "many calls, then pieces that name them": lambda n: sse(
        [chunk(tool_calls=[call("x", ident=f"i{k % n}")]) for k in range(2 * n)]
    ),
    "many choices": lambda n: sse([chunk("x", index=k) for k in range(n)] * 2),
    "usage that grows in each chunk": lambda n: sse([{**chunk("x"), "usage": {"prompt_tokens": 3, "completion_tokens": k}} for k in range(n)]),
    "ids that change with each chunk": lambda n: sse([chunk("x", ident=f"c{k}") for k in range(n)]),
    "interleaved completions of a log": lambda n: jsonl([chunk("x", ident=f"c{k % (n // 10)}") for k in range(n)]),
    "descending indexes of choices": lambda n: sse([chunk("x", index=k) for k in reversed(range(n))]),
    "descending indexes of details": lambda n: sse(
        [chunk(reasoning_details=[{"index": k, "text": "x"}]) for k in reversed(range(n))]
    ),
    "many completions of a log": lambda n: jsonl([chunk("x", ident=f"c{k}") for k in range(n)]),
    "many completions of a log, with end marks": lambda n: jsonl(
        [one for k in range(n) for one in (chunk("x", ident=f"c{k}"), "[DONE]")]
    ),
    "many finished completions of a log": lambda n: jsonl([chunk("x", ident=f"c{k}", finish="stop") for k in range(n)]),
    "a list, then the same again": lambda n: sse([{**chunk("x"), "citations": ["u"] * n}, *[{**chunk("x"), "citations": ["u"]}] * n]),
    "a list, then other lists": lambda n: sse([{**chunk("x"), "citations": ["u"] * n}, *[{**chunk("x"), "citations": ["v"]}] * n]),
    "many members of one chunk": lambda n: sse([{**of(), **{f"m{k}": k for k in range(n)}}]),
    "a chunk with a long member, then others": lambda n: sse([{**chunk("x"), "x": LONG * n}, *[chunk("x")] * n]),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_work_of_the_fallback_is_linear(name: str) -> None:
    small, large = (ATTACKS[name](size) for size in (200, 800))
    chunk_size = (
        4096 if name != "many members of one chunk" else len(large)
    )  # splitting a line costs another check of it
    work = [work_counter.python_work(body, chunk_size, every=4) for body in (small, large)]
    assert work[1] / work[0] <= 1.3 * len(large) / len(small), work


@pytest.mark.parametrize("name", ATTACKS)
def test_full_attack(backend: ModuleType, name: str) -> None:
    """Work that is not counted would take minutes."""
    body = ATTACKS[name](10_000 if not work_counter.is_python(backend) else 3_000)
    decoder = backend.Decoder()
    before = time.process_time()
    for start in range(0, len(body), 65536):
        decoder.feed(body[start : start + 65536])
        if decoder.response is not None:
            assert decoder.response.tool_calls is not None
    decoder.finish()
    for response in decoder.responses[:100]:
        assert json.loads(response.to_json())
    assert time.process_time() - before < 30
