"""The diagnostics of one source: kept up to a number, then counted."""

from __future__ import annotations

from respstream._catalogue import DIAGNOSTICS
from respstream.diagnostics import Diagnostic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KEPT = 10_000


class Store:
    """Collects the diagnostics of a source. With `strict`, the first of severity error fails it, and it takes no more."""

    def __init__(self, *, strict: bool = False) -> None:
        self.kept: list[Diagnostic] = []
        self.counts: dict[str, int] = {}
        self.failed: Diagnostic | None = None
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
        """Records a diagnostic and gives it back, so that it can be attributed to a response."""
        if self.failed is not None:
            return None
        diagnostic = Diagnostic(code, offset, length, line, sequence_number, None, detail)
        self.counts[code] = self.counts.get(code, 0) + 1
        if len(self.kept) < KEPT:
            self.kept.append(diagnostic)
        if self._strict and DIAGNOSTICS[code][0] == "error":
            self.failed = diagnostic
        return diagnostic
