"""`make callgrind`: instructions per byte (by valgrind) and GB/s of the core's stages for each shape. Writes `benches/STAGES.md`.

Counts are independent of the machine's load; rates are those of the fastest of many rounds. The program is the example `stages`
of the crate `respstream-core`; its stage `none` only starts and reads the file, and is subtracted.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benches import logs

OUT = Path(__file__).with_name("STAGES.md")
STAGES = ("memchr", "frames", "json", "events", "decoder", "fold", "fold_slow")
ROUNDS = 40
HEADING = """# The stages of the core

Written by `make callgrind`. `memchr` finds the newlines of the same bytes: the limit. `frames`: framing only (for JSON Lines with
validation). `json`: full validation of every payload. `events`: framing, validation and full parsing of events. `decoder`: the
whole decoder, with a consumer of events. `fold`: the whole decoder, without a consumer. `fold_slow`: `fold` without the fast paths.
"""
INSTRUCTIONS = "## Instructions per byte\n"
RATES = f"\n## GB/s\n\nOne thread, the log in one chunk and in the cache, the fastest of {ROUNDS} rounds.\n"
_COUNT = re.compile(r"Collected : (\d+)")


def main(arguments: Sequence[str]) -> int:
    """Run the command line: the program, and a folder for the logs. Returns the exit status."""
    if len(arguments) != 2:
        print("usage: python -m benches.stages PROGRAM FOLDER", file=sys.stderr)
        return 2
    program, folder = map(Path, arguments)
    lines = [HEADING]
    for part in ([INSTRUCTIONS], instructions(program, folder), [RATES], rates(program, folder)):
        for line in part:
            print(line, flush=True)
            lines.append(line)
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def instructions(program: Path, folder: Path) -> Iterator[str]:
    """The table of instructions per byte, in Markdown."""
    yield from _head()
    for path in logs.write(folder):
        start, size = count(program, "none", path), path.stat().st_size
        figures = [(count(program, stage, path) - start) / size for stage in STAGES]
        yield f"| {path.name} | {' | '.join(f'{figure:.2f}' for figure in figures)} |"


def rates(program: Path, folder: Path) -> Iterator[str]:
    """The table of GB/s, in Markdown."""
    yield from _head()
    for path in logs.write(folder):
        figures = [path.stat().st_size / fastest(program, stage, path) for stage in STAGES]
        yield f"| {path.name} | {' | '.join(f'{figure:.2f}' for figure in figures)} |"


def _head() -> Iterator[str]:
    yield f"| log | {' | '.join(STAGES)} |"
    yield f"|---|{'---:|' * len(STAGES)}"


def count(program: Path, stage: str, path: Path) -> int:
    """Instructions of one run. Raises CalledProcessError if it fails."""
    command: list[str | Path] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, stage, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = _COUNT.search(done.stderr)
    if not found:
        raise ValueError(f"valgrind reported no count: {done.stderr[-500:]}")
    return int(found[1])


def fastest(program: Path, stage: str, path: Path) -> int:
    """Nanoseconds of the fastest of many runs. Raises CalledProcessError if one fails."""
    command: list[str | Path] = [program, stage, path, str(ROUNDS)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
