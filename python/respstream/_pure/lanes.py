"""Where a response begins and ends, and which diagnostics belong to it.

docs/semantics.md ("Responses: where one begins and ends") defines the rules. A lane is a stream key: events of one lane
belong to one response after the other. Most sources have one lane, without a name. Responses are returned in the order of
ending.
"""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict

from respstream._pure.diagnostics import MAX_STORED, Store
from respstream._pure.frames import Note
from respstream._pure.protocols.protocol import NonStreamed, NotAnEvent, ParsedEvent, Report, ResponseState
from respstream.diagnostics import Diagnostic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.protocol import Protocol

OPEN_LANES = 100_000


class Lanes:
    """The responses of one source. `open`: the latest one of each lane. `ended`: those that have ended, in that order."""

    def __init__(self, store: Store, protocol: Protocol) -> None:
        self.open: OrderedDict[str | None, Any] = OrderedDict()  # finding the oldest key of a dict is slow
        self.ended: list[Any] = []
        self._running: dict[str | None, ResponseState] = {}  # the open ones without an end mark
        self.latest: Any = None
        self.last_sequence: int | None = None
        self._store = store
        self._protocol = protocol
        self._apply = protocol.apply
        self.closed_count = 0
        self._at: tuple[ResponseState | None, ParsedEvent]  # the current event and its response
        self._pending: list[Diagnostic] = []  # not of an event; the next event of the unnamed lane assigns them

    # -- input ----------------------------------------------------------------------------------------------------

    def event(self, parsed: ParsedEvent, requested: float | None = None) -> Any:
        """Takes the next event; returns its response, or None if it belongs to none.

        `requested`: when the response was requested, if a record says so.
        """
        effect = parsed.effect
        folded, started, after = self.open.get(parsed.lane), False, False
        if folded is None or folded.ended or effect.opens:
            folded, started, after = self._route(parsed, folded)
        if parsed.sequence is not None:
            self.last_sequence = parsed.sequence
        if folded is not None and self._pending:
            self._assign_pending(folded, started)
        self._at = folded, parsed
        for code, detail in parsed.issues:
            self._report(code, detail)
        if folded is None:
            return None
        folded.version += 1
        folded.events += 1
        if parsed.end > folded.byte_end:  # noqa: PLR1730 (a call costs each event a hundredth)
            folded.byte_end = parsed.end
        if started and not effect.announces:
            self._report("no_created", {"type": parsed.type[:200]})
        if after:
            self._report("after_terminal", {"type": parsed.type[:200]})
        repeated = self._sequence(folded, parsed)
        if not repeated and not after:
            folded.deltas += effect.delta
            self._apply(folded, parsed, self._report)
        if parsed.time is not None:
            _set_times(folded, parsed, parsed.time, requested, self._report)
        return folded

    def _report(self, code: str, detail: dict[str, Any] | None) -> None:
        """Adds a diagnostic of the current event."""
        folded, parsed = self._at
        length = parsed.end - parsed.offset
        found = self._store.add(code, parsed.offset, length, parsed.line, parsed.sequence, detail)
        if folded is not None:
            _attach(folded, found)

    def non_streamed(
        self, found: NonStreamed, lane: str | None, time: float | None = None, requested: float | None = None
    ) -> None:
        """Takes a response that was not streamed: it begins and ends here."""
        self._close(lane)
        folded = self._begin(lane, found.offset, found.line)
        folded.started_at = time if requested is None else requested
        folded.ended_at = time
        folded.byte_end = found.end
        folded.non_streamed = folded.ended = True
        self._protocol.apply_whole(folded, found)
        for code, detail in found.issues:
            _attach(folded, self._store.add(code, found.offset, found.end - found.offset, found.line, None, detail))

    def note(self, note: Note, lane: str | None = None) -> None:
        """Takes a diagnostic that is not about an event. `lane`: that of its record."""
        found = self._store.add(note.code, note.offset, note.length, note.line, None, note.detail)
        self._add_other(found, lane, None)

    def not_an_event(self, found: NotAnEvent, offset: int, end: int, line: int, lane: str | None = None) -> None:
        """Takes the diagnostics of a frame that is not an event. `lane`: that of its record."""
        for code, detail in found.issues:
            self._add_other(self._store.add(code, offset, end - offset, line, None, detail), lane, found.error)

    def done_in(self, lane: str | None) -> None:
        """Takes the end mark of a record: the open response of its lane has ended."""
        folded = self._running.pop(lane, None)
        if folded is not None:
            folded.ended = True

    def close_record(self, lane: str | None, offset: int | None) -> None:
        """Closes the response of a lane if it began at `offset` and has ended; with None in any case."""
        folded = self.open.get(lane)
        if folded is not None and (offset is None or (folded.ended and folded.byte_start == offset)):
            self._close(lane)

    def done(self) -> None:
        """Takes the end mark: the open responses of all lanes have ended."""
        for folded in self._running.values():
            folded.ended = True
        self._running.clear()

    def finish(self) -> None:
        """Ends the source; responses that are still open are closed in the order of beginning."""
        for lane in list(self.open):
            self._close(lane)
        self._pending.clear()

    # -- routing ---------------------------------------------------------------------------------------------------

    def _route(self, parsed: ParsedEvent, current: Any) -> tuple[Any, bool, bool]:
        """The response of an event, whether the event begins it, and whether the event comes after its terminal event.

        `current`: the open response of the lane, which has ended or which the event replaces, or None.
        """
        effect = parsed.effect
        if current is None:
            begins = effect.begins or effect.error
        else:
            begins = effect.opens or (current.ended and effect.begins and not effect.terminal)
        if begins:
            self._close(parsed.lane)
            return self._begin(parsed.lane, parsed.offset, parsed.line), True, False
        after = current is not None and current.ended and not effect.quiet
        return current, False, after

    def _begin(self, lane: str | None, offset: int, line: int) -> ResponseState:
        if len(self.open) >= OPEN_LANES:
            oldest = next(iter(self.open))
            detail = {"what": "open lanes", "limit": OPEN_LANES}
            _attach(self.open[oldest], self._store.add("limit_exceeded", offset, 0, line, None, detail))
            self._close(oldest)
        folded: ResponseState = self._protocol.begin(lane, offset, line)
        self.open[lane] = self._running[lane] = self.latest = folded
        return folded

    def _close(self, lane: str | None) -> None:
        folded = self.open.pop(lane, None)
        if folded is None:
            return
        self._running.pop(lane, None)
        if folded.terminal is None and not folded.non_streamed:
            length = folded.byte_end - folded.byte_start
            _attach(folded, self._store.add("no_terminal", folded.byte_start, length, folded.line))
        folded.stream_index = self.closed_count
        self.closed_count += 1
        for diagnostic in folded.diagnostics:
            diagnostic.response_id = folded.id
        folded.version += 1
        self.ended.append(folded)

    def _sequence(self, folded: ResponseState, parsed: ParsedEvent) -> bool:
        """Compares the sequence number with the previous one; returns True for a repeated event."""
        got, before = parsed.sequence, folded.previous
        folded.previous = (got, parsed.raw)
        if got is None:
            return False
        if folded.first_sequence is None:
            folded.first_sequence = got
        folded.last_sequence = got
        if before is None or before[0] is None or got == before[0] + 1:
            return False
        if got == before[0]:
            self._report("sequence_repeat", {"got": got})
            return parsed.raw == before[1]
        self._report("sequence_gap", {"got": got, "previous": before[0]})
        return False

    # -- diagnostics without event ---------------------------------------------------------------------------------

    def _add_other(self, diagnostic: Diagnostic | None, lane: str | None, error: dict[str, Any] | None) -> None:
        """Takes a diagnostic without event. An error body inside an open response is the error of that response.

        `error`: the whole error, if it is known.
        """
        folded = self.open.get(lane)
        if diagnostic is None or diagnostic.code != "error_body" or folded is None or folded.ended:
            self._add_pending(diagnostic)
            return
        if error is None:
            error = {key: value for key, value in (diagnostic.detail or {}).items() if value is not None}
        self._protocol.apply_error(folded, error)
        folded.version += 1
        _attach(folded, diagnostic)

    def _add_pending(self, diagnostic: Diagnostic | None) -> None:
        if diagnostic is not None and None in self.open and len(self._pending) < MAX_STORED:
            self._pending.append(diagnostic)

    def _assign_pending(self, folded: ResponseState, started: bool) -> None:
        """Assigns the diagnostics between two events of a response to it, but not those before its first event."""
        if folded.lane is None:
            if not started:
                folded.diagnostics += self._pending[: MAX_STORED - len(folded.diagnostics)]
            self._pending.clear()


def _attach(folded: ResponseState, diagnostic: Diagnostic | None) -> None:
    """Adds a diagnostic to its response."""
    if diagnostic is not None and len(folded.diagnostics) < MAX_STORED:
        folded.diagnostics.append(diagnostic)


def _set_times(folded: ResponseState, parsed: ParsedEvent, now: float, requested: float | None, report: Report) -> None:
    """Sets the times of a response from those of an event. A time that goes back is replaced by the previous one."""
    last = requested if folded.ended_at is None else folded.ended_at
    if last is not None and now < last:
        report("time_reversed", {"by": math.floor((last - now) * 1e6 + 0.5)})
        now = last
    if folded.started_at is None:
        folded.started_at = now if requested is None else requested
    if parsed.effect.delta:
        if folded.first_delta_at is None:
            folded.first_delta_at = now
        folded.delta_times.append(now)
    if parsed.effect.terminal and parsed.offset == folded.byte_start and folded.first_delta_at == now:
        # The whole response is one record, whose time is not that of the deltas.
        folded.first_delta_at = None
        folded.delta_times = array("d")
    folded.ended_at = now
