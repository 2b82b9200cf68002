"""The decoder: bytes in; events out, and responses folded on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import index

from respstream._alone import RLock, alone
from respstream._pure.diagnostics import Store
from respstream._pure.events import Parsed, Plain, Reader, Stray, make_event
from respstream._pure.frames import Done, Frame, Framer, Note
from respstream._pure.json import BadJson, LimitExceeded, decode
from respstream._pure.lanes import Lanes
from respstream._pure.response import Folded, Growing
from respstream._pure.wrapped import NO_STREAM, Group, Place, Rows
from respstream.base import Event
from respstream.diagnostics import Diagnostic
from respstream.errors import StreamError
from respstream.response import Response
from respstream.types import ResponseStreamEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

Times = tuple[float | None, float | None]
Span = tuple[int, int, int]

FORMS = ("auto", "sse", "jsonl", "rows")
ENDS = ("flush", "discard")


class Decoder:
    """Decodes one live stream, or one log, without doing any I/O: bytes in; events out, and responses folded on the way.

    Options, by keyword: `form`: "auto", "sse", "jsonl" or "rows" (then `field`, `time` and `lane` are JSON pointers).
    `on_eof`: whether an unfinished block at the end counts ("flush") or not ("discard"). `strict`: the first diagnostic of
    severity error raises StreamError. `max_event_bytes`: larger payloads are skipped and diagnosed. `clock`: a function
    that tells the time of each chunk, in seconds. Raises ValueError or TypeError for the options and for what is fed, never
    for what the bytes say. Threads may share a decoder: each call is taken as a whole.
    """

    def __init__(
        self,
        *,
        form: str = "auto",
        on_eof: str = "flush",
        strict: bool = False,
        max_event_bytes: int | None = None,
        clock: Callable[[], float] | None = None,
        field: str | None = None,
        time: str | None = None,
        lane: str | None = None,
    ) -> None:
        pointers = {"field": field, "time": time, "lane": lane}
        given = {name: value for name, value in pointers.items() if value is not None}
        _check_types(strict, max_event_bytes, form=form, on_eof=on_eof, **given)
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
        if on_eof not in ENDS:
            raise ValueError(f"on_eof must be one of {', '.join(ENDS)}, not {on_eof!r}")
        if max_event_bytes is not None and max_event_bytes < 1:
            raise ValueError("max_event_bytes must be positive")
        if given:
            if form not in ("auto", "rows"):
                raise ValueError(f"field, time and lane are for form='rows', not {form!r}")
            form = "rows"
        self._options = ("jsonl" if form == "rows" else form, on_eof, max_event_bytes)
        self._rows_only = form == "rows"
        self._pointers = pointers
        self._strict = strict
        self._clock = clock
        self._lock = RLock()
        self.reset()

    @alone
    def reset(self) -> None:
        """Forgets everything; the decoder is as new."""
        self._framer = Framer(*self._options)
        self._store = Store(strict=self._strict)
        self._reader = Reader()
        self._wrapped = Rows(self._options[1:], only=self._rows_only, **self._pointers)
        self._lanes = Lanes(self._store)
        self._failure: str | None = None
        self._now: float | None = None
        self._began: float | None = None
        self._lane: str | None = None
        self._inner = False  # what is being read came out of a record
        self._views: dict[int, Response] = {}

    # -- bytes -----------------------------------------------------------------------------------------------------

    @alone
    def feed(self, data: Any, start: int = 0, stop: int | None = None) -> list[ResponseStreamEvent]:
        """Takes the next bytes, those of `data` from `start` to `stop`; gives the events that they complete."""
        events: list[Any] = []
        self._take_items(self._framer_items(_part(data, start, stop)), events)
        return events

    @alone
    def finish(self) -> list[ResponseStreamEvent]:
        """Ends the stream; gives the last events. Further bytes need a `reset()`."""
        events: list[Any] = []
        self._end(events)
        return events

    @alone
    def fold(self, data: Any, start: int = 0, stop: int | None = None) -> list[Response]:
        """As `feed`, but makes no events: gives the responses that ended, and forgets them."""
        self._take_items(self._framer_items(_part(data, start, stop)), None)
        return self._take()

    @alone
    def fold_end(self) -> list[Response]:
        """As `finish`, but gives the responses that ended, and forgets them."""
        self._end(None)
        return self._take()

    @alone
    def add_payload(self, raw: bytes, name: str | None, number: int) -> None:
        """Folds one payload that was framed elsewhere: the event of that number, with the name of its event line."""
        self._check()
        self._now = self._clock() if self._clock is not None else None
        given = None if name is None else name.encode("utf-8", "replace")
        self._take_items([Frame(raw, given, number, number + 1, number + 1, "payload")], None)

    @alone
    def feed_record(self, data: bytes, times: Times, span: Span, ends: bool = True) -> list[Event]:
        """Takes one record that was found elsewhere; gives the events in it.

        `data`: a stream or a piece of one, gzip or not; the stream `ends` behind it. `times`: when it was asked for and when
        it came, in seconds since the epoch or None. `span`: the record's first byte, the byte behind it, and its line.
        """
        events: list[Event] = []
        self._record(data, times, span, ends, events)
        return events

    @alone
    def fold_record(self, data: bytes, times: Times, span: Span, ends: bool = True) -> list[Response]:
        """As `feed_record`, but gives the responses that ended, and forgets them."""
        self._record(data, times, span, ends, None)
        return self._take()

    @alone
    def bad_record(self, field: str, expected: str, span: Span) -> None:
        """Diagnoses a record that was found elsewhere and cannot be read (`bad_field`)."""
        self._check()
        note = Note("bad_field", span[0], span[1] - span[0], span[2], {"field": field, "expected": expected})
        self._take_items([note], [])

    def _record(self, data: bytes, times: Times, span: Span, ends: bool, events: list[Event] | None) -> None:
        self._check()
        self._now = self._clock() if self._clock is not None else None
        self._groups(self._wrapped.found(data, Place(*span, times[1], times[0]), ends=ends), events)

    def _end(self, events: list[Event] | None) -> None:
        self._check()
        self._now = self._clock() if self._clock is not None else None
        self._take_items(self._framer.finish(), events)
        self._groups(self._wrapped.finish(), events)
        self._lanes.finish()
        self._failure = "the decoder has finished; reset() makes it ready for another stream"

    def _framer_items(self, data: Any) -> list[Frame | Note | Done]:
        self._check()
        self._now = self._clock() if self._clock is not None else None
        return self._framer.feed(as_bytes(data))

    def _check(self) -> None:
        if self._failure is not None:
            raise ValueError(self._failure)

    def _take_items(self, items: list[Frame | Note | Done], events: list[Event] | None) -> None:
        store = self._store
        for item in items:
            if type(item) is Frame:
                self._frame(item, events)
            elif type(item) is Note:
                self._lanes.note(item)
            elif self._inner:
                self._lanes.done_in(self._lane)
            else:
                self._lanes.done()
            if store.failed is not None:
                self._fail(store.failed, events)

    def _fail(self, found: Diagnostic, events: list[Event] | None) -> NoReturn:
        self._failure = "the decoder has failed; reset() makes it ready for another stream"
        raise StreamError(found, events)

    def _frame(self, frame: Frame, events: list[Event] | None) -> None:
        if self._rows_only and not self._inner and self._row(frame, events):
            return
        found = self._reader.read(frame)
        if type(found) is Parsed:
            found.time = self._now
            if found.lane is None:
                found.lane = self._lane
            self._heard(found, self._lanes.event(found, self._began), events)
        elif type(found) is Plain:
            self._lanes.plain(found, self._lane, self._now, self._began)
        elif type(found) is Stray:
            if not self._inner and found.issues and found.issues[-1][0] == "no_type":
                if not self._rows_only and self._row(frame, events):
                    return
                if self._rows_only:
                    found.issues[-1] = NO_STREAM
            self._lanes.stray(found, frame.offset, frame.end, frame.line)

    def _heard(self, parsed: Parsed, folded: Folded | None, events: list[Event] | None) -> None:
        """Makes what is wanted of an event that has been folded."""
        if events is not None and self._store.failed is None:
            events.append(make_event(parsed))

    # -- rows that wrap streams ------------------------------------------------------------------------------------

    def _row(self, frame: Frame, events: list[Event] | None) -> bool:
        """Reads a frame as a row; False where it is none."""
        try:
            value, odd = decode(frame.data) if frame.decoded is None else frame.decoded
        except (BadJson, LimitExceeded):
            return False
        row = self._wrapped.find(frame.data) if isinstance(value, dict) else None
        if row is None:
            return False
        if odd:
            row.issues.append(("bad_utf8", None))
        self._groups(self._wrapped.take(row, frame.offset, frame.end, frame.line), events)
        return True

    def _groups(self, groups: Iterable[Group], events: list[Event] | None) -> None:
        """Takes what records gave: in their lanes, at their times."""
        outside = self._now
        self._inner = True
        for lane, place, items, closes in groups:
            self._lane, self._began = lane, place.began
            self._now = outside if place.time is None else place.time
            self._take_items(items, events)
            if closes:
                self._lanes.close_record(lane, place.offset if closes == "whole" else None)
        self._inner, self._lane, self._began, self._now = False, None, None, outside

    # -- what is known so far --------------------------------------------------------------------------------------

    @property
    @alone
    def response(self) -> Response | None:
        """The latest response, folded so far; None before the first."""
        latest = self._lanes.latest
        return None if latest is None else self._view(latest)

    @property
    @alone
    def responses(self) -> list[Response]:
        """All responses: those that have ended, in the order of ending, then the open ones."""
        return [self._view(folded) for folded in (*self._lanes.ended, *self._lanes.open.values())]

    @property
    @alone
    def diagnostics(self) -> list[Diagnostic]:
        """What was odd so far; at most 10,000 are kept."""
        return list(self._store.kept)

    @property
    @alone
    def diagnostic_counts(self) -> dict[str, int]:
        """How many diagnostics there were of each code, kept or not."""
        return dict(self._store.counts)

    @property
    @alone
    def last_sequence_number(self) -> int | None:
        """The sequence number of the last event that had one."""
        return self._lanes.last_sequence_number

    def _view(self, folded: Folded) -> Response:
        view = self._views.get(id(folded))
        if view is None:
            growing: Any = Growing(folded, self._lock)
            view = self._views[id(folded)] = Response(growing)
        return view

    def _take(self) -> list[Response]:
        ended, self._lanes.ended = self._lanes.ended, []
        views = [(folded, self._views.pop(id(folded), None)) for folded in ended]
        return [Response(folded) if view is None else view for folded, view in views]


def _check_types(strict: Any, max_event_bytes: Any, **texts: Any) -> None:
    """Raises the exceptions of the extension for options of a wrong type."""
    for name, text in texts.items():
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a str, not {text!r}")
    if not isinstance(strict, bool):
        raise TypeError(f"strict must be a bool, not {strict!r}")
    if max_event_bytes is not None and not -(2**63) <= index(max_event_bytes) < 2**63:
        raise OverflowError("max_event_bytes must fit 64 bits")


def as_bytes(data: Any) -> bytes:
    """Bytes of any bytes-like object; TypeError that names the mistake for anything else."""
    if type(data) is bytes:
        return data
    if isinstance(data, str):
        raise TypeError("the stream is given as str; pass its bytes, undecoded")
    try:
        return bytes(memoryview(data))
    except (TypeError, ValueError):  # ValueError of a view that was released
        raise TypeError(f"a bytes-like object is required, not {type(data).__name__!r}") from None


def _part(data: Any, start: int, stop: int | None) -> Any:
    """The bytes from `start` to `stop`, as far as there are any."""
    if (start, stop) == (0, None):
        return data
    if start < 0 or (stop is not None and stop < 0):
        raise OverflowError("can't convert negative int to unsigned")
    return memoryview(data)[start:stop]
