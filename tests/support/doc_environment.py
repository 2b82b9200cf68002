"""The environment of the documentation's examples: an empty folder, a server of the Responses API, and stubs for commands."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from respstream.recordings.replay import serve, takes
from tests.support import openai_server
from tests.support.paths import ROOT, TRANSCRIPTS

HELLO = TRANSCRIPTS / "hello_assist.sse"

Names = dict[str, Any]
Env = dict[str, str]

STUBS = {
    "respstream": 'exec "$PYTHON" -m respstream "$@"',
    "python": 'exec "$PYTHON" "$@"',
    # Streams a sample response.
    "curl": f'cat "{HELLO}"',
    # Fails for unknown Makefile targets and unknown extras.
    "make": f'for word in "$@"; do grep -qE "^$word:" "{ROOT}/Makefile" || exit 2; done',
    "pip": f"""for word in $(echo "$@" | grep -o '\\[.*\\]' | tr '[],' '   '); do
        grep -qE "^$word = \\[" "{ROOT}/pyproject.toml" || exit 1; done""",
}


def stub_commands(folder: Path) -> Path:
    """Creates a folder of stub commands; returns it."""
    folder.mkdir()
    for name, body in STUBS.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return folder


# Pages whose server also speaks WebSocket: that of `respstream replay`.
REPLAYED = ("websocket.md",)


def replayed() -> AbstractContextManager[str]:
    """Replays one response, without pauses, over HTTP and WebSocket."""
    return openai_server.running(serve(takes([HELLO.read_bytes()]), speed=None))


def free_port() -> int:
    """A free port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def of(page: Path, folder: Path) -> Generator[tuple[Names, Env, int]]:
    """Prepares an empty folder for a page; yields the names of its module, the environment of its commands, and a port."""
    commands = stub_commands(folder / ".commands")
    os.environ["OPENAI_API_KEY"] = "none"
    env = {
        **os.environ,
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "PYTHONPATH": f"{ROOT / 'python'}{os.pathsep}{ROOT}",
        "PYTHONUTF8": "1",
    }
    with replayed() if page.name in REPLAYED else openai_server.serve() as url:
        openai_server.STREAMS["gpt-5-nano"] = HELLO.read_bytes()
        names: Names = {"__name__": "__main__"}
        os.environ["OPENAI_BASE_URL"] = env["OPENAI_BASE_URL"] = url
        yield names, env, free_port()
