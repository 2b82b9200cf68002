"""The programs of docs/cluster.md run unchanged and print the output that the page shows."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integrations.engines.tools import SKIP
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "cluster.md"
ENGINES = {"Ray Data": "ray", "Spark": "spark", "polars": "polars", "DuckDB": "duckdb", "Dask": "dask"}


def programs() -> dict[str, list[tuple[str, str]]]:
    """The programs of each section about an engine, and their output."""
    sections = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    pairs = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
    found = {section.partition("\n")[0]: pairs.findall(section) for section in sections}
    return {title: found[title] for title in ENGINES}


@pytest.mark.parametrize("title", list(ENGINES))
def test_section_runs(title: str, tmp_path: Path) -> None:
    if ENGINES[title] in os.environ.get(SKIP, "").split(","):
        pytest.skip(f"{SKIP} names {ENGINES[title]}")
    assert programs()[title], f"{PAGE} has no program for {title}"
    text = PAGE.read_text("utf-8")
    assert text.count("```python") == sum(map(len, programs().values())), "every program is followed by what it prints"
    for program, expected in programs()[title]:
        # One process each: engines leave threads, sessions and settings behind.
        settings = {"RAY_USAGE_STATS_ENABLED": "0", "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **settings},
            check=False,
        )
        assert done.stdout == expected, done.stderr


def test_dask_example_is_five_lines() -> None:
    [(program, _)] = programs()["Dask"]
    statements = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.stmt)]
    assert sum(not isinstance(node, ast.Import | ast.ImportFrom) for node in statements) <= 5
