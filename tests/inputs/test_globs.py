"""Paths that name many files: folders and globs."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import pyarrow as pa
import pytest

import respstream
from respstream.inputs import paths

LINE = b'{"type":"keepalive"}\n'

PATTERNS = [
    "**",
    "**/*.log",
    "a/**/*.log",
    "a/**",
    "*/**/b*/*.log",
    "**/b/**/*.log",
    "a/b/**/c.log",
    "**/",
    "nowhere/**",
    "a/*.log",
]


@pytest.mark.parametrize("top", ["", "absolute"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_globs_match_pathlib_without_links(
    pattern: str, top: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("x.log", "a/x.log", "a/b/c.log", "a/b/b[1]/c.log", ".h/x.log", "a/.x.log", "a/b/z/y.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(LINE)
    monkeypatch.chdir(tmp_path)
    pattern = os.path.join(glob.escape(str(tmp_path)), pattern) if top else pattern  # noqa: PTH118
    expected = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))  # noqa: PTH113, PTH207
    assert paths.matches(pattern) == expected


@pytest.mark.skipif(os.name != "posix", reason="links")
@pytest.mark.usefixtures("api")
def test_folder_links_give_each_file_once(tmp_path: Path) -> None:
    """Python's own glob repeats files for each path through the links, of which there may be 2 ** 40."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.log").write_bytes(LINE)
    for name in ("again", "and_again"):
        (tmp_path / "a" / name).symlink_to(tmp_path)
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "a" / "pipe.log")
    for path in (tmp_path, tmp_path / "**" / "*.log", tmp_path / "**" / "**"):
        names = pa.table(respstream.scan(path, "events"))["source"].to_pylist()
        assert names == [str(tmp_path / "a" / "x.log")]
    named = pa.table(respstream.scan(tmp_path / "linked" / "**" / "*.log", "events"))["source"].to_pylist()
    assert named == [str(tmp_path / "linked" / "x.log")]
