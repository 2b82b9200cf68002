"""Released objects free their memory: it is flat over a million events and a thousand of every other object.

Each use runs in a separate process: a warm-up, then ten times as often; `make soak` makes it two hundred times.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import respstream
from respstream import _backend, types
from tests.support.minimal_streams import BEGIN, DELTA, END, ITEM
from tests.support.paths import ROOT

LOG = BEGIN + ITEM + DELTA * 97 + END  # a hundred events
CALL = b'{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{\\"a\\":"}\n'
ODD = b'{"type":"x"}\n{]\ndata: {}\n\n{"type":"response.output_text.delta","output_index":-1,"delta":"\xff"}\n'


def events() -> None:
    """Ten thousand events of every kind that are read and dropped."""
    decoder = respstream.Decoder()
    for _ in range(100):
        for event in decoder.feed(LOG):
            assert event.type
        decoder.reset()


def members() -> None:
    """Events and payloads whose members are read by the way that decodes them."""
    for event in respstream.Decoder().feed(LOG):
        assert event.to_dict()["type"] == event.type
        assert event == event
        if isinstance(event, types.ResponseCreatedEvent):
            assert event.response.output == []


def folded() -> None:
    """Responses that are read in all ways, open and finished."""
    decoder = respstream.Decoder()
    decoder.feed(BEGIN + ITEM + DELTA + CALL)
    for response in [*decoder.responses, *decoder.fold(CALL + LOG), *decoder.fold_end()]:
        assert response.to_dict()
        assert response.output_text
        assert all(call.arguments for call in response.tool_calls)
        assert response.diagnostics is not None
    list(respstream.responses(LOG * 10))


def odd() -> None:
    """Diagnostics, and exceptions that refer to events."""
    decoder = respstream.Decoder()
    decoder.feed(ODD)
    assert [diagnostic.to_dict() for diagnostic in decoder.diagnostics]
    for strict in (respstream.Decoder(strict=True), respstream.Decoder(strict=True, form="jsonl")):
        with pytest.raises(respstream.StreamError) as failed:
            strict.feed(LOG + ODD)
        assert failed.value.events
    for wrong in ("text", None, 7):
        with contextlib.suppress(TypeError):
            decoder.feed(wrong)  # type: ignore[arg-type]
    with contextlib.suppress(ValueError):
        respstream.Decoder(form="none")  # type: ignore[arg-type]


def messages() -> None:
    """Server-sent events."""
    decoder = respstream.sse.Decoder()
    for _ in decoder.feed(b"event: x\nid: 1\nretry: 10\ndata: y\n\n" * 100):
        pass
    decoder.finish()


def accumulated() -> None:
    """Events that are folded again, as objects and as dicts."""
    accumulator = respstream.Accumulator()
    for event in respstream.Decoder().feed(LOG):
        accumulator.add(event)
        accumulator.add(event.to_dict())
    assert accumulator.response is not None


def asynchronous() -> None:
    """Tasks that are cancelled in mid-chunk."""

    async def chunks() -> AsyncIterator[bytes]:
        yield LOG[:900]
        await asyncio.sleep(60)

    async def read() -> None:
        async for _ in respstream.aevents(chunks()):
            pass

    async def run() -> None:
        tasks = [asyncio.create_task(read()) for _ in range(20)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())


def scanned() -> None:
    """Scans that are read to their end or left, their batches handed over."""
    import pyarrow as pa

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "log.jsonl").write_bytes(LOG * 20)
        scan = respstream.scan(folder, threads=2, batch_rows=7)
        assert pa.table(scan).num_rows == 20
        for batch in scan.batches():
            assert pa.record_batch(batch).num_rows
            break
        assert respstream.schema("events")
        assert scan.summary is not None


USES: dict[str, tuple[Callable[[], None], int]] = {
    "events": (events, 10),
    "members": (members, 10),
    "folded": (folded, 20),
    "odd": (odd, 20),
    "messages": (messages, 20),
    "accumulated": (accumulated, 5),
    "asynchronous": (asynchronous, 20),
    "scanned": (scanned, 5),
}
"""The uses, and how often they are made until everything has settled; the fallback a tenth of it."""
SOAK = int(os.environ.get("RESPSTREAM_SOAK") or 1)
CLASSES = [
    types.ResponseTextDeltaEvent,
    types.ResponseCreatedEvent,
    types.UnknownEvent,
    respstream.Response,
    dict,
    list,
]


def state() -> dict[str, int]:
    """Resident bytes, blocks that Python has, and references to classes that objects of ours refer to."""
    gc.collect()
    resident = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    references = sum(map(sys.getrefcount, CLASSES))
    return {
        "resident": int(resident[1]) << 10 if resident else 0,
        "blocks": sys.getallocatedblocks(),
        "references": references,
    }


def grown(name: str) -> dict[str, int]:
    """By how much each grows while the use is made ten times as often as it took to settle."""
    use, often = USES[name]
    often = often if _backend.BACKEND == "rust" else max(often // 10, 1)
    for _ in range(often):
        use()
    before = state()
    for _ in range(often * 10 * SOAK):
        use()
    return {what: value - before[what] for what, value in state().items()}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the memory")
@pytest.mark.parametrize("backend", ["rust", "python"])
@pytest.mark.parametrize("name", USES)
def test_memory_does_not_grow(backend: str, name: str) -> None:
    env = os.environ | {"RESPSTREAM_BACKEND": backend, "PYTHONPATH": str(ROOT / "python"), "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, "-m", "tests.laws.test_leaks", name]
    found = {}
    for _ in range(3):  # memory that allocators cache varies by run; a leak appears in every run
        done = subprocess.run(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, check=True)
        found = json.loads(done.stdout)
        # Hundreds of uses: some blocks for each would be many more. The event loops of asyncio keep some hundred for a while.
        if found["blocks"] < 500 and found["references"] < 10 and found["resident"] < 4 << 20:
            return
    pytest.fail(f"grows: {found}")


def main(arguments: list[str]) -> Any:
    """Runs one use, and prints the growth of each quantity."""
    print(json.dumps(grown(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
