"""mypy and pyright, in strict mode, reveal the types that `tests/package/typing_cases.py` expects."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

CASES = "tests/package/typing_cases.py"
TYPOS = "tests/package/typos.py"
QUALIFIED = re.compile(r"(?:\w+\.)+(\w+)")
# Checkers write the union of all events out.
ALL_EVENTS = re.compile(
    r"ResponseCreatedEvent \| .* \| ResponseErrorEvent \| UnknownEvent"
    r"(?P<chat> \| ChatCompletionChunk \| PingEvent \| KeepaliveEvent( \| UnknownEvent)?"
    r" \| RawMessageStartEvent \| .*? \| PingEvent \| ErrorEvent( \| UnknownEvent)?)?"
)


def expected() -> dict[int, str]:
    """The expected types by line. A `reveal_type` without an expectation is an error in the file."""
    lines = enumerate((ROOT / CASES).read_text("utf-8").splitlines(), 1)
    return {number: line.partition("# R:")[2].strip() for number, line in lines if "reveal_type(" in line}


def run(*command: str | Path) -> str:
    words = [sys.executable, "-m", *map(str, command)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, check=False, encoding="utf-8").stdout


def mypy(_: Path, cases: str = CASES) -> Iterator[tuple[int, str]]:
    for line in run("mypy", "--no-error-summary", "--no-pretty", cases).splitlines():
        reported = re.match(r"[^:]+:(\d+): (\w+): (.*)", line)
        assert reported is not None, line
        revealed = re.match(r'Revealed type is "(.*)"', reported[3])
        yield int(reported[1]), revealed[1] if revealed else line


def pyright(folder: Path, cases: str = CASES) -> Iterator[tuple[int, str]]:
    # A file that the project excludes cannot be named: use the same settings for this file alone.
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["basedpyright"]
    del config["exclude"], config["executionEnvironments"]
    config |= {"include": [str(ROOT / cases)], "venvPath": str(ROOT), "extraPaths": [str(ROOT / "python")]}
    settings = folder / "pyrightconfig.json"
    settings.write_text(json.dumps(config))
    for reported in json.loads(run("basedpyright", "--outputjson", "--project", settings))["generalDiagnostics"]:
        revealed = re.match(r'Type of ".*" is "(.*)"', reported["message"], re.DOTALL)
        yield reported["range"]["start"]["line"] + 1, revealed[1] if revealed else reported["message"]


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_typos_are_reported(checker: Callable[..., Iterator[tuple[int, str]]], tmp_path: Path) -> None:
    lines = enumerate((ROOT / TYPOS).read_text("utf-8").splitlines(), 1)
    marked = {number for number, line in lines if line.endswith("# typo")}
    assert {line for line, _ in checker(tmp_path, TYPOS)} == marked
    assert len(marked) > 55


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_revealed_types(checker: Callable[[Path], Iterator[tuple[int, str]]], tmp_path: Path) -> None:
    found = {}
    for line, text in checker(tmp_path):
        found[line] = ALL_EVENTS.sub(
            lambda match: "StreamEvent" if match["chat"] else "ResponseStreamEvent", QUALIFIED.sub(r"\1", text)
        )
    assert found == expected()
    assert len(found) > 40
