"""Unusual Chat Completions streams of servers: the results of respstream and of the openai SDK.

The SDK's results are in `data/chat_dialects.json`, made by `python -m tests.support.chat_dialects`; a test compares them where
the SDK installed is of the same major version. `python -m tests.support.doc_tables` prints the table into the docs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.support.chat_sdk import sdk_completion
from tests.support.chat_streams import USAGE, Json, call, chunk, jsonl, of, sse, usage
from tests.support.doc_tables import markdown
from tests.support.paths import DATA

RECORD = DATA / "chat_dialects.json"
FILTER = {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}


class Dialect(NamedTuple):
    """A stream and its results. `calls`: name and arguments of each call; `more`: other members of the completion by path."""

    name: str
    body: bytes
    events: int
    text: str = ""
    reasoning: str = ""
    finish: str | None = "stop"
    status: str = "completed"
    calls: tuple[tuple[str | None, str | None], ...] = ()
    codes: tuple[str, ...] = ()
    more: tuple[tuple[str, Any], ...] = ()


def _end(finish: str = "stop", **members: Any) -> Json:
    return {**chunk(finish=finish), **members}


def _details(text: str, **members: Any) -> Json:
    return {"type": "reasoning.text", "text": text, "index": 0, **members}


BUSY = {"error": {"message": "overloaded", "code": 503, "type": "server_error"}}
WHOLE = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{
        "index": 0,
        "finish_reason": "tool_calls",
        "message": {"role": "assistant", "content": "Hi", "tool_calls": [call("{}", at=None, name="f"), call("[]", at=None, name="f")]},
    }],
    "usage": USAGE,
}  # fmt: skip

DIALECTS = [
    Dialect("usage in a chunk without choices, after the end", sse([chunk("Hi"), _end(), usage()]), 3, "Hi",
        more=(("usage.total_tokens", 8),)),
    Dialect("filter results before everything else", sse([of(ident="", **FILTER), chunk("Hi"), _end()]), 3, "Hi",
        more=(("id", "c1"), ("prompt_filter_results.0.prompt_index", 0))),
    Dialect("comments while waiting", b": OPENROUTER PROCESSING\n\n" + sse([chunk("Hi"), _end()]), 2, "Hi"),
    Dialect("usage in every chunk", sse([{**chunk("Hi"), "usage": {"total_tokens": 4}}, {**_end(), "usage": USAGE}]), 2, "Hi",
        more=(("usage", USAGE),)),
    Dialect("usage of Groq", sse([{**chunk("Hi"), "x_groq": {"id": "q"}}, {**_end(), "x_groq": {"id": "q", "usage": USAGE}}]),
        2, "Hi", more=(("x_groq.usage", USAGE), ("x_groq.id", "q"))),
    Dialect("reasoning_content", sse([chunk(reasoning_content="a"), chunk(reasoning_content="b"), chunk("Hi"), _end()]), 4, "Hi",
        "ab", more=(("choices.0.message.reasoning_content", "ab"),)),
    Dialect("reasoning", sse([chunk(reasoning="a"), chunk(reasoning="b"), chunk("Hi"), _end()]), 4, "Hi", "ab",
        more=(("choices.0.message.reasoning", "ab"),)),
    Dialect("reasoning_details", sse([chunk(reasoning_details=[_details("a")]),
        chunk(reasoning_details=[_details("b", signature="s")]), chunk("Hi"), _end()]), 4, "Hi", "ab",
        more=(("choices.0.message.reasoning_details", [_details("ab", signature="s")]),)),
    Dialect("reasoning twice", sse([chunk(reasoning="a", reasoning_details=[_details("a")]),
        chunk(reasoning="b", reasoning_details=[_details("b")]), _end()]), 3, "", "ab"),
    Dialect("content as parts", sse([chunk([{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}]),
        chunk([{"type": "text", "text": "H"}]), chunk("i"), chunk([{"type": "reference", "reference_ids": [1]}]), _end()]), 5,
        "Hi", "a", more=(("choices.0.message.content", "Hi"), ("choices.0.message.reasoning_content", "a"),
        ("choices.0.message.content_parts", [{"type": "reference", "reference_ids": [1]}]))),
    Dialect("message beside the delta", sse([
        chunk("H", choice={"message": {"role": "assistant", "content": "H"}}),
        chunk("i", choice={"message": {"role": "assistant", "content": "Hi"}}), _end()]), 3, "Hi"),
    Dialect("message in place of the delta", sse([of({"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"})]), 1,
        "Hi"),
    Dialect("tool calls without index", sse([chunk(tool_calls=[call("{}", at=None, ident="a", name="f"),
        call("[]", at=None, ident="b", name="g")]), _end("tool_calls")]), 2, finish="tool_calls",
        calls=(("f", "{}"), ("g", "[]"))),
    Dialect("pieces of calls without index", sse([chunk(tool_calls=[call("{", at=None, ident="a", name="f")]),
        chunk(tool_calls=[call("}", at=None)]), chunk(tool_calls=[call("[", at=None, ident="b", name="g")]),
        chunk(tool_calls=[call("]", at=None)]), _end("tool_calls")]), 5, finish="tool_calls", calls=(("f", "{}"), ("g", "[]"))),
    Dialect("all calls with index 0", sse([chunk(tool_calls=[call("{", ident="a", name="f")]), chunk(tool_calls=[call("}")]),
        chunk(tool_calls=[call("[", ident="b", name="g")]), chunk(tool_calls=[call("]")]), _end("tool_calls")]), 5,
        finish="tool_calls", calls=(("f", "{}"), ("g", "[]")), codes=("index_reused",)),
    Dialect("an id in every piece", sse([chunk(tool_calls=[call("{", ident="a", name="f")]),
        chunk(tool_calls=[call("}", ident="a", name="f")]), _end("tool_calls")]), 3, finish="tool_calls", calls=(("f", "{}"),),
        more=(("choices.0.message.tool_calls.0.id", "a"),)),
    Dialect("names alone tell the calls apart", sse([chunk(tool_calls=[call("{}", name="f")]),
        chunk(tool_calls=[call("[]", name="g")]), _end("tool_calls")]), 3, finish="tool_calls",
        calls=(("f", "{}"), ("g", "[]")), codes=("index_reused",)),
    Dialect("arguments as an object, and null", sse([chunk(tool_calls=[call({"a": 1.50}, ident="a", name="f")]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": None}}]), _end("tool_calls")]), 3, finish="tool_calls",
        calls=(("f", '{"a":1.5}'),), codes=("loose_value",)),
    Dialect("function_call", sse([chunk(function_call={"name": "f", "arguments": ""}), chunk(function_call={"arguments": "{}"}),
        _end("function_call")]), 3, finish="function_call", calls=(("f", "{}"),)),
    Dialect("error as a payload", sse([chunk("Hi"), BUSY]), 1, "Hi", finish=None, status="failed", codes=("error_body",)),
    Dialect("error as a named event", sse([chunk("Hi")], done=False) + b'event: error\ndata: {"message":"x"}\n\n', 1, "Hi",
        finish=None, status="failed", codes=("error_body", "no_terminal"), ),
    Dialect("error as a member", sse([chunk("Hi"), {**_end("error"), **BUSY}]), 2, "Hi", finish="error", status="failed",
        more=(("error.code", 503),)),
    Dialect("signs of life", sse([chunk("Hi"), {"type": "ping"}, {"type": "keepalive"}, _end()]), 4, "Hi"),
    Dialect("no blank lines", sse([chunk("Hi"), _end()]).replace(b"\n\n", b"\n"), 2, "Hi", codes=("missing_blank_line",)),
    Dialect("CRLF and event lines", b"event: message\r\n" + sse([chunk("Hi"), _end()]).replace(b"\n", b"\r\n"), 2, "Hi"),
    Dialect("finish reasons that are empty, repeated, or in the usage chunk", sse([chunk("H", finish=""),
        chunk("i", finish="length"), chunk("!", finish=""), {**usage(), **of({"index": 0, "delta": {}, "finish_reason": "stop"})}]),
        4, "Hi!"),
    Dialect("other members", sse([chunk("H", channel="a", choice={"token_ids": [1]}, annotations=[{"type": "x"}]),
        chunk("i", channel="b", choice={"token_ids": [1]}, annotations=[{"type": "y"}]),
        {**_end(), "citations": ["u"]}, {**_end(), "citations": ["u", "v"]}]), 4, "Hi", more=(
        ("choices.0.message.channel", "b"), ("choices.0.token_ids", [1, 1]), ("citations", ["u", "v"]),
        ("choices.0.message.annotations", [{"type": "x"}, {"type": "y"}]))),
    Dialect("lists with an index", sse([chunk(executed_tools=[{"index": 0, "type": "search", "output": None}]),
        chunk(executed_tools=[{"index": 0, "output": "o"}, {"index": 1, "type": "run"}]), _end()]), 3, more=(
        ("choices.0.message.executed_tools", [{"index": 0, "type": "search", "output": "o"}, {"index": 1, "type": "run"}]),)),
    Dialect("a new id in every chunk", sse([chunk("H", ident="x"), chunk("i", ident="y"), {**_end(), "id": "z"}, usage("w")]), 4,
        "Hi", codes=("response_id_changed",), more=(("id", "x"), ("usage", USAGE))),
    Dialect("a role in every chunk", sse([chunk("H", role="assistant"), chunk("i", role="assistant"), _end()]), 3, "Hi",
        more=(("choices.0.message.role", "assistant"),)),
    Dialect("no object, no id, no index", sse([{"choices": [{"delta": {"content": "Hi"}}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]}]), 2, "Hi", codes=("loose_value",)),
    Dialect("an end mark without finish reason", sse([chunk("Hi")]), 1, "Hi", finish=None),
    Dialect("no end mark", sse([chunk("Hi"), _end()], done=False), 2, "Hi"),
    Dialect("null in place of no choices", sse([chunk("Hi"), _end(), {**usage(), "choices": None}]), 3, "Hi",
        more=(("usage.total_tokens", 8),)),
    Dialect("cut short", sse([chunk("Hi")], done=False), 1, "Hi", finish=None, status="in_progress", codes=("no_terminal",)),
    Dialect("incomplete", sse([chunk("Hi"), _end("length")]), 2, "Hi", finish="length", status="incomplete"),
    Dialect("several choices, in any order", sse([chunk("b", index=1), chunk("a", index=0), chunk("B", index=1),
        _end(), chunk(index=1, finish="length")]), 5, "a", more=(("choices.1.message.content", "bB"),
        ("choices.1.finish_reason", "length"))),
    Dialect("log probabilities", sse([chunk("H", choice={"logprobs": {"content": [{"token": "H"}]}}),
        chunk("i", choice={"logprobs": {"content": [{"token": "i"}], "refusal": None}}), _end()]), 3, "Hi",
        more=(("choices.0.logprobs.content", [{"token": "H"}, {"token": "i"}]),)),
    Dialect("audio", sse([chunk(audio={"id": "a", "data": "QU"}), chunk(audio={"data": "JD", "transcript": "x"}),
        chunk(audio={"expires_at": 5}), _end()]), 4, more=(("choices.0.message.audio",
        {"id": "a", "data": "QUJD", "transcript": "x", "expires_at": 5}),)),
    Dialect("a completion that was not streamed", jsonl([WHOLE]), 0, "Hi", finish="tool_calls",
        calls=(("f", "{}"), ("f", "[]")), more=(("usage", USAGE),)),
    Dialect("a text completion", sse([of({"index": 0, "text": "H"}), of({"index": 0, "text": "i", "finish_reason": "stop"})]), 2,
        more=(("choices.0.text", "Hi"),)),
    Dialect("values of a wrong kind", sse([of({"index": -1, "delta": {"content": "x"}}), {**of(), "choices": [5, {"index": 0, "delta": 5}]},
        chunk(5), chunk(refusal=[]), chunk(tool_calls={}), chunk(tool_calls=[5]), chunk(finish=5), chunk("Hi"), _end()]), 9, "Hi",
        codes=("bad_field",) * 8),
]  # fmt: skip


def shown(text: str, reasoning: str, calls: Iterable[tuple[str | None, str | None]]) -> str:
    """A completion in one line."""
    parts = [f"{text!a}", *([f"reasoning {reasoning!a}"] if reasoning else [])]
    return ", ".join([*parts, *(f"`{name}({arguments})`" for name, arguments in calls)])


def sdk_answer(body: bytes) -> str:
    """The completion that the openai SDK's `stream()` makes, or its exception."""
    made = sdk_completion(body)
    if isinstance(made, str):
        return made
    message = made["choices"][0]["message"] if made["choices"] else {}
    functions = [one["function"] for one in message.get("tool_calls") or ()]
    calls = [(one.get("name"), one.get("arguments")) for one in functions]
    reason = made["choices"][0].get("finish_reason") if made["choices"] else None
    return f"{reason}, {shown(message.get('content') or '', '', calls)}"


def recorded() -> Json:
    """The recorded results of the SDK, and its version."""
    found: Json = json.loads(RECORD.read_text("utf-8"))
    return found


def dialects_table() -> str:
    """The table of Chat Completions in docs/dialects.md."""
    answers = recorded()["answers"]
    rows = []
    for row in DIALECTS:
        codes = ", ".join(f"`{code}`" for code in dict.fromkeys(row.codes))
        made = f"{row.finish}, {shown(row.text, row.reasoning, row.calls)}"
        rows.append((row.name, answers[row.name], row.status, made + (f"; {codes}" if codes else "")))
    return markdown(["stream", "SDK, `stream()`", "status", "respstream"], rows)


if __name__ == "__main__":
    import openai

    found = {row.name: sdk_answer(row.body) for row in DIALECTS}
    RECORD.write_text(json.dumps({"sdk": openai.__version__, "answers": found}, indent=1) + "\n", "utf-8")
