"""Unusual Messages streams of gateways: the results of respstream and of the anthropic SDK.

The SDK's results are in `data/messages_dialects.json`, made by `python -m tests.support.messages_dialects`; a test compares them
where the SDK installed is of the same major version. `python -m tests.support.doc_tables` prints the table into the docs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.support.doc_tables import markdown
from tests.support.messages_sdk import sdk_message
from tests.support.messages_streams import (
    END_USAGE,
    HI,
    PING,
    STOP,
    USAGE,
    Json,
    block,
    delta,
    end,
    jsonl,
    message,
    part,
    sse,
    start,
    stop,
    text,
    thinking,
    tool,
)  # fmt: skip
from tests.support.paths import DATA

RECORD = DATA / "messages_dialects.json"


class Dialect(NamedTuple):
    """A stream and its results. `calls`: name and arguments of each call; `more`: other members of the message by path."""

    name: str
    body: bytes
    events: int
    text: str = ""
    reasoning: str = ""
    finish: str | None = "end_turn"
    status: str = "completed"
    calls: tuple[tuple[str | None, str | None], ...] = ()
    codes: tuple[str, ...] = ()
    more: tuple[tuple[str, Any], ...] = ()


def _message(*events: Any, reason: Any = "end_turn") -> bytes:
    """A message with these events between its start and its end."""
    return sse([start(), *events, end(reason), STOP])


OVERLOADED: Json = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
    "request_id": "req_1",
}
WHOLE = message(content=[{"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}],
    stop_reason="tool_use")  # fmt: skip
METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}}
TEXT = block(0, "text", text="")

DIALECTS = [
    Dialect("text, and signs of life", sse([HI[0], PING, *HI[1:]]), 8, "Hi you", more=(("usage", {**USAGE, **END_USAGE}),)),
    Dialect("no event lines", sse(HI, names=False), 7, "Hi you"),
    Dialect("types in the event lines alone", b"".join(
        f"event: {event['type']}\ndata: {json.dumps({k: v for k, v in event.items() if k != 'type'})}\n\n".encode() for event in HI), 7, "Hi you"),
    Dialect("input in the start of the block, and no deltas", _message(tool(0, input={"a": 1}), stop(), reason="tool_use"), 5,
        finish="tool_use", calls=(("f", '{"a":1}'),), more=(("content.0.input", {"a": 1}),)),
    Dialect("input in the start of the block, repeated by deltas", _message(tool(0, input={"a": 1}), part('{"a"'), part(": 1}"),
        stop(), reason="tool_use"), 7, finish="tool_use", calls=(("f", '{"a": 1}'),), more=(("content.0.input", {"a": 1}),)),
    Dialect("no input", _message(tool(0), part(""), stop(), reason="tool_use"), 6, finish="tool_use", calls=(("f", "{}"),),
        more=(("content.0.input", {}),)),
    Dialect("an input that is null, and one that is missing", _message(tool(0, input=None), stop(),
        block(1, "tool_use", id="t2", name="g"), part("", 1), stop(1), reason="tool_use"), 8, finish="tool_use",
        calls=(("f", "{}"), ("g", "{}")), more=(("content.1.input", {}),)),
    Dialect("an input that is cut short", sse([start(), tool(0), part('{"a": "b')]), 3, finish=None, status="in_progress",
        calls=(("f", '{"a": "b'),), codes=("no_terminal",), more=(("content.0.input", '{"a": "b'),)),
    Dialect("an input that is not JSON", _message(tool(0), part("{a}"), stop(), reason="tool_use"), 6, finish="tool_use",
        calls=(("f", "{a}"),), codes=("bad_input",), more=(("content.0.input", "{a}"),)),
    Dialect("exact numbers in an input", _message(tool(0), part('{"a": 12345678901234567890, "b": 1.50}'), stop(), reason="tool_use"), 6,
        finish="tool_use", calls=(("f", '{"a": 12345678901234567890, "b": 1.50}'),), more=(("content.0.input.a", 12345678901234567890),)),
    Dialect("text in the start of the block", _message(block(0, "text", text="H"), text("i"), stop()), 6, "Hi"),
    Dialect("deltas without the start of their block", sse([start(), text("H"), text("i"), stop(), end(), STOP]), 6, "Hi",
        codes=("no_block_start",), more=(("content.0.type", "text"),)),
    Dialect("input without the start of its block", _message(part("{}"), stop(), reason="tool_use"), 5, finish="tool_use",
        calls=((None, "{}"),), codes=("no_block_start",)),
    Dialect("thinking and text with one index", _message(thinking("a"), text("H"), thinking("b"), text("i")), 7, "Hi", "ab",
        codes=("no_block_start",) * 2),
    Dialect("a second block at a taken index", _message(TEXT, text("H"), stop(), TEXT, text("i"), stop()), 9, "Hi",
        codes=("index_reused",)),
    Dialect("blocks with gaps, in any order, that interleave", _message(block(5, "text", text=""), block(2, "thinking", thinking="", signature=""),
        text("H", 5), thinking("a", 2), text("i", 5), stop(2), stop(5)), 10, "Hi", "a", more=(("content.0.type", "thinking"),)),
    Dialect("indexes that are missing, or strings", sse([start(), {**block(0, "text", text=""), "index": None}, {**text("H"), "index": "0"},
        text("i", None), {"type": "content_block_stop"}, end(), STOP]), 7, "Hi", codes=("loose_value",)),
    Dialect("deltas after the end of their block", _message(TEXT, text("H"), stop(), text("i")), 7, "Hi", codes=("delta_after_stop",)),
    Dialect("blocks without an end", _message(TEXT, text("Hi"), tool(1)), 6, "Hi", calls=(("f", "{}"),)),
    Dialect("deltas without a type", _message(TEXT, {"type": "content_block_delta", "index": 0, "delta": {"text": "Hi"}}, stop()), 6,
        "Hi", codes=("loose_value",)),
    Dialect("blocks and deltas of unknown types", _message(block(0, "poem", verses=[]), delta(0, "verse_delta", verses=["a"], title="b"),
        delta(0, "verse_delta", verses=["c"], title="d", meter=1.5), stop()), 7, codes=(),
        more=(("content.0", {"type": "poem", "verses": ["a", "c"], "title": "bd", "meter": 1.5}),)),
    Dialect("thinking with a signature, and citations", _message(block(0, "thinking", thinking="", signature=""), thinking("a"),
        delta(0, "signature_delta", signature="s"), stop(), block(1, "text", text="", citations=[]), text("Hi", 1),
        delta(1, "citations_delta", citation={"type": "char_location"}), stop(1)), 11, "Hi", "a", more=(
        ("content.0.signature", "s"), ("content.1.citations", [{"type": "char_location"}]))),
    Dialect("a tool that the API runs", _message(tool(0, kind="server_tool_use", name="web_search"), part('{"query": "x"}'), stop(),
        block(1, "web_search_tool_result", tool_use_id="t1", content=[]), stop(1), block(2, "text", text="Hi"), stop(2)), 10, "Hi",
        more=(("content.0.input", {"query": "x"}),)),
    Dialect("a tool of an MCP server", _message(tool(0, kind="mcp_tool_use", server_name="s"), part("{}"), stop()), 6,
        calls=(("f", "{}"),)),
    Dialect("no usage at the end", sse([*HI[:-2], {k: v for k, v in end().items() if k != "usage"}, STOP]), 7, "Hi you",
        more=(("usage", USAGE),)),
    Dialect("usage that is null, or has nulls", sse([*HI[:-2], end(usage={"output_tokens": 5, "input_tokens": None}), end(None, None), STOP]),
        8, "Hi you", more=(("usage", {**USAGE, "output_tokens": 5}), ("stop_reason", "end_turn"))),
    Dialect("input tokens at the end alone", sse([start(usage={"input_tokens": 0, "output_tokens": 0}), end(usage={"input_tokens": 7,
        "output_tokens": 5}), STOP]), 3, more=(("usage.input_tokens", 7),)),
    Dialect("other members of the usage", sse([*HI[:-2], end(usage={**END_USAGE, "iterations": [{"type": "message"}]}), STOP]), 7, "Hi you",
        more=(("usage.iterations", [{"type": "message"}]),)),
    Dialect("metrics of Bedrock in the last event", sse([*HI[:-1], {**STOP, **METRICS}]), 7, "Hi you",
        more=(("amazon-bedrock-invocationMetrics.inputTokenCount", 3),)),
    Dialect("cut short", sse(HI[:4]), 4, "Hi you", finish=None, status="in_progress", codes=("no_terminal",)),
    Dialect("no message_stop", sse(HI[:-1]), 6, "Hi you", codes=("no_terminal",)),
    Dialect("no message_start", sse(HI[1:]), 6, "Hi you", codes=("no_created",), more=(("role", "assistant"),)),
    Dialect("max_tokens", _message(*HI[1:5], reason="max_tokens"), 7, "Hi you", finish="max_tokens", status="incomplete"),
    Dialect("an error", sse([*HI[:3], OVERLOADED]), 4, "Hi", finish=None, status="failed"),
    Dialect("an error as a body", sse([*HI[:3]]) + jsonl([{"error": {"message": "x"}}]), 3, "Hi", finish=None, status="failed",
        codes=("error_body", "no_terminal")),
    Dialect("a message that was not streamed", jsonl([WHOLE]), 0, "Hi", finish="tool_use", calls=(("f", '{"a":1}'),)),
    Dialect("values of a wrong kind", sse([start(), TEXT, {**text("x"), "index": -1}, text(5), delta(0, "signature_delta", signature=5),
        {"type": "content_block_delta", "index": 0, "delta": 5}, {"type": "content_block_start", "index": 1}, end(5, 5), text("Hi"), end(), STOP]),
        11, "Hi", codes=("bad_field", "bad_field", "no_block_start", *("bad_field",) * 5)),
]  # fmt: skip


def shown(text: str, reasoning: str, calls: Iterable[tuple[str | None, str | None]]) -> str:
    """A message in one line."""
    parts = [f"{text!a}", *([f"reasoning {reasoning!a}"] if reasoning else [])]
    return ", ".join([*parts, *(f"`{name}({arguments})`" for name, arguments in calls)])


def sdk_answer(body: bytes) -> str:
    """The message that the anthropic SDK's `stream()` makes, or its exception."""
    made = sdk_message(body)
    if isinstance(made, str):
        return made
    texts = {
        kind: "".join(one[kind] or "" for one in made["content"] if one.get("type") == kind)
        for kind in ("text", "thinking")
    }
    calls = [
        (one["name"], json.dumps(one.get("input")))
        for one in made["content"]
        if one.get("type") in ("tool_use", "mcp_tool_use")
    ]
    return f"{made.get('stop_reason')}, {shown(texts['text'], texts['thinking'], calls)}"


def recorded() -> Json:
    """The recorded results of the SDK, and its version."""
    found: Json = json.loads(RECORD.read_text("utf-8"))
    return found


def dialects_table() -> str:
    """The table of Messages in docs/dialects.md."""
    answers = recorded()["answers"]
    rows = []
    for row in DIALECTS:
        codes = ", ".join(f"`{code}`" for code in dict.fromkeys(row.codes))
        made = f"{row.finish}, {shown(row.text, row.reasoning, row.calls)}"
        rows.append((row.name, answers[row.name], row.status, made + (f"; {codes}" if codes else "")))
    return markdown(["stream", "SDK, `stream()`", "status", "respstream"], rows)


if __name__ == "__main__":
    import anthropic

    found = {row.name: sdk_answer(row.body) for row in DIALECTS}
    RECORD.write_text(json.dumps({"sdk": anthropic.__version__, "answers": found}, indent=1) + "\n", "utf-8")
