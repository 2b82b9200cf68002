"""The public objects of the fallback, made from the results of `respstream._pure`.

It has the same names as the extension `respstream._native`, whose binding does the same for the Rust core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import index

from respstream._codes import DIAGNOSTICS
from respstream._locking import RLock, locked
from respstream._pure.decoder import Decoder as Core
from respstream._pure.json import locate
from respstream._pure.protocols.any_api import api_named
from respstream._pure.protocols.protocol import ParsedEvent, ResponseState
from respstream._pure.sse.decoder import SseDecoder
from respstream.diagnostics import Diagnostic
from respstream.errors import StreamError
from respstream.protocols.parsed import make_event
from respstream.protocols.payload import Values
from respstream.protocols.response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Never, TypeAlias

    from typing_extensions import Buffer

    from respstream._options import Api, Form, OnEof
    from respstream.types import StreamEvent

__all__ = ["SEARCHED", "Decoder", "SseDecoder", "items_of", "locate", "response_row"]

SEARCHED = 0
"""The size up to which an object is searched again for each member (by `member_value`, which only the extension has)."""

Times: TypeAlias = "tuple[float | None, float | None]"
Span: TypeAlias = "tuple[int, int, int]"

FORMS = ("auto", "sse", "jsonl", "rows")
ENDS = ("flush", "discard")
POSITIONAL = "Decoder() takes options by name, such as form='sse'; pass the bytes to its method feed()"


class Decoder:
    """Decodes one live stream or one log without any I/O: bytes in; events and assembled responses out.

    All options are keywords. `api`: "responses", "chat" or "messages" reads streams of that API; "auto" detects it for each payload.
    `form`: the input format, "auto", "sse", "jsonl" or "rows". `field`, `time`, `lane`: JSON pointers into rows, which imply
    "rows". `on_eof`: "flush" keeps an unfinished block at the end, "discard" drops it. `strict`: the first diagnostic of
    severity error raises StreamError. `max_event_bytes`: larger payloads are skipped with a diagnostic. `clock`: a function
    that returns the time of each chunk, in seconds.

    Raises ValueError or TypeError for invalid options and for data that is not bytes-like; malformed input never raises.
    Threads may share a decoder: each call is atomic.
    """

    def __init__(
        self,
        *positional: Never,
        api: Api = "auto",
        form: Form = "auto",
        on_eof: OnEof = "flush",
        strict: bool = False,
        max_event_bytes: int | None = None,
        clock: Callable[[], float] | None = None,
        field: str | None = None,
        time: str | None = None,
        lane: str | None = None,
    ) -> None:
        if positional:
            raise TypeError(POSITIONAL)
        apis = api_named(api)
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
                raise ValueError(f"field, time and lane require form='rows', not {form!r}")
            form = "rows"
        self._new_core = partial(
            Core, apis, form=form, on_eof=on_eof, limit=max_event_bytes, strict=strict, clock=clock, **given
        )  # fmt: skip
        self._lock = RLock()
        self.reset()

    @locked
    def __repr__(self) -> str:
        counts = f"responses={len(self._core.ended) + len(self._core.open)}, diagnostics={sum(self._core.diagnostic_counts.values())}"
        return f"{type(self).__name__}({counts})"

    @locked
    def reset(self) -> None:
        """Discards all state; the decoder is ready for another stream."""
        self._core = self._new_core()
        self._views: dict[int, Response] = {}

    # -- bytes -----------------------------------------------------------------------------------------------------

    @locked
    def feed(self, data: Buffer, start: int = 0, stop: int | None = None) -> list[StreamEvent]:
        """Takes the next bytes, those of `data` from `start` to `stop`; returns the events that they complete."""
        part = _part(data, start, stop)
        return self._events(lambda on_event: self._core.feed(part, on_event))

    @locked
    def finish(self) -> list[StreamEvent]:
        """Ends the stream; returns the last events. More bytes require a `reset()`."""
        return self._events(self._core.finish)

    @locked
    def message(self, data: str | Buffer) -> list[StreamEvent]:
        """Takes one payload that arrived as a message of its own, as a WebSocket frame; returns its events.

        `data`: str or bytes-like. It needs no framing and is not continued by the next message. Offsets count all messages,
        and one byte between two. Raises TypeError for other objects.
        """
        return self._events(lambda on_event: self._core.message(data, on_event))

    @locked
    def fold(self, data: Any, start: int = 0, stop: int | None = None) -> list[Response]:
        """As `feed`, but makes no events: returns the responses that have ended, and releases them."""
        self._core.feed(_part(data, start, stop))
        return self._take_ended()

    @locked
    def fold_end(self) -> list[Response]:
        """As `finish`, but returns the responses that have ended, and releases them."""
        self._core.finish()
        return self._take_ended()

    @locked
    def add_payload(self, raw: bytes, name: str | None, number: int) -> None:
        """Takes one payload without framing: the event of that number, with the name of its event line."""
        self._core.add_payload(raw, None if name is None else name.encode("utf-8", "replace"), number)

    @locked
    def set_recording(self, form: str, size: int) -> None:
        """Sets the format ("har", "vcr") and size in bytes of the file whose records are fed."""
        self._core.set_recording(form, size)

    @locked
    def feed_record(self, data: bytes, times: Times, span: Span, ends: bool = True) -> list[StreamEvent]:
        """Takes one record of a file; returns its events.

        `data`: a stream or a part of one, gzip or not. `times`: when the stream was requested and when the record was
        written, in seconds since the epoch or None. `span`: offset, end and line of the record. `ends`: the stream ends
        after it.
        """
        return self._events(lambda on_event: self._core.feed_record(data, times, span, ends, on_event))

    @locked
    def fold_record(self, data: bytes, times: Times, span: Span, ends: bool = True) -> list[Response]:
        """As `feed_record`, but returns the responses that have ended, and releases them."""
        self._core.feed_record(data, times, span, ends)
        return self._take_ended()

    @locked
    def bad_record(self, field: str, expected: str, span: Span) -> None:
        """Reports a record of a file that cannot be read (`bad_field`)."""
        self._core.bad_record(field, expected, span)

    def _events(self, run: Callable[[Callable[[ParsedEvent, Any], object]], object]) -> list[Any]:
        """Runs a call of the core; returns the public objects of its events."""
        events: list[Any] = []
        add = events.append
        try:
            run(lambda parsed, _: add(make_event(parsed)))
        except StreamError as error:
            error.events = events
            raise
        return events

    # -- results ---------------------------------------------------------------------------------------------------

    @property
    @locked
    def response(self) -> Response | None:
        """The response that began last, assembled so far; None before the first, and after it was released."""
        latest = self._core.latest
        return None if latest is None else self._view(latest)

    @property
    @locked
    def responses(self) -> list[Response]:
        """All responses: those that have ended, in the order of ending, then the open ones."""
        return [self._view(folded) for folded in (*self._core.ended, *self._core.open)]

    @locked
    def forget_ended(self, keep: int) -> None:
        """Forgets the responses that have ended but the last `keep`."""
        if keep < 0:
            raise OverflowError("can't convert negative int to unsigned")
        for folded in self._core.take_oldest(keep):
            self._views.pop(id(folded), None)

    @property
    @locked
    def diagnostics(self) -> list[Diagnostic]:
        """The diagnostics so far; at most 10,000 are stored."""
        return list(self._core.diagnostics)

    @property
    @locked
    def diagnostic_counts(self) -> dict[str, int]:
        """The number of diagnostics of each code, stored or not."""
        counts = self._core.diagnostic_counts
        return {code: counts[code] for code in DIAGNOSTICS if code in counts}

    @property
    @locked
    def last_sequence_number(self) -> int | None:
        """The sequence number of the last event that had one."""
        return self._core.last_sequence

    def _view(self, folded: ResponseState) -> Response:
        view = self._views.get(id(folded))
        if view is None:
            state: Any = Growing(folded, self._lock)
            view = self._views[id(folded)] = Response(state)
        return view

    def _take_ended(self) -> list[Response]:
        ended = [(folded, self._views.pop(id(folded), None)) for folded in self._core.take_ended()]
        return [_ended_response(folded) if view is None else view for folded, view in ended]


class FoldedState(Values):
    """The state of a response, for readers: that of the fallback, with decoded members."""

    def __init__(self, folded: ResponseState) -> None:
        self._folded = folded

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "_folded":  # not set yet, as while it is unpickled
                raise AttributeError(name)
            return getattr(self._folded, name)


def items_of(batches: Iterator[Iterable[Any]]) -> Iterator[Any]:
    """The items of the iterables that `batches` returns, one after the other."""
    for batch in batches:
        yield from batch


def _locked_method(name: str) -> Any:
    @locked
    def method(self: Growing, *arguments: Any) -> Any:
        return getattr(self._state, name)(*arguments)

    return method


class Growing:
    """The state of a response that its decoder still changes: readers wait for the call that changes it."""

    __slots__ = ("_lock", "_state")

    def __init__(self, folded: ResponseState, lock: RLock) -> None:
        self._state, self._lock = FoldedState(folded), lock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)

    keys, member, value, json = map(_locked_method, ("keys", "member", "value", "json"))
    output, texts, error = map(_locked_method, ("output", "texts", "error"))
    calls, tool_calls, call_text = map(_locked_method, ("calls", "tool_calls", "call_text"))
    call_arguments = _locked_method("call_arguments")


def _ended_response(folded: ResponseState) -> Response:
    state: Any = FoldedState(folded)
    return Response(state)


def response_row(state: Any, source: str, *, whole: bool = False) -> tuple[Any, ...]:
    """The values of the table `responses` for the state of a response, in column order.

    `source`: the value of the first column. `whole`: the column `response_json` has a value; without it, it is None.
    """
    from respstream._pure.protocols.rows import values_of  # readers of streams never need it

    folded: ResponseState = state._folded
    return values_of(folded.protocol.rows().ResponseRow(folded, source, folded.stream_index), whole=whole)


def _check_types(strict: Any, max_event_bytes: Any, **texts: Any) -> None:
    """Raises the exceptions of the extension for options of a wrong type."""
    for name, text in texts.items():
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a str, not {text!r}")
    if not isinstance(strict, bool):
        raise TypeError(f"strict must be a bool, not {strict!r}")
    if max_event_bytes is not None and not -(2**63) <= index(max_event_bytes) < 2**63:
        raise OverflowError("max_event_bytes must fit 64 bits")


def _part(data: Any, start: int, stop: int | None) -> Any:
    """The bytes from `start` to `stop`, as far as there are any."""
    if (start, stop) == (0, None):
        return data
    if start < 0 or (stop is not None and stop < 0):
        raise OverflowError("can't convert negative int to unsigned")
    return memoryview(data)[start:stop]
