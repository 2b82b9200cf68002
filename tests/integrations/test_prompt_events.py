"""An event comes out with the chunk that completes it, as from the SDKs: every line end, cut at every place."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from openai._streaming import SSEDecoder

from respstream.integrations.openai import accelerate
from respstream.integrations.openai._plans import difference
from respstream.integrations.openai._verify import client
from tests.support.sdk_kits import KITS, Kit

# The ends of the two lines of a block and of its empty line. A CR and an LF are one line end.
ENDS = [ends for ends in itertools.product([b"\n", b"\r\n", b"\r"], repeat=3) if ends[1:] != (b"\r", b"\n")]
EVENT = "response.output_text.delta"
DELTA = {"type": EVENT, "item_id": "i", "output_index": 0, "content_index": 0, "logprobs": [], "sequence_number": 1}

Found = list[tuple[str, int]]


def stream(ends: tuple[bytes, bytes, bytes], count: int = 3) -> bytes:
    lines = [
        line
        for number in range(count)
        for line in (f"event: {EVENT}", f"data: {json.dumps({**DELTA, 'delta': str(number)})}", "")
    ]
    return b"".join(line.encode() + end for line, end in zip(lines, itertools.cycle(ends), strict=False))


def cuts(data: bytes, around: int | None = None) -> Iterator[list[bytes]]:
    """The stream in two chunks, cut anywhere or near line ends, and byte by byte."""
    for at in range(1, len(data)):
        if around is None or set(data[max(0, at - around) : at + around]) & set(b"\r\n"):
            yield [data[:at], data[at:]]
    yield [data[at : at + 1] for at in range(len(data))]


class Chunks:
    """Chunks, and how many of them were taken."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.taken += 1
            yield chunk

    async def later(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def reference(chunks: list[bytes]) -> Found:
    """By the SDK's own decoder."""
    source = Chunks(chunks)
    return [(json.loads(message.data)["delta"], source.taken) for message in SSEDecoder().iter_bytes(iter(source))]


def by_events(api: Any, chunks: list[bytes]) -> Found:
    source = Chunks(chunks)
    return [(event.delta, source.taken) for event in api.events(source)]


def by_aevents(api: Any, chunks: list[bytes]) -> Found:
    async def read() -> Found:
        source = Chunks(chunks)
        return [(event.delta, source.taken) async for event in api.aevents(source.later())]

    return asyncio.run(read())


def by_decoder(api: Any, chunks: list[bytes]) -> Found:
    decoder = api.Decoder()
    return [(event.delta, taken) for taken, chunk in enumerate(chunks, 1) for event in decoder.feed(chunk)]


def by_messages(api: Any, chunks: list[bytes]) -> Found:
    decoder = api.sse.Decoder()
    found = [(message, taken) for taken, chunk in enumerate(chunks, 1) for message in decoder.feed(chunk)]
    return [(message.json()["delta"], taken) for message, taken in found]


@pytest.mark.parametrize("how", [by_events, by_decoder, by_messages])
@pytest.mark.parametrize("ends", ENDS)
def test_decoders(api: Any, how: Callable[[Any, list[bytes]], Found], ends: tuple[bytes, bytes, bytes]) -> None:
    for chunks in cuts(stream(ends)):
        assert how(api, chunks) == reference(chunks), chunks


@pytest.mark.parametrize("ends", ENDS)
def test_async_events(api: Any, ends: tuple[bytes, bytes, bytes]) -> None:
    for chunks in cuts(stream(ends), 1):
        assert by_aevents(api, chunks) == reference(chunks), chunks


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_json_lines(api: Any, end: bytes) -> None:
    lines = [json.dumps({**DELTA, "delta": str(number)}).encode() + end for number in range(3)]
    for chunks in cuts(b"".join(lines)):
        ends = list(itertools.accumulate(len(chunk) for chunk in chunks))
        complete = [sum(map(len, lines[:number])) - len(end) + 1 for number in (1, 2, 3)]
        expected = [next(taken for taken, at in enumerate(ends, 1) if at >= needed) for needed in complete]
        assert by_decoder(api, chunks) == list(zip("012", expected, strict=True)), chunks


def unchanged(connection: Any) -> Any:
    return connection


def messages(ends: tuple[bytes, bytes, bytes], count: int = 3) -> bytes:
    """The stream of three deltas of the Messages API."""
    kind = "content_block_delta"
    events = [
        {"type": kind, "index": 0, "delta": {"type": "text_delta", "text": str(number)}} for number in range(count)
    ]
    lines = [line for event in events for line in (f"event: {kind}", f"data: {json.dumps(event)}", "")]
    return b"".join(line.encode() + end for line, end in zip(lines, itertools.cycle(ends), strict=False))


STREAMS = [(kit, stream if kit.name == "openai" else messages) for kit in KITS]


def created(kit: Kit, connection: Any, source: Chunks) -> list[tuple[Any, int]]:
    with kit.create(connection) as events:
        return [(event, source.taken) for event in events]


async def acreated(kit: Kit, connection: Any, source: Chunks) -> list[tuple[Any, int]]:
    async with await kit.create(connection) as events:
        return [(event, source.taken) async for event in events]


def equal(theirs: list[tuple[Any, int]], ours: list[tuple[Any, int]], chunks: list[bytes], kit: Kit) -> None:
    """Equal events with the same chunks. The anthropic SDK waits for what follows a CR at the end of a chunk, ours does not."""
    pairs = list(zip(theirs, ours, strict=True))
    assert all(mine <= yours if kit.name == "anthropic" else mine == yours for (_, yours), (_, mine) in pairs), chunks
    assert difference([event for event, _ in theirs], [event for event, _ in ours]) is None


@pytest.mark.parametrize(("kit", "write"), STREAMS, ids=[kit.name for kit in KITS])
@pytest.mark.parametrize("ends", ENDS)
def test_accelerated_client(kit: Kit, write: Any, ends: tuple[bytes, bytes, bytes]) -> None:
    kit.plans.prepare()
    for chunks in cuts(write(ends), 1):
        answers = []
        for change in (unchanged, kit.integration.accelerate):
            source = Chunks(chunks)
            answers.append(created(kit, change(kit.local(source)), source))
        assert len(answers[0]) == 3
        equal(answers[0], answers[1], chunks, kit)


@pytest.mark.parametrize(("kit", "write"), STREAMS, ids=[kit.name for kit in KITS])
@pytest.mark.parametrize("ends", ENDS)
def test_accelerated_async_client(kit: Kit, write: Any, ends: tuple[bytes, bytes, bytes]) -> None:
    async def run() -> None:
        for chunks in itertools.islice(cuts(write(ends, 2), 1), 0, None, 3):
            answers = []
            for change in (unchanged, kit.integration.accelerate):
                source = Chunks(chunks)
                answers.append(await acreated(kit, change(kit.local(source, asynchronous=True)), source))
            equal(answers[0], answers[1], chunks, kit)

    asyncio.run(run())


@pytest.mark.parametrize(
    "data",
    [
        b": a\rdata: {}\n\ndata: {}\n\n",
        b"\r\rdata: {}\r\r\r\ndata: {}\n\r\n",
        b"data: {}\n\n\r\n\rdata: {}\n\n",
        b"data: {}\r\n\r\n\ndata: {}\r\n\r",
        b":\r\n\r\ndata: {}\r",
    ],
)
def test_odd_line_ends(data: bytes) -> None:
    """Comments, empty blocks, and a stream that ends with a CR."""
    for chunks in cuts(data):
        source = Chunks(chunks)
        expected = [(message.data, source.taken) for message in SSEDecoder().iter_bytes(iter(source))]
        source = Chunks(chunks)
        events = created(KITS[0], accelerate(client(source)), source)
        assert [("{}", taken) for _, taken in events] == expected, chunks


@pytest.mark.parametrize(("kit", "write"), STREAMS, ids=[kit.name for kit in KITS])
def test_native_reading_of_crlf_is_not_given_up(kit: Kit, write: Any) -> None:
    """Whatever chunk a CRLF is cut in, the SDK does not have to go on."""
    kit.plans.prepare()
    for chunks in cuts(write((b"\r\n", b"\r\n", b"\r\n"))):
        reader = kit.plans.reader()
        for chunk in chunks:
            for _ in reader.feed(chunk):
                pass
            assert reader.take_message() is None
            assert not reader.is_unsupported, chunks
