"""`Summary.checked` and the diagnostics that it stands for, where columns need lifecycle events only."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.records.test_records import cassette, entry, har
from tests.support.backends import load
from tests.support.cli_runner import sse
from tests.support.minimal_streams import STOP

CREATED = {"type": "response.created", "sequence_number": 0, "response": {"id": "r", "status": "in_progress"}}


def event(number: int, **members: Any) -> dict[str, Any]:
    return {
        "type": "response.output_text.delta",
        "output_index": 0,
        "content_index": 0,
        "sequence_number": number,
        **members,
    }


def summary(api: Any, path: Path, data: bytes) -> Any:
    path.write_bytes(data)
    scan = api.scan(path, columns=["status"])
    scan.to_arrow()
    return scan.summary


@pytest.mark.parametrize("delta", [b'"\xff"', b'"\\ud800"', b"1"])
def test_events_that_were_passed_over(api: Any, tmp_path: Path, delta: bytes) -> None:
    """All bytes are checked, or the summary says that some were not."""
    text = json.dumps(event(1, delta="TEXT")).encode().replace(b'"TEXT"', delta)
    data = sse(CREATED) + b"data: " + text + b"\n\n"
    found = summary(api, tmp_path / "a.sse", data)
    stream = api.responses(data)
    list(stream)
    missing = [one.code for one in stream.diagnostics if one.code not in found.diagnostics]
    assert found.checked == ("some" if missing else "all") or found.skipped == len(text) + len(b"data: \n\n")
    assert found.responses == {"in_progress": 1}


def test_diagnostics_of_events_that_were_not_passed_over(api: Any, tmp_path: Path) -> None:
    """Comparisons of neighbours hold in a source where no event was passed over, because each has a lane."""
    done = {"type": "response.completed", "sequence_number": 9, "response": {"id": "r", "status": "completed"}}
    found = summary(api, tmp_path / "a.sse", sse(*({**event, "stream_id": "a"} for event in (CREATED, done))))
    assert (found.checked, found.diagnostics) == ("all", {"sequence_gap": 1})


DONE = {"type": "response.completed", "sequence_number": 9, "response": {"id": "r", "status": "completed"}}
PASSED = event(1, delta="a")


def test_neighbours_are_compared_where_nothing_was_passed_over(api: Any, tmp_path: Path) -> None:
    found = summary(api, tmp_path / "a.sse", sse(CREATED, DONE))
    assert (found.checked, found.diagnostics) == ("all", {"sequence_gap": 1})


def test_input_of_a_tool_is_incomplete_where_deltas_were_passed_over(api: Any, tmp_path: Path) -> None:
    """The first delta begins the response; the others are passed over."""
    deltas = (
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": text}}
        for text in ('{"a":', "1", "}")
    )
    data = b"".join(json.dumps(delta).encode() + b"\n" for delta in deltas) + STOP
    found = summary(api, tmp_path / "a.jsonl", data)
    assert found.diagnostics == {"no_created": 1, "no_block_start": 1}


def test_event_passed_over_at_the_end(backend: ModuleType, api: Any, tmp_path: Path) -> None:
    """The last line has no line end: it is read when the source ends."""
    text = json.dumps(PASSED | {"output_index": -1})
    found = summary(api, tmp_path / "a.jsonl", f"{json.dumps(CREATED)}\n{text}".encode())
    assert (found.checked, found.skipped) == (("some", len(text)) if backend is load("rust") else ("all", 0))
    assert ("bad_field" in found.diagnostics) == (found.checked == "all")


@pytest.mark.parametrize("suffix", [".har", ".json"])
def test_events_of_recordings_that_were_passed_over(backend: ModuleType, api: Any, tmp_path: Path, suffix: str) -> None:
    text = sse(CREATED, PASSED | {"output_index": -1}, DONE).decode()
    recording = har(entry(text)) if suffix == ".har" else cassette(text)
    found = summary(api, tmp_path / f"a{suffix}", json.dumps(recording).encode())
    assert found.checked == ("some" if backend is load("rust") else "all")
    assert ("bad_field" in found.diagnostics) == (found.checked == "all")
    assert 0 < found.skipped <= found.bytes or found.checked == "all"
