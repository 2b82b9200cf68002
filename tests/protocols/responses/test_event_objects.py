"""Event objects own their data, independently of other events and of how they were created."""

from __future__ import annotations

import contextlib
import gc
import random
import threading
import tracemalloc
from typing import Any

import pytest

from benches import shapes
from respstream.protocols.event import Event, UnknownEvent
from respstream.types import ResponseRefusalDeltaEvent, ResponseTextDeltaEvent

KEPT = ("raw", "offset", "stream_id", "sequence_number", "_named")
LOG = shapes.chat(3, 300_000).data


def block(number: int, kind: str = "response.output_text.delta", more: str = "") -> bytes:
    return (
        f'data: {{"type":"{kind}","item_id":"m","output_index":0,"content_index":0,"delta":"{number}",'
        f'"sequence_number":{number}{more}}}\n\n'
    ).encode()


def check(event: Any, log: bytes) -> None:
    """An event matches its position in the log."""
    line = log[event.offset :].partition(b"\n\n")[0]
    assert line.endswith(b"data: " + event.raw)
    members = event.to_dict()
    assert (event.type, event.sequence_number) == (members["type"], members["sequence_number"])
    if "delta" in members:
        assert (event.delta, event.item_id) == (members["delta"], members["item_id"])


def test_stored_events_do_not_change(api: Any) -> None:
    """Those around them are let go, and others take their place."""
    rng = random.Random(4)
    for chunk in (300, 4_000, 70_000, len(LOG)):
        decoder, kept = api.Decoder(), []
        for start in range(0, len(LOG), chunk):
            kept += [event for event in decoder.feed(LOG[start : start + chunk]) if rng.random() < 0.1]
            if rng.random() < 0.1:
                kept = kept[::2]
        assert kept
        for event in kept:
            check(event, LOG)


@pytest.mark.parametrize("size", [10, 900, 1_100, 3_999, 4_001, 70_000])
def test_payloads_of_any_size(api: Any, size: int) -> None:
    log = b"".join(block(number, more=f',"more":"{"x" * (size + number % 3)}"') for number in range(40))
    for event in api.Decoder().feed(log):
        raw = event.raw
        assert len(raw) > size
        assert event.raw is raw
        check(event, log)


@pytest.mark.parametrize("name", KEPT)
def test_attributes_can_be_set(api: Any, name: str) -> None:
    made: Any = api.Decoder().feed(block(7))[0]
    fresh: Any = object.__new__(ResponseTextDeltaEvent)
    for event in (made, fresh):
        for value in (b"x", "y", None, 1 << 80, made):
            setattr(event, name, value)
            assert getattr(event, name) is value
        delattr(event, name)
        assert not hasattr(event, name)
        with pytest.raises(AttributeError):
            delattr(event, name)
    with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
        getattr(object.__new__(UnknownEvent), name)


@pytest.mark.parametrize("number", [None, 0, -1, 2**53, 2**62, -(2**62)])
def test_numbers(api: Any, number: int | None) -> None:
    payload = b'data: {"type":"keepalive"}\n\n'
    if number is not None:
        payload = b'data: {"type":"keepalive","sequence_number":%d}\n\n' % number
    for event in api.Decoder().feed(payload * 3):
        assert event.sequence_number == number
        assert event.sequence_number in (number,)


def test_classes_with_own_slots(api: Any) -> None:
    """A class that derives from an event's, and an event that changes its class, leave the others alone."""

    class Mine(ResponseTextDeltaEvent):
        __slots__ = ("mine",)

        def __getattr__(self, name: str) -> str:
            return f"no {name}"

    mine: Any = Mine()
    mine.raw, mine.mine = b"{}", 5
    assert (mine.raw, mine.mine, mine.unheard_of, mine.delta) == (b"{}", 5, "no unheard_of", "no delta")
    for _ in range(20):
        events: list[Any] = api.Decoder().feed(b"".join(map(block, range(50))))
        same: list[Any] = api.Decoder().feed(b"".join(block(n, "response.audio.delta") for n in range(50)))
        for event in events[::3]:
            with contextlib.suppress(TypeError):  # of another layout
                event.__class__ = ResponseRefusalDeltaEvent
        del same[::2]
        for event in (*events, *same):
            number = event.sequence_number
            assert event.raw in (block(number)[6:-2], block(number, "response.audio.delta")[6:-2])


def test_memory_of_stored_events(api: Any) -> None:
    """One event that is kept keeps a few kilobytes, not the log that it came from."""
    size = len(LOG) * 6
    for every, most in ((100, 6_000), (1, 1_800)):
        gc.collect()
        tracemalloc.start()
        try:
            kept = [event for number, event in enumerate(api.events(LOG * 6)) if number % every == 0]
            taken = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert size / every / 500 < len(kept)
        assert taken < most * len(kept) + 400_000


def test_events_freed_in_other_threads(api: Any) -> None:
    """Events that one thread makes and another one drops."""
    lists: list[list[Any]] = []
    wrong: list[BaseException] = []

    def make() -> None:
        try:
            for _ in range(15):
                lists.append([event for event in api.events(LOG) if event.sequence_number % 3])
                for event in lists.pop(0)[::50]:
                    check(event, LOG)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_events_share_base_class(backends: Any) -> None:
    """Whichever backend makes them."""
    for backend in backends:
        (event,) = backend.Decoder().feed(block(1))
        assert isinstance(event, Event)
        assert type(event) is ResponseTextDeltaEvent
