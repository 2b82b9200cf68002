"""Messages in tables, on the command line, in rows, HAR files and cassettes, recorded and replayed."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import respstream
from respstream import Recorder
from respstream.recordings.replay import serve, takes
from tests.support import chat_streams
from tests.support.cli_runner import BACKENDS, Shell
from tests.support.messages_streams import (
    HI,
    STOP,
    block,
    end,
    jsonl,
    message,
    part,
    sse,
    start,
    stop,
    text,
    thinking,
    tool,
)
from tests.support.paths import TRANSCRIPTS

EVENTS = [
    start(usage={"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 1, "service_tier": "standard"}),
    block(0, "thinking", thinking="", signature=""), thinking("Hm"), stop(),
    block(1, "text", text=""), text("Hi", 1), stop(1),
    tool(2), part('{"a":1}', 2), stop(2),
    block(3, "web_search_tool_result", tool_use_id="s1", content=[]), stop(3),
    end("max_tokens"), STOP,
]  # fmt: skip
SSE = sse(HI).decode()
PATH = "https://gateway.example/anthropic/v1/messages?beta=true"
WHOLE = message(content=[{"type": "text", "text": "Hi"}], stop_reason="end_turn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of all APIs."""
    found = tmp_path / "log.sse"
    chat = chat_streams.sse([chat_streams.chunk("Hi", finish="stop")])
    found.write_bytes((TRANSCRIPTS / "conversation.sse").read_bytes() + chat + sse(EVENTS))
    return found


def rows(path: Path, table: Any = "responses", **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = respstream.scan(path, table, **options).to_arrow().to_pylist()
    return found


# -- tables ----------------------------------------------------------------------------------------------------------


def test_responses(api: Any, path: Path) -> None:
    found = rows(path)
    assert [row["api"] for row in found] == ["responses", "chat", "messages"]
    expected = {
        "response_id": "m1",
        "model": "m",
        "status": "incomplete",
        "terminal": "message_stop",
        "incomplete_reason": "max_tokens",
        "output_text": "Hi",
        "reasoning_text": "Hm",
        "reasoning_summary": None,
        "refusal": None,
        "service_tier": "standard",
        "input_tokens": 3,
        "cached_tokens": 2,
        "output_tokens": 5,
        "reasoning_tokens": None,
        "total_tokens": 10,
        "items": 4,
        "events": 14,
        "deltas": 3,
        "created_at": None,
        "error_code": None,
    }
    assert {name: found[2][name] for name in expected} == expected
    assert found[2]["tool_calls"] == [{"type": "tool_use", "call_id": "t1", "name": "f", "arguments": '{"a":1}'}]
    assert [row["api"] for row in rows(path, api="messages")] == ["messages"]


def test_error(api: Any, tmp_path: Path) -> None:
    path = tmp_path / "error.sse"
    path.write_bytes(sse([start(), {"type": "error", "error": {"type": "overloaded_error", "message": "later"}}]))
    (row,) = rows(path)
    assert (row["status"], row["error_code"], row["error_message"]) == ("failed", "overloaded_error", "later")


def test_items(api: Any, path: Path) -> None:
    """Blocks are items."""
    found = [row for row in rows(path, "items") if row["api"] == "messages"]
    named = ("output_index", "type", "role", "name", "call_id", "text", "arguments")
    assert [tuple(row[name] for name in named) for row in found] == [
        (0, "thinking", None, None, None, "Hm", None),
        (1, "text", "assistant", None, None, "Hi", None),
        (2, "tool_use", None, "f", "t1", None, '{"a":1}'),
        (3, "web_search_tool_result", None, None, "s1", None, None),
    ]


def test_events(api: Any, path: Path) -> None:
    found = [row for row in rows(path, "events") if row["api"] == "messages"]
    assert [row["type"] for row in found] == [event["type"] for event in EVENTS]
    assert [(row["output_index"], row["delta"]) for row in found if row["delta"] is not None] == [
        (0, "Hm"),
        (1, "Hi"),
        (2, '{"a":1}'),
    ]


def test_some_columns(api: Any, path: Path) -> None:
    whole = rows(path)
    for columns in (["api", "model"], ["api", "input_tokens", "total_tokens"], ["status", "items"], ["output_text"]):
        assert rows(path, columns=columns) == [{name: row[name] for name in columns} for row in whole]


def test_splits(api: Any, tmp_path: Path) -> None:
    """A log of Messages is cut between messages; the union of the splits equals its scan."""
    path = tmp_path / "log.sse"
    path.write_bytes(b"".join(sse([start(id=f"m{number}"), *EVENTS[1:]]) for number in range(50)))
    whole = [{**row, "stream_index": None} for row in rows(path)]
    splits = list(respstream.plan(path, 4000))
    assert len(splits) > 5
    parts = [row for split in splits for row in respstream.read_split(split).to_arrow().to_pylist()]
    assert [{**row, "stream_index": None} for row in parts] == whole


def test_row_of_a_response(api: Any, path: Path) -> None:
    from respstream.tables.scan import response_row

    for response, row in zip(api.responses(path), rows(path), strict=True):
        assert response_row(response, str(path)) == row


# -- files that wrap streams -----------------------------------------------------------------------------------------


def texts(api: Any, value: Any, **options: Any) -> list[tuple[str, str, bool]]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return [(one.api, one.output_text, one.complete) for one in api.responses(data, **options)]


def test_rows(api: Any) -> None:
    lanes = [{"t": n, "lane": "a", "chunk": piece} for n, piece in enumerate(SSE.partition(" you"))]
    encoded = [base64.b64encode(json.dumps(one).encode()).decode() for one in HI]
    logs: dict[str, list[Any]] = {
        "stream in a field": [{"time": 1, "body": SSE}],
        "events in a field": [{"time": 1, "body": one} for one in HI],
        "events as text": [{"time": 1, "body": json.dumps(one)} for one in HI],
        "list of events": [{"time": 1, "body": HI}],
        "wrapped events": [{"time": 1, "body": [{"at": n, "event": one} for n, one in enumerate(HI)]}],
        "recording": [{"t": 0, "lane": "a", "begin": True}, *lanes, {"t": 9, "lane": "a", "end": True}],
        "chunks of Bedrock": [{"chunk": {"bytes": one}} for one in encoded],
        "bytes of Bedrock": [{"bytes": one, "p": "abcd"} for one in encoded],
    }
    for name, lines in logs.items():
        assert texts(api, jsonl(lines)) == [("messages", "Hi you", True)], name


def test_results_of_a_batch(api: Any) -> None:
    """Whole messages inside rows."""
    good = {"custom_id": "a", "result": {"type": "succeeded", "message": WHOLE}}
    bad = {
        "custom_id": "b",
        "result": {"type": "errored", "error": {"type": "error", "error": {"type": "x", "message": "no"}}},
    }
    assert texts(api, jsonl([good, good])) == [("messages", "Hi", True)] * 2
    assert texts(api, jsonl([good, bad, good])).count(("messages", "Hi", True)) == 2
    transcript = {"uuid": "u", "type": "assistant", "message": WHOLE, "timestamp": "2026-01-01T00:00:00Z"}
    assert texts(api, jsonl([transcript]), form="rows") == [("messages", "Hi", True)]
    assert texts(api, jsonl([{"log": json.dumps(WHOLE)}])) == [("messages", "Hi", True)]


@pytest.mark.parametrize("mime", ["text/event-stream", "application/json", ""])
def test_har(api: Any, mime: str) -> None:
    def har(body: str) -> dict[str, Any]:
        content = {"mimeType": mime, "text": body}
        entry = {
            "startedDateTime": "2026-01-01T00:00:00Z",
            "time": 5,
            "request": {"url": PATH},
            "response": {"content": content},
        }
        return {"log": {"entries": [entry]}}

    assert texts(api, har(SSE)) == [("messages", "Hi you", True)]
    assert texts(api, har(json.dumps(WHOLE))) == [("messages", "Hi", True)]


def test_vcr(api: Any) -> None:
    response = {"headers": {}, "body": {"string": SSE}}
    tape = {"interactions": [{"request": {"uri": PATH}, "response": response}], "version": 1}
    assert texts(api, tape) == [("messages", "Hi you", True)]


# -- recorded and replayed -------------------------------------------------------------------------------------------


@contextmanager
def serving(path: Path) -> Generator[str]:
    server = serve(takes([path.read_bytes()]), speed=None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_replay_to_the_sdk(tmp_path: Path) -> None:
    import anthropic

    path = tmp_path / "log.jsonl"
    with Recorder(path) as recorder:
        for _ in recorder.tee(iter([sse(HI)[:300], sse(HI)[300:]])):
            pass
    asked: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    with serving(path) as url, anthropic.Anthropic(api_key="none", base_url=url, max_retries=0) as client:
        with client.messages.stream(**asked) as stream:
            assert "".join(stream.text_stream) == "Hi you"
        assert [event.type for event in client.messages.create(**asked, stream=True)] == [event["type"] for event in HI]
        assert client.messages.create(**asked).content[0].text == "Hi you"


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture(params=BACKENDS)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


def test_text(shell: Shell, path: Path) -> None:
    done = shell.run("text", "--api", "messages", "--reasoning", "--tool-calls", str(path))
    assert done.stdout == '[reasoning] Hm\nHi\n[f] {"a":1}\n'


def test_stats(shell: Shell, path: Path) -> None:
    found = json.loads(shell.run("stats", "--api", "messages", str(path), "--format", "json").stdout)
    model = found["models"]["m"]
    assert (model["api"], model["status"], model["tool_calls"]) == ("messages", {"incomplete": 1}, {"f": 1})
    assert (model["cached_tokens"], model["cached_share"]) == (2, 0.4)


def test_check_and_tables(shell: Shell, path: Path) -> None:
    done = shell.run("check", str(path))
    assert done.returncode == 0, done.stdout
    found = [json.loads(line) for line in shell.run("responses", str(path), "--format", "jsonl").stdout.splitlines()]
    assert [row["api"] for row in found] == ["responses", "chat", "messages"]
    found = [
        json.loads(line)
        for line in shell.run("events", str(path), "--api", "messages", "--format", "jsonl").stdout.splitlines()
    ]
    assert [row["type"] for row in found if row["response_id"]] == [event["type"] for event in EVENTS]
