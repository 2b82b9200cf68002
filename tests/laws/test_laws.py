"""The laws for any bytes: split anywhere, nothing lost, strict only raises more; and for well-formed streams: the fold."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from random import Random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import random_streams, readings, wellformed_streams
from tests.support.strategies import OPTIONS, cuts, examples, rngs, scripts, shapes, sources, transcripts

# -- split anywhere --------------------------------------------------------------------------------------------------


@examples(600)
@given(data=st.data(), source=sources(), options=OPTIONS)
def test_split_anywhere(backend: ModuleType, data: st.DataObject, source: bytes, options: dict[str, Any]) -> None:
    whole = readings.read(backend, source, **options)
    assert readings.read(backend, source, readings.every_byte(source), **options) == whole
    assert readings.read(backend, source, data.draw(cuts(source)), **options) == whole


@examples(80)
@given(source=rngs.map(random_streams.source))
def test_split_at_every_byte(backend: ModuleType, source: bytes) -> None:
    source = source[:250]
    whole = readings.read(backend, source)
    for cut in range(1, len(source)):
        assert readings.read(backend, source, [cut]) == whole, cut


@examples(20)
@given(source=transcripts(), data=st.data())
def test_split_transcripts_anywhere(backend: ModuleType, source: bytes, data: st.DataObject) -> None:
    whole = readings.read(backend, source)
    assert readings.read(backend, source, readings.every_byte(source)) == whole
    assert readings.read(backend, source, data.draw(cuts(source))) == whole


@examples(300)
@given(source=sources(), data=st.data())
def test_split_keeps_strict_error(backend: ModuleType, source: bytes, data: st.DataObject) -> None:
    whole = readings.read(backend, source, strict=True)
    assert readings.read(backend, source, data.draw(cuts(source)), strict=True) == whole
    lenient = readings.read(backend, source)
    errors = [d for d in lenient.diagnostics if d["severity"] == "error"]
    if errors:
        assert whole.error is not None
        assert {**whole.error[4], "response_id": None} == {**errors[0], "response_id": None}
        assert lenient.events[: len(whole.events)] == whole.events
    else:
        assert whole == lenient


@examples(120)
@given(source=sources(), data=st.data())
def test_fold_matches_decoder(backend: ModuleType, source: bytes, data: st.DataObject) -> None:
    """`fold` creates no events and drops returned responses; the responses are the same."""
    decoder = backend.Decoder()
    responses = []
    for piece in readings.pieces(source, data.draw(cuts(source))):
        responses += decoder.fold(piece)
    responses += decoder.fold_end()
    whole = readings.read(backend, source)
    assert [readings.plain_response(response) for response in responses] == whole.responses
    assert [diagnostic.to_dict() for diagnostic in decoder.diagnostics] == whole.diagnostics
    assert decoder.responses == []


@examples(120)
@given(source=sources(), before=sources())
def test_reset_decoder_equals_new_decoder(backend: ModuleType, source: bytes, before: bytes) -> None:
    decoder = backend.Decoder()
    decoder.feed(before)
    decoder.reset()
    events = [*decoder.feed(source), *decoder.finish()]
    assert readings.reading(decoder, events) == readings.read(backend, source)


# -- while it runs ---------------------------------------------------------------------------------------------------


@examples(120)
@given(source=sources(), data=st.data())
def test_reading_properties_changes_nothing(backend: ModuleType, source: bytes, data: st.DataObject) -> None:
    """State read in mid-stream equals the state if the input ended there, and reading it changes nothing."""
    decoder = backend.Decoder()
    events = []
    for piece in readings.pieces(source, data.draw(cuts(source))):
        events += decoder.feed(piece)
        for response in decoder.responses:
            readings.plain_response(response)
    events += decoder.finish()
    assert readings.reading(decoder, events) == readings.read(backend, source)


@examples(200)
@given(source=sources())
def test_events_are_values(backend: ModuleType, source: bytes) -> None:
    """Each event's own SSE block parses to an equal event."""
    decoder = backend.Decoder()
    for event in [*decoder.feed(source), *decoder.finish()]:
        again = backend.Decoder(form="sse")
        assert [*again.feed(event.to_sse()), *again.finish()] == [event]


# -- nothing is lost -------------------------------------------------------------------------------------------------


@examples(600)
@given(source=sources())
def test_no_bytes_are_lost(backend: ModuleType, source: bytes) -> None:
    assert readings.lost_lines(backend, source) == []


@pytest.mark.parametrize("limit", [1, 50])
@examples(120)
@given(source=sources())
def test_no_bytes_are_lost_under_limit(backend: ModuleType, limit: int, source: bytes) -> None:
    assert readings.lost_lines(backend, source, max_event_bytes=limit) == []


def test_lost_bytes_are_detected() -> None:
    class Deaf:
        """A backend that hears nothing."""

        class Decoder:
            diagnostics = responses = ()

            def feed(self, _data: bytes) -> list[Any]:
                return []

            def finish(self) -> list[Any]:
                return []

    data = b': comment\nevent: x\ndata: {"type":"x"}\n\nstray\n{"type":"y"}\ndata: [DONE]\n\n'
    assert readings.lost_lines(Deaf, data) == [b'data: {"type":"x"}', b"stray", b'{"type":"y"}']


@examples(400)
@given(source=sources())
def test_spans_lie_in_source(backend: ModuleType, source: bytes) -> None:
    reading = readings.read(backend, source)
    offsets = [event[3][0] for event in reading.events]
    assert offsets == sorted(offsets)
    starts = {0, *offsets}
    for diagnostic in reading.diagnostics:
        start, length, line = diagnostic["offset"], diagnostic["length"], diagnostic["line"]
        assert 0 <= start <= start + length <= len(source), diagnostic
        before = source[:start]
        breaks = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
        assert line == 1 + breaks, diagnostic
    for response in reading.responses:
        start, end, _ = response["span"]
        assert 0 <= start <= end <= len(source)
        assert start in starts or response["events"] == 0 or response["complete"]
        assert all(d["response_id"] == response["id"] for d in response["diagnostics"])
    assert [response["stream_index"] for response in reading.responses] == list(range(len(reading.responses)))


# -- the fold --------------------------------------------------------------------------------------------------------


def fold(backend: ModuleType, events: list[dict[str, Any]]) -> tuple[Any, list[str]]:
    """The one response of the events, and the codes of the diagnostics."""
    decoder = backend.Decoder(form="jsonl")
    decoder.feed(b"".join(json.dumps(event).encode() + b"\n" for event in events))
    decoder.finish()
    (response,) = decoder.responses
    return response, readings.codes(decoder.diagnostics)


@examples(600)
@given(one=scripts())
def test_fold_matches_terminal_event(backend: ModuleType, one: wellformed_streams.Script) -> None:
    response, codes = fold(backend, one.events)
    assert response.to_dict()["output"] == one.output
    assert codes == ["no_terminal"]
    assert not response.complete
    response, codes = fold(backend, [*one.events, one.terminal])
    assert response.to_dict() == one.terminal["response"]
    assert codes == []
    assert response.complete


@examples(400)
@given(one=scripts(), kind=st.sampled_from(["null", "missing", "empty", "tail"]), keep=st.integers(0, 2))
def test_streamed_items_complete_short_output(
    backend: ModuleType, one: wellformed_streams.Script, kind: str, keep: int
) -> None:
    kept = one.output[:keep] if kind == "tail" else []
    response = {**one.terminal["response"], "output": None if kind == "null" else kept}
    if kind == "missing":
        del response["output"]
    folded, codes = fold(backend, [*one.events, {**one.terminal, "response": response}])
    short = len(kept) < len(one.output)
    assert folded.to_dict() == ({**response, "output": one.output} if short else response)
    assert codes == ["output_recovered"] * short


@examples(120)
@given(rng=rngs)
def test_lanes_are_independent(backend: ModuleType, rng: Random) -> None:
    mixed, alone = wellformed_streams.lanes(rng)
    decoder = backend.Decoder(form="jsonl")
    decoder.feed(b"".join(json.dumps(event).encode() + b"\n" for event in mixed))
    decoder.finish()
    assert decoder.diagnostics == []
    found = {response.stream_id: response.to_dict() for response in decoder.responses}
    assert found == {name: one.terminal["response"] for name, one in alone.items()}


@examples(60)
@given(log=shapes())
def test_generated_logs_give_expected_answers(backend: ModuleType, log: Any) -> None:
    decoder = backend.Decoder()
    events = [*decoder.feed(log.data), *decoder.finish()]
    assert len(events) == log.events
    assert sum(r._state.deltas for r in decoder.responses) == log.deltas
    assert {d.code for d in decoder.diagnostics} <= {"missing_blank_line", "unfinished_block"}
    for response, expected in zip(decoder.responses, log.responses, strict=True):
        answer = {name: getattr(response, name) for name in expected.keys() & set(PLAIN)}
        assert answer == {name: expected[name] for name in answer}
        calls = [(c.type, c.call_id, c.name, c.arguments) for c in response.tool_calls]
        assert calls == [tuple(call) for call in expected["tool_calls"]]
        assert response.usage.output_tokens == expected["output_tokens"]


PLAIN = ("id", "status", "output_text", "refusal", "reasoning_text", "reasoning_summary")


# -- work grows with the input ---------------------------------------------------------------------------------------


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, Python's and C's: a count, not a time."""
    count = 0

    def count_one(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(count_one)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def deltas(count: int) -> bytes:
    line = b'{"type":"response.function_call_arguments.delta","output_index":0,"delta":"x"}\n'
    return line * count


LINEAR: dict[str, Callable[[int], list[bytes]]] = {
    "one event in small chunks": lambda n: chunks(b'data: {"type":"x","y":"' + b"z" * 64 * n + b'"}\n\n', 64),
    "one event in single bytes": lambda n: chunks(b'data: {"type":"x","y":"' + b"z" * n + b'"}\n\n', 1),
    "one-character deltas": lambda n: [deltas(n)],
    "one-character deltas in single bytes": lambda n: chunks(deltas(n // 16), 1),
    "data lines of one block": lambda n: [b"data: {\n" * n + b"\n"],
    "data lines of one block, one by one": lambda n: [b"data: {\n"] * n,
    "an open JSON text": lambda n: [b"{\n" + b'"a":[\n' * n],
    "an open JSON text, line by line": lambda n: [b"{\n"] + [b'"a":1,\n'] * n,
    "stray lines": lambda n: [b"<p>\n"] * n,
    "an array": lambda n: [b"["] + [b'{"type":"x"},'] * n,
    "an array element in single bytes": lambda n: chunks(b'[{"type":"x","y":"' + b"z" * n, 1),
    "carriage returns": lambda n: chunks(b'data: {"type":"x"}\r\r' * (n // 16), 1),
    "unfinished lines": lambda n: [b"x"] * n,
    "blank lines": lambda n: [b"\n"] * n,
    "no blank lines": lambda n: [b'data: {"type":"x"}\n'] * n,
    "lanes": lambda n: [b'{"type":"response.queued","stream_id":"%d","response":{}}\n' % i for i in range(n)],
    "items": lambda n: [b'{"type":"response.output_item.added","item":{}}\n'] * n,
    "parts": lambda n: [b'{"type":"response.content_part.added","part":{}}\n'] * n,
    "deltas of many parts": lambda n: [
        b'{"type":"response.output_text.delta","content_index":%d,"delta":"x"}\n' % i for i in range(n)
    ],
    "annotations": lambda n: [b'{"type":"response.output_text.annotation.added","annotation":{}}\n'] * n,
    "logprobs": lambda n: [b'{"type":"response.output_text.delta","delta":"x","logprobs":[{}]}\n'] * n,
    "late deltas": lambda n: [
        b'{"type":"response.function_call_arguments.done","arguments":"%s"}\n' % (b"z" * n),
        *([b'{"type":"response.function_call_arguments.delta","delta":"x"}\n'] * n),
    ],
    "items that differ in the end": lambda n: [
        *(b'{"type":"response.custom_tool_call_input.delta","output_index":%d,"delta":"x"}\n' % i for i in range(n)),
        b'{"type":"response.done","response":{"output":[%s]}}\n' % b",".join([b'{"type":"custom_tool_call"}'] * n),
    ],
    "end marks among open lanes": lambda n: [
        b'{"type":"response.queued","stream_id":"%d","response":{}}\n[DONE]\n' % i for i in range(n)
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", LINEAR)
def test_call_count_is_linear(name: str) -> None:
    """Twice the input, twice the calls; for the fallback, whose loops are calls."""
    from respstream import _fallback

    def run(size: int) -> int:
        parts = LINEAR[name](size)
        return calls(lambda: readings.feed_all(_fallback.Decoder(), parts))

    small, large = run(1000), run(2000)
    assert large <= 2.2 * small + 200, (small, large)


@pytest.mark.timeout(15)
@pytest.mark.parametrize("name", LINEAR)
def test_large_input(backend: ModuleType, name: str) -> None:
    """Quadratic copies and scans, which the call count misses, exceed the time limit."""
    readings.feed_all(backend.Decoder(), LINEAR[name](30_000))
