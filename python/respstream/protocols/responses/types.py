"""The event classes: names and attributes are those of `openai.types.responses`.

Generated from rust/core/catalogue.toml by tools/generate_types.py; change them there.
"""

# ruff: noqa: RUF023 (the slots stand in the order of the wire)
# `type` is a read-only property of Event to type checkers, and a class attribute of each class:
# pyright: reportIncompatibleMethodOverride=false
from __future__ import annotations

from respstream.base import Event, Payload, UnknownEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

__all__ = [
    "CLASSES",
    "DeltaEvent",
    "DoneEvent",
    "Event",
    "KeepaliveEvent",
    "LifecycleEvent",
    "Payload",
    "ReasoningEvent",
    "ResponseApplyPatchCallOperationDiffDeltaEvent",
    "ResponseApplyPatchCallOperationDiffDoneEvent",
    "ResponseAudioDeltaEvent",
    "ResponseAudioDoneEvent",
    "ResponseAudioTranscriptDeltaEvent",
    "ResponseAudioTranscriptDoneEvent",
    "ResponseCancelledEvent",
    "ResponseCodeInterpreterCallCodeDeltaEvent",
    "ResponseCodeInterpreterCallCodeDoneEvent",
    "ResponseCodeInterpreterCallCompletedEvent",
    "ResponseCodeInterpreterCallInProgressEvent",
    "ResponseCodeInterpreterCallInterpretingEvent",
    "ResponseCompactionCompactingEvent",
    "ResponseCompletedEvent",
    "ResponseContentPartAddedEvent",
    "ResponseContentPartDoneEvent",
    "ResponseCreatedEvent",
    "ResponseCustomToolCallInputDeltaEvent",
    "ResponseCustomToolCallInputDoneEvent",
    "ResponseDoneEvent",
    "ResponseErrorEvent",
    "ResponseFailedEvent",
    "ResponseFileSearchCallCompletedEvent",
    "ResponseFileSearchCallInProgressEvent",
    "ResponseFileSearchCallSearchingEvent",
    "ResponseFunctionCallArgumentsDeltaEvent",
    "ResponseFunctionCallArgumentsDoneEvent",
    "ResponseImageGenCallCompletedEvent",
    "ResponseImageGenCallGeneratingEvent",
    "ResponseImageGenCallInProgressEvent",
    "ResponseImageGenCallPartialImageEvent",
    "ResponseInProgressEvent",
    "ResponseIncompleteEvent",
    "ResponseMcpCallArgumentsDeltaEvent",
    "ResponseMcpCallArgumentsDoneEvent",
    "ResponseMcpCallCompletedEvent",
    "ResponseMcpCallFailedEvent",
    "ResponseMcpCallInProgressEvent",
    "ResponseMcpListToolsCompletedEvent",
    "ResponseMcpListToolsFailedEvent",
    "ResponseMcpListToolsInProgressEvent",
    "ResponseOutputItemAddedEvent",
    "ResponseOutputItemDoneEvent",
    "ResponseOutputTextAnnotationAddedEvent",
    "ResponseQueuedEvent",
    "ResponseRateLimitsUpdatedEvent",
    "ResponseReasoningDeltaEvent",
    "ResponseReasoningDoneEvent",
    "ResponseReasoningPartAddedEvent",
    "ResponseReasoningPartDoneEvent",
    "ResponseReasoningSummaryPartAddedEvent",
    "ResponseReasoningSummaryPartDoneEvent",
    "ResponseReasoningSummaryTextDeltaEvent",
    "ResponseReasoningSummaryTextDoneEvent",
    "ResponseReasoningTextDeltaEvent",
    "ResponseReasoningTextDoneEvent",
    "ResponseRefusalDeltaEvent",
    "ResponseRefusalDoneEvent",
    "ResponseShellCallCommandAddedEvent",
    "ResponseShellCallCommandDeltaEvent",
    "ResponseShellCallCommandDoneEvent",
    "ResponseShellCallOutputContentDeltaEvent",
    "ResponseShellCallOutputContentDoneEvent",
    "ResponseSteerAcceptedEvent",
    "ResponseSteerFailedEvent",
    "ResponseSteerPendingEvent",
    "ResponseStreamEvent",
    "ResponseTextDeltaEvent",
    "ResponseTextDoneEvent",
    "ResponseWebSearchCallCompletedEvent",
    "ResponseWebSearchCallInProgressEvent",
    "ResponseWebSearchCallSearchingEvent",
    "TerminalEvent",
    "ToolCallEvent",
    "UnknownEvent",
]


class ResponseCreatedEvent(Event):
    """A response begins; carries its first snapshot."""

    __slots__ = ("response",)

    type: Literal["response.created"] = "response.created"
    response: Payload


class ResponseQueuedEvent(Event):
    """The response waits for its turn."""

    __slots__ = ("response",)

    type: Literal["response.queued"] = "response.queued"
    response: Payload


class ResponseInProgressEvent(Event):
    """The response is being worked on."""

    __slots__ = ("response",)

    type: Literal["response.in_progress"] = "response.in_progress"
    response: Payload


class ResponseCompletedEvent(Event):
    """The response ended well; carries its final snapshot."""

    __slots__ = ("response",)

    type: Literal["response.completed"] = "response.completed"
    response: Payload


class ResponseIncompleteEvent(Event):
    """The response ended early; `incomplete_details` of the snapshot tells why."""

    __slots__ = ("response",)

    type: Literal["response.incomplete"] = "response.incomplete"
    response: Payload


class ResponseFailedEvent(Event):
    """The response ended with an error, which the snapshot carries."""

    __slots__ = ("response",)

    type: Literal["response.failed"] = "response.failed"
    response: Payload


class ResponseCancelledEvent(Event):
    """The response was cancelled; carries its final snapshot."""

    __slots__ = ("response",)

    type: Literal["response.cancelled"] = "response.cancelled"
    response: Payload


class ResponseDoneEvent(Event):
    """The response ended; the snapshot's `status` tells how."""

    __slots__ = ("response",)

    type: Literal["response.done"] = "response.done"
    response: Payload


class ResponseOutputItemAddedEvent(Event):
    """An item begins."""

    __slots__ = ("output_index", "item")

    type: Literal["response.output_item.added"] = "response.output_item.added"
    output_index: int
    item: Payload


class ResponseOutputItemDoneEvent(Event):
    """An item is finished; carries the whole item."""

    __slots__ = ("output_index", "item")

    type: Literal["response.output_item.done"] = "response.output_item.done"
    output_index: int
    item: Payload


class ResponseContentPartAddedEvent(Event):
    """A content part of an item begins."""

    __slots__ = ("item_id", "output_index", "content_index", "part")

    type: Literal["response.content_part.added"] = "response.content_part.added"
    item_id: str
    output_index: int
    content_index: int
    part: Payload


class ResponseContentPartDoneEvent(Event):
    """A content part of an item is finished; carries the whole part."""

    __slots__ = ("item_id", "output_index", "content_index", "part")

    type: Literal["response.content_part.done"] = "response.content_part.done"
    item_id: str
    output_index: int
    content_index: int
    part: Payload


class ResponseReasoningPartAddedEvent(Event):
    """A part of reasoning text begins."""

    __slots__ = ("item_id", "output_index", "content_index", "part")

    type: Literal["response.reasoning_part.added"] = "response.reasoning_part.added"
    item_id: str
    output_index: int
    content_index: int
    part: Payload


class ResponseReasoningPartDoneEvent(Event):
    """A part of reasoning text is finished; carries the whole part."""

    __slots__ = ("item_id", "output_index", "content_index", "part")

    type: Literal["response.reasoning_part.done"] = "response.reasoning_part.done"
    item_id: str
    output_index: int
    content_index: int
    part: Payload


class ResponseReasoningSummaryPartAddedEvent(Event):
    """A part of a reasoning summary begins."""

    __slots__ = ("item_id", "output_index", "summary_index", "part")

    type: Literal["response.reasoning_summary_part.added"] = "response.reasoning_summary_part.added"
    item_id: str
    output_index: int
    summary_index: int
    part: Payload


class ResponseReasoningSummaryPartDoneEvent(Event):
    """A part of a reasoning summary is finished; carries the whole part."""

    __slots__ = ("item_id", "output_index", "summary_index", "part", "status")

    type: Literal["response.reasoning_summary_part.done"] = "response.reasoning_summary_part.done"
    item_id: str
    output_index: int
    summary_index: int
    part: Payload
    status: str | None


class ResponseOutputTextAnnotationAddedEvent(Event):
    """An annotation of a text part."""

    __slots__ = ("item_id", "output_index", "content_index", "annotation_index", "annotation")

    type: Literal["response.output_text.annotation.added"] = "response.output_text.annotation.added"
    item_id: str
    output_index: int
    content_index: int
    annotation_index: int
    annotation: Payload | None


class ResponseTextDeltaEvent(Event):
    """A piece of output text."""

    __slots__ = ("item_id", "output_index", "content_index", "delta", "logprobs", "obfuscation")
    _extras = ("obfuscation",)

    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    item_id: str
    output_index: int
    content_index: int
    delta: str
    logprobs: list[Payload]
    obfuscation: str


class ResponseTextDoneEvent(Event):
    """The whole text of a text part."""

    __slots__ = ("item_id", "output_index", "content_index", "text", "logprobs")

    type: Literal["response.output_text.done"] = "response.output_text.done"
    item_id: str
    output_index: int
    content_index: int
    text: str
    logprobs: list[Payload]


class ResponseRefusalDeltaEvent(Event):
    """A piece of a refusal."""

    __slots__ = ("item_id", "output_index", "content_index", "delta", "obfuscation")
    _extras = ("obfuscation",)

    type: Literal["response.refusal.delta"] = "response.refusal.delta"
    item_id: str
    output_index: int
    content_index: int
    delta: str
    obfuscation: str


class ResponseRefusalDoneEvent(Event):
    """The whole text of a refusal."""

    __slots__ = ("item_id", "output_index", "content_index", "refusal")

    type: Literal["response.refusal.done"] = "response.refusal.done"
    item_id: str
    output_index: int
    content_index: int
    refusal: str


class ResponseReasoningTextDeltaEvent(Event):
    """A piece of reasoning text."""

    __slots__ = ("item_id", "output_index", "content_index", "delta", "obfuscation")
    _extras = ("obfuscation",)

    type: Literal["response.reasoning_text.delta"] = "response.reasoning_text.delta"
    item_id: str
    output_index: int
    content_index: int
    delta: str
    obfuscation: str


class ResponseReasoningTextDoneEvent(Event):
    """The whole text of a reasoning part."""

    __slots__ = ("item_id", "output_index", "content_index", "text")

    type: Literal["response.reasoning_text.done"] = "response.reasoning_text.done"
    item_id: str
    output_index: int
    content_index: int
    text: str


class ResponseReasoningDeltaEvent(Event):
    """A piece of reasoning text, under the name that some servers use."""

    __slots__ = ("item_id", "output_index", "content_index", "delta", "obfuscation")
    _extras = ("obfuscation",)

    type: Literal["response.reasoning.delta"] = "response.reasoning.delta"
    item_id: str
    output_index: int
    content_index: int
    delta: str
    obfuscation: str


class ResponseReasoningDoneEvent(Event):
    """The whole text of a reasoning part, under the name that some servers use."""

    __slots__ = ("item_id", "output_index", "content_index", "text")

    type: Literal["response.reasoning.done"] = "response.reasoning.done"
    item_id: str
    output_index: int
    content_index: int
    text: str


class ResponseReasoningSummaryTextDeltaEvent(Event):
    """A piece of a reasoning summary."""

    __slots__ = ("item_id", "output_index", "summary_index", "delta", "obfuscation")
    _extras = ("obfuscation",)

    type: Literal["response.reasoning_summary_text.delta"] = "response.reasoning_summary_text.delta"
    item_id: str
    output_index: int
    summary_index: int
    delta: str
    obfuscation: str


class ResponseReasoningSummaryTextDoneEvent(Event):
    """The whole text of a part of a reasoning summary."""

    __slots__ = ("item_id", "output_index", "summary_index", "text")

    type: Literal["response.reasoning_summary_text.done"] = "response.reasoning_summary_text.done"
    item_id: str
    output_index: int
    summary_index: int
    text: str


class ResponseFunctionCallArgumentsDeltaEvent(Event):
    """A piece of a function call's arguments, as JSON text."""

    __slots__ = ("item_id", "output_index", "delta", "obfuscation")
    _extras = ("obfuscation",)

    type: Literal["response.function_call_arguments.delta"] = "response.function_call_arguments.delta"
    item_id: str
    output_index: int
    delta: str
    obfuscation: str


class ResponseFunctionCallArgumentsDoneEvent(Event):
    """The whole arguments of a function call, as JSON text."""

    __slots__ = ("item_id", "output_index", "arguments", "name")
    _extras = ("name",)

    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    item_id: str
    output_index: int
    arguments: str
    name: str


class ResponseCustomToolCallInputDeltaEvent(Event):
    """A piece of a custom tool call's input."""

    __slots__ = ("item_id", "output_index", "delta", "obfuscation")
    _extras = ("obfuscation",)

    type: Literal["response.custom_tool_call_input.delta"] = "response.custom_tool_call_input.delta"
    item_id: str
    output_index: int
    delta: str
    obfuscation: str


class ResponseCustomToolCallInputDoneEvent(Event):
    """The whole input of a custom tool call."""

    __slots__ = ("item_id", "output_index", "input")

    type: Literal["response.custom_tool_call_input.done"] = "response.custom_tool_call_input.done"
    item_id: str
    output_index: int
    input: str


class ResponseMcpCallArgumentsDeltaEvent(Event):
    """A piece of an MCP call's arguments, as JSON text."""

    __slots__ = ("item_id", "output_index", "delta", "obfuscation")
    _extras = ("obfuscation",)

    type: Literal["response.mcp_call_arguments.delta"] = "response.mcp_call_arguments.delta"
    item_id: str
    output_index: int
    delta: str
    obfuscation: str


class ResponseMcpCallArgumentsDoneEvent(Event):
    """The whole arguments of an MCP call, as JSON text."""

    __slots__ = ("item_id", "output_index", "arguments")

    type: Literal["response.mcp_call_arguments.done"] = "response.mcp_call_arguments.done"
    item_id: str
    output_index: int
    arguments: str


class ResponseMcpCallInProgressEvent(Event):
    """An MCP call runs."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.mcp_call.in_progress"] = "response.mcp_call.in_progress"
    item_id: str
    output_index: int


class ResponseMcpCallCompletedEvent(Event):
    """An MCP call ended well."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.mcp_call.completed"] = "response.mcp_call.completed"
    item_id: str
    output_index: int


class ResponseMcpCallFailedEvent(Event):
    """An MCP call failed."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.mcp_call.failed"] = "response.mcp_call.failed"
    item_id: str
    output_index: int


class ResponseMcpListToolsInProgressEvent(Event):
    """The tools of an MCP server are being listed."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.mcp_list_tools.in_progress"] = "response.mcp_list_tools.in_progress"
    item_id: str
    output_index: int


class ResponseMcpListToolsCompletedEvent(Event):
    """The tools of an MCP server are listed."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.mcp_list_tools.completed"] = "response.mcp_list_tools.completed"
    item_id: str
    output_index: int


class ResponseMcpListToolsFailedEvent(Event):
    """The tools of an MCP server could not be listed."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.mcp_list_tools.failed"] = "response.mcp_list_tools.failed"
    item_id: str
    output_index: int


class ResponseCodeInterpreterCallCodeDeltaEvent(Event):
    """A piece of the code that an interpreter call will run."""

    __slots__ = ("item_id", "output_index", "delta", "obfuscation")
    _extras = ("obfuscation",)

    type: Literal["response.code_interpreter_call_code.delta"] = "response.code_interpreter_call_code.delta"
    item_id: str
    output_index: int
    delta: str
    obfuscation: str


class ResponseCodeInterpreterCallCodeDoneEvent(Event):
    """The whole code of an interpreter call."""

    __slots__ = ("item_id", "output_index", "code")

    type: Literal["response.code_interpreter_call_code.done"] = "response.code_interpreter_call_code.done"
    item_id: str
    output_index: int
    code: str


class ResponseCodeInterpreterCallInProgressEvent(Event):
    """A code interpreter call begins."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.code_interpreter_call.in_progress"] = "response.code_interpreter_call.in_progress"
    item_id: str
    output_index: int


class ResponseCodeInterpreterCallInterpretingEvent(Event):
    """A code interpreter call runs its code."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.code_interpreter_call.interpreting"] = "response.code_interpreter_call.interpreting"
    item_id: str
    output_index: int


class ResponseCodeInterpreterCallCompletedEvent(Event):
    """A code interpreter call ended."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.code_interpreter_call.completed"] = "response.code_interpreter_call.completed"
    item_id: str
    output_index: int


class ResponseFileSearchCallInProgressEvent(Event):
    """A file search begins."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.file_search_call.in_progress"] = "response.file_search_call.in_progress"
    item_id: str
    output_index: int


class ResponseFileSearchCallSearchingEvent(Event):
    """A file search is searching."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.file_search_call.searching"] = "response.file_search_call.searching"
    item_id: str
    output_index: int


class ResponseFileSearchCallCompletedEvent(Event):
    """A file search ended."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.file_search_call.completed"] = "response.file_search_call.completed"
    item_id: str
    output_index: int


class ResponseWebSearchCallInProgressEvent(Event):
    """A web search begins."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.web_search_call.in_progress"] = "response.web_search_call.in_progress"
    item_id: str
    output_index: int


class ResponseWebSearchCallSearchingEvent(Event):
    """A web search is searching."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.web_search_call.searching"] = "response.web_search_call.searching"
    item_id: str
    output_index: int


class ResponseWebSearchCallCompletedEvent(Event):
    """A web search ended."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.web_search_call.completed"] = "response.web_search_call.completed"
    item_id: str
    output_index: int


class ResponseImageGenCallInProgressEvent(Event):
    """An image generation begins."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.image_generation_call.in_progress"] = "response.image_generation_call.in_progress"
    item_id: str
    output_index: int


class ResponseImageGenCallGeneratingEvent(Event):
    """An image is being generated."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.image_generation_call.generating"] = "response.image_generation_call.generating"
    item_id: str
    output_index: int


class ResponseImageGenCallPartialImageEvent(Event):
    """A preview of the image, base64; it is not part of the response."""

    __slots__ = (
        "item_id",
        "output_index",
        "partial_image_index",
        "partial_image_b64",
        "background",
        "output_format",
        "quality",
        "size",
    )

    type: Literal["response.image_generation_call.partial_image"] = "response.image_generation_call.partial_image"
    item_id: str
    output_index: int
    partial_image_index: int
    partial_image_b64: str
    background: str | None
    output_format: str | None
    quality: str | None
    size: str | None


class ResponseImageGenCallCompletedEvent(Event):
    """An image generation ended."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.image_generation_call.completed"] = "response.image_generation_call.completed"
    item_id: str
    output_index: int


class ResponseShellCallCommandAddedEvent(Event):
    """A command of a shell call begins."""

    __slots__ = ("output_index", "command_index", "command")

    type: Literal["response.shell_call_command.added"] = "response.shell_call_command.added"
    output_index: int
    command_index: int
    command: str


class ResponseShellCallCommandDeltaEvent(Event):
    """A piece of a command of a shell call."""

    __slots__ = ("output_index", "command_index", "delta", "obfuscation")

    type: Literal["response.shell_call_command.delta"] = "response.shell_call_command.delta"
    output_index: int
    command_index: int
    delta: str
    obfuscation: str | None


class ResponseShellCallCommandDoneEvent(Event):
    """A whole command of a shell call."""

    __slots__ = ("output_index", "command_index", "command")

    type: Literal["response.shell_call_command.done"] = "response.shell_call_command.done"
    output_index: int
    command_index: int
    command: str


class ResponseShellCallOutputContentDeltaEvent(Event):
    """A piece of a command's output; `delta` holds `stdout` or `stderr` or both."""

    __slots__ = ("item_id", "output_index", "command_index", "delta")

    type: Literal["response.shell_call_output_content.delta"] = "response.shell_call_output_content.delta"
    item_id: str
    output_index: int
    command_index: int
    delta: Payload


class ResponseShellCallOutputContentDoneEvent(Event):
    """The whole output of a command."""

    __slots__ = ("item_id", "output_index", "command_index", "output")

    type: Literal["response.shell_call_output_content.done"] = "response.shell_call_output_content.done"
    item_id: str
    output_index: int
    command_index: int
    output: list[Payload]


class ResponseApplyPatchCallOperationDiffDeltaEvent(Event):
    """A piece of the diff of a patch call."""

    __slots__ = ("item_id", "output_index", "delta", "obfuscation")
    _extras = ("obfuscation",)

    type: Literal["response.apply_patch_call_operation_diff.delta"] = "response.apply_patch_call_operation_diff.delta"
    item_id: str
    output_index: int
    delta: str
    obfuscation: str


class ResponseApplyPatchCallOperationDiffDoneEvent(Event):
    """The whole diff of a patch call."""

    __slots__ = ("item_id", "output_index", "diff")

    type: Literal["response.apply_patch_call_operation_diff.done"] = "response.apply_patch_call_operation_diff.done"
    item_id: str
    output_index: int
    diff: str


class ResponseAudioDeltaEvent(Event):
    """A piece of audio, base64; it is not part of the response's output."""

    __slots__ = ("delta",)

    type: Literal["response.audio.delta"] = "response.audio.delta"
    delta: str


class ResponseAudioDoneEvent(Event):
    """The audio is finished."""

    __slots__ = ()

    type: Literal["response.audio.done"] = "response.audio.done"


class ResponseAudioTranscriptDeltaEvent(Event):
    """A piece of the audio's transcript; it is not part of the response's output."""

    __slots__ = ("delta",)

    type: Literal["response.audio.transcript.delta"] = "response.audio.transcript.delta"
    delta: str


class ResponseAudioTranscriptDoneEvent(Event):
    """The audio's transcript is finished."""

    __slots__ = ()

    type: Literal["response.audio.transcript.done"] = "response.audio.transcript.done"


class ResponseCompactionCompactingEvent(Event):
    """A compaction item is being made."""

    __slots__ = ("item_id", "output_index")

    type: Literal["response.compaction.compacting"] = "response.compaction.compacting"
    item_id: str
    output_index: int


class ResponseRateLimitsUpdatedEvent(Event):
    """The rate limits as they are now; may follow the terminal event."""

    __slots__ = ()

    type: Literal["response.rate_limits.updated"] = "response.rate_limits.updated"


class ResponseSteerAcceptedEvent(Event):
    """The steering input was taken (WebSocket)."""

    __slots__ = ("steer",)

    type: Literal["response.steer.accepted"] = "response.steer.accepted"
    steer: Payload


class ResponseSteerPendingEvent(Event):
    """The steering input waits for more input (WebSocket)."""

    __slots__ = ("reason", "required_input", "steer")

    type: Literal["response.steer.pending"] = "response.steer.pending"
    reason: str
    required_input: list[Payload]
    steer: Payload


class ResponseSteerFailedEvent(Event):
    """The steering input was refused (WebSocket)."""

    __slots__ = ("error", "steer")

    type: Literal["response.steer.failed"] = "response.steer.failed"
    error: Payload
    steer: Payload


class KeepaliveEvent(Event):
    """A sign of life during long work; takes a sequence number."""

    __slots__ = ()

    type: Literal["keepalive"] = "keepalive"


class ResponseErrorEvent(Event):
    """An error of the API, flat (`code`, `message`, `param`) or nested (`error`)."""

    __slots__ = ("code", "message", "param", "error", "status")
    _extras = ("error", "status")

    type: Literal["error"] = "error"
    code: str | None
    message: str | None
    param: str | None
    error: Payload
    status: int


DeltaEvent: TypeAlias = (
    ResponseTextDeltaEvent
    | ResponseRefusalDeltaEvent
    | ResponseReasoningTextDeltaEvent
    | ResponseReasoningDeltaEvent
    | ResponseReasoningSummaryTextDeltaEvent
    | ResponseFunctionCallArgumentsDeltaEvent
    | ResponseCustomToolCallInputDeltaEvent
    | ResponseMcpCallArgumentsDeltaEvent
    | ResponseCodeInterpreterCallCodeDeltaEvent
    | ResponseShellCallCommandDeltaEvent
    | ResponseShellCallOutputContentDeltaEvent
    | ResponseApplyPatchCallOperationDiffDeltaEvent
    | ResponseAudioDeltaEvent
    | ResponseAudioTranscriptDeltaEvent
)
"""A piece of something: text, arguments, code, audio."""
DoneEvent: TypeAlias = (
    ResponseOutputItemDoneEvent
    | ResponseContentPartDoneEvent
    | ResponseReasoningPartDoneEvent
    | ResponseReasoningSummaryPartDoneEvent
    | ResponseTextDoneEvent
    | ResponseRefusalDoneEvent
    | ResponseReasoningTextDoneEvent
    | ResponseReasoningDoneEvent
    | ResponseReasoningSummaryTextDoneEvent
    | ResponseFunctionCallArgumentsDoneEvent
    | ResponseCustomToolCallInputDoneEvent
    | ResponseMcpCallArgumentsDoneEvent
    | ResponseCodeInterpreterCallCodeDoneEvent
    | ResponseShellCallCommandDoneEvent
    | ResponseShellCallOutputContentDoneEvent
    | ResponseApplyPatchCallOperationDiffDoneEvent
    | ResponseAudioDoneEvent
    | ResponseAudioTranscriptDoneEvent
)
"""The whole of what deltas carried in pieces, or a finished part or item."""
TerminalEvent: TypeAlias = (
    ResponseCompletedEvent | ResponseIncompleteEvent | ResponseFailedEvent | ResponseCancelledEvent | ResponseDoneEvent
)
"""The end of a response."""
ToolCallEvent: TypeAlias = (
    ResponseFunctionCallArgumentsDeltaEvent
    | ResponseFunctionCallArgumentsDoneEvent
    | ResponseCustomToolCallInputDeltaEvent
    | ResponseCustomToolCallInputDoneEvent
    | ResponseMcpCallArgumentsDeltaEvent
    | ResponseMcpCallArgumentsDoneEvent
    | ResponseMcpCallInProgressEvent
    | ResponseMcpCallCompletedEvent
    | ResponseMcpCallFailedEvent
    | ResponseCodeInterpreterCallCodeDeltaEvent
    | ResponseCodeInterpreterCallCodeDoneEvent
    | ResponseCodeInterpreterCallInProgressEvent
    | ResponseCodeInterpreterCallInterpretingEvent
    | ResponseCodeInterpreterCallCompletedEvent
    | ResponseFileSearchCallInProgressEvent
    | ResponseFileSearchCallSearchingEvent
    | ResponseFileSearchCallCompletedEvent
    | ResponseWebSearchCallInProgressEvent
    | ResponseWebSearchCallSearchingEvent
    | ResponseWebSearchCallCompletedEvent
    | ResponseImageGenCallInProgressEvent
    | ResponseImageGenCallGeneratingEvent
    | ResponseImageGenCallPartialImageEvent
    | ResponseImageGenCallCompletedEvent
    | ResponseShellCallCommandAddedEvent
    | ResponseShellCallCommandDeltaEvent
    | ResponseShellCallCommandDoneEvent
    | ResponseShellCallOutputContentDeltaEvent
    | ResponseShellCallOutputContentDoneEvent
    | ResponseApplyPatchCallOperationDiffDeltaEvent
    | ResponseApplyPatchCallOperationDiffDoneEvent
)
"""What a tool call is made of and how it fares."""
ReasoningEvent: TypeAlias = (
    ResponseReasoningPartAddedEvent
    | ResponseReasoningPartDoneEvent
    | ResponseReasoningSummaryPartAddedEvent
    | ResponseReasoningSummaryPartDoneEvent
    | ResponseReasoningTextDeltaEvent
    | ResponseReasoningTextDoneEvent
    | ResponseReasoningDeltaEvent
    | ResponseReasoningDoneEvent
    | ResponseReasoningSummaryTextDeltaEvent
    | ResponseReasoningSummaryTextDoneEvent
)
"""Reasoning text and its summary."""
LifecycleEvent: TypeAlias = (
    ResponseCreatedEvent
    | ResponseQueuedEvent
    | ResponseInProgressEvent
    | ResponseCompletedEvent
    | ResponseIncompleteEvent
    | ResponseFailedEvent
    | ResponseCancelledEvent
    | ResponseDoneEvent
)
"""A snapshot of the whole response."""
ResponseStreamEvent: TypeAlias = (
    ResponseCreatedEvent
    | ResponseQueuedEvent
    | ResponseInProgressEvent
    | ResponseCompletedEvent
    | ResponseIncompleteEvent
    | ResponseFailedEvent
    | ResponseCancelledEvent
    | ResponseDoneEvent
    | ResponseOutputItemAddedEvent
    | ResponseOutputItemDoneEvent
    | ResponseContentPartAddedEvent
    | ResponseContentPartDoneEvent
    | ResponseReasoningPartAddedEvent
    | ResponseReasoningPartDoneEvent
    | ResponseReasoningSummaryPartAddedEvent
    | ResponseReasoningSummaryPartDoneEvent
    | ResponseOutputTextAnnotationAddedEvent
    | ResponseTextDeltaEvent
    | ResponseTextDoneEvent
    | ResponseRefusalDeltaEvent
    | ResponseRefusalDoneEvent
    | ResponseReasoningTextDeltaEvent
    | ResponseReasoningTextDoneEvent
    | ResponseReasoningDeltaEvent
    | ResponseReasoningDoneEvent
    | ResponseReasoningSummaryTextDeltaEvent
    | ResponseReasoningSummaryTextDoneEvent
    | ResponseFunctionCallArgumentsDeltaEvent
    | ResponseFunctionCallArgumentsDoneEvent
    | ResponseCustomToolCallInputDeltaEvent
    | ResponseCustomToolCallInputDoneEvent
    | ResponseMcpCallArgumentsDeltaEvent
    | ResponseMcpCallArgumentsDoneEvent
    | ResponseMcpCallInProgressEvent
    | ResponseMcpCallCompletedEvent
    | ResponseMcpCallFailedEvent
    | ResponseMcpListToolsInProgressEvent
    | ResponseMcpListToolsCompletedEvent
    | ResponseMcpListToolsFailedEvent
    | ResponseCodeInterpreterCallCodeDeltaEvent
    | ResponseCodeInterpreterCallCodeDoneEvent
    | ResponseCodeInterpreterCallInProgressEvent
    | ResponseCodeInterpreterCallInterpretingEvent
    | ResponseCodeInterpreterCallCompletedEvent
    | ResponseFileSearchCallInProgressEvent
    | ResponseFileSearchCallSearchingEvent
    | ResponseFileSearchCallCompletedEvent
    | ResponseWebSearchCallInProgressEvent
    | ResponseWebSearchCallSearchingEvent
    | ResponseWebSearchCallCompletedEvent
    | ResponseImageGenCallInProgressEvent
    | ResponseImageGenCallGeneratingEvent
    | ResponseImageGenCallPartialImageEvent
    | ResponseImageGenCallCompletedEvent
    | ResponseShellCallCommandAddedEvent
    | ResponseShellCallCommandDeltaEvent
    | ResponseShellCallCommandDoneEvent
    | ResponseShellCallOutputContentDeltaEvent
    | ResponseShellCallOutputContentDoneEvent
    | ResponseApplyPatchCallOperationDiffDeltaEvent
    | ResponseApplyPatchCallOperationDiffDoneEvent
    | ResponseAudioDeltaEvent
    | ResponseAudioDoneEvent
    | ResponseAudioTranscriptDeltaEvent
    | ResponseAudioTranscriptDoneEvent
    | ResponseCompactionCompactingEvent
    | ResponseRateLimitsUpdatedEvent
    | ResponseSteerAcceptedEvent
    | ResponseSteerPendingEvent
    | ResponseSteerFailedEvent
    | KeepaliveEvent
    | UnknownEvent
    | ResponseErrorEvent
)
"""Any event of a stream."""

CLASSES: dict[str, type[Event]] = {
    "response.created": ResponseCreatedEvent,
    "response.queued": ResponseQueuedEvent,
    "response.in_progress": ResponseInProgressEvent,
    "response.completed": ResponseCompletedEvent,
    "response.incomplete": ResponseIncompleteEvent,
    "response.failed": ResponseFailedEvent,
    "response.cancelled": ResponseCancelledEvent,
    "response.done": ResponseDoneEvent,
    "response.output_item.added": ResponseOutputItemAddedEvent,
    "response.output_item.done": ResponseOutputItemDoneEvent,
    "response.content_part.added": ResponseContentPartAddedEvent,
    "response.content_part.done": ResponseContentPartDoneEvent,
    "response.reasoning_part.added": ResponseReasoningPartAddedEvent,
    "response.reasoning_part.done": ResponseReasoningPartDoneEvent,
    "response.reasoning_summary_part.added": ResponseReasoningSummaryPartAddedEvent,
    "response.reasoning_summary_part.done": ResponseReasoningSummaryPartDoneEvent,
    "response.output_text.annotation.added": ResponseOutputTextAnnotationAddedEvent,
    "response.output_text.delta": ResponseTextDeltaEvent,
    "response.output_text.done": ResponseTextDoneEvent,
    "response.refusal.delta": ResponseRefusalDeltaEvent,
    "response.refusal.done": ResponseRefusalDoneEvent,
    "response.reasoning_text.delta": ResponseReasoningTextDeltaEvent,
    "response.reasoning_text.done": ResponseReasoningTextDoneEvent,
    "response.reasoning.delta": ResponseReasoningDeltaEvent,
    "response.reasoning.done": ResponseReasoningDoneEvent,
    "response.reasoning_summary_text.delta": ResponseReasoningSummaryTextDeltaEvent,
    "response.reasoning_summary_text.done": ResponseReasoningSummaryTextDoneEvent,
    "response.function_call_arguments.delta": ResponseFunctionCallArgumentsDeltaEvent,
    "response.function_call_arguments.done": ResponseFunctionCallArgumentsDoneEvent,
    "response.custom_tool_call_input.delta": ResponseCustomToolCallInputDeltaEvent,
    "response.custom_tool_call_input.done": ResponseCustomToolCallInputDoneEvent,
    "response.mcp_call_arguments.delta": ResponseMcpCallArgumentsDeltaEvent,
    "response.mcp_call_arguments.done": ResponseMcpCallArgumentsDoneEvent,
    "response.mcp_call.in_progress": ResponseMcpCallInProgressEvent,
    "response.mcp_call.completed": ResponseMcpCallCompletedEvent,
    "response.mcp_call.failed": ResponseMcpCallFailedEvent,
    "response.mcp_list_tools.in_progress": ResponseMcpListToolsInProgressEvent,
    "response.mcp_list_tools.completed": ResponseMcpListToolsCompletedEvent,
    "response.mcp_list_tools.failed": ResponseMcpListToolsFailedEvent,
    "response.code_interpreter_call_code.delta": ResponseCodeInterpreterCallCodeDeltaEvent,
    "response.code_interpreter_call_code.done": ResponseCodeInterpreterCallCodeDoneEvent,
    "response.code_interpreter_call.in_progress": ResponseCodeInterpreterCallInProgressEvent,
    "response.code_interpreter_call.interpreting": ResponseCodeInterpreterCallInterpretingEvent,
    "response.code_interpreter_call.completed": ResponseCodeInterpreterCallCompletedEvent,
    "response.file_search_call.in_progress": ResponseFileSearchCallInProgressEvent,
    "response.file_search_call.searching": ResponseFileSearchCallSearchingEvent,
    "response.file_search_call.completed": ResponseFileSearchCallCompletedEvent,
    "response.web_search_call.in_progress": ResponseWebSearchCallInProgressEvent,
    "response.web_search_call.searching": ResponseWebSearchCallSearchingEvent,
    "response.web_search_call.completed": ResponseWebSearchCallCompletedEvent,
    "response.image_generation_call.in_progress": ResponseImageGenCallInProgressEvent,
    "response.image_generation_call.generating": ResponseImageGenCallGeneratingEvent,
    "response.image_generation_call.partial_image": ResponseImageGenCallPartialImageEvent,
    "response.image_generation_call.completed": ResponseImageGenCallCompletedEvent,
    "response.shell_call_command.added": ResponseShellCallCommandAddedEvent,
    "response.shell_call_command.delta": ResponseShellCallCommandDeltaEvent,
    "response.shell_call_command.done": ResponseShellCallCommandDoneEvent,
    "response.shell_call_output_content.delta": ResponseShellCallOutputContentDeltaEvent,
    "response.shell_call_output_content.done": ResponseShellCallOutputContentDoneEvent,
    "response.apply_patch_call_operation_diff.delta": ResponseApplyPatchCallOperationDiffDeltaEvent,
    "response.apply_patch_call_operation_diff.done": ResponseApplyPatchCallOperationDiffDoneEvent,
    "response.audio.delta": ResponseAudioDeltaEvent,
    "response.audio.done": ResponseAudioDoneEvent,
    "response.audio.transcript.delta": ResponseAudioTranscriptDeltaEvent,
    "response.audio.transcript.done": ResponseAudioTranscriptDoneEvent,
    "response.compaction.compacting": ResponseCompactionCompactingEvent,
    "response.rate_limits.updated": ResponseRateLimitsUpdatedEvent,
    "response.steer.accepted": ResponseSteerAcceptedEvent,
    "response.steer.pending": ResponseSteerPendingEvent,
    "response.steer.failed": ResponseSteerFailedEvent,
    "keepalive": KeepaliveEvent,
    "error": ResponseErrorEvent,
}
"""The class of each type, in the order of the catalogue."""
