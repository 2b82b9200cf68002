"""The exceptions of the package. Malformed input raises them only with `strict=True`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream.diagnostics import Diagnostic

__all__ = ["RespstreamError", "StreamError"]


class RespstreamError(Exception):
    """The base of all errors of this package."""


class StreamError(RespstreamError):
    """A diagnostic of severity error, raised with `strict=True`.

    `code`, `offset` (in bytes of the source) and `line`: those of the diagnostic. `events`: the events that the same call
    decoded before it. `source`: the name of the source if a scan has several. The decoder that raised it accepts no bytes
    until `reset()`.
    """

    def __init__(self, diagnostic: Diagnostic, events: list[Any] | None = None, source: str | None = None) -> None:
        where = f"{diagnostic.code} at byte {diagnostic.offset}, line {diagnostic.line}: {diagnostic.message}"
        super().__init__(where if source is None else f"{source}: {where}")
        self.diagnostic = diagnostic
        self.source = source
        self.events: list[Any] = [] if events is None else events

    @property
    def code(self) -> str:
        """The code of the diagnostic."""
        return self.diagnostic.code

    @property
    def offset(self) -> int:
        """The offset of the diagnostic's span, in bytes of the uncompressed source."""
        return self.diagnostic.offset

    @property
    def line(self) -> int:
        """The 1-based line of the source where the span begins."""
        return self.diagnostic.line

    def __reduce__(self) -> tuple[Any, ...]:
        return StreamError, (self.diagnostic, self.events, self.source)
