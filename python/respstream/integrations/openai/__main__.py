"""`python -m respstream.integrations.openai verify FILE…`: both ways of reading, compared on recorded streams."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from respstream.integrations.openai._verify import Verdict, refused, verify


def _line(verdict: Verdict) -> str:
    speed = f"create {verdict.create_ratio:5.1f} x   stream {verdict.stream_ratio:5.1f} x"
    ways = [f"{way}: {found}" for way, found in (("create", verdict.create), ("stream", verdict.stream)) if found]
    return f"{'; '.join(ways) or 'equal'}   {verdict.events} events   {speed}   {verdict.source}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each stream and a summary. Returns 0, or 1 where a stream differs or cannot be read."""
    parser = argparse.ArgumentParser("python -m respstream.integrations.openai", description=__doc__)
    command = parser.add_subparsers(dest="command", required=True).add_parser("verify", help=verify.__doc__)
    command.add_argument("paths", nargs="+", metavar="FILE")
    options = parser.parse_args(arguments)
    verdicts: list[Verdict] = []
    try:
        for verdict in verify(options.paths):
            verdicts.append(verdict)
            print(_line(verdict), flush=True)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    equal = sum(verdict.equal for verdict in verdicts)
    print(f"{equal} of {len(verdicts)} streams equal")
    for kind, reason in refused().items():
        print(f"left to the SDK: {kind}: {reason}")
    return int(equal < len(verdicts))


if __name__ == "__main__":
    sys.exit(main())
