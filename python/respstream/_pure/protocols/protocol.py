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

    `opens`: always begins a response. `announces`: a proper first event of a response. `begins`: may begin a response.
    `delta`: a streamed part of a value. `error`: an error of the API. `quiet`: belongs to no response. `terminal`: ends the
    response.
    """

    __slots__ = ("announces", "begins", "delta", "error", "opens", "quiet", "terminal")

    def __init__(
        self,
        *,
        opens: bool = False,
        announces: bool = False,
        begins: bool = False,
        delta: bool = False,
        error: bool = False,
        quiet: bool = False,
        terminal: bool = False,
    ) -> None:
        self.opens, self.announces, self.begins = opens, announces, begins
        self.delta, self.error, self.quiet, self.terminal = delta, error, quiet, terminal


class ParsedEvent:
    """One event, parsed but not yet applied.

    `raw`: the payload, with its span in the source (`offset`, `end`, `line`). `members`: the decoded payload. `entry`: the
    protocol's own description of the type, None for an unknown type. `indexes`: the indexes by name, None if one is
    invalid. `loose`: the indexes that are strings of digits. `named`: the name of the event line if the payload has
    no type. `invalid_utf8`: texts in `members` need
    cleaning. `issues`: diagnostics of the payload.
    """

    __slots__ = (
        "effect", "end", "entry", "indexes", "invalid_utf8", "issues", "lane", "line", "loose", "members", "named", "offset",
        "raw", "sequence", "time", "type",
    )  # fmt: skip

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
    invalid_utf8: bool
    sequence: int | None
    indexes: dict[str, int] | None
    loose: tuple[str, ...]
    issues: list[Issue]


class NonStreamed:
    """A response object that was not streamed."""

    __slots__ = ("end", "issues", "line", "members", "offset", "raw")

    def __init__(self, frame: Frame, members: dict[str, Any], issues: list[Issue]) -> None:
        self.raw, self.offset, self.end, self.line = frame.data, frame.offset, frame.end, frame.line
        self.members, self.issues = members, issues


class NotAnEvent:
    """A frame that is not an event: it only has diagnostics, and an error if it is an error body."""

    __slots__ = ("error", "issues")

    def __init__(self, issues: list[Issue], error: dict[str, Any] | None = None) -> None:
        self.issues, self.error = issues, error


class ResponseState:
    """The neutral part of the state of one response: its span, its counts, its times and its diagnostics.

    A protocol derives its own state from this class. Times are seconds since the epoch.
    """

    def __init__(self, lane: str | None, offset: int, line: int) -> None:
        self.lane = lane
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

    @property
    def id(self) -> str | None:
        """The id of the response, None if it is not known."""
        raise NotImplementedError

    @property
    def status(self) -> str | None:
        """The status of the response, None if it is not known."""
        raise NotImplementedError


if TYPE_CHECKING:

    class PayloadReader(Interface):
        """Classifies the payloads of one source."""

        def read(self, frame: Frame) -> ParsedEvent | NonStreamed | NotAnEvent:
            """Parses one payload."""
            ...

    class Protocol(Interface):
        """One API. Responses are instances of the protocol's own subclass of ResponseState."""

        signature: StreamSignature
        """How its streams are recognised in records."""

        def reader(self) -> PayloadReader:
            """A reader for a new source."""
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
