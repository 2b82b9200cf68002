"""Responses of one lane that events name: in logs of single events, those of several responses interleave."""

from __future__ import annotations

from collections import OrderedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from respstream._pure.protocols.protocol import ResponseState

FINISHED = 100
"""The number of finished responses of a lane that stay open for late events."""


class Named:
    """The open responses of a lane that are told apart by their ids.

    `finished`: those whose end was seen, in that order; `settled`: those of them of which nothing more is expected.
    """

    __slots__ = ("by_id", "finished", "latest", "open", "settled")

    def __init__(self) -> None:
        self.by_id: dict[str, ResponseState] = {}
        self.open: dict[int, ResponseState] = {}
        self.finished: OrderedDict[int, ResponseState] = OrderedDict()
        self.settled: dict[int, ResponseState] = {}
        self.latest: ResponseState | None = None

    def find(self, name: str) -> ResponseState | None:
        """The response with that id; without an id, the latest one. One without an id takes the first new id."""
        latest = self.latest
        if not name:
            return latest
        found = self.by_id.get(name)
        if found is None and latest is not None and latest.name is None and not latest.ended:
            found = self.by_id[name] = latest
            latest.name = name
        return found

    def update(self, folded: ResponseState) -> None:
        """Takes the state of a response after an event."""
        self.latest = folded
        if not folded.finished:
            self.finished.pop(folded.ordinal, None)
        elif folded.settled:
            self.finished.pop(folded.ordinal, None)
            self.settled[folded.ordinal] = folded
        else:
            self.finished.setdefault(folded.ordinal, folded)

    def remove(self, folded: ResponseState) -> None:
        """Takes a response that is closed."""
        del self.open[folded.ordinal]
        self.finished.pop(folded.ordinal, None)
        self.settled.pop(folded.ordinal, None)
        if folded.name is not None and self.by_id.get(folded.name) is folded:
            del self.by_id[folded.name]
        if self.latest is folded:
            self.latest = None

    def end(self) -> None:
        """Takes the end mark: it is that of a finished response, or of the only one."""
        for folded in [*self.finished.values()]:
            folded.end()
            self.update_ended(folded)
        latest = self.latest
        if latest is not None and len(self.open) == len(self.settled) + 1:
            latest.end()
            self.update_ended(latest)

    def update_ended(self, folded: ResponseState) -> None:
        """Moves a response that has ended to those that are settled."""
        self.finished.pop(folded.ordinal, None)
        self.settled[folded.ordinal] = folded
