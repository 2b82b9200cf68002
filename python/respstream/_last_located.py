"""Remembers where the members of the latest object are, if it has many: each read of one would search them all again."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, TypeAlias

    Spans: TypeAlias = dict[str, tuple[int, int]]

MANY_MEMBERS: Final = 64
"""No object of the API has as many."""


class Latest:
    """A function `locate` that is called once for reads of the same object that follow each other. Do not change its result."""

    __slots__ = ("_locate", "_located")

    def __init__(self, locate: Callable[[bytes], Spans]) -> None:
        self._locate = locate
        self._located: tuple[bytes, Spans] = b"", {}

    def __call__(self, raw: bytes) -> Spans:
        """The spans of the members. Raises the exceptions of `locate`."""
        latest, spans = self._located
        if raw is not latest:
            spans = self._locate(raw)
            if len(spans) > MANY_MEMBERS:
                self._located = raw, spans
        return spans
