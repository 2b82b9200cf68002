"""Counts what a release is made of: `python tools/count_release.py dist` fails where a file is missing, twice there, or not expected.

A platform without its wheel would get the pure one, and nobody would notice but by the time that it takes.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

INTERPRETERS = ("cp311-abi3", "cp314-cp314t")
"""CPython 3.11 and later by the stable ABI; the free-threaded one, which has none."""
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
    "the sources": r"\.tar\.gz",
    "the pure wheel": r"-py3-none-any\.whl",
    **{
        f"{platform}, {interpreter}": rf"-{interpreter}-{tag}\.whl"
        for platform, tag in PLATFORMS.items()
        for interpreter in INTERPRETERS
    },
}


def complaints(names: list[str]) -> list[str]:
    """What is wrong with a release of files of these names: one line each, none if it is whole."""
    found: dict[str, list[str]] = {what: [] for what in EXPECTED}
    wrong = []
    for name in sorted(names):
        match = re.match(r"respstream-(?P<version>\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)(?P<rest>[.-].+)", name)
        kinds = [what for what, tag in EXPECTED.items() if match and re.fullmatch(tag, match["rest"])]
        if not kinds:
            wrong.append(f"not expected: {name}")
        for what in kinds:
            found[what].append(name)
    wrong += [f"missing: {what}" for what, files in found.items() if not files]
    wrong += [f"more than one: {what}: {', '.join(files)}" for what, files in found.items() if len(files) > 1]
    versions = {name.split("-")[1].removesuffix(".tar.gz") for files in found.values() for name in files}
    if len(versions) > 1:
        wrong.append(f"versions differ: {', '.join(sorted(versions))}")
    return wrong


def main(folder: str) -> int:
    """Tells what is wrong with the files in a folder; the exit status is 1 if anything is."""
    names = [path.name for path in Path(folder).iterdir()]
    wrong = complaints(names)
    print(*wrong, f"{len(names)} files, {len(EXPECTED)} expected", sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: count_release.py FOLDER")
    sys.exit(main(sys.argv[1]))
