"""The peers of the Chat Completions rows, as those of `benches.peers`.

The result of an events row: the number of chunks, and of characters in the content of their first choice. The result of a fold
row: id, status, text, output tokens and tool calls of every response.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from benches.peers import EventsAnswer, FoldAnswer, Loads, decoder_of, openai_client

_END = b"[DONE]"
_INCOMPLETE = ("length", "content_filter")


def payloads(data: bytes) -> Iterator[bytes]:
    """The JSON of every chunk, split by hand from well-formed SSE blocks or JSON Lines."""
    if data.startswith(b"{"):
        return (line for line in data.split(b"\n") if line)
    return (block[6:] for block in data.split(b"\n\n") if block and not block.endswith(_END))


def read_objects(chunks: Iterable[Any]) -> EventsAnswer:
    """The loop over chunk objects with attributes."""
    count = chars = 0
    for chunk in chunks:
        count += 1
        if chunk.choices:
            content = chunk.choices[0].delta.content
            if content is not None:
                chars += len(content)
    return count, chars


def read_dicts(chunks: Iterable[dict[str, Any]]) -> EventsAnswer:
    """The loop over chunks as dicts."""
    count = chars = 0
    for chunk in chunks:
        count += 1
        if chunk["choices"]:
            content = chunk["choices"][0]["delta"].get("content")
            if content is not None:
                chars += len(content)
    return count, chars


def split_orjson(data: bytes) -> EventsAnswer:
    """`split` and `orjson.loads`."""
    return read_dicts(map(decoder_of("orjson"), payloads(data)))


def split_msgspec(data: bytes) -> EventsAnswer:
    """`split` and msgspec into Structs of what the loop reads: choices, delta, content."""
    return read_objects(map(_msgspec_decode(), payloads(data)))


def openai_create(data: bytes, client: Callable[[Any], Any] = openai_client) -> EventsAnswer:
    """The SDK's `chat.completions.create(stream=True)`, one response after the other: it stops at each end mark."""
    return _sum(_create_one(client(part)) for part in split_responses(data))


def openai_stream(data: bytes, client: Callable[[Any], Any] = openai_client) -> EventsAnswer:
    """The SDK's `chat.completions.stream()`: its chunks, with a snapshot."""
    return _sum(_stream_one(client(part)) for part in split_responses(data))


@functools.lru_cache(maxsize=1)
def split_responses(data: bytes) -> list[bytes]:
    """The SSE of each response. Split once: a transport gets them one by one."""
    mark = b"data: [DONE]\n\n"
    return [part + mark for part in data.split(mark) if part]


def _create_one(client: Any) -> EventsAnswer:
    with client.chat.completions.create(model="gpt", messages=[], stream=True) as stream:
        return read_objects(stream)


def _stream_one(client: Any) -> EventsAnswer:
    with client.chat.completions.stream(model="gpt", messages=[]) as stream:
        return read_objects(event.chunk for event in stream if event.type == "chunk")


def _sum(answers: Iterable[EventsAnswer]) -> EventsAnswer:
    counts, chars = zip(*answers, strict=True)
    return sum(counts), sum(chars)


def fold_orjson(data: bytes) -> FoldAnswer:
    """The hand-written fold over `orjson.loads`."""
    return fold_by_hand(data, decoder_of("orjson"))


def fold_json(data: bytes) -> FoldAnswer:
    """The hand-written fold over `json.loads`."""
    return fold_by_hand(data, decoder_of("json"))


def fold_by_hand(data: bytes, loads: Loads) -> FoldAnswer:
    """One row per response, of the first choice: chunks with the same id, one response after the other."""
    rows: FoldAnswer = []
    current: str | None = None
    text: list[str] = []
    calls: dict[int, list[Any]] = {}
    finish: str | None = None
    tokens = 0

    def end() -> None:
        status = "incomplete" if finish in _INCOMPLETE else "completed"
        found = [("function", call_id, name, "".join(pieces)) for call_id, name, pieces in calls.values()]
        rows.append((current, status, "".join(text), tokens, found))  # type: ignore[arg-type]

    for chunk in map(loads, payloads(data)):
        if chunk["id"] != current:
            if current is not None:
                end()
            current, text, calls, finish, tokens = chunk["id"], [], {}, None, 0
        if chunk["choices"]:
            choice = chunk["choices"][0]
            delta = choice["delta"]
            if delta.get("content"):
                text.append(delta["content"])
            for call in delta.get("tool_calls") or ():
                _add_call(calls, call)
            finish = choice["finish_reason"] or finish
        if chunk.get("usage"):
            tokens = chunk["usage"]["completion_tokens"]
    if current is not None:
        end()
    return rows


def _add_call(calls: dict[int, list[Any]], call: dict[str, Any]) -> None:
    function = call["function"]
    if call["index"] in calls:
        calls[call["index"]][2].append(function["arguments"])
    else:
        calls[call["index"]] = [call["id"], function["name"], [function["arguments"]]]


@functools.cache
def _msgspec_decode() -> Callable[[bytes], Any]:
    import msgspec

    delta = msgspec.defstruct("Delta", [("content", str | None, None)], gc=False)
    choice = msgspec.defstruct("Choice", [("delta", delta)], gc=False)
    chunk = msgspec.defstruct("Chunk", [("choices", list[choice])], gc=False)  # type: ignore[valid-type]
    return msgspec.json.Decoder(chunk).decode  # type: ignore[no-any-return,unused-ignore]
