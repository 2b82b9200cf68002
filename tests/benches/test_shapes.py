"""The seeded log generators, compared with an independent, simple fold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from benches import logs, shapes
from benches.wire import FORMS, KEY_ORDERS
from tests.support.paths import ROOT

SMALL = 40_000
TERMINAL = ("response.completed", "response.incomplete")
NAMES = tuple(shapes.SHAPES)


def small(name: str, seed: int = 7, **options: Any) -> shapes.Log:
    """A log of one shape, with small images."""
    if name == "image":
        options["image_chars"] = 4_000
    return shapes.SHAPES[name](seed, SMALL, **options)


def payloads(data: bytes) -> list[dict[str, Any]]:
    """The events of a log: every line with JSON, with `data:` or without."""
    lines = (line.rstrip(b"\r").removeprefix(b"data: ") for line in data.split(b"\n"))
    return [json.loads(line) for line in lines if line.startswith(b"{")]


def by_response(events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The events of each response: one begins at every `response.created`."""
    starts = [index for index, event in enumerate(events) if event["type"] == "response.created"]
    assert starts[0] == 0
    for start, end in zip(starts, [*starts[1:], len(events)], strict=True):
        yield events[start:end]


def fold_deltas(events: list[dict[str, Any]]) -> dict[str, str]:
    """The sums of deltas alone, by delta type; summary parts are joined by a blank line."""
    texts: dict[tuple[str, int, int], str] = {}
    for event in events:
        if event["type"].endswith(".delta"):
            key = (event["type"], event["output_index"], event.get("summary_index", event.get("content_index", 0)))
            texts[key] = texts.get(key, "") + event["delta"]
    sums: dict[str, str] = {}
    for (event_type, output_index, _), text in sorted(texts.items()):
        name = f"{event_type} {output_index}" if "input" in event_type or "arguments" in event_type else event_type
        glue = "\n\n" if "summary" in event_type and name in sums else ""
        sums[name] = sums.get(name, "") + glue + text
    return sums


def fold(events: list[dict[str, Any]]) -> dict[str, Any]:
    """One response, read from its terminal event, as `Log.responses` describes it."""
    response = events[-1]["response"]
    answer: dict[str, Any] = {"id": response["id"], "status": response["status"], "output_text": "", "refusal": None}
    answer |= {"reasoning_text": "", "reasoning_summary": "", "tool_calls": []}
    for item in response["output"]:
        for part in item.get("content", ()):
            member = {"output_text": "text", "refusal": "refusal", "reasoning_text": "text"}[part["type"]]
            answer[part["type"]] = (answer[part["type"]] or "") + part[member]
        if item.get("summary"):
            answer["reasoning_summary"] = "\n\n".join(part["text"] for part in item["summary"])
        if item["type"] in {"function_call", "custom_tool_call", "mcp_call"}:
            text = item["input"] if item["type"] == "custom_tool_call" else item["arguments"]
            answer["tool_calls"].append((item["type"], item.get("call_id"), item["name"], text))
    answer["input_tokens"] = response["usage"]["input_tokens"]
    answer["output_tokens"] = response["usage"]["output_tokens"]
    answer["events"] = len(events)
    answer["deltas"] = sum(event["type"].endswith(".delta") for event in events)
    return answer


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key_order", KEY_ORDERS)
@pytest.mark.parametrize("name", NAMES)
def test_expected_answers_match_bytes(name: str, key_order: str, form: str) -> None:
    log = small(name, key_order=key_order, form=form)
    events = payloads(log.data)
    assert [fold(part) for part in by_response(events)] == log.responses
    assert len(events) == log.events
    deltas = [event["delta"] for event in events if event["type"].endswith(".delta")]
    assert (len(deltas), sum(map(len, deltas))) == (log.deltas, log.delta_chars)


@pytest.mark.parametrize("name", NAMES)
def test_deltas_add_up_to_the_final_texts(name: str) -> None:
    log = small(name)
    for events, expected in zip(by_response(payloads(log.data)), log.responses, strict=True):
        sums = fold_deltas(events)
        calls = [text for kind, text in sums.items() if "input" in kind or "arguments" in kind]
        assert sorted(calls) == sorted(call[3] for call in expected["tool_calls"])
        assert sums.get("response.output_text.delta", "") == expected["output_text"]
        assert sums.get("response.refusal.delta") == expected["refusal"]
        assert sums.get("response.reasoning_text.delta", "") == expected["reasoning_text"]
        assert sums.get("response.reasoning_summary_text.delta", "") == expected["reasoning_summary"]


@pytest.mark.parametrize("name", NAMES)
def test_streams_are_well_formed(name: str) -> None:
    ids = set()
    for events in by_response(payloads(small(name).data)):
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert [event["type"] for event in events if event["type"] in TERMINAL] == [events[-1]["type"]]
        done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
        assert events[-1]["response"]["output"] == done
        response_ids = {event["response"]["id"] for event in events if "response" in event}
        item_ids = {event["item_id"] for event in events if "item_id" in event}
        assert len(response_ids) == 1
        assert item_ids <= {item["id"] for item in done}
        ids |= response_ids
    assert len(ids) == len(small(name).responses)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_bytes(name: str) -> None:
    assert small(name) == small(name)
    assert small(name).data != small(name, seed=8).data


def test_bytes_do_not_depend_on_the_hash_seed() -> None:
    program = (
        "import hashlib; from benches import shapes; print(hashlib.sha256(shapes.mixed(1, 300_000).data).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout


@pytest.mark.parametrize("name", NAMES)
def test_key_orders(name: str) -> None:
    def keys(key_order: str) -> list[list[str]]:
        lines = small(name, key_order=key_order, form="jsonl").data.splitlines()
        return [list(json.loads(line)) for line in lines]

    for names in keys("wire"):
        assert names[:2] == ["type", "sequence_number"]
    for names in keys("alphabetical"):
        assert names == ["type", *sorted(set(names) - {"type"})]
    for names in keys("type_last"):
        assert names == [*sorted(set(names) - {"type"}), "type"]


def test_type_last_sorts_nested_objects_too() -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs if name != "type"]
        assert names == sorted(names)

    for line in small("mixed", key_order="type_last", form="jsonl").data.splitlines():
        json.loads(line, object_pairs_hook=check)


@pytest.mark.parametrize("name", NAMES)
def test_sse_blocks_name_the_type_of_their_data(name: str) -> None:
    blocks = small(name).data.decode().split("\n\n")
    assert blocks.pop() == ""
    for block in blocks:
        event, data = block.split("\n")
        assert event == f"event: {json.loads(data.removeprefix('data: '))['type']}"


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_declared_by_sdk(name: str) -> None:
    event: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for line in small(name, form="jsonl").data.splitlines():
        event.validate_json(line)


def test_dialects() -> None:
    plain = small("chat")
    numberless = payloads(small("chat", sequence_numbers=False).data)
    assert not any("sequence_number" in event for event in numberless)
    assert not any("obfuscation" in event for event in payloads(small("chat", obfuscation=False).data))
    assert b"event:" not in small("chat", event_lines=False).data
    assert b"\n\n" not in small("chat", blank_lines=False).data
    assert small("chat", blank_lines=False, event_lines=False).data.startswith(b'data: {"type":"response.created"')
    crlf = small("chat", newline="\r\n").data
    assert crlf.count(b"\n") == crlf.count(b"\r\n") == 3 * crlf.count(b"data: ")
    first = plain.data.partition(b"event: response.completed")[0]
    assert crlf.replace(b"\r\n", b"\n").startswith(first)


def test_delta_events_have_their_real_size() -> None:
    log = shapes.chat(1, 300_000)
    sizes = [len(block) for block in log.data.split(b"\n\n") if block.startswith(b"event: response.output_text.delta")]
    assert 250 <= sum(sizes) / len(sizes) <= 300
    assert all(5 <= response["deltas"] <= 600 for response in log.responses)


def test_long_lifecycle_events() -> None:
    sizes = [
        len(line)
        for line in small("long_lifecycle").data.split(b"\n")
        if line.startswith(b'data: {"type":"response.created"')
    ]
    assert all(30_000 <= size <= 100_000 for size in sizes)


def test_unicode_is_raw_and_escaped() -> None:
    data = shapes.unicode_escapes(1, 200_000).data
    assert "😀".encode() in data
    assert b"\\ud83d\\ude00" in data
    assert b"\\u2028" in data
    assert "\u2028".encode() in data


def test_logprobs_are_present() -> None:
    events = payloads(small("logprobs").data)
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    assert all(entry["token"] == event["delta"] for event in deltas for entry in event["logprobs"])
    assert {len(event["logprobs"][0]["top_logprobs"]) for event in deltas} <= {0, 1, 5}


def test_image_has_requested_size() -> None:
    partial = [event for event in payloads(small("image").data) if event["type"].endswith("partial_image")]
    assert {len(event["partial_image_b64"]) for event in partial} == {4_000}
    assert shapes.IMAGE_CHARS == 8 * 1024 * 1024


def test_mixed_contains_all_shapes() -> None:
    log = shapes.mixed(2, 3_000_000)
    types = {item["type"] for events in by_response(payloads(log.data)) for item in events[-1]["response"]["output"]}
    assert types == {"message", "reasoning", "function_call", "custom_tool_call", "mcp_call"}
    assert any(response["refusal"] for response in log.responses)
    assert {response["status"] for response in log.responses} == {"completed", "incomplete"}


def test_size_is_reached() -> None:
    for size in (1, 100_000, 1_000_000):
        assert size <= len(shapes.chat(1, size).data) < size + 300_000
    assert len(shapes.chat(1, 1).responses) == 1


def test_logs_in_files(tmp_path: Path) -> None:
    written = [path.name for path in logs.write(tmp_path, 2_000)]
    assert written == [*(f"{name}.sse" for name in shapes.SHAPES), "chat.jsonl", "mixed.jsonl"]
    assert (tmp_path / "chat.jsonl").read_bytes() == shapes.chat(shapes.SEED, 2_000, form="jsonl").data
