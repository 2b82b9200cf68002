"""The fast paths of the compiled backend: each can be forced, all return the same, and real logs use them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benches import completions, messages, shapes
from tests.support import messages_hostile, random_streams, readings
from tests.support.strategies import examples, rngs, sources

# Switches: fast path for whole blocks, event cache, value cache, slots filled by name.
PATHS = [
    pytest.param((False, True, True, False), id="framed line by line"),
    pytest.param((True, False, True, False), id="nothing recognised"),
    pytest.param((True, True, False, False), id="nothing remembered"),
    pytest.param((False, False, False, False), id="none"),
    pytest.param((True, True, True, True), id="slots by name"),
]
Path = tuple[bool, bool, bool, bool]
SIZE = 60_000


@pytest.fixture(scope="module")
def rust(backends: tuple[ModuleType, ModuleType]) -> Iterator[ModuleType]:
    native = backends[0]
    yield native
    native.fill_slots_by_name(False)


def read(rust: ModuleType, source: bytes, path: Path, size: int | None = None) -> tuple[Any, dict[str, int]]:
    """The reading of a decoder with this path, for chunks of that size; and its counters."""
    plain, predict, remember, by_name = path
    rust.fill_slots_by_name(by_name)
    decoder = rust.Decoder()
    decoder._choose_paths(whole_blocks=plain, event_cache=predict, value_cache=remember)
    parts = [source] if size is None else [source[at : at + size] for at in range(0, len(source), size)]
    return readings.reading(decoder, readings.feed_all(decoder, parts)), decoder._counters()


ALL = (True, True, True, False)
NONE = (False, False, False, False)


@pytest.mark.parametrize("path", PATHS)
@examples(200)
@given(source=rngs.map(random_streams.runs))
def test_similar_events(rust: ModuleType, path: Path, source: bytes) -> None:
    assert read(rust, source, path)[0] == read(rust, source, ALL)[0]


@pytest.mark.parametrize("path", PATHS)
@examples(60)
@given(source=sources())
def test_any_bytes(rust: ModuleType, path: Path, source: bytes) -> None:
    assert read(rust, source, path)[0] == read(rust, source, ALL)[0]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("order", ["alphabetical", "type_last"])
@pytest.mark.parametrize("shape", ["mixed", "logprobs", "unicode_escapes"])
def test_real_logs(rust: ModuleType, path: Path, shape: str, order: str) -> None:
    log = shapes.SHAPES[shape](1, SIZE, key_order=order)
    assert read(rust, log.data, path)[0] == read(rust, log.data, ALL)[0]


@pytest.mark.parametrize("form", ["sse", "jsonl"])
@pytest.mark.parametrize("order", ["alphabetical", "type_last"])
def test_chat_log_uses_fast_paths(rust: ModuleType, order: str, form: str) -> None:
    log = shapes.SHAPES["chat"](1, 4 * SIZE, key_order=order, form=form)
    counters = read(rust, log.data, ALL)[1]
    deltas = len(re.findall(rb'"type":"[a-z._]+\.delta"', log.data))
    assert counters["framed"] >= 0.99 * log.events
    assert counters["recognised"] >= 0.95 * deltas
    assert counters["appended"] >= 0.95 * deltas


def fold(rust: ModuleType, source: bytes, path: Path, size: int) -> tuple[list[dict[str, Any]], Any, dict[str, int]]:
    """The responses and diagnostics of a decoder that creates no events; and its counters."""
    decoder = rust.Decoder()
    plain, predict, remember, _ = path
    decoder._choose_paths(whole_blocks=plain, event_cache=predict, value_cache=remember)
    found = [response for at in range(0, len(source), size) for response in decoder.fold(source[at : at + size])]
    found += decoder.fold_end()
    return [readings.plain_response(response) for response in found], decoder.diagnostics, decoder._counters()


@pytest.mark.parametrize("path", PATHS[:-1])
@examples(200)
@given(source=rngs.map(random_streams.runs), size=st.integers(1, 4000))
def test_responses_of_similar_events(rust: ModuleType, path: Path, source: bytes, size: int) -> None:
    assert fold(rust, source, path, size)[:2] == fold(rust, source, ALL, len(source) + 1)[:2]


@pytest.mark.parametrize("shape", sorted(shapes.SHAPES.keys() - {"image"}))
@pytest.mark.parametrize("form", ["sse", "jsonl"])
def test_responses_of_real_logs(rust: ModuleType, shape: str, form: str) -> None:
    """Whole and cut, by every path, with single deltas and with delta runs."""
    log = shapes.SHAPES[shape](2, SIZE, form=form)
    reported, diagnostics, counters = fold(rust, log.data, ALL, len(log.data))
    assert (
        fold(rust, log.data, NONE, len(log.data))[:2] == (reported, diagnostics) == fold(rust, log.data, ALL, 1000)[:2]
    )
    assert [len(log.responses), log.events] == [len(reported), sum(response["events"] for response in reported)]
    if shape != "logprobs":
        assert counters["in_runs"] >= 0.8 * log.deltas
    assert counters["cached_values"] >= 3 * len(reported)


def test_most_bytes_match_previous_event(rust: ModuleType) -> None:
    """The terminal event repeats the settings of the first event and the output of the items."""
    log = shapes.SHAPES["long_lifecycle"](1, 4 * SIZE)
    known = fold(rust, log.data, ALL, len(log.data))[2]["cached_bytes"]
    lifecycle = sum(len(block) for block in log.data.split(b"\n\n") if b'"response":{' in block)
    assert known >= 0.6 * lifecycle


def test_logprobs_are_recognised(rust: ModuleType) -> None:
    log = shapes.SHAPES["logprobs"](1, 4 * SIZE)
    counters = read(rust, log.data, ALL)[1]
    assert counters["recognised"] >= 0.8 * log.events


@pytest.mark.parametrize("shape", completions.SHAPES)
def test_chunks_are_recognised(rust: ModuleType, shape: str) -> None:
    """Also those with log probabilities, with a usage that changes, and with pieces of tool calls."""
    log = completions.make(shape, 1, 2 * SIZE)
    counters = read(rust, log.data, ALL)[1]
    share = {"short": 0.6, "tool calls": 0.8}.get(shape, 0.9)
    assert counters["recognised"] >= share * log.deltas
    assert counters["appended"] >= share * log.deltas
    assert fold(rust, log.data, ALL, 4000)[0] == fold(rust, log.data, NONE, len(log.data))[0]


@pytest.mark.parametrize("form", ["sse", "jsonl"])
@pytest.mark.parametrize("shape", messages.SHAPES)
def test_deltas_of_messages_are_recognised(rust: ModuleType, shape: str, form: Any) -> None:
    """Also the pieces of inputs, of which blocks have few."""
    log = messages.make(shape, 1, 2 * SIZE, form)
    share = {"tool calls": 0.7, "short": 0.4}.get(shape, 0.9)
    counters = read(rust, log.data, ALL)[1]
    assert counters["framed"] >= 0.99 * log.events or form == "jsonl"
    assert counters["recognised"] >= share * log.deltas
    assert counters["appended"] >= share * log.deltas
    folded, diagnostics, counters = fold(rust, log.data, ALL, len(log.data))
    assert counters["in_runs"] >= (share - 0.1) * log.deltas
    assert fold(rust, log.data, NONE, 4000)[:2] == (folded, diagnostics) == fold(rust, log.data, ALL, 1000)[:2]
    assert [one["output_text"] for one in folded] == [one["output_text"] for one in log.responses]


@pytest.mark.parametrize("path", PATHS)
def test_messages_of_any_kind(rust: ModuleType, path: Path) -> None:
    for number in range(100):
        source = messages_hostile.source(number)
        assert read(rust, source, path)[0] == read(rust, source, ALL)[0] == read(rust, source, ALL, 37)[0]
        assert fold(rust, source, path, 50)[:2] == fold(rust, source, ALL, len(source))[:2]


def test_disabled_paths_are_not_used(rust: ModuleType) -> None:
    log = shapes.SHAPES["mixed"](1, SIZE)
    counters = read(rust, log.data, NONE)[1]
    taken = ("framed", "recognised", "appended", "in_runs", "cached_values")
    assert [counters[name] for name in taken] == [0, 0, 0, 0, 0]


def test_prediction_rests_after_events_that_never_repeat(rust: ModuleType) -> None:
    """Events that never repeat are compared with cached ones only now and then."""
    rng = random.Random(1)
    delta = b'data: {"type":"response.output_text.delta","delta":"a","n":%d}\n\n'
    source = b"".join(delta % rng.getrandbits(60) for _ in range(4_000))
    counters = read(rust, source, ALL)[1]
    assert counters["recognised"] == 0
    assert counters["not_recognised"] < 400


def test_prediction_does_not_rest_in_short_responses(rust: ModuleType) -> None:
    """They have more events that are no deltas, and come in no run, than deltas."""
    log = shapes.SHAPES["short"](1, SIZE)
    counters = read(rust, log.data, ALL)[1]
    assert counters["recognised"] >= log.deltas - 2 * len(log.responses)


@pytest.mark.parametrize("size", [1, 7, 100, 4096])
def test_alternating_lanes(rust: ModuleType, size: int) -> None:
    """Two alternating templates with different texts."""
    lines = []
    for lane in (b"a", b"b"):
        begin = b'{"type":"response.created","response":{"id":"%s","output":[]},"stream_id":"%s","sequence_number":0}\n'
        lines.append(begin % (lane, lane))
    for number in range(1, 60):
        for lane in (b"a", b"b"):
            event = b'{"type":"response.output_text.delta","delta":"%s%d ","stream_id":"%s","sequence_number":%d}\n'
            lines.append(event % (lane, number, lane, number))
    source = b"".join(lines)
    reading, counters = read(rust, source, ALL, size)
    assert reading == read(rust, source, NONE)[0]
    if size > 7:
        assert counters["appended"] > 80
