"""Writes one log of each shape into a folder, for the Rust micro-benchmarks and for counting instructions.

`python -m benches.logs FOLDER [BYTES]`: 8 MB each by default; chat and mixed also as JSON Lines. Standard library only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benches.shapes import SEED, SHAPES

BYTES = 8_000_000
JSON_LINES = ("chat", "mixed")


def write(folder: Path, size: int = BYTES) -> Iterator[Path]:
    """Write the logs one by one, and yield their paths. Existing files are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(name, "sse") for name in SHAPES] + [(name, "jsonl") for name in JSON_LINES]
    for name, form in wanted:
        path = folder / f"{name}.{form}"
        if not path.exists():
            path.write_bytes(SHAPES[name](SEED, size, form=form).data)  # type: ignore[arg-type,unused-ignore]
        yield path


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    for written in write(Path(sys.argv[1]), *map(int, sys.argv[2:])):
        print(written)
