"""Event objects of both backends as Python objects: missing attributes, subclasses, finalizers and reused memory."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import tracemalloc
import weakref
from types import ModuleType
from typing import Any

import pytest

BLOCK = b'data: {"type":"response.output_text.delta","delta":"a","item_id":"i"}\n\n'
MISSING = """
from respstream._record import Record
class Own(Record):
    pass
for cls in (Record, Own):
    for name in ("foo", "_absent", "raw"):
        try:
            getattr(cls(), name)
        except AttributeError as error:
            print(name in str(error))
"""


@pytest.mark.parametrize("backend", ["rust", "python"])
def test_missing_attribute_of_the_base_class(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, which a recursion without end would end."""
    monkeypatch.setenv("RESPSTREAM_BACKEND", backend)
    done = subprocess.run([sys.executable, "-c", MISSING], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (0, "True\n" * 6), done.stderr


def test_finalizer_runs_for_each_object(backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in memory that another object had before, and for a class that gets its finalizer late."""
    decoder = backend.Decoder()
    for _ in range(3):
        decoder.feed(BLOCK * 50)
    cls = type(decoder.feed(BLOCK)[0])
    count = 0

    def finalize(_: object) -> None:
        nonlocal count
        count += 1

    monkeypatch.setattr(cls, "__del__", finalize, raising=False)
    for _ in range(4):
        decoder.feed(BLOCK * 50)
    assert count == 200
    monkeypatch.undo()
    decoder.feed(BLOCK * 50)
    assert count == 200


def test_kept_event_keeps_no_other_alive(backend: ModuleType) -> None:
    """One of a hundred events is kept: at most twice its payload."""
    payload = b'{"type":"response.output_text.delta","delta":"%d","item_id":"i","more":"' + b"m" * 900 + b'"}'
    blocks = [b"data: " + payload % number + b"\n\n" for number in range(3000)]
    backend.Decoder().feed(b"".join(blocks[:100]))
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [backend.Decoder().feed(b"".join(blocks[at : at + 100]))[50] for at in range(100, 3000, 100)]
        gc.collect()
        memory = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert memory < 2 * sum(len(event.raw) for event in kept)


class Watched:
    """Something whose end can be seen."""


DELTA = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'


@pytest.mark.parametrize("block", [BLOCK, DELTA], ids=["Responses", "Chat"])
def test_slots_are_released(backend: ModuleType, block: bytes) -> None:
    """Of events that the decoder makes, of those made by Python, and of objects of derived classes."""
    decoder = backend.Decoder()
    decoder.feed(block * 3)
    cls = type(decoder.feed(block)[0])

    class Plain(cls):  # type: ignore[misc, valid-type]
        """With a dict and weak references."""

    class Slotted(cls):  # type: ignore[misc, valid-type]
        __slots__ = ("more",)

    def made() -> list[Any]:
        return [*decoder.feed(block * 5), *map(object.__new__, (cls, Plain, Slotted))]

    def fill(name: str) -> list[weakref.ref[Any]]:
        """Objects with a value in a slot, which end with this call."""
        values = [Watched() for _ in made()]
        for event, value in zip(made(), values, strict=True):
            object.__setattr__(event, name, value)
            if isinstance(event, Slotted):
                object.__setattr__(event, "more", value)
        return [weakref.ref(value) for value in values]

    slots = [name for each in cls.__mro__ for name in each.__dict__.get("__slots__", ()) if name[0] != "_"]
    watched: list[weakref.ref[Any]] = [weakref.ref(event) for event in made() if type(event) is Plain]
    for name in slots:
        watched += fill(name)
    assert len(watched) > 8 * len(slots)
    assert all(reference() is None for reference in watched)
    assert decoder.feed(block)[0] == decoder.feed(block)[0]


def test_finalizer_of_a_derived_class(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    cls = type(decoder.feed(BLOCK)[0])
    count = 0

    class Final(cls):  # type: ignore[misc, valid-type]
        def __del__(self) -> None:
            nonlocal count
            count += 1

    for _ in range(5):
        object.__new__(Final)
    assert count == 5


def test_finalizer_that_keeps_its_object(backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = backend.Decoder()
    cls, kept = type(decoder.feed(BLOCK)[0]), []

    def keep(event: Any) -> None:
        kept.append(event)

    monkeypatch.setattr(cls, "__del__", keep, raising=False)
    decoder.feed(BLOCK * 3)
    assert [event.delta for event in kept] == ["a", "a", "a"]
    kept.clear()
    monkeypatch.undo()
    assert [event.delta for event in decoder.feed(BLOCK * 2)] == ["a", "a"]


def test_long_chain_of_objects(backend: ModuleType) -> None:
    """Each event is in a slot of the next: the end of the last one must not use up the stack."""
    decoder = backend.Decoder()
    last: Any = None
    for _ in range(300):
        for event in decoder.feed(BLOCK * 1000):
            object.__setattr__(event, "delta", last)
            last, event = event, None
    last = None
    assert decoder.feed(BLOCK)[0].delta == "a"


def test_released_slots_by_threads(backend: ModuleType) -> None:
    """Threads change while objects end, since the finalizer of a value in a slot runs Python code."""

    class Slow:
        def __del__(self) -> None:
            time.sleep(0.0001)
            ends.append(None)

    ends: list[None] = []

    def run() -> None:
        decoder = backend.Decoder()
        for _ in range(20):
            for event in decoder.feed(BLOCK * 10):
                object.__setattr__(event, "delta", Slow())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 800
