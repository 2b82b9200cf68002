"""Cassettes and HAR files that attack the libraries which read them: each problem is a diagnostic of its file."""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tests.records.test_records import COUNT, SSE, TEXT, cassette, entry, har
from tests.support import readings

yaml = pytest.importorskip("yaml")

TAGGED = {
    "bool": "!!bool abc",
    "timestamp": "!!timestamp abc",
    "int": "!!int ''",
    "float": "!!float ''",
    "digits": "1" * 50_000,
    "object": "!!python/object:os.system x",
    "binary": "!!binary é",
    "omap": "!!omap [a]",
    "set in a key": "{? [1, {}] : 1}",
    "unknown tag": "!x y",
}
GOOD = yaml.safe_dump(cassette(TEXT))


def read(api: Any, data: bytes, **options: Any) -> tuple[int, list[str]]:
    """The number of responses, and the codes of the diagnostics."""
    stream = api.responses(data, **options)
    return len(list(stream)), readings.codes(stream.diagnostics)


@pytest.mark.parametrize("value", TAGGED.values(), ids=TAGGED)
def test_value_that_the_library_cannot_build(api: Any, value: str) -> None:
    """Only the interaction with the value is lost."""
    first, rest = GOOD.split("\n", 1)
    assert read(api, f"{first}\n- {value}\n{rest}".encode()) == (1, ["bad_field"])
    assert read(api, f"interactions:\n- {value}\n".encode()) == (0, ["bad_field", "no_responses"])
    with pytest.raises(api.StreamError):
        list(api.responses(f"{first}\n- {value}\n{rest}".encode(), strict=True))


@pytest.mark.parametrize("when", ["1" * 50_000, "2025-99-99", "0001-01-01T00:00:00+14:00", ".inf", "[]"])
def test_time_of_an_interaction(api: Any, when: str) -> None:
    found, codes = read(api, GOOD.replace("  response:", f"  recorded_at: {when}\n  response:").encode())
    assert (found, set(codes)) in ((1, set()), (0, {"bad_field", "no_responses"}))


@pytest.mark.parametrize("backend", ["rust", "python"])
def test_commands_read_the_other_files(tmp_path: Path, backend: str) -> None:
    (tmp_path / "a.txt").write_text("interactions:\n- !!bool abc\n")
    (tmp_path / "b.sse").write_bytes(SSE)
    environment = {**os.environ, "RESPSTREAM_BACKEND": backend}
    for command in ("check", "responses", "stats", "text"):
        call = [sys.executable, "-m", "respstream", command, str(tmp_path)]
        done = subprocess.run(call, capture_output=True, check=False, env=environment, text=True)
        assert "Traceback" not in done.stderr
        assert done.returncode == (1 if command == "check" else 0), done.stderr
        assert ("bad_field" in done.stdout) == (command == "check")
        assert done.stdout


def test_scan_reads_the_other_files(api: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("interactions:\n- !!bool abc\n")
    (tmp_path / "b.sse").write_bytes(SSE)
    scan = api.scan(tmp_path, ["responses", "diagnostics"])
    found = scan.to_arrow()
    assert found["responses"].num_rows == 1
    assert sorted(found["diagnostics"]["code"].to_pylist()) == ["bad_field", "no_responses"]
    assert scan.summary.complete


def merges(levels: int) -> str:
    """A mapping that doubles with each line."""
    lines = [f"- &x{n + 1} {{<<: [*x{n}, *x{n}]}}" for n in range(levels)]
    return "\n".join(["interactions:", "- &x0 {a: b}", *lines, ""])


def test_merge_keys_that_double(api: Any) -> None:
    started = time.monotonic()
    count, codes = read(api, merges(200).encode())
    assert (count, set(codes)) == (0, {"bad_field", "no_responses"})
    assert time.monotonic() - started < 10


def test_aliases_of_a_large_body(api: Any) -> None:
    """The content that is read has a bound in proportion to the file."""
    response = "response: {headers: {Content-Type: [text/event-stream]}, body: {string: *b}}"
    small = (f"interactions:\n- {{{response.replace('*b', '&b ' + json.dumps(TEXT))}}}\n- {{{response}}}\n").encode()
    assert read(api, small) == (2, [])
    interactions = "\n".join(["interactions:", *[f"- {{{response}}}"] * 2000, ""])
    count, codes = read(api, f"http_{interactions}".replace("string: *b", f"string: &b {json.dumps(TEXT)}", 1).encode())
    assert 10 < count < 400
    assert codes == ["bad_field"] * (2000 - count)


@pytest.mark.parametrize("text", ["interactions: &a\n- *a\n", "interactions:\n- &a {b: *a}\n"])
def test_node_that_contains_itself(api: Any, text: str) -> None:
    assert read(api, text.encode()) == (0, ["bad_field", "no_responses"])


def test_depth_by_aliases(api: Any) -> None:
    lines = [f"- &x{n + 1} [*x{n}]" for n in range(5000)]
    count, codes = read(api, "\n".join(["interactions:", "- &x0 []", *lines, ""]).encode())
    assert (count, set(codes)) == (0, {"bad_field", "no_responses"})


def test_spans_of_aliased_interactions(api: Any) -> None:
    """An alias has the place of its anchor."""
    lines = GOOD.split("\n")
    text = "\n".join(
        [lines[0], lines[1].replace("- request:", "- &one\n  request:"), *lines[2:-2], "- *one", lines[-2], ""]
    )
    found = list(api.responses(text.replace("- *one\n", "- *one\n- *one\n").encode()))
    assert len({response.offset for response in found}) == 1
    assert [text.encode()[: one.offset].count(b"\n") + 1 for one in found] == [one._state.line for one in found]
    assert len(found) == 3


def in_har(body: bytes) -> bytes:
    return json.dumps(har(entry(base64.b64encode(body).decode(), encoding="base64"))).encode()


def in_cassette(body: bytes) -> bytes:
    text: str = yaml.safe_dump(cassette(body))
    return text.encode()


@pytest.mark.parametrize("wrap", [in_har, in_cassette])
def test_compressed_bodies(api: Any, wrap: Any) -> None:
    packed = gzip.compress(SSE)
    assert read(api, wrap(packed)) == (1, [])
    assert len(list(api.events(wrap(packed)))) == COUNT
    assert read(api, wrap(gzip.compress(b"") + gzip.compress(SSE[:300]) + gzip.compress(SSE[300:]) + b"\0\0")) == (
        1,
        [],
    )
    for broken in (packed[:-20], packed[:30], packed + b"x", packed[:50] + b"\0\0\0" + packed[53:]):
        assert read(api, wrap(broken)) == (0, ["bad_compression", "no_responses"])


def test_body_that_inflates_too_far(api: Any) -> None:
    data = in_har(gzip.compress(bytes((1 << 28) + 1), 1))
    tracemalloc.start()
    try:
        assert read(api, data) == (0, ["bad_compression", "no_responses"])
        assert tracemalloc.get_traced_memory()[1] < 300 << 20
    finally:
        tracemalloc.stop()


def test_body_of_many_members(api: Any) -> None:
    started = time.monotonic()
    assert read(api, in_har(gzip.compress(b"", 1) * 100_000 + gzip.compress(SSE)))[0] == 1
    assert time.monotonic() - started < 20


SNIPPETS = ["!!int", "!!bool", "!!binary", "!!set", "!!omap", "!!pairs", "!!null", "&a", "*a", "<<:", "? ", "- ", "{", "}", "[", "]", "|", ">", "'", '"', "\t", "\0", "é", "\ud800", "\u2028", "%YAML 9.9\n", "---\n", "...\n", "0x", "1e999", "~", "#"]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_mutated_recordings(seed: int, api: Any, tmp_path: Path) -> None:
    """Nothing raises, and events, responses and scans report the same."""
    chosen = random.Random(seed)
    sources = [
        GOOD,
        json.dumps(cassette(TEXT)),
        json.dumps(har(entry(TEXT), entry("H4sI" * 9, encoding="base64")), indent=1),
    ]
    for _ in range(25):
        text = chosen.choice(sources)
        form = "har" if text == sources[2] else "vcr"
        for _ in range(chosen.randrange(1, 6)):
            at = chosen.choice((chosen.randrange(400), chosen.randrange(len(text))))
            text = text[:at] + chosen.choice(SNIPPETS) + text[at + chosen.choice((0, 0, 1, 5)) :]
        (path := tmp_path / "a.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
        stream = api.responses(path, form=form)
        count = len(list(stream))
        events = api.events(path, form=form)
        list(events)
        assert readings.codes(events.diagnostics) == readings.codes(stream.diagnostics), text
        found = api.scan(path, ["responses", "diagnostics"], form=form).to_arrow()
        assert found["responses"].num_rows == count
        assert sorted(found["diagnostics"]["message"].to_pylist()) == sorted(d.message for d in stream.diagnostics), (
            text
        )
