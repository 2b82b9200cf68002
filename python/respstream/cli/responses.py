"""`respstream responses`: one row a response."""

from __future__ import annotations

from respstream.cli.rows import PATHS, example_lines, table_command, titled

ABOUT = f"""One row a response: a table for the eye, or Parquet, Arrow, JSON Lines or CSV with every column.

{PATHS}
The column response_json, the whole response, comes only when --columns names it.
"""

command = table_command(
    "responses",
    titled(
        ["source", "response_id", "model", "status", "output_tokens", "output_text"],
        response_id="id",
        output_tokens="tokens",
        output_text="text",
    ),
    about=ABOUT,
    short="One row a response: a table, Parquet, Arrow, JSON Lines, CSV.",
    examples=example_lines("respstream responses log.sse", "respstream responses logs/ -o responses.parquet"),
)
