"""The exceptions of the package. Content raises none of them unless `strict` was asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream.base import Event
    from respstream.diagnostics import Diagnostic

__all__ = ["RespstreamError", "StreamError"]


class RespstreamError(Exception):
    """The base of all errors of this package."""


class StreamError(RespstreamError):
    """A diagnostic of severity error, raised because `strict` was asked for.

    `code`, `offset` (bytes of the source) and `line` are the diagnostic's; `events` are those that the same call had
    decoded before it; `source` names the source where a scan has several. The decoder that raised it refuses further bytes until
    `reset()`.
    """

    def __init__(self, diagnostic: Diagnostic, events: list[Event] | None = None, source: str | None = None) -> None:
        where = f"{diagnostic.code} at byte {diagnostic.offset}, line {diagnostic.line}: {diagnostic.message}"
        super().__init__(where if source is None else f"{source}: {where}")
        self.diagnostic = diagnostic
        self.source = source
        self.events: list[Event] = [] if events is None else events

    @property
    def code(self) -> str:
        """The code of the diagnostic."""
        return self.diagnostic.code

    @property
    def offset(self) -> int:
        """Where the diagnostic's span begins, in bytes of the uncompressed source."""
        return self.diagnostic.offset

    @property
    def line(self) -> int:
        """The 1-based line of the source in which the span begins."""
        return self.diagnostic.line

    def __reduce__(self) -> tuple[Any, ...]:
        return StreamError, (self.diagnostic, self.events, self.source)
