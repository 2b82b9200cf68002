"""Mistakes of new users, and the messages that they get; and what objects show of themselves."""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import respstream
from respstream import _backend
from respstream._units import duration
from tests.support.paths import TRANSCRIPTS

WRONG: Any = respstream  # whose types are not checked
HELLO = TRANSCRIPTS / "hello_world.sse"

MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a column": (lambda: respstream.scan(TRANSCRIPTS, columns=["modl"]), ValueError, "no column 'modl'; did you mean 'model'?"),
    "no such column": (lambda: respstream.scan(TRANSCRIPTS, columns=["xyz"]), ValueError, "no column 'xyz'; its columns are source, "),
    "a table": (lambda: WRONG.schema("response"), ValueError, "not 'response'; did you mean 'responses'?"),
    "an option of scan": (lambda: WRONG.scan(TRANSCRIPTS, colums=["id"]), TypeError, "no option 'colums'; did you mean 'columns'?"),
    "a parameter of scan": (lambda: WRONG.scan(TRANSCRIPTS, tabel="items"), TypeError, "no option 'tabel'; did you mean 'table'?"),
    "a column to partition by": (lambda: respstream.scan(HELLO).write_parquet("x", partition_by="modl"), ValueError, "did you mean 'model'?"),
    "a path as a split": (lambda: WRONG.read_split(str(HELLO)), TypeError, "takes splits of respstream.plan\\(\\), not 'str'"),
    "a list of paths": (lambda: list(WRONG.responses([HELLO, HELLO])), TypeError, "a source is one file, .*use respstream.scan"),
    "a stream of a number": (lambda: WRONG.encode(5), TypeError, "final object as a dict is required, not 'int'"),
    "an option of deltas": (lambda: WRONG.deltas(b"", aip="chat"), TypeError, "option: aip; did you mean 'api'?"),
    "a name": (lambda: getattr(respstream, "respones"), AttributeError, "'respones'; did you mean 'responses'?"),  # noqa: B009
    "a folder": (lambda: respstream.responses(TRANSCRIPTS), IsADirectoryError, "use respstream.scan"),
    "a decoder of bytes": (lambda: WRONG.Decoder(b"data: {}"), TypeError, "options by name, .* pass the bytes to its method feed"),
    "a response of a dict": (lambda: WRONG.Response({}), TypeError, "use Response.from_dict"),
    "no response": (lambda: respstream.Response.from_dict({}), ValueError, "'object' must be 'response' or 'chat.completion'"),
}  # fmt: skip


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(("run", "error", "message"), MISTAKES.values(), ids=MISTAKES)
def test_message_says_what_to_do(run: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message.replace("?", "\\?")):
        run()


def test_folder_without_logs(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("")
    with pytest.raises(FileNotFoundError, match=r"nothing to read in .*: no file ends in \.sse, "):
        respstream.scan(tmp_path)
    with pytest.raises(FileNotFoundError):
        respstream.scan([str(tmp_path), tmp_path])
    assert len(respstream.scan([tmp_path, HELLO]).to_arrow()) == 1


@pytest.mark.parametrize("options", [{}, {"partition_by": "status"}])
def test_missing_folder_of_output_is_named(tmp_path: Path, options: dict[str, str]) -> None:
    target = tmp_path / "missing" / "rows.parquet"
    with pytest.raises(FileNotFoundError) as raised:
        respstream.scan(HELLO).write_parquet(target, **options)
    assert raised.value.filename == str(target)


def test_modules_and_names() -> None:
    assert respstream.latency.latency is not None
    assert respstream.partial.PartialJson is not None
    assert dir(respstream) == sorted([*respstream.__all__, "__version__"])
    assert not hasattr(respstream, "response")


def test_reprs_show_the_content(backends: tuple[ModuleType, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    assert repr(respstream.scan(str(HELLO))) == f"Scan(responses, {str(HELLO)!r})"
    assert re.fullmatch(
        r"Scan\(responses, items, '.*transcripts', 5 files\)",
        repr(respstream.scan(TRANSCRIPTS, ["responses", "items"])),
    )
    with respstream.events(HELLO) as stream:
        assert repr(stream) == f"Stream(events of {str(HELLO)!r})"
    assert repr(respstream.responses(b"abc")) == "Stream(responses of 3 bytes)"
    assert repr(respstream.deltas(iter([b""]))) == "Stream(events of a list_iterator)"
    for backend in backends:
        monkeypatch.setattr(_backend, "engine", backend)
        decoder = backend.Decoder()
        decoder.feed(HELLO.read_bytes() + b"\n\nwhat?\n\n")
        decoder.finish()
        assert repr(decoder) == "Decoder(responses=1, diagnostics=1)"
        accumulator = respstream.Accumulator()
        assert repr(accumulator) == "Accumulator(responses=0, diagnostics=0)"
        for event in respstream.events(HELLO):
            accumulator.add(event)
        latest = "latest='resp_0b7e83747d2b84440069a31433ab1881998d8036ef3db1ef03' completed"
        assert repr(accumulator) == f"Accumulator(responses=1, diagnostics=0, {latest})"


def test_repr_of_the_sse_decoder(backends: tuple[ModuleType, ModuleType]) -> None:
    """After every chunk, for all ways to cut a stream in two."""
    stream = "\ufeffid: é'\"\nretry: 30\ndata: x\r\n\r\nid\ndata: abc\r\rdata\n:c\ndata: a\n\nda".encode()
    seen = set()
    for cut in range(len(stream) + 1):
        rust, python = (backend.SseDecoder() for backend in backends)
        for chunk in (b"", stream[:cut], stream[cut:]):
            rust.feed(chunk)
            python.feed(chunk)
            assert repr(rust) == repr(python), (cut, chunk)
            seen.add(repr(rust))
        assert repr(rust) == "sse.Decoder(last_event_id=None, retry=30, buffered=2)"
        rust.finish()
        python.finish()
        assert repr(rust) == repr(python) == "sse.Decoder(last_event_id=None, retry=30, buffered=0, finished)"
    assert any("last_event_id='é\\'\"'" in text for text in seen)


def test_durations() -> None:
    seconds = [0, 0.000012, 0.00456, 0.0789, 0.4124, 0.99951, 1.234, 12.34, 100, 12345]
    assert [duration(value) for value in seconds] == [
        *("0 s", "0.01 ms", "4.56 ms", "78.9 ms", "412 ms", "1.00 s", "1.23 s", "12.3 s", "100 s", "12,345 s")
    ]


def test_older_releases_of_the_openai_sdk_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import openai

    from respstream.integrations import _clients as shared_clients
    from respstream.integrations.openai import _clients, _sdk

    monkeypatch.setattr(openai, "__version__", "2.0.0")
    for cached in (_sdk.load, shared_clients._warn):
        cached.cache_clear()
    client = openai.OpenAI(api_key="none")
    with pytest.warns(RuntimeWarning, match=r"openai 2\.0\.0 is older than 2\.54"):
        assert _clients.accelerate(client) is client
    assert "_respstream" not in client.__dict__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _clients.accelerate(client)  # warns once
    for cached in (_sdk.load, shared_clients._warn):
        cached.cache_clear()


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_missing_sdk_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    integration = importlib.import_module(f"respstream.integrations.{name}")

    def load() -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    clients = importlib.import_module(f"respstream.integrations.{name}._clients")
    monkeypatch.setattr(clients._integration, "_load", load)
    with pytest.raises(ImportError, match=f"accelerate\\(\\) needs the {name} SDK: pip install {name}"):
        integration.accelerate()


def test_completion_lists_members() -> None:
    (response,) = respstream.responses(HELLO)
    assert {"output_text", "usage", "created_at", "to_dict"} <= set(dir(response))
    assert response.usage is not None
    assert {"input_tokens", "output_tokens_details", "to_dict"} <= set(dir(response.usage))
    assert {"content", "role", "phase"} <= set(dir(response.output[0]))
    event = next(respstream.events(HELLO))
    assert {"response", "sequence_number", "raw", "to_sse"} <= set(dir(event))
    assert dir(respstream.Payload({"type": ["odd"], "not an identifier": 1})) == dir(respstream.Payload({"type": 1}))


WHOLE: dict[str, dict[str, Any]] = {
    "chat": {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}}],
        "usage": {"prompt_tokens": 9},
    },
    "messages": {"type": "message", "model": "m", "role": "assistant", "content": [{"type": "text", "text": "x"}], "usage": {"input_tokens": 9}},
    "responses": {"object": "response", "output": [{"type": "message", "content": []}], "usage": {"input_tokens": 9}},
}  # fmt: skip
DECLARED = {
    "chat": ("service_tier", "system_fingerprint", "choices[0].logprobs", "choices[0].message.refusal", "choices[0].message.tool_calls"),
    "messages": ("container", "stop_reason", "content[0].citations"),
    "responses": ("incomplete_details", "output[0].phase", "usage.input_tokens_details"),
}  # fmt: skip
"""Members that the objects lack, and the SDK declares."""


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("name", WHOLE)
def test_declared_members_are_listed_and_none(name: str) -> None:
    response = respstream.Response.from_dict(WHOLE[name])
    assert response.usage is not None
    assert response.usage.input_tokens == 9
    for path in DECLARED[name]:
        place, _, member = f"response.{path}".rpartition(".")
        found = eval(place)
        assert member in dir(found), path
        assert getattr(found, member) is None, path
    assert {"input_tokens", "total_tokens", "cached_tokens", "reasoning_tokens"} <= set(dir(response.usage))
    item = (response.get("output") or response.get("choices") or response.get("content"))[0]
    assert {"input_tokens", "cached_tokens"}.isdisjoint(dir(item))


def test_progress_of_a_scan() -> None:
    seen: list[respstream.Summary] = []
    scan = respstream.scan(TRANSCRIPTS, batch_rows=2, threads=1, progress=seen.append)
    rows = scan.to_arrow().num_rows
    assert rows == 11
    assert len(seen) >= 5
    counts = [summary.rows["responses"] for summary in seen]
    assert counts == sorted(counts)
    assert scan.summary is not None
    assert counts[-1] <= scan.summary.rows["responses"] == rows
