"""The laws for streams with the faults of gateways: no delta disappears in silence, and `text` prints what the response has.

`RESPSTREAM_LAWS=100000` checks that many streams in place of a sample.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from respstream.cli.text import command
from tests.support import faulty_streams
from tests.support.faulty_streams import Delta

COUNT = int(os.environ.get("RESPSTREAM_LAWS", "1500"))
SEVERE = ("warning", "error")


def _decode(backend: ModuleType, source: bytes) -> Any:
    decoder = backend.Decoder()
    decoder.feed(source)
    decoder.finish()
    return decoder


def _names(diagnostic: Any, delta: Delta) -> bool:
    """Whether a diagnostic names the item of a delta: by an id, or by an index, if the event has one that may be its own."""
    detail = diagnostic.detail or {}
    if any(name in diagnostic.message for name in delta.names):
        return True
    if "output_index" in detail:
        return delta.position is None or detail["output_index"] == delta.position
    return diagnostic.code == "output_differs" and (
        delta.position is None or f" at {delta.position}" in diagnostic.message
    )


def _source(events: list[Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_deltas_are_in_response_or_in_diagnostic(backend: ModuleType) -> None:
    for number in range(COUNT):
        stream = faulty_streams.stream(Random(f"nothing disappears/{number}"))
        decoder = _decode(backend, _source(stream.events))
        (response,) = decoder.responses
        whole = json.dumps(response.to_dict())
        severe = [diagnostic for diagnostic in decoder.diagnostics if diagnostic.severity in SEVERE]
        for delta in stream.deltas:
            found = delta.text in whole or any(_names(diagnostic, delta) for diagnostic in severe)
            assert found, (number, delta, stream.events, [diagnostic.message for diagnostic in severe])


def _words(text: str) -> Counter[str]:
    """The texts without their order and without line breaks: `text` prints items in the order in which they came."""
    return Counter(text.replace("\n", "").replace("<", "\n<").split("\n"))


@pytest.mark.usefixtures("api")
def test_text_prints_output_text(backend: ModuleType, tmp_path: Path) -> None:
    runner, file = CliRunner(), tmp_path / "stream.jsonl"
    for number in range(COUNT):
        stream = faulty_streams.stream(Random(f"one answer/{number}"))
        source = _source(stream.events)
        decoder = _decode(backend, source)
        (response,) = decoder.responses
        reasons = {diagnostic.code for diagnostic in decoder.diagnostics if diagnostic.severity in SEVERE}
        if reasons & {"text_mismatch", "late_delta", "output_differs"}:
            continue
        file.write_bytes(source)
        printed = runner.invoke(command, [str(file)], catch_exceptions=False).stdout
        words, expected = _words(printed), _words(response.output_text)
        if "value_recovered" in reasons:  # an empty item of the terminal output may have the text of another one
            words, expected = Counter({*words}), Counter({*expected})
        assert words == expected, (number, printed, response.output_text, stream.events)


@pytest.mark.parametrize("order", [1, -1])
def test_order_of_terminal_output_is_no_difference(backend: ModuleType, order: int) -> None:
    items = [
        {"id": f"m{number}", "type": "message", "content": [{"type": "output_text", "text": str(number)}]}
        for number in range(4)
    ]
    events: list[Any] = [
        {"type": "response.output_item.done", "output_index": index, "item": item} for index, item in enumerate(items)
    ]
    created = {"type": "response.created", "response": {"id": "r", "output": []}}
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": items[::order]}}
    decoder = _decode(backend, _source([created, *events, end]))
    assert decoder.diagnostics == []
    assert decoder.response.to_dict()["output"] == items[::order]
