"""`respstream responses`: one row a response."""

from __future__ import annotations

from typing import IO, Any

import click

from respstream.cli.inputs import Reading, reads
from respstream.cli.output import FORMATS, Csv, JsonLines, Writer, choose_format, destination
from respstream.cli.progress import Progress
from respstream.tables import COLUMNS, response_row

NAMES = [name for name, _ in COLUMNS["responses"]]
WHOLE = "response_json"
SHOWN = {
    "source": "source",
    "response_id": "id",
    "model": "model",
    "status": "status",
    "output_tokens": "tokens",
    "output_text": "text",
}
"""What the table shows unless columns are named, under which titles."""

EXAMPLES = """\b
Examples:
  respstream responses log.sse
  respstream responses logs/ -o responses.jsonl
"""


def _columns(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    if value is None:
        return None
    columns = [name.strip() for name in value.split(",")]
    unknown = [name for name in columns if name not in NAMES]
    if unknown:
        raise click.BadParameter(f"no column {', '.join(map(repr, unknown))}; there are {', '.join(NAMES)}")
    return list(dict.fromkeys(columns))


@click.command(epilog=EXAMPLES, short_help="One row a response: a table, JSON Lines, CSV.")
@click.option("-o", "--output", metavar="FILE", help="Write to a file, which appears whole or not at all.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="By the suffix of FILE, else a table.")
@click.option("--columns", callback=_columns, metavar="A,B", help="These columns, in this order.")
@click.option("--strict", is_flag=True, help="Exit with 1 if an error was diagnosed.")
@reads
@click.pass_context
def command(
    ctx: click.Context,
    reading: Reading,
    output: str | None,
    format_: str | None,
    columns: list[str] | None,
    strict: bool,
) -> None:
    """One row a response: a table for the eye, or JSON Lines or CSV with every column.

    PATH is a file, a folder (its .sse, .jsonl, .json, .txt and .log files, packed or not), a glob, or `-` for stdin.
    The column response_json, the whole response, comes only when --columns names it.
    """
    form = choose_format(format_, output)
    with (
        destination(output) as file,
        Progress((one.path for one in reading.inputs), wanted=not file.isatty()) as bar,
    ):
        reading.progress = bar
        _write(reading, _writer(form, file, columns), file, columns or _default(form))
    reading.summary()
    ctx.exit(reading.status(strict=strict))


def _default(form: str) -> list[str]:
    return list(SHOWN) if form == "table" else [name for name in NAMES if name != WHOLE]


def _writer(form: str, file: IO[str], columns: list[str] | None) -> Writer:
    if form == "jsonl":
        return JsonLines(file)
    if form == "csv":
        return Csv(file, columns or _default(form))
    from respstream.cli.table import Table

    return Table(file, SHOWN if columns is None else {name: name for name in columns})


def _write(reading: Reading, writer: Writer, file: IO[str], columns: list[str]) -> None:
    whole = WHOLE in columns
    for one in reading:
        for responses in reading.fold(reading.decoder(), one):
            for response in responses:
                row: dict[str, Any] = response_row(response, one.name, whole=whole)
                writer.write({name: row[name] for name in columns})
            if responses:
                file.flush()  # rows of a live source are seen as its responses end
    writer.close()
    file.flush()
