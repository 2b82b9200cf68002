"""Scans: tables of both backends, schema, readers, row order, and unreadable sources."""

from __future__ import annotations

import functools
import gzip
import io
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import nanoarrow
import polars
import pyarrow as pa
import pytest
from backports import zstd

import respstream
from respstream import _backend, tables
from respstream.inputs import paths
from tests.support.minimal_streams import BEGIN, DELTA, END, ITEM
from tests.support.minimal_streams import DIAGNOSTICS as MINIMAL
from tests.support.paths import TRANSCRIPTS

TABLES: list[Any] = list(tables.COLUMNS)
STREAM = BEGIN + ITEM + DELTA + END
LOGS = sorted(path for path in TRANSCRIPTS.iterdir() if path.suffix in {".sse", ".jsonl"})


def whole(table: Any) -> list[str]:
    return [name for name, _ in tables.COLUMNS[table]]


def under(backend: ModuleType, run: Callable[[], Any]) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_backend, "engine", backend)
        return run()


def both(backends: tuple[ModuleType, ModuleType], run: Callable[[], Any]) -> Any:
    """The result of both backends, which must be equal."""
    rust, python = (under(backend, run) for backend in backends)
    assert rust == python
    return rust


def rows(*args: Any, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = respstream.scan(*args, **options).to_arrow().to_pylist()
    return found


def test_token_counts_with_names_of_chat_completions(backends: tuple[ModuleType, ModuleType], tmp_path: Path) -> None:
    usages = [
        {"prompt_tokens": 11, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}},
        {"input_tokens": 0, "prompt_tokens": 9, "input_tokens_details": None, "prompt_tokens_details": {"cached_tokens": 4}},
        {"prompt_tokens": "9", "completion_tokens_details": []},
        [],
    ]  # fmt: skip
    ends = ({"type": "response.completed", "response": {"id": "r", "usage": usage}} for usage in usages)
    events = [event for end in ends for event in ({"type": "response.created", "response": {}}, end)]
    (path := tmp_path / "log.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    columns = ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "total_tokens"]
    found = both(backends, lambda: rows(path, columns=columns))
    assert [[row[name] for name in columns] for row in found] == [
        [11, 5, 4, 2, None],
        [0, None, None, None, None],
        [None] * 5,
        [None] * 5,
    ]


def test_summary_names_sources_without_responses(backends: tuple[ModuleType, ModuleType], tmp_path: Path) -> None:
    keepalive = b'data: {"type":"keepalive"}\n\n'
    contents = {
        "a.sse": STREAM,
        "b.sse": b"<html>\n",
        "c.sse": keepalive,
        "d.sse": b'{"error":{"message":"m","code":"c"}}\n',
        "e.sse": b"",
        "f.sse": gzip.compress(b"id,x\n1,2\n"),
        "g.sse": b"{bad}\n" * 10_050 + b"\n",
        "h.sse": json.dumps({"log": {"version": "1.2", "entries": []}}).encode(),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)

    def run() -> Any:
        found = []
        tables: list[tuple[Any, Any]] = [
            ("responses", None),
            ("responses", ["model"]),
            ("events", None),
            ("diagnostics", None),
        ]
        for table, columns in tables:
            scan = respstream.scan(tmp_path, table, columns)
            scan.to_arrow()
            assert scan.summary is not None
            found.append([(Path(name).name, code, text) for name, code, text in scan.summary.without_responses])
        return found

    for found in both(backends, run):
        assert [(name, code) for name, code, _ in found] == [
            ("b.sse", "no_responses"),
            ("c.sse", "no_responses"),
            ("d.sse", "error_body"),
            ("f.sse", "no_responses"),
            ("g.sse", "no_responses"),
            ("h.sse", "no_responses"),
        ]
        assert [text for _, _, text in found][:3] == [
            "0 responses; this looks like HTML or XML",
            "0 responses; the source has only events that belong to no response",
            "API error: c: m",
        ]


def packed(data: bytes, number: int) -> bytes:
    pack: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, zstd.compress]
    return pack[number % 3](data)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Forty files, plain and packed, of one to four responses each."""
    chosen = random.Random(7)
    for number in range(40):
        data = b"".join(STREAM.replace(b'"r1"', b'"r%d_%d"' % (number, n)) for n in range(chosen.randint(1, 4)))
        name = f"log{number:03}.jsonl" + ("", ".gz", ".zst")[number % 3]
        (tmp_path / name).write_bytes(packed(data, number))
    return tmp_path


# -- the same tables in both backends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_backends_give_equal_tables(backends: tuple[ModuleType, ModuleType], table: Any) -> None:
    found = both(backends, lambda: rows(LOGS, table, whole(table)))
    assert found


@pytest.mark.parametrize("table", TABLES)
def test_backends_give_equal_tables_of_recorded_streams(
    backends: tuple[ModuleType, ModuleType], recorded: list[Path], table: Any
) -> None:
    assert both(backends, lambda: rows(recorded, table, whole(table)))


@pytest.mark.parametrize("table", TABLES)
def test_backends_give_equal_tables_of_unusual_streams(
    backends: tuple[ModuleType, ModuleType], table: Any, tmp_path: Path
) -> None:
    for row in MINIMAL:
        (tmp_path / f"{row.code}.jsonl").write_bytes(row.stream)
    assert both(backends, lambda: rows(tmp_path, table, whole(table)))


def test_every_diagnostic_is_a_row(backends: tuple[ModuleType, ModuleType], tmp_path: Path) -> None:
    for row in MINIMAL:
        (tmp_path / f"{row.code}.log").write_bytes(row.stream)
        options = dict(row.options)
        found = both(backends, functools.partial(rows, tmp_path / f"{row.code}.log", "diagnostics", **options))
        decoder = respstream.Decoder(**options)
        decoder.feed(row.stream)
        decoder.finish()
        reported = sorted(decoder.diagnostics, key=lambda one: one.offset)
        assert [(one["code"], one["severity"], one["message"], one["line"]) for one in found] == [
            (one.code, one.severity, one.message, one.line) for one in reported
        ]


@pytest.mark.usefixtures("api")
def test_rows_match_responses() -> None:
    expected = []
    for path in LOGS:
        responses = respstream.responses(path)
        expected += [tables.response_row(response, os.fspath(path), whole=True) for response in responses]
    assert rows(LOGS, columns=whole("responses")) == expected


@pytest.mark.usefixtures("api")
def test_event_rows_match_stream() -> None:
    for path in LOGS:
        expected = list(respstream.events(path))
        found = rows(path, "events", [*whole("events")])
        assert [row["type"] for row in found] == [event.type for event in expected]
        assert [row["payload"].encode() for row in found] == [event.raw for event in expected]
        assert [row["byte_start"] for row in found] == [event.offset for event in expected]
        assert [row["delta"] for row in found if isinstance(row["delta"], str)] == [
            delta for event in expected if isinstance(delta := getattr(event, "delta", None), str)
        ]


@pytest.mark.usefixtures("api")
def test_events_are_numbered_per_response(tmp_path: Path) -> None:
    keepalive = b'{"type":"keepalive"}\n'
    (tmp_path / "a.jsonl").write_bytes(keepalive + keepalive + STREAM + STREAM)
    found = rows(tmp_path / "a.jsonl", "events", ["stream_index", "event_index", "response_id"])
    first = [{"stream_index": None, "event_index": n, "response_id": None} for n in range(2)]
    assert found == first + [
        {"stream_index": s, "event_index": n, "response_id": "r1"} for s in range(2) for n in range(4)
    ]


@pytest.mark.usefixtures("api")
def test_items() -> None:
    found = rows(TRANSCRIPTS / "hello_assist.sse", "items")
    responses = list(respstream.responses(TRANSCRIPTS / "hello_assist.sse"))
    assert [(row["stream_index"], row["output_index"], row["type"]) for row in found] == [
        (number, place, item["type"])
        for number, response in enumerate(responses)
        for place, item in enumerate(response.to_dict()["output"])
    ]


# -- schema --------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("table", TABLES)
def test_schema(table: Any) -> None:
    kinds = {
        "str": "large_string",
        "int": "int64",
        "real": "double",
        "ts": "timestamp[us, tz=UTC]",
        "list<str>": "list<item: large_string>",
    }
    kinds["dict"] = "dictionary<values=large_string, indices=int32, ordered=0>"
    found = pa.schema(respstream.schema(table, whole(table)))
    assert found.metadata == {b"respstream.table": table.encode(), b"respstream.version": tables.VERSION.encode()}
    for (name, kind), field in zip(tables.COLUMNS[table], found, strict=True):
        assert field.name == name
        assert field.nullable is not kind.endswith("!")
        if name != "tool_calls":
            assert str(field.type) == kinds[kind.rstrip("!")]
    assert pa.schema(respstream.schema(table)).names == [name for name in whole(table) if name not in tables.EXTRA]
    assert (
        respstream.scan(LOGS, table).to_arrow().schema.equals(pa.schema(respstream.schema(table)), check_metadata=True)
    )


def test_schemas_of_backends_are_equal(backends: tuple[ModuleType, ModuleType]) -> None:
    for table in TABLES:
        rust, python = (pa.schema(under(backend, functools.partial(respstream.schema, table))) for backend in backends)
        assert rust.equals(python, check_metadata=True)


@pytest.mark.usefixtures("api")
def test_columns_keep_requested_order() -> None:
    everything = rows(LOGS)
    assert rows(LOGS, columns=["model", "source"]) == [
        {"model": row["model"], "source": row["source"]} for row in everything
    ]
    assert respstream.scan(LOGS, columns=[]).to_arrow().num_rows == len(everything)


# -- readers -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("table", TABLES)
def test_arrow_readers(table: Any) -> None:
    logs = respstream.scan(LOGS, table)
    expected = logs.to_arrow()
    assert pa.table(logs).equals(expected)
    assert pa.RecordBatchReader.from_stream(logs).read_all().equals(expected)
    assert polars.DataFrame(logs).height == expected.num_rows
    assert logs.to_polars().equals(polars.DataFrame(expected))
    assert nanoarrow.ArrayStream(logs).read_all().to_pylist() == expected.to_pylist()
    assert len(logs.to_pandas()) == expected.num_rows
    relation: Any = duckdb.sql("select count(*) from logs")
    assert relation.fetchall() == [(expected.num_rows,)]
    batches = [pa.record_batch(batch) for batch in logs.batches()]
    assert pa.Table.from_batches(batches).equals(expected)


@pytest.mark.usefixtures("api")
def test_several_tables_in_one_pass() -> None:
    several = respstream.scan(LOGS, TABLES)
    found = several.to_arrow()
    assert {name: table.num_rows for name, table in found.items()} == several.summary.rows  # type: ignore[union-attr]
    for name in TABLES:
        assert found[name].equals(respstream.scan(LOGS, name).to_arrow())
    with pytest.raises(ValueError, match="several tables"):
        pa.table(several)


@pytest.mark.usefixtures("api")
def test_scan_can_be_read_again() -> None:
    logs = respstream.scan(LOGS)
    assert logs.summary is None
    assert logs.to_arrow().equals(logs.to_arrow())
    first = next(iter(logs.batches()))
    assert first.num_rows == 11
    assert pa.table(logs).num_rows == 11


# -- order and batches ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_rows_keep_input_order(logs: Path, threads: int) -> None:
    expected = [
        (os.fspath(path), response.id) for path in sorted(logs.iterdir()) for response in respstream.responses(path)
    ]
    found = rows(logs, threads=threads, batch_rows=7)
    assert [(row["source"], row["response_id"]) for row in found] == expected


@pytest.mark.usefixtures("api")
def test_batches_have_requested_size(logs: Path) -> None:
    sizes = [batch.num_rows for batch in respstream.scan(logs, batch_rows=7).batches()]
    assert set(sizes[:-1]) == {7}
    assert 1 <= sizes[-1] <= 7


@pytest.mark.usefixtures("api")
def test_reader_may_stop_early(logs: Path) -> None:
    for _ in range(20):
        batches = respstream.scan(logs, batch_rows=1, threads=4).batches()
        next(batches)
        del batches


@pytest.mark.parametrize(
    ("compress", "count"), [(gzip.compress, 100_000), (zstd.compress, 10_000)], ids=["gzip", "zstd"]
)
def test_compressed_file_of_many_members(
    compress: Callable[[bytes], bytes], count: int, api: Any, tmp_path: Path
) -> None:
    """Many of them empty, in linear time."""
    (path := tmp_path / "a.jsonl").write_bytes(compress(STREAM) + compress(b"") * count + compress(STREAM) * 9)
    started = time.monotonic()
    assert api.scan(path).to_arrow().num_rows == 10
    assert len(list(api.responses(path))) == 10
    assert time.monotonic() - started < 20


# -- unreadable sources --------------------------------------------------------------------------------------------------


def broken(folder: Path) -> None:
    """Files of every kind that cannot be read through, among good ones."""
    many = STREAM * 300
    files = {
        "a_good.jsonl": STREAM,
        "b_gone.jsonl": None,
        "c_cut.jsonl.gz": gzip.compress(many)[:-100],
        "d_cut.jsonl.zst": zstd.compress(random.Random(1).randbytes(1 << 20))[:-100],
        "e_bad.jsonl.gz": gzip.compress(STREAM)[:20] + b"\xff" * 40,
        "f_bad.jsonl.zst": zstd.compress(many)[:12] + b"\xff" * 400,
        "g_behind.jsonl.gz": gzip.compress(STREAM) + b"behind",
        "h_junk.log": random.Random(2).randbytes(5000),
        "i_empty.jsonl": b"",
        "j_padded.jsonl.gz": gzip.compress(STREAM) + gzip.compress(STREAM) + bytes(100),
        "k_frames.jsonl.zst": zstd.compress(STREAM) * 3,
        "l_head.jsonl.gz": gzip.compress(STREAM)[:7],
        "m_pzstd.jsonl.zst": b"\x50\x2a\x4d\x18\x04\0\0\0size" + zstd.compress(STREAM),
        "z_good.jsonl": STREAM,
    }
    for name, data in files.items():
        if data is None:
            (folder / name).symlink_to(folder / "nowhere")
        else:
            (folder / name).write_bytes(data)


def test_bad_files_are_reported_and_others_are_read(backends: tuple[ModuleType, ModuleType], tmp_path: Path) -> None:
    broken(tmp_path)

    def run() -> Any:
        logs = respstream.scan(tmp_path, ["responses", "diagnostics"])
        found = logs.to_arrow()
        summary = logs.summary
        assert summary is not None
        return found["responses"].to_pylist(), found["diagnostics"].to_pylist(), summary.to_dict()

    responses, diagnostics, summary = both(backends, run)
    assert {Path(name).name: code for name, code, _ in summary["problems"]} == {
        "b_gone.jsonl": "unreadable",
        "c_cut.jsonl.gz": "truncated_file",
        "d_cut.jsonl.zst": "truncated_file",
        "e_bad.jsonl.gz": "bad_compression",
        "f_bad.jsonl.zst": "bad_compression",
        "g_behind.jsonl.gz": "bad_compression",
        "l_head.jsonl.gz": "truncated_file",
    }
    reported = {(row["source"], row["code"]) for row in diagnostics}
    assert {(name, code) for name, code, _ in summary["problems"]} <= reported
    assert summary["sources"] == 14
    by_source = [Path(row["source"]).name for row in responses]
    assert by_source[0] == "a_good.jsonl"
    assert by_source[-1] == "z_good.jsonl"
    assert by_source.count("c_cut.jsonl.gz") > 1
    assert by_source.count("k_frames.jsonl.zst") == 3
    assert by_source.count("m_pzstd.jsonl.zst") == 1
    assert by_source.count("j_padded.jsonl.gz") == 2


@pytest.mark.usefixtures("api")
def test_file_name_with_invalid_utf8(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    try:
        Path(os.fsdecode(folder + b"/\xff.jsonl")).write_bytes(STREAM)
    except OSError:
        return  # the file system rejects such names
    for given in (tmp_path, folder, folder + b"/\xff.jsonl"):
        [row] = rows(given)
        assert row["source"].endswith("\ufffd.jsonl")


@pytest.mark.usefixtures("api")
def test_many_tiny_files(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f"{number:05}.jsonl").write_bytes(STREAM if number % 10 else b"{")
    logs = respstream.scan(tmp_path, columns=["source"])
    found = logs.to_arrow()
    assert found.num_rows == 1800
    assert found["source"].to_pylist() == sorted(found["source"].to_pylist())
    assert logs.summary is not None
    assert (logs.summary.sources, logs.summary.diagnostics["bad_json"]) == (2000, 200)


@pytest.mark.usefixtures("api")
def test_callable_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _: Any) -> int:
            raise OSError(5, "Input/output error")

    def refuse() -> Any:
        raise ImportError("install something")

    given = [
        paths.Input("a://1", lambda: io.BytesIO(gzip.compress(STREAM))),
        paths.Input("a://2", lambda: io.BufferedReader(Failing())),
        paths.Input("a://3", refuse),
        paths.Input("a://4", lambda: io.BytesIO(STREAM)),
    ]
    monkeypatch.setattr(paths, "inputs", lambda _: given)
    logs = respstream.scan("a://", threads=2)
    assert [row["source"] for row in logs.to_arrow().to_pylist()] == ["a://1", "a://4"]
    assert logs.summary is not None
    assert logs.summary.problems == [
        ("a://2", "unreadable", "Input/output error"),
        ("a://3", "unreadable", "install something"),
    ]
    # Readers that wait with the interpreter lock must not block threads that need it.
    assert polars.DataFrame(logs).height == 2
    relation: Any = duckdb.sql("select count(*) from logs")
    assert relation.fetchall() == [(2,)]


# -- strict --------------------------------------------------------------------------------------------------------------


def strictly(*args: Any, **options: Any) -> tuple[list[dict[str, Any]], tuple[Any, ...] | None]:
    """The rows of a strict scan, and the error that ended it."""
    found: list[dict[str, Any]] = []
    failed = None
    logs = respstream.scan(*args, strict=True, **options)
    try:
        for batch in logs.batches():
            found += pa.record_batch(batch).to_pylist()
    except respstream.StreamError as error:
        failed = error
    assert logs.summary is not None
    assert logs.summary.complete is (failed is None)
    if failed is None:
        return found, None
    assert str(failed).startswith(f"{failed.source}: {failed.code} at byte {failed.offset}")
    where = (failed.code, failed.offset, failed.line, failed.diagnostic.detail)
    return found, (Path(failed.source or "").name, *where)


@pytest.mark.parametrize("columns", [["source", "response_id"], None])
@pytest.mark.parametrize("threads", [1, 3])
def test_strict_stops_at_first_error(
    backends: tuple[ModuleType, ModuleType], columns: list[str] | None, threads: int, tmp_path: Path
) -> None:
    for number in range(9):
        data = STREAM * 2 if number != 5 else STREAM + BEGIN + b"{oops}\n" + ITEM + END + STREAM
        (tmp_path / f"{number}.jsonl").write_bytes(packed(data, 0))
    found, error = both(backends, lambda: strictly(tmp_path, columns=columns, threads=threads))
    assert error == ("5.jsonl", "bad_json", len(STREAM + BEGIN), 6, {"what": "line"})
    assert [row["source"] for row in found] == [str(tmp_path / f"{n // 2}.jsonl") for n in range(11)]


def test_strict_raises_for_unreadable_sources(backends: tuple[ModuleType, ModuleType], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(STREAM)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(STREAM)[:-5])
    (tmp_path / "c.jsonl").symlink_to(tmp_path / "nowhere")
    found, error = both(backends, lambda: strictly(tmp_path))
    assert error is not None
    assert (len(found), error[:2]) == (2, ("b.jsonl.gz", "truncated_file"))
    found, error = both(backends, lambda: strictly(tmp_path / "c.jsonl"))
    assert error is not None
    assert (found, error[:2]) == ([], ("c.jsonl", "unreadable"))


def test_strict_accepts_valid_input(backends: tuple[ModuleType, ModuleType], logs: Path) -> None:
    found, error = both(backends, lambda: strictly(logs))
    assert error is None
    assert found == rows(logs)


@pytest.mark.usefixtures("api")
def test_arrow_readers_get_strict_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(STREAM + b"{oops}\n")
    logs = respstream.scan(tmp_path, strict=True)
    with pytest.raises(respstream.StreamError, match="bad_json at byte"):
        logs.to_arrow()
    with pytest.raises(Exception, match="bad_json at byte"):
        pa.table(logs)
    with pytest.raises(respstream.StreamError):
        logs.write_parquet(tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


# -- files that change while they are read -------------------------------------------------------------------------------


@pytest.mark.usefixtures("api")
def test_file_changes_while_it_is_read(tmp_path: Path) -> None:
    size = 6 << 20
    many = STREAM * (size // len(STREAM))
    if _backend.BACKEND == "python":
        many = many[: len(STREAM) * 3000]
    names = ["grows.jsonl", "shrinks.jsonl", "vanishes.jsonl"]
    for name in names:
        (tmp_path / name).write_bytes(many)
    (tmp_path / "z_last.jsonl").write_bytes(STREAM)
    logs = respstream.scan(tmp_path, columns=["source", "status", "output_text"], threads=1, batch_rows=100)
    batches = logs.batches()
    found = pa.record_batch(next(batches)).to_pylist()
    with (tmp_path / "grows.jsonl").open("ab") as file:
        file.write(STREAM)
    os.truncate(tmp_path / "shrinks.jsonl", len(STREAM) * 5 + 10)
    (tmp_path / "vanishes.jsonl").unlink()
    for batch in batches:
        found += pa.record_batch(batch).to_pylist()
    by_source = {name: [row for row in found if row["source"].endswith(name)] for name in [*names, "z_last.jsonl"]}
    responses = len(many) // len(STREAM)
    assert len(by_source["grows.jsonl"]) in (responses, responses + 1)
    # Bytes read before the truncation may be included.
    assert 5 <= len(by_source["shrinks.jsonl"]) <= responses
    assert len(by_source["z_last.jsonl"]) == 1
    assert logs.summary is not None
    assert logs.summary.complete
    if not by_source["vanishes.jsonl"]:
        assert [(Path(name).name, code) for name, code, _ in logs.summary.problems] == [
            ("vanishes.jsonl", "unreadable")
        ]


# -- arguments -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"table": "rows"}, ValueError, "table must be one of"),
        ({"table": []}, ValueError, "no table"),
        ({"table": ["items", "items"]}, ValueError, "twice"),
        ({"columns": ["colour"]}, ValueError, "no column 'colour'"),
        ({"columns": "model"}, TypeError, "a list of names"),
        ({"columns": ["model", "model"]}, ValueError, "twice"),
        ({"table": ["items", "events"], "columns": ["source"]}, ValueError, "a dict by table"),
        ({"table": ["items", "events"], "columns": {"responses": ["model"]}}, ValueError, "'responses'"),
        ({"threads": 0}, ValueError, "threads"),
        ({"threads": 1.5}, TypeError, "integer"),
        ({"batch_rows": "7"}, TypeError, "integer"),
        ({"batch_rows": 0}, ValueError, "batch_rows"),
        ({"form": "xml"}, ValueError, "form"),
        ({"max_event_bytes": 0}, ValueError, "max_event_bytes"),
        ({"colour": 1}, TypeError, "colour"),
        ({"paths": "no-such-file"}, FileNotFoundError, "no-such-file"),
        ({"paths": "no-such-*.sse"}, FileNotFoundError, "no-such"),
        ({"paths": 7}, TypeError, "path"),
    ],
)
def test_invalid_arguments(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    given: dict[str, Any] = {"paths": LOGS, **arguments}
    with pytest.raises(error, match=words):
        respstream.scan(**given)


@pytest.mark.usefixtures("api")
def test_options_match_decoder(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(BEGIN + b'data: {"type":"response.completed"}')
    assert rows(tmp_path, columns=["terminal"], on_eof="discard") == [{"terminal": None}]
    assert rows(tmp_path, columns=["terminal"], form="jsonl") == [{"terminal": None}]
    assert rows(tmp_path, columns=["terminal"]) == [{"terminal": "response.completed"}]
    found = rows(tmp_path, "diagnostics", ["code"], max_event_bytes=10)
    assert json.dumps(found).count("event_too_large") == 2
