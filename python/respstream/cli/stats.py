"""`respstream stats`: statistics of responses, by API and model."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from respstream.cli.inputs import InputReader, input_options
from respstream.cli.output import complain, plural, size
from respstream.cli.privacy import Privacy
from respstream.cli.progress import Progress
from respstream.cli.rows import TableRequest, example_lines, rows
from respstream.cli.statistics import COLUMNS, Statistics

EXAMPLES = "\b\nExamples:\n" + example_lines("respstream stats logs/ --plot", "respstream stats log.sse --format json")


@click.command(epilog=EXAMPLES, short_help="Print responses, tokens, tool calls and latency by API and model.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    help="Output format.",
    show_default=True,
)
@click.option("--plot", is_flag=True, help="Draw histograms of tokens and latencies.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Number of threads (default: one per core).")
@click.option("--strict", is_flag=True, help="Exit with status 1 if a diagnostic is an error.")
@input_options
@click.pass_context
def command(
    ctx: click.Context, reader: InputReader, format_: str, plot: bool, threads: int | None, strict: bool
) -> None:
    """Print tables by API and model: responses by status, tokens, incomplete reasons, errors, tool calls, and latency if times
    are known.

    PATH is a file, a folder, a quoted glob, a URL, or `-` for stdin.
    """
    request = TableRequest("responses", "stats", None, COLUMNS, None, threads, strict, Privacy(), [])
    ctx.meta["respstream.progress"] = lambda: f" after {reader.sources_read} of {plural(len(reader.inputs), 'file')}"
    statistics = Statistics()
    with Progress(reader.inputs) as bar:
        reader.progress = bar
        for row in rows(reader, request, lambda: None):
            statistics.add(row)
    if format_ == "json":
        click.echo(json.dumps(_document(reader, statistics), ensure_ascii=False, indent=2))
    else:
        from respstream.cli.stats_report import write_report

        write_report(statistics, sys.stdout, plot=plot)
        complain(
            f"respstream: {plural(reader.responses, 'response')} of {plural(len(reader.inputs), 'file')}, {size(reader.bytes_read)}"
        )
    reader.print_summary()
    ctx.exit(reader.status(strict=strict))


def _document(reader: InputReader, statistics: Statistics) -> dict[str, Any]:
    return {
        "files": len(reader.inputs),
        "bytes": reader.bytes_read,
        "responses": reader.responses,
        "models": {name: model.to_dict() for name, model in statistics.models()},
        "all": statistics.all.to_dict(),
        "latency_missing": statistics.latency_missing,
        "diagnostics": dict(reader.counts),
    }
