"""The environment of the documentation's examples: files in a scratch folder, names, a server of the Responses API, and stubs for commands.

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
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import openai_server
from tests.support.paths import ROOT, TRANSCRIPTS

HELLO = TRANSCRIPTS / "hello_assist.sse"

Names = dict[str, Any]
Env = dict[str, str]

STAND_INS = {
    "respstream": 'exec "$PYTHON" -m respstream "$@"',
    "python": 'exec "$PYTHON" "$@"',
    # It streams a sample response.
    "curl": f'cat "{HELLO}"',
    # A target that the Makefile lacks, or an extra that the package lacks, is an error.
    "make": f'for word in "$@"; do grep -qE "^$word:" "{ROOT}/Makefile" || exit 2; done',
    "pip": f"""for word in $(echo "$@" | grep -o '\\[.*\\]' | tr '[],' '   '); do
        grep -qE "^$word = \\[" "{ROOT}/pyproject.toml" || exit 1; done""",
}


class Body:
    """The body of a streamed HTTP answer, as httpx has it."""

    def __init__(self, data: bytes) -> None:
        self._pieces = [data[i : i + 100] for i in range(0, len(data), 100)]

    def iter_bytes(self) -> Iterator[bytes]:
        """The pieces."""
        return iter(self._pieces)

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The pieces, asynchronously."""
        for piece in self._pieces:
            yield piece


def stand_ins(folder: Path) -> Path:
    """A folder of commands that take the place of others."""
    folder.mkdir()
    for name, body in STAND_INS.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return folder


def files(folder: Path) -> None:
    """The files of every page."""
    (folder / "tests" / "data").mkdir(parents=True)
    (folder / "tests" / "data" / "transcripts").symlink_to(TRANSCRIPTS)
    (folder / "log.sse").write_bytes((TRANSCRIPTS / "log_of_seven.sse").read_bytes())
    logs = folder / "logs" / "2026"
    logs.mkdir(parents=True)
    for path in sorted(TRANSCRIPTS.glob("*.sse")):
        (logs / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))


def dropin(names: Names, folder: Path) -> None:
    """An event and a response of both kinds."""
    import openai.types.responses as sdk

    import respstream
    from respstream.integrations.openai import to_openai

    stream = respstream.events(HELLO)
    names["event"] = next(event for event in stream if isinstance(event, respstream.types.ResponseTextDeltaEvent))
    list(stream)
    assert stream.response is not None
    names["response"] = stream.response
    names["sdk_event"] = to_openai(names["event"])
    names["sdk_response"] = to_openai(names["response"])
    assert isinstance(names["sdk_response"], sdk.Response)
    (folder / "recorded").mkdir()
    (folder / "recorded" / "hello.sse").write_bytes(HELLO.read_bytes())


def recordings(names: Names, folder: Path) -> None:
    """Rows that wrap a stream, and bodies to record."""
    body = HELLO.read_bytes()
    rows = [
        {"ts": 1763705153.25 + number, "request_id": lane, "response": {"body": piece}}
        for lane in ("a", "b")
        for number, piece in enumerate([body[:700].decode(), body[700:].decode()])
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    packed = {"b64": base64.b64encode(body).decode()}
    (folder / "packed.jsonl").write_text(json.dumps(packed) + "\n")
    names["chunks"] = list(Body(body).iter_bytes())
    names["response"] = Body(body)


def called(names: Names, folder: Path) -> None:
    """A stream of a text and a call, in pieces."""
    names["chunks"] = list(Body(openai_server.STREAMS["chat"]).iter_bytes())


SCENES: dict[str, Callable[[Names, Path], None]] = {
    "dropin.md": dropin,
    "latency.md": called,
    "recordings.md": recordings,
    "streaming.md": called,
}


def free_port() -> int:
    """A free port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def of(page: Path, folder: Path) -> Generator[tuple[Names, Env, int]]:
    """The scene of a page, set in an empty folder: names that it has, the environment of its commands, and a port."""
    files(folder)
    commands = stand_ins(folder / ".commands")
    os.environ["OPENAI_API_KEY"] = "none"
    env = {
        **os.environ,
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "PYTHONPATH": f"{ROOT / 'python'}{os.pathsep}{ROOT}",
        "PYTHONUTF8": "1",
    }
    with openai_server.serve() as url:
        openai_server.STREAMS["gpt-5-nano"] = HELLO.read_bytes()
        names: Names = {"__name__": "__main__", "url": f"{url}/responses"}
        os.environ["OPENAI_BASE_URL"] = env["OPENAI_BASE_URL"] = url
        if page.name in SCENES:
            SCENES[page.name](names, folder)
        yield names, env, free_port()
