"""Splits: the union of the parts of a source matches the scan, wherever it is cut."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import random
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import respstream
from benches.shapes import SHAPES
from respstream import _backend, tables
from respstream.inputs.paths import inputs
from respstream.tables.scan import _engine
from tests.support.minimal_streams import BEGIN, BLOCK, BLOCK_DELTA, BLOCK_STOP, DELTA, END, ITEM, MESSAGE, STOP
from tests.support.minimal_streams import DIAGNOSTICS as MINIMAL
from tests.support.paths import TRANSCRIPTS
from tests.support.wrapped_sources import rows

LOGS = sorted(path for path in TRANSCRIPTS.iterdir() if path.suffix in {".sse", ".jsonl"})
STREAM = BEGIN + ITEM + DELTA + END
KEEPALIVE = b'{"type":"keepalive"}\n'
NEWS = b'{"type":"response.brand_new"}\n'
IO = Path("/proc/self/io")
BLOCKS = b"".join(b"event: x\ndata: " + line + b"\n\n" for line in STREAM.splitlines())

PING = b'{"type":"ping"}\n'
LATE = b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n'
MESSAGES = MESSAGE + BLOCK + BLOCK_DELTA * 2 + BLOCK_STOP + STOP

ODD = {
    "messages": MESSAGES * 4,
    "messages_as_blocks": b"".join(b"event: x\ndata: " + line + b"\n\n" for line in (MESSAGES * 3).splitlines()),
    "messages_trailing": (MESSAGES + PING + LATE + PING) * 3,
    "messages_without_end": (MESSAGE + BLOCK + BLOCK_DELTA) * 3,
    "messages_without_start": (BLOCK + BLOCK_DELTA + STOP) * 3,
    "messages_after_an_error": (b'{"type":"error","error":{"type":"api_error"}}\n' + PING) * 2 + MESSAGES,
    "messages_with_an_error": (MESSAGE + BLOCK + b'{"type":"error","error":{"type":"api_error"}}\n' + PING) * 3,
    "messages_and_responses": (MESSAGES + STREAM + MESSAGE + BLOCK + STREAM) * 2,
    "empty": b"",
    "no_response": KEEPALIVE * 5,
    "no_event": b"<p>text</p>\n" * 100,
    "line_prefix": b"".join(b"api-1  | " + line + b"\n" for line in BLOCKS.splitlines()) * 3,
    "utf16": BLOCKS.decode().encode("utf-16") * 2,
    "before_the_first": KEEPALIVE * 3 + b"stray\n" + STREAM + STREAM,
    "trailing": (STREAM + KEEPALIVE + NEWS + END) * 3,
    "no_created": (ITEM + DELTA + END) * 3,
    "terminal_that_ends_nothing": b'data: {"type":"response.failed"}\n\n'
    b'data: {"type":"response.failed","content_index":65536,"id":9}\ndata: ' + DELTA,
    "no_terminal": (BEGIN + ITEM + DELTA) * 3,
    "nothing_to_go_by": (ITEM + DELTA) * 4,
    "stray": (b"<html>\nstray\n" + STREAM) * 3 + b"end",
    "stray_before_an_error_body": (
        BEGIN + ITEM + DELTA + (b"stray\n" * 9 + b'{"error":{"message":"m"}}\n') * 2 + b"stray\n"
    )
    * 3,
    "unknown": (BEGIN + NEWS + NEWS.replace(b"brand", b"b\xc3\xa4nd") + END) * 3,
    "blocks": (BLOCKS * 2 + b"data: [DONE]\n\n") * 2,
    "crlf": (BLOCKS * 3).replace(b"\n", b"\r\n"),
    "cr": (BLOCKS * 3).replace(b"\n", b"\r"),
    "some_blank_lines": (BLOCKS[:-1] + BLOCKS) * 2,
    "no_blank_lines": (BLOCKS * 3).replace(b"\n\n", b"\n"),
    "bom": b"\xef\xbb\xbf" + STREAM * 2,
    "in_a_text": STREAM.replace(b"Hi", b"data: response.created\\n\\nresponse.completed") * 3,
    "unfinished": BLOCKS + BLOCKS[:-40],
    "foreign": b'data: {"object":"chat.completion.chunk"}\n\n' * 3 + BLOCKS,
    "plain": b'{"object":"response","id":"p","output":[]}\n' * 3 + STREAM,
    "plain_told_of_late": b'data: {"type":"error","message":"m"}\ndata: {\n\n{"object":"response","id":"p"}\n'
    + BLOCKS[-90:],
    "lines_in_a_torn_block": (STREAM + b'data: {"type":\n' + STREAM * 2 + b"\n") * 2,
    "lines_in_a_torn_block_cr": ((STREAM + b"event: x\n65535\n" + STREAM * 2 + b"\n") * 2).replace(b"\n", b"\r"),
    "lines_in_an_array": (STREAM + b"[" + STREAM.replace(b"}\n", b"},\n")[:-2] + b"\n]\n") * 2,
    "lines_in_a_torn_array": STREAM + b'[{"x":\n' + STREAM * 2 + BLOCKS,
    "lines_in_a_torn_text": STREAM
    + (b'{"x":\n' + BEGIN.replace(b",", b",\n") + END.replace(b",", b",\n")) * 2
    + STREAM,
    "plain_between": (STREAM + b'{"object":"response","id":"p","output":[]}\n') * 5,
}


TABLES: list[Any] = list(tables.COLUMNS)


def whole(table: Any) -> list[str]:
    return [name for name, _ in tables.COLUMNS[table]]


COLUMNS = {table: [name for name, _ in tables.COLUMNS[table] if name != "stream_index"] for table in TABLES}


def joined(found: list[respstream.Split]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
    for split in found:
        for table, part in respstream.read_split(split, TABLES, COLUMNS).to_arrow().items():
            rows[table] += part.to_pylist()
    return rows


def check(path: Path, *targets: int) -> None:
    expected = respstream.scan(path, TABLES, COLUMNS, threads=1).to_arrow()
    for target in targets:
        found = joined(respstream.plan(path, target))
        for table in TABLES:
            assert found[table] == expected[table].to_pylist()


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_union_of_splits_matches_scan(path: Path) -> None:
    if _backend.BACKEND == "rust":
        check(path, 100, 1000, 4096, 20_000)
    else:
        check(path, 7000)


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("name", list(ODD))
def test_splits_down_to_one_byte(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(ODD[name])
    if _backend.BACKEND == "rust":
        check(path, 1, 7, 333)
    else:
        check(path, 29, 333)


@pytest.mark.usefixtures("api")
def test_minimal_streams(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    for row in MINIMAL:
        path.write_bytes(row.stream * 3 + STREAM)
        check(path, 5 if _backend.BACKEND == "rust" else 101)


# -- columns that need no fold -------------------------------------------------------------------------------------------

LIGHT = [name for name in whole("events") if name not in {"stream_index", "event_index", "response_id"}]


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the extension has a path without a fold."""
    monkeypatch.setattr(_backend, "engine", _backend.load("rust"))


def check_events_only(path: Path, *targets: int) -> None:
    expected = respstream.scan(path, "events", whole("events")).to_arrow().select(LIGHT).to_pylist()
    logs = respstream.scan(path, "events", LIGHT)
    assert logs.to_arrow().to_pylist() == expected
    assert logs.summary is not None
    assert logs.summary.checked == "some" or not logs.summary.bytes
    for target in targets:
        parts = [pa.table(respstream.read_split(split, "events", LIGHT)) for split in respstream.plan(path, target)]
        assert [row for part in parts for row in part.to_pylist()] == expected


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("columns", [["type", "byte_start"], ["byte_start", "response_id"]])
def test_events_of_a_split(columns: list[str], tmp_path: Path) -> None:
    """Events that begin in its range, for columns that need no responses; else those of the responses that begin there."""
    (path := tmp_path / "a.sse").write_bytes(STREAM * 3)
    total = 0
    for split in respstream.plan(path, 700):
        rows = pa.table(respstream.read_split(split, "events", columns)).to_pylist()
        total += len(rows)
        for row in rows:
            start = row["byte_start"] if "type" in columns else row["byte_start"] // len(STREAM) * len(STREAM)
            assert split.start <= start
            assert split.end is None or start < split.end
    assert total == len(list(respstream.events(path)))


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("name", list(ODD))
def test_events_without_fold(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(ODD[name])
    check_events_only(path, 1, 7, 333)


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("columns", [["type"], ["type", "response_id"]])
def test_diagnostics_once_per_source(columns: list[str], tmp_path: Path) -> None:
    """The splits of a source count them together once, whether or not their columns need responses."""
    path = tmp_path / "a.sse"
    path.write_bytes(ODD["some_blank_lines"])
    splits = respstream.plan(path, 40)
    counts = []
    for split in splits:
        found = respstream.read_split(split, "events", columns)
        list(found)
        assert found.summary is not None
        counts.append(found.summary.diagnostics.get("missing_blank_line", 0))
    assert len(splits) > 9
    assert sum(counts) == 1


@pytest.mark.usefixtures("native")
def test_events_of_recorded_streams_without_fold(recorded: list[Path]) -> None:
    for path in (*LOGS, *recorded[::8]):
        check_events_only(path, max(1, path.stat().st_size // 5))


# -- events that repeat one another, which become rows in runs -----------------------------------------------------------


def repeating(shape: str, form: str, odd: str) -> bytes:
    """A log of mostly deltas, intact or with defects in some of them."""
    data = SHAPES[shape](11, 60_000, form=form).data
    chosen = random.Random(5)
    lines = data.split(b"\n")
    deltas = [number for number, line in enumerate(lines) if b'.delta"' in line and b"{" in line]
    for number in chosen.sample(deltas, len(deltas) // 9):
        line = lines[number]
        lines[number] = {
            "": line,
            "jumps": re.sub(rb'("sequence_number":)(\d+)', rb"\g<1>9\g<2>", line),
            "other item": re.sub(rb'("item_id":")', rb"\g<1>x", line),
            "lanes": re.sub(rb"\}$", b',"stream_id":"b"}', line),
            "escapes": line.replace(b'"delta":"', rb'"delta":"\ud83d\ude00\n' + "ä".encode()),
            "halves": line.replace(b'"delta":"', rb'"delta":"\ud83d'),
            "bytes": line.replace(b'"delta":"', b'"delta":"\xff'),
            "no text": re.sub(rb'"delta":"[^"\\]*"', b'"delta":null', line),
        }[odd]
    return b"\n".join(lines)


SHAPED = ["chat", "tools", "unicode_escapes", "logprobs", "refusals"]
ODDITIES = ["jumps", "other item", "lanes", "escapes", "halves", "bytes", "no text"]


@pytest.mark.parametrize("form", ["sse", "jsonl"])
@pytest.mark.parametrize(("shape", "odd"), [*((shape, "") for shape in SHAPED), *(("chat", odd) for odd in ODDITIES)])
def test_delta_runs_are_rows(shape: str, odd: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(repeating(shape, form, odd))
    monkeypatch.setattr(_backend, "engine", _backend.load("python"))
    expected = respstream.scan(path, "events", whole("events")).to_arrow().to_pylist()
    monkeypatch.setattr(_backend, "engine", _backend.load("rust"))
    light = [{name: row[name] for name in LIGHT} for row in expected]
    for size in (1, 7, 8192):
        batches = list(respstream.scan(path, "events", whole("events"), batch_rows=size).batches())
        assert {batch.num_rows for batch in batches[:-1]} <= {size}
        assert [row for batch in batches for row in pa.record_batch(batch).to_pylist()] == expected
        assert respstream.scan(path, "events", LIGHT, batch_rows=size).to_arrow().to_pylist() == light
    check_events_only(path, 301, 5000)
    check(path, 3001)


def test_recorded_streams(recorded: list[Path]) -> None:
    chosen = random.Random(3)
    for path in recorded:
        check(path, max(1, path.stat().st_size // chosen.randint(2, 20)))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("part_bytes", [1000, 20_000])
def test_large_file_is_read_by_several_threads(table: Any, part_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "large.log"
    path.write_bytes(b"".join(log.read_bytes() + b"\n\n" for log in LOGS if b"created" in log.read_bytes()) * 3)
    expected = respstream.scan(path, table).to_arrow()
    inputs: Any = [(str(path), bytes(path), None)]
    native = _backend.load("rust")
    options: dict[str, Any] = {"threads": 3, "batch_rows": 100, "part_bytes": part_bytes, "max_event_bytes": 64 << 20}
    core = native.Scan(inputs, [(table, None)], **options)
    stream = core.stream()
    found = pa.table(stream)
    assert found.to_pylist() == expected.to_pylist()
    summary = stream.summary()
    assert (summary["sources"], summary["bytes"]) == (1, path.stat().st_size)
    assert sum(summary["responses"].values()) == respstream.scan(path).to_arrow().num_rows


def in_parts(path: Path, part_bytes: int) -> dict[str, list[dict[str, Any]]]:
    """All rows of a file that several threads read in parts of this size."""
    native, inputs = _backend.load("rust"), [(str(path), bytes(path), None)]
    options: dict[str, Any] = {"threads": 3, "batch_rows": 100, "part_bytes": part_bytes, "max_event_bytes": 64 << 20}
    stream = native.Scan(inputs, [(table, whole(table)) for table in TABLES], **options).stream()
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
    while (found := stream.next_batch()) is not None:
        rows[TABLES[found[0]]] += pa.record_batch(found[1]).to_pylist()
    return rows


@pytest.mark.parametrize("name", list(ODD))
def test_parts_match_scan(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(ODD[name])
    expected = respstream.scan(path, TABLES, {table: whole(table) for table in TABLES}, threads=1).to_arrow()
    for part_bytes in (50, 260, 700):
        assert in_parts(path, part_bytes) == {table: expected[table].to_pylist() for table in TABLES}


def test_text_with_thousands_of_split_markers(tmp_path: Path) -> None:
    """Lookup of the responses that are open at the start of a part; once per block is enough."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(STREAM * 100 + STREAM.replace(b"Hi", b"response.created " * 20_000) + STREAM * 100)
    check(path, 20_000)


@pytest.mark.skipif(not IO.exists(), reason="only Linux reports the bytes that a process reads")
@pytest.mark.parametrize("begin", [b"", BEGIN], ids=["none", "one"])
def test_large_file_without_response_starts(begin: bytes, tmp_path: Path) -> None:
    """A file without response starts is one part, so that it is not read repeatedly from its beginning."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(begin + DELTA * (100_000_000 // len(DELTA)))
    before = read_bytes()
    assert respstream.scan(path, threads=2).to_arrow().num_rows == 1
    assert read_bytes() - before < 4 * path.stat().st_size


def read_bytes() -> int:
    """How much this process has read."""
    return int(IO.read_text(encoding="ascii").split()[1])


@pytest.mark.skipif(not IO.exists(), reason="only Linux reports the bytes that a process reads")
def test_lines_that_look_like_response_starts(tmp_path: Path) -> None:
    """Each is tried, and none is read further than to see that it is none."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(BEGIN + b'{"x":"response.created"\n' * 20_000)
    before = read_bytes()
    check(path, 240_000)
    assert read_bytes() - before < 500_000_000


LANED = [
    STREAM.replace(b'"type"', b'"stream_id":"%s","type"' % name).splitlines(keepends=True) for name in (b"a", b"b")
]
LANES = b"".join(line for pair in zip(*LANED, strict=True) for line in pair)


MIXED = b"".join(line for trio in zip(*LANED, STREAM.splitlines(keepends=True), strict=True) for line in trio)
WAITING = BEGIN + ITEM
ALIVE = KEEPALIVE.replace(b"}", b',"stream_id":"c"}')

LATE_LANES = {
    "between": STREAM * 40 + LANES * 2 + STREAM * 60,
    "mixed": STREAM * 40 + (MIXED + STREAM * 3) * 9,
    "in an open response": STREAM * 37 + WAITING + KEEPALIVE * 70 + LANES + DELTA + END + STREAM * 30,
    "behind what is open": STREAM * 37
    + BEGIN
    + (KEEPALIVE + b"stray\n") * 60
    + DELTA
    + END
    + LANES
    + STREAM * 9
    + LANES,
    "at the end": STREAM * 90 + LANED[0][0],
    "of no response": KEEPALIVE * 3 + b"stray\n" + STREAM * 50 + ALIVE * 3 + STREAM * 30 + KEEPALIVE + LANES + ALIVE,
    "plain ones": (STREAM + b'{"object":"response","id":"p","output":[]}\n') * 40 + MIXED + ODD["plain"] * 3 + LANES,
    "odd": STREAM * 30 + NEWS * 4 + MIXED + NEWS + LANES[:-50] + b"\nstray\n" + STREAM * 20 + b"\n\nend",
    "twice the same": STREAM * 40 + LANES + STREAM * 40 + LANES * 3,
}


ALL: list[tuple[Any, list[str]]] = [(table, whole(table)) for table in TABLES]


def summed(path: Path, columns: Any = ALL, **options: Any) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """The summary and the rows of a file that is read twice, by the extension."""
    native, inputs = _backend.load("rust"), [(str(path), bytes(path), None)] * 2
    options = {"threads": 1, "batch_rows": 100, "max_event_bytes": 64 << 20} | options
    stream = native.Scan(inputs, columns, **options).stream()
    found_rows: dict[str, list[dict[str, Any]]] = {table: [] for table, _ in columns}
    while (found := stream.next_batch()) is not None:
        found_rows[columns[found[0]][0]] += pa.record_batch(found[1]).to_pylist()
    return stream.summary(), found_rows


@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("name", list(LATE_LANES))
def test_lanes_started_before_split(name: str, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked for at some places. The part that meets one elsewhere reads on as one thread would."""
    path = tmp_path / "a.jsonl"
    data = LATE_LANES[name]
    # The search for lanes does not see an escaped name.
    path.write_bytes(data.replace(b'"stream_id"', rb'"stream\u005fid"'))
    expected = summed(path)
    assert any(row["lane"] for row in expected[1]["events"])
    for part_bytes in (60, 333, 2000, len(data) // 2):
        assert summed(path, threads=threads, part_bytes=part_bytes) == expected


def test_lanes_in_large_file(tmp_path: Path) -> None:
    """Parts after the first one with a lane are abandoned, and their rows dropped."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(STREAM * 4800 + LANES * 9 + STREAM * 4200)
    assert len(respstream.plan(path, 400_000)) > 1
    for part_bytes in (100_000, 400_000):
        assert summed(path, threads=3, part_bytes=part_bytes) == summed(path)


def test_split_reads_past_end_for_open_lane(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(STREAM * 4800 + LANES * 9 + STREAM * 4200)
    expected = respstream.scan(path, TABLES, COLUMNS, threads=1).to_arrow()
    found = joined(respstream.plan(path, 400_000))
    for table, place in (("responses", "byte_start"), ("events", "byte_start")):
        rows = sorted(expected[table].to_pylist(), key=lambda row: (row[place], row["lane"] or ""))
        assert sorted(found[table], key=lambda row: (row[place], row["lane"] or "")) == rows


@pytest.mark.usefixtures("api")
def test_splits_compare_by_value(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(STREAM * 10)
    found = respstream.plan(path, 1000, on_eof="discard")
    assert pickle.loads(pickle.dumps(found)) == found
    assert (found[0].start, found[0].end) == (0, found[1].start)
    assert found[-1].end is None
    assert sum(split.bytes or 0 for split in found) == path.stat().st_size
    assert "start=0" in repr(found[0])
    assert found != respstream.plan(path, 1000)


@pytest.mark.usefixtures("api")
def test_sources_that_are_not_split(tmp_path: Path) -> None:
    whole = {
        "packed.jsonl.gz": gzip.compress(random.Random(1).randbytes(3000)),
        "array.json": b"[" + STREAM.replace(b"\n", b",\n") * 9 + KEEPALIVE.strip() + b"]",
        "lanes.jsonl": STREAM.replace(b'"type"', b'"stream_id":"a","type"', 1) * 9,
        "lanes_behind.jsonl": STREAM * 500 + LANES + STREAM * 500,
    }
    for name, data in whole.items():
        (tmp_path / name).write_bytes(data)
        [split] = respstream.plan(tmp_path / name, 100)
        table = pa.table(respstream.read_split(split))
        assert table.to_pylist() == respstream.scan(tmp_path / name).to_arrow().to_pylist()


RECORDED = [
    {"t": 1_763_705_153_000_000_000 + number, "lane": "ab"[number % 2], "chunk": BLOCKS[at : at + 70].decode()}
    for number, at in enumerate(sorted([*range(0, len(BLOCKS), 70)] * 2))
]
ROWS = {
    "whole streams": rows({"ts": 1, "body": BLOCKS.decode()}) * 2,
    "encoded": rows({"ts": 1, "body": base64.b64encode(BLOCKS).decode()}) * 2,
    "one stream without a lane": rows(
        *({"ts": n, "line": line} for n, line in enumerate(BLOCKS.decode().splitlines()))
    ),
    "two lanes": rows(*RECORDED, {"t": 0, "lane": "a", "end": True}),
    "an event each": rows(*({"at": 1, "msg": json.loads(line)} for line in STREAM.splitlines())),
    "responses in blocks": b'data: {"body":{"object":"response","id":"p","output":[]}}\n\n' * 9,
    "a block that is not closed": rows({"ts": 1, "chunk": BLOCKS[:-40].decode()}),
}
"""Rows that wrap streams; a split after some of them depends on them."""
LOG_LINES = rows({"level": "info", "msg": "data: started", "ts": 1}, {"ts": 2})


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("wrapped", ROWS.values(), ids=ROWS)
def test_streams_mixed_with_rows_are_not_split(wrapped: bytes, tmp_path: Path) -> None:
    """Rows are looked for at the places where lanes are; objects that wrap no stream do not count."""
    (path := tmp_path / "a.log").write_bytes((STREAM + LOG_LINES) * 9 + wrapped + STREAM * 9)
    assert len(respstream.plan(path, 100)) == 1
    path.write_bytes((STREAM + LOG_LINES) * 9)
    assert len(respstream.plan(path, 100)) > 9
    check(path, 150)


LONG = STREAM.replace(b"Hi", b"Hi" * 20_000)
BEFORE, BEHIND = (LONG * (size // len(LONG)) for size in (1_180_000, 820_000))  # between two of the places
FEW = ["byte_start", "type", "lane"]


@pytest.mark.parametrize("open_before", [b"", WAITING], ids=["", "in an open response"])
@pytest.mark.parametrize("wrapped", ROWS.values(), ids=ROWS)
def test_rows_that_planning_missed(wrapped: bytes, open_before: bytes, tmp_path: Path) -> None:
    """The first part of a file that meets a row reads on as one thread would, whether it folds responses or not."""
    path = tmp_path / "a.log"
    path.write_bytes(BEFORE + open_before + wrapped + STREAM * 10 + wrapped + BEHIND)
    assert len(respstream.plan(path, 1 << 19)) > 1
    for given in (ALL, [("events", FEW)]):
        expected = summed(path, given)
        assert summed(path, given, threads=3, part_bytes=2000) == expected


@pytest.mark.usefixtures("api")
def test_only_whole_sources_number_responses(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(STREAM * 4)
    [whole] = respstream.plan(path)
    assert pa.table(respstream.read_split(whole))["stream_index"].to_pylist() == [0, 1, 2, 3]
    parts = [pa.table(respstream.read_split(split)) for split in respstream.plan(path, 100)]
    assert pa.concat_tables(parts)["stream_index"].to_pylist() == [None] * 4
    assert pa.schema(respstream.read_split(whole).schema).field("stream_index").nullable


def test_file_shrinks_or_disappears(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(STREAM * 10)
    found = respstream.plan(path, 500)
    path.write_bytes(STREAM)
    assert len(joined(found)["responses"]) == 1
    path.unlink()
    assert joined(found)["responses"] == []
    assert {row["code"] for row in joined(found)["diagnostics"]} == {"unreadable"}


def test_target_size_must_be_positive() -> None:
    with pytest.raises(ValueError, match="target_bytes"):
        respstream.plan(LOGS, 0)


# -- strict --------------------------------------------------------------------------------------------------------------

BAD = b'{"type":"response.output_text.delta","output_index":-1,"delta":"x"}\n'
STRAY = b"{oops}\n"


def failures(path: Path, *targets: int) -> list[tuple[int, Any]]:
    """The offsets of the errors of strict splits, each with the split that raised it."""
    found = []
    for target in targets:
        for split in respstream.plan(path, target, strict=True):
            try:
                respstream.read_split(split).to_arrow()
            except respstream.StreamError as error:
                found.append((error.offset, (split.start, split.end)))
    return found


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("size", [60, 200, 500])
def test_strict_split_raises_for_its_own_errors(size: int, tmp_path: Path) -> None:
    """In its range, or in the rest of its last response; whatever the reader of the split sees before it."""
    data = STREAM * 2 + BEGIN + BAD + ITEM + DELTA + END + STREAM * 2 + STRAY + STREAM
    (path := tmp_path / "a.jsonl").write_bytes(data)
    start, errors = data.index(BEGIN + BAD), [data.index(BAD), data.index(STRAY)]
    latest = data.rindex(BEGIN, 0, errors[1])
    expected = []
    for split in respstream.plan(path, size):
        end = len(data) if split.end is None else split.end
        for error, owner in zip(errors, (start, latest), strict=True):
            if split.start <= error < end or split.start <= owner < end <= error:
                expected.append((error, (split.start, split.end)))
                break
    assert failures(path, size) == expected
    assert len(expected) > 1


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(("after", "owner"), [(DELTA, 0), (BEGIN, 1)], ids=["continues", "begins"])
def test_strict_split_attributes_text_before_the_error_of_another(after: bytes, owner: int, tmp_path: Path) -> None:
    """Text between two events of a response belongs to it, although a later split raises for the error between them."""
    filler = DELTA * 3
    (path := tmp_path / "a.jsonl").write_bytes(BEGIN + filler + b"stray\n" + STRAY + after + END)
    splits = respstream.plan(path, 1, strict=True)
    split = next(one for one in splits if one.start == len(BEGIN + filler))
    logs = respstream.read_split(split, "diagnostics")
    found = [row["code"] for row in pa.table(logs).to_pylist()]
    assert found == ["stray_text"] * owner
    assert logs.summary is not None
    assert logs.summary.diagnostics == dict.fromkeys(found, 1)


@pytest.mark.usefixtures("api")
def test_error_of_strict_splits_belongs_to_no_response(tmp_path: Path) -> None:
    """Nothing behind the error counts: an error body there, which belongs to the open response with what is before it."""
    filler = DELTA * 3
    (path := tmp_path / "a.jsonl").write_bytes(BEGIN + filler + STRAY + b'{"error":{"message":"m"\n' + DELTA + END)
    splits = respstream.plan(path, 40, strict=True)
    at = len(BEGIN + filler)
    expected = [{"code": "bad_json", "offset": at, "response_id": None, "api": None}]
    for split in (splits[0], next(one for one in splits if at < (one.end or at + 1))):
        logs = respstream.read_split(split, "diagnostics", [*expected[0]])
        rows, offset = rows_and_error(logs._core.stream())
        assert (rows, offset) == (expected, at)


def rows_and_error(core: Any) -> tuple[list[dict[str, Any]], Any]:
    """The rows of the only table of a pass, and the offset of the error that ends it."""
    rows: list[dict[str, Any]] = []
    try:
        while (found := core.next_batch()) is not None:
            rows += pa.record_batch(found[1]).to_pylist()
    except respstream.StreamError as error:
        return rows, error.offset
    return rows, None


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("part_bytes", [50, 300, 1 << 20])
def test_strict_scan_has_the_diagnostics_up_to_the_error(part_bytes: int, tmp_path: Path) -> None:
    """In several parts, too: the error of the first part that fails may be in the range of a later one."""
    data = STREAM * 2 + BEGIN + DELTA * 9 + b"stray\n" + STRAY + END + b"stray\n" + STREAM
    (path := tmp_path / "a.jsonl").write_bytes(data)
    columns = [("diagnostics", ["code", "offset", "stream_index", "response_id", "api"])]
    scan = _engine().Scan(
        inputs([str(path)]), columns, threads=2, batch_rows=100, part_bytes=part_bytes, strict=True
    )  # fmt: skip
    rows, offset = rows_and_error(scan.stream())
    unknown = {"stream_index": None, "response_id": None, "api": None}
    assert offset == data.index(STRAY)
    assert rows[-2:] == [
        {"code": "stray_text", "offset": data.index(b"stray"), **unknown},
        {"code": "bad_json", "offset": offset, **unknown},
    ]
    assert {row["code"] for row in rows[:-2]} == {"output_recovered"}
