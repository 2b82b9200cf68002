"""Typical typos: `tests/package/test_typing.py` checks that mypy and pyright report each marked line, and no other. Nothing here runs."""

from typing import cast

import respstream
from respstream import types
from respstream.types import ResponseTextDeltaEvent

SOURCE = b""


def options() -> None:
    respstream.events(SOURCE, api="chatt")  # typo
    respstream.events(SOURCE, form="ssee")  # typo
    respstream.responses(SOURCE, on_eof="drop")  # typo
    respstream.responses(SOURCE, strcit=True)  # typo
    respstream.deltas(SOURCE, max_event_byte=1)  # typo
    respstream.Decoder(form="json")  # typo
    respstream.Decoder(SOURCE)  # typo
    respstream.Decoder().feed("data: {}")  # typo
    respstream.sse.Decoder().feed("data: {}")  # typo
    respstream.Decoder().message("{}")
    respstream.scan("logs", form="jsonlines")  # typo
    respstream.scan("logs", colums=["model"])  # typo
    respstream.schema(tabel="items")  # typo
    respstream.schema("respones")  # typo
    respstream.scan("logs", "item")  # typo
    respstream.scan("logs", ["items", "diagnostic"])  # typo
    respstream.read_split(respstream.plan("logs")[0], "event")  # typo


def results() -> None:
    for response in respstream.responses(SOURCE):
        print(response.ouput_text)  # typo
        print(response.stauts)  # typo
        if response.usage is not None:
            print(response.usage.ouput_tokens)  # typo
            print(response.usage.output_tokens + 1 if response.usage.output_tokens else 0)
        for call in response.tool_calls:
            print(call.argument)  # typo
        for item in response.output:
            if item.type == "function_call":
                print(item.arguments, item.argumets)  # typo
            if item.type == "message":
                for part in item.content:
                    if part.type == "output_text":
                        print(part.annotation)  # typo
        print(response.latency.time_to_first_tokn)  # typo
        print(response.status == "complete")  # typo
        print(response.api == "anthropic")  # typo
        print(response.choices, response.created_at, response.stop_reason, response["anything"])
    respstream.scan("logs").to_panda()  # typo
    print(respstream.scan("logs").to_polars().height, respstream.scan("logs", ["items"]).to_polars()["items"])


def events(event: types.ResponseStreamEvent) -> None:
    if isinstance(event, ResponseTextDeltaEvent):
        print(event.detla)  # typo
        print(event.logprobs[0].tokn)  # typo
    if isinstance(event, types.ResponseCompletedEvent):
        print(event.response.usge)  # typo
        print(event.response.usage and event.response.usage.total_tokens)
    if isinstance(event, types.ResponseOutputItemDoneEvent):
        print(event.itm)  # typo
        if event.item.type == "reasoning":
            print(event.item.sumary)  # typo
    if isinstance(event, types.ResponseContentPartDoneEvent) and event.part.type == "refusal":
        print(event.part.refusl)  # typo


def types_of_events(event: types.StreamEvent) -> None:
    print(event.type == "response.output_text.detla")  # typo
    print(event.type == "chat.completion.chunks")  # typo
    print(event.type == "content_block_dleta")  # typo
    if event.type == "response.output_text.delta":
        print(event.dleta)  # typo
    if str(event.type) == "response.brand_new":
        pass


def chat() -> None:
    for event in respstream.events(SOURCE, api="chat"):
        if event.type == "chat.completion.chunk":
            print(event.choice)  # typo
            for choice in event.choices:
                print(choice.detla)  # typo
                print(choice.delta.contnet)  # typo
                print(choice.finish_raeson)  # typo
                for call in choice.delta.tool_calls or ():
                    print(call.function and call.function.argumnets)  # typo
            if event.usage is not None:
                print(event.usage.prompt_token)  # typo
                print(event.usage.prompt_tokens_details and event.usage.prompt_tokens_details.cached_token)  # typo
    for response in respstream.responses(SOURCE, api="chat"):
        print(response.choice)  # typo
        for answer in response.choices:
            print(answer.mesage)  # typo
            print(answer.message.contnet)  # typo
            print(answer.message["reasoning_content"], answer.message.get("reasoning"))
            for tool in answer.message.tool_calls or ():
                if tool.type == "function":
                    print(tool.function.nam)  # typo
        if response.usage is not None and response.usage.prompt_tokens_details is not None:
            print(response.usage.prompt_tokens_details.cached_tokens)
            print(response.usage.prompt_tokens_details.cached_token)  # typo


def anthropic() -> None:
    for event in respstream.events(SOURCE, api="messages"):
        if event.type == "error" and isinstance(event, types.messages.ErrorEvent):
            print(event.error.mesage)  # typo
        if event.type == "message_start":
            print(event.mesage)  # typo
            print(event.message.usage.input_token)  # typo
            print(event.message.stop_reson)  # typo
        if event.type == "content_block_start" and event.content_block.type == "tool_use":
            print(event.content_block.nam)  # typo
            print(event.content_block.input["city"])
        if event.type == "content_block_delta":
            if event.delta.type == "text_delta":
                print(event.delta.txt)  # typo
            print(event.delta.type == "input_json")  # typo
    for response in respstream.responses(SOURCE, api="messages"):
        print(response.stop_reasn)  # typo
        for block in response.content:
            if block.type == "text":
                print(block.txt, block.citations)  # typo
            if block.type == "thinking":
                print(block.signatur)  # typo
        if response.usage is not None:
            print(response.usage.cache_read_input_token)  # typo
            print(response.usage.cache_creation and response.usage.cache_creation.ephemeral_1h_input_token)  # typo


def names() -> None:
    print(types.ResponseTextDeltaEvnt)  # typo
    print(respstream.acumulator)  # typo
    print(cast("respstream.Delta", None).txt)  # typo
    print(cast("respstream.Delta", None).kind == "tool_argument")  # typo
    print(str(cast("respstream.Response", None).status) == "moderated")
