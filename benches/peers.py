"""The peers: other ways to read a Responses stream, each a function from the bytes of a log to a result.

The result of an events row: the number of events and of characters in their deltas, read by a Python loop over every event's
`type` and `delta`. The result of a fold row: id, status, text, output tokens and tool calls of every response.

Peers are imported at their first use, so that this module can be imported without them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

EventsAnswer = tuple[int, int]
ToolCall = tuple[str, str | None, str, str]
FoldAnswer = list[tuple[str, str, str, int, list[ToolCall]]]
Loads = Callable[[bytes], Any]

TEXT_DELTAS = frozenset({
    "response.output_text.delta",
    "response.refusal.delta",
    "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
    "response.mcp_call_arguments.delta",
})  # fmt: skip
TERMINALS = frozenset({"response.completed", "response.incomplete", "response.failed"})
CALLS = {"function_call": "arguments", "custom_tool_call": "input", "mcp_call": "arguments"}
NETWORK_CHUNK = 64 * 1024


def chunks(data: bytes, size: int = NETWORK_CHUNK) -> Iterator[bytes]:
    """The log in the chunks of a busy transport."""
    return (data[start : start + size] for start in range(0, len(data), size))


def payloads(data: bytes) -> Iterator[bytes]:
    """The JSON of every event, split by hand from well-formed SSE blocks or JSON Lines. Lazy: a list of copies is slower."""
    if data.startswith(b"{"):
        return (line for line in data.split(b"\n") if line)
    return (block[block.find(b"data: ") + 6 :] for block in data.split(b"\n\n") if block)


# Events


def read_objects(events: Iterable[Any]) -> EventsAnswer:
    """The loop over event objects with attributes."""
    count = chars = 0
    for event in events:
        count += 1
        if event.type in TEXT_DELTAS:
            chars += len(event.delta)
    return count, chars


def read_dicts(events: Iterable[dict[str, Any]]) -> EventsAnswer:
    """The loop over events as dicts."""
    count = chars = 0
    for event in events:
        count += 1
        if event["type"] in TEXT_DELTAS:
            chars += len(event["delta"])
    return count, chars


def split_json(data: bytes) -> EventsAnswer:
    """`split` and the standard library's `json.loads`."""
    return read_dicts(map(json.loads, payloads(data)))


def split_orjson(data: bytes) -> EventsAnswer:
    """`split` and `orjson.loads`."""
    return read_dicts(map(_orjson_loads(), payloads(data)))


def split_jiter(data: bytes) -> EventsAnswer:
    """`split` and `jiter.from_json`."""
    return read_dicts(map(_jiter_loads(), payloads(data)))


def split_msgspec(data: bytes) -> EventsAnswer:
    """`split` and msgspec into a Struct of two members, `type` and `delta`: the minimum that the loop needs."""
    return read_objects(map(_msgspec_decode("two"), payloads(data)))


def split_msgspec_typed(data: bytes) -> EventsAnswer:
    """`split` and msgspec into a Struct of all scalar members of a delta event, like respstream's events."""
    return read_objects(map(_msgspec_decode("all"), payloads(data)))


def httpx_sse(data: bytes) -> EventsAnswer:
    """httpx-sse over a response in memory, and `ServerSentEvent.json()`."""
    import httpx
    from httpx_sse import EventSource

    headers = {"content-type": "text/event-stream"}
    response = httpx.Response(200, headers=headers, content=chunks(data))
    return read_dicts(event.json() for event in EventSource(response).iter_sse())


def sseclient(data: bytes) -> EventsAnswer:
    """sseclient-py over the chunks, and `json.loads` of the data of its events."""
    from sseclient import SSEClient

    return read_dicts(json.loads(event.data) for event in SSEClient(chunks(data)).events())


def openai_create(data: bytes | list[bytes]) -> EventsAnswer:
    """The SDK's `responses.create(stream=True)`: typed events, several responses one after the other."""
    return read_created(openai_client(data))


def read_created(client: Any) -> EventsAnswer:
    """Read the one stream of a client."""
    with client.responses.create(model="gpt", input="", stream=True) as stream:
        return read_objects(stream)


def openai_stream(data: bytes | list[bytes], client: Callable[[Any], Any] | None = None) -> EventsAnswer:
    """The SDK's `responses.stream()`: typed events and a snapshot. It takes one response at a time."""
    parts = split_responses(data) if isinstance(data, bytes) else _split_blocks(data)
    answers = [_openai_stream_one((client or openai_client)(part)) for part in parts]
    return sum(count for count, _ in answers), sum(chars for _, chars in answers)


def openai_decoder(blocks: list[bytes]) -> EventsAnswer:
    """The SDK's SSE decoder alone, and `ServerSentEvent.json()`: dicts, no typed events."""
    from openai._streaming import SSEDecoder

    return read_dicts(event.json() for event in SSEDecoder().iter_bytes(iter(blocks)))


@functools.lru_cache(maxsize=1)
def split_responses(data: bytes) -> list[bytes]:
    """The SSE of each response. Split once: a transport gets them one by one."""
    mark = b"event: response.created\n"
    return [mark + part for part in data.split(mark)[1:]]


def _split_blocks(blocks: list[bytes]) -> list[list[bytes]]:
    """The blocks of each response."""
    starts = [at for at, block in enumerate(blocks) if block.startswith(b"event: response.created\n")]
    return [blocks[start:end] for start, end in zip(starts, [*starts[1:], len(blocks)], strict=True)]


def _openai_stream_one(client: Any) -> EventsAnswer:
    with client.responses.stream(model="gpt", input="") as stream:
        return read_objects(stream)


def openai_client(data: bytes | list[bytes], *, fast: bool = False) -> Any:
    """A client whose transport returns the log, or these chunks, for every request; `fast`: the client to accelerate."""
    _openai_transport().data = data
    return _openai(fast)


@functools.cache
def _openai(_fast: bool) -> Any:
    import httpx2
    import openai

    transport = httpx2.MockTransport(_openai_transport().answer)
    http_client = httpx2.Client(transport=transport)
    return openai.OpenAI(api_key="none", base_url="http://replay.invalid/v1", http_client=http_client, max_retries=0)


class _Replay:
    """The content returned by the SDK's transport."""

    data: bytes | list[bytes] = b""

    def answer(self, _request: Any) -> Any:
        import httpx2

        content = chunks(self.data) if isinstance(self.data, bytes) else iter(self.data)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)


@functools.cache
def _openai_transport() -> _Replay:
    return _Replay()


# Fold


def fold_json(data: bytes) -> FoldAnswer:
    """The hand-written fold over `json.loads`."""
    return fold_by_hand(data, json.loads)


def fold_orjson(data: bytes) -> FoldAnswer:
    """The hand-written fold over `orjson.loads`."""
    return fold_by_hand(data, _orjson_loads())


def fold_jiter(data: bytes) -> FoldAnswer:
    """The hand-written fold over `jiter.from_json`."""
    return fold_by_hand(data, _jiter_loads())


def fold_by_hand(data: bytes, loads: Loads) -> FoldAnswer:
    """One row per response. Deltas are only used if the stream is cut off; the items of the terminal event take precedence."""
    rows: FoldAnswer = []
    deltas: list[str] = []
    items: list[dict[str, Any]] = []
    created: dict[str, Any] | None = None
    for event in map(loads, payloads(data)):
        kind = event["type"]
        if kind == "response.output_text.delta":
            deltas.append(event["delta"])
        elif kind == "response.output_item.done":
            items.append(event["item"])
        elif kind in TERMINALS:
            rows.append(row(event["response"], event["response"].get("output") or items, deltas))
            created = None
        elif kind == "response.created":
            if created is not None:
                rows.append(row(created, items, deltas))
            created, deltas, items = event["response"], [], []
    if created is not None:
        rows.append(row(created, items, deltas))
    return rows


def row(response: dict[str, Any], items: list[dict[str, Any]], deltas: list[str]) -> Any:
    """One row of the fold: from a response, its items, and the text deltas if there are no items."""
    texts = [
        part["text"]
        for item in items
        if item["type"] == "message"
        for part in item["content"]
        if part["type"] == "output_text"
    ]
    calls = [
        (item["type"], item.get("call_id"), item["name"], item[CALLS[item["type"]]])
        for item in items
        if item["type"] in CALLS
    ]
    tokens = (response.get("usage") or {}).get("output_tokens")
    return response["id"], response["status"], "".join(texts if items else deltas), tokens, calls


def fold_openai_stream(data: bytes) -> FoldAnswer:
    """The SDK's `responses.stream()`, read to its end; the last lifecycle event has the response."""
    return [_fold_openai_one(part) for part in split_responses(data)]


def _fold_openai_one(data: bytes) -> Any:
    response: Any = None
    with openai_client(data).responses.stream(model="gpt", input="") as stream:
        for event in stream:
            if event.type in TERMINALS:
                response = event.response
    calls = [_sdk_call(item) for item in response.output if item.type in CALLS]
    return response.id, response.status, response.output_text, response.usage.output_tokens, calls


def _sdk_call(item: Any) -> ToolCall:
    return item.type, getattr(item, "call_id", None), item.name, getattr(item, CALLS[item.type])


# Decoders of the peers


def decoder_of(name: str) -> Loads:
    """The decoder of a library, "orjson" or "json", from bytes to plain objects."""
    return _orjson_loads() if name == "orjson" else json.loads


@functools.cache
def _orjson_loads() -> Loads:
    import orjson

    return orjson.loads  # type: ignore[no-any-return,unused-ignore]


@functools.cache
def _jiter_loads() -> Loads:
    import jiter

    return jiter.from_json  # type: ignore[no-any-return,unused-ignore]


@functools.cache
def _msgspec_decode(members: str) -> Callable[[bytes], Any]:
    import msgspec

    least: list[Any] = [("type", str), ("delta", str | None, None)]
    rest: list[Any] = [(name, str | None, None) for name in ("item_id", "obfuscation")]
    rest += [(name, int | None, None) for name in ("sequence_number", "output_index", "content_index", "summary_index")]
    struct = msgspec.defstruct("Event", least if members == "two" else least + rest, gc=False)
    return msgspec.json.Decoder(struct).decode  # type: ignore[no-any-return,unused-ignore]
