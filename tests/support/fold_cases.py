"""Fold cases as a table: a name, the events, the expected output and the expected diagnostic codes.

`ev("output_text.delta", o=0, c=1, delta="x")` is an event of the type `response.output_text.delta`; `o`, `c`, `s`, `k`
and `a` are the output, content, summary, command and annotation index. Every case starts with a `response.created`.
Cases without a terminal event also report `no_terminal`, which is not listed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]
BAD_INDEXES: list[Any] = [-1, "0", 1.0, True, 65536, []]
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
         [fn("{}", call_id="c2")], ["output_differs"]),
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
    Case("a late delta after the item is done", [ev("output_item.done", o=0, item=msg(txt("a"))), ev("output_text.delta", o=0, c=0, delta="b")], [msg(txt("a"))], [], "a"),
    Case("a late value done after the part is done", [MSG, ev("content_part.done", o=0, c=0, part=txt("a")), ev("output_text.done", o=0, c=0, text="b")], [msg(txt("a"))], ["text_mismatch"], "a"),
    Case("a late part after the item is done", [ev("output_item.done", o=0, item=msg(txt("a"))), ev("content_part.done", o=0, c=0, part=txt("b"))], [msg(txt("a"))], [], "a"),
    Case("a late status after the item is done", [ev("output_item.done", o=0, item={"type": "web_search_call", "status": "completed"}), ev("web_search_call.searching", o=0)],
         [{"type": "web_search_call", "status": "completed"}]),
    Case("an item added again starts over", [ev("output_item.done", o=0, item=msg(txt("a"))), MSG, PART, ev("output_text.delta", o=0, c=0, delta="b")], [msg(txt("b"))], [], "b"),
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

CASES = [*TEXT, *REASONING, *CALLS, *OUTSIDE_OUTPUT, *TERMINALS, *PRECEDENCE, *ROUTING, *IDS, *SEQUENCE]
