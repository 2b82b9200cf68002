"""The laws "nothing disappears" and "one answer" over generated streams of the APIs without items, with servers' dialects.

`text`, `deltas`, `responses`, the tables and an accumulator give the same text, tool calls and usage for the same bytes.
`RESPSTREAM_LAWS=100000` checks that many streams of each API in place of a sample.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from respstream.cli.text import command
from tests.support import chat_streams, messages_streams

COUNT = int(os.environ.get("RESPSTREAM_LAWS", "300"))
BATCH = 150  # streams of a file
USAGE = ("input_tokens", "output_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")


class Made(NamedTuple):
    """A stream: its events, the texts of its deltas, and its bytes."""

    events: list[Any]
    words: list[str]
    body: bytes


def _chat(rng: Random, number: int) -> Made:
    stream = chat_streams.stream(rng, number, dialects=True)
    return Made(stream.chunks, stream.texts, chat_streams.sse(stream.chunks))


def _messages(rng: Random, number: int) -> Made:
    stream = messages_streams.stream(rng, number, dialects=True)
    return Made(stream.events, stream.texts, messages_streams.sse(stream.events))


STREAMS: dict[str, Callable[[Random, int], Made]] = {"chat": _chat, "messages": _messages}
"""The generators of each API."""


def _words(*texts: str | None) -> Counter[str]:
    return Counter(re.findall("<[^<>]*>", " ".join(text or "" for text in texts)))


def _rows(api: Any, path: Path, table: str, columns: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.scan(path, table, columns).to_arrow().to_pylist()
    return rows


@pytest.mark.timeout(max(300, COUNT))
@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("start", range(0, COUNT, BATCH))
def test_one_answer(api: Any, tmp_path: Path, name: str, start: int) -> None:
    numbers = range(start, min(start + BATCH, COUNT))
    streams = [STREAMS[name](Random(f"one answer/{name}/{number}"), number) for number in numbers]
    (path := tmp_path / "streams.sse").write_bytes(b"".join(stream.body for stream in streams))
    responses = list(api.responses(path))
    assert [response.api for response in responses] == [name] * len(streams)
    for stream, response in zip(streams, responses, strict=True):
        _nothing_disappears(stream, response)
        _accumulator_agrees(api, stream, response)
    _tables_agree(api, path, responses)
    _deltas_agree(api, path, responses)
    _text_agrees(path, responses)


def _nothing_disappears(stream: Made, response: Any) -> None:
    """Each streamed text is in the response, or a warning or error says that it is not."""
    whole = json.dumps(response.to_dict(), ensure_ascii=False)
    severe = [one for one in response.diagnostics if one.severity in ("warning", "error") and one.code != "no_terminal"]
    missing = [word for word in _words(*stream.words) if word not in whole]
    assert not missing or severe, (missing, stream.events)


def _accumulator_agrees(api: Any, stream: Made, response: Any) -> None:
    accumulator = api.Accumulator()
    for event in stream.events:
        accumulator.add(event)
    found = accumulator.response
    assert found.to_dict() == response.to_dict()
    assert (found.output_text, found.reasoning_text, found.refusal) == _texts(response)
    assert found.tool_calls == response.tool_calls


def _texts(response: Any) -> tuple[Any, ...]:
    return response.output_text, response.reasoning_text, response.refusal


def _tables_agree(api: Any, path: Path, responses: list[Any]) -> None:
    columns = ["output_text", "reasoning_text", "refusal", "tool_calls", "status", "response_json", *USAGE]
    for row, response in zip(_rows(api, path, "responses", columns), responses, strict=True):
        assert [row[name] or None for name in columns[:3]] == [text or None for text in _texts(response)]
        assert [(call["call_id"], call["name"], call["arguments"]) for call in row["tool_calls"]] == [
            (call.call_id, call.name, call.arguments) for call in response.tool_calls
        ]
        assert (row["status"], json.loads(row["response_json"])) == (response.status, response.to_dict())
        usage = response.usage
        assert [row[name] for name in USAGE] == [None if usage is None else getattr(usage, name) for name in USAGE]


def _deltas_agree(api: Any, path: Path, responses: list[Any]) -> None:
    """The joined deltas of a kind have the texts of the response; those of other choices are in its object."""
    found: dict[tuple[str | None, str], list[str]] = {}
    for delta in api.deltas(path):
        if delta.choice_index == 0:
            found.setdefault((delta.response_id, delta.kind), []).append(delta.text)
    for response in responses:
        calls = "".join(call.arguments or "" for call in response.tool_calls)
        expected = {"text": response.output_text, "reasoning": response.reasoning_text, "refusal": response.refusal}
        for kind, text in {**expected, "tool_arguments": calls}.items():
            joined = "".join(found.get((response.id, kind), ()))
            assert _words(joined) == _words(text), (kind, joined, text)


def _text_agrees(path: Path, responses: list[Any]) -> None:
    """`respstream text` prints the texts, and with its options the others; each once."""
    for flags in ((), ("--reasoning", "--tool-calls")):
        printed = CliRunner().invoke(command, [str(path), *flags], catch_exceptions=False).stdout
        expected: Counter[str] = Counter()
        for response in responses:
            expected += _words(response.output_text, response.refusal)
            if flags:
                expected += _words(response.reasoning_text, *(call.arguments for call in response.tool_calls))
        assert _words(printed) == expected, flags
