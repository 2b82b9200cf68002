"""Runs the command line in processes with pipes or a terminal, with a given backend."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.fork_server import ForkServer
from tests.support.paths import ROOT

PYTHON = str(ROOT / "python")
TRANSCRIPTS = "tests/data/transcripts"
SEVEN = f"{TRANSCRIPTS}/log_of_seven.sse"
HELLO = f"{TRANSCRIPTS}/hello_world.sse"
INCOMPLETE = f"{TRANSCRIPTS}/incomplete.jsonl"
SEVEN_TEXTS = [
    "Hey! I'm an AI developed by OpenAI. How can I help you today?",
    "Hello, I am GPT.",
    "Hello, I am GPT.",
    "Sure, sounds great!",
    "Sorry, I can't assist with that.",
    "¡Feliz Navidad!",
    "¡Feliz Navidad!",
]
BACKENDS = ["rust", "python"]
PATIENCE = 30.0
"""Timeout in seconds for expected output or exit."""

Done = subprocess.CompletedProcess[str]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "respstream", *arguments]


def rows(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@cache
def _server(backend: str) -> ForkServer:
    server = ForkServer(Shell(backend).env())
    atexit.register(server.close)
    return server


class Shell:
    """Runs commands with one backend; kills processes that still run at the end of the `with` block."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._started: list[subprocess.Popen[bytes]] = []

    def env(self, **more: str) -> dict[str, str]:
        reported = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
        kept = {name: value for name, value in os.environ.items() if name not in reported}
        path = os.pathsep.join(filter(None, [PYTHON, os.environ.get("PYTHONPATH")]))
        return {**kept, "PYTHONPATH": path, "RESPSTREAM_BACKEND": self.backend, "TERM": "xterm-256color", **more}

    def run(self, *arguments: str, data: bytes = b"", cwd: Path = ROOT, **more: str) -> Done:
        """Runs a command with `data` on stdin; returns its output. A new process only if the environment of Python differs."""
        if not any(name.startswith(("PYTHON", "LC_", "RESPSTREAM")) for name in more):
            status, *output = _server(self.backend).run([*arguments], data, cwd, self.env(**more), PATIENCE)
            return Done(command(*arguments), status, *(text.decode() for text in output))
        done = subprocess.run(
            command(*arguments),
            input=data,
            capture_output=True,
            cwd=cwd,
            env=self.env(**more),
            timeout=PATIENCE,
            check=False,
        )
        return Done(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a command with unbuffered pipes for stdin, stdout and stderr."""
        pipe = subprocess.PIPE
        self._started.append(
            subprocess.Popen(
                command(*arguments), bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, env=self.env()
            )
        )
        return self._started[-1]

    def on_terminal(self, arguments: list[str], columns: int, **more: str) -> tuple[str, int]:
        """The output of a command on a terminal of that width, and its exit status."""
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
            cwd=ROOT,
            env=self.env(**more),
        )
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # Linux reports a closed terminal as an error
            while piece := os.read(controller, 1 << 16):
                shown += piece
        os.close(controller)
        return shown.decode().replace("\r\n", "\n"), process.wait(PATIENCE)

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(BrokenPipeError):
                    if stream is not None:
                        stream.close()


# -- streams -----------------------------------------------------------------------------------------------------------


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def created(**more: Any) -> dict[str, Any]:
    return {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}, **more}


def completed(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    response = {"id": "resp_1", "status": "completed", "output": list(items)}
    return {"type": "response.completed", "response": response, **more}


def message(*texts: str) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": text} for text in texts]}


def delta(text: str, index: int = 0, part: int = 0, **more: Any) -> dict[str, Any]:
    kind = "response.output_text.delta"
    return {"type": kind, "output_index": index, "content_index": part, "delta": text, **more}


def item_done(index: int, *texts: str) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": message(*texts)}


def text_done(text: str, index: int = 0, part: int = 0) -> dict[str, Any]:
    return {"type": "response.output_text.done", "output_index": index, "content_index": part, "text": text}
