"""The environment of the documentation's examples: files in a scratch folder, a server of the Responses API, and stubs for commands.

Every page has `tests/data/transcripts` as in the repository, `log.sse`, and the folder `logs/`.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import stat
import sys
from collections.abc import Callable, Generator
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


def files(folder: Path) -> None:
    """Creates the files for all pages."""
    (folder / "tests" / "data").mkdir(parents=True)
    (folder / "tests" / "data" / "transcripts").symlink_to(TRANSCRIPTS)
    (folder / "log.sse").write_bytes((TRANSCRIPTS / "log_of_seven.sse").read_bytes())
    logs = folder / "logs" / "2026"
    logs.mkdir(parents=True)
    for path in sorted(TRANSCRIPTS.glob("*.sse")):
        (logs / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))


def dropin(folder: Path) -> None:
    """A folder with a recorded stream."""
    (folder / "recorded").mkdir()
    (folder / "recorded" / "hello.sse").write_bytes(HELLO.read_bytes())


def recordings(folder: Path) -> None:
    """Log files with stream chunks in their rows."""
    body = HELLO.read_bytes()
    rows = [
        {"ts": 1763705153.25 + number, "request_id": lane, "response": {"body": chunk}}
        for lane in ("a", "b")
        for number, chunk in enumerate([body[:700].decode(), body[700:].decode()])
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    encoded = {"b64": base64.b64encode(body).decode()}
    (folder / "packed.jsonl").write_text(json.dumps(encoded) + "\n")


PAGE_SETUPS: dict[str, Callable[[Path], None]] = {
    "dropin.md": dropin,
    "recordings.md": recordings,
}


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
    files(folder)
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
        if page.name in PAGE_SETUPS:
            PAGE_SETUPS[page.name](folder)
        yield names, env, free_port()
