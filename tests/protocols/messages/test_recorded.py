"""Recorded streams of other projects, where `RESPSTREAM_RECORDED_OTHER` names a folder of them."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.support import readings
from tests.support.messages_sdk import differences, sdk_message
from tests.support.paths import RECORDED_OTHER


class Recording(NamedTuple):
    """One row of the table in the folder's README."""

    path: Path
    payloads: int
    responses: int
    finish: str
    text: int
    calls: int


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    """The recorded streams of Messages, with their results."""
    folder = os.environ.get(RECORDED_OTHER)
    if not folder:
        pytest.skip(f"{RECORDED_OTHER} names no folder of recorded streams")
    rows = [line.split("|") for line in (Path(folder) / "README.md").read_text("utf-8").splitlines()]
    cells = [[cell.strip() for cell in row[1:-1]] for row in rows if len(row) > 2]
    found = [
        Recording(Path(folder) / cell[0], int(cell[2]), int(cell[3]), cell[4], *map(int, cell[5:]))
        for cell in cells
        if cell[0].startswith("messages/")
    ]
    assert found, f"{RECORDED_OTHER} names a folder without streams"
    return found


def test_results(backend: ModuleType, recordings: list[Recording]) -> None:
    for row in recordings:
        decoder = backend.Decoder()
        events = [*decoder.feed(row.path.read_bytes()), *decoder.finish()]
        assert (len(events), len(decoder.responses)) == (row.payloads, row.responses), row.path.name
        response = decoder.responses[0]
        got = response.finish_reason, len(response.output_text), len(response.tool_calls)
        assert got == (row.finish, row.text, row.calls), row.path.name
        assert (response.status, response.complete, response.api) == ("completed", True, "messages")
        assert decoder.diagnostics == [], row.path.name


def test_message_is_that_of_the_sdk(backend: ModuleType, recordings: list[Recording]) -> None:
    """It equals that of the beta API; the other accumulator drops members that docs/dialects.md lists."""
    equal = 0
    for row in recordings:
        body = row.path.read_bytes()
        decoder = backend.Decoder()
        decoder.feed(body)
        decoder.finish()
        ours = decoder.responses[0].to_dict()
        assert sdk_message(body, beta=True) == ours, row.path.name
        found = differences(sdk_message(body), ours)
        assert [one for one in found if not one.documented] == [], row.path.name
        equal += not found
    assert equal > len(recordings) // 2


def test_split_anywhere(backend: ModuleType, recordings: list[Recording]) -> None:
    rng = Random(1)
    for row in recordings:
        source = row.path.read_bytes()[:100_000]
        whole = readings.read(backend, source)
        assert readings.read(backend, source, [rng.randint(0, len(source)) for _ in range(30)]) == whole, row.path.name


def test_no_bytes_are_lost(backend: ModuleType, recordings: list[Recording]) -> None:
    for row in recordings:
        assert readings.lost_lines(backend, row.path.read_bytes()) == [], row.path.name


def test_events_are_the_payloads(backend: ModuleType, recordings: list[Recording]) -> None:
    """An event written as a block parses to an equal event."""
    for row in recordings:
        decoder = backend.Decoder()
        events: list[Any] = [*decoder.feed(row.path.read_bytes()), *decoder.finish()]
        again = backend.Decoder(api="messages")
        body = b"".join(event.to_sse() for event in events)
        assert [*again.feed(body), *again.finish()] == events, row.path.name
