"""`respstream record`: copies stdin to stdout and records it with times."""

from __future__ import annotations

import re
import sys

import click

from respstream.cli.output import UsageStop, one_line
from respstream.cli.source import stdin
from respstream.inputs.identity import identity, identity_of
from respstream.inputs.sources import READ_BYTES
from respstream.recordings.recorder import Recorder

EXAMPLES = """\b
Examples:
  cat log.sse | respstream record -o recording.jsonl
  cat log.sse | respstream record -o recording.jsonl | respstream text
"""


def _permissions(_: click.Context, __: click.Parameter, value: str) -> int:
    if not re.fullmatch("[0-7]{3,4}", value):
        raise click.BadParameter(f"{value!r} is not an octal number of three or four digits, as 640")
    return int(value, 8)


@click.command(epilog=EXAMPLES, short_help="Copy stdin to stdout and record it with times.")
@click.option("-o", "--output", metavar="FILE", required=True, help="File of the recording; rows are appended.")
@click.option("--lane", metavar="NAME", help="Lane (stream key) of the rows (default: a unique name).")
@click.option(
    "--mode",
    callback=_permissions,
    default="600",
    metavar="OCTAL",
    help="Permissions of a new file, less the umask (default: 600, only its owner can read it).",
)
@click.option("-q", "--quiet", is_flag=True, help="Write nothing to stdout.")
def command(output: str, lane: str | None, mode: int, quiet: bool) -> None:
    """Copy stdin to stdout as it arrives, and append it to FILE as rows with times.

    `curl -N … | respstream record -o recording.jsonl` loses no data: each chunk is written to the file before it is passed
    on. Several processes can record into one file. The other commands read recordings and compute latencies from them. A
    recording contains all that the server sent, but no requests and no headers.
    """
    source = stdin()
    target = identity(output)
    if target is not None and target in (identity_of(source), None if quiet else identity_of(sys.stdout)):
        raise UsageStop(one_line(f"cannot record to {output}: stdin or stdout is redirected to the same file"))
    read = source.read
    try:
        opened = Recorder(output, mode=mode)
    except (OSError, ValueError) as error:
        raise UsageStop(one_line(f"cannot write {output}: {getattr(error, 'strerror', None) or error}")) from None
    with opened as recorder, recorder.track(lane) as track:
        while chunk := read(READ_BYTES):
            track.write(chunk)
            if not quiet:
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
