"""`respstream events`: one row per event."""

from __future__ import annotations

from respstream.cli.rows import PATHS, example_lines, table_command

ABOUT = f"""Write one row per event: as a table for reading, or with every column as Parquet, Arrow, JSON Lines or CSV.

{PATHS}
The column payload (the JSON of the event) is only written if --columns names it.
"""

command = table_command(
    "events",
    ["source", "sequence_number", "type", "output_index", "delta"],
    about=ABOUT,
    short="Write one row per event, in the same formats.",
    examples=example_lines(
        "respstream events log.sse --columns sequence_number,type,delta",
        "respstream events logs/ -o events --partition-by type",
    ),
)
