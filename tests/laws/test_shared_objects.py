"""Many threads, with own and shared objects: a correct result or a clear error, over both backends."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.support import messages_streams
from tests.support.backends import load
from tests.support.paths import TRANSCRIPTS

LOG = (TRANSCRIPTS / "log_of_seven.sse").read_bytes()
CHAT = (TRANSCRIPTS / "conversation.sse").read_bytes()
BLOCK = b'data: {"type":"keepalive"}\n\n'
THREADS = 6
TURNS = 200


@pytest.fixture
def eager() -> Iterator[None]:
    """Threads switch as often as possible, so that missing locks fail soon."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(job: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """Runs `job(number)` in that many threads, which start together; returns the results. An exception of any is raised here."""
    answers: list[Any] = [None] * threads
    failures: list[BaseException] = []
    start = threading.Barrier(threads)

    def run(number: int) -> None:
        start.wait()
        try:
            answers[number] = job(number)
        except BaseException as failure:
            failures.append(failure)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
    assert not [thread for thread in running if thread.is_alive()], "a thread waits for ever"
    if failures:
        raise failures[0]
    return answers


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.usefixtures("eager")
def test_one_decoder_per_thread(backend: ModuleType) -> None:
    def job(number: int) -> list[Any]:
        decoder = backend.Decoder()
        events = [event for chunk in cut(LOG, 61 + number) for event in decoder.feed(chunk)] + decoder.finish()
        return [
            [(event.type, event.offset, event.to_dict()) for event in events],
            [(response.id, response.output_text) for response in decoder.responses],
            [(found.code, found.offset) for found in decoder.diagnostics],
        ]

    first, *others = together(job)
    assert len(first[1]) == 7
    assert all(other == first for other in others)


@pytest.mark.usefixtures("eager")
def test_threads_share_one_decoder(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    found = together(lambda _: [event.offset for _ in range(TURNS) for event in decoder.feed(BLOCK)])
    offsets = sorted(offset for one in found for offset in one)
    assert offsets == [len(BLOCK) * number for number in range(THREADS * TURNS)]
    assert decoder.finish() == []


@pytest.mark.usefixtures("eager")
def test_threads_fold_into_one_decoder(backend: ModuleType) -> None:
    """Whole logs, so that each call releases the interpreter lock."""
    log = LOG * 3
    decoder = backend.Decoder()
    ended = together(lambda _: [response.output_text for _ in range(3) for response in decoder.fold(log)], 3)
    ended.append([response.output_text for response in decoder.fold_end()])
    alone = backend.Decoder()
    expected = [response.output_text for response in [*alone.fold(log * 9), *alone.fold_end()]]
    assert sorted(text for one in ended for text in one) == sorted(expected)


@pytest.mark.usefixtures("eager")
def test_threads_share_one_sse_decoder(backend: ModuleType) -> None:
    decoder = backend.SseDecoder()
    found = together(lambda number: [m for _ in range(TURNS) for m in decoder.feed(b"event: %d\ndata: x\n\n" % number)])
    assert [[message.event for message in one] for one in found] == [[str(n)] * TURNS for n in range(THREADS)]


@pytest.mark.usefixtures("eager")
def test_threads_share_one_accumulator(api: Any) -> None:
    accumulator = api.Accumulator()
    events = [{"type": f"new.{number}"} for number in range(THREADS * 20)]
    together(lambda number: [accumulator.add(event) for event in events[number::THREADS]])
    unknown = [found for found in accumulator.diagnostics if found.code == "unknown_event"]
    assert sorted(found.offset for found in unknown) == list(range(len(events)))


@pytest.mark.usefixtures("eager")
def test_response_is_read_while_it_grows() -> None:
    """Another thread always sees a prefix of the text. The responses of the fallback are not locked."""
    backend = load("rust")
    decoder = backend.Decoder()
    ready = threading.Event()

    def job(number: int) -> list[str]:
        if number == 0:
            for chunk in cut(CHAT, 7):
                decoder.feed(chunk)
                ready.set()
            return []
        seen: list[str] = []
        ready.wait(10)
        while not seen or not decoder.response.complete:
            response = decoder.response
            if response is not None:
                seen.append(response.output_text)
                assert decoder.responses == [response]
                assert decoder.diagnostics == []
            time.sleep(0)
        return seen

    whole = decoder_text(backend)
    for seen in together(job, 4)[1:]:
        assert all(whole.startswith(text) for text in seen)
        assert [len(text) for text in seen] == sorted(len(text) for text in seen)


def decoder_text(backend: ModuleType) -> str:
    decoder = backend.Decoder()
    decoder.feed(CHAT)
    text = decoder.response.output_text
    assert isinstance(text, str)
    return text


def test_shared_stream_gives_each_event_once(api: Any) -> None:
    """A second thread that asks while the first one reads on gets ValueError, as from any generator."""
    source = (BLOCK for _ in range(THREADS * TURNS))
    stream = api.events(source)

    def job(_: int) -> list[int]:
        offsets: list[int] = []
        while True:
            try:
                offsets.append(next(stream).offset)
            except ValueError as error:
                assert "already executing" in str(error)  # noqa: PT017
            except StopIteration:
                return offsets

    offsets = [offset for one in together(job) for offset in one]
    assert sorted(offsets) == [len(BLOCK) * number for number in range(THREADS * TURNS)]


def test_finalizer_gets_error_instead_of_deadlock(backend: ModuleType) -> None:
    """Garbage collection may run during event creation, and a finalizer may use the same decoder."""
    decoder = backend.Decoder()
    refused: list[str] = []
    inside = threading.Event()

    class Last:
        def __init__(self) -> None:
            self.own = self  # a cycle: only the collector ends it

        def __del__(self) -> None:
            if not inside.is_set():
                return
            uses: list[Callable[[], object]] = [
                lambda: decoder.feed(BLOCK),
                lambda: decoder.fold(BLOCK * 1000),
                lambda: decoder.responses,
            ]
            for use in uses:
                try:
                    use()
                except RuntimeError as error:
                    refused.append(str(error))

    # Events that are kept count as garbage-to-be, so that the collector runs inside the call, and not before it.
    before = gc.get_threshold()
    gc.collect()
    gc.disable()
    gc.set_threshold(20, 1, 1)
    try:
        for _ in range(5):
            Last()
        data = BLOCK * 500
        inside.set()
        gc.enable()
        kept = decoder.feed(data)
        inside.clear()
    finally:
        gc.enable()
        gc.set_threshold(*before)
    assert len(kept) == 500
    assert set(refused) == {"the decoder was called from within its own feed()"}
    assert decoder.feed(BLOCK)[0].offset == 500 * len(BLOCK)


def test_finalizer_reads_usage_while_usage_is_read(backend: ModuleType) -> None:
    decoder, another = backend.Decoder(), backend.Decoder()
    counts = {"input_tokens": 3, "output_tokens": 5, "service_tier": "standard"}
    first = messages_streams.sse([messages_streams.start(usage=counts), messages_streams.STOP])
    events = decoder.feed(first * 300)  # kept, so that no memory of their objects is reused
    another.feed(first)
    responses, (other,) = decoder.responses, another.responses
    seen: list[int] = []

    class Last:
        def __init__(self) -> None:
            self.own = self  # a cycle: only the collector ends it

        def __del__(self) -> None:
            seen.append(other.usage.output_tokens)

    before, kept = gc.get_threshold(), []
    gc.collect()
    try:
        for number, response in enumerate(responses):
            gc.set_threshold(2 + number % 13, 1, 1)  # so that the collector runs at each step of a reading
            Last()
            kept.append(response.usage)
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert [usage.output_tokens for usage in kept] == [5] * 300
    assert (seen, len(events)) == ([5] * 300, 600)


def test_gil_is_released_while_folding() -> None:
    """Only the compiled backend can: the other thread would wait for its turn longer than the test takes."""
    decoder = load("rust").Decoder()
    log = LOG * 400
    seen, turns, done = 0, 0, threading.Event()

    def job() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            time.sleep(0)

    before = sys.getswitchinterval()
    thread = threading.Thread(target=job)
    thread.start()
    sys.setswitchinterval(100)
    try:
        for _ in range(100):  # on a busy machine the other one may miss some
            seen = turns
            decoder.fold(log)
            if turns > seen:
                break
        assert turns > seen
    finally:
        sys.setswitchinterval(before)
        done.set()
        thread.join()
