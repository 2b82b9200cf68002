"""The laws for streams with the faults of gateways: no delta disappears in silence, and a response has one text.

`RESPSTREAM_LAWS=100000` checks that many streams in place of a sample.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from respstream.cli.text import command
from tests.support import faulty_streams
from tests.support.faulty_streams import Delta, Faulty, lines

COUNT = int(os.environ.get("RESPSTREAM_LAWS", "2000"))
BATCH = 500  # streams of a file
SEVERE = ("warning", "error")
LOSSES = {"text_mismatch", "late_delta", "output_differs", "bad_field"}
"""The diagnostics that report a lost text."""
NO_LOSS = {"index_reused", "output_recovered", "no_terminal"}
FLAGS = [(), ("--reasoning", "--tool-calls")]
TEXTS = ("output_text", "refusal", "reasoning_text", "reasoning_summary")


def _streams(name: str, numbers: range) -> list[Faulty]:
    return [faulty_streams.stream(Random(f"{name}/{number}"), number) for number in numbers]


def _decode(backend: ModuleType, source: bytes) -> Any:
    decoder = backend.Decoder()
    decoder.feed(source)
    decoder.finish()
    return decoder


def _severe(response: Any) -> list[Any]:
    return [diagnostic for diagnostic in response.diagnostics if diagnostic.severity in SEVERE]


# -- each delta is in the response, or in a diagnostic -----------------------------------------------------------------


def _tells_loss(diagnostic: Any, delta: Delta) -> bool:
    """Whether a diagnostic reports lost text of the item of a delta: it has an id of it, or an index that may be its own."""
    if diagnostic.code not in LOSSES:
        return False
    detail = diagnostic.detail or {}
    if diagnostic.code == "text_mismatch" and not detail["what"].startswith(delta.holder):
        return False
    if any(name in diagnostic.message for name in delta.names):
        return True
    if "output_index" in detail:
        return delta.position is None or detail["output_index"] == delta.position
    return diagnostic.code == "output_differs" and (
        delta.position is None or f" at {delta.position}" in diagnostic.message
    )


@pytest.mark.timeout(COUNT)
def test_deltas_are_in_response_or_in_diagnostic(backend: ModuleType) -> None:
    for number in range(COUNT):
        (stream,) = _streams("nothing disappears", range(number, number + 1))
        (response,) = _decode(backend, lines(stream.events)).responses
        output = json.dumps(response.to_dict().get("output"))
        severe = _severe(response)
        for delta in stream.deltas:
            found = delta.text in output or any(_tells_loss(diagnostic, delta) for diagnostic in severe)
            assert found, (number, delta, stream.events, [diagnostic.message for diagnostic in severe])
        if stream.regular and {diagnostic.code for diagnostic in severe} <= NO_LOSS:
            twice = [delta for delta in stream.deltas if output.count(delta.text) > 1]
            assert not twice, (number, twice, stream.events)


# -- one text ----------------------------------------------------------------------------------------------------------


def _words(text: str | None) -> Counter[str]:
    """The texts of deltas and final values: `text` prints items in the order in which they came, and interrupts some."""
    return Counter(re.findall("<[^>]*>", text or ""))


def _printed(path: Path, flags: tuple[str, ...]) -> dict[int, Counter[str]]:
    """What `respstream text` prints of each stream of a file, by the number of the stream."""
    printed: dict[int, Counter[str]] = {}
    for word, count in _words(CliRunner().invoke(command, [str(path), *flags], catch_exceptions=False).stdout).items():
        (number,) = re.findall(r"(\d+)\.", word)[:1]
        printed.setdefault(int(number), Counter())[word] = count
    return printed


def _rows(api: Any, path: Path, table: str, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    target = path.with_suffix(f".{table}")
    api.scan(path, table, columns=columns).write_jsonl(target)
    return map(json.loads, target.read_text("utf-8").splitlines())


@pytest.mark.parametrize("start", range(0, COUNT, BATCH))
def test_response_has_one_text(api: Any, tmp_path: Path, start: int) -> None:
    """`text` prints what a response has; tables and an accumulator have the same."""
    numbers = range(start, min(start + BATCH, COUNT))
    streams, path = _streams("one text", numbers), tmp_path / "streams.jsonl"
    path.write_bytes(b"".join(lines(stream.events) for stream in streams))
    responses = list(api.responses(path))
    _compare_text(path, dict(zip(numbers, responses, strict=True)))
    _compare_tables(api, path, responses)
    for stream, response in list(zip(streams, responses, strict=True))[::10]:
        accumulator = api.Accumulator()
        for event in stream.events:
            accumulator.add(event)
        assert accumulator.response.to_dict() == response.to_dict()
        assert accumulator.response.output_text == response.output_text


def _compare_text(path: Path, responses: dict[int, Any]) -> None:
    messages, everything = (_printed(path, flags) for flags in FLAGS)
    for number, response in responses.items():
        texts = [response.output_text, response.refusal]
        others = [response.reasoning_text, response.reasoning_summary, *(c.arguments for c in response.tool_calls)]
        reasons = {diagnostic.code for diagnostic in _severe(response)}
        for printed, own in ((messages, texts), (everything, [*texts, *others])):
            expected, words = sum(map(_words, own), Counter[str]()), printed.get(number, Counter[str]())
            if "value_recovered" in reasons:  # an empty item of the terminal output may have the text of another one
                words, expected = Counter({*words}), Counter({*expected})
            assert "text_mismatch" in reasons or words >= expected, (number, words, expected)
            assert reasons & {"text_mismatch", "output_differs"} or words <= expected, (number, words, expected)


def _compare_tables(api: Any, path: Path, responses: list[Any]) -> None:
    rows = _rows(api, path, "responses", (*TEXTS, "tool_calls", "error_code", "error_message", "response_json"))
    items: dict[int, list[dict[str, Any]]] = {}
    for item in _rows(api, path, "items", ("stream_index", "type", "text", "arguments")):
        items.setdefault(item["stream_index"], []).append(item)
    for index, (response, row) in enumerate(zip(responses, rows, strict=True)):
        assert [row[name] or None for name in TEXTS] == [getattr(response, name) or None for name in TEXTS], index
        assert json.loads(row["response_json"]) == response.to_dict(), index
        error = response.error
        code = None if error is None or error.code is None else str(error.code)
        assert (row["error_code"], row["error_message"]) == (code, error and error.message), index
        calls = [call.arguments for call in response.tool_calls]
        assert [call["arguments"] for call in row["tool_calls"]] == calls, index
        own = items.get(index, [])
        assert "".join(item["text"] or "" for item in own if item["type"] == "message") == response.output_text, index
        assert [item["arguments"] for item in own if item["type"] in faulty_streams.CALLS] == calls, index


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("named", [True, False])
def test_order_of_terminal_output_is_no_difference(backend: ModuleType, order: int, named: bool) -> None:
    """Without the ids of the stream, items are recognised by their texts."""
    items = [
        {"id": f"m{number}", "type": "message", "content": [{"type": "output_text", "text": str(number)}]}
        for number in range(4)
    ]
    events: list[Any] = [
        {"type": "response.output_item.done", "output_index": index, "item": item} for index, item in enumerate(items)
    ]
    final = [item if named else {**item, "id": f"x{item['id']}"} for item in items][::order]
    created = {"type": "response.created", "response": {"id": "r", "output": []}}
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": final}}
    decoder = _decode(backend, lines([created, *events, end]))
    assert decoder.diagnostics == []
    assert decoder.response.to_dict()["output"] == final
