"""The time of an import, and of the first stream of a process: an interpreter that does it and exits, minus one that does not.

Used by `make bench`; also a pytest-benchmark suite (`python -m pytest benches/bench_imports.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from typing import Any

from benches.publish import ROOT
from benches.rows import Facts, Row, suite

IMPORT, FIRST = "import", "first stream of a process"
BARE, OURS, FALLBACK = "bare interpreter", "respstream", "respstream, pure Python"


class _NoLog:
    """The input of rows without a log."""

    facts = Facts(0, 0, 0)


def start(code: str, _input: None, backend: str = "auto") -> bool:
    """Run an interpreter. Raises CalledProcessError if it fails.

    Allows it to write bytecode: the peers are installed with bytecode, respstream is imported from the source tree, and
    compiling it each time would take six times as long as the import.
    """
    environment = {**os.environ, "RESPSTREAM_BACKEND": backend}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, timeout=60)
    return True


_CONTENDERS = {
    BARE: partial(start, "pass"),
    OURS: partial(start, "import respstream", backend="rust"),
    FALLBACK: partial(start, "import respstream", backend="python"),
    "msgspec": partial(start, "import msgspec"),
    "httpx-sse": partial(start, "import httpx_sse"),
    "pyarrow": partial(start, "import pyarrow"),
    "polars": partial(start, "import polars"),
    "duckdb": partial(start, "import duckdb"),
    "openai": partial(start, "from openai import OpenAI"),
}

_SAMPLE = ROOT / "python" / "respstream" / "samples" / "hello_world.sse"
_CLIENT = f"""
import sys, openai
names = (cls.__module__.partition(".")[0] for cls in openai.DefaultHttpxClient.__mro__)
http = sys.modules[next(name for name in names if name.startswith("httpx"))]
body = open({str(_SAMPLE)!r}, "rb").read()
answer = lambda _: http.Response(200, headers={{"content-type": "text/event-stream"}}, content=body)
client = openai.OpenAI(api_key="none", max_retries=0, http_client=http.Client(transport=http.MockTransport(answer)))
"""
_ACCELERATE = "from respstream.integrations.openai import accelerate; accelerate(client)\n"
_READ = """
kind = "response.output_text.delta"
found = sum(event.type == kind for event in client.responses.create(model="m", input="x", stream=True))
assert found == body.count(f'"type":"{kind}"'.encode()) > 0
"""
_CLIENT_ONLY = "a client"
_STREAMS = {
    _CLIENT_ONLY: partial(start, _CLIENT),
    "accelerated": partial(start, _CLIENT + _ACCELERATE + _READ),
    "openai": partial(start, _CLIENT + _READ),
}


def _row(name: str, contenders: dict[str, Any], over: str) -> Row:
    """A row of whole processes. `over`: the contender whose time is a part of the others, and is subtracted."""
    return Row(
        name=name,
        contenders=contenders,
        reference="openai",
        answer=lambda _: True,
        make=lambda _: _NoLog(),
        prepare=lambda _: None,
        apart=frozenset(contenders),
        over=over,
    )


ROWS = (_row(IMPORT, _CONTENDERS, BARE), _row(FIRST, _STREAMS, _CLIENT_ONLY))

test_imports = suite(ROWS)
