"""`respstream responses`: one row per response."""

from __future__ import annotations

from respstream.cli.rows import PATHS, example_lines, table_command

ABOUT = f"""Write one row per response: as a table for reading, or with every column as Parquet, Arrow, JSON Lines or CSV.

{PATHS}
The column response_json (the whole response) is only written if --columns names it.
"""

command = table_command(
    "responses",
    ["source", "response_id", "model", "status", "output_tokens", "output_text"],
    about=ABOUT,
    short="Write one row per response: table, Parquet, Arrow, JSON Lines, CSV.",
    examples=example_lines(
        "respstream responses log.sse",
        "respstream responses logs/ -o responses.parquet",
        "respstream responses pod.log --strip-prefix '[0-9T:.-]+Z ?'  # of kubectl logs --timestamps",
    ),
)
