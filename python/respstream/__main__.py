"""`python -m respstream`: the command line."""

from __future__ import annotations

from respstream.cli import main

if __name__ == "__main__":
    main()
