"""Generated tables of the docs: a minimal stream for each diagnostic code, dialects, and the event classes.

`python -m tests.support.doc_tables` writes them into the docs, between the markers; tests compare them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable

from tests.support.minimal_streams import DIAGNOSTICS, FILE_CODES, printed
from tests.support.paths import DOCS


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(header)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def marked_table(name: str) -> re.Pattern[str]:
    """The pattern of a generated table with its markers."""
    return re.compile(rf"(<!-- table: {name} -->\n).*?(\n<!-- end of table -->)", re.DOTALL)


def page_table(page: str, name: str) -> str:
    """The current table of a page of the docs, with its markers."""
    found = marked_table(name).search((DOCS / page).read_text("utf-8"))
    assert found is not None, f"docs/{page} has no table {name}"
    return found[0]


def with_markers(name: str, table: str) -> str:
    """A table with its markers."""
    return f"<!-- table: {name} -->\n{table}\n<!-- end of table -->"


def write(page: str, name: str, table: str) -> None:
    """Writes a table into its page."""
    path = DOCS / page
    text, count = marked_table(name).subn(lambda _: with_markers(name, table), path.read_text("utf-8"))
    assert count == 1, f"docs/{page} has no table {name}"
    path.write_text(text, "utf-8")


def diagnostics_table() -> str:
    """The table of docs/diagnostics.md, with the messages of the fallback."""
    from respstream import _fallback
    from respstream._codes import DIAGNOSTICS as CODES

    found = {}
    for row in DIAGNOSTICS:
        decoder = _fallback.Decoder(**dict(row.options))
        decoder.feed(row.stream)
        decoder.finish()
        message = next((d.message for d in decoder.diagnostics if d.code == row.code), "?")
        found[row.code] = (message, printed(row))
    for code in FILE_CODES:
        where = "a file; `scan` and the command line" if code == "unreadable" else "a compressed file"
        found[code] = (CODES[code][1], f"({where})")
    rows = [(f"`{code}`", severity, *found[code]) for code, (severity, _) in CODES.items()]
    return markdown(["code", "severity", "message", "minimal stream"], rows)


def events_table() -> str:
    """The table of docs/events.md, from the catalogue."""
    catalogue = DOCS.parent / "rust" / "core" / "src" / "protocols" / "responses" / "catalogue.toml"
    rows = []
    for event in tomllib.loads(catalogue.read_text("utf-8"))["event"]:
        members = [f"`{field['name']}`" for field in event.get("fields", [])]
        rows.append((f"`{event['type']}`", f"`{event['class']}`", ", ".join(members), event["doc"]))
    return markdown(["type", "class", "members", "description"], rows)


def columns_table(table: str) -> str:
    """A table of docs/columns.md."""
    from respstream.tables.dictionary import ALL, describe

    rows = []
    for column in describe(table):
        apis = "all" if column.apis == ALL else ", ".join(column.apis)
        kind = f"{column.type}, in {column.unit}" if column.unit else column.type
        meaning = f"{column.meaning} Only if selected by name." if column.extra else column.meaning
        rows.append((f"`{column.name}`", kind, meaning, column.null or "never", apis, f"`{column.example}`"))
    return markdown(["column", "type", "meaning", "null if", "APIs", "example"], rows)


if __name__ == "__main__":
    from tests.support import chat_dialects, messages_dialects
    from tests.support.dialects import dialects_table

    write("diagnostics.md", "diagnostics", diagnostics_table())
    write("dialects.md", "dialects", dialects_table())
    write("dialects.md", "chat dialects", chat_dialects.dialects_table())
    write("dialects.md", "messages dialects", messages_dialects.dialects_table())
    write("events.md", "events", events_table())
    from respstream.tables import COLUMNS

    for table in COLUMNS:
        write("columns.md", f"columns of {table}", columns_table(table))
