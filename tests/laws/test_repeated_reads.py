"""Reading a list or all members of an object takes time in proportion to its size, not to its square."""

from __future__ import annotations

import copy
import gc
import json
import sys
import threading
from types import ModuleType
from typing import Any

import pytest

from respstream._codes import DIAGNOSTICS


def steps(run: Any) -> int:
    """The calls of Python and C functions, and the lines, that a function takes; what the extension does itself is not counted."""
    count = 0

    def trace(*_: Any) -> None:
        nonlocal count
        count += 1

    sys.setprofile(trace)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def members(count: int) -> dict[str, int]:
    return {f"member_{number}": number for number in range(count)}


def test_each_diagnostic_is_one_object(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    for number in range(50):
        decoder.feed(b"data: {\n\n")
        found = decoder.diagnostics
        assert len(found) == number + 1
        assert found is not decoder.diagnostics
        assert all(one is other for one, other in zip(found, decoder.diagnostics, strict=True))
    decoder.reset()
    assert decoder.diagnostics == []
    decoder.feed(b"data: [\n\n")
    assert [one.code for one in decoder.diagnostics] == ["bad_json"]


def test_reads_of_diagnostics_make_no_objects(backend: ModuleType) -> None:
    def run(count: int) -> int:
        decoder = backend.Decoder()
        decoder.feed(b"data: {\n\n" * count)
        first = decoder.diagnostics
        gc.collect()
        before = sys.getallocatedblocks()
        kept = [decoder.diagnostics for _ in range(20)]
        assert kept[0] == first
        return sys.getallocatedblocks() - before

    assert run(2_000) < 300


def test_diagnostics_of_a_response_get_its_id(api: Any) -> None:
    """Also those that were read before the id was known."""
    decoder = api.Decoder()
    decoder.feed(b'data: {"type":"response.in_progress","response":{}}\n\ndata: {\n\n')
    before = [(one.code, one.response_id) for one in decoder.diagnostics]
    assert {code for code, _ in before} >= {"bad_json"}
    decoder.feed(b'data: {"type":"response.completed","response":{"id":"r1","status":"completed"}}\n\n')
    decoder.finish()
    expected = api.Decoder()
    expected.feed(b'data: {"type":"response.in_progress","response":{}}\n\ndata: {\n\n')
    expected.feed(b'data: {"type":"response.completed","response":{"id":"r1","status":"completed"}}\n\n')
    expected.finish()
    assert decoder.diagnostics == expected.diagnostics
    assert decoder.response.diagnostics == expected.response.diagnostics
    assert all(
        one is other for one, other in zip(decoder.response.diagnostics, decoder.response.diagnostics, strict=True)
    )


def test_threads_read_diagnostics_while_a_decoder_is_fed(backend: ModuleType) -> None:
    decoder, failures = backend.Decoder(), list[str]()
    running = threading.Event()

    def poll() -> None:
        running.wait()
        previous = 0
        for _ in range(300):
            found = decoder.diagnostics
            if len(found) < previous or any(one.code != "bad_json" for one in found):
                failures.append(repr(found))
            previous = len(found)

    threads = [threading.Thread(target=poll) for _ in range(4)]
    for thread in threads:
        thread.start()
    running.set()
    for _ in range(200):
        decoder.feed(b"data: {\n\n")
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(decoder.diagnostics) == 200


def event(api: Any, count: int) -> Any:
    (found,) = api.events(b"data: " + json.dumps({"type": "x.y", **members(count)}).encode() + b"\n\n")
    return found


def response(api: Any, count: int) -> Any:
    value = {"id": "r", "status": "completed", "output": [], **members(count)}
    (found,) = api.responses(
        b"data: " + json.dumps({"type": "response.completed", "response": value}).encode() + b"\n\n"
    )
    return found


@pytest.mark.parametrize("make", [event, response, lambda api, count: copy.copy(response(api, count))])
def test_members_are_found_once(api: Any, make: Any) -> None:
    """As many members twice take twice the work; the time bounds what the extension does in one call."""
    work = []
    for count in (1_000, 2_000):
        found = make(api, count)
        names = list(members(count))
        work.append(steps(lambda found=found, names=names: [getattr(found, name) for name in names]))
        assert [getattr(found, name) for name in names] == list(range(count))
        with pytest.raises(AttributeError):
            _ = found.member_x
    assert work[1] < 2.5 * work[0]


@pytest.mark.parametrize("make", [event, response])
def test_twenty_thousand_members(api: Any, make: Any) -> None:
    found = make(api, 20_000)
    assert [getattr(found, name) for name in members(20_000)] == list(range(20_000))


def test_counts_have_one_order(backend: ModuleType) -> None:
    decoder = backend.Decoder()
    decoder.feed(b'stray\n\ndata: {"a":1}\n\ndata: {\n\ndata: {"type":"x"}\n\ndata: \xff\n\n')
    decoder.finish()
    codes = list(decoder.diagnostic_counts)
    assert len(codes) > 3
    assert codes == [code for code in DIAGNOSTICS if code in codes]
