"""`respstream report`: one HTML page with charts and tables."""

from __future__ import annotations

import click

from respstream.cli.inputs import InputReader, input_options
from respstream.cli.output import complain, destination, one_line, plural
from respstream.cli.privacy import Privacy
from respstream.cli.progress import Progress
from respstream.cli.report_data import COLUMNS, ReportData
from respstream.cli.rows import TableRequest, example_lines, rows

EXAMPLES = "\b\nExamples:\n" + example_lines(
    "respstream report logs/ -o report.html", "respstream report log.sse --redact -o report.html"
)


@click.command(epilog=EXAMPLES, short_help="Write one HTML page with charts, errors and the slowest responses.")
@click.option("-o", "--output", metavar="FILE", required=True, help="The HTML file; `-` is stdout.")
@click.option("--redact", is_flag=True, help="Leave out texts and messages.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Number of threads (default: one per core).")
@click.option("--strict", is_flag=True, help="Exit with status 1 if a diagnostic is an error.")
@input_options
@click.pass_context
def command(
    ctx: click.Context, reader: InputReader, output: str, redact: bool, threads: int | None, strict: bool
) -> None:
    """Write one HTML page: responses over time by status and model, distributions of tokens and latencies, tool calls, errors
    and diagnostics with links to the responses, and the slowest and largest responses.

    The page is one file without scripts, and loads nothing from the network. PATH is a file, a folder, a quoted glob, a URL,
    or `-` for stdin.
    """
    from respstream.cli.report_page import Facts, page

    reader.refuse_output(output)
    request = TableRequest("responses", "stats", None, COLUMNS, None, threads, strict, Privacy(redact=redact), [])
    ctx.meta["respstream.progress"] = lambda: f" after {reader.sources_read} of {plural(len(reader.inputs), 'file')}"
    data = ReportData()
    with destination(output) as file:
        with Progress(reader.inputs) as bar:
            reader.progress = bar
            for row in rows(reader, request, lambda: None):
                data.add(request.privacy.row(row))
        facts = Facts(reader.paths, len(reader.inputs), reader.bytes_read, dict(reader.counts))
        file.write(page(data, facts))
    if output != "-":
        complain(
            one_line(
                f"respstream: {plural(reader.responses, 'response')} of {plural(len(reader.inputs), 'file')}, written to {output}"
            )
        )
    ctx.exit(reader.status(strict=strict))
