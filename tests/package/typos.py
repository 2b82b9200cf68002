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
    respstream.scan("logs", form="jsonlines")  # typo
    respstream.scan("logs", colums=["model"])  # typo
    respstream.schema(tabel="items")  # typo


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


def names() -> None:
    print(types.ResponseTextDeltaEvnt)  # typo
    print(respstream.acumulator)  # typo
    print(cast("respstream.Delta", None).txt)  # typo
