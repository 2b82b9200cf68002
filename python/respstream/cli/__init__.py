"""The command line, `respstream`: one file for each command, which `app` puts together.

It needs the extra `cli` (click and rich). Exit status: 0; 1 where input could not be read through or was found to be wrong;
2 for wrong usage; 130 after Ctrl-C; 141 where the reader of the output went away.
"""

from __future__ import annotations

import importlib.util
import sys

__all__ = ["main"]

NEEDED = ("click", "rich")


def main() -> None:
    """Runs the command that the process was called with, and exits."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"respstream: the command line needs {' and '.join(missing)}: pip install 'respstream[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    from respstream.cli.app import run

    run()
