"""`respstream events`: one row an event."""

from __future__ import annotations

from respstream.cli.rows import PATHS, example_lines, table_command, titled

ABOUT = f"""One row an event: a table for the eye, or Parquet, Arrow, JSON Lines or CSV with every column.

{PATHS}
The column payload, the JSON of the event, comes only when --columns names it.
"""

command = table_command(
    "events",
    titled(
        ["source", "sequence_number", "type", "output_index", "delta"],
        sequence_number="number",
        output_index="output",
    ),
    about=ABOUT,
    short="One row an event, in the same formats.",
    examples=example_lines(
        "respstream events log.sse --columns sequence_number,type,delta",
        "respstream events logs/ -o events --partition-by type",
    ),
)
