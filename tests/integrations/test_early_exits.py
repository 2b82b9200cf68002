"""Asynchronous streams that a program leaves early: no generator is left open that the SDK alone would not leave open."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.sdk_kits import KITS

# trio warns of a generator or closes it in silence, depending on the addresses of objects. The generators are counted instead.
PROGRAM = """
import gc
import inspect
import json
import sys
import weakref

from respstream.integrations import _plans
from tests.support.sdk_kits import KITS

name, loop, speed, plans = sys.argv[1:]
kit = next(kit for kit in KITS if kit.name == name)
client = kit.local(kit.chunks, asynchronous=True)
if speed == "fast":
    kit.integration.accelerate(client)
    if plans == "proved":
        kit.plans.prepare()
    else:  # the SDK makes all events, which takes a generator of the SDK's
        _plans._FREQUENT = _plans._FREQUENT_WITH_UNIONS = sys.maxsize

async def read(stream, events):
    taken = 0
    async for event in stream:
        taken += 1
        if taken == events:
            break

async def create(events):
    stream = await kit.create(client)
    await read(stream, events)
    return stream

async def stream(events):
    async with kit.stream(client) as stream:
        await read(stream, events)
    return stream

async def count(how, events):
    begun, before = [], sys.get_asyncgen_hooks()

    def first(generator):
        begun.append(weakref.ref(generator))
        before.firstiter(generator)

    sys.set_asyncgen_hooks(firstiter=first)
    stream = await how(events)  # still referred to
    found = [generator() for generator in begun]
    return sum(generator is not None and generator.ag_frame is not None for generator in found)

def is_open(value):
    return inspect.isasyncgen(value) and value.ag_frame is not None

counts = []
for events in (1000, 1, 4):
    for how in (create, stream):
        for _ in range(3):
            if loop == "trio":
                import trio
                counts.append(trio.run(count, how, events))
            else:
                import asyncio
                counts.append(asyncio.run(count(how, events)))
gc.collect()  # generators that were not begun
assert not any(map(is_open, gc.get_objects())), "not closed with the loop"
print(json.dumps(counts))
"""


@pytest.mark.parametrize("plans", ["proved", "unproved"])
@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize("name", [kit.name for kit in KITS])
def test_generators_left_open(name: str, loop: str, plans: str) -> None:
    counts = []
    for speed in ("slow", "fast"):
        command = [sys.executable, "-W", "error", "-c", PROGRAM, name, loop, speed, plans]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
        counts.append(json.loads(done.stdout))
        if loop == "asyncio":
            assert done.stderr == ""
        assert "Error" not in done.stderr
    slow, fast = counts
    assert max(slow) > 1
    assert all(ours <= theirs for ours, theirs in zip(fast, slow, strict=True)), counts
