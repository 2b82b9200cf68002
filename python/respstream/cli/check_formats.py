"""Formats of `respstream check` for programs: JSON Lines, annotations of GitHub Actions, and SARIF."""

from __future__ import annotations

import json
from typing import Any, Protocol

import click

from respstream._codes import DIAGNOSTICS
from respstream.cli.version import version
from respstream.diagnostics import Diagnostic

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
SARIF_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
GITHUB_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


class Writer(Protocol):
    """Writes diagnostics to stdout."""

    def write(self, name: str, diagnostic: Diagnostic) -> None:
        """Write a diagnostic of the input of that name."""
        ...

    def close(self) -> None:
        """Write the rest."""
        ...


class JsonLines:
    """One object per diagnostic: `source` and the members of `Diagnostic.to_dict`."""

    def write(self, name: str, diagnostic: Diagnostic) -> None:
        """Write a line."""
        click.echo(json.dumps({"source": name, **diagnostic.to_dict()}, ensure_ascii=False))

    def close(self) -> None:
        """Do nothing: lines are not buffered."""


class Github:
    """Workflow commands, which GitHub Actions shows at the line of the file."""

    def write(self, name: str, diagnostic: Diagnostic) -> None:
        """Write a command."""
        place = f"file={_property(name)},line={diagnostic.line},title={_property(diagnostic.code)}"
        click.echo(f"::{GITHUB_LEVELS[diagnostic.severity]} {place}::{_data(diagnostic.message)}")

    def close(self) -> None:
        """Do nothing: commands are not buffered."""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


class Sarif:
    """One document in SARIF 2.1.0."""

    def __init__(self) -> None:
        self._results: list[dict[str, Any]] = []

    def write(self, name: str, diagnostic: Diagnostic) -> None:
        """Add a result."""
        region = {"startLine": diagnostic.line, "byteOffset": diagnostic.offset, "byteLength": diagnostic.length}
        location = {"physicalLocation": {"artifactLocation": {"uri": _uri(name)}, "region": region}}
        level, text = SARIF_LEVELS[diagnostic.severity], diagnostic.message
        self._results.append(
            {"ruleId": diagnostic.code, "level": level, "message": {"text": text}, "locations": [location]}
        )

    def close(self) -> None:
        """Write the document."""
        rules = [
            {
                "id": code,
                "shortDescription": {"text": code.replace("_", " ")},
                "defaultConfiguration": {"level": SARIF_LEVELS[severity]},
            }
            for code, (severity, *_) in DIAGNOSTICS.items()
        ]
        driver = {"name": "respstream", "version": version().split()[1].rstrip(","), "rules": rules}
        run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": self._results}
        click.echo(
            json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)
        )


def _uri(name: str) -> str:
    from urllib.parse import quote

    return name if "://" in name else quote(name)


WRITERS: dict[str, type[Writer]] = {"json": JsonLines, "github": Github, "sarif": Sarif}
