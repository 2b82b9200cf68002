"""The diagnostics of one source: the first `MAX_STORED` and `no_responses` are stored, all are counted."""

from __future__ import annotations

from respstream._codes import DIAGNOSTICS
from respstream.diagnostics import Diagnostic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_STORED = 10_000


class Store:
    """Collects the diagnostics of a source.

    With `strict`, the first one of severity error is set as `failed`, and later ones are dropped. With `tentative` they are not:
    the decoder decides whether the error counts, and else resets `failed`.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.stored: list[Diagnostic] = []
        self.counts: dict[str, int] = {}
        self.failed: Diagnostic | None = None
        self.tentative = False
        self._strict = strict

    def add(
        self,
        code: str,
        offset: int,
        length: int,
        line: int,
        sequence_number: int | None = None,
        detail: dict[str, Any] | None = None,
    ) -> Diagnostic | None:
        """Adds a diagnostic and returns it, or returns None once the source has failed."""
        if self.failed is not None and not self.tentative:
            return None
        diagnostic = Diagnostic(code, offset, length, line, sequence_number, None, detail)
        self.counts[code] = self.counts.get(code, 0) + 1
        if len(self.stored) < MAX_STORED or code == "no_responses":
            self.stored.append(diagnostic)
        if self._strict and self.failed is None and DIAGNOSTICS[code][0] == "error":
            self.failed = diagnostic
        return diagnostic
