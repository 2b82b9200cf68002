"""The programs of `examples/`, each as a process that talks to a local server."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

import respstream
from tests.support import doc_environment, openai_server
from tests.support.paths import ROOT, TRANSCRIPTS

PATIENCE = 30.0

Done = subprocess.CompletedProcess[str]


def environment(url: str = "") -> dict[str, str]:
    reported = {"PYTHONPATH": str(ROOT / "python"), "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": url, "PYTHONUTF8": "1"}
    return {**os.environ, **reported}


def run(name: str, *arguments: str, url: str = "", cwd: Path = ROOT) -> Done:
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{name}.py"), *arguments],
        cwd=cwd,
        env=environment(url),
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=2 * PATIENCE,
    )


@contextmanager
def started(*words: str, port: int, url: str) -> Generator[str]:
    """A server in a separate process, for the duration of the context."""
    process = subprocess.Popen([sys.executable, *words], env=environment(url), cwd=ROOT)
    try:
        base = f"http://127.0.0.1:{port}"
        for _ in range(int(PATIENCE * 20)):
            with suppress(httpx.TransportError):
                httpx.get(base)
                break
            assert process.poll() is None
            threading.Event().wait(0.05)
        yield base
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.parametrize("name", ["agent", "live_tokens", "nightly", "proxy"])
def test_help_and_missing_package(name: str, tmp_path: Path) -> None:
    done = run(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {name}.py ")
    missing = "duckdb" if name == "nightly" else "httpx"
    (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError('no', name='{missing}')")
    env = environment() | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "python")])}
    script = [sys.executable, str(ROOT / "examples" / f"{name}.py"), "--help"]
    done = subprocess.run(script, env=env, capture_output=True, check=False, encoding="utf-8", timeout=PATIENCE)
    assert done.returncode == 1
    assert done.stderr.startswith(f"this example needs {missing}: pip install ")


@pytest.mark.parametrize("name", ["agent", "live_tokens"])
def test_missing_key(name: str) -> None:
    env = {key: value for key, value in environment().items() if key != "OPENAI_API_KEY"}
    script = [sys.executable, str(ROOT / "examples" / f"{name}.py"), "Hello"]
    done = subprocess.run(script, env=env, capture_output=True, check=False, encoding="utf-8", timeout=PATIENCE)
    assert (done.returncode, done.stderr.startswith("set OPENAI_API_KEY to your key")) == (1, True)


def test_nightly_job_without_logs(tmp_path: Path) -> None:
    done = run("nightly", str(tmp_path / "no"), str(tmp_path / "lake"))
    assert (done.returncode, done.stderr) == (1, f"nightly.py: no such file or folder: {str(tmp_path / 'no')!r}\n")


# -- live_tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manner", ["chat/each", "chat/cut-7", "chat/whole", "chat/broken-9", "chat/broken-2"])
def test_tokens_are_printed_after_connection_break(manner: str) -> None:
    with openai_server.serve() as url:
        done = run("live_tokens", "Hello", "--model", manner, url=url)
    assert (done.returncode, done.stdout) == (0, openai_server.TEXT_FORMAT + "\n")
    assert done.stderr.splitlines()[-1] == "[completed, 5 tokens]"
    assert ("trying again" in done.stderr) == ("broken" in manner)


@pytest.mark.parametrize(("model", "reported"), [("cut_short", "broken off"), ("chat/status-401", "401: ")])
def test_early_end_is_error(model: str, reported: str) -> None:
    with openai_server.serve() as url:
        done = run("live_tokens", "Hello", "--model", model, url=url)
    assert done.returncode == 1
    assert reported in done.stderr


# -- proxy ---------------------------------------------------------------------------------------------------------------


class InStep(BaseHTTPRequestHandler):
    """Sends a stream block by block, each only when the client is known to have the one before."""

    protocol_version = "HTTP/1.1"
    blocks = openai_server.blocks(openai_server.STREAMS["chat"])
    arrived = threading.Semaphore(0)
    late: list[int] = []  # noqa: RUF012 - blocks that did not arrive

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        body = b'{"object":"list","data":[]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("X-Request-Id", "req_7")
        self.end_headers()
        with suppress(ConnectionError):
            for number, block in enumerate(self.blocks):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
                self.wfile.flush()
                if not self.arrived.acquire(timeout=5):
                    self.late.append(number)
                    return
            self.wfile.write(b"0\r\n\r\n")


@pytest.fixture
def upstream() -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), InStep)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    InStep.late.clear()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def proxy(upstream: str, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The proxy before `upstream`, and its log."""
    port, log = doc_environment.free_port(), tmp_path / "streams.jsonl"
    with started("examples/proxy.py", "--port", str(port), "--log", str(log), port=port, url=upstream) as base:
        yield base, log


def test_proxy_forwards_bytes_immediately(proxy: tuple[str, Path]) -> None:
    """The server sends a block only after the previous one has arrived: a proxy that buffers would stall."""
    base, log = proxy
    body = b""
    with httpx.stream("POST", f"{base}/v1/responses", json={"stream": True}, timeout=PATIENCE) as answer:
        for chunk in answer.iter_raw():
            body += chunk
            InStep.arrived.release()
    assert (body, InStep.late) == (b"".join(InStep.blocks), [])
    assert answer.headers["x-request-id"] == "req_7"
    (seen,) = wait_for(lambda: httpx.get(f"{base}/seen").json())
    assert {name: seen[name] for name in ("id", "status", "complete", "tools", "diagnostics")} == {
        "id": "resp_1",
        "status": "completed",
        "complete": True,
        "tools": ["weather"],
        "diagnostics": [],
    }
    (response,) = respstream.responses(log)
    assert response.output_text == openai_server.TEXT_FORMAT
    assert response.latency.time_to_first_token is not None


def test_proxy_records_rest_after_client_disconnects(proxy: tuple[str, Path]) -> None:
    base, log = proxy
    assert httpx.get(f"{base}/v1/models").json() == {"object": "list", "data": []}
    with httpx.stream("POST", f"{base}/v1/responses", json={"stream": True}, timeout=PATIENCE) as answer:
        for count, _ in enumerate(answer.iter_raw(), 1):
            InStep.arrived.release()
            if count == 8:
                break
    (seen,) = wait_for(lambda: httpx.get(f"{base}/seen").json())
    assert (seen["id"], seen["complete"], seen["diagnostics"]) == ("resp_1", False, ["no_terminal"])
    (response,) = respstream.responses(log)
    assert not response.complete


def wait_for(get: Callable[[], Any]) -> Any:
    for _ in range(int(PATIENCE * 20)):
        if found := get():
            return found
        threading.Event().wait(0.05)
    raise AssertionError("nothing came")


# -- agent ---------------------------------------------------------------------------------------------------------------


def turn(*, call: dict[str, str] | None = None, text: str = "") -> list[dict[str, Any]]:
    """The events of one turn: a call of the tool, or a text."""
    arguments = json.dumps(call)
    name = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "write_file"}
    part = {"type": "output_text", "text": text, "annotations": []}
    said = {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]}
    item = {**name, "arguments": arguments} if call else said
    kind = "function_call_arguments" if call else "output_text"
    pieces = [(arguments if call else text)[i : i + 4] for i in range(0, len(arguments if call else text), 4)]
    begun = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
    empty = {**name, "arguments": ""} if call else {**said, "content": []}
    return [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        *(
            {"type": f"response.{kind}.delta", "output_index": 0, "content_index": 0, "delta": piece}
            for piece in pieces
        ),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {**begun, "status": "completed", "output": [item]}},
    ]


def agent(folder: Path, *turns: list[dict[str, Any]]) -> Done:
    """Runs the agent against a server that plays these turns."""
    port, recording = doc_environment.free_port(), folder / "turns.sse"
    recording.write_bytes(openai_server.sse([event for events in turns for event in events]))
    words = ["-m", "respstream", "replay", str(recording), "--port", str(port), "--speed", "max"]
    home = folder / "home"
    home.mkdir()
    with started(*words, port=port, url="") as base:
        return run("agent", "Write a haiku", url=f"{base}/v1", cwd=home)


HAIKU = "Rain on the tin roof\nthe cat counts every drop twice\nand sleeps through the rest\n"


def test_agent_writes_model_output(tmp_path: Path) -> None:
    done = agent(tmp_path, turn(call={"path": "haiku.txt", "text": HAIKU}), turn(text="Done."))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"\n--- haiku.txt\n{HAIKU}Done.\n"
    assert (tmp_path / "home" / "haiku.txt").read_text() == HAIKU


def test_agent_stops_call_while_it_streams(tmp_path: Path) -> None:
    refused = turn(call={"path": "../haiku.txt", "text": HAIKU * 50})
    done = agent(tmp_path, refused, turn(call={"path": "haiku.txt", "text": HAIKU}), turn(text="Done."))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("\n[stopped: ../haiku.txt lies outside of the folder]\n")
    assert done.stdout.count(HAIKU) == 1
    assert not (tmp_path / "haiku.txt").exists()


# -- nightly -------------------------------------------------------------------------------------------------------------


def test_nightly_job(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for path in TRANSCRIPTS.glob("*.sse"):
        (logs / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    lake = tmp_path / "lake"
    for day in ("2026-11-19", "2026-11-20", "2026-11-20"):  # the last one again
        done = run("nightly", str(logs), str(lake), "--day", day)
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("10 responses of 4 logs, ")
    assert sorted(path.name for path in lake.iterdir()) == ["day=2026-11-19", "day=2026-11-20"]
    assert (lake / "day=2026-11-20" / "model=gpt-4o-2024-08-06").is_dir()
    rows = [line for line in done.stdout.splitlines() if "gpt-4o-2024-08-06" in line]
    assert len(rows) == 2
    assert [cell.strip() for cell in rows[1].strip("│ ").split("│")] == [
        *("2026-11-20", "gpt-4o-2024-08-06", "7", "0", "59", "0.0", "0", "0")
    ]


def test_nightly_job_reports_truncated_log(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    shutil.copy(TRANSCRIPTS / "hello_assist.sse", logs)
    (logs / "cut.sse.gz").write_bytes(gzip.compress((TRANSCRIPTS / "log_of_seven.sse").read_bytes())[:-400])
    done = run("nightly", str(logs), str(tmp_path / "lake"), "--day", "2026-11-20")
    assert done.returncode == 1
    assert "cut.sse.gz: truncated_file" in done.stderr
    assert (tmp_path / "lake" / "day=2026-11-20").is_dir()
