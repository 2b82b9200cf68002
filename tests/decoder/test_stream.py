"""`events`, `responses` and their async versions over every kind of source, and how they close files."""

from __future__ import annotations

import array
import asyncio
import bz2
import gzip
import io
import os
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from respstream import StreamError
from tests.support import readings
from tests.support.paths import TRANSCRIPTS

PATH = TRANSCRIPTS / "conversation.sse"
DATA = PATH.read_bytes()
TEXT = "I'm sorry, but I can't assist with that."


def run(job: Awaitable[Any]) -> Any:
    async def main() -> Any:
        return await job

    return asyncio.run(main())


def chunks(size: int = 100) -> Iterator[bytes]:
    for start in range(0, len(DATA), size):
        yield DATA[start : start + size]


async def achunks(size: int = 100) -> AsyncIterator[bytes]:
    for chunk in chunks(size):
        await asyncio.sleep(0)
        yield chunk


class Pipe(io.RawIOBase):
    """A binary file that returns a few bytes per read."""

    def __init__(self) -> None:
        self._left = list(chunks(33))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            return 0
        chunk = self._left.pop(0)
        buffer[: len(chunk)] = chunk
        return len(chunk)


class OnlyRead:
    """A file object of the least kind."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


SOURCES: dict[str, Any] = {
    "bytes": lambda _: DATA,
    "bytearray": lambda _: bytearray(DATA),
    "memoryview": lambda _: memoryview(DATA),
    "a path": lambda _: PATH,
    "a path as str": lambda _: str(PATH),
    "a binary file": lambda _: io.BytesIO(DATA),
    "a buffered pipe": lambda _: io.BufferedReader(Pipe()),
    "an object with read": lambda _: OnlyRead(DATA),
    "a generator of bytes": lambda _: chunks(),
    "a list of bytes": lambda _: list(chunks()),
    "a list of memoryviews": lambda _: [memoryview(chunk) for chunk in chunks()],
    "a list with empty chunks": lambda _: [b"", *chunks(), b""],
    "single bytes": lambda _: chunks(1),
    "a gzip file": lambda folder: written(folder / "a.sse.gz", gzip.compress(DATA)),
    "a gzip file of two members": lambda folder: written(folder / "b.gz", gzip.compress(DATA[:999]) + gzip.compress(DATA[999:])),
    "a padded gzip file": lambda folder: written(folder / "c.gz", gzip.compress(DATA) + b"\0" * 600),
    "a gzip file by another name": lambda folder: written(folder / "d.txt", gzip.compress(DATA)),
    "a gzip file object": lambda _: io.BytesIO(gzip.compress(DATA)),
}  # fmt: skip


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_type_gives_same_events(api: Any, kind: str, tmp_path: Path) -> None:
    expected = list(api.events(DATA))
    with api.events(SOURCES[kind](tmp_path)) as stream:
        assert list(stream) == expected
        assert stream.response.output_text == TEXT
    (response,) = api.responses(SOURCES[kind](tmp_path))
    assert response.output_text == TEXT


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_type_gives_same_events_async(api: Any, kind: str, tmp_path: Path) -> None:
    async def read() -> tuple[list[Any], list[Any]]:
        found = [event async for event in api.aevents(SOURCES[kind](tmp_path))]
        return found, [response async for response in api.aresponses(SOURCES[kind](tmp_path))]

    events, responses = run(read())
    assert events == list(api.events(DATA))
    assert [response.output_text for response in responses] == [TEXT]


def test_async_chunks(api: Any) -> None:
    async def read() -> Any:
        async with api.aevents(achunks()) as stream:
            events = [event async for event in stream]
            return events, stream.response.output_text, stream.diagnostics

    assert run(read()) == (list(api.events(DATA)), TEXT, [])


def test_events_are_returned_when_complete(api: Any) -> None:
    seen: list[int] = []

    def source() -> Iterator[bytes]:
        for number in range(3):
            seen.append(number)
            yield b'data: {"type":"x","n":%d}\n\n' % number

    stream = api.events(source())
    for number in range(3):
        assert next(stream).n == number
        assert seen == list(range(number + 1))
    assert list(stream) == []


def test_response_is_returned_when_next_starts(api: Any) -> None:
    log = (TRANSCRIPTS / "log_of_seven.sse").read_bytes()
    read = 0

    def source() -> Iterator[bytes]:
        nonlocal read
        for start in range(0, len(log), 500):
            read += 500
            yield log[start : start + 500]

    stream = api.responses(source())
    first = next(stream)
    assert first.complete
    assert read < len(log) / 3
    assert stream.responses == [stream.response]
    assert len(list(stream)) == 6
    assert stream.responses == []


def test_responses_read_while_they_grow(api: Any) -> None:
    stream = api.events(chunks(50))
    grown = [stream.response.output_text for event in stream if event.type == "response.output_text.delta"]
    assert grown[-1] == TEXT
    assert [len(text) for text in grown] == sorted(len(text) for text in grown)


# -- closing ---------------------------------------------------------------------------------------------------------


def test_generator_is_closed(api: Any) -> None:
    ended = []

    def source() -> Iterator[bytes]:
        try:
            yield from chunks()
        finally:
            ended.append(True)

    with api.events(source()) as stream:
        next(stream)
        assert ended == []
    assert ended == [True]
    assert list(stream) == []
    stream.close()


def test_async_generator_is_closed(api: Any) -> None:
    ended = []

    async def source() -> AsyncIterator[bytes]:
        try:
            async for chunk in achunks():
                yield chunk
        finally:
            ended.append(True)

    async def read() -> None:
        async with api.aevents(source()) as stream:
            await anext(stream)
            assert ended == []
        assert ended == [True]
        await stream.aclose()

    run(read())


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_file_is_closed(api: Any) -> None:
    stream = api.events(PATH)
    next(stream)
    stream.close()
    list(api.events(PATH))


def test_file_object_is_left_open(api: Any) -> None:
    with PATH.open("rb") as file:
        list(api.events(file))
        assert not file.closed


def test_strict_returns_earlier_events(api: Any) -> None:
    source = b'{"type":"x"}\n{"type":"y"}\n{bad}\n{"type":"z"}\n'
    for given in (source, [source[:30], source[30:]]):
        stream = api.events(given, strict=True)
        assert [next(stream).type, next(stream).type] == ["x", "y"]
        with pytest.raises(StreamError) as caught:
            next(stream)
        assert caught.value.code == "bad_json"
        assert readings.codes(stream.diagnostics)[-1] == "bad_json"


def test_strict_responses(api: Any) -> None:
    source = b'{"type":"response.created","response":{}}\n{bad}\n'
    with pytest.raises(StreamError) as caught:
        list(api.responses(source, strict=True))
    assert caught.value.code == "bad_json"


def test_strict_async(api: Any) -> None:
    async def read() -> list[str]:
        stream = api.aevents(b'{"type":"x"}\n{bad}\n', strict=True)
        kinds = [(await anext(stream)).type]
        with pytest.raises(StreamError):
            await anext(stream)
        return kinds

    assert run(read()) == ["x"]


# -- options ---------------------------------------------------------------------------------------------------------


def test_discard_drops_unfinished_block(api: Any) -> None:
    source = b'data: {"type":"x"}\n\ndata: {"type":"y"}\n'
    assert [event.type for event in api.events(source)] == ["x", "y"]
    stream = api.events(source, on_eof="discard")
    assert [event.type for event in stream] == ["x"]
    assert [d.message for d in stream.diagnostics if d.code == "unfinished_block"] == [
        "input ended mid-event; the event was discarded"
    ]


def test_forms(api: Any) -> None:
    both = b'{"type":"x"}\ndata: {"type":"y"}\n\n'
    assert [event.type for event in api.events(both)] == ["x", "y"]
    assert [event.type for event in api.events(both, form="sse")] == ["y"]
    assert [event.type for event in api.events(both, form="jsonl")] == ["x"]


def test_large_events_are_skipped(api: Any) -> None:
    source = b'{"type":"x","y":"%s"}\n{"type":"z"}\n' % (b"a" * 1000)
    stream = api.events(source, max_event_bytes=100)
    assert [event.type for event in stream] == ["z"]
    assert readings.codes(stream.diagnostics)[0] == "event_too_large"
    assert len(list(api.events(source))) == 2


def test_only_files_have_a_limit_by_default(api: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from respstream import stream as module

    monkeypatch.setattr(module, "FILE_EVENT_BYTES", 10)
    path = written(tmp_path / "a.jsonl", b'{"type":"xxxxxxxxxxxx"}\n')
    assert list(api.events(path)) == list(api.events(str(path))) == []
    assert len(list(api.events(path, max_event_bytes=100))) == 1
    assert len(list(api.events(path.read_bytes()))) == 1


# -- compressed ------------------------------------------------------------------------------------------------------


def test_truncated_gzip_file_gives_available_events(api: Any, tmp_path: Path) -> None:
    packed = gzip.compress(os.urandom(2000).hex().encode() + b"\n" + DATA * 20)
    path = written(tmp_path / "a.gz", packed[: len(packed) - 300])
    stream = api.events(path)
    assert len(list(stream)) > 18
    last = stream.diagnostics[-1]
    assert (last.code, last.severity, last.response_id) == ("truncated_file", "error", None)
    assert last.line > 1
    assert last.offset > 4001
    folded = list(api.responses(path))
    assert folded[-1].complete is False, "the one that was cut is given too"
    with pytest.raises(StreamError) as caught:
        list(api.events(path, strict=True))
    assert caught.value.code == "stray_text" or caught.value.diagnostic == last


def test_corrupt_gzip_file(api: Any, tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(DATA))
    packed[200:240] = b"\xff" * 40
    path = written(tmp_path / "a.gz", bytes(packed))
    stream = api.events(path)
    list(stream)
    assert readings.codes(stream.diagnostics)[-1] == "bad_compression"
    stream = api.aevents(path)
    run(gathered(stream))
    assert readings.codes(stream.diagnostics)[-1] == "bad_compression"
    with pytest.raises(StreamError, match="bad_compression"):
        list(api.responses(path, strict=True))


async def gathered(stream: Any) -> list[Any]:
    return [found async for found in stream]


def test_unknown_compression_is_diagnosed(api: Any) -> None:
    stream = api.events(bz2.compress(DATA))
    assert list(stream) == []
    assert stream.diagnostics


# -- closed, failed --------------------------------------------------------------------------------------------------


def test_closed_stream_gives_nothing_more(api: Any) -> None:
    stream = api.events(DATA)
    next(stream)
    stream.close()
    assert list(stream) == []

    async def job() -> list[Any]:
        stream = api.aevents(DATA)
        await anext(stream)
        await stream.aclose()
        return await gathered(stream)

    assert run(job()) == []


def test_close_ends_loop(api: Any) -> None:
    """Events that were made and not handed out are dropped: in a loop over the stream, and before the first one."""
    source = b'{"type":"x"}\n' * 5
    for given in (source, [source, source], [source, b"{bad}\n"]):
        stream = api.events(given, strict=True)
        seen = []
        for event in stream:
            seen.append(event.offset)
            if event.offset == 13:
                stream.close()
        assert seen == [0, 13]
        assert (list(stream), next(stream, None)) == ([], None)
        stream = api.events(given)
        stream.close()
        assert list(stream) == []

    async def job(given: Any) -> list[int]:
        stream = api.aevents(given, strict=True)
        seen = []
        async for event in stream:
            seen.append(event.offset)
            if event.offset == 13:
                await stream.aclose()
        return seen + [event.offset async for event in stream]

    assert run(job(source)) == run(job([source, source])) == [0, 13]


def test_close_ends_loop_over_events_before_failure(api: Any) -> None:
    stream = api.events(b'{"type":"x"}\n{"type":"y"}\n{bad}\n', strict=True)
    for event in stream:
        assert event.type == "x"
        stream.close()


def test_iteration_continues_after_break(api: Any) -> None:
    stream = api.events(DATA)
    for event in stream:
        if event.type == "response.output_item.added":
            break
    assert len([next(stream), *stream]) == len(list(api.events(DATA))) - 3


def test_unread_file_is_closed(api: Any) -> None:
    stream = api.events(PATH)
    stream.close()  # else the file's own end would warn


@pytest.mark.parametrize("size", [1, 1000, 10**6])
def test_strict_returns_responses_before_failure(api: Any, size: int) -> None:
    whole = list(api.responses(DATA))
    data = DATA + DATA + b"\n\ndata: {nope\n\n" + DATA
    found: list[Any] = []
    stream = api.responses((data[start : start + size] for start in range(0, len(data), size)), strict=True)
    with pytest.raises(StreamError):
        found.extend(stream)
    assert len(found) == 2 * len(whole) - 1, "all that had ended"
    assert found[: len(whole)] == whole


def test_byte_arrays_are_data(api: Any) -> None:
    assert len(list(api.events(array.array("B", DATA)))) == len(list(api.events(DATA)))


@pytest.mark.parametrize("method", ["feed", "fold"])
def test_slice_of_chunk(backend: ModuleType, method: str) -> None:
    log = (TRANSCRIPTS / "log_of_seven.sse").read_bytes()
    whole, parted = backend.Decoder(), backend.Decoder()
    expected = [*getattr(whole, method)(log), *whole.finish()]
    found = [one for start in range(0, len(log), 100) for one in getattr(parted, method)(log, start, start + 100)]
    assert [one.to_dict() for one in [*found, *parted.finish()]] == [one.to_dict() for one in expected]
    assert getattr(parted.__class__(), method)(log, len(log), None) == []
    assert getattr(parted.__class__(), method)(log, 5, 5) == []
    with pytest.raises(OverflowError):
        getattr(parted.__class__(), method)(log, -1)


def numbered(count: int) -> Iterator[bytes]:
    """Whole responses, each in a chunk of its own."""
    for number in range(count):
        ends = b'{"type":"response.%s","response":{"id":"r%d","status":"completed","output":[]}}\n'
        yield b"".join(ends % (kind, number) for kind in (b"created", b"completed"))


@pytest.mark.parametrize("keep", [0, 1, 7, 30, None])
def test_last_responses_are_kept(api: Any, keep: int | None) -> None:
    stream = api.events(numbered(30), form="jsonl", keep_responses=keep)
    for number, _ in enumerate(stream):
        ended = number // 2  # the first event of a response ends the one before
        assert len([one for one in stream.responses if one.stream_index is not None]) == min(
            ended, 30 if keep is None else keep
        )
    last = [f"r{number}" for number in range(30)][30 - (30 if keep is None else keep) :]
    assert [response.id for response in stream.responses] == last
    latest = stream.response
    assert (None if latest is None else latest.id) == (last[-1] if last else None)


def test_last_responses_are_kept_async(api: Any) -> None:
    async def main() -> list[str | None]:
        async def chunks() -> AsyncIterator[bytes]:
            for chunk in numbered(30):
                yield chunk

        stream = api.aevents(chunks(), form="jsonl", keep_responses=2)
        async for _ in stream:
            assert len(stream.responses) <= 3
        return [response.id for response in stream.responses]

    assert run(main()) == ["r28", "r29"]


def test_endless_source_keeps_a_thousand_responses(api: Any) -> None:
    stream = api.events(numbered(3000), form="jsonl")
    assert sum(1 for _ in stream) == 6000
    assert [stream.responses[at].id for at in (0, -1)] == ["r2000", "r2999"]
    assert len(stream.responses) == 1000


def test_large_bytes_keep_a_thousand_responses(api: Any) -> None:
    stream = api.events(b"".join(numbered(3000)), form="jsonl")
    kept = [len(stream._reading.decoder.responses) for number, _ in enumerate(stream) if number % 500 == 0]
    assert len(kept) == 12
    assert max(kept) < 2500
    assert len(stream.responses) == 1000


def test_large_bytes_keep_a_thousand_responses_async(api: Any) -> None:
    async def main() -> tuple[list[int], int]:
        stream = api.aevents(b"".join(numbered(3000)), form="jsonl")
        kept, number = [], 0
        async for _ in stream:
            if number % 500 == 0:
                kept.append(len(stream._reading.decoder.responses))
            number += 1
        return kept, len(stream.responses)

    kept, last = run(main())
    assert max(kept) < 2500
    assert last == 1000


def test_forgotten_responses_stay_as_they_are(backend: ModuleType) -> None:
    decoder = backend.Decoder(form="jsonl")
    decoder.feed(b"".join(numbered(3)))
    held = decoder.responses
    decoder.forget_ended(0)
    decoder.feed(b"".join(numbered(5)))
    assert [(one.id, one.status) for one in held] == [("r0", "completed"), ("r1", "completed"), ("r2", "completed")]
    assert [one.id for one in decoder.responses] == ["r2", "r0", "r1", "r2", "r3", "r4"]
    decoder.forget_ended(1)
    assert [one.id for one in decoder.responses] == ["r3", "r4"]
    assert [one.id for one in decoder.fold_end()] == ["r3", "r4"]
    with pytest.raises(OverflowError):
        decoder.forget_ended(-1)


def test_kept_responses_are_a_count(api: Any) -> None:
    with pytest.raises(ValueError, match="keep_responses must be a number of responses or None, not -1"):
        api.events(b"", keep_responses=-1)
