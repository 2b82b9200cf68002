"""Writes the man page and the completion scripts that the wheels install, from the command line itself.

    python tools/generate_cli_files.py [FOLDER]

Writes below FOLDER (default: `python/respstream.data/data`, the wheel's data folder). Run it after a change of a command.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from respstream.cli.app import app

TARGET = Path(__file__).parents[1] / "python" / "respstream.data" / "data"
COMPLETIONS = {
    "bash": "share/bash-completion/completions/respstream",
    "zsh": "share/zsh/site-functions/_respstream",
    "fish": "share/fish/vendor_completions.d/respstream.fish",
}
MAN = "share/man/man1/respstream.1"
STATUSES = {
    "0": "The input was read completely.",
    "1": "Input could not be read completely, or output could not be written; with --strict, and from check: a diagnostic is an error.",
    "2": "Wrong usage, a missing path, nothing to read, or an output file that cannot be created.",
    "130": "Ctrl-C.",
}


def man_page() -> str:
    """The manual page of all commands, in roff."""
    lines = ['.TH RESPSTREAM 1 "" respstream "User Commands"', ".ad l"]
    lines += [*section("NAME"), "respstream \\- read live and logged streams of language models"]
    lines += [*section("SYNOPSIS"), ".B respstream", "[\\-\\-version] [\\-\\-help] COMMAND [OPTIONS] [PATH\\[u2026]]"]
    lines += section("DESCRIPTION") + paragraphs(app.help or "")
    lines += section("COMMANDS")
    context = click.Context(app, info_name="respstream", color=False)
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        assert command is not None
        lines += documented(click.Context(command, parent=context, info_name=name, color=False), command)
    lines += section("EXIT STATUS")
    for status, meaning in STATUSES.items():
        lines += [".TP", f".B {status}", escaped(meaning)]
    lines += section("ENVIRONMENT")
    lines += [".TP", ".B NO_COLOR", "No colours, if it is set.", ".TP", ".B COLUMNS", "The width of tables.", ".TP",
              ".B RESPSTREAM_BACKEND", "The backend: auto, rust or python."]  # fmt: skip
    return "\n".join(lines) + "\n"


def documented(context: click.Context, command: click.Command) -> list[str]:
    """The subsection of a command: its usage, description, options and examples."""
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f'.SS "respstream {escaped(context.info_name or "")} {escaped(usage)}"', *paragraphs(command.help or "")]
    for parameter in command.get_params(context):
        record: Any = parameter.get_help_record(context)
        if record is not None and record[1]:  # arguments are in the description
            lines += [".TP", f".B {escaped(record[0])}", escaped(" ".join(record[1].split()))]
    if command.epilog:
        lines += paragraphs(command.epilog)
    return lines


def section(name: str) -> list[str]:
    """The head of a section."""
    return [f'.SH "{name}"']


def paragraphs(text: str) -> list[str]:
    """A help text: paragraphs are filled, those that begin with a backspace keep their lines."""
    lines = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if block.strip().startswith("\b"):
            kept = block.replace("\b", "").strip("\n").split("\n")
            lines += [".PP", ".nf", *(escaped(line) for line in kept if line), ".fi"]
        else:
            lines += [".PP", escaped(" ".join(block.split()))]
    return lines


def escaped(text: str) -> str:
    """A text in roff: backslashes and hyphens are literal, and no line is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    text = "".join(one if one.isascii() else f"\\[u{ord(one):04X}]" for one in text)
    return f"\\&{text}" if text.startswith((".", "'")) else text


def completion(shell: str) -> str:
    """The completion script of a shell, as `respstream completion` prints it."""
    found = get_completion_class(shell)
    assert found is not None
    made = found(app, {}, "respstream", "_RESPSTREAM_COMPLETE")
    return made.source_template % made.source_vars()


def files() -> dict[str, str]:
    """The contents of the files by path."""
    return {MAN: man_page(), **{path: completion(shell) for shell, path in COMPLETIONS.items()}}


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
