"""Each dependency is justified in docs/dependencies.md; the core install has none."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "dependencies.md").read_text("utf-8")


def read(*path: str) -> dict[str, Any]:
    return tomllib.loads(ROOT.joinpath(*path).read_text("utf-8"))


def named(section: str) -> set[str]:
    """The code in the first two cells of each row of a section's table."""
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    return {name for row in rows for cell in row for name in re.findall("`([^`]+)`", cell)}


def crates(*manifest: str, kind: str = "dependencies") -> set[str]:
    return {name for name in read(*manifest).get(kind, {}) if not name.startswith("respstream")}


MEMBERS = [("rust", name, "Cargo.toml") for name in ("core", "scan", "python")]


def test_runtime_crates_are_documented() -> None:
    found = set().union(*(crates(*member) for member in MEMBERS))
    assert found == {name for name in named("In the wheel") if name != "zlib-rs"}


def test_development_crates_are_documented() -> None:
    found = set().union(*(crates(*m, kind=k) for m in MEMBERS for k in ("build-dependencies", "dev-dependencies")))
    found |= crates("rust", "fuzz", "Cargo.toml") - set().union(*(crates(*member) for member in MEMBERS))
    assert found == {name for name in named("Only to build and to test") if "/" not in name}


def test_extras_are_documented() -> None:
    project = read("pyproject.toml")["project"]
    assert project["dependencies"] == []
    found = set[str]()
    for extra, wants in project["optional-dependencies"].items():
        if extra != "all":
            found |= {extra, *(re.split(r"[><=;\[ ]", want)[0] for want in wants)}
    assert found <= named("Extras")
    assert set(project["optional-dependencies"]) - {"all"} <= named("Extras")
    bundled = read("pyproject.toml")["project"]["optional-dependencies"]["all"][0]
    assert set(re.findall(r"\w+", bundled)) == {"respstream", *project["optional-dependencies"]} - {"all"}


def test_lock_file_uses_one_registry() -> None:
    sources = {package.get("source") for package in read("Cargo.lock")["package"]}
    assert sources == {None, "registry+https://github.com/rust-lang/crates.io-index"}
