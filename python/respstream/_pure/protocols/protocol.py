"""The interface between a protocol and the neutral modules `lanes` and `decoder`.

A protocol classifies payloads, says how each event bears on the response of its lane, and applies events to responses. All
member names and event types of an API are known to its own folder alone.
"""

from __future__ import annotations

from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias
    from typing import Protocol as Interface

    from respstream._pure.frames.output import Frame
    from respstream._pure.records.detect import StreamSignature
    from respstream.diagnostics import Diagnostic

Issue: TypeAlias = "tuple[str, dict[str, Any] | None]"  # code and detail of a diagnostic
Report: TypeAlias = "Callable[[str, dict[str, Any] | None], object]"


class Effect:
    """How the events of a type bear on the response of their lane.

    `opens`: always begins a response. `asks`: the protocol decides whether it begins one. `announces`: a proper first event of
    a response. `begins`: may begin a response. `delta`: a streamed part of a value. `error`: an error of the API. `quiet`:
    belongs to no response. `terminal`: ends the response.
    """

    __slots__ = ("announces", "asks", "begins", "delta", "error", "may_open", "opens", "quiet", "terminal")

    def __init__(
        self,
        *,
        opens: bool = False,
        asks: bool = False,
        announces: bool = False,
        begins: bool = False,
        delta: bool = False,
        error: bool = False,
        quiet: bool = False,
        terminal: bool = False,
    ) -> None:
        self.opens, self.asks, self.announces, self.begins = opens, asks, announces, begins
        self.may_open = opens or asks
        self.delta, self.error, self.quiet, self.terminal = delta, error, quiet, terminal


class ParsedEvent:
    """One event, parsed but not yet applied.

    `protocol`: that of its API. `raw`: the payload, with its span in the source (`offset`, `end`, `line`). `members`: the
    decoded payload. `entry`: the protocol's own description of the type, None for an unknown type. `response`: the id of the
    response that the event names, "" without an id, None if the responses of a lane come one after the other. `indexes`: the
    indexes by name, None if one is invalid. `loose`: the indexes that are strings of digits. `named`: the name of the event
    line if the payload has no type. `invalid_utf8`: texts in `members` need cleaning. `issues`: diagnostics of the payload.
    """

    __slots__ = (
        "effect", "end", "entry", "indexes", "invalid_utf8", "issues", "lane", "line", "loose", "members", "named", "offset",
        "protocol", "raw", "response", "sequence", "time", "type",
    )  # fmt: skip

    protocol: Protocol
    effect: Effect
    entry: Any
    type: str
    members: dict[str, Any]
    raw: bytes
    offset: int
    end: int
    line: int
    lane: str | None
    time: float | None
    named: str | None
    response: str | None
    invalid_utf8: bool
    sequence: int | None
    indexes: dict[str, int] | None
    loose: tuple[str, ...]
    issues: list[Issue]


class NonStreamed:
    """A response object that was not streamed. `protocol`: that of its API."""

    __slots__ = ("end", "issues", "line", "members", "offset", "protocol", "raw")

    protocol: Protocol

    def __init__(self, frame: Frame, members: dict[str, Any], issues: list[Issue]) -> None:
        self.raw, self.offset, self.end, self.line = frame.data, frame.offset, frame.end, frame.line
        self.members, self.issues = members, issues


class NotAnEvent:
    """A frame that is not an event: it only has diagnostics, and an error if it is an error body.

    `protocol`: that of the API that read it.
    """

    __slots__ = ("error", "issues", "protocol")

    protocol: Protocol

    def __init__(self, issues: list[Issue], error: dict[str, Any] | None = None) -> None:
        self.issues, self.error = issues, error


class ResponseState:
    """The neutral part of the state of one response: its span, its counts, its times and its diagnostics.

    A protocol derives its own state from this class and sets `protocol`. Times are seconds since the epoch.
    """

    protocol: Protocol
    """That of its API."""

    def __init__(self, lane: str | None, offset: int, line: int) -> None:
        self.lane = lane
        self.ordinal = 0  # the position in the order of beginning
        self.name: str | None = None  # the id by which events name it
        self.byte_start = self.byte_end = offset
        self.line = line
        self.stream_index: int | None = None  # the position in the order of ending
        self.events = self.deltas = 0
        self.first_sequence: int | None = None
        self.last_sequence: int | None = None
        self.previous: tuple[int | None, bytes] | None = None  # sequence and payload of the previous event
        self.diagnostics: list[Diagnostic] = []
        self.version = 0  # changes with every event
        self.terminal: str | None = None  # the type of the terminal event
        self.ended = False  # by a terminal event or the end mark
        self.non_streamed = False
        self.first_delta_at: float | None = None
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.delta_times: array[float] = array("d")

    def end(self) -> None:
        """Takes the end mark."""
        self.ended = True

    @property
    def finished(self) -> bool:
        """Whether its end was seen; later events may still belong to it."""
        return self.ended

    @property
    def settled(self) -> bool:
        """Whether no later event is expected to belong to it."""
        return self.ended

    @property
    def api(self) -> str:
        """The name of its API."""
        return self.protocol.api

    @property
    def id(self) -> str | None:
        """The id of the response, None if it is not known."""
        raise NotImplementedError

    @property
    def status(self) -> str | None:
        """The status of the response, None if it is not known."""
        raise NotImplementedError

    def member(self, name: str) -> bytes | None:
        """One member of the final object as JSON, None if it has none of that name."""
        raise NotImplementedError

    def json(self) -> bytes:
        """The final object as JSON."""
        raise NotImplementedError

    def error(self) -> dict[str, Any] | None:
        """The API's error."""
        raise NotImplementedError


if TYPE_CHECKING:

    class PayloadReader(Interface):
        """Classifies the payloads of one source."""

        def read(self, frame: Frame) -> ParsedEvent | NonStreamed | NotAnEvent:
            """Parses one payload."""
            ...

        def read_typed(self, frame: Frame, members: dict[str, Any], kind: str, invalid_utf8: bool) -> ParsedEvent:
            """As `read`, for a payload with one of the protocol's `types`."""
            ...

    class Protocol(Interface):
        """One API. Responses are instances of the protocol's own subclass of ResponseState."""

        api: str
        """The name of the API: `event.api`, `response.api`, the column `api`, the option `api`."""
        routing_members: tuple[str, ...]
        """Members by which the events of interleaved responses are told apart."""
        url_path: str
        """The end of the path of the URL to which a client posts its requests."""
        end_mark: bytes
        """What servers send after the last event of a stream; empty if nothing."""
        signature: StreamSignature
        """How its streams are recognised in records."""

        types: frozenset[str]
        """Event types that `claims` accepts whatever else the payload has."""

        def claims(self, members: dict[str, Any], name: bytes | None) -> bool:
            """Whether a payload is certainly of this API, or known to it as that of another one. `name`: of its event line."""
            ...

        def suggests(self, members: dict[str, Any]) -> bool:
            """Whether a payload that no protocol claims is likely of this API, where no response is open."""
            ...

        def reader(self) -> PayloadReader:
            """A reader for a new source. It is also given payloads that no protocol claims."""
            ...

        def begins(self, response: Any, parsed: ParsedEvent) -> bool:
            """Whether an event that `asks` begins a response, although the one before in its lane is open."""
            ...

        def begin(self, lane: str | None, offset: int, line: int) -> Any:
            """A new response, which begins at that position."""
            ...

        def apply(self, folded: Any, parsed: ParsedEvent, report: Report) -> None:
            """Applies an event to its response; `report(code, detail)` takes diagnostics."""
            ...

        def apply_error(self, response: Any, error: dict[str, Any]) -> None:
            """Sets the error of a response to that of an error body."""
            ...

        def apply_whole(self, response: Any, found: NonStreamed) -> None:
            """Sets a response to one that was not streamed."""
            ...

        def rows(self) -> Any:
            """The module with its `ResponseRow`, `EventRow` and `item_rows`, which is imported on first use."""
            ...
