"""The five transcripts: their exact folded responses, and the results when they are truncated."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.support import readings
from tests.support.paths import TRANSCRIPTS


class Answer(NamedTuple):
    """The folded result of a transcript."""

    events: list[int]
    texts: list[str]
    output_tokens: list[int]
    diagnostics: list[str]


ANSWERS = {
    "hello_world.sse": Answer([12], ["Hello, World!"], [5], ["unfinished_block"]),
    "hello_assist.sse": Answer([17], ["Hello! How can I assist you today?"], [10], []),
    "conversation.sse": Answer([18], ["I'm sorry, but I can't assist with that."], [11], []),
    "log_of_seven.sse": Answer(
        [25, 14, 14, 13, 16, 13, 13],
        [
            "Hey! I'm an AI developed by OpenAI. How can I help you today?",
            "Hello, I am GPT.",
            "Hello, I am GPT.",
            "Sure, sounds great!",
            "Sorry, I can't assist with that.",
            "¡Feliz Navidad!",
            "¡Feliz Navidad!",
        ],
        [18, 7, 7, 6, 9, 6, 6],
        ["error_body"],
    ),
    "incomplete.jsonl": Answer([9], ["Hello,"], [0], ["text_mismatch", "item_id_changed", "response_id_changed"]),
}
NAMES = pytest.mark.parametrize("name", ANSWERS)


def data(name: str) -> bytes:
    return (TRANSCRIPTS / name).read_bytes()


@NAMES
def test_expected_answers(api: Any, name: str) -> None:
    answer = ANSWERS[name]
    stream = api.responses(TRANSCRIPTS / name)
    responses = list(stream)
    assert [response.output_text for response in responses] == answer.texts
    assert [response.usage.output_tokens for response in responses] == answer.output_tokens
    assert [response.events for response in responses] == answer.events
    assert sorted(readings.codes(stream.diagnostics)) == sorted(answer.diagnostics)
    assert len(list(api.events(TRANSCRIPTS / name))) == sum(answer.events)
    assert all(response.complete for response in responses)
    status = "incomplete" if name == "incomplete.jsonl" else "completed"
    assert {response.status for response in responses} == {status}


def test_error_body_of_log(api: Any) -> None:
    stream = api.responses(data("log_of_seven.sse"))
    responses = list(stream)
    (diagnostic,) = stream.diagnostics
    assert diagnostic.detail["code"] == "invalid_api_key"
    assert "invalid_api_key" in diagnostic.message
    assert diagnostic.offset == 0
    assert diagnostic.response_id is None
    assert all(response.error is None and response.diagnostics == [] for response in responses)


def test_incomplete_reason(api: Any) -> None:
    (response,) = api.responses(data("incomplete.jsonl"))
    assert response.terminal == "response.incomplete"
    assert response.incomplete_reason
    (mismatch,) = (d for d in response.diagnostics if d.code == "text_mismatch")
    assert mismatch.detail == {"what": "content[0].text", "output_index": 0}


@NAMES
def test_terminal_response_is_unchanged(api: Any, name: str) -> None:
    terminal = [
        event for event in api.events(data(name)) if event.type in ("response.completed", "response.incomplete")
    ]
    for event, response in zip(terminal, api.responses(data(name)), strict=True):
        assert response.to_dict() == event.response.to_dict()
        assert response.to_json() in event.raw


def output(response: Any) -> list[Any]:
    """The items without their ids, which change in mid-stream in one of the transcripts."""
    return [{**item, "id": None} for item in response.to_dict()["output"]]


@NAMES
def test_fold_without_terminal_event(api: Any, name: str) -> None:
    """The fold law, on recorded streams of real servers."""
    responses = list(api.responses(data(name)))
    kept = [
        event.to_sse()
        for event in api.events(data(name))
        if event.type not in ("response.completed", "response.incomplete")
    ]
    folded = list(api.responses(b"".join(kept)))
    assert [output(f) for f in folded] == [output(r) for r in responses]
    assert not any(f.complete for f in folded)


# Codes that a cut may add to those of the whole.
CUT = {"unfinished_block", "no_terminal", "bad_json", "stray_text", "error_body", "bad_utf8", "no_type", "no_responses"}


def check_cut(backend: ModuleType, source: bytes, cut: int, whole: readings.Reading, codes: set[str]) -> None:
    """A transcript that ends early: all that was complete is there, and nothing that never was."""
    decoder = backend.Decoder()
    events = [*decoder.feed(source[:cut]), *decoder.finish()]
    assert [event.raw for event in events] == [event[2] for event in whole.events[: len(events)]], cut
    assert {diagnostic.code for diagnostic in decoder.diagnostics} <= CUT | codes, cut
    responses = decoder.responses
    assert len(responses) <= len(whole.responses)
    for response, expected in zip(responses, whole.responses, strict=False):
        if response.complete:
            assert response.to_json() == expected["json"], cut
        else:
            assert response is responses[-1]
            assert "no_terminal" in readings.codes(response.diagnostics)
        assert response.id is None or response.status


def first(source: bytes) -> bytes:
    """The part of a long log to cut at every byte: the text before, one response and the start of the next."""
    return source[:9000]


@NAMES
def test_cut_at_every_byte(backend: ModuleType, name: str) -> None:
    source = first(data(name))
    whole = readings.read(backend, data(name))
    codes = set(ANSWERS[name].diagnostics)
    for cut in range(len(source) + 1):
        check_cut(backend, source, cut, whole, codes)


def test_log_cut_at_every_line(backend: ModuleType) -> None:
    source = data("log_of_seven.sse")
    whole = readings.read(backend, source)
    ends = [0, *(at + 1 for at, byte in enumerate(source) if byte == 10)]
    for start, end in pairwise(ends):
        for cut in {end, end - 1, (start + end) // 2}:
            check_cut(backend, source, cut, whole, {"error_body"})


@NAMES
def test_output_text_only_grows(backend: ModuleType, name: str) -> None:
    decoder = backend.Decoder()
    before: dict[int, str] = {}
    source = data(name)
    for start in range(0, len(source), 40):
        decoder.feed(source[start : start + 40])
        for response in decoder.responses:
            text = response.output_text
            if name != "incomplete.jsonl":  # its texts disagree
                assert text.startswith(before.get(response.offset, ""))
            before[response.offset] = text
    decoder.finish()


def test_readme_shows_same_answers(request: pytest.FixtureRequest) -> None:
    """The table beside the transcripts."""
    table = (TRANSCRIPTS / "README.md").read_text("utf-8")
    for name in ANSWERS:
        assert name in table
    assert {path.name for path in Path(TRANSCRIPTS).iterdir()} == {*ANSWERS, "README.md"}
