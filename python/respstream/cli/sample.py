"""`respstream sample`: prints a sample stream, or copies all of them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from respstream.cli.names import OneOf
from respstream.cli.output import UsageStop, one_line
from respstream.samples import NAMES, sample

EXAMPLES = """\b
Examples:
  respstream sample
  respstream sample log_of_seven.sse > log.sse
  respstream sample --copy samples
"""


@click.command(epilog=EXAMPLES, short_help="Print a sample stream, or copy all of them into a folder.")
@click.argument("name", required=False, type=OneOf("sample", list(NAMES)))
@click.option("--copy", "folder", metavar="FOLDER", help="Copy all samples into FOLDER, which is created.")
@click.pass_context
def command(ctx: click.Context, name: str | None, folder: str | None) -> None:
    """Print the sample stream NAME: `respstream sample chat.sse | respstream text`. Without NAME, list the samples."""
    if folder is not None:
        _copy(Path(folder))
    elif name is not None:
        sys.stdout.flush()
        sys.stdout.buffer.write(sample(name).read_bytes())
        sys.stdout.buffer.flush()
    else:
        width = max(map(len, NAMES))
        for one, about in NAMES.items():
            click.echo(f"{one.ljust(width)}  {about}")
    ctx.exit(0)


def _copy(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in NAMES:
            shutil.copyfile(sample(one), folder / one)
    except OSError as error:
        raise UsageStop(one_line(f"cannot write {folder}: {error.strerror or error}")) from None
    click.echo(f"copied {len(NAMES)} samples to {folder}")
