"""Sizes of files and functions, and values that the source must not repeat."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.support.paths import ROOT

MAX_FILE_LINES = 800
MAX_FUNCTION_LINES = 70
GENERATED = re.compile(r"(?i)generated (?:by|from)")
"""In the first lines of a file that a tool writes."""
TEXT = {".py", ".pyi", ".rs", ".toml", ".md", ".yml", ".yaml", ".cfg", ".sh", ""}
CODE = ("python", "rust", "tools", "benches", "tests")


def files(*suffixes: str, under: tuple[str, ...]) -> Iterator[Path]:
    for name in under:
        for path in sorted((ROOT / name).rglob("*")):
            parts = path.relative_to(ROOT).parts
            if path.suffix in suffixes and path.is_file() and not {"target", "__pycache__", "data"} & set(parts):
                yield path


def test_files_are_short() -> None:
    long = {}
    for path in files(".py", ".pyi", ".rs", under=CODE):
        lines = path.read_text("utf-8").splitlines()
        if len(lines) > MAX_FILE_LINES and not GENERATED.search("\n".join(lines[:5])):
            long[str(path.relative_to(ROOT))] = len(lines)
    assert long == {}


def test_functions_are_short() -> None:
    """Python's; clippy's `too_many_lines` sets the same limit for Rust."""
    long = {}
    for path in files(".py", under=CODE):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = lines
    assert long == {}


def test_version_is_written_once() -> None:
    with (ROOT / "Cargo.toml").open("rb") as file:
        version = tomllib.load(file)["workspace"]["package"]["version"]
    manifests = [ROOT / "pyproject.toml", *files(".toml", ".py", ".rs", under=("rust", "python", "tools"))]
    number = re.compile(rf"""["']{re.escape(version)}["']""")
    assert [path for path in manifests if number.search(path.read_text("utf-8"))] == []


def test_no_machine_paths() -> None:
    machine = re.compile(r"(?<![\w.])/(?:work|farm|root|tmp|home|Users)/[A-Za-z]")
    top = [
        path for path in ROOT.iterdir() if path.is_file() and path.suffix in TEXT and not path.name.startswith(".git")
    ]
    inner = files(*TEXT, under=(*CODE, "docs", "examples", ".ci", ".github"))
    found = []
    for path in [*top, *inner]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if machine.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []
