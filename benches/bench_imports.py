"""The time of an import: an interpreter that imports the package and exits, minus one that only exits.

Used by `make bench`; also a pytest-benchmark suite (`python -m pytest benches/bench_imports.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

from benches.rows import Facts, Row, suite

IMPORT = "import"
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

ROWS = (
    Row(
        name=IMPORT,
        contenders=_CONTENDERS,
        reference="openai",
        answer=lambda _: True,
        make=lambda _: _NoLog(),
        prepare=lambda _: None,
        apart=frozenset(_CONTENDERS),
        over=BARE,
    ),
)

test_imports = suite(ROWS)
