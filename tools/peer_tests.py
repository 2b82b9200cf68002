"""Runs the own tests of the SDKs without and with acceleration, and compares the outcome of each test.

`python tools/peer_tests.py FOLDER [openai|openai2|anthropic …]` takes the source distributions of the pinned releases from the
registry. The tests of tests/api_resources need a mock server that is not in them. Exits with 1 if an outcome differs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
GROUPS: dict[str, list[Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
# Tests of the SDK's repository, which need files that are not in its source distribution.
LEFT_OUT = ["tests/api_resources", "tests/test_detect_breaking_changes.py"]


class Peer(NamedTuple):
    """A release of an SDK, the dependency group of its tests, other packages, and options of pytest."""

    sdk: str
    version: str
    group: str
    packages: list[str]
    options: list[str]


def pinned(sdk: str) -> str:
    """The release that the tests of this project are pinned to."""
    found: str = next(one for one in GROUPS["test"] if isinstance(one, str) and one.startswith(f"{sdk}=="))
    return found.partition("==")[2]


PEERS = {
    "openai": Peer("openai", pinned("openai"), "peers", [], []),
    # The first release of the generation before that is accelerated.
    "openai2": Peer("openai", "2.54.0", "peers", ["openai==2.54.0", "distro"], []),
    "anthropic": Peer("anthropic", pinned("anthropic"), "peers-anthropic", [], ["-p", "tests._alias_httpx"]),
}


def pip(*arguments: str) -> None:
    """Runs pip."""
    subprocess.run([sys.executable, "-m", "pip", *arguments], check=True, cwd=ROOT)


def prepare(peer: Peer, folder: Path) -> tuple[Path, Path]:
    """The source distribution, and a folder with the packages that its tests need."""
    folder.mkdir(parents=True, exist_ok=True)
    name, site = f"{peer.sdk}-{peer.version}", folder / "site"
    pip("download", "--no-deps", "--no-binary", peer.sdk, "--dest", str(folder), f"{peer.sdk}=={peer.version}")
    with tarfile.open(folder / f"{name}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    pip("install", "--target", str(site), "--group", peer.group)
    if peer.packages:
        pip("install", "--no-deps", "--upgrade", "--target", str(site), *peer.packages)
    return folder / name, site


def outcomes(peer: Peer, source: Path, site: Path, *, accelerated: bool) -> dict[str, str]:
    """The outcome of each test, by its name."""
    report = source.parent / f"report-{'fast' if accelerated else 'plain'}.xml"
    plugin = ["-p", "accelerate_clients"] if accelerated else []
    ignored = [f"--ignore={source / path}" for path in LEFT_OUT]
    paths = [str(ROOT / "tools"), str(site), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    command = [
        sys.executable, "-m", "pytest", "--rootdir", str(source), "-c", str(source / "pyproject.toml"), "-o", "addopts=", "-q",
        "-p", "no:cacheprovider", "-n", "2", "--no-header", "--tb=line", *peer.options, *plugin, *ignored, f"--junitxml={report}",
        str(source / "tests"),
    ]  # fmt: skip
    subprocess.run(
        command,
        check=False,
        cwd=source,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "ACCELERATE": peer.sdk},
    )
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        found[f"{case.get('classname')}::{case.get('name')}"] = min(kinds, default="passed")
    return found


def figures(found: Iterable[str]) -> str:
    """The number of tests of each outcome."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(found).items()))


def main(arguments: list[str]) -> int:
    """Compares the peers that are named, or all."""
    folder, names, differs = Path(arguments[0]).resolve(), arguments[1:] or [*PEERS], False
    for name in names:
        peer = PEERS[name]
        source, site = prepare(peer, folder / name)
        plain, fast = (outcomes(peer, source, site, accelerated=accelerated) for accelerated in (False, True))
        print(f"{peer.sdk} {peer.version}: {figures(plain.values())}; accelerated: {figures(fast.values())}")
        for test in sorted(plain.keys() | fast.keys()):
            if plain.get(test) != fast.get(test):
                differs = True
                print(f"  {test}: {plain.get(test)}, accelerated {fast.get(test)}")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
