"""The plugin that makes a skipped test fail the run: which skips it allows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import RECORDED, RECORDED_OTHER, ROOT

SKIPPED = """
import pytest

@pytest.mark.skip(reason={reason!r})
def test():
    pass
"""


@pytest.mark.parametrize(
    ("reason", "variables", "status"),
    [
        (f"{RECORDED} names no folder of recorded streams", {}, 0),
        (f"{RECORDED} names no folder of recorded streams", {RECORDED: "x"}, 1),
        (f"{RECORDED} names no folder of recorded streams", {RECORDED_OTHER: "x"}, 0),
        (f"{RECORDED_OTHER} names no folder of recorded streams", {}, 0),
        (f"{RECORDED_OTHER} names no folder of recorded streams", {RECORDED: "x"}, 0),
        (f"{RECORDED_OTHER} names no folder of recorded streams", {RECORDED_OTHER: "x"}, 1),
        ("another reason", {}, 1),
    ],
)
def test_allowed_skips(tmp_path: Path, reason: str, variables: dict[str, str], status: int) -> None:
    (tmp_path / "test_skipped.py").write_text(SKIPPED.format(reason=reason))
    kept = {name: value for name, value in os.environ.items() if name not in (RECORDED, RECORDED_OTHER)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.support.no_skips",
        "-c",
        os.devnull,
    ]
    run = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=ROOT,
        env={**kept, **variables, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == status, run.stdout + run.stderr
