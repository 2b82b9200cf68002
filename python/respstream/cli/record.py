"""`respstream record`: a tee that writes what passes, with times, to a file."""

from __future__ import annotations

import sys

import click

from respstream.cli.inputs import stdin
from respstream.inputs.sources import READ_BYTES
from respstream.recordings.recorder import Recorder

EXAMPLES = """\b
Examples:
  cat log.sse | respstream record -o recording.jsonl
  cat log.sse | respstream record -o recording.jsonl | respstream text
"""


@click.command(epilog=EXAMPLES, short_help="Copies stdin to stdout, and records it with times.")
@click.option("-o", "--output", metavar="FILE", required=True, help="The recording; rows are appended to it.")
@click.option("--lane", metavar="NAME", help="The name of the stream; one that nobody else has by default.")
@click.option("-q", "--quiet", is_flag=True, help="Record only: write nothing to stdout.")
def command(output: str, lane: str | None, quiet: bool) -> None:
    """Copies stdin to stdout as it comes, and appends it to FILE in rows that hold its times.

    `curl -N … | respstream record -o recording.jsonl` loses nothing: each piece is in the file before it is passed on.
    Several may record into one file. The other commands read recordings, and tell latencies from them.
    """
    read = stdin().read
    with Recorder(output) as recorder, recorder.track(lane) as track:
        while chunk := read(READ_BYTES):
            track.write(chunk)
            if not quiet:
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
