"""Deep nesting where a program raised the recursion limit: no recursive parser may run, since it overflows the C stack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BEGINNING = """
import sys
sys.setrecursionlimit(1_000_000)
import respstream
LEVELS = 110_000
deep = b"[" * LEVELS + b"]" * LEVELS
"""
PROGRAMS = {
    "event": """
(event,) = respstream.events(b'data: {"type":"x.y","a":' + deep + b'}\\n\\n')
for read in (event.to_dict, lambda: event.a):
    try:
        read()
    except ValueError as error:
        print(error)
""",
    "har": """
stream = respstream.responses(b'{"log":{"entries":[{"a":' + deep + b'}]}}')
print(list(stream), *[found.code for found in stream.diagnostics])
""",
    "cassette": """
stream = respstream.responses(b'{"interactions":[{"a":' + deep + b'}]}')
print(list(stream), *[found.code for found in stream.diagnostics])
""",
    "plan": """
from respstream.tables.splits import plan
open(sys.argv[1], "wb").write((b'{"type":"x.y","a":' + deep + b'}\\n') * 2)
print(*[split.end for split in plan(sys.argv[1], target_bytes=1000)])
""",
    "sse": """
(event,) = respstream.sse.Decoder().feed(b'data: ' + deep + b'\\n\\n')
try:
    event.json()
except ValueError as error:
    print(error)
""",
}
PRINTED = {
    "event": "nesting of more than 256 levels\n" * 2,
    "har": "[] bad_field no_responses\n",
    "cassette": "[] bad_field no_responses\n",
    "plan": "None\n",
    "sse": "nesting of more than 256 levels: line 1 column 1 (char 0)\n",
}


@pytest.mark.parametrize("backend", ["rust", "python"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_deep_nesting_under_raised_recursion_limit(
    program: str, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESPSTREAM_BACKEND", backend)
    command = [sys.executable, "-c", BEGINNING + PROGRAMS[program], str(tmp_path / "log.jsonl")]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (0, PRINTED[program]), done.stderr
