"""Connects framing, records, a protocol and lanes: bytes in; parsed events out, and assembled responses.

This module makes no public objects and takes no locks: `respstream._fallback` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from respstream._pure.diagnostics import RECORDINGS, SAMPLE, Store, appearance
from respstream._pure.frames import Done, Frame, Framer, Note
from respstream._pure.json import BadJson, LimitExceeded, decode
from respstream._pure.lanes import Lanes
from respstream._pure.protocols.protocol import NonStreamed, NotAnEvent, ParsedEvent
from respstream._pure.records import NO_STREAM, Group, Place, Rows
from respstream.diagnostics import Diagnostic
from respstream.errors import StreamError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, TypeAlias

    from respstream._pure.protocols.any_api import AnyApi
    from respstream._pure.protocols.protocol import Protocol

Times: TypeAlias = "tuple[float | None, float | None]"
Span: TypeAlias = "tuple[int, int, int]"
EventHook: TypeAlias = "Callable[[ParsedEvent, Any], object]"
"""Takes each event after it was applied, and its response (None if it belongs to none)."""


class Decoder:
    """Decodes one source, without any I/O.

    `api`: the protocols to read. `form`: "auto", "sse", "jsonl" or "rows". `on_eof`: "flush" or "discard" an unfinished block at the
    end. `limit`: the maximum number of bytes of a payload, or None. `strict`: the first diagnostic of severity error
    raises StreamError. `clock`: returns the time of each chunk, in seconds. `field`, `time`, `lane`: JSON pointers into rows.
    Raises ValueError for an invalid pointer.

    The methods that take bytes raise ValueError after the end or after a failure. They call the hook `on_event` for each
    event; None saves the calls.
    """

    def __init__(
        self,
        api: AnyApi,
        *,
        form: str = "auto",
        on_eof: str = "flush",
        limit: int | None = None,
        strict: bool = False,
        clock: Callable[[], float] | None = None,
        field: str | None = None,
        time: str | None = None,
        lane: str | None = None,
    ) -> None:
        self._rows_only = form == "rows"
        self._framer = Framer("jsonl" if self._rows_only else form, on_eof, limit)
        self._rows = Rows(
            api.signature, (on_eof, limit), only=self._rows_only, field=field, time=time, lane=lane
        )  # fmt: skip
        self._store = Store(strict=strict)
        self._read = api.reader(self._protocol).read
        self._lanes = Lanes(self._store)
        self._clock = clock
        self._fails: Callable[[int], bool] | None = None
        self._failure: str | None = None
        self.fed = 0  # the size of the source so far, in bytes
        self.has_row = False  # whether a row that wraps a stream was read
        self._head: bytes | None = b""  # the first bytes, until an event of a known type was read
        self._recording = ""
        # Of the current record, None outside of records.
        self._now: float | None = None
        self._requested: float | None = None
        self._lane: str | None = None
        self._in_record = False

    # -- bytes -----------------------------------------------------------------------------------------------------

    def feed(self, data: Any, on_event: EventHook | None = None) -> None:
        """Takes the next bytes."""
        self._start_call()
        data = as_bytes(data)
        self.fed += len(data)
        self._sample(data)
        self._take_items(self._framer.feed(data), on_event)

    def message(self, data: Any, on_event: EventHook | None = None) -> None:
        """Takes one payload that arrived as a message of its own: text or bytes, without framing."""
        self._start_call()
        data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else as_bytes(data)
        self._sample(data + b"\n")
        items = self._framer.message(data)
        self.fed = self._framer.offset
        self._take_items(items, on_event)

    def _sample(self, data: bytes) -> None:
        if self._head is not None and len(self._head) < SAMPLE:
            self._head += data[: SAMPLE - len(self._head)]

    def finish(self, on_event: EventHook | None = None) -> None:
        """Ends the source."""
        self._start_call()
        self._take_items(self._framer.finish(), on_event)
        self._take_groups(self._rows.finish(), on_event)
        self._check_responses()
        self._lanes.finish()
        self._failure = "the decoder has finished: call reset() before another stream"

    def _check_responses(self) -> None:
        """Reports a source with bytes and without a response or an event, unless another diagnostic explains why."""
        explained = self._store.counts.keys() & {"error_body", "foreign_stream"}
        if self.fed and self._head is not None and not self._lanes.begun and not explained:
            what = RECORDINGS.get(self._recording) or appearance(self._head)
            self._store.add("no_responses", 0, self.fed, 1, None, {"what": what})

    def add_payload(self, raw: bytes, name: bytes | None, number: int) -> None:
        """Takes one payload without framing: the event of that number, with the name of its event line."""
        self._start_call()
        self._take_items([Frame(raw, name, number, number + 1, number + 1, "payload")], None)

    def set_recording(self, form: str, size: int) -> None:
        """Sets the format ("har", "vcr") and size in bytes of the file whose records are fed."""
        self._recording, self.fed = form, size

    def feed_record(self, data: bytes, times: Times, span: Span, ends: bool, on_event: EventHook | None = None) -> None:
        """Takes one record with a stream or a part of one.

        `times`: when the stream was requested, and when the record was written, in seconds since the epoch or None.
        `span`: offset, end and line of the record. `ends`: the stream ends after it.
        """
        self._start_call()
        requested, time = times
        self._take_groups(self._rows.single(data, Place(*span, time, requested), ends=ends), on_event)

    def bad_record(self, field: str, expected: str, span: Span) -> None:
        """Reports a record that cannot be read (`bad_field`)."""
        self._check()
        offset, end, line = span
        self._take_items([Note("bad_field", offset, end - offset, line, {"field": field, "expected": expected})], None)

    def limit_failures(self, fails: Callable[[int], bool]) -> None:
        """With `strict`, only errors at the offsets for which `fails` returns true raise StreamError.

        It is called after the event or the text with the error was taken.
        """
        self._fails = fails
        self._store.tentative = True

    def _start_call(self) -> None:
        self._check()
        self._now = self._clock() if self._clock is not None else None

    def _check(self) -> None:
        if self._failure is not None:
            raise ValueError(self._failure)

    def _take_items(self, items: list[Frame | Note | Done], on_event: EventHook | None) -> None:
        store = self._store
        for item in items:
            if type(item) is Frame:
                self._take_frame(item, on_event)
            elif type(item) is Note:
                self._lanes.note(item, self._lane)
            elif self._in_record:
                self._lanes.done_in(self._lane)
            else:
                self._lanes.done()
            if store.failed is not None and self._counts(store.failed):
                self._fail(store.failed)

    def _counts(self, failed: Diagnostic) -> bool:
        """Whether an error ends a strict source; else it is one diagnostic of others."""
        if self._fails is None or self._fails(failed.offset):
            return True
        self._store.failed = None
        return False

    def _fail(self, diagnostic: Diagnostic) -> NoReturn:
        self._failure = "the decoder has failed: call reset() before another stream"
        raise StreamError(diagnostic)

    def _take_frame(self, frame: Frame, on_event: EventHook | None) -> None:
        if self._rows_only and not self._in_record and self._take_row(frame, on_event):
            return
        found = self._read(frame)
        if type(found) is ParsedEvent:
            if found.entry is not None:
                self._head = None
            found.time = self._now
            if found.lane is None:
                found.lane = self._lane
            response = self._lanes.event(found, self._requested)
            failed = self._store.failed
            if on_event is not None and (failed is None or not self._counts(failed)):
                on_event(found, response)
        elif type(found) is NonStreamed:
            self._lanes.non_streamed(found, self._lane, self._now, self._requested)
        elif type(found) is NotAnEvent:
            self._take_other(found, frame, on_event)

    def _protocol(self) -> Protocol | None:
        """The protocol of the open response in the lane of the current record."""
        folded = self._lanes.current(self._lane)
        return None if folded is None else folded.protocol

    def _take_other(self, found: NotAnEvent, frame: Frame, on_event: EventHook | None) -> None:
        """Takes a frame that is not an event: a row, or one that only has diagnostics."""
        if not self._in_record and found.issues and found.issues[-1][0] == "no_type":
            if not self._rows_only and self._take_row(frame, on_event):
                return
            if self._rows_only:
                found.issues[-1] = NO_STREAM
        self._lanes.not_an_event(found, frame.offset, frame.end, frame.line, self._lane)

    # -- rows that wrap streams ------------------------------------------------------------------------------------

    def _take_row(self, frame: Frame, on_event: EventHook | None) -> bool:
        """Reads a frame as a row; returns False if it is not one."""
        try:
            value, invalid_utf8 = decode(frame.data) if frame.decoded is None else frame.decoded
        except (BadJson, LimitExceeded):
            return False
        row = self._rows.find(frame.data) if isinstance(value, dict) else None
        if row is None:
            return False
        self.has_row = True
        if invalid_utf8:
            row.issues.append(("bad_utf8", None))
        self._take_groups(self._rows.take(row, frame.offset, frame.end, frame.line), on_event)
        return True

    def _take_groups(self, groups: Iterable[Group], on_event: EventHook | None) -> None:
        """Takes the items of records, with their lanes and times."""
        before = self._now
        self._in_record = True
        for lane, place, items, closes in groups:
            self._lane, self._requested = lane, place.started
            self._now = before if place.time is None else place.time
            self._take_items(items, on_event)
            if closes:
                self._lanes.close_record(lane, place.offset if closes == "whole" else None)
        self._in_record, self._lane, self._requested, self._now = False, None, None, before

    # -- results ---------------------------------------------------------------------------------------------------

    @property
    def latest(self) -> Any:
        """The response that began last, None before the first and after `take_ended` has returned it."""
        return self._lanes.latest

    @property
    def begun(self) -> int:
        """The number of responses that have begun."""
        return self._lanes.begun

    @property
    def ended(self) -> list[Any]:
        """The responses that have ended and that `take_ended` has not returned, in the order of ending."""
        return self._lanes.ended

    @property
    def open(self) -> list[Any]:
        """The latest response of each lane that has not been closed, in the order of beginning."""
        return list(self._lanes.open.values())

    @property
    def current(self) -> Any:
        """The open response of the lane without a name, None if there is none."""
        return self._lanes.current(None)

    @property
    def closed_count(self) -> int:
        """The number of responses that have been closed."""
        return self._lanes.closed_count

    def take_ended(self) -> list[Any]:
        """Returns the responses that have ended, and forgets them."""
        return self._lanes.take_ended()

    def take_oldest(self, keep: int) -> list[Any]:
        """Returns the responses that have ended but the last `keep`, and forgets them."""
        return self._lanes.take_oldest(keep)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """The stored diagnostics, at most 10,000."""
        return self._store.stored

    @property
    def diagnostic_counts(self) -> dict[str, int]:
        """The number of diagnostics of each code, stored or not."""
        return self._store.counts

    @property
    def last_sequence(self) -> int | None:
        """The sequence number of the last event that had one."""
        return self._lanes.last_sequence


def as_bytes(data: Any) -> bytes:
    """The bytes of a bytes-like object. Raises TypeError for anything else."""
    if type(data) is bytes:
        return data
    if isinstance(data, str):
        raise TypeError(
            "a bytes-like object is required, not 'str': pass the bytes as received, not decoded (Decoder.message takes text)"
        )
    try:
        return bytes(memoryview(data))
    except (TypeError, ValueError):  # ValueError of a view that was released
        raise TypeError(f"a bytes-like object is required, not {type(data).__name__!r}") from None
