"""What an import costs: an interpreter that imports and ends, against one that only ends.

The rows of `make bench`, and the same as a pytest-benchmark suite (`python -m pytest benches/bench_imports.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

from benches.rows import Facts, Row, suite

IMPORT = "import"
BARE, OURS, TWIN = "bare interpreter", "respstream", "respstream, pure Python"


class _Nothing:
    """No log at all."""

    facts = Facts(0, 0, 0)


def start(code: str, _given: None, backend: str = "auto") -> bool:
    """One interpreter from its start to its end. Raises CalledProcessError if it fails.

    Its bytecode may be kept, as an installer does: peers are installed, we are imported from the tree, and compiling our source
    each time would be six times the import.
    """
    environment = {**os.environ, "RESPSTREAM_BACKEND": backend}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, timeout=60)
    return True


_CONTENDERS = {
    BARE: partial(start, "pass"),
    OURS: partial(start, "import respstream", backend="rust"),
    TWIN: partial(start, "import respstream", backend="python"),
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
        make=lambda _: _Nothing(),
        prepare=lambda _: None,
        apart=frozenset(_CONTENDERS),
        over=BARE,
    ),
)

test_imports = suite(ROWS)
