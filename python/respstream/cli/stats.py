"""`respstream stats`: statistics of responses, by API and model or other keys."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from respstream.cli.inputs import InputReader, input_options
from respstream.cli.output import Csv, complain, plural, size
from respstream.cli.prices import Prices, prices_option
from respstream.cli.privacy import Privacy
from respstream.cli.progress import Progress
from respstream.cli.rows import TableRequest, example_lines, rows
from respstream.cli.statistics import DEFAULT_KEYS, KEYS, ModelStatistics, Statistics
from respstream.cli.stats_groups import check_sort, chosen, figures, keys_option

EXAMPLES = "\b\nExamples:\n" + example_lines(
    "respstream stats logs/ --plot",
    "respstream stats log.sse --format json",
    "respstream stats logs/ --prices prices.toml --group-by day,model --format csv",
    "respstream stats logs/ --group-by source --sort duration_p95 --top 10",
)


@click.command(epilog=EXAMPLES, short_help="Print responses, tokens, tool calls, latency and cost, by API and model.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    help="Output format.",
    show_default=True,
)
@click.option(
    "--group-by",
    "keys",
    callback=keys_option,
    metavar="KEY,…",
    help=f"Group by these keys (default: model,api): {', '.join(KEYS)}.",
)
@click.option("--sort", metavar="FIGURE", help="Order of the groups: a column of CSV, largest first, or a key.")
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Print the first N groups.")
@click.option("--prices", callback=prices_option, metavar="FILE", help="Compute costs with the prices of a TOML file.")
@click.option("--plot", is_flag=True, help="Draw histograms of tokens and latencies.")
@click.option("--csv-safe", is_flag=True, help="For CSV: write ' before texts that spreadsheets would run as formulas.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Number of threads (default: one per core).")
@click.option("--strict", is_flag=True, help="Exit with status 1 if a diagnostic is an error.")
@input_options
@click.pass_context
def command(
    ctx: click.Context,
    reader: InputReader,
    format_: str,
    keys: Sequence[str],
    sort: str | None,
    top: int | None,
    prices: Prices | None,
    plot: bool,
    csv_safe: bool,
    threads: int | None,
    strict: bool,
) -> None:
    """Print tables by API and model, or by other keys: responses by status, tokens, incomplete reasons, errors, tool calls,
    latency if times are known, and cost if prices are given.

    PATH is a file, a folder, a quoted glob, a URL, or `-` for stdin.
    """
    check_sort(sort, keys, prices=prices is not None)
    if csv_safe and format_ != "csv":
        raise click.UsageError(f"--csv-safe is for csv, not {format_}.")
    statistics = Statistics(keys, prices)
    request = TableRequest("responses", "stats", None, statistics.columns, None, threads, strict, Privacy(), [])
    ctx.meta["respstream.progress"] = lambda: f" after {reader.sources_read} of {plural(len(reader.inputs), 'file')}"
    with Progress(reader.inputs) as bar:
        reader.progress = bar
        for row in rows(reader, request, lambda: None):
            statistics.add(row)
    groups = chosen(statistics, sort, top)
    if format_ == "json":
        click.echo(json.dumps(_document(reader, statistics, groups), ensure_ascii=False, indent=2))
    elif format_ == "csv":
        _write_csv(statistics, groups, safe=csv_safe)
    else:
        from respstream.cli.stats_report import write_report

        write_report(statistics, groups, sys.stdout, plot=plot)
        complain(
            f"respstream: {plural(reader.responses, 'response')} of {plural(len(reader.inputs), 'file')}, {size(reader.bytes_read)}"
        )
    cost = statistics.all.cost
    if prices is not None and cost is not None and cost.unknown:
        complain(f"respstream: {prices.warning(cost.unknown)}")
    reader.print_summary()
    ctx.exit(reader.status(strict=strict))


def _document(reader: InputReader, statistics: Statistics, groups: Sequence[ModelStatistics]) -> dict[str, Any]:
    if statistics.keys == DEFAULT_KEYS:
        named = statistics.named(groups)
        shown: dict[str, Any] = {"models": {name: {"api": one.keys["api"], **one.to_dict()} for name, one in named}}
    else:
        shown = {"groups": [{**group.keys, **group.to_dict()} for group in groups]}
    return {
        "files": len(reader.inputs),
        "bytes": reader.bytes_read,
        "responses": reader.responses,
        **shown,
        "all": statistics.all.to_dict(),
        "latency_missing": statistics.latency_missing,
        "diagnostics": dict(reader.counts),
    }


def _write_csv(statistics: Statistics, groups: Sequence[ModelStatistics], *, safe: bool) -> None:
    """Write a header and one record per group."""
    empty = ModelStatistics(dict.fromkeys(statistics.keys), statistics.prices)
    writer = Csv(sys.stdout, list(figures(empty)), safe=safe)
    for group in groups:
        row = figures(group)
        if row.get("cost") is not None:
            row["cost"] = f"{row['cost'].normalize():f}"  # without an exponent
        writer.write(row)
    writer.close()
