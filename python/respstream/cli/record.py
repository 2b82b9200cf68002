"""`respstream record`: copies stdin to stdout and records it with times."""

from __future__ import annotations

import sys

import click

from respstream.cli.source import stdin
from respstream.inputs.sources import READ_BYTES
from respstream.recordings.recorder import Recorder

EXAMPLES = """\b
Examples:
  cat log.sse | respstream record -o recording.jsonl
  cat log.sse | respstream record -o recording.jsonl | respstream text
"""


@click.command(epilog=EXAMPLES, short_help="Copy stdin to stdout and record it with times.")
@click.option("-o", "--output", metavar="FILE", required=True, help="File of the recording; rows are appended.")
@click.option("--lane", metavar="NAME", help="Lane (stream key) of the rows (default: a unique name).")
@click.option("-q", "--quiet", is_flag=True, help="Write nothing to stdout.")
def command(output: str, lane: str | None, quiet: bool) -> None:
    """Copy stdin to stdout as it arrives, and append it to FILE as rows with times.

    `curl -N … | respstream record -o recording.jsonl` loses no data: each chunk is written to the file before it is passed
    on. Several processes can record into one file. The other commands read recordings and compute latencies from them.
    """
    read = stdin().read
    with Recorder(output) as recorder, recorder.track(lane) as track:
        while chunk := read(READ_BYTES):
            track.write(chunk)
            if not quiet:
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
