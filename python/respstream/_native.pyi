"""The compiled extension: the Rust backend. `respstream._fallback` has the same names, in Python."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, final

from typing_extensions import disjoint_base

from respstream.diagnostics import Diagnostic
from respstream.protocols.responses.response import Response
from respstream.sse import ServerSentEvent
from respstream.types import ResponseStreamEvent

@disjoint_base
class Record:
    """The base of the event classes; `Event` describes the attributes."""

    raw: bytes
    offset: int
    stream_id: str | None
    sequence_number: int | None
    _named: str | None

@disjoint_base
class Decoder:
    """Decodes one live stream or one log without any I/O."""

    def __new__(
        cls,
        *,
        form: str = "auto",
        on_eof: str = "flush",
        strict: bool = False,
        max_event_bytes: int | None = None,
        clock: Callable[[], float] | None = None,
        field: str | None = None,
        time: str | None = None,
        lane: str | None = None,
    ) -> Decoder: ...
    def feed(self, data: Any, start: int = 0, stop: int | None = None) -> list[ResponseStreamEvent]:
        """Takes the next bytes, those of `data` from `start` to `stop`; returns the events that they complete."""
    def finish(self) -> list[ResponseStreamEvent]:
        """Ends the stream; returns the last events. Further bytes need a `reset()`."""
    def reset(self) -> None:
        """Forgets everything; the decoder is as new."""
    def fold(self, data: Any, start: int = 0, stop: int | None = None) -> list[Response]:
        """As `feed`, but makes no events: returns the responses that have ended, and forgets them."""
    def fold_end(self) -> list[Response]:
        """As `finish`, but returns the responses that have ended, and forgets them."""
    def feed_record(
        self, data: bytes, times: tuple[float | None, float | None], span: tuple[int, int, int], ends: bool = True
    ) -> list[ResponseStreamEvent]:
        """Takes one record of a file; returns its events."""
    def fold_record(
        self, data: bytes, times: tuple[float | None, float | None], span: tuple[int, int, int], ends: bool = True
    ) -> list[Response]:
        """As `feed_record`, but returns the responses that have ended, and forgets them."""
    def bad_record(self, field: str, expected: str, span: tuple[int, int, int]) -> None:
        """Reports a record of a file that cannot be read (`bad_field`)."""
    def add_payload(self, raw: bytes, name: str | None, number: int) -> None:
        """Takes one payload without framing: the event of that number, with the name of its event line."""
    def _choose_paths(self, *, plain: bool = True, predict: bool = True, remember: bool = True) -> None:
        """Chooses for tests which fast paths are taken: plain blocks framed as they stand, and events recognised."""
    def _counters(self) -> dict[str, int]:
        """For tests: how often the fast paths were taken, and how often in vain."""
    @property
    def response(self) -> Response | None:
        """The response that began last, assembled so far; None before the first."""
    @property
    def responses(self) -> list[Response]:
        """All responses: those that have ended, in the order of ending, then the open ones."""
    @property
    def diagnostics(self) -> list[Diagnostic]:
        """The diagnostics so far; at most 10,000 are stored."""
    @property
    def diagnostic_counts(self) -> dict[str, int]:
        """The number of diagnostics of each code, stored or not."""
    @property
    def last_sequence_number(self) -> int | None:
        """The sequence number of the last event that had one."""

@final
class State:
    """The state of one response, which a `respstream.Response` reads."""

    version: int
    complete: bool
    terminal: str | None
    lane: str | None
    byte_start: int
    byte_end: int
    line: int
    stream_index: int | None
    events: int
    deltas: int
    first_sequence: int | None
    last_sequence: int | None
    started_at: float | None
    first_delta_at: float | None
    ended_at: float | None
    delta_times: list[float]
    id: str | None
    status: str | None
    diagnostics: list[Diagnostic]
    def keys(self) -> list[str]: ...
    def member(self, name: str) -> bytes | None: ...
    def value(self, name: str, default: Any) -> Any: ...
    def json(self) -> bytes: ...
    def texts(self) -> tuple[str, str | None, str, str]: ...
    def tool_calls(self) -> list[tuple[str, str | None, str | None, str | None]]: ...
    calls_version: int
    def calls(self) -> list[tuple[int, str, str | None, str | None]]: ...
    def call_text(self, rank: int, position: Any) -> tuple[str, Any] | None: ...
    def call_arguments(self, rank: int) -> str | None: ...
    def error(self) -> dict[str, Any] | None: ...

@final
class SseDecoder:
    """Decodes one stream of server-sent events, fed in chunks of any size; does no I/O."""

    def __new__(cls, on_eof: Literal["flush", "discard"] = "flush") -> SseDecoder: ...
    def feed(self, chunk: Any) -> list[ServerSentEvent]: ...
    def finish(self) -> list[ServerSentEvent]: ...
    def reset(self) -> None: ...
    @property
    def last_event_id(self) -> str | None: ...
    @property
    def retry(self) -> int | None: ...
    @property
    def work(self) -> int: ...

def locate(raw: bytes) -> dict[str, tuple[int, int]]:
    """Byte spans of the values of the top-level members of a valid object; the last duplicate wins."""

SEARCHED: int
"""The size up to which an object is searched again for each member, which costs less than a dict of all members."""

def read_member(raw: bytes, name: object) -> Any:
    """A member of an object: the value of a small number, a word or a string, else its bytes. Raises KeyError, ValueError."""

def response_row(state: State, source: str, *, whole: bool = False) -> tuple[Any, ...]:
    """The values of the table `responses` in column order; with `whole` including its JSON. Times are in microseconds."""

@final
class Scan:
    """A scan that can be run any number of times.

    An input is its name, a path as bytes or a callable that opens it, and the range to read (start, end), None for all.
    `split`: responses have no number, unless the range is the whole source. `full`: read and check everything, also parts
    that no selected column depends on.
    """

    def __new__(
        cls,
        inputs: Sequence[tuple[str, Any, tuple[int, int | None] | None]],
        tables: Sequence[tuple[str, list[str] | None]],
        *,
        threads: int,
        batch_rows: int,
        split: bool = False,
        full: bool = False,
        part_bytes: int = ...,
        form: str = "auto",
        on_eof: str = "flush",
        strict: bool = False,
        max_event_bytes: int | None = None,
        field: str | None = None,
        time: str | None = None,
        lane: str | None = None,
    ) -> Scan: ...
    def stream(self) -> Stream:
        """Starts a pass over the inputs."""

@final
class Stream:
    """One pass of a scan."""

    def next_batch(self) -> tuple[int, Batch] | None: ...
    def summary(self) -> dict[str, Any]: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...

@final
class Batch:
    """A batch of rows of a table, with Arrow's PyCapsule interface."""

    num_rows: int
    schema: Schema
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...

@final
class Schema:
    """The schema of a table, with Arrow's PyCapsule interface."""

    names: list[str]
    def __new__(cls, table: str, columns: list[str] | None = None, *, split: bool = False) -> Schema: ...
    def __arrow_c_schema__(self) -> object: ...

# For tests, which compare the backends and force each path.

def catalogue() -> list[dict[str, Any]]: ...
def diagnostic_kinds() -> dict[str, tuple[str, str]]: ...
def fill_slots_by_name(by_name: bool) -> None: ...
def frame(
    chunks: list[bytes], form: str = "auto", on_eof: str = "flush", limit: int | None = None, force_slow: bool = False
) -> list[tuple[Any, ...]]: ...
def json_verdict(raw: bytes) -> Literal["ok", "bad", "limit"]: ...
def json_odd_text(raw: bytes) -> bool: ...
def line_check(lines: list[bytes]) -> list[str]: ...

@final
class SdkPlan:
    """How the openai SDK's events are built, type by type. The fallback has no equivalent."""

    def __new__(cls) -> SdkPlan: ...
    def extend(self, nodes: list[tuple[Any, ...]]) -> None:
        """Appends nodes (tuples of a kind and its arguments); a node is identified by its position."""
    def set_event(self, kind: str, node: int | None) -> None:
        """Events of this type are built by this node from now on; with None, by the SDK."""
    def build(self, node: int, text: bytes) -> Any:
        """The value that the SDK would make of one JSON text; None if that is not certain."""

@final
class SdkReader:
    """Reads one stream into the SDK's events."""

    def __new__(cls, plan: SdkPlan, drafts: Sequence[str] = ...) -> SdkReader: ...
    def feed(self, chunk: bytes) -> list[Any] | tuple[Any, ...]:
        """The events that a chunk completes: a list, or a tuple if it includes texts or bytes for the SDK."""
    @property
    def rest(self) -> bytes:
        """The bytes of the block that is not complete."""

@final
class SdkDraft:
    """An event that an `SdkRun` or `event()` turns into an object."""

    def event(self) -> Any:
        """The event. Raises `ValueError` if it was made already."""

@final
class SdkStamp:
    """Makes events of an SDK class from events of another class and one more member."""

    def __new__(cls, class_: type[Any], fields: list[tuple[Any, ...]], given: set[str], added: str) -> SdkStamp: ...
    def stamp(self, event: Any, added: Any) -> Any:
        """The event with the new member; lists are copied, and null members have their defaults."""

@final
class SdkRun:
    """The deltas of one text, from the second on."""

    def __new__(cls, stamp: SdkStamp, event: Any, text: str) -> SdkRun: ...
    def __call__(self, event: Any) -> list[Any] | None:
        """The events for one more delta: a list of one; None if the event is not of this run."""
    @property
    def text(self) -> str:
        """The text so far."""
