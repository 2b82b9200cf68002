"""Hostile sources of Chat Completions."""

from __future__ import annotations

from tests.support.attack import MIB, Attack
from tests.support.chat_streams import Json, call, chunk, jsonl, of, sse

_ARGUMENT = chunk(tool_calls=[call("x")])
_LONG = "n" * 50


def _first(count: int, **members: str) -> Json:
    return chunk(tool_calls=[call("", **{"ident": "a", "name": "f", **members})])  # type: ignore[arg-type]


CHAT: dict[str, Attack] = {
    "Chat Completions: texts of one character": Attack("", lambda n: sse([chunk("x")] * n), 20_000, 20),
    "Chat Completions: texts in two choices": Attack("", lambda n: sse([chunk("x"), chunk("x", index=1)] * n), 20_000, 20),
    "Chat Completions: arguments of one character": Attack("", lambda n: sse([_first(n), *[_ARGUMENT] * n]), 20_000, 20, 8000, 100),
    "Chat Completions: arguments of a call with a long name": Attack("", lambda n: sse([_first(n, name=_LONG * n), *[_ARGUMENT] * n]), 20_000, 20, 8000, 100),
    "Chat Completions: a long name, then short ones": Attack("", lambda n: sse([_first(n, name=_LONG * n), *[chunk(tool_calls=[call(name="n")])] * n]), 20_000, 20, 8000, 100),
    "Chat Completions: a long name, then ids": Attack("", lambda n: sse([_first(n, name=_LONG * n), *[chunk(tool_calls=[call("x", ident="a")])] * n]), 20_000, 20, 8000, 100),
    "Chat Completions: a long name and arguments, then short names": Attack("index_reused", lambda n: sse([_first(n, name=_LONG * n), _ARGUMENT, *[chunk(tool_calls=[call("x", name="n")])] * n]), 20_000, 20, 8000, 100),
    "Chat Completions: many calls with one index": Attack("index_reused", lambda n: sse([chunk(tool_calls=[call("x", ident=f"i{k}")]) for k in range(n)]), 20_000, 20, 8000, 100, memory_factor=7),
    "Chat Completions: many calls without an index": Attack("", lambda n: sse([chunk(tool_calls=[call("x", at=None, ident=f"i{k}")]) for k in range(n)]), 20_000, 20, 8000, 100, memory_factor=7),
    "Chat Completions: many calls, then pieces that name them": Attack("index_reused", lambda n: sse([chunk(tool_calls=[call("x", ident=f"i{k % n}")]) for k in range(2 * n)]), 20_000, 20, 8000, 100, memory_factor=6),
    "Chat Completions: many choices": Attack("", lambda n: sse([chunk("x", index=k) for k in range(n)] * 2), 20_000, 20, memory_factor=4),
    "Chat Completions: usage that grows in each chunk": Attack("", lambda n: sse([{**chunk("x"), "usage": {"prompt_tokens": 3, "completion_tokens": k}} for k in range(n)]), 20_000, 20),
    "Chat Completions: ids that change with each chunk": Attack("response_id_changed", lambda n: sse([chunk("x", ident=f"c{k}") for k in range(n)]), 20_000, 20),
    "Chat Completions: interleaved completions of a log": Attack("no_terminal", lambda n: jsonl([chunk("x", ident=f"c{k % (n // 10)}") for k in range(n)]), 20_000, 20),
    "Chat Completions: descending indexes of choices": Attack("", lambda n: sse([chunk("x", index=k) for k in reversed(range(n))]), 20_000, 20, memory_factor=5),
    "Chat Completions: descending indexes of details": Attack("", lambda n: sse([chunk(reasoning_details=[{"index": k, "text": "x"}]) for k in reversed(range(n))]), 20_000, 20, memory_factor=3),
    "Chat Completions: many completions of a log": Attack("no_terminal", lambda n: jsonl([chunk("x", ident=f"c{k}") for k in range(n)]), 20_000, 20, memory_factor=32),
    "Chat Completions: many completions of a log, with end marks": Attack("", lambda n: jsonl([one for k in range(n) for one in (chunk("x", ident=f"c{k}"), "[DONE]")]), 20_000, 20, memory_factor=20),
    "Chat Completions: many finished completions of a log": Attack("", lambda n: jsonl([chunk("x", ident=f"c{k}", finish="stop") for k in range(n)]), 20_000, 20, memory_factor=20),
    "Chat Completions: a list, then the same again": Attack("", lambda n: sse([{**chunk("x"), "citations": ["u"] * n}, *[{**chunk("x"), "citations": ["u"]}] * n]), 20_000, 20),
    "Chat Completions: a list, then other lists": Attack("", lambda n: sse([{**chunk("x"), "citations": ["u"] * n}, *[{**chunk("x"), "citations": ["v"]}] * n]), 20_000, 20),
    "Chat Completions: many members of one chunk": Attack("", lambda n: sse([{**of(), **{f"m{k}": k for k in range(n)}}]), 20_000, 20, chunk=MIB),
    "Chat Completions: a chunk with a long member, then others": Attack("", lambda n: sse([{**chunk("x"), "x": _LONG * n}, *[chunk("x")] * n]), 20_000, 20),
}  # fmt: skip
