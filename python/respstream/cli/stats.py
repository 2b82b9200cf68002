"""`respstream stats`: what a log holds, by model."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from respstream.cli.figures import COLUMNS, Figures
from respstream.cli.inputs import Reading, reads
from respstream.cli.output import complain, plural, size
from respstream.cli.privacy import Privacy
from respstream.cli.progress import Progress
from respstream.cli.rows import Wanted, example_lines, rows

EXAMPLES = "\b\nExamples:\n" + example_lines("respstream stats logs/ --plot", "respstream stats log.sse --format json")


@click.command(epilog=EXAMPLES, short_help="Responses, tokens, tool calls, latency, by model.")
@click.option(
    "--format", "format_", type=click.Choice(["table", "json"]), default="table", help="For whom: json for machines."
)
@click.option("--plot", is_flag=True, help="Draw histograms of tokens and latency.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Read with so many; one a core by default.")
@click.option("--strict", is_flag=True, help="Exit with 1 if an error was diagnosed.")
@reads
@click.pass_context
def command(ctx: click.Context, reading: Reading, format_: str, plot: bool, threads: int | None, strict: bool) -> None:
    """Tables by model: responses by status, tokens, incomplete reasons, errors, tool calls, latency where there are times.

    PATH is a file, a folder, a glob, a URL, or `-` for stdin.
    """
    wanted = Wanted("responses", "stats", None, COLUMNS, None, threads, strict, Privacy(), {})
    ctx.meta["respstream.done"] = lambda: f" after {reading.sources} of {plural(len(reading.inputs), 'file')}"
    figures = Figures()
    with Progress(reading.inputs) as bar:
        reading.progress = bar
        for row in rows(reading, wanted, lambda: None):
            figures.add(row)
    if format_ == "json":
        click.echo(json.dumps(_document(reading, figures), ensure_ascii=False, indent=2))
    else:
        from respstream.cli.report import report

        report(figures, sys.stdout, plot=plot)
        complain(
            f"respstream: {plural(reading.responses, 'response')} of {plural(len(reading.inputs), 'file')}, {size(reading.bytes)}"
        )
    reading.summary()
    ctx.exit(reading.status(strict=strict))


def _document(reading: Reading, figures: Figures) -> dict[str, Any]:
    return {
        "files": len(reading.inputs),
        "bytes": reading.bytes,
        "responses": reading.responses,
        "models": {name: model.to_dict() for name, model in figures.models()},
        "all": figures.all.to_dict(),
        "latency_missing": figures.why_no_latency,
        "diagnostics": dict(reading.counts),
    }
