"""Where a response begins and ends, and which diagnostics belong to it.

docs/semantics.md ("Responses: where one begins and ends") defines the rules. A lane is a stream key: events of one lane
belong to one response after the other. Most sources have one lane, without a name. Events of some APIs name their response: in
logs of single events (JSON Lines, arrays, rows) those of a lane may interleave. Responses are returned in the order of ending.
"""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict

from respstream._pure.diagnostics import MAX_STORED, Store
from respstream._pure.frames import Note
from respstream._pure.lanes.named import FINISHED, Named
from respstream._pure.protocols.protocol import NonStreamed, NotAnEvent, ParsedEvent, Report, ResponseState
from respstream.diagnostics import Diagnostic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.protocol import Protocol

OPEN_LANES = 100_000


class Lanes:
    """The responses of one source. `open`: those that have not been closed, in the order of beginning. `ended`: those that
    have ended, in that order.
    """

    def __init__(self, store: Store) -> None:
        self.open: OrderedDict[int, Any] = OrderedDict()  # finding the oldest key of a dict is slow
        self.ended: list[Any] = []
        self._current: dict[str | None, Any] = {}  # the open one of each lane, for events that name none
        self._named: dict[str | None, Named] = {}  # those that events name
        self._running: dict[int, ResponseState] = {}  # those of `_current` without an end mark
        self.begun = 0  # the number of responses so far
        self.latest: Any = None
        self.last_sequence: int | None = None
        self._store = store
        self.closed_count = 0
        self._at: tuple[ResponseState | None, ParsedEvent]  # the current event and its response
        self._pending: list[Diagnostic] = []  # not of an event; the next event of the unnamed lane assigns them

    # -- input ----------------------------------------------------------------------------------------------------

    def event(self, parsed: ParsedEvent, requested: float | None = None) -> Any:
        """Takes the next event; returns its response, or None if it belongs to none.

        `requested`: when the response was requested, if a record says so.
        """
        effect = parsed.effect
        started = after = False
        folded = self._current.get(parsed.lane) if parsed.response is None else self._find_named(parsed)
        if folded is None or folded.ended or effect.may_open or folded.protocol is not parsed.protocol:
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
            folded.protocol.apply(folded, parsed, self._report)
        if parsed.response is not None:
            self._update_named(folded)
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
        self._close(self._current.get(lane))
        folded = self._begin(found.protocol, lane, None, found.offset, found.line)
        folded.started_at = time if requested is None else requested
        folded.ended_at = time
        folded.byte_end = found.end
        folded.non_streamed = folded.ended = True
        found.protocol.apply_whole(folded, found)
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
        folded = self._current.get(lane)
        if folded is not None and self._running.pop(folded.ordinal, None) is not None:
            folded.end()
        elif lane in self._named:
            self._named[lane].end()

    def close_record(self, lane: str | None, offset: int | None) -> None:
        """Closes the response of a lane if it began at `offset` and is over; with None all of the lane."""
        named = self._named.get(lane)
        found = [self._current.get(lane)]
        if named is not None:
            found += [*named.open.values()] if offset is None else [named.latest]
        for folded in found:
            if folded is not None and (offset is None or (folded.byte_start == offset and _is_over(folded))):
                self._close(folded)

    def done(self) -> None:
        """Takes the end mark: the open responses of all lanes have ended."""
        for folded in self._running.values():
            folded.end()
        self._running.clear()
        if None in self._named:
            self._named[None].end()

    def finish(self) -> None:
        """Ends the source; responses that are still open are closed in the order of beginning."""
        for folded in list(self.open.values()):
            self._close(folded)
        self._pending.clear()

    def take_ended(self) -> list[Any]:
        """Returns the responses that have ended, and forgets them."""
        return self.take_oldest(0)

    def take_oldest(self, keep: int) -> list[Any]:
        """Returns the responses that have ended but the last `keep`, and forgets them."""
        count = max(0, len(self.ended) - keep)
        taken = self.ended[:count]
        del self.ended[:count]
        if any(folded is self.latest for folded in taken):
            self.latest = None
        return taken

    def current(self, lane: str | None) -> Any:
        """The response of a lane that events belong to which name none; None if there is none."""
        folded = self._current.get(lane)
        if (folded is None or folded.ended) and lane in self._named:
            return self._named[lane].latest or folded
        return folded

    # -- routing ---------------------------------------------------------------------------------------------------

    def _route(self, parsed: ParsedEvent, current: Any) -> tuple[Any, bool, bool]:
        """The response of an event, whether the event begins it, and whether the event comes after its terminal event.

        `current`: the open response of the lane, which has ended, is of another API, or which the event replaces, or None.
        """
        effect = parsed.effect
        if current is not None and current.protocol is not parsed.protocol:
            current = None
        if current is None:
            begins = effect.begins or effect.error
        elif effect.asks:
            begins = parsed.protocol.begins(current, parsed)
        else:
            begins = effect.opens or (current.ended and effect.begins and not effect.terminal)
        if begins:
            self._close_before(parsed, current)
            folded = self._begin(parsed.protocol, parsed.lane, parsed.response, parsed.offset, parsed.line)
            return folded, True, False
        after = current is not None and current.ended and not effect.quiet
        return current, False, after

    def _find_named(self, parsed: ParsedEvent) -> ResponseState | None:
        """The open response that an event names."""
        named = self._named.get(parsed.lane)
        return None if named is None else named.find(parsed.response or "")

    def _close_before(self, parsed: ParsedEvent, current: Any) -> None:
        """Closes the responses that end where an event begins one."""
        before = self._current.get(parsed.lane)
        if parsed.response is None:
            self._close(before)
            return
        if before is not None and before.ended:
            self._close(before)
        if parsed.lane in self._named:
            for folded in [*self._named[parsed.lane].settled.values()]:
                self._close(folded)
        if parsed.response and current is not None and current.ordinal in self.open:  # the id is used again
            self._close(current)

    def _begin(
        self, protocol: Protocol, lane: str | None, name: str | None, offset: int, line: int
    ) -> ResponseState:  # fmt: skip
        """Begins a response. `name`: its id, "" if it is not known yet, None if events do not name their response."""
        if len(self.open) >= OPEN_LANES:
            oldest = next(iter(self.open.values()))
            detail = {"what": "open lanes", "limit": OPEN_LANES}
            _attach(oldest, self._store.add("limit_exceeded", offset, 0, line, None, detail))
            self._close(oldest)
        folded: ResponseState = protocol.begin(lane, offset, line)
        folded.ordinal = self.begun
        self.begun += 1
        self.open[folded.ordinal] = self.latest = folded
        if name is None:
            self._current[lane] = self._running[folded.ordinal] = folded
        else:
            named = self._named.setdefault(lane, Named())
            named.open[folded.ordinal] = folded
            if name:
                folded.name = name
                named.by_id[name] = folded
        return folded

    def _update_named(self, folded: ResponseState) -> None:
        """Takes the state of a response after an event that names it; closes the oldest of too many finished ones."""
        named = self._named[folded.lane]
        named.update(folded)
        if len(named.finished) > FINISHED:
            self._close(next(iter(named.finished.values())))

    def _close(self, folded: ResponseState | None) -> None:
        if folded is None:
            return
        del self.open[folded.ordinal]
        self._running.pop(folded.ordinal, None)
        current = self._current.get(folded.lane)
        if current is not None and current.ordinal == folded.ordinal:
            del self._current[folded.lane]
        else:
            named = self._named[folded.lane]
            named.remove(folded)
            if not named.open:
                del self._named[folded.lane]
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
        folded = self.current(lane)
        if diagnostic is None or diagnostic.code != "error_body" or folded is None or folded.ended:
            self._add_pending(diagnostic)
            return
        if error is None:
            error = {key: value for key, value in (diagnostic.detail or {}).items() if value is not None}
        self._assign_pending(folded, started=False)
        folded.protocol.apply_error(folded, error)
        folded.version += 1
        _attach(folded, diagnostic)

    def _add_pending(self, diagnostic: Diagnostic | None) -> None:
        if (
            diagnostic is not None
            and (None in self._current or None in self._named)
            and len(self._pending) < MAX_STORED
        ):
            self._pending.append(diagnostic)

    def _assign_pending(self, folded: ResponseState, started: bool) -> None:
        """Assigns the diagnostics between two events of a response to it, or between an event and its error, but not those before
        its first event.
        """
        if folded.lane is None:
            if not started:
                folded.diagnostics += self._pending[: MAX_STORED - len(folded.diagnostics)]
            self._pending.clear()


def _is_over(folded: ResponseState) -> bool:
    """Whether nothing more of a response is expected after the record that it began in."""
    return folded.ended or folded.settled or (folded.terminal is not None and folded.events > 1)


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
