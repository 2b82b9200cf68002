"""`respstream check`: prints every diagnostic on one line, repetitions as one, and a verdict."""

from __future__ import annotations

import sys
from collections.abc import Set as AbstractSet

import click

from respstream._codes import DIAGNOSTICS
from respstream._suggest import suggestion
from respstream.cli.inputs import InputReader, input_options
from respstream.cli.output import coloured, diagnostic_line, may_be_terminal, one_line, plural
from respstream.cli.progress import Progress
from respstream.decoder import Decoder
from respstream.diagnostics import Diagnostic

FORMATS = ("text", "json", "github", "sarif")
COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}

EXAMPLES = """\b
Examples:
  respstream check log.sse
  respstream check 'logs/**/*.jsonl.gz' --each
  respstream check logs/ --ignore unknown_event,no_terminal --format github
  respstream check service.log --strip-prefix 'api-1 +[|] ?' --encoding latin-1
"""


def _codes(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    codes = [code.strip() for code in (value or "").split(",") if code.strip()]
    for code in codes:
        if code not in DIAGNOSTICS:
            raise click.BadParameter(f"no code {code!r}{suggestion(code, DIAGNOSTICS)}")
    return codes


@click.command(epilog=EXAMPLES, short_help="Print every problem of the input with its line.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="Output format: text, JSON Lines, annotations of GitHub Actions, or SARIF.",
)
@click.option("--select", callback=_codes, metavar="CODE,…", help="Report only these codes.")
@click.option("--ignore", callback=_codes, metavar="CODE,…", help="Do not report these codes.")
@click.option("--each", is_flag=True, help="Print repetitions one by one, as soon as they are detected.")
@input_options
@click.pass_context
def command(
    ctx: click.Context, reader: InputReader, format_: str, select: list[str], ignore: list[str], each: bool
) -> None:
    """Print every diagnostic as `file:line: code message [severity]`, repetitions in a file as one, and a verdict.

    PATH is a file, a folder, a quoted glob, a URL, or `-` for stdin. The exit status is 1 if a diagnostic is an error, or if an
    input with bytes has no response. Codes that are not reported do not count.
    """
    wanted = (set(select) or set(DIAGNOSTICS)) - set(ignore)
    if format_ != "text":
        ctx.exit(_report(reader, format_, wanted))
    ctx.meta["respstream.progress"] = lambda: f" after {reader.sources_read} of {plural(len(reader.inputs), 'file')}"
    with Progress(reader.inputs, enabled=not may_be_terminal(sys.stdout)) as bar:
        reader.progress = bar
        for source in reader:
            decoder = reader.decoder()
            reporter = Reporter(decoder, source.name, each=each, wanted=wanted)
            for _ in reader.fold(decoder, source, complains=False):
                reporter.report()
            reporter.end()
    status = _status(reader, wanted)
    if len(reader.inputs) > 1 and reader.counts:
        click.echo(f"in total: {reader.counts_by_code()}")
    click.echo(verdict(reader, failed=bool(status)))
    ctx.exit(status)


def _status(reader: InputReader, wanted: AbstractSet[str]) -> int:
    """The exit status, of the codes that are reported alone, which are then the only ones in `reader.counts`."""
    without = reader.without_responses > 0 and "no_responses" in wanted
    for code in reader.counts.keys() - wanted:
        del reader.counts[code]
    return reader.status(strict=True) or int(without)


def _report(reader: InputReader, form: str, wanted: AbstractSet[str]) -> int:
    """Print the diagnostics in a format for programs; returns the exit status."""
    from respstream.cli.check_formats import WRITERS

    writer = WRITERS[form]()
    with Progress(reader.inputs) as bar:
        reader.progress = bar
        for source in reader:
            decoder = reader.decoder()
            for _ in reader.fold(decoder, source, complains=False):
                pass
            for diagnostic in decoder.diagnostics:
                if diagnostic.code in wanted:
                    writer.write(source.name, diagnostic)
    writer.close()
    return _status(reader, wanted)


class Reporter:
    """Prints the diagnostics of one input: at its end, grouped by code and message, or with `each` one by one."""

    def __init__(self, decoder: Decoder, name: str, *, each: bool, wanted: AbstractSet[str]) -> None:
        self._decoder, self._name, self._each, self._wanted = decoder, name, each, wanted
        self._reported = 0

    def report(self) -> None:
        """With `each`, print the new diagnostics."""
        total = sum(self._decoder.diagnostic_counts.values())
        if not self._each or total == self._reported:  # a list costs more than counts
            return
        for diagnostic in self._decoder.diagnostics[self._reported :]:
            if diagnostic.code not in self._wanted:
                continue
            click.echo(f"{diagnostic_line(self._name, diagnostic)} {_tag(diagnostic.severity)}")
        self._reported = total
        sys.stdout.flush()

    def end(self) -> None:
        """Print the groups, and the number of diagnostics beyond the limit of the decoder."""
        stored = self._decoder.diagnostics
        if not self._each:
            groups: dict[tuple[str, str], list[Diagnostic]] = {}
            for diagnostic in stored:
                if diagnostic.code not in self._wanted:
                    continue
                groups.setdefault((diagnostic.code, diagnostic.message), []).append(diagnostic)
            for group in groups.values():
                self._group(group)
        more = sum(self._decoder.diagnostic_counts.values()) - len(stored)
        if more:
            click.echo(one_line(f"{self._name}: {plural(more, 'further diagnostic')} counted, but not listed"))

    def _group(self, group: list[Diagnostic]) -> None:
        lines = sorted({diagnostic.line for diagnostic in group})
        first = min(group, key=lambda diagnostic: diagnostic.line)
        last = f", to line {lines[-1]}" if len(lines) > 1 else ""
        repetitions = f" {len(group):,} times{last}" if len(group) > 1 else ""
        click.echo(f"{diagnostic_line(self._name, first)} {_tag(first.severity)}{repetitions}")


def _tag(severity: str) -> str:
    tag = f"[{severity}]"
    return click.style(tag, fg=COLOURS[severity]) if coloured(sys.stdout) else tag


def verdict(reader: InputReader, *, failed: bool) -> str:
    """Return the last line: `ok` or `failed`, and the numbers of responses, diagnostics by severity, and files."""
    totals = reader.severities()
    counts = [
        plural(reader.responses, "response"),
        plural(totals["error"], "error"),
        plural(totals["warning"], "warning"),
        plural(totals["info"], "info"),
    ]
    word = "failed" if failed else "ok"
    if coloured(sys.stdout):
        word = click.style(word, fg="red" if failed else "green", bold=True)
    return f"{word}: {', '.join(counts)} in {plural(len(reader.inputs), 'file')}"
