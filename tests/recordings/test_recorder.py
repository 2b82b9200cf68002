"""The recorder, latencies and replay: streams are written with times, measured, and served again."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from respstream import Recorder, _backend, arecord, record
from respstream.latency import FIGURES, OTEL, merged, percentile
from respstream.recordings.replay import serve, takes
from tests.support import chat_streams
from tests.support.openai_server import running
from tests.support.paths import TRANSCRIPTS

SSE = (TRANSCRIPTS / "conversation.sse").read_bytes()
CHUNKS = [SSE[at : at + 97] for at in range(0, len(SSE), 97)]
COUNT = 18


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording.jsonl"


# -- the recorder ----------------------------------------------------------------------------------------------------


def test_recorded_stream_is_unchanged_and_readable(api: Any, path: Path) -> None:
    before = time.time()
    assert list(record(CHUNKS, path)) == CHUNKS
    kinds = ["begin", *["chunk"] * len(CHUNKS), "end"]
    assert [list(row)[2] for row in written(path)] == kinds
    stream = api.responses(path)
    (response,) = stream
    assert stream.diagnostics == []
    assert response.to_dict() == next(iter(api.responses(SSE))).to_dict()
    assert before <= response.latency.started_at <= response.latency.ended_at <= time.time()


def test_non_text_bytes(api: Any, path: Path) -> None:
    cut = SSE.replace(b'"delta":"', '"delta":"é'.encode())
    chunks = [cut[at : at + 1] for at in range(len(cut))]
    assert list(record(chunks, path)) == chunks
    assert any("b64" in row for row in written(path))
    assert [e.raw for e in api.events(path)] == [e.raw for e in api.events(cut)]


def test_async(api: Any, path: Path) -> None:
    async def source() -> AsyncIterator[bytes]:
        for chunk in CHUNKS:
            yield chunk

    async def run() -> list[bytes]:
        return [chunk async for chunk in arecord(source(), path)]

    assert asyncio.run(run()) == CHUNKS
    assert len(list(api.responses(path))) == 1


def test_broken_and_abandoned_streams(path: Path) -> None:
    def source() -> Iterator[bytes]:
        yield CHUNKS[0]
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(record(source(), path))
    left = record(CHUNKS, path)
    next(left)
    left.close()  # type: ignore[attr-defined]
    ends = [row for row in written(path) if "end" in row]
    assert [row.get("error") for row in ends] == ["OSError: gone", None]


def test_several_streams_in_one_file(api: Any, path: Path) -> None:
    with Recorder(path) as recorder:
        tees = [recorder.tee(CHUNKS, lane) for lane in ("a", "b", None)]
        for _ in CHUNKS:
            for tee in tees:
                next(tee)
        for tee in tees:
            assert list(tee) == []
    found = list(api.responses(path))
    assert [response.stream_id for response in found][:2] == ["a", "b"]
    assert [response.status for response in found] == ["completed"] * 3


def test_row_truncated_by_crash(api: Any, path: Path) -> None:
    list(record(CHUNKS, path))
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    list(record(CHUNKS, path))
    stream = api.responses(path)
    assert [response.status for response in stream] == ["completed"] * 2
    assert {diagnostic.code for diagnostic in stream.diagnostics} == {"bad_json"}


def test_torn_rows_of_other_processes_do_not_damage_ours(api: Any, path: Path) -> None:
    """Other writers of the file may die at any byte of a row."""
    with Recorder(path) as recorder, recorder.track("ours") as track:
        for number, chunk in enumerate(CHUNKS):
            track.write(chunk)
            if number % 3 == 1:
                with path.open("ab") as other:
                    other.write(b'{"t":1763705153000000000,"lane":"torn","chunk":"data: {'[: number * 5])
    whole = [
        json.loads(line) for line in path.read_bytes().splitlines() if line.startswith(b'{"t"') and line[-1:] == b"}"
    ]
    assert [row["chunk"].encode() for row in whole if "chunk" in row] == CHUNKS
    assert [response.to_dict() for response in api.responses(path)] == [next(iter(api.responses(SSE))).to_dict()]


def test_single_writer_leaves_no_empty_lines(path: Path) -> None:
    for _ in range(2):
        with Recorder(path) as recorder:
            for _ in zip(recorder.tee(CHUNKS), recorder.tee(CHUNKS), strict=True):
                pass
    assert b"\n\n" not in path.read_bytes()
    assert len(written(path)) == 4 * (len(CHUNKS) + 2)


def test_full_disk(path: Path) -> None:
    """An incomplete row is reported; later rows start on new lines."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Recorder(path) as recorder, recorder.track("a") as track:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, hard))
            with pytest.raises(OSError, match="incompletely"):
                track.write(CHUNKS[0])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, ignored)
        track.write(CHUNKS[1])
    lines = path.read_bytes().splitlines()
    assert [json.loads(line)["chunk"] for line in lines[2:3]] == [CHUNKS[1].decode()]


WRITING = """
import signal, sys, time
from respstream import Recorder
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
count = 0
with Recorder(sys.argv[1]) as recorder:
    track = recorder.track(sys.argv[2])
    print("ready", flush=True)
    while going:
        track.write(b"data: %d %s\\n\\n" % (count, b"." * 20_000))
        count += 1
        time.sleep(0.0005)
print(count)
"""


def test_killed_process_tears_only_its_own_row(path: Path) -> None:
    """The kernel may cut the one write that a process dies in: at a page, where rows are as large as these."""
    start = [sys.executable, "-c", WRITING, str(path)]
    children = [subprocess.Popen([*start, name], stdout=subprocess.PIPE) for name in "abcd"]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    for child in children[:2]:
        time.sleep(0.1)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    counts = []
    for child in children[2:]:
        child.terminate()
        counts.append(int(child.communicate()[0]))
    found: dict[str, list[int]] = {name: [] for name in "abcd"}
    torn = 0
    for line in filter(None, path.read_bytes().splitlines()):
        try:
            row = json.loads(line)
        except ValueError:
            torn += 1
        else:
            found[row["lane"]] += [int(row["chunk"].split()[1])] if "chunk" in row else []
    assert torn <= 2
    assert [found["c"], found["d"]] == [list(range(count)) for count in counts]
    assert all(numbers == list(range(len(numbers))) for numbers in found.values())
    assert all(found.values())


def test_misuse(path: Path) -> None:
    recorder = Recorder(path)
    recorder.close()
    recorder.close()
    with pytest.raises(ValueError, match="closed"):
        recorder.track()
    with pytest.raises(OSError, match="recording"):
        Recorder(path / "no" / "folder")


# -- latencies -------------------------------------------------------------------------------------------------------


def events(api: Any) -> list[Any]:
    return list(api.events(SSE))


def test_live_decoder_with_clock(api: Any) -> None:
    now = [100.0]
    decoder = _backend.engine.Decoder(clock=lambda: now[0])
    for event in events(api):
        decoder.feed(event.to_sse())
        now[0] += 0.5
    decoder.finish()
    found = decoder.response.latency
    types = [event.type for event in events(api)]
    first = next(n for n, kind in enumerate(types) if kind.endswith(".delta"))
    assert found.started_at == 100.0
    assert found.time_to_first_token == first * 0.5
    assert found.duration == (COUNT - 1) * 0.5
    assert found.inter_token_p50 == found.inter_token_p99 == found.longest_stall == found.inter_token_mean == 0.5
    deltas = sum(kind.endswith(".delta") for kind in types)
    tokens = decoder.response.usage.output_tokens
    assert found.output_tokens_per_second == (tokens - 1) / ((deltas - 1) * 0.5)
    assert list(found.to_dict()) == list(FIGURES)
    assert found.to_otel()["gen_ai.client.operation.duration"] == found.duration
    assert found.why is None


def test_without_times(api: Any) -> None:
    (response,) = api.responses(SSE)
    assert response.latency.why == "the source contains no times"
    assert set(response.latency.to_dict().values()) == {None}
    assert merged([response])["why"] == "the source contains no times"
    row = json.dumps({"ts": 1763705153, "body": SSE.decode()}).encode()
    (response,) = api.responses(row)
    assert response.latency.why == "the source contains only one time for the whole response"


def test_percentiles() -> None:
    assert percentile([], 50) is None
    assert percentile([3.0], 99) == 3.0
    assert percentile([0.0, 1.0, 2.0, 3.0], 50) == 1.5
    assert set(OTEL) >= {"duration", "time_to_first_token"}


def timed(path: Path, pause: int = 20_000_000) -> None:
    """A recording of the sample with an event every 20 ms, by a fake clock."""
    now = [1_763_705_153_000_000_000]
    with Recorder(path, clock=lambda: now[0]) as recorder, recorder.track("a") as track:
        for block in SSE.split(b"\n\n")[:-1]:
            now[0] += pause
            track.write(block + b"\n\n")


def test_many_responses(api: Any, path: Path) -> None:
    timed(path)
    found = merged(api.responses(path))
    assert found["responses"] == 1
    assert found["time_to_first_token_p50"] == pytest.approx(0.1, abs=1e-6)
    assert found["longest_stall"] == pytest.approx(0.02, abs=1e-6)


# -- replay ----------------------------------------------------------------------------------------------------------


def serving(path: Path, speed: float | None) -> AbstractContextManager[str]:
    return running(serve(takes([path.read_bytes()]), speed=speed))


def client(url: str) -> Any:
    openai = pytest.importorskip("openai")
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0)


@pytest.mark.parametrize("name", ["conversation.sse", "hello_assist.sse", "log_of_seven.sse"])
def test_sdk_gets_same_results_from_replay(name: str) -> None:
    """All responses of a log, in its order; a recording without times is served without pauses."""
    import respstream

    path = TRANSCRIPTS / name
    with serving(path, 1.0) as url, client(url) as openai:
        for expected in respstream.responses(path):
            got = list(openai.responses.create(model="m", input="hi", stream=True))
            assert len(got) == expected.events
            final = got[-1].response.to_dict()
            assert final["id"] == expected.id
            assert got[-1].response.output_text == expected.output_text
        whole = openai.responses.create(model="m", input="hi")
        assert openai.responses.retrieve(whole.id).output_text == whole.output_text


def test_sdk_gets_same_completions_from_replay(tmp_path: Path) -> None:
    """A recording of both APIs: each request gets the next response of its API."""
    import respstream

    path = tmp_path / "both.sse"
    chats = [chat_streams.sse([chat_streams.chunk("Hi", ident=name, finish="stop")]) for name in ("c1", "c2")]
    path.write_bytes(chats[0] + (TRANSCRIPTS / "conversation.sse").read_bytes() + chats[1])
    with serving(path, 1.0) as url, client(url) as openai:
        messages: list[Any] = [{"role": "user", "content": "hi"}]
        for expected in (response for response in respstream.responses(path) if response.api == "chat"):
            with openai.chat.completions.stream(model="m", messages=messages) as stream:
                final = stream.get_final_completion()
            assert (final.id, final.choices[0].message.content) == (expected.id, expected.output_text)
            assert final.choices[0].finish_reason == "stop"
        assert len(list(openai.responses.create(model="m", input="hi", stream=True))) > 1
        assert openai.chat.completions.create(model="m", messages=messages).choices[0].message.content == "Hi"


def test_replay_keeps_pauses(path: Path) -> None:
    timed(path)
    with serving(path, 1.0) as url, client(url) as openai:
        start = time.monotonic()
        assert len(list(openai.responses.create(model="m", input="hi", stream=True))) == COUNT
        assert time.monotonic() - start >= COUNT * 0.02 - 0.005
    assert [round(after, 3) for after, _ in takes([path.read_bytes()])[0].events][:3] == [0.02, 0.04, 0.06]


def test_replay_of_unknown_request(path: Path) -> None:
    openai = pytest.importorskip("openai")
    timed(path)
    with serving(path, None) as url, client(url) as sdk:
        with pytest.raises(openai.NotFoundError, match="no response of that id"):
            sdk.responses.retrieve("resp_unknown")
        with pytest.raises(openai.NotFoundError):
            sdk.models.list()
    with pytest.raises(ValueError, match="no responses"):
        serve([])


# -- the command line ------------------------------------------------------------------------------------------------


def run(*args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "respstream", *args]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


def test_record_command(path: Path) -> None:
    done = run("record", "-o", str(path), "--lane", "x", stdin=SSE)
    assert (done.returncode, done.stdout, done.stderr) == (0, SSE, b"")
    assert {row["lane"] for row in written(path)} == {"x"}
    assert run("record", "-q", "-o", str(path), stdin=SSE).stdout == b""
    shown = run("responses", str(path), "--format", "jsonl", "--columns", "status,lane,started_at")
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [row["status"] for row in rows] == ["completed"] * 2
    assert rows[0]["lane"] == "x"
    assert rows[0]["started_at"]
    assert run("record", stdin=SSE).returncode == 2


def test_rows_on_command_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"a": {"b": SSE.decode()}, "w": 1763705153}) + "\n")
    shown = run("responses", str(path), "--field", "/a/b", "--time", "/w", "--format", "csv", "--columns", "ended_at")
    assert b"2025-11-21T06:05:53" in shown.stdout
    wrong = run("responses", str(path), "--field", "a")
    assert wrong.returncode == 2
    assert b"field must be a JSON pointer" in wrong.stderr


WRAPPED: dict[str, list[str]] = {
    "rows.jsonl": ["--field", "/a/b", "--time", "/w", "--lane", "/l"],
    "browser.har": [],
    "named.bin": ["--input-format", "har"],
}


@pytest.mark.parametrize("backend", ["rust", "python"])
@pytest.mark.parametrize("name", WRAPPED)
def test_every_command_reads_recordings(tmp_path: Path, name: str, backend: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("RESPSTREAM_BACKEND", backend)
    how = WRAPPED[name]
    path = tmp_path / name
    if name == "rows.jsonl":
        row = {"type": "no event", "a": {"b": SSE.decode()}, "w": 1763705153, "l": "lane 7"}
        path.write_text(json.dumps(row) + "\n")
    else:
        content = {"mimeType": "text/event-stream", "text": SSE.decode()}
        entry = {"request": {"url": "https://api.openai.com/v1/responses"}, "response": {"content": content},
                 "startedDateTime": "2025-11-21T06:05:53Z", "time": 1500}  # fmt: skip
        path.write_text(json.dumps({"log": {"version": "1.2", "entries": [entry]}}))
    at = (str(path), *how)
    text = run("text", str(TRANSCRIPTS / "conversation.sse")).stdout
    assert run("text", *at).stdout == text
    assert run("text", "-", *how, stdin=path.read_bytes()).stdout == text
    counts = {"responses": 1, "events": COUNT, "items": 1}
    for command, count in counts.items():
        done = run(command, *at, "--format", "jsonl")
        assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, count, b"")
    threads = run("events", *at, "--threads", "2", "--format", "jsonl")
    rows = [json.loads(line) for line in threads.stdout.splitlines()]
    assert len(rows) == COUNT
    assert {row["lane"] for row in rows} == {"lane 7" if name == "rows.jsonl" else None}
    assert all(row["time"] for row in rows)
    figures = json.loads(run("stats", *at, "--format", "json").stdout)
    assert figures["responses"] == 1
    assert (figures["all"]["latency"]["duration"] is None) == (name == "rows.jsonl")
    assert run("check", *at).stdout == b"ok: 1 response, 0 errors, 0 warnings, 0 infos in 1 file\n"


@pytest.mark.parametrize("backend", ["rust", "python"])
def test_cassette_without_yaml_is_reported(tmp_path: Path, backend: str, monkeypatch: Any) -> None:
    """By each command alike; the other files are read."""
    monkeypatch.setenv("RESPSTREAM_BACKEND", backend)
    (tmp_path / "yaml.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    cassette = tmp_path / "a.yaml"
    cassette.write_text("interactions:\n- request: {}\n")
    for command in (["responses"], ["items"], ["events"], ["text"], ["stats"], ["check"]):
        done = run(*command, str(cassette), str(TRANSCRIPTS / "conversation.sse"))
        assert done.returncode == 1, command
        reported = f"{cassette}: unreadable the source cannot be read: reading VCR cassettes in YAML needs PyYAML: pip install 'respstream[vcr]'"
        assert done.stderr.decode().splitlines()[0] == reported
        assert b"Traceback" not in done.stderr


def test_replay_command(path: Path) -> None:
    timed(path)
    command = [sys.executable, "-m", "respstream", "replay", str(path), "--speed", "max"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert child.stdout is not None
        line = child.stdout.readline().decode()
        assert line.startswith("serving 1 response on http://127.0.0.1:")
        with client(line.split()[-1]) as openai:
            assert len(list(openai.responses.create(model="m", input="hi", stream=True))) == COUNT
    finally:
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=30)
    assert child.returncode == 130
    assert run("replay", str(path), "--speed", "fast").returncode == 2
    assert run("replay", "-", stdin=b"").returncode == 2


def test_chunks_of_other_kinds(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.jsonl") as recorder, recorder.track("a") as track:
        for chunk in (bytearray(b"one"), memoryview(b"two"), memoryview(b"\xff")):
            track.write(chunk)
        wrong: Any
        for wrong in (3, None, [b"a"]):
            with pytest.raises(TypeError, match="a chunk must be bytes, bytearray or memoryview"):
                track.write(wrong)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_bytes().splitlines()]
    assert [line.get("chunk", line.get("b64")) for line in lines] == [None, "one", "two", "/w==", None]


def test_texts_that_utf8_cannot_represent(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.jsonl") as recorder:
        with pytest.raises(ValueError, match="lone surrogate"):
            recorder.track("a\ud800")
        with pytest.raises(RuntimeError), recorder.track("b"):
            raise RuntimeError("\udc80")
    assert json.loads((tmp_path / "a.jsonl").read_bytes().splitlines()[-1])["error"] == "RuntimeError: ?"
