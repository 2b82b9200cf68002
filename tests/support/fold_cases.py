"""Fold cases as a table: a name, the events, the expected output and the expected diagnostic codes.

`ev("output_text.delta", o=0, c=1, delta="x")` is an event of the type `response.output_text.delta`; `o`, `c`, `s`, `k`
and `a` are the output, content, summary, command and annotation index. Every case starts with a `response.created`.
Cases without a terminal event also report `no_terminal`, which is not listed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]
BAD_INDEXES: list[Any] = [-1, "-1", 1.0, True, 65536, []]
SHORT = {
    "o": "output_index",
    "c": "content_index",
    "s": "summary_index",
    "k": "command_index",
    "a": "annotation_index",
    "n": "sequence_number",
}


class Case(NamedTuple):
    """One row: the events and the expected result."""

    name: str
    events: list[Json]
    output: list[Any]
    codes: list[str] = []  # noqa: RUF012
    text: str = ""


def ev(kind: str, **members: Any) -> Json:
    """An event in short."""
    whole = kind if kind in ("error", "keepalive") else f"response.{kind}"
    return {"type": whole, **{SHORT.get(name, name): value for name, value in members.items()}}


def end(*output: Any, kind: str = "completed", **members: Any) -> Json:
    """A terminal event."""
    status = {"done": "completed"}.get(kind, kind)
    return ev(kind, response={"id": "r", "status": status, "output": list(output), **members})


def msg(*parts: Any, **members: Any) -> Json:
    """A message."""
    return {"type": "message", "content": list(parts), **members}


def txt(text: str, **members: Any) -> Json:
    """A text part."""
    return {"type": "output_text", "text": text, **members}


def think(*summary: str, **members: Any) -> Json:
    """A reasoning item with a summary."""
    return {"type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in summary], **members}


def fn(arguments: str, **members: Any) -> Json:
    """A function call."""
    return {"type": "function_call", "call_id": "c1", "name": "f", "arguments": arguments, **members}


CREATED = ev("created", response={"id": "r", "status": "in_progress", "output": []})
MSG = ev("output_item.added", o=0, item=msg())
PART = ev("content_part.added", o=0, c=0, part=txt(""))

TEXT = [
    Case("deltas add up", [MSG, PART, *(ev("output_text.delta", o=0, c=0, delta=d) for d in ("He", "llo"))], [msg(txt("Hello"))], text="Hello"),
    Case("done replaces the sum", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="Hel"), ev("output_text.done", o=0, c=0, text="Hello")],
         [msg(txt("Hello"))], ["text_mismatch"], "Hello"),
    Case("done that agrees", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="Hi"), ev("output_text.done", o=0, c=0, text="Hi")], [msg(txt("Hi"))], text="Hi"),
    Case("done with no delta", [MSG, PART, ev("output_text.done", o=0, c=0, text="Hi")], [msg(txt("Hi"))], text="Hi"),
    Case("a part done replaces the part", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a"), ev("content_part.done", o=0, c=0, part=txt("a", x=1))],
         [msg(txt("a", x=1))], text="a"),
    Case("a part done that disagrees", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a"), ev("content_part.done", o=0, c=0, part=txt("b"))],
         [msg(txt("b"))], ["text_mismatch"], "b"),
    Case("an item done replaces the item", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a"), ev("output_item.done", o=0, item=msg(txt("a"), id="i", status="completed"))],
         [msg(txt("a"), id="i", status="completed")], text="a"),
    Case("an item done that disagrees", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a"), ev("output_item.done", o=0, item=msg(txt("b")))],
         [msg(txt("b"))], ["text_mismatch"], "b"),
    Case("a mismatch is reported once per value", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a"), ev("output_text.done", o=0, c=0, text="b"),
         ev("content_part.done", o=0, c=0, part=txt("c")), ev("output_item.done", o=0, item=msg(txt("d"))), end(msg(txt("e")))], [msg(txt("e"))], ["text_mismatch"], "e"),
    Case("a mismatch is reported for each value", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a"), ev("output_text.delta", o=0, c=1, delta="b"),
         ev("output_text.done", o=0, c=0, text="x"), ev("output_text.done", o=0, c=1, text="y")],
         [msg(txt("x"), txt("y"))], ["text_mismatch", "text_mismatch"], "xy"),
    Case("the terminal text disagrees", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a"), end(msg(txt("b")))], [msg(txt("b"))], ["text_mismatch"], "b"),
    Case("log probabilities add up", [MSG, ev("content_part.added", o=0, c=0, part=txt("", logprobs=[])),
         ev("output_text.delta", o=0, c=0, delta="a", logprobs=[{"token": "a", "logprob": -0.10}]), ev("output_text.delta", o=0, c=0, delta="b", logprobs=[]),
         ev("output_text.delta", o=0, c=0, delta="c", logprobs=[{"token": "c", "logprob": -1e-7}])],
         [msg(txt("abc", logprobs=[{"token": "a", "logprob": -0.1}, {"token": "c", "logprob": -1e-7}]))], text="abc"),
    Case("done replaces log probabilities", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a", logprobs=[1]), ev("output_text.done", o=0, c=0, text="a", logprobs=[2, 3])],
         [msg(txt("a", logprobs=[2, 3]))], text="a"),
    Case("an annotation", [MSG, PART, ev("output_text.annotation.added", o=0, c=0, a=0, annotation={"type": "url_citation"})],
         [msg(txt("", annotations=[{"type": "url_citation"}]))]),
    Case("annotations in any order", [MSG, ev("content_part.added", o=0, c=0, part=txt("", annotations=[])),
         ev("output_text.annotation.added", o=0, c=0, a=5, annotation={"n": 5}), ev("output_text.annotation.added", o=0, c=0, a=2, annotation={"n": 2})],
         [msg(txt("", annotations=[{"n": 2}, {"n": 5}]))]),
    Case("an annotation that is null", [MSG, PART, ev("output_text.annotation.added", o=0, c=0, a=0, annotation=None)], [msg(txt(""))]),
    Case("a refusal", [MSG, ev("content_part.added", o=0, c=0, part={"type": "refusal", "refusal": ""}), ev("refusal.delta", o=0, c=0, delta="I ca"),
         ev("refusal.delta", o=0, c=0, delta="n't"), ev("refusal.done", o=0, c=0, refusal="I can't")], [msg({"type": "refusal", "refusal": "I can't"})]),
    Case("text in the part and again in the deltas", [MSG, ev("content_part.added", o=0, c=0, part=txt("Hi")), ev("output_text.delta", o=0, c=0, delta="Hi"),
         ev("output_text.done", o=0, c=0, text="Hi")], [msg(txt("Hi"))], ["text_mismatch"], "Hi"),
    Case("a surrogate pair that two deltas share", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="\ud83d"), ev("output_text.delta", o=0, c=0, delta="\ude00!")],
         [msg(txt("\U0001f600!"))], ["bad_utf8", "bad_utf8"], "\U0001f600!"),
    Case("a lone surrogate", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a\ud83d")], [msg(txt("a\ufffd"))], ["bad_utf8"], "a\ufffd"),
]  # fmt: skip

REASONING = [
    Case("a summary", [ev("output_item.added", o=0, item=think()), ev("reasoning_summary_part.added", o=0, s=0, part={"type": "summary_text", "text": ""}),
         ev("reasoning_summary_text.delta", o=0, s=0, delta="One"), ev("reasoning_summary_text.done", o=0, s=0, text="One"),
         ev("reasoning_summary_part.done", o=0, s=0, part={"type": "summary_text", "text": "One"}),
         ev("reasoning_summary_text.delta", o=0, s=1, delta="Two")], [think("One", "Two")]),
    Case("a summary part may say that it is incomplete", [ev("output_item.added", o=0, item=think()),
         ev("reasoning_summary_part.done", o=0, s=0, part={"type": "summary_text", "text": "x"}, status="incomplete")], [think("x")]),
    Case("open reasoning", [ev("output_item.added", o=0, item={"type": "reasoning"}), ev("content_part.added", o=0, c=0, part={"type": "reasoning_text", "text": ""}),
         ev("reasoning_text.delta", o=0, c=0, delta="hm"), ev("reasoning_text.done", o=0, c=0, text="hm")],
         [{"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]}]),
    Case("open reasoning under its old names", [ev("output_item.added", o=0, item={"type": "reasoning"}),
         ev("reasoning_part.added", o=0, c=0, part={"type": "reasoning_text", "text": ""}), ev("reasoning.delta", o=0, c=0, delta="hm"),
         ev("reasoning.done", o=0, c=0, text="hm"), ev("reasoning_part.done", o=0, c=0, part={"type": "reasoning_text", "text": "hm"})],
         [{"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]}]),
    Case("deltas in cipher, done in plain", [ev("output_item.added", o=0, item=think()), ev("reasoning_summary_text.delta", o=0, s=0, delta="Xf3="),
         ev("reasoning_summary_text.done", o=0, s=0, text="One")], [think("One")], ["text_mismatch"]),
]  # fmt: skip

CALLS = [
    Case("a function call", [ev("output_item.added", o=0, item=fn("")), ev("function_call_arguments.delta", o=0, delta='{"a"'),
         ev("function_call_arguments.delta", o=0, delta=":1}"), ev("function_call_arguments.done", o=0, arguments='{"a":1}')], [fn('{"a":1}')]),
    Case("arguments cut off", [ev("output_item.added", o=0, item=fn("")), ev("function_call_arguments.delta", o=0, delta='{"a'),
         ev("output_item.done", o=0, item=fn('{"a', status="incomplete")), end(fn('{"a', status="incomplete"), kind="incomplete")], [fn('{"a', status="incomplete")]),
    Case("a custom call", [ev("output_item.added", o=0, item={"type": "custom_tool_call", "input": ""}), ev("custom_tool_call_input.delta", o=0, delta="ls"),
         ev("custom_tool_call_input.done", o=0, input="ls")], [{"type": "custom_tool_call", "input": "ls"}]),
    Case("an MCP call", [ev("output_item.added", o=0, item={"type": "mcp_call", "arguments": ""}), ev("mcp_call.in_progress", o=0),
         ev("mcp_call_arguments.delta", o=0, delta="{}"), ev("mcp_call_arguments.done", o=0, arguments="{}"), ev("mcp_call.completed", o=0)],
         [{"type": "mcp_call", "arguments": "{}", "status": "completed"}]),
    Case("an MCP call that failed", [ev("output_item.added", o=0, item={"type": "mcp_call"}), ev("mcp_call.failed", o=0)], [{"type": "mcp_call", "status": "failed"}]),
    Case("MCP tools", [ev("output_item.added", o=0, item={"type": "mcp_list_tools", "tools": []}), ev("mcp_list_tools.in_progress", o=0),
         ev("mcp_list_tools.completed", o=0), ev("mcp_list_tools.failed", o=0)], [{"type": "mcp_list_tools", "tools": []}]),
    Case("code", [ev("output_item.added", o=0, item={"type": "code_interpreter_call", "code": None}), ev("code_interpreter_call.in_progress", o=0),
         ev("code_interpreter_call_code.delta", o=0, delta="1+"), ev("code_interpreter_call_code.delta", o=0, delta="1"),
         ev("code_interpreter_call_code.done", o=0, code="1+1"), ev("code_interpreter_call.interpreting", o=0), ev("code_interpreter_call.completed", o=0)],
         [{"type": "code_interpreter_call", "code": "1+1", "status": "completed"}]),
    Case("a file search", [ev("output_item.added", o=0, item={"type": "file_search_call"}), ev("file_search_call.in_progress", o=0), ev("file_search_call.searching", o=0),
         ev("file_search_call.completed", o=0)], [{"type": "file_search_call", "status": "completed"}]),
    Case("a web search", [ev("output_item.added", o=0, item={"type": "web_search_call", "status": "x"}), ev("web_search_call.in_progress", o=0),
         ev("web_search_call.completed", o=0), ev("web_search_call.searching", o=0)], [{"type": "web_search_call", "status": "searching"}]),
    Case("an image", [ev("output_item.added", o=0, item={"type": "image_generation_call"}), ev("image_generation_call.in_progress", o=0),
         ev("image_generation_call.generating", o=0), ev("image_generation_call.partial_image", o=0, partial_image_index=0, partial_image_b64="AA=="),
         ev("image_generation_call.completed", o=0), ev("output_item.done", o=0, item={"type": "image_generation_call", "result": "BB=="})],
         [{"type": "image_generation_call", "result": "BB=="}]),
    Case("a shell call", [ev("output_item.added", o=0, item={"type": "shell_call", "action": {"commands": [], "timeout_ms": 5}}),
         ev("shell_call_command.added", o=0, k=0, command=""), ev("shell_call_command.delta", o=0, k=0, delta="l"), ev("shell_call_command.delta", o=0, k=0, delta="s"),
         ev("shell_call_command.done", o=0, k=0, command="ls"), ev("shell_call_command.added", o=0, k=1, command="pwd")],
         [{"type": "shell_call", "action": {"commands": ["ls", "pwd"], "timeout_ms": 5}}]),
    Case("output of a shell call", [ev("output_item.added", o=0, item={"type": "shell_call_output", "output": []}),
         ev("shell_call_output_content.delta", o=0, k=0, delta={"stdout": "a"}), ev("shell_call_output_content.delta", o=0, k=0, delta={"stdout": "b", "stderr": "!"}),
         ev("shell_call_output_content.delta", o=0, k=1, delta={"stdout": None, "stderr": "?"})],
         [{"type": "shell_call_output", "output": [{"stdout": "ab", "stderr": "!"}, {"stderr": "?"}]}]),
    Case("output of a shell call, done", [ev("output_item.added", o=0, item={"type": "shell_call_output", "output": []}),
         ev("shell_call_output_content.delta", o=0, k=0, delta={"stdout": "a"}),
         ev("shell_call_output_content.done", o=0, k=0, output=[{"stdout": "a", "stderr": "", "outcome": {"type": "exit"}}])],
         [{"type": "shell_call_output", "output": [{"stdout": "a", "stderr": "", "outcome": {"type": "exit"}}]}]),
    Case("a patch", [ev("output_item.added", o=0, item={"type": "apply_patch_call", "operation": {"type": "update_file", "path": "p", "diff": ""}}),
         ev("apply_patch_call_operation_diff.delta", o=0, delta="+a"), ev("apply_patch_call_operation_diff.delta", o=0, delta="\n"),
         ev("apply_patch_call_operation_diff.done", o=0, diff="+a\n")], [{"type": "apply_patch_call", "operation": {"type": "update_file", "path": "p", "diff": "+a\n"}}]),
    Case("a compaction", [ev("output_item.added", o=0, item={"type": "compaction"}), ev("compaction.compacting", o=0)], [{"type": "compaction"}]),
]  # fmt: skip

OUTSIDE_OUTPUT = [
    Case("audio goes beside the output", [ev("audio.delta", delta="AAAA"), ev("audio.transcript.delta", delta="hi"), ev("audio.transcript.done"), ev("audio.done")], []),
    Case("keepalive and rate limits", [MSG, ev("keepalive"), ev("rate_limits.updated", rate_limits=[]), PART], [msg(txt(""))]),
    Case("steering", [MSG, ev("steer.accepted", steer={}), ev("steer.pending", reason="x"), ev("steer.failed", error={})], [msg()]),
    Case("an unknown type", [MSG, ev("brand_new", output_index=0), ev("brand_new", output_index=0)], [msg()], ["unknown_event"]),
]  # fmt: skip

TERMINALS = [
    Case("completed", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a"), end(msg(txt("a")))], [msg(txt("a"))], text="a"),
    Case("incomplete", [end(kind="incomplete", incomplete_details={"reason": "max_output_tokens"})], []),
    Case("failed", [end(kind="failed", error={"code": "server_error", "message": "m"})], []),
    Case("cancelled", [end(kind="cancelled")], []),
    Case("done", [end(kind="done")], []),
    Case("an output that is empty is filled", [MSG, PART, ev("output_text.delta", o=0, c=0, delta="a"), end()], [msg(txt("a"))], ["output_recovered"], "a"),
    Case("an output that is null is filled", [ev("output_item.done", o=0, item=msg(txt("a"))), ev("completed", response={"id": "r", "output": None})], [msg(txt("a"))], ["output_recovered"], "a"),
    Case("an output that is missing is filled", [ev("output_item.done", o=0, item=msg(txt("a"))), ev("completed", response={"id": "r"})], [msg(txt("a"))], ["output_recovered"], "a"),
    Case("a shorter output is extended", [ev("output_item.done", o=0, item=think("x")), ev("output_item.done", o=1, item=msg(txt("a"))), end(think("x", more=1))],
         [think("x", more=1), msg(txt("a"))], ["output_recovered"], "a"),
    Case("a shorter output of other types is kept", [ev("output_item.done", o=0, item=think("x")), ev("output_item.done", o=1, item=msg(txt("a"))), end(msg(txt("a")))],
         [msg(txt("a"))], ["output_differs"], "a"),
    Case("a shorter output of another call is kept", [ev("output_item.done", o=0, item=fn("{}")), ev("output_item.done", o=1, item=msg(txt("a"))), end(fn("{}", call_id="c2"))],
         [fn("{}", call_id="c2"), fn("{}")], ["output_differs", "output_recovered"]),
    Case("a longer output is kept", [ev("output_item.done", o=0, item=think("x")), end(think("x"), msg(txt("a")))], [think("x"), msg(txt("a"))], text="a"),
    Case("an output that differs is kept", [ev("output_item.done", o=0, item=msg(txt("a"))), end(fn("{}"))], [fn("{}")], ["output_differs"]),
    Case("encrypted content may differ", [ev("output_item.done", o=0, item=think(encrypted_content="x")), end(think(encrypted_content="y"))], [think(encrypted_content="y")]),
    Case("a terminal event with no response", [ev("output_item.done", o=0, item=msg(txt("a"))), ev("completed")], [msg(txt("a"))], ["bad_field"], "a"),
    Case("a terminal event with nothing streamed", [end(msg(txt("a")))], [msg(txt("a"))], text="a"),
    Case("after the end", [end(msg(txt("a"))), ev("keepalive"), ev("rate_limits.updated"), ev("brand_new"), ev("error", message="late"), end(msg(txt("b")))],
         [msg(txt("a"))], ["unknown_event", "after_terminal", "after_terminal", "after_terminal"], "a"),
]  # fmt: skip

PRECEDENCE = [
    Case("a late delta after the value is done", [MSG, PART, ev("output_text.done", o=0, c=0, text="a"), ev("output_text.delta", o=0, c=0, delta="b")], [msg(txt("a"))], ["text_mismatch"], "a"),
    Case("a late delta after the part is done", [MSG, PART, ev("content_part.done", o=0, c=0, part=txt("a")), ev("output_text.delta", o=0, c=0, delta="b")], [msg(txt("a"))], ["text_mismatch"], "a"),
    Case("a late delta after the item is done", [ev("output_item.done", o=0, item=msg(txt("a"))), ev("output_text.delta", o=0, c=0, delta="b")], [msg(txt("a"))], ["late_delta"], "a"),
    Case("a late value done after the part is done", [MSG, ev("content_part.done", o=0, c=0, part=txt("a")), ev("output_text.done", o=0, c=0, text="b")], [msg(txt("a"))], ["text_mismatch"], "a"),
    Case("a late part after the item is done", [ev("output_item.done", o=0, item=msg(txt("a"))), ev("content_part.done", o=0, c=0, part=txt("b"))], [msg(txt("a"))], [], "a"),
    Case("a late status after the item is done", [ev("output_item.done", o=0, item={"type": "web_search_call", "status": "completed"}), ev("web_search_call.searching", o=0)],
         [{"type": "web_search_call", "status": "completed"}]),
    Case("an item added again starts over", [ev("output_item.done", o=0, item=msg(txt("a"), id="m")), ev("output_item.added", o=0, item=msg(id="m")), PART,
         ev("output_text.delta", o=0, c=0, delta="b")], [msg(txt("b"), id="m")], ["text_mismatch"], "b"),
    Case("an empty late delta says nothing", [MSG, PART, ev("output_text.done", o=0, c=0, text="a"), ev("output_text.delta", o=0, c=0, delta="")], [msg(txt("a"))], text="a"),
]  # fmt: skip

ROUTING = [
    Case("items interleave", [MSG, ev("output_item.added", o=1, item=fn("")), PART, ev("function_call_arguments.delta", o=1, delta="{"),
         ev("output_text.delta", o=0, c=0, delta="a"), ev("function_call_arguments.delta", o=1, delta="}"), ev("output_text.delta", o=0, c=0, delta="b")],
         [msg(txt("ab")), fn("{}")], text="ab"),
    Case("items in any order", [ev("output_item.added", o=1, item=fn("")), MSG], [msg(), fn("")]),
    Case("gaps are closed", [ev("output_item.added", o=7, item=msg()), ev("output_text.delta", o=7, c=3, delta="b"), ev("output_text.delta", o=7, c=1, delta="a"),
         ev("output_item.added", o=2, item=fn(""))], [fn(""), msg(txt("a"), txt("b"))], text="ab"),
    Case("no part added", [MSG, ev("output_text.delta", o=0, c=0, delta="a")], [msg(txt("a"))], text="a"),
    Case("no item added", [ev("output_text.delta", o=0, c=0, item_id="i", delta="a")], [{"id": "i", **msg(txt("a"))}], text="a"),
    Case("no item added, a call", [ev("function_call_arguments.delta", o=0, delta="{}")], [{"type": "function_call", "arguments": "{}"}]),
    Case("no item added, a status", [ev("web_search_call.searching", o=0, item_id="w")], [{"id": "w", "type": "web_search_call", "status": "searching"}]),
    Case("no item added, a command", [ev("shell_call_command.delta", o=0, k=0, delta="ls")], [{"type": "shell_call", "action": {"commands": ["ls"]}}]),
    Case("no item added, a summary", [ev("reasoning_summary_text.delta", o=0, s=0, delta="x")], [think("x")]),
    Case("no item added, a patch", [ev("apply_patch_call_operation_diff.done", o=0, diff="+")], [{"type": "apply_patch_call", "operation": {"diff": "+"}}]),
    Case("no output index: the latest item", [MSG, ev("output_item.added", o=1, item=fn("")), ev("function_call_arguments.delta", delta="{}")], [msg(), fn("{}")]),
    Case("no output index and no item: 0", [ev("output_text.delta", c=0, delta="a")], [msg(txt("a"))], text="a"),
    Case("no content index: the last part", [MSG, PART, ev("content_part.added", o=0, c=1, part=txt("")), ev("output_text.delta", o=0, delta="a")], [msg(txt(""), txt("a"))], text="a"),
    Case("items without indexes follow one another", [ev("output_item.added", item=think()), ev("output_item.added", item=msg())], [think(), msg()]),
    Case("an item that is null", [ev("output_item.added", o=0, item=None), ev("output_text.delta", o=0, c=0, delta="a")], [msg(txt("a"))], ["bad_field"], "a"),
    Case("a part that is null", [MSG, ev("content_part.added", o=0, c=0, part=None), ev("output_text.delta", o=0, c=0, delta="a")], [msg(txt("a"))], ["bad_field"], "a"),
    Case("a delta that is no string", [MSG, PART, ev("output_text.delta", o=0, c=0, delta=5), ev("output_text.delta", o=0, c=0)], [msg(txt(""))], ["bad_field", "bad_field"]),
    Case("content that is null", [ev("output_item.added", o=0, item={"type": "message", "content": None}), ev("output_text.delta", o=0, c=0, delta="a")], [msg(txt("a"))], text="a"),
    Case("a bad index has no effect", [MSG, *(ev("output_text.delta", o=bad, c=0, delta="a") for bad in BAD_INDEXES)], [msg()], ["bad_field"] * 6),
    Case("the last index", [ev("output_item.added", o=65535, item=msg())], [msg()]),
    Case("an index that is null is absent", [MSG, ev("output_text.delta", o=None, c=None, delta="a")], [msg(txt("a"))], text="a"),
    Case("a bad index of an unknown type", [ev("brand_new", o=-1)], [], ["unknown_event"]),
    Case("a content index that grows with every delta", [MSG, *(ev("output_text.delta", o=0, c=c, delta=d) for c, d in enumerate("abc")), ev("output_item.done", o=0, item=msg(txt("abc")))],
         [msg(txt("abc"))], ["text_mismatch", "text_mismatch", "text_mismatch"], "abc"),
]  # fmt: skip

IDS = [
    Case("ids rotate", [ev("output_item.added", o=0, item=msg(id="a")), ev("output_text.delta", o=0, c=0, item_id="b", delta="x"), ev("output_text.delta", o=0, c=0, item_id="c", delta="y"),
         end(msg(txt("xy"), id="d"), id="r2")], [msg(txt("xy"), id="d")], ["item_id_changed", "response_id_changed"], "xy"),
    Case("the id of each item once", [ev("output_item.added", o=0, item=msg(id="a")), ev("output_item.added", o=1, item=fn("", id="b")),
         ev("output_item.done", o=1, item=fn("", id="z")), ev("output_item.done", o=0, item=msg(id="y"))], [msg(id="y"), fn("", id="z")], ["item_id_changed", "item_id_changed"]),
    Case("the id of a response once", [ev("in_progress", response={"id": "x"}), ev("in_progress", response={"id": "y", "output": []})], [], ["response_id_changed"]),
]  # fmt: skip

SEQUENCE = [
    Case("numbers in a row", [ev("in_progress", n=5, response={"output": []}), ev("keepalive", n=6), ev("brand_new", n=7)], [], ["unknown_event"]),
    Case("a gap", [ev("keepalive", n=1), ev("keepalive", n=3), ev("keepalive", n=4)], [], ["sequence_gap"]),
    Case("backwards", [ev("keepalive", n=3), ev("keepalive", n=1)], [], ["sequence_gap"]),
    Case("an event that came twice counts once", [MSG, PART, *[ev("output_text.delta", o=0, c=0, n=7, delta="a")] * 2, ev("output_text.delta", o=0, c=0, n=8, delta="b")],
         [msg(txt("ab"))], ["sequence_repeat"], "ab"),
    Case("the same number but another event", [MSG, PART, ev("output_text.delta", o=0, c=0, n=7, delta="a"), ev("output_text.delta", o=0, c=0, n=7, delta="b")],
         [msg(txt("ab"))], ["sequence_repeat"], "ab"),
    Case("the same event without a number counts twice", [MSG, PART, *[ev("output_text.delta", o=0, c=0, delta="a")] * 2], [msg(txt("aa"))], [], "aa"),
    Case("numbers that come and go", [ev("keepalive", n=1), ev("keepalive"), ev("keepalive", n=9)], []),
    Case("a number that is none", [ev("keepalive", n="1")], [], ["bad_field"]),
]  # fmt: skip


def add(item: Json, **members: Any) -> Json:
    """An item that is added."""
    return ev("output_item.added", item=item, **members)


def done(item: Json, **members: Any) -> Json:
    """An item that is done."""
    return ev("output_item.done", item=item, **members)


def args(delta: str, **members: Any) -> Json:
    """A delta of arguments."""
    return ev("function_call_arguments.delta", delta=delta, **members)


def say(delta: Any, **members: Any) -> Json:
    """A delta of a text."""
    return ev("output_text.delta", delta=delta, **members)


def code(delta: str, **members: Any) -> Json:
    """A delta of the code of an interpreter."""
    return ev("code_interpreter_call_code.delta", delta=delta, **members)


CODE: Json = {"type": "code_interpreter_call", "id": "c"}
F, G = fn("", id="a"), fn("", id="b", call_id="c2", name="g")
BOTH: list[Any] = [{**F, "arguments": "{1}"}, {**G, "arguments": "{2}"}]

IDENTITY = [
    Case("calls interleave at one index", [add(F, o=0), args("{", o=0, item_id="a"), add(G, o=0), args("{", o=0, item_id="b"), args("1", o=0, item_id="a"), args("2", o=0, item_id="b"),
         args("}", o=0, item_id="a"), args("}", o=0, item_id="b")], BOTH, ["index_reused"]),
    Case("a string as an index continues a text", [say("1", o=0, c=0), say("2", o="0", c=0), say("3", o="0", c="0")], [msg(txt("123"))], ["loose_value", "loose_value"], "123"),
    Case("deltas that name an item of another type, behind a finished one of their type", [done(fn("", id="i"), o=1), done({"type": "code_interpreter_call", "id": "i", "code": ""}),
         add(fn("", id="i")), *(code(text, item_id="i") for text in "012")],
         [fn("", id="i"), {"id": "i", "type": "code_interpreter_call", "code": "012"}, {"type": "code_interpreter_call", "id": "i", "code": ""}], ["index_reused"]),
    Case("calls follow one another at one index", [add(F, o=0), args("{1}", o=0), add(G, o=0), args("{", o=0), args("2}", o=0)], BOTH, ["index_reused"]),
    Case("calls that are only done at one index", [done(BOTH[0], o=0), done(BOTH[1], o=0)], BOTH, ["index_reused"]),
    Case("a third item at one index", [add(F, o=0), add(msg(), o=0), add(G, o=0), say("x", o=0, c=0), args("{1}", o=0, item_id="a"), args("{2}", o=0, item_id="b")],
         [BOTH[0], msg(txt("x")), BOTH[1]], ["index_reused", "index_reused"], "x"),
    Case("messages of other ids at one index", [done(msg(txt("1"), id="m"), o=0), add(msg(id="n"), o=0), say("2", o=0, c=0)], [msg(txt("1"), id="m"), msg(txt("2"), id="n")], ["index_reused"], "12"),
    Case("an item at a taken index stands before the next index", [add(F, o=0), add(msg(), o=1), add(G, o=0), args("{2}", o=0)], [F, BOTH[1], msg()], ["index_reused"]),
    Case("calls without an index", [add(F), add(G), args("{1", item_id="a"), args("{2", item_id="b"), args("}", item_id="a"), args("}", item_id="b")], BOTH),
    Case("calls without an index or id", [add(F), add(G), args("{1}", call_id="c1"), args("{", call_id="c2"), args("2}", call_id="c2")], BOTH),
    Case("items done without an index", [done(BOTH[0]), done(BOTH[1]), done(msg(txt("x"), id="m")), done(msg(txt("y"), id="n"))], [*BOTH, msg(txt("x"), id="m"), msg(txt("y"), id="n")], [], "xy"),
    Case("ids that rotate without an index", [add(msg(id="m")), say("x", item_id="q"), say("y", item_id="r"), done(msg(txt("xy"), id="s"))], [msg(txt("xy"), id="s")], ["item_id_changed"], "xy"),
    Case("an id that rotates at done keeps its item", [add(fn("", id="q"), o=0), args("{}", o=0, item_id="r"), done(fn("{}", id="s"), o=0)], [fn("{}", id="s")], ["item_id_changed"]),
    Case("text at the index of a call", [add(F, o=0), say("x", o=0, c=0), args("{1}", o=0), say("y", o=0, c=0)], [BOTH[0], msg(txt("xy"))], ["index_reused"], "xy"),
    Case("an item added behind another without an id", [done(msg(txt("a")), o=0), MSG, PART, say("b", o=0, c=0)], [msg(txt("a")), msg(txt("b"))], ["index_reused"], "ab"),
    Case("items of three types at one index", [add(F, o=0), add(msg(), o=0), add(CODE, o=0), args("{1}", o=0), say("x", o=0, c=0), code("y", o=0), done(msg(txt("x")), o=0),
         done(BOTH[0], o=0), done({**CODE, "code": "y"}, o=0)], [BOTH[0], msg(txt("x")), {**CODE, "code": "y"}], ["index_reused"] * 2, "x"),
    Case("output of a shell at the index of a call", [add(F, o=0), ev("shell_call_output_content.delta", o=0, k=0, delta={"stdout": "a"}), args("{1}", o=0)],
         [BOTH[0], {"type": "shell_call_output", "output": [{"stdout": "a"}]}], ["index_reused"]),
    Case("text behind a finished item of a reused index", [done(msg(txt("a")), o=0), add(F, o=0), say("b", o=0, c=0)], [msg(txt("a")), F, msg(txt("b"))], ["index_reused"] * 2, "ab"),
    Case("a finished item behind a part of another type", [add(F, o=0), add(msg(), o=0), say("x", o=0, c=0), ev("reasoning_summary_part.added", o=0, s=0, part={"type": "summary_text", "text": ""}),
         done(msg(txt("x")), o=0)], [F, msg(txt("x")), think("")], ["index_reused"] * 2, "x"),
    Case("input of a custom tool at the index of a function", [add(F, o=0), args("{1}", o=0), ev("custom_tool_call_input.delta", o=0, delta="ls")],
         [BOTH[0], {"type": "custom_tool_call", "input": "ls"}], ["index_reused"]),
    Case("interleaved types without an index", [add(msg()), add(F), say("x", c=0), args("{1}"), done(msg(txt("x"))), done(BOTH[0])], [msg(txt("x")), BOTH[0]], text="x"),
    Case("an item that is done again without an index or id", [done(msg(txt("a"))), done(msg(txt("b")))], [msg(txt("a")), msg(txt("b"))], text="ab"),
    Case("an item added late without an index", [say("x", c=0), add(msg(id="m")), say("y", c=0), done(msg(txt("xy"), id="m"))], [msg(txt("xy"), id="m")], ["value_recovered"], "xy"),
    Case("an id that a delta told", [add(msg()), say("x", c=0, item_id="m"), add(msg()), say("y", c=0, item_id="n"), say("z", c=0, item_id="m")], [msg(txt("xz")), msg(txt("y"))], text="xzy"),
    Case("deltas before the item is added", [say("x", o=0, c=0), add(msg(id="m"), o=0), say("y", o=0, c=0)], [msg(txt("xy"), id="m")], ["value_recovered"], "xy"),
    Case("a part that is added twice", [MSG, PART, say("x", o=0, c=0), PART, say("y", o=0, c=0)], [msg(txt("xy"))], ["value_recovered"], "xy"),
    Case("arguments as an object", [add(fn("", id="a"), o=0), done({**fn("", id="a"), "arguments": {"x": [1, 2.50]}}, o=0), end()], [fn('{"x":[1,2.5]}', id="a")], ["loose_value", "output_recovered"]),
    Case("arguments done as an object", [add(F, o=0), args('{"x":1}', o=0), ev("function_call_arguments.done", o=0, arguments={"x": 1})], [{**F, "arguments": '{"x":1}'}], ["loose_value"]),
    Case("a delta as an object", [MSG, say({"type": "text", "text": "a"}, o=0, c=0), say({"text": "b"}, o=0, c=0)], [msg(txt("ab"))], ["loose_value"], "ab"),
    Case("an index as a string", [add(msg(), o="0"), say("a", o="0", c="0"), say("b", o=0, c=0)], [msg(txt("ab"))], ["loose_value", "loose_value"], "ab"),
    Case("lifecycle events that are not nested", [MSG, say("a", o=0, c=0), ev("completed", id="r", object="response", output=[msg(txt("a"))])], [msg(txt("a"))], ["loose_value"], "a"),
]  # fmt: skip

EMPTY_FINALS = [
    Case("an empty text", [MSG, PART, say("4", o=0, c=0), ev("output_text.done", o=0, c=0, text=""), end()], [msg(txt("4"))], ["value_recovered", "output_recovered"], "4"),
    Case("an empty part", [MSG, PART, say("4", o=0, c=0), ev("content_part.done", o=0, c=0, part=txt("", x=1))], [msg(txt("4", x=1))], ["value_recovered"], "4"),
    Case("empty arguments", [add(F, o=0), args("{1}", o=0), ev("function_call_arguments.done", o=0, arguments="")], [BOTH[0]], ["value_recovered"]),
    Case("an empty input", [add({"type": "custom_tool_call", "input": ""}, o=0), ev("custom_tool_call_input.delta", o=0, delta="ls"), done({"type": "custom_tool_call", "input": ""}, o=0)],
         [{"type": "custom_tool_call", "input": "ls"}], ["value_recovered"]),
    Case("an item with empty content", [MSG, say("4", o=0, c=0), done(msg(id="m"), o=0)], [msg(txt("4"), id="m")], ["value_recovered"], "4"),
    Case("an item with an empty part", [MSG, say("4", o=0, c=0), done(msg(txt(""), id="m"), o=0)], [msg(txt("4"), id="m")], ["value_recovered"], "4"),
    Case("an item without arguments", [add(F, o=0), args("{1}", o=0), done({"type": "function_call", "call_id": "c1"}, o=0)],
         [{"type": "function_call", "call_id": "c1", "arguments": "{1}"}], ["value_recovered"]),
    Case("an empty summary", [add(think(), o=0), ev("reasoning_summary_text.delta", o=0, s=0, delta="a"), done(think(x=1), o=0)], [think("a", x=1)], ["value_recovered"]),
    Case("an empty command", [add({"type": "shell_call"}, o=0), ev("shell_call_command.delta", o=0, k=0, delta="ls"), done({"type": "shell_call", "action": {"commands": []}}, o=0)],
         [{"type": "shell_call", "action": {"commands": ["ls"]}}], ["value_recovered"]),
    Case("an empty diff", [add({"type": "apply_patch_call"}, o=0), ev("apply_patch_call_operation_diff.delta", o=0, delta="+"), done({"type": "apply_patch_call", "operation": {}}, o=0)],
         [{"type": "apply_patch_call", "operation": {"diff": "+"}}], ["value_recovered"]),
    Case("an empty output of a shell", [add({"type": "shell_call_output"}, o=0), ev("shell_call_output_content.delta", o=0, k=0, delta={"stdout": "a"}),
         ev("shell_call_output_content.done", o=0, k=0, output=[{"stdout": ""}])], [{"type": "shell_call_output", "output": [{"stdout": "a"}]}], ["value_recovered"]),
    Case("an empty message at the end", [MSG, say("4", o=0, c=0), end(msg(id="m", status="completed"))], [msg(txt("4"), id="m", status="completed")], ["value_recovered"], "4"),
    Case("empty arguments at the end", [add(F, o=0), args("{1}", o=0), end(F)], [BOTH[0]], ["value_recovered"]),
    Case("a value is recovered once", [MSG, PART, say("4", o=0, c=0), ev("output_text.done", o=0, c=0, text=""), ev("content_part.done", o=0, c=0, part=txt("")), done(msg(), o=0), end(msg())],
         [msg(txt("4"))], ["value_recovered"], "4"),
]  # fmt: skip

FINAL_OUTPUT = [
    Case("an output in another order", [done(msg(txt("1"), id="m"), o=0), done(BOTH[0], o=1), done(msg(txt("2"), id="n"), o=2), end(msg(txt("2"), id="n"), msg(txt("1"), id="m"), BOTH[0])],
         [msg(txt("2"), id="n"), msg(txt("1"), id="m"), BOTH[0]], text="21"),
    Case("an output in another order and with other ids", [done(msg(txt("1"), id="m"), o=0), done(msg(txt("2"), id="n"), o=1), end(msg(txt("2"), id="x"), msg(txt("1"), id="y"))],
         [msg(txt("2"), id="x"), msg(txt("1"), id="y")], text="21"),
    Case("an empty message for a call", [done(BOTH[0], o=0), end(msg(id="m"))], [msg(id="m"), BOTH[0]], ["output_differs", "output_recovered"]),
    Case("an output that lacks one of two calls", [done(BOTH[0], o=0), done(BOTH[1], o=1), end(BOTH[1])], [BOTH[1], BOTH[0]], ["output_differs", "output_recovered"]),
    Case("arguments as an object at the end", [done(BOTH[0], o=0), end({**BOTH[0], "arguments": {"x": 1}})], [{**BOTH[0], "arguments": {"x": 1}}], ["loose_value", "text_mismatch"]),
    Case("late deltas are reported once", [done(msg(txt("1")), o=0), say("2", o=0, c=0), say("3", o=0, c=0), say("", o=0, c=0), end(msg(txt("1")))], [msg(txt("1"))], ["late_delta"], "1"),
    Case("late output of a shell", [done({"type": "shell_call_output", "output": []}, o=0), ev("shell_call_output_content.delta", o=0, k=0, delta={"stdout": "a"})],
         [{"type": "shell_call_output", "output": []}], ["late_delta"]),
]  # fmt: skip

CASES = [
    *IDENTITY,
    *EMPTY_FINALS,
    *FINAL_OUTPUT,
    *TEXT,
    *REASONING,
    *CALLS,
    *OUTSIDE_OUTPUT,
    *TERMINALS,
    *PRECEDENCE,
    *ROUTING,
    *IDS,
    *SEQUENCE,
]
