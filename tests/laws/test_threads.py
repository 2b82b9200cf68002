"""Threads, tasks, processes and interpreters: a correct result or a clear error, never a crash or a deadlock."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import respstream
from tests.support import readings
from tests.support.minimal_streams import BEGIN, DELTA, END, ITEM
from tests.support.paths import ROOT

LOG = BEGIN + ITEM + DELTA * 50 + END
BACKENDS = ["rust", "python"]


def apart(program: str, backend: str, *arguments: str) -> str:
    """The output of a program that runs in a separate process; a deadlock fails the test."""
    env = os.environ | {"RESPSTREAM_BACKEND": backend, "PYTHONPATH": str(ROOT / "python")}
    command = [sys.executable, "-X", "faulthandler", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def in_threads(run: Callable[[int], Any], threads: int = 8) -> list[Any]:
    """The results of the function in several threads, which start together."""
    gate = threading.Barrier(threads)

    def one(number: int) -> Any:
        gate.wait()
        return run(number)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(one, range(threads)))
    finally:
        sys.setswitchinterval(before)


# -- threads -------------------------------------------------------------------------------------------------------------


def test_many_decoders_in_many_threads(backend: ModuleType) -> None:
    def run(number: int) -> readings.Reading:
        return readings.read(backend, LOG * (number + 1), range(0, 3000, 37 + number))

    for number, reading in enumerate(in_threads(run)):
        assert reading == readings.read(backend, LOG * (number + 1))


def test_shared_decoder(backend: ModuleType) -> None:
    """Each chunk is processed atomically, in some order: no thread sees half of an event."""
    decoder = backend.Decoder()
    decoder.feed(BEGIN + ITEM)

    def run(number: int) -> int:
        events = 0
        for _ in range(200):
            events += len(decoder.feed(DELTA * (number + 1)))
            response = decoder.response
            assert set(response.output_text) <= {"H", "i"}
            assert len(decoder.responses) == 1
            assert decoder.diagnostics == []
        return events

    total = sum(in_threads(run))
    assert total == 200 * sum(range(1, 9))
    assert decoder.response.output_text == "Hi" * total


def test_fold_in_threads_gives_each_response_once(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    found = in_threads(lambda _: sum(len(decoder.fold(LOG * 20)) for _ in range(20)))
    assert sum(found) + len(decoder.fold_end()) == 8 * 20 * 20


def test_response_is_read_while_another_thread_feeds(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    decoder.feed(BEGIN + ITEM + DELTA)
    response = decoder.response

    def run(number: int) -> None:
        if number == 0:
            for _ in range(3000):
                decoder.feed(DELTA)
            return
        before = 0
        for _ in range(300):
            size = len(response.output_text)
            assert size >= before
            assert response.to_dict()["id"] == "r1"
            before = size

    in_threads(run, 4)
    assert response.output_text == "Hi" * 3001


def test_decoder_is_reset_by_another_thread(backend: ModuleType) -> None:
    decoder, reported = backend.Decoder(), set[str]()

    def run(number: int) -> None:
        for _ in range(300):
            if number == 0:
                decoder.reset()
                continue
            decoder.feed(LOG)
            for response in decoder.responses:
                try:
                    assert response.id == "r1"
                except RuntimeError as error:
                    reported.add(str(error))

    in_threads(run, 4)
    assert reported <= {"the decoder of this response was reset"}


def test_shared_stream(api: Any) -> None:
    """A generator runs in one thread at a time; others get an error, and each event is returned once."""
    stream, reported = api.events(DELTA for _ in range(2000)), set[str]()

    def run(_: int) -> int:
        found = 0
        while True:
            try:
                next(stream)
                found += 1
            except StopIteration:
                return found
            except ValueError as error:
                reported.add(str(error))

    assert sum(in_threads(run, 4)) == 2000
    assert reported <= {"generator already executing"}


@pytest.mark.usefixtures("api")
def test_shared_scan(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.jsonl").write_bytes(LOG * 50)
    stream = respstream.scan(tmp_path, threads=3, batch_rows=7)._core.stream()

    def run(_: int) -> int:
        found = 0
        while (batch := stream.next_batch()) is not None:
            found += len(batch[1])
            assert stream.summary()["sources"] <= 20
        return found

    assert sum(in_threads(run)) == 1000


REENTERED = """
import gc, sys, respstream
from tests.support.minimal_streams import DELTA

decoder = respstream.Decoder()
decoder.feed(DELTA)
view, reported = decoder.response, set()

class Finalized:
    "What the collector finalizes while events are made uses the decoder that makes them."
    def __init__(self): self.me = self
    def __del__(self):
        for use in (lambda: decoder.feed(DELTA), lambda: decoder.response, lambda: decoder.diagnostics, decoder.finish,
                    lambda: view.output_text, lambda: view.to_dict(), lambda: view.id):
            try:
                use()
                reported.add("used")
            except RuntimeError as error:
                reported.add(str(error))

gc.set_threshold(20, 2, 2)
kept = []  # the objects of events that nobody has are used again, which the collector does not see
for _ in range(20):
    gc.disable()
    [Finalized() for _ in range(5)]
    gc.enable()
    kept.append(decoder.feed(DELTA * 200))
gc.disable()
assert view.output_text == "Hi" * 4001, len(view.output_text)
print(*reported, sep="\\n")
"""


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="the collector runs between instructions of Python alone from 3.12 on"
)
def test_finalizer_that_uses_interrupted_decoder_gets_error() -> None:
    assert apart(REENTERED, "rust") == "the decoder was called from within its own feed()\n"


# -- tasks ---------------------------------------------------------------------------------------------------------------


class Source:
    """An asynchronous source that waits in the middle of an event, and knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = False
        self.waits = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            yield BEGIN + ITEM + DELTA + DELTA[:30]
            self.waits.set()
            await asyncio.sleep(3600)
        finally:
            self.closed = True


@pytest.mark.parametrize("name", ["aevents", "aresponses"])
def test_task_cancelled_in_mid_chunk(api: Any, name: str) -> None:
    async def run() -> None:
        source = Source()
        stream = getattr(api, name)(source.chunks())
        found: list[Any] = []

        async def read() -> None:
            async with stream:
                async for one in stream:
                    found.append(one)

        task = asyncio.create_task(read())
        await source.waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.closed
        assert len(found) == (3 if name == "aevents" else 0)
        # Earlier bytes can be read; a diagnostic reports the incomplete response.
        assert stream.response.output_text == "Hi"
        assert not stream.response.complete
        assert [one async for one in stream] == []

    asyncio.run(run())


def test_timeout_closes_stream(api: Any) -> None:
    """A generator that was cancelled cannot go on; nothing is handed out twice or made up."""

    async def run() -> None:
        source = Source()
        stream = api.aevents(source.chunks())
        assert [(await anext(stream)).type for _ in range(3)][-1] == "response.output_text.delta"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.01)
        assert source.closed
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    asyncio.run(run())


def test_many_tasks(api: Any) -> None:
    async def chunks(number: int) -> AsyncIterator[bytes]:
        for start in range(0, len(LOG), 100 + number):
            await asyncio.sleep(0)
            yield LOG[start : start + 100 + number]

    async def text(number: int) -> str:
        (response,) = [response async for response in api.aresponses(chunks(number))]
        return str(response.output_text)

    async def run() -> list[str]:
        return await asyncio.gather(*map(text, range(50)))

    assert asyncio.run(run()) == ["Hi" * 50] * 50


# -- closed early --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["events", "responses"])
@pytest.mark.parametrize("how", ["close", "with", "drop", "error"])
def test_early_close_releases_source(api: Any, name: str, how: str) -> None:
    closed = []

    def chunks() -> Iterator[bytes]:
        try:
            while True:
                yield LOG
        finally:
            closed.append(True)

    stream = getattr(api, name)(chunks())
    next(stream)
    if how == "close":
        stream.close()
    elif how == "with":
        with stream:
            next(stream)
    elif how == "drop":
        del stream
        gc.collect()
    else:
        with pytest.raises(ZeroDivisionError), stream:  # noqa: PT012
            for _ in stream:
                raise ZeroDivisionError
    assert closed == [True]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks Linux for the open files")
def test_files_are_closed_and_threads_end(api: Any, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.jsonl" for number in range(30)]
    for path in paths:
        path.write_bytes(LOG * 200)

    def opened() -> int:
        found = (os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir())
        return sum(place.startswith(str(tmp_path)) for place in found)

    for path in paths:
        next(api.events(path))  # and dropped
    scan = respstream.scan(tmp_path, threads=3, batch_rows=10)
    batches = scan.batches()
    next(batches)
    del batches, scan
    gc.collect()
    end = time.monotonic() + 10
    while (opened() or own_threads()) and time.monotonic() < end:
        time.sleep(0.01)
    assert (opened(), own_threads()) == (0, [])


def own_threads() -> list[str]:
    """The names of the scan's threads that run."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        try:
            names.append((task / "comm").read_text("ascii").strip())
        except OSError:  # it has just ended
            continue
    return [name for name in names if name.startswith("respstream")]


# -- processes -----------------------------------------------------------------------------------------------------------


FORKED = """
import os, sys, threading, respstream
from tests.support.minimal_streams import BEGIN, DELTA, END, ITEM

LOG = BEGIN + ITEM + DELTA * 50 + END
decoder = respstream.Decoder()
decoder.feed(BEGIN + ITEM + DELTA)
view = decoder.response
scan = respstream.scan(sys.argv[1], threads=3, batch_rows=10)
batches = scan.batches()
next(batches)
child = os.fork()
# Parent and child go on by themselves.
decoder.feed(DELTA * (3 if child else 5))
assert view.output_text == "Hi" * (4 if child else 6)
assert [r.output_text for r in respstream.responses(LOG * 3)] == ["Hi" * 50] * 3
assert sum(len(batch) for batch in respstream.scan(sys.argv[1], threads=3).batches()) == 2000
if child:
    assert sum(len(batch) for batch in batches) == 1990
    assert os.waitpid(child, 0)[1] == 0
    print("both")
else:
    try:
        print(sum(len(batch) for batch in batches))
    except RuntimeError as error:
        assert "start another" in str(error), error
    else:
        assert respstream.BACKEND == "python"  # it has no threads
    del batches, scan
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_objects_work_after_fork(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.jsonl").write_bytes(LOG * 100)
    assert apart(FORKED, "rust", str(tmp_path)).endswith("both\n")


INTERPRETERS = """
import _xxsubinterpreters as interpreters
import sys

PROGRAM = "import respstream; (e,) = respstream.events(b'{}'); assert isinstance(e, respstream.Event); print(respstream.BACKEND)"
PROGRAM = PROGRAM.replace("{}", '{"type":"x"}')
first = interpreters.create()
for which in (first, interpreters.create()):
    try:
        interpreters.run_string(which, PROGRAM)
    except interpreters.RunFailedError as error:
        print(error)
    sys.stdout.flush()
    interpreters.destroy(which)
try:
    import respstream
    print(respstream.BACKEND, len(list(respstream.events(b'{"type":"x"}'))))
except ImportError as error:
    print(error)
"""


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the module has another name from 3.13 on")
@pytest.mark.parametrize("backend", BACKENDS)
def test_subinterpreters(backend: str) -> None:
    """The extension serves the first thread, and others get an error; the fallback serves all."""
    reported = apart(INTERPRETERS, backend).splitlines()
    if backend == "python":
        assert reported == ["python", "python", "python 1"]
    else:
        assert reported[0] == "rust"
        assert all("RESPSTREAM_BACKEND=python" in line for line in reported[1:])
        assert len(reported) == 3


# -- the end of the process ----------------------------------------------------------------------------------------------


ENDING = """
import sys, threading, respstream
from tests.support.minimal_streams import BEGIN, DELTA, END

batches = respstream.scan(sys.argv[1], threads=4, batch_rows=1).batches()
next(batches)
decoder = respstream.Decoder()
def feed():
    while True: decoder.fold(DELTA * 1000); decoder.feed(DELTA * 100)
for _ in range(3): threading.Thread(target=feed, daemon=True).start()
print("leaves", flush=True)
sys.exit(0)
"""


OPENED = """
class Endless:
    def read(self, size): return (BEGIN + DELTA * 1000 + END)[:size]
    def close(self): pass

from respstream.inputs import paths
paths.inputs = lambda _: [paths.Input(str(n), Endless) for n in range(4)]
"""


def test_interpreter_exits_while_threads_read_python_files() -> None:
    program = ENDING.replace("\nbatches =", f"{OPENED}\nbatches =", 1)
    assert program != ENDING
    for _ in range(3):
        assert apart(program, "rust", "made") == "leaves\n"


def test_interpreter_exits_while_threads_read(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(LOG * 5000)
    for _ in range(3):
        assert apart(ENDING, "rust", str(tmp_path)) == "leaves\n"


def interrupted(backend: str, program: str, tmp_path: Path) -> tuple[int, str]:
    """The exit status and output of a program that reads an endless pipe and gets Ctrl-C."""
    os.mkfifo(tmp_path / "pipe")
    env = os.environ | {"RESPSTREAM_BACKEND": backend, "PYTHONPATH": str(ROOT / "python")}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "pipe")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        with (tmp_path / "pipe").open("wb") as pipe:
            pipe.write(LOG * 100)
            pipe.flush()
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            _, reported = process.communicate(timeout=30)
            return process.returncode, reported.decode()


@pytest.mark.skipif(os.name != "posix", reason="a signal")
def test_ctrl_c_stops_long_read(tmp_path: Path) -> None:
    program = "import respstream, sys; print(0, flush=True); [0 for _ in respstream.responses(open(sys.argv[1], 'rb'))]"
    status, _ = interrupted("rust", program, tmp_path)
    assert status == -signal.SIGINT


WAITS = "import respstream, sys; print(0, flush=True); scan = respstream.scan(sys.argv[1], 'diagnostics'); "


@pytest.mark.skipif(os.name != "posix", reason="a signal")
@pytest.mark.parametrize("backend", ["rust", "python"])
def test_ctrl_c_stops_scan_without_rows(backend: str, tmp_path: Path) -> None:
    """A table of the diagnostics of good logs may have none for hours."""
    assert interrupted(backend, WAITS + "list(scan.batches())", tmp_path)[0] == -signal.SIGINT


@pytest.mark.skipif(os.name != "posix", reason="a signal")
@pytest.mark.parametrize("reads", ["import pyarrow; pyarrow.table(scan)", "import polars; polars.DataFrame(scan)"])
def test_ctrl_c_stops_reader_of_arrow_capsule(reads: str, tmp_path: Path) -> None:
    """The exception cannot pass through the reader, which raises its own."""
    library = reads.split()[1].rstrip(";")
    program = f"import {library}; " + WAITS + reads
    status, reported = interrupted("rust", program, tmp_path)
    assert status != 0
    assert "interrupted" in reported or "KeyboardInterrupt" in reported
