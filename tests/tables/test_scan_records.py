"""Scans of records and recordings: table rows match the responses and events of the files."""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import respstream
from respstream import _backend, tables
from respstream.tables.splits import plan, read_split
from tests.records.test_records import OTHER, SECOND, SHAPES, SSE, TEXT, cassette, entry, har, jumble, pieces, rows
from tests.support.backends import load

TABLES: list[Any] = ["responses", "events", "items", "diagnostics"]
EVENT_COLUMNS = ["type", "sequence_number", "delta", "time", "lane", "byte_start", "byte_end"]


def yaml(*bodies: Any) -> bytes:
    found: str = pytest.importorskip("yaml").safe_dump(cassette(*bodies))
    return found.encode()


def recording() -> bytes:
    """Our own form, two lanes in turn."""
    lines: list[dict[str, Any]] = []
    for number, piece in enumerate(pieces(70)):
        for lane in "ab":
            lines.append({"t": (SECOND * 1000 + number) * 10**6, "lane": lane, "chunk": piece})
    return rows(*lines)


FILES: dict[str, tuple[bytes, dict[str, Any]]] = {
    **{f"{name.replace(' ', '_')}.jsonl": (data, {}) for name, data in SHAPES.items()},
    "recording.jsonl": (recording(), {}),
    "recording.jsonl.gz": (gzip.compress(recording()), {}),
    "browser.har": (json.dumps(har(OTHER, entry(TEXT), entry(TEXT[:900])), indent=1).encode(), {}),
    "named.har": (json.dumps(har(entry(TEXT), entry(None))).encode(), {"form": "har"}),
    "cut.har": (json.dumps(har(entry(TEXT))).encode()[:3000], {}),
    "packed.har.gz": (gzip.compress(json.dumps(har(entry(TEXT))).encode()), {}),
    "cassette.json": (json.dumps({"version": 1, **cassette(TEXT)}).encode(), {}),
    "cassette.yaml": (yaml(TEXT, gzip.compress(SSE), None), {}),
    "named.yaml": (yaml(TEXT), {"form": "vcr"}),
    "no.yaml": (SSE, {"form": "vcr"}),
    "rows_alone.jsonl": (rows(*({"type": "x", "n": p} for p in pieces())), {"form": "rows"}),
    "named_rows.jsonl": (
        rows(*({"type": "x", "w": SECOND + n, "a": {"b": p}, "l": "q"} for n, p in enumerate(pieces()))),
        {"field": "/a/b", "time": "/w", "lane": "/l"},
    ),
    "mixed.jsonl": (SSE + b"\n" + rows({"ts": SECOND, "x": "é\ud800", "body": TEXT}, {"x": 1}) + SSE, {}),
    "blank.sse": (b"\n \n", {}),
    "short.sse": (b"interact", {}),
    "bad.jsonl": (b'{"ts": 1, "body": "event: x\n' + rows({"ts": 1, "lane": "a", "body": TEXT[:300]}), {}),
}


@pytest.fixture(autouse=True)
def use_backend(backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs over both backends."""
    monkeypatch.setattr(_backend, "engine", backend)


def scanned(path: Any, table: Any, columns: list[str] | None = None, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = respstream.scan(path, table, columns, **options).to_arrow().to_pylist()
    return found


def expected(path: Path, table: Any, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows by the way of events and responses; some columns of them."""
    stream = respstream.responses(path, **options)
    responses = [tables.response_row(response, os.fspath(path)) for response in stream]
    if table == "responses":
        return responses
    if table == "diagnostics":
        reported = sorted(stream.diagnostics, key=lambda one: one.offset)
        return [{"offset": d.offset, "line": d.line, "code": d.code, "message": d.message} for d in reported]
    if table == "items":
        return [{"response_id": row["response_id"]} for row in responses for _ in range(row["items"])]
    events = respstream.events(path, **options)
    return [{"type": event.type, "lane": event.stream_id, "byte_start": event.offset} for event in events]


@pytest.mark.parametrize("name", list(FILES))
def test_rows_match_file(tmp_path: Path, name: str) -> None:
    data, options = FILES[name]
    path = tmp_path / name
    path.write_bytes(data)
    for table in TABLES:
        wanted = expected(path, table, options)
        found = scanned(path, table, **options)
        shown = [{key: row[key] for key in one} for row, one in zip(found, wanted, strict=True)]
        assert shown == wanted, table
        scan = respstream.scan(path, table, **options)
        list(scan.batches())
        assert scan.summary is not None
        plain = gzip.decompress(data) if name.endswith(".gz") else data
        assert (scan.summary.bytes, scan.summary.problems) == (len(plain), [])


@pytest.mark.parametrize("name", list(FILES))
def test_events_without_fold(tmp_path: Path, name: str) -> None:
    """Columns that need no response are the same as beside those that do."""
    data, options = FILES[name]
    path = tmp_path / name
    path.write_bytes(data)
    all_of_them = scanned(path, "events", [*EVENT_COLUMNS, "stream_index", "response_id"], **options)
    assert scanned(path, "events", EVENT_COLUMNS, **options) == [
        {key: row[key] for key in EVENT_COLUMNS} for row in all_of_them
    ]


USAGE = ["source", "stream_index", "byte_start", "response_id", "model", "status", "output_tokens", "error_code"]


@pytest.mark.parametrize("name", list(FILES))
def test_responses_without_texts(tmp_path: Path, name: str) -> None:
    """Columns that few events determine are the same when read alone."""
    data, options = FILES[name]
    path = tmp_path / name
    path.write_bytes(data)
    whole = scanned(path, "responses", **options)
    assert scanned(path, "responses", USAGE, **options) == [{key: row[key] for key in USAGE} for row in whole]


@pytest.mark.parametrize("seed", range(12))
def test_mixed_and_damaged_rows(
    backends: tuple[ModuleType, ModuleType], tmp_path: Path, seed: int, monkeypatch: Any
) -> None:
    """Rows of all formats, cut and damaged: the backends agree, with and without a fold."""
    path = tmp_path / "jumble.jsonl"
    path.write_bytes(jumble(seed))
    wanted: list[tuple[Any, Any]] = [
        *((table, None) for table in TABLES),
        ("events", EVENT_COLUMNS),
        ("responses", USAGE),
    ]
    for table, columns in wanted:
        found = []
        for backend in backends:
            monkeypatch.setattr(_backend, "engine", backend)
            scan = respstream.scan(path, table, columns)
            found.append(scan.to_arrow().to_pylist())
        assert found[0] == found[1]


def test_wrapper_files_are_not_split(tmp_path: Path) -> None:
    """A response spans many rows, and a cassette is one text: a part would lack its beginning."""
    for name, (data, options) in FILES.items():
        if not name.startswith(("mixed", "blank", "short", "no.")):
            (path := tmp_path / name).write_bytes(data)
            splits = plan(path, 1000, **options)
            assert len(splits) == 1, name
            union = [row for split in splits for batch in read_split(split) for row in table(batch)]
            assert [row["response_id"] for row in union] == [
                row["response_id"] for row in scanned(path, "responses", **options)
            ]
    sse = tmp_path / "plain.sse"
    sse.write_bytes(SSE * 3)
    assert len(plan(sse, 1000)) > 1
    assert len(plan(sse, 1000, form="rows")) == 1


def table(batch: Any) -> list[dict[str, Any]]:
    import pyarrow as pa

    found: list[dict[str, Any]] = pa.record_batch(batch).to_pylist()
    return found


def test_large_wrapper_files_are_read_whole(tmp_path: Path) -> None:
    """The threads of the extension, which take parts of files, leave these alone."""
    backend = load("rust")
    for name in ("cassette.yaml", "recording.jsonl", "browser.har", "named_rows.jsonl"):
        data, options = FILES[name]
        (path := tmp_path / name).write_bytes(data)
        core = backend.Scan([(name, os.fsencode(path), None)], [("responses", ["response_id"])], threads=2,
                           batch_rows=10, part_bytes=500, **options)  # fmt: skip
        stream = core.stream()
        found = 0
        while (one := stream.next_batch()) is not None:
            found += one[1].num_rows
        assert found == len(scanned(path, "responses", **options))


def test_cassette_without_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing extra is named, and the other files are read."""
    (tmp_path / "a.yaml").write_bytes(yaml(TEXT))
    (tmp_path / "b.sse").write_bytes(SSE)
    monkeypatch.setitem(sys.modules, "yaml", None)
    scan = respstream.scan([tmp_path / "a.yaml", tmp_path / "b.sse"], ["responses", "diagnostics"])
    found = scan.to_arrow()
    assert found["responses"].num_rows == 1
    assert scan.summary is not None
    ((source, code, reason),) = scan.summary.problems
    assert (source, code) == (str(tmp_path / "a.yaml"), "unreadable")
    assert "pip install 'respstream[vcr]'" in reason
    assert found["diagnostics"]["code"].to_pylist() == ["unreadable"]


HEADS = [
    b'{"log": {"version"',
    b'\xef\xbb\xbf{\n  "log" : {',
    b'{"log": "data: {}", "stream": "stdout"}',
    b'{"version": 1, "interactions": [',
    b'{"version": 1, "interactions" : {',
    b'{"version": "' + b"x" * 60 + b'", "interactions": [',
    b'{"http_interactions": [{',
    b'{"a' + b"b" * 60 + b'": 1}',
    b"---\n# by hand\nversion: 1\ninteractions:\n",
    b"recorded_with: VCR\nhttp_interactions:\n",
    b"interactionsx\n",
    b"event: response.created\n",
    b"\n\n  \n",
    b" " * 5000 + b'{"log": {',
    b" " * 9000 + b'{"log": {',
    b"#" * 5000 + b"\ninteractions:\n",
]


def test_backends_detect_same_format(tmp_path: Path) -> None:
    """A source that is seen as a file that wraps streams is read by Python alone: an entry that is none is a `bad_field`."""
    from respstream.recordings.detect import detect_wrapper as sniff

    chosen = random.Random(3)
    for number, head in enumerate(HEADS):
        for cut in {len(head), chosen.randrange(len(head)), chosen.randrange(len(head))}:
            text = head[:cut] + b"\x01\n"
            (path := tmp_path / f"{number}_{cut}").write_bytes(text)
            codes = {row["code"] for row in scanned(path, "diagnostics")}
            assert ("bad_field" in codes) == (sniff(text) in ("har", "vcr")), text
