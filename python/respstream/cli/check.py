"""`respstream check`: every diagnostic, one a line, repeats as one, and a verdict."""

from __future__ import annotations

import sys

import click

from respstream.cli.inputs import Reading, reads
from respstream.cli.output import coloured, is_seen, one_line, plural
from respstream.cli.progress import Progress
from respstream.decoder import Decoder
from respstream.diagnostics import Diagnostic

COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}

EXAMPLES = """\b
Examples:
  respstream check log.sse
  respstream check 'logs/**/*.jsonl.gz' --each
"""


@click.command(epilog=EXAMPLES, short_help="What is odd about the input, line by line.")
@click.option("--each", is_flag=True, help="Tell repeats one by one, as they are noticed.")
@reads
@click.pass_context
def command(ctx: click.Context, reading: Reading, each: bool) -> None:
    """Every diagnostic as `file:line: code message [severity]`, repeats within a file as one, and a verdict.

    PATH is a file, a folder, a glob, a URL, or `-` for stdin. Exits with 1 if a diagnostic is an error.
    """
    ctx.meta["respstream.done"] = lambda: f" after {reading.sources} of {plural(len(reading.inputs), 'file')}"
    with Progress(reading.inputs, wanted=not is_seen(sys.stdout)) as bar:
        reading.progress = bar
        for one in reading:
            decoder = reading.decoder()
            teller = Teller(decoder, one.name, each=each)
            for _ in reading.fold(decoder, one):
                teller.tell()
            teller.end()
    status = reading.status(strict=True)
    if len(reading.inputs) > 1 and reading.counts:
        click.echo(f"in all: {reading.told()}")
    click.echo(verdict(reading, failed=bool(status)))
    ctx.exit(status)


def describe(name: str, diagnostic: Diagnostic) -> str:
    """A diagnostic of the input `name` as one line, without its severity."""
    return one_line(f"{name}:{diagnostic.line}: {diagnostic.code} {diagnostic.message}")


class Teller:
    """Tells the diagnostics of one input: those of the same words as one line when it ends, or with `each` one by one."""

    def __init__(self, decoder: Decoder, name: str, *, each: bool) -> None:
        self._decoder, self._name, self._each = decoder, name, each
        self._told = 0

    def tell(self) -> None:
        """Prints what was diagnosed since the last time, with `each`."""
        total = sum(self._decoder.diagnostic_counts.values())
        if not self._each or total == self._told:  # dearer to list than to count
            return
        for diagnostic in self._decoder.diagnostics[self._told :]:
            click.echo(f"{describe(self._name, diagnostic)} {_tag(diagnostic.severity)}")
        self._told = total
        sys.stdout.flush()

    def end(self) -> None:
        """Prints the groups, and what was counted and not kept: the decoder keeps so many and no more."""
        kept = self._decoder.diagnostics
        if not self._each:
            groups: dict[tuple[str, str], list[Diagnostic]] = {}
            for diagnostic in kept:
                groups.setdefault((diagnostic.code, diagnostic.message), []).append(diagnostic)
            for group in groups.values():
                self._group(group)
        more = sum(self._decoder.diagnostic_counts.values()) - len(kept)
        if more:
            click.echo(one_line(f"{self._name}: {plural(more, 'further diagnostic')} counted and not kept"))

    def _group(self, group: list[Diagnostic]) -> None:
        lines = sorted({diagnostic.line for diagnostic in group})
        first = min(group, key=lambda diagnostic: diagnostic.line)
        last = f", to line {lines[-1]}" if len(lines) > 1 else ""
        repeats = f" {len(group):,} times{last}" if len(group) > 1 else ""
        click.echo(f"{describe(self._name, first)} {_tag(first.severity)}{repeats}")


def _tag(severity: str) -> str:
    tag = f"[{severity}]"
    return click.style(tag, fg=COLOURS[severity]) if coloured(sys.stdout) else tag


def verdict(reading: Reading, *, failed: bool) -> str:
    """One line that sums up: whether it is well, responses, diagnostics by severity, inputs."""
    totals = reading.severities()
    counts = [
        plural(reading.responses, "response"),
        plural(totals["error"], "error"),
        plural(totals["warning"], "warning"),
        plural(totals["info"], "info"),
    ]
    word = "failed" if failed else "ok"
    if coloured(sys.stdout):
        word = click.style(word, fg="red" if failed else "green", bold=True)
    return f"{word}: {', '.join(counts)} in {plural(len(reading.inputs), 'file')}"
