"""`respstream items`: one row per output item."""

from __future__ import annotations

from respstream.cli.rows import PATHS, example_lines, table_command

ABOUT = f"""Write one row per output item (message, tool call, reasoning …): as a table for reading, or with every column as Parquet,
Arrow, JSON Lines or CSV.

{PATHS}
"""

command = table_command(
    "items",
    ["source", "output_index", "type", "status", "name", "text", "arguments"],
    about=ABOUT,
    short="Write one row per output item, in the same formats.",
    examples=example_lines(
        "respstream items log.sse --max-text 40",
        "respstream items logs/ --redact -o items.arrow",
    ),
)
