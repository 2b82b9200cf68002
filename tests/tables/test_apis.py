"""Tables of sources with several APIs, and of Chat Completions."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import respstream
from respstream import _backend
from tests.support.chat_streams import call, chunk, jsonl, of, sse
from tests.support.paths import TRANSCRIPTS

USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 5,
    "total_tokens": 8,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
CHUNKS = [
    chunk("", role="assistant", reasoning_content="Hm"),
    chunk("Hi"),
    chunk("Ho", index=1, role="assistant"),
    chunk(tool_calls=[call('{"a":1}', ident="t1", name="f")]),
    chunk(tool_calls=[call("{}", at=1, ident="t2", name="g")]),
    chunk(finish="length"),
    chunk(index=1, finish="stop"),
    of(usage=USAGE, service_tier="default"),
]
TABLES: tuple[Any, ...] = ("responses", "events", "items", "diagnostics")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of both APIs."""
    found = tmp_path / "log.sse"
    found.write_bytes((TRANSCRIPTS / "conversation.sse").read_bytes() + sse(CHUNKS))
    return found


def rows(path: Path, table: Any = "responses", **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = respstream.scan(path, table, **options).to_arrow().to_pylist()
    return found


def test_responses(api: Any, path: Path) -> None:
    first, second = rows(path)
    assert (first["api"], second["api"]) == ("responses", "chat")
    expected = {
        "response_id": "c1",
        "model": "m",
        "status": "incomplete",
        "incomplete_reason": "length",
        "output_text": "Hi",
        "reasoning_text": "Hm",
        "reasoning_summary": None,
        "refusal": None,
        "service_tier": "default",
        "input_tokens": 3,
        "cached_tokens": 2,
        "output_tokens": 5,
        "reasoning_tokens": 1,
        "total_tokens": 8,
        "items": 3,
        "events": 8,
        "previous_response_id": None,
        "first_sequence": None,
        "error_code": None,
        "metadata": None,
    }
    assert {name: second[name] for name in expected} == expected
    assert second["created_at"].timestamp() == 1
    assert [(one["call_id"], one["name"], one["arguments"]) for one in second["tool_calls"]] == [
        ("t1", "f", '{"a":1}'),
        ("t2", "g", "{}"),
    ]
    assert [one["type"] for one in second["tool_calls"]] == [
        one.type for one in list(api.responses(path))[1].tool_calls
    ]


def test_items(api: Any, path: Path) -> None:
    """Tool calls, and choices other than the first, are items."""
    found = [row for row in rows(path, "items") if row["api"] == "chat"]
    named = ("output_index", "type", "role", "name", "call_id", "text", "arguments")
    assert [tuple(row[name] for name in named) for row in found] == [
        (0, "function", None, "f", "t1", None, '{"a":1}'),
        (1, "function", None, "g", "t2", None, "{}"),
        (1, "message", "assistant", None, None, "Ho", None),
    ]


def test_events(api: Any, path: Path) -> None:
    found = [row for row in rows(path, "events") if row["api"] == "chat"]
    assert {row["type"] for row in found} == {"chat.completion.chunk"}
    assert [(row["output_index"], row["delta"]) for row in found][:3] == [(0, ""), (0, "Hi"), (1, "Ho")]
    assert [row["event_index"] for row in found] == list(range(8))
    assert {row["response_id"] for row in found[1:]} == {"c1"}


def test_diagnostics(api: Any, tmp_path: Path) -> None:
    path = tmp_path / "cut.sse"
    path.write_bytes(b"stray\n" + sse(CHUNKS[:2], done=False))
    assert [(row["code"], row["api"]) for row in rows(path, "diagnostics")] == [
        ("stray_text", None),
        ("no_terminal", "chat"),
    ]


def test_schema_version(api: Any) -> None:
    for table in TABLES:
        schema = respstream.schema(table)
        pa = pytest.importorskip("pyarrow")
        found = pa.schema(schema)
        assert "api" in found.names
        assert found.metadata[b"respstream.version"] == b"3"


@pytest.mark.parametrize(("chosen", "kept"), [("responses", ["responses"]), ("chat", ["chat"])])
def test_option(api: Any, path: Path, chosen: str, kept: list[str]) -> None:
    assert [row["api"] for row in rows(path, api=chosen)] == kept


def test_some_columns(api: Any, path: Path) -> None:
    """Columns that few events determine are the same when read alone."""
    whole = rows(path)
    for columns in (["api", "model"], ["api", "input_tokens", "total_tokens"], ["status", "items"], ["api"]):
        assert rows(path, columns=columns) == [{name: row[name] for name in columns} for row in whole]


def test_backends_agree(backends: tuple[ModuleType, ModuleType], tmp_path: Path, monkeypatch: Any) -> None:
    mixed = (TRANSCRIPTS / "conversation.sse").read_bytes() + sse(CHUNKS)
    lines = [
        json.dumps(one) for pair in zip(CHUNKS, [{**one, "id": "c2"} for one in CHUNKS], strict=True) for one in pair
    ]
    for name, data in {"a.sse": mixed, "b.jsonl": "\n".join(lines).encode(), "c.jsonl": jsonl(CHUNKS)}.items():
        path = tmp_path / name
        path.write_bytes(data)
        for table in TABLES:
            found = []
            for backend in backends:
                monkeypatch.setattr(_backend, "engine", backend)
                found.append(rows(path, table))
            assert found[0] == found[1], (name, table)


def test_splits(api: Any, tmp_path: Path) -> None:
    """The union of the splits of a log equals its scan, but for the numbers of the responses."""
    path = tmp_path / "log.sse"
    streams = [[{**one, "id": f"c{number}"} for one in CHUNKS] for number in range(50)]
    path.write_bytes(b"".join(sse(stream) for stream in streams))
    whole = [{**row, "stream_index": None} for row in rows(path)]
    parts = [
        row for split in respstream.plan(path, 4000) for row in respstream.read_split(split).to_arrow().to_pylist()
    ]
    assert [{**row, "stream_index": None} for row in parts] == whole
    assert len(whole) == 50


def test_row_of_a_response(api: Any, path: Path) -> None:
    from respstream.tables.scan import response_row

    scanned = rows(path)
    for response, row in zip(api.responses(path), scanned, strict=True):
        assert response_row(response, str(path)) == row


def test_runs_of_chunks_inside_an_open_response(api: Any, tmp_path: Path) -> None:
    """Chunks that repeat one another are rows of the completion that they name, whatever else is open in their lane."""
    created = {"type": "response.created", "response": {"id": "r", "output": []}}
    chunks = [chunk("x", ident=ident) for ident in ("c1", "c1", "c1", "c2", "c2", "c1", "c1")]
    (path := tmp_path / "a.jsonl").write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in [created, *chunks]))
    found = api.scan(path, "events", ["response_id", "event_index", "stream_index"]).to_arrow()
    assert found["response_id"].to_pylist() == ["r", "c1", "c1", "c1", "c2", "c2", "c1", "c1"]
    assert found["event_index"].to_pylist() == [0, 0, 1, 2, 0, 1, 3, 4]


def test_events_without_marks_are_of_the_api_of_the_last_event(api: Any, tmp_path: Path) -> None:
    """Also after a chunk that repeats an earlier one, which the native backend recognises without classifying it."""
    start = {"type": "message_start", "message": {"type": "message", "id": "m", "content": []}}
    chat = [("a", chunk(text)) for text in ("a", "b", "c")]
    pairs = [*chat, ("b", start), ("b", {"type": "message_stop"}), ("a", chunk("d")), ("c", {"type": "strange"})]
    found = tmp_path / "rows.jsonl"
    found.write_bytes(jsonl([{"lane": lane, "data": json.dumps(payload)} for lane, payload in pairs]))
    table = api.scan(found, "events", ["api"]).to_arrow()
    assert table["api"].to_pylist() == ["chat"] * 3 + ["messages"] * 2 + ["chat"] * 2
