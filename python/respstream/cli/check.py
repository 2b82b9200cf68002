"""`respstream check`: every diagnostic, one a line, and a verdict."""

from __future__ import annotations

import sys

import click

from respstream.cli.inputs import Reading, reads
from respstream.cli.output import coloured, one_line
from respstream.decoder import Decoder
from respstream.diagnostics import Diagnostic

COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}

EXAMPLES = """\b
Examples:
  respstream check log.sse
  respstream check 'logs/**/*.jsonl.gz'
"""


@click.command(epilog=EXAMPLES, short_help="What is odd about the input, line by line.")
@reads
@click.pass_context
def command(ctx: click.Context, reading: Reading) -> None:
    """Every diagnostic as `file:line: code message [severity]`, and a verdict.

    PATH is a file, a folder, a glob, or `-` for stdin. Exits with 1 if a diagnostic is an error.
    """
    for one in reading:
        decoder = reading.decoder()
        told = 0
        for _ in reading.fold(decoder, one):
            told = _tell(decoder, one.name, told)
        _rest(decoder, one.name)
    click.echo(verdict(reading))
    ctx.exit(reading.status(strict=True))


def describe(name: str, diagnostic: Diagnostic) -> str:
    """A diagnostic of the input `name` as one line, without its severity."""
    return one_line(f"{name}:{diagnostic.line}: {diagnostic.code} {diagnostic.message}")


def _tell(decoder: Decoder, name: str, told: int) -> int:
    """Prints what was diagnosed after the first `told`; gives how many there are now."""
    total = sum(decoder.diagnostic_counts.values())
    if total == told:  # dearer to list than to count
        return told
    for diagnostic in decoder.diagnostics[told:]:
        click.echo(f"{describe(name, diagnostic)} {_tag(diagnostic.severity)}")
    sys.stdout.flush()
    return total


def _rest(decoder: Decoder, name: str) -> None:
    """What was counted and not kept: the decoder keeps so many and no more."""
    more = sum(decoder.diagnostic_counts.values()) - len(decoder.diagnostics)
    if more:
        click.echo(one_line(f"{name}: {more} more diagnostics were counted and not kept"))


def _tag(severity: str) -> str:
    tag = f"[{severity}]"
    return click.style(tag, fg=COLOURS[severity]) if coloured(sys.stdout) else tag


def verdict(reading: Reading) -> str:
    """One line that sums up: responses, diagnostics by severity, inputs."""
    totals = reading.severities()
    counts = [
        _count(reading.responses, "response"),
        _count(totals["error"], "error"),
        _count(totals["warning"], "warning"),
        _count(totals["info"], "info"),
    ]
    return f"{', '.join(counts)} in {_count(len(reading.inputs), 'file')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
