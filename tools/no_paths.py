"""Fails if a wheel contains one of the paths: `python tools/no_paths.py WHEEL PATH…`."""

from __future__ import annotations

import sys
import zipfile


def main() -> None:
    """Print the members that contain a path, and exit with 1 if there are any."""
    wheel, *paths = sys.argv[1:]
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    found = [
        f"{wheel}: {name} contains {path}" for name, data in contents.items() for path in paths if path.encode() in data
    ]
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
