"""`respstream schema`: the columns of the tables, with their meaning."""

from __future__ import annotations

import json

import click

from respstream.cli.names import OneOf
from respstream.cli.output import plural
from respstream.tables import COLUMNS
from respstream.tables.dictionary import Description, describe

EXAMPLES = """\b
Examples:
  respstream schema responses
  respstream schema --format json
"""


@click.command(epilog=EXAMPLES, short_help="Print the columns of the tables: type, unit, meaning, when null.")
@click.argument("table", required=False, type=OneOf("table", list(COLUMNS)))
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output format.",
)
def command(table: str | None, format_: str) -> None:
    """Print each column of TABLE (default: of all tables): its type, unit and meaning, when it is null, and an example."""
    names = list(COLUMNS) if table is None else [table]
    if format_ == "json":
        found = {name: [column.to_dict() for column in describe(name)] for name in names}
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for name in names:
        columns = describe(name)
        click.echo(f"{name}: {plural(len(columns), 'column')}\n")
        for column in columns:
            click.echo(_text(column))


def _text(column: Description) -> str:
    unit = f", {column.unit}" if column.unit else ""
    lines = [f"  {click.style(column.name, bold=True)}  ({column.type}{unit})", f"      {column.meaning}"]
    if column.extra:
        lines.append("      Only present if it is selected by name.")
    null = f"Null if {column.null}. " if column.null else "Never null. "
    lines.append(f"      {null}APIs: {', '.join(column.apis)}. Example: {column.example}")
    return "\n".join(lines) + "\n"
