"""The command line, `respstream`. Each command is a module; `app` is the group.

It needs the extra `cli` (click and rich). Exit status: 0 for success; 1 if an input could not be read completely or failed
the check; 2 for wrong usage; 130 after Ctrl-C; 141 if the reader of the output ended.
"""

from __future__ import annotations

import importlib.util
import sys

__all__ = ["main"]

REQUIRED = ("click", "rich")


def main() -> None:
    """Run the command line with the arguments of the process, and exit."""
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing and sys.argv[1:] == ["--version"]:
        from respstream.cli.version import version

        print(version())
        sys.exit(0)
    if missing:
        print(
            f"respstream: the command line needs {' and '.join(missing)}: pip install 'respstream[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    from respstream.cli.app import run

    run()
