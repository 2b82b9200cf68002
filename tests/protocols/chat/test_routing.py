"""Where completions begin and end: end marks, ids, interleaved logs, rows."""

from __future__ import annotations

import json
from random import Random
from types import ModuleType
from typing import Any

from respstream import _fallback
from respstream._pure import lanes
from respstream._pure.lanes.named import FINISHED
from tests.support import readings
from tests.support.chat_streams import Json, chunk, jsonl, of, sse, stream, usage


def _read(backend: ModuleType, body: bytes, **options: Any) -> list[tuple[str | None, str, str | None, int]]:
    """Id, text, status and number of events of each completion."""
    decoder = backend.Decoder(**options)
    decoder.feed(body)
    decoder.finish()
    return [(r.id, r.output_text, r.status, r.events) for r in decoder.responses]


def _one(ident: str, text: str, *, with_usage: bool = True) -> list[Json]:
    parts = [chunk(text, ident=ident), chunk(finish="stop", ident=ident)]
    return [*parts, usage(ident)] if with_usage else parts


def test_end_mark_ends_a_completion(backend: ModuleType) -> None:
    body = sse(_one("a", "A")) + sse(_one("a", "B"))
    assert _read(backend, body) == [("a", "A", "completed", 3), ("a", "B", "completed", 3)]


def test_new_id_after_the_end(backend: ModuleType) -> None:
    body = sse(_one("a", "A"), done=False) + sse(_one("b", "B"), done=False)
    assert _read(backend, body) == [("a", "A", "completed", 3), ("b", "B", "completed", 3)]


def test_new_id_before_the_end_is_the_same_completion(backend: ModuleType) -> None:
    assert _read(backend, sse([chunk("A", ident="a"), chunk("B", ident="b")])) == [("a", "AB", "completed", 2)]


def test_chunk_of_the_next_completion_without_an_id(backend: ModuleType) -> None:
    ahead = of(ident="", prompt_filter_results=[])
    body = sse([ahead, *_one("a", "A"), ahead, *_one("b", "B")], done=False)
    assert _read(backend, body) == [("a", "A", "completed", 4), ("b", "B", "completed", 4)]
    assert _read(backend, jsonl([ahead, *_one("a", "A"), ahead, *_one("b", "B")])) == _read(backend, body)


def test_usage_after_the_end_of_another_id(backend: ModuleType) -> None:
    body = sse([*_one("a", "A", with_usage=False), usage("x")])
    assert _read(backend, body) == [("a", "A", "completed", 3)]


def test_content_after_the_finish_reason(backend: ModuleType) -> None:
    body = sse([*_one("a", "A"), chunk("B", ident="a")])
    assert _read(backend, body) == [("a", "AB", "completed", 4)]


def test_json_lines_interleave(backend: ModuleType) -> None:
    chunks = [chunk("a", ident="a"), chunk("b", ident="b"), chunk("A", ident="a"), chunk(finish="stop", ident="b"),
        chunk("c", ident="c"), chunk("B", ident="b"), usage("b"), chunk(finish="stop", ident="a"), usage("a")]  # fmt: skip
    expected = [("b", "bB", "completed", 4), ("a", "aA", "completed", 4), ("c", "c", "in_progress", 1)]
    assert sorted(_read(backend, jsonl(chunks))) == sorted(expected)
    rows = jsonl([{"time": number, "chunk": one} for number, one in enumerate(chunks)])
    assert sorted(_read(backend, rows, form="rows")) == sorted(expected)
    array = json.dumps(chunks).encode()
    assert sorted(_read(backend, array)) == sorted(expected)


def test_random_logs_interleave(backend: ModuleType) -> None:
    for seed in range(30):
        rng = Random(seed)
        streams = [stream(rng, number).chunks for number in range(rng.randint(2, 30))]
        alone = {}
        for chunks in streams:
            (alone[chunks[0]["id"]],) = _dicts(backend, sse(chunks))
        log: list[Json] = []
        parts = [list(chunks) for chunks in streams]
        while parts:
            some = rng.choice(parts[: rng.choice([2, 5])])
            log.append(some.pop(0))
            parts = [part for part in parts if part]
        found = _dicts(backend, jsonl(log))
        assert {one["id"]: one for one in found} == alone
        assert len(found) == len(alone)


def _dicts(backend: ModuleType, body: bytes) -> list[Json]:
    decoder = backend.Decoder()
    decoder.feed(body)
    decoder.finish()
    return [response.to_dict() for response in decoder.responses]


def test_finished_completions_of_a_log_are_released(backend: ModuleType) -> None:
    """A completion whose usage is known ends when the next one begins; of the others, a limited number is open."""
    decoder = backend.Decoder()
    ended = 0
    for number in range(50):
        ended += len(decoder.fold(jsonl(_one(f"c{number}", "x"))))
    assert ended == 49
    decoder = backend.Decoder()
    ended = 0
    for number in range(300):
        ended += len(decoder.fold(jsonl(_one(f"c{number}", "x", with_usage=False))))
    assert ended == 300 - FINISHED


def test_end_mark_in_a_log(backend: ModuleType) -> None:
    log: list[Json | str] = [chunk("a", ident="a"), chunk("b", ident="b"), chunk(finish="stop", ident="a"), "[DONE]", chunk("B", ident="b"),
        chunk(finish="stop", ident="b"), "[DONE]", *_one("a", "again"), "[DONE]"]  # fmt: skip
    expected = [("a", "a", "completed", 2), ("b", "bB", "completed", 3), ("a", "again", "completed", 3)]
    assert _read(backend, jsonl(log)) == expected


def test_record_with_a_whole_stream(backend: ModuleType) -> None:
    """A row with all chunks of a completion ends it, also without an end mark."""
    decoder = backend.Decoder(form="rows")
    rows = [{"t": 1, "chunks": _one("a", "A", with_usage=False)}, {"t": 2, "chunks": _one("b", "B")}]
    assert [len(decoder.fold(jsonl([row]))) for row in rows] == [1, 1]


def test_rows_with_lanes(backend: ModuleType) -> None:
    rows = [{"lane": lane, "data": f"data: {json.dumps(one)}\n\n"} for pair in
        zip(_one("a", "A"), _one("b", "B"), strict=True) for lane, one in zip("xy", pair, strict=True)]  # fmt: skip
    assert _read(backend, jsonl(rows), form="rows") == [("a", "A", "completed", 3), ("b", "B", "completed", 3)]


def test_responses_and_completions_in_one_log(backend: ModuleType) -> None:
    created: Json = {
        "type": "response.created",
        "response": {"id": "r", "object": "response", "status": "in_progress", "output": []},
    }
    done: Json = {"type": "response.completed", "response": {**created["response"], "status": "completed"}}
    log: list[Json] = [
        chunk("a", ident="a"),
        created,
        chunk("b", ident="a"),
        done,
        chunk(finish="stop", ident="a"),
        usage("a"),
    ]
    decoder = backend.Decoder()
    decoder.feed(jsonl(log))
    decoder.finish()
    found = sorted((r.api, r.id, r.output_text, r.status) for r in decoder.responses)
    assert found == [("chat", "a", "ab", "completed"), ("responses", "r", "", "completed")]
    assert readings.codes(decoder.diagnostics) == []


def test_open_completions_are_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(lanes, "OPEN_LANES", 10)
    decoder = _fallback.Decoder()
    decoder.feed(jsonl([chunk("x", ident=f"c{number}") for number in range(15)]))
    assert len(decoder.responses) == 15
    assert readings.codes(decoder.diagnostics).count("limit_exceeded") == 5


def test_many_interleaved_completions_take_linear_time(backend: ModuleType) -> None:
    count = 3000
    log = [chunk(text, ident=f"c{number}") for text in "ab" for number in range(count)]
    log += [chunk(finish="stop", ident=f"c{number}") for number in range(count)]
    found = _read(backend, jsonl(log))
    assert len(found) == count
    assert {text for _, text, _, _ in found} == {"ab"}
