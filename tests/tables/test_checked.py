"""`Summary.checked` and the diagnostics that it stands for, where columns need lifecycle events only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_runner import sse

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
