"""Writes `LICENSE-THIRD-PARTY`: the licences and notices of the crates linked into the extension, required in every wheel.

    python tools/notices.py [--check]

Reads them from the sources of the crates at the versions of `Cargo.lock`, for all platforms. `--check` writes nothing and
exits with status 1 if the file is out of date.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "LICENSE-THIRD-PARTY"
HEAD = """The compiled wheels of respstream contain code of the crates below. The licence of each crate follows its name.
"""
NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")


def linked() -> list[dict[str, Any]]:
    """The third-party packages linked into the extension, by name and version."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    found = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    (root,) = (key for key, package in packages.items() if package["name"] == "respstream-python")
    seen, pending = set(), [root]
    while pending:
        key = pending.pop()
        if key in seen or any("proc-macro" in target["kind"] for target in packages[key]["targets"]):
            continue
        seen.add(key)
        for edge in nodes[key]["deps"]:
            if any(kind["kind"] is None for kind in edge["dep_kinds"]):  # no build and test dependencies
                pending.append(edge["pkg"])
    others = [packages[key] for key in seen if packages[key]["source"]]
    return sorted(others, key=lambda package: (package["name"], package["version"]))


def texts(package: dict[str, Any]) -> list[str]:
    """The licences and notices of a package; only the MIT licence if the package offers a choice."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(path for path in folder.iterdir() if path.name.upper().startswith(NAMES))
    mit = [path for path in files if "MIT" in path.name.upper()]
    if mit and " AND " not in package["license"]:
        files = [*mit, *(path for path in files if "NOTICE" in path.name.upper())]
    return ["\n".join(line.rstrip() for line in path.read_text("utf-8").strip().splitlines()) for path in files]


def notices() -> str:
    """The content of the file: each text once, after the crates that use it."""
    by_text: dict[str, list[str]] = {}
    for package in linked():
        found = texts(package) or [f"(no licence file; licence in the manifest: {package['license']})"]
        for text in found:
            by_text.setdefault(text, []).append(f"{package['name']} {package['version']} ({package['license']})")
    rule = "-" * 100
    parts = [f"{rule}\n{chr(10).join(crates)}\n{rule}\n\n{text}\n" for text, crates in by_text.items()]
    return "\n".join([HEAD, *parts])


if __name__ == "__main__":
    made = notices()
    if "--check" in sys.argv[1:]:
        sys.exit(int(not TARGET.exists() or TARGET.read_text("utf-8") != made))
    TARGET.write_text(made, "utf-8")
