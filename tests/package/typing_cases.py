"""Types of the public API. `tests/package/test_typing.py` compares the revealed types with the comments; nothing here runs.

`# R:` is the type that mypy and pyright reveal, without module names.
"""

from collections.abc import AsyncIterator
from typing import reveal_type

import respstream
from respstream import types
from respstream.partial import PartialJson


def a_loop(source: bytes) -> None:
    stream = respstream.events(source)
    reveal_type(stream)  # R: Stream[StreamEvent]
    for event in stream:
        reveal_type(event.sequence_number)  # R: int | None
        reveal_type(event.raw)  # R: bytes
        reveal_type(event.offset)  # R: int
        reveal_type(event.to_dict())  # R: dict[str, Any]
        if event.type == "response.output_text.delta":
            reveal_type(event)  # R: ResponseTextDeltaEvent
            reveal_type(event.delta)  # R: str
        elif isinstance(event, types.ResponseTextDoneEvent):
            reveal_type(event.text)  # R: str
            reveal_type(event.output_index)  # R: int
        elif event.type == "error":
            reveal_type(event)  # R: ResponseErrorEvent | ErrorEvent
            if isinstance(event, types.messages.ErrorEvent):
                reveal_type(event.error.message)  # R: str
    reveal_type(stream.diagnostics)  # R: list[Diagnostic]
    reveal_type(stream.response)  # R: Response | None


def a_match(event: types.ResponseStreamEvent) -> str:
    match event:
        case types.ResponseTextDeltaEvent(delta=text):
            reveal_type(text)  # R: str
            reveal_type(event)  # R: ResponseTextDeltaEvent
            return text
        case types.ResponseFunctionCallArgumentsDoneEvent():
            reveal_type(event.arguments)  # R: str
            return event.arguments
        case types.ResponseCompletedEvent(response=response):
            reveal_type(response)  # R: Response
            return "done"
        case types.ResponseErrorEvent():
            reveal_type(event.message)  # R: str | None
            return event.message or ""
        case respstream.UnknownEvent():
            reveal_type(str(event.type))  # R: str
            reveal_type(event.whatever)  # R: Any
            return event.type
        case _:
            return ""


def groups(event: types.DeltaEvent) -> None:
    if isinstance(event, types.ResponseTextDeltaEvent | types.ResponseRefusalDeltaEvent):
        reveal_type(event)  # R: ResponseTextDeltaEvent | ResponseRefusalDeltaEvent
        reveal_type(event.delta)  # R: str


async def asynchronous(chunks: AsyncIterator[bytes]) -> None:
    async for event in respstream.aevents(chunks):
        if isinstance(event, types.ResponseTextDeltaEvent):
            reveal_type(event.delta)  # R: str
    async for response in respstream.aresponses(chunks):
        reveal_type(response)  # R: Response


def folded(source: bytes) -> None:
    for response in respstream.responses(source):
        reveal_type(response.output_text)  # R: str
        reveal_type(response.complete)  # R: bool
        reveal_type(response.usage)  # R: Usage | None
        reveal_type(response.error)  # R: ResponseError | None
        reveal_type(response.refusal)  # R: str | None
        reveal_type(response.latency.time_to_first_token)  # R: float | None
        for call in response.tool_calls:
            reveal_type(call)  # R: ToolCall
            reveal_type(call.arguments)  # R: str | None
            reveal_type(call.partial_arguments())  # R: Any


def sans_io(chunk: bytes) -> None:
    decoder = respstream.Decoder(form="sse", on_eof="discard", strict=True)
    reveal_type(decoder.feed(chunk))  # R: list[StreamEvent]
    reveal_type(decoder.finish())  # R: list[StreamEvent]
    reveal_type(decoder.response)  # R: Response | None
    reveal_type(decoder.responses)  # R: list[Response]
    reveal_type(decoder.last_sequence_number)  # R: int | None
    reveal_type(decoder.diagnostic_counts)  # R: dict[str, int]
    for diagnostic in decoder.diagnostics:
        reveal_type(diagnostic.message)  # R: str
        reveal_type(diagnostic.line)  # R: int
    messages = respstream.sse.Decoder()
    reveal_type(messages.feed(chunk))  # R: list[ServerSentEvent]
    reader = PartialJson()
    reveal_type(reader.value)  # R: Any


def accumulated(event: types.ResponseStreamEvent) -> None:
    accumulator = respstream.Accumulator()
    accumulator.add(event)
    reveal_type(accumulator.response)  # R: Response | None


def tables() -> None:
    scan = respstream.scan("logs", "responses", columns=["status"], threads=2)
    reveal_type(scan)  # R: Scan
    reveal_type(scan.summary)  # R: Summary | None
    reveal_type(respstream.plan("logs", target_bytes=1 << 20))  # R: list[Split]
    reveal_type(respstream.BACKEND)  # R: str


def several_apis(source: bytes) -> None:
    for event in respstream.events(source, api="chat"):
        if event.type == "chat.completion.chunk":
            reveal_type(event)  # R: ChatCompletionChunk
            for choice in event.choices:
                reveal_type(choice.delta.content)  # R: str | None
                for call in choice.delta.tool_calls or ():
                    reveal_type(call.function)  # R: ChoiceDeltaToolCallFunction | None
            if event.usage is not None:
                reveal_type(event.usage.prompt_tokens_details)  # R: PromptTokensDetails | None
    for delta in respstream.deltas(source):
        reveal_type(delta)  # R: Delta
        reveal_type(delta.text)  # R: str
        reveal_type(delta.index)  # R: int | None


def narrowing_of_messages(source: bytes) -> None:
    for event in respstream.events(source, api="messages"):
        if isinstance(event, respstream.types.messages.RawContentBlockDeltaEvent):
            reveal_type(event.index)  # R: int
            delta = event.delta
            if delta.type == "text_delta":
                reveal_type(delta)  # R: TextDelta
        if event.type == "content_block_start":
            block = event.content_block
            if block.type == "tool_use":
                reveal_type(block)  # R: ToolUseBlock
                reveal_type(block.input)  # R: Payload
        if isinstance(event, respstream.types.messages.RawMessageStartEvent):
            reveal_type(event.message.usage.input_tokens)  # R: int
            reveal_type(event.message.usage.total_tokens)  # R: int | None
    for response in respstream.responses(source, api="messages"):
        for block in response.content:
            if block.type == "text":
                reveal_type(block.text)  # R: str


def a_completion(source: bytes) -> None:
    for response in respstream.responses(source, api="chat"):
        for choice in response.choices:
            reveal_type(choice.message.content)  # R: str | None
            for call in choice.message.tool_calls or ():
                if call.type == "function":
                    reveal_type(call.function.arguments)  # R: str


def several_tables(paths: list[str]) -> None:
    reveal_type(respstream.scan(paths, ("items", "events")))  # R: SeveralTables
    reveal_type(respstream.read_split(respstream.plan(paths)[0], "items"))  # R: Scan
