"""Where a response begins and ends, and which diagnostics belong to it.

SEMANTICS ("Responses: where one begins and ends"). A lane is what `stream_id` names; most sources have one, without a
name. Responses that end are handed out in the order of ending.
"""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict

from respstream._pure.diagnostics import KEPT, Store
from respstream._pure.events import Parsed, Plain, Stray
from respstream._pure.fold import apply
from respstream._pure.frames import Note
from respstream._pure.response import Folded
from respstream.diagnostics import Diagnostic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OPEN_LANES = 100_000


class Lanes:
    """The responses of one source. `ended` takes those that end; `open` holds the latest of each lane."""

    def __init__(self, store: Store) -> None:
        self.open: OrderedDict[str | None, Folded] = OrderedDict()  # a plain dict is slow at its oldest key
        self.ended: list[Folded] = []
        self._running: dict[str | None, Folded] = {}  # those of the open ones that no end mark has ended
        self.latest: Folded | None = None
        self.last_sequence_number: int | None = None
        self._store = store
        self._count = 0
        self._at: tuple[Folded | None, Parsed]  # the event at hand, and what it belongs to
        self._pending: list[Diagnostic] = []  # of no event; the next event of the unnamed lane decides

    # -- what comes in ---------------------------------------------------------------------------------------------

    def event(self, parsed: Parsed, began: float | None = None) -> Folded | None:
        """Takes the next event; gives the response it belongs to, None where it belongs to none.

        `began` is when the response was asked for, where a record tells it.
        """
        entry = parsed.entry
        phase = "" if entry is None else entry.phase
        folded, begun, after = self.open.get(parsed.lane), False, False
        if folded is None or folded.ended or phase == "begin":
            folded, begun, after = self._route(parsed, folded)
        if parsed.sequence_number is not None:
            self.last_sequence_number = parsed.sequence_number
        if folded is not None and self._pending:
            self._adopt(folded, begun)
        self._at = folded, parsed
        for code, detail in parsed.issues:
            self._report(code, detail)
        if folded is None:
            return None
        folded.version += 1
        folded.events += 1
        if parsed.end > folded.byte_end:  # noqa: PLR1730 (a call costs each event a hundredth)
            folded.byte_end = parsed.end
        if begun and phase not in ("begin", "progress"):
            self._report("no_created", {"type": parsed.type[:200]})
        if after:
            self._report("after_terminal", {"type": parsed.type[:200]})
        repeated = self._sequence(folded, parsed)
        if entry is not None and not repeated and not after:
            folded.deltas += phase == "delta"
            apply(folded, parsed, self._report)
        if parsed.time is not None:
            _stamp(folded, parsed, parsed.time, began, self._report)
        return folded

    def _report(self, code: str, detail: dict[str, Any] | None) -> None:
        """Notes what is odd about the event at hand."""
        folded, parsed = self._at
        length = parsed.end - parsed.offset
        found = self._store.add(code, parsed.offset, length, parsed.line, parsed.sequence_number, detail)
        if folded is not None:
            _attach(folded, found)

    def plain(self, plain: Plain, lane: str | None, time: float | None = None, began: float | None = None) -> Folded:
        """Takes a response object that was not streamed: it begins and ends a response."""
        self._close(lane)
        folded = self._begin(lane, plain.offset, plain.line)
        folded.started_at = time if began is None else began
        folded.ended_at = time
        folded.byte_end = plain.end
        folded.plain = folded.ended = True
        folded.set_base(plain.members, plain.raw, whole=True)
        for code, detail in plain.issues:
            _attach(folded, self._store.add(code, plain.offset, plain.end - plain.offset, plain.line, None, detail))
        return folded

    def note(self, note: Note) -> None:
        """Takes a diagnostic of the source that no event raised."""
        self._await(self._store.add(note.code, note.offset, note.length, note.line, None, note.detail))

    def stray(self, stray: Stray, offset: int, end: int, line: int) -> None:
        """Takes the diagnostics of a frame that is no event."""
        for code, detail in stray.issues:
            self._await(self._store.add(code, offset, end - offset, line, None, detail))

    def done_in(self, lane: str | None) -> None:
        """Takes the end mark of a record: what is open in its lane has ended."""
        folded = self._running.pop(lane, None)
        if folded is not None:
            folded.ended = True

    def close_record(self, lane: str | None, offset: int | None) -> None:
        """Hands out the response of a lane: the one that ended in the record in which it began, or with no offset any."""
        folded = self.open.get(lane)
        if folded is not None and (offset is None or (folded.ended and folded.byte_start == offset)):
            self._close(lane)

    def done(self) -> None:
        """Takes the end mark: what is open in any lane has ended."""
        for folded in self._running.values():
            folded.ended = True
        self._running.clear()

    def finish(self) -> None:
        """Ends the source; lanes that are still open follow in the order of beginning."""
        for lane in list(self.open):
            self._close(lane)
        self._pending.clear()

    # -- routing ---------------------------------------------------------------------------------------------------

    def _route(self, parsed: Parsed, current: Folded | None) -> tuple[Folded | None, bool, bool]:
        """The response of an event that does not go on with the open one of its lane, `current`, as nearly all do: whether
        the event begins it, and whether it comes after the terminal one.
        """
        entry = parsed.entry
        op = "" if entry is None else entry.op
        phase = "" if entry is None else entry.phase
        begins = entry is not None and entry.begins
        if current is None:
            wanted = begins or op == "error"
        else:
            wanted = phase == "begin" or (current.ended and begins and phase != "terminal")
        if wanted:
            self._close(parsed.lane)
            return self._begin(parsed.lane, parsed.offset, parsed.line), True, False
        after = current is not None and current.ended and op != "quiet"
        return current, False, after

    def _begin(self, lane: str | None, offset: int, line: int) -> Folded:
        if len(self.open) >= OPEN_LANES:
            oldest = next(iter(self.open))
            folded = self.open[oldest]
            detail = {"what": "open lanes", "limit": OPEN_LANES}
            _attach(folded, self._store.add("limit_exceeded", offset, 0, line, None, detail))
            self._close(oldest)
        folded = self.open[lane] = self._running[lane] = self.latest = Folded(lane, offset, line)
        return folded

    def _close(self, lane: str | None) -> None:
        folded = self.open.pop(lane, None)
        if folded is None:
            return
        self._running.pop(lane, None)
        if folded.terminal is None and not folded.plain:
            length = folded.byte_end - folded.byte_start
            _attach(folded, self._store.add("no_terminal", folded.byte_start, length, folded.line))
        folded.stream_index = self._count
        self._count += 1
        for diagnostic in folded.diagnostics:
            diagnostic.response_id = folded.id
        folded.version += 1
        self.ended.append(folded)

    def _sequence(self, folded: Folded, parsed: Parsed) -> bool:
        """Compares the sequence number with the one before; True for an event that came twice."""
        got, before = parsed.sequence_number, folded.previous
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

    # -- diagnostics of no event -----------------------------------------------------------------------------------

    def _await(self, diagnostic: Diagnostic | None) -> None:
        if diagnostic is not None and None in self.open and len(self._pending) < KEPT:
            self._pending.append(diagnostic)

    def _adopt(self, folded: Folded, begun: bool) -> None:
        """What stood between two events of a response belongs to it; what stood before its first does not."""
        if folded.lane is None:
            if not begun:
                folded.diagnostics += self._pending[: KEPT - len(folded.diagnostics)]
            self._pending.clear()


def _attach(folded: Folded, diagnostic: Diagnostic | None) -> None:
    """Notes a diagnostic at its response."""
    if diagnostic is not None and len(folded.diagnostics) < KEPT:
        folded.diagnostics.append(diagnostic)


def _stamp(folded: Folded, parsed: Parsed, now: float, began: float | None, report: Any) -> None:
    """Notes when the event came. A clock that goes back is held where it was."""
    last = began if folded.ended_at is None else folded.ended_at
    if last is not None and now < last:
        report("time_reversed", {"by": math.floor((last - now) * 1e6 + 0.5)})
        now = last
    if folded.started_at is None:
        folded.started_at = now if began is None else began
    entry = parsed.entry
    if entry is not None and entry.phase == "delta":
        if folded.first_delta_at is None:
            folded.first_delta_at = now
        folded.delta_times.append(now)
    terminal = entry is not None and entry.phase == "terminal"
    if terminal and parsed.offset == folded.byte_start and folded.first_delta_at == now:
        # It all came in one record: its one time says nothing of the deltas.
        folded.first_delta_at = None
        folded.delta_times = array("d")
    folded.ended_at = now
