"""The program that counts the files of a release, and that the workflow builds those files."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.support.paths import ROOT
from tools import count_release

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
TAGS = [
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64",
    "macosx_10_12_x86_64",
    "macosx_11_0_arm64",
    "win_amd64",
]
WHOLE = [
    "respstream-0.1.0.tar.gz",
    "respstream-0.1.0-py3-none-any.whl",
    *(f"respstream-0.1.0-{abi}-{tag}.whl" for abi in count_release.INTERPRETERS for tag in TAGS),
]


def test_complete_release() -> None:
    assert count_release.problems(WHOLE) == []
    swapped = [name.replace("manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux2014_x86_64") for name in WHOLE]
    assert count_release.problems(swapped) == []


@pytest.mark.parametrize("name", WHOLE)
def test_missing_file_is_reported(name: str) -> None:
    (reported,) = count_release.problems([other for other in WHOLE if other != name])
    assert reported.startswith("missing: ")


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("respstream-0.1.0-cp311-abi3-linux_x86_64.whl", "unexpected: "),
        ("respstream-0.1.0-cp312-cp312-win_amd64.whl", "unexpected: "),
        ("respstream-0.1.0-cp311-abi3-manylinux_2_28_x86_64.whl", "duplicate: Linux x86-64, cp311-abi3: "),
        ("notes.txt", "unexpected: notes.txt"),
    ],
)
def test_extra_file_is_reported(name: str, reported: str) -> None:
    (line,) = count_release.problems([*WHOLE, name])
    assert line.startswith(reported)


def test_versions_match() -> None:
    mixed = [WHOLE[0].replace("0.1.0", "0.2.0"), *WHOLE[1:]]
    assert count_release.problems(mixed) == ["versions differ: 0.1.0, 0.2.0"]


def test_program(tmp_path: Path) -> None:
    for name in WHOLE[1:]:
        (tmp_path / name).touch()
    words = [sys.executable, "tools/count_release.py", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "missing: the sdist\n15 files, 16 expected\n")


def test_workflow_builds_counted_files() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]
    built = [row for name in ("linux", "others") for row in jobs[name]["strategy"]["matrix"]["platform"]]
    assert len(built) + 2 == len(count_release.EXPECTED)
    assert set(jobs["count"]["needs"]) == {"pure", "linux", "others"}
    assert jobs["publish"]["needs"] == ["count"]
    assert jobs["publish"]["permissions"]["id-token"] == "write"
    for name, job in jobs.items():
        assert ("id-token" in job["permissions"]) == (name == "publish"), f"only what publishes may sign: {name}"


def test_wheels_are_searched_for_paths_of_the_machine(tmp_path: Path) -> None:
    """`make check-wheels` runs the program for each wheel; panic messages of the extension may have such paths."""
    with zipfile.ZipFile(wheel := tmp_path / "a.whl", "w") as archive:
        archive.writestr(
            "respstream/_native.abi3.so", b"\0panicked at cargo/registry/x.rs\0/srv/me/.cargo/registry/x.rs\0"
        )
    for paths, status in ((["/srv/me/.cargo", "/opt"], 1), (["/srv/you", "/opt"], 0)):
        words = [sys.executable, str(ROOT / "tools" / "no_paths.py"), str(wheel), *paths]
        done = subprocess.run(words, capture_output=True, check=False, text=True)
        assert (done.returncode, "contains /srv/me/.cargo" in done.stderr) == (status, bool(status))
    recipe = (ROOT / "Makefile").read_text("utf-8").split("check-wheels: wheels")[1].split("\n\n")[0]
    assert "tools/no_paths.py $$wheel $(CARGO_FOLDER) $(CURDIR) || exit 1" in recipe


def test_notices_match_linked_crates() -> None:
    """`python tools/notices.py` writes them."""
    words = [sys.executable, "tools/notices.py", "--check"]
    assert subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 0
    text = (ROOT / "LICENSE-THIRD-PARTY").read_text("utf-8")
    assert all(f"\n{crate} " in text for crate in ("memchr", "pyo3", "arrow-array", "zstd-sys", "zlib-rs"))
