"""The event table and the diagnostics, for the Python twin.

Generated from rust/core/catalogue.toml by tools/generate_types.py; change them there. The catalogue's own comments tell
what the fields of an entry mean.
"""

# fmt: off
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Entry(NamedTuple):
        """What one type of event does to the folded response; "" and () where there is nothing to tell."""

        type: str
        op: str
        phase: str
        target: tuple[tuple[str, str | None], ...]
        value: str
        item: str
        part: str
        begins: bool
        status: str
        extend: str
        eager: tuple[str, ...]

else:

    class Entry:  # a named tuple would import `collections`
        __slots__ = _fields = tuple("type op phase target value item part begins status extend eager".split())

        def __init__(self, *values: object) -> None:
            for name, value in zip(self._fields, values, strict=True):
                setattr(self, name, value)

VERSION = 1

_ENTRIES = (
    Entry("response.created", "response", "begin", (), "response", "", "", True, "", "", ()),
    Entry("response.queued", "response", "progress", (), "response", "", "", True, "", "", ()),
    Entry("response.in_progress", "response", "progress", (), "response", "", "", True, "", "", ()),
    Entry("response.completed", "response", "terminal", (), "response", "", "", True, "", "", ()),
    Entry("response.incomplete", "response", "terminal", (), "response", "", "", True, "", "", ()),
    Entry("response.failed", "response", "terminal", (), "response", "", "", True, "", "", ()),
    Entry("response.cancelled", "response", "terminal", (), "response", "", "", True, "", "", ()),
    Entry("response.done", "response", "terminal", (), "response", "", "", True, "", "", ()),
    Entry("response.output_item.added", "item", "added", (), "item", "", "", True, "", "", ("output_index",)),
    Entry("response.output_item.done", "item", "done", (), "item", "", "", True, "", "", ("output_index",)),
    Entry("response.content_part.added", "part", "added", (("content", "content_index"),), "part", "message",
        "output_text", True, "", "", ("item_id", "output_index", "content_index")),
    Entry("response.content_part.done", "part", "done", (("content", "content_index"),), "part", "message",
        "output_text", True, "", "", ("item_id", "output_index", "content_index")),
    Entry("response.reasoning_part.added", "part", "added", (("content", "content_index"),), "part", "reasoning",
        "reasoning_text", True, "", "", ("item_id", "output_index", "content_index")),
    Entry("response.reasoning_part.done", "part", "done", (("content", "content_index"),), "part", "reasoning",
        "reasoning_text", True, "", "", ("item_id", "output_index", "content_index")),
    Entry("response.reasoning_summary_part.added", "part", "added", (("summary", "summary_index"),), "part",
        "reasoning", "summary_text", True, "", "", ("item_id", "output_index", "summary_index")),
    Entry("response.reasoning_summary_part.done", "part", "done", (("summary", "summary_index"),), "part", "reasoning",
        "summary_text", True, "", "", ("item_id", "output_index", "summary_index", "status")),
    Entry("response.output_text.annotation.added", "put", "added", (("content", "content_index"),
        ("annotations", "annotation_index")), "annotation", "message", "output_text", True, "", "", ("item_id",
        "output_index", "content_index", "annotation_index")),
    Entry("response.output_text.delta", "text", "delta", (("content", "content_index"), ("text", None)), "delta",
        "message", "output_text", True, "", "logprobs", ("item_id", "output_index", "content_index", "delta")),
    Entry("response.output_text.done", "text", "done", (("content", "content_index"), ("text", None)), "text",
        "message", "output_text", True, "", "logprobs", ("item_id", "output_index", "content_index", "text")),
    Entry("response.refusal.delta", "text", "delta", (("content", "content_index"), ("refusal", None)), "delta",
        "message", "refusal", True, "", "", ("item_id", "output_index", "content_index", "delta")),
    Entry("response.refusal.done", "text", "done", (("content", "content_index"), ("refusal", None)), "refusal",
        "message", "refusal", True, "", "", ("item_id", "output_index", "content_index", "refusal")),
    Entry("response.reasoning_text.delta", "text", "delta", (("content", "content_index"), ("text", None)), "delta",
        "reasoning", "reasoning_text", True, "", "", ("item_id", "output_index", "content_index", "delta")),
    Entry("response.reasoning_text.done", "text", "done", (("content", "content_index"), ("text", None)), "text",
        "reasoning", "reasoning_text", True, "", "", ("item_id", "output_index", "content_index", "text")),
    Entry("response.reasoning.delta", "text", "delta", (("content", "content_index"), ("text", None)), "delta",
        "reasoning", "reasoning_text", True, "", "", ("item_id", "output_index", "content_index", "delta")),
    Entry("response.reasoning.done", "text", "done", (("content", "content_index"), ("text", None)), "text",
        "reasoning", "reasoning_text", True, "", "", ("item_id", "output_index", "content_index", "text")),
    Entry("response.reasoning_summary_text.delta", "text", "delta", (("summary", "summary_index"), ("text", None)),
        "delta", "reasoning", "summary_text", True, "", "", ("item_id", "output_index", "summary_index", "delta")),
    Entry("response.reasoning_summary_text.done", "text", "done", (("summary", "summary_index"), ("text", None)),
        "text", "reasoning", "summary_text", True, "", "", ("item_id", "output_index", "summary_index", "text")),
    Entry("response.function_call_arguments.delta", "text", "delta", (("arguments", None),), "delta", "function_call",
        "", True, "", "", ("item_id", "output_index", "delta")),
    Entry("response.function_call_arguments.done", "text", "done", (("arguments", None),), "arguments", "function_call",
        "", True, "", "", ("item_id", "output_index", "arguments", "name")),
    Entry("response.custom_tool_call_input.delta", "text", "delta", (("input", None),), "delta", "custom_tool_call", "",
        True, "", "", ("item_id", "output_index", "delta")),
    Entry("response.custom_tool_call_input.done", "text", "done", (("input", None),), "input", "custom_tool_call", "",
        True, "", "", ("item_id", "output_index", "input")),
    Entry("response.mcp_call_arguments.delta", "text", "delta", (("arguments", None),), "delta", "mcp_call", "", True,
        "", "", ("item_id", "output_index", "delta")),
    Entry("response.mcp_call_arguments.done", "text", "done", (("arguments", None),), "arguments", "mcp_call", "", True,
        "", "", ("item_id", "output_index", "arguments")),
    Entry("response.mcp_call.in_progress", "status", "", (("status", None),), "", "mcp_call", "", True, "in_progress",
        "", ("item_id", "output_index")),
    Entry("response.mcp_call.completed", "status", "", (("status", None),), "", "mcp_call", "", True, "completed", "",
        ("item_id", "output_index")),
    Entry("response.mcp_call.failed", "status", "", (("status", None),), "", "mcp_call", "", True, "failed", "",
        ("item_id", "output_index")),
    Entry("response.mcp_list_tools.in_progress", "none", "", (), "", "", "", True, "", "", ("item_id", "output_index")),
    Entry("response.mcp_list_tools.completed", "none", "", (), "", "", "", True, "", "", ("item_id", "output_index")),
    Entry("response.mcp_list_tools.failed", "none", "", (), "", "", "", True, "", "", ("item_id", "output_index")),
    Entry("response.code_interpreter_call_code.delta", "text", "delta", (("code", None),), "delta",
        "code_interpreter_call", "", True, "", "", ("item_id", "output_index", "delta")),
    Entry("response.code_interpreter_call_code.done", "text", "done", (("code", None),), "code",
        "code_interpreter_call", "", True, "", "", ("item_id", "output_index", "code")),
    Entry("response.code_interpreter_call.in_progress", "status", "", (("status", None),), "", "code_interpreter_call",
        "", True, "in_progress", "", ("item_id", "output_index")),
    Entry("response.code_interpreter_call.interpreting", "status", "", (("status", None),), "", "code_interpreter_call",
        "", True, "interpreting", "", ("item_id", "output_index")),
    Entry("response.code_interpreter_call.completed", "status", "", (("status", None),), "", "code_interpreter_call",
        "", True, "completed", "", ("item_id", "output_index")),
    Entry("response.file_search_call.in_progress", "status", "", (("status", None),), "", "file_search_call", "", True,
        "in_progress", "", ("item_id", "output_index")),
    Entry("response.file_search_call.searching", "status", "", (("status", None),), "", "file_search_call", "", True,
        "searching", "", ("item_id", "output_index")),
    Entry("response.file_search_call.completed", "status", "", (("status", None),), "", "file_search_call", "", True,
        "completed", "", ("item_id", "output_index")),
    Entry("response.web_search_call.in_progress", "status", "", (("status", None),), "", "web_search_call", "", True,
        "in_progress", "", ("item_id", "output_index")),
    Entry("response.web_search_call.searching", "status", "", (("status", None),), "", "web_search_call", "", True,
        "searching", "", ("item_id", "output_index")),
    Entry("response.web_search_call.completed", "status", "", (("status", None),), "", "web_search_call", "", True,
        "completed", "", ("item_id", "output_index")),
    Entry("response.image_generation_call.in_progress", "status", "", (("status", None),), "", "image_generation_call",
        "", True, "in_progress", "", ("item_id", "output_index")),
    Entry("response.image_generation_call.generating", "status", "", (("status", None),), "", "image_generation_call",
        "", True, "generating", "", ("item_id", "output_index")),
    Entry("response.image_generation_call.partial_image", "none", "", (), "", "", "", True, "", "", ("item_id",
        "output_index", "partial_image_index", "background", "output_format", "quality", "size")),
    Entry("response.image_generation_call.completed", "status", "", (("status", None),), "", "image_generation_call",
        "", True, "completed", "", ("item_id", "output_index")),
    Entry("response.shell_call_command.added", "text", "added", (("action", None), ("commands", "command_index")),
        "command", "shell_call", "", True, "", "", ("output_index", "command_index", "command")),
    Entry("response.shell_call_command.delta", "text", "delta", (("action", None), ("commands", "command_index")),
        "delta", "shell_call", "", True, "", "", ("output_index", "command_index", "delta")),
    Entry("response.shell_call_command.done", "text", "done", (("action", None), ("commands", "command_index")),
        "command", "shell_call", "", True, "", "", ("output_index", "command_index", "command")),
    Entry("response.shell_call_output_content.delta", "members", "delta", (("output", "command_index"),), "delta",
        "shell_call_output", "", True, "", "", ("item_id", "output_index", "command_index")),
    Entry("response.shell_call_output_content.done", "members", "done", (("output", "command_index"),), "output",
        "shell_call_output", "", True, "", "", ("item_id", "output_index", "command_index")),
    Entry("response.apply_patch_call_operation_diff.delta", "text", "delta", (("operation", None), ("diff", None)),
        "delta", "apply_patch_call", "", True, "", "", ("item_id", "output_index", "delta")),
    Entry("response.apply_patch_call_operation_diff.done", "text", "done", (("operation", None), ("diff", None)),
        "diff", "apply_patch_call", "", True, "", "", ("item_id", "output_index", "diff")),
    Entry("response.audio.delta", "side", "delta", (("audio", None), ("data", None)), "delta", "", "", True, "", "",
        ("delta",)),
    Entry("response.audio.done", "none", "", (), "", "", "", True, "", "", ()),
    Entry("response.audio.transcript.delta", "side", "delta", (("audio", None), ("transcript", None)), "delta", "", "",
        True, "", "", ("delta",)),
    Entry("response.audio.transcript.done", "none", "", (), "", "", "", True, "", "", ()),
    Entry("response.compaction.compacting", "none", "", (), "", "", "", True, "", "", ("item_id", "output_index")),
    Entry("response.rate_limits.updated", "quiet", "", (), "", "", "", False, "", "", ()),
    Entry("response.steer.accepted", "none", "", (), "", "", "", False, "", "", ()),
    Entry("response.steer.pending", "none", "", (), "", "", "", False, "", "", ("reason",)),
    Entry("response.steer.failed", "none", "", (), "", "", "", False, "", "", ()),
    Entry("keepalive", "quiet", "", (), "", "", "", False, "", "", ()),
    Entry("error", "error", "", (), "", "", "", False, "", "", ("code", "message", "param", "status")),
)

EVENTS: dict[str, Entry] = {entry.type: entry for entry in _ENTRIES}
"""The entry of each known type, in the order of the catalogue."""

DIAGNOSTICS: dict[str, tuple[str, str]] = {
    "bad_json": ("error", "not a JSON object: {what}"),
    "bad_utf8": ("error", "invalid UTF-8 or a lone surrogate, replaced by U+FFFD"),
    "bad_field": ("error", "{field} is not {expected}"),
    "no_type": ("error", "a JSON object without a type"),
    "error_body": ("error", "an API error body: {code}: {message}"),
    "event_too_large": ("error", "an event of over {limit} bytes was skipped"),
    "limit_exceeded": ("error", "{what} over {limit}"),
    "foreign_stream": ("error", "this is a stream of {protocol}, not of the Responses API"),
    "unreadable": ("error", "cannot be read: {reason}"),
    "truncated_file": ("error", "ends before its end: {reason}"),
    "bad_compression": ("error", "corrupt compression: {reason}"),
    "stray_text": ("warning", "{length} bytes of text outside any block"),
    "unfinished_block": ("warning", "the source ended inside a block, which {what}"),
    "missing_blank_line": ("info", "no blank line between blocks"),
    "type_mismatch": ("warning", "the event line says {event}, the JSON says {type}"),
    "unknown_event": ("info", "unknown event type {type}"),
    "sequence_gap": ("warning", "sequence_number {got} follows {previous}"),
    "sequence_repeat": ("warning", "sequence_number {got} came twice"),
    "no_created": ("info", "the response began with {type}"),
    "no_terminal": ("warning", "the response ended without a terminal event"),
    "after_terminal": ("info", "{type} after the terminal event"),
    "response_id_changed": ("info", "the response id changed from {previous} to {got}"),
    "item_id_changed": ("info", "the id of item {output_index} changed from {previous} to {got}"),
    "time_reversed": ("warning", "the time goes back by {by} µs"),
    "text_mismatch": ("warning", "{what} of item {output_index} differs from what came before"),
    "output_differs": ("warning",
        "the terminal output has {got} items, {streamed} were streamed, and they do not match"),
    "output_recovered": ("warning", "the terminal output lacked {count} streamed items"),
}
"""The severity and the message template of each code; the detail of a diagnostic fills the template."""
