"""`respstream items`: one row an output item."""

from __future__ import annotations

from respstream.cli.rows import PATHS, example_lines, table_command, titled

ABOUT = f"""One row an output item (message, tool call, reasoning …): a table, or Parquet, Arrow, JSON Lines or CSV.

{PATHS}
"""

command = table_command(
    "items",
    titled(
        ["source", "output_index", "type", "status", "name", "text", "arguments"],
        output_index="#",
    ),
    about=ABOUT,
    short="One row an output item, in the same formats.",
    examples=example_lines(
        "respstream items log.sse --max-text 40",
        "respstream items logs/ --redact -o items.arrow",
    ),
)
