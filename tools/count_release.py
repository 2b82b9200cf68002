"""Checks the files of a release: `python tools/count_release.py dist` fails for missing, duplicate and unexpected files.

Without its own wheel, a platform would silently get the slow pure-Python one.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

INTERPRETERS = ("cp311-abi3", "cp314-cp314t")
"""The stable ABI of CPython 3.11 and later; free-threaded CPython, which has no stable ABI."""
PLATFORMS = {
    "Linux x86-64": r"manylinux\w*_x86_64(\.manylinux\w*_x86_64)?",
    "Linux aarch64": r"manylinux\w*_aarch64(\.manylinux\w*_aarch64)?",
    "musl x86-64": r"musllinux_1_2_x86_64",
    "musl aarch64": r"musllinux_1_2_aarch64",
    "macOS x86-64": r"macosx_\w+_x86_64",
    "macOS arm64": r"macosx_\w+_arm64",
    "Windows x64": r"win_amd64",
}
EXPECTED = {
    "the sdist": r"\.tar\.gz",
    "the pure-Python wheel": r"-py3-none-any\.whl",
    **{
        f"{platform}, {interpreter}": rf"-{interpreter}-{tag}\.whl"
        for platform, tag in PLATFORMS.items()
        for interpreter in INTERPRETERS
    },
}


def problems(names: list[str]) -> list[str]:
    """The problems of a release with these file names, one line each; empty if it is complete."""
    found: dict[str, list[str]] = {kind: [] for kind in EXPECTED}
    wrong = []
    for name in sorted(names):
        match = re.match(r"respstream-(?P<version>\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)(?P<rest>[.-].+)", name)
        kinds = [kind for kind, tag in EXPECTED.items() if match and re.fullmatch(tag, match["rest"])]
        if not kinds:
            wrong.append(f"unexpected: {name}")
        for kind in kinds:
            found[kind].append(name)
    wrong += [f"missing: {kind}" for kind, files in found.items() if not files]
    wrong += [f"duplicate: {kind}: {', '.join(files)}" for kind, files in found.items() if len(files) > 1]
    versions = {name.split("-")[1].removesuffix(".tar.gz") for files in found.values() for name in files}
    if len(versions) > 1:
        wrong.append(f"versions differ: {', '.join(sorted(versions))}")
    return wrong


def main(folder: str) -> int:
    """Prints the problems of the files in a folder; returns exit status 1 if there are any."""
    names = [path.name for path in Path(folder).iterdir()]
    wrong = problems(names)
    print(*wrong, f"{len(names)} files, {len(EXPECTED)} expected", sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: count_release.py FOLDER")
    sys.exit(main(sys.argv[1]))
