"""Columns from lifecycle events: a scan of them alone skips other events, and its rows match the full path."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given

import respstream
from benches import messages
from benches.shapes import SHAPES
from benches.wire import FORMS, KEY_ORDERS
from respstream import _backend, tables
from respstream.inputs import paths
from tests.support import messages_hostile, random_streams
from tests.support.dialects import DIALECTS
from tests.support.minimal_streams import BEGIN, DELTA, END, ITEM
from tests.support.minimal_streams import DIAGNOSTICS as MINIMAL
from tests.support.paths import TRANSCRIPTS
from tests.support.strategies import examples, rngs, shapes, sources

COLUMNS: list[str] = [
    *"""source stream_index byte_start response_id previous_response_id conversation_id model status terminal created_at
completed_at service_tier input_tokens cached_tokens output_tokens reasoning_tokens total_tokens incomplete_reason error_code
error_message metadata lane""".split()
]
USAGE = ["input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "total_tokens"]
# Diagnostics of skipped events, and those that compare with skipped ones.
NOT_COUNTED = {
    "bad_field", "bad_input", "bad_json", "bad_utf8", "delta_after_stop", "index_reused", "item_id_changed", "late_delta", "limit_exceeded", "loose_value",
    "missing_blank_line", "no_block_start", "output_differs", "output_recovered", "sequence_gap", "sequence_repeat", "text_mismatch",
    "time_reversed", "type_mismatch", "unfinished_block", "value_recovered",
}  # fmt: skip


@pytest.fixture(autouse=True)
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the extension has a shorter way."""
    monkeypatch.setattr(_backend, "engine", _backend.load("rust"))


class Pieces(io.BytesIO):
    """A file that gives a few bytes at a time."""

    size = 1 << 20

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(self.size, size or 0))


def read(data: bytes, *, full: bool, size: int = 1 << 20, **options: Any) -> tuple[list[dict[str, Any]], Any]:
    """The rows of a source, which comes in pieces of that size; and the summary."""

    def opened() -> Any:
        file = Pieces(data)
        file.size = size
        return file

    scan = tables.Scan([paths.Input("x", opened)], {"responses": list(COLUMNS)}, 1, 8192, options, full=full)
    found = scan.to_arrow().to_pylist()
    return found, scan.summary


def check(data: bytes, size: int = 1 << 20, **options: Any) -> Any:
    """Compares the short way with the full one; gives the summary of the short one."""
    found, summary = read(data, full=False, size=size, **options)
    expected, whole = read(data, full=True, size=size, **options)
    assert found == expected
    assert (summary.bytes, summary.responses, summary.rows) == (whole.bytes, whole.responses, whole.rows)
    assert summary.diagnostics.keys() <= whole.diagnostics.keys()
    reported = [
        {code: count for code, count in one.diagnostics.items() if code not in NOT_COUNTED} for one in (summary, whole)
    ]
    assert reported[0] == reported[1]
    assert (whole.skipped, whole.checked) == (0, "all")
    return summary


# -- the same rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.iterdir()), ids=lambda path: path.name)
def test_transcripts(path: Path) -> None:
    check(path.read_bytes())


def test_recorded_streams(recorded: list[Path]) -> None:
    passed = [check(path.read_bytes()).skipped for path in recorded]
    assert sum(map(bool, passed)) > len(passed) / 2


@pytest.mark.parametrize("shape", messages.SHAPES)
@pytest.mark.parametrize("form", FORMS)
def test_messages(shape: str, form: str) -> None:
    log = messages.make(shape, 3, 30_000, form)  # type: ignore[arg-type]
    for size in (1 << 20, 997):
        summary = check(log.data, size)
        assert summary.skipped > 0.3 * summary.bytes
    found, _ = read(log.data, full=False)
    assert [(row["response_id"], row["status"], row["output_tokens"]) for row in found] == [
        (one["id"], one["status"], one["output_tokens"]) for one in log.responses
    ]


def test_messages_and_responses_in_one_lane() -> None:
    """A delta of another API begins a response, although one is open."""
    delta = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}\n'
    for data in (BEGIN + ITEM + delta * 3 + DELTA * 3 + END, delta * 3 + BEGIN + ITEM + DELTA * 2 + delta * 2):
        check(data)


def test_odd_messages() -> None:
    for number in range(200):
        check(messages_hostile.source(number), 1 << 20 if number % 2 else 97)


@pytest.mark.parametrize("shape", sorted(SHAPES.keys() - {"image"}))
@pytest.mark.parametrize("form", FORMS)
def test_shapes(shape: str, form: str) -> None:
    for order in KEY_ORDERS:
        log = SHAPES[shape](3, 30_000, form=form, key_order=order)
        for size in (1 << 20, 997):
            summary = check(log.data, size)
            if shape != "long_lifecycle":
                assert summary.skipped > 0.3 * summary.bytes
        found, _ = read(log.data, full=False)
        assert [(row["response_id"], row["status"], row["output_tokens"]) for row in found] == [
            (one["id"], one["status"], one["output_tokens"]) for one in log.responses
        ]


@examples(60)
@given(log=shapes())
def test_shapes_in_random_dialects(log: Any) -> None:
    check(log.data, 4096)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_dialects(dialect: Any) -> None:
    check(dialect.body)


@pytest.mark.parametrize("row", MINIMAL, ids=lambda row: row.code)
def test_minimal_streams(row: Any) -> None:
    check(row.stream * 2 + BEGIN + ITEM + DELTA * 3 + END, **dict(row.options))


@examples(200)
@given(source=sources())
def test_any_bytes(source: bytes) -> None:
    check(source)
    check(source, 7)


@examples(200)
@given(source=rngs.map(random_streams.runs))
def test_similar_events(source: bytes) -> None:
    check(BEGIN + source)


def damaged(rng: random.Random, lines: list[bytes]) -> bytes:
    """A log of which some lines went, came twice, changed places, or lost some bytes."""
    lines = list(lines)
    for _ in range(rng.randint(1, 6)):
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        kind = rng.randrange(5)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(other, lines[at])
        elif kind == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3 and lines[at]:
            cut = rng.randrange(len(lines[at]))
            lines[at] = (
                lines[at][:cut] + rng.choice([b"", b"\r", b'"', b"\\", b"\n", b"}", b"\xff"]) + lines[at][cut + 1 :]
            )
        else:
            lines[at] = rng.choice(
                [b"", b"data: [DONE]", b"event: error", END.strip(), BEGIN.strip(), b"data: " + END.strip(), b"<"]
            )
    return b"\n".join(lines)


@pytest.mark.parametrize("form", FORMS)
def test_damaged_logs(form: str) -> None:
    rng = random.Random(11)
    for shape in ("chat", "tools", "reasoning"):
        lines = SHAPES[shape](5, 1, form=form).data.split(b"\n")
        lines = lines[:40] + lines[-40:] if len(lines) > 80 else lines
        for _ in range(60):
            check(damaged(rng, lines))


# -- hostile ones --------------------------------------------------------------------------------------------------------

CREATED, CLOSED = BEGIN.strip(), END.strip()
WORDS = DELTA.strip().replace(b"Hi", b"response.completed data: {} event: response.completed")
FRESH = CREATED.replace(b"r1", b"r2")
DONE = b'{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"Hi"}'
HOSTILE = {
    "the words of an end in a text": [CREATED, WORDS, WORDS, CLOSED],
    "a second type, which counts": [CREATED, DELTA.strip()[:-1] + b',"type":"response.completed","response":{"id":"z"}}'],
    "a second type in a finished text": [CREATED, DONE[:-1] + b',"type":"response.created","response":{"id":"z"}}', CLOSED],
    "an end that is a delta after all": [CREATED, CLOSED[:-1] + b',"type":"response.output_text.delta"}', DONE],
    "an escaped key": [CREATED, DONE[:-1] + b',"\\u0074ype":"response.completed","response":{"id":"z"}}'],
    "an escaped type": [CREATED, DELTA.strip(), CLOSED.replace(b"completed", b"complet\\u0065d")],
    "a type that is no string": [CREATED, DONE.replace(b'"response.output_text.done"', b"5"), CLOSED],
    "the type last": [CREATED, b'{"text":"Hi","type":"response.output_text.done"}', b'{"response":{"id":"z"},"type":"response.completed"}'],
    "a lane in one event": [CREATED, DELTA.strip(), DELTA.strip()[:-1] + b',"stream_id":"s"}', DELTA.strip(), CLOSED],
    "a lane in a finished text": [CREATED, DONE[:-1] + b',"stream_id":"s"}', CLOSED, FRESH],
    "lanes and none in turn": [CREATED, *[line[:-1] + b',"stream_id":"s"}' for line in (CREATED, DELTA.strip())], DELTA.strip(), CLOSED],
    "deltas before a beginning": [DELTA.strip(), DELTA.strip(), DONE, CREATED, CLOSED],
    "deltas behind an end": [CREATED, DELTA.strip(), CLOSED, DELTA.strip(), DELTA.strip(), DONE, CLOSED, DONE],
    "the end mark in between": [CREATED, DELTA.strip(), b"[DONE]", DELTA.strip(), DONE, CLOSED],
    "an error": [CREATED, DELTA.strip(), b'{"type":"error","code":"c","message":"m"}', DELTA.strip()],
    "an error body": [CREATED, DELTA.strip(), b'{"error":{"message":"m"}}', DELTA.strip(), CLOSED],
    "a plain response": [CREATED, DELTA.strip(), b'{"object":"response","id":"p","status":"completed"}', DELTA.strip(), CLOSED],
    "a row that wraps": [CREATED, b'{"body":"data: {\\"type\\":\\"response.created\\",\\"response\\":{\\"id\\":\\"w\\"}}\\n\\n"}', DELTA.strip(), CLOSED],
    "broken, with an end in it": [CREATED, DONE[:-2] + b'\\x"},"type":"response.completed"}', CLOSED],
    "broken, with a beginning behind it": [CREATED, DONE[:-1] + CREATED, DELTA.strip(), CLOSED],
    "nested too deep": [CREATED, DONE[:-1] + b',"x":' + b"[" * 300 + b"]" * 300 + b"}", CLOSED],
    "no end": [CREATED, DELTA.strip(), DELTA.strip(), FRESH, DELTA.strip()],
    "an end twice": [CREATED, CLOSED, CLOSED, CLOSED.replace(b"r1", b"r3")],
    "only deltas": [DELTA.strip()] * 5,
    "an array": [b"[" + b",".join([CREATED, DELTA.strip(), DONE, CLOSED]) + b"]"],
    "stray text": [CREATED, b"<html>", DELTA.strip(), b"stray", CLOSED],
}  # fmt: skip
FRAMED: dict[str, Callable[[list[bytes]], bytes]] = {
    "lines": b"\n".join,
    "blocks": lambda lines: b"".join(b"data: " + line + b"\n\n" for line in lines),
    "named blocks": lambda lines: b"".join(b"event: response.output_text.delta\ndata: " + line + b"\n\n" for line in lines),
    "blocks named as ends": lambda lines: b"".join(b"event: response.completed\ndata: " + line + b"\n\n" for line in lines),
    "CR": lambda lines: b"".join(b"event: x\rdata:" + line + b"\r\r" for line in lines),
    "CRLF": lambda lines: b"".join(b"data: " + line + b"\r\n\r\n" for line in lines),
    "no blank lines": lambda lines: b"".join(b"data: " + line + b"\n" for line in lines),
    "data of two lines": lambda lines: b"".join(b"data: " + line.replace(b",", b",\ndata: ", 1) + b"\n\n" for line in lines),
    "a mark in front": lambda lines: b"\xef\xbb\xbf" + b"".join(b"data: " + line + b"\n\n" for line in lines),
}  # fmt: skip


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_streams(name: str) -> None:
    for framed in FRAMED.values():
        data = framed(HOSTILE[name] * 2)
        for size in (1 << 20, 1, 13):
            check(data, size)
        check(data, max_event_bytes=90)
        check(data, on_eof="discard")


# -- columns that allow the skip -----------------------------------------------------------------------------------------


TOLD = [[], ["source"], USAGE, COLUMNS, ["status", "model", "created_at"]]
NOT_TOLD = [[*USAGE, one] for one in ("output_text", "deltas", "byte_end", "diagnostics", "items", "started_at")]


@pytest.mark.parametrize(("columns", "short"), [(one, True) for one in TOLD] + [(one, False) for one in NOT_TOLD])
def test_columns_that_allow_lifecycle_only(columns: list[str], short: bool, tmp_path: Path) -> None:
    (tmp_path / "a.sse").write_bytes(SHAPES["chat"](3, 100_000).data)
    scan = respstream.scan(tmp_path, columns=columns)
    expected = respstream.scan(tmp_path).to_arrow()
    assert (
        scan.to_arrow().equals(expected.select(columns).replace_schema_metadata(expected.schema.metadata))
        or not columns
    )
    assert scan.summary is not None
    assert (scan.summary.skipped > 0.9 * scan.summary.bytes, scan.summary.checked == "some") == (short, short)


@pytest.mark.parametrize(
    "columns", [COLUMNS, [name for name, _ in tables.COLUMNS["responses"]]], ids=["lifecycle", "all"]
)
def test_parts_use_lifecycle_only(columns: list[str], tmp_path: Path) -> None:
    core: Any = _backend.load("rust")
    for form in FORMS:
        path = tmp_path / f"a.{form}"
        path.write_bytes(SHAPES["mixed"](3, 300_000, form=form).data)
        expected = respstream.scan(path, columns=columns).to_arrow().to_pylist()
        for size in (1000, 20_000, 100_000):
            given = [(str(path), bytes(path), None)]
            stream = core.Scan(given, [("responses", columns)], threads=3, batch_rows=10, part_bytes=size).stream()
            found: list[dict[str, Any]] = []
            while (batch := stream.next_batch()) is not None:
                found += pa.record_batch(batch[1]).to_pylist()
            assert found == expected
            summary = stream.summary()
            assert summary["bytes"] == path.stat().st_size
            assert (summary["skipped"] > 0.3 * summary["bytes"]) is (columns == COLUMNS) or size == 1000
