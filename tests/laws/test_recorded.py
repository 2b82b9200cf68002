"""The laws over recorded streams of other projects, where `RESPSTREAM_RECORDED` names a folder of them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from tests.support import readings
from tests.support.paths import RECORDED
from tests.support.random_streams import damaged

TERMINAL = ("response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done")


def test_split_anywhere(backend: ModuleType, recorded: list[Path]) -> None:
    rng = Random(1)
    for path in recorded:
        source = path.read_bytes()[:200_000]
        whole = readings.read(backend, source)
        assert readings.read(backend, source, [rng.randint(0, len(source)) for _ in range(200)]) == whole, path.name


def test_byte_by_byte(backend: ModuleType, recorded: list[Path]) -> None:
    for path in recorded:
        source = path.read_bytes()[:20_000]
        assert readings.read(backend, source, readings.every_byte(source)) == readings.read(backend, source), path.name


def test_no_bytes_are_lost(backend: ModuleType, recorded: list[Path]) -> None:
    for path in recorded:
        assert readings.lost_lines(backend, path.read_bytes()) == [], path.name


def test_damaged_recordings_do_not_raise(backend: ModuleType, recorded: list[Path]) -> None:
    rng = Random(2)
    for path in recorded:
        source = path.read_bytes()[:100_000]
        for _ in range(3):
            broken = damaged(rng, source)
            whole = readings.read(backend, broken)
            assert readings.read(backend, broken, [rng.randint(0, len(broken)) for _ in range(50)]) == whole, path.name
            assert readings.lost_lines(backend, broken) == [], path.name


def test_terminal_response_matches_result(api: Any, recorded: list[Path]) -> None:
    for path in recorded:
        last: dict[str, Any] = {}
        for event in api.events(path):
            if event.type in TERMINAL:
                last[event.response.id] = event.response.to_dict()
        for response in api.responses(path):
            if response.complete and "output_recovered" not in readings.codes(response.diagnostics):
                assert response.to_dict() == last[response.id], path.name


def test_fold_without_terminal_event(api: Any, recorded: list[Path]) -> None:
    """The fold law. Responses that break it, as their diagnostics report, are left out."""
    held = 0
    for path in recorded:
        kept = [event.to_sse() for event in api.events(path) if event.type not in TERMINAL]
        folded = {response.offset: response for response in api.responses(b"".join(kept))}
        whole = list(api.responses(path))
        if len(folded) != len(whole):
            continue  # a response of nothing but a terminal event
        for response, short in zip(whole, folded.values(), strict=True):
            odd = {"text_mismatch", "output_differs", "no_terminal", "response_id_changed", "item_id_changed"}
            if odd & set(readings.codes(response.diagnostics)):
                continue
            held += 1
            assert short.output_text == response.output_text, path.name
            assert short.refusal == response.refusal, path.name
            assert short.reasoning_text == response.reasoning_text, path.name
            assert short.tool_calls == response.tool_calls, path.name
            assert [item["type"] for item in short.output] == [item["type"] for item in response.output], path.name
    assert held


ROW = re.compile(r"^\| (\S+) \| (sse|jsonl) \| [^|]* \| (\d+) \| (\d+) \| (\S+) \|$", re.MULTILINE)


def test_index_file_matches_recordings(api: Any, recorded: list[Path]) -> None:
    """Events, responses and the last terminal event of each file, where a README lists them."""
    folder = Path(os.environ[RECORDED])
    readme = folder / "README.md"
    listed = ROW.findall(readme.read_text("utf-8")) if readme.exists() else []
    for name, _, events, responses, terminal in listed:
        stream = api.responses(folder / name)
        found = list(stream)
        assert len(list(api.events(folder / name))) == int(events), name
        assert len(found) == int(responses), name
        assert (found[-1].terminal if found else None) == (None if terminal == "-" else terminal), name
