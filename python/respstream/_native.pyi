"""The extension module: the Rust backend. The pure-Python fallback has the same names, without those of SDK and tests."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, Never, final

from typing_extensions import Buffer, disjoint_base

from respstream._options import Api, Form, OnEof
from respstream.diagnostics import Diagnostic
from respstream.protocols.payload import PartClass
from respstream.protocols.response import Response
from respstream.sse import ServerSentEvent
from respstream.types import StreamEvent

@disjoint_base
class Record:
    """The base of the event classes: the attributes of all events. The event classes document them."""

    raw: bytes
    offset: int
    stream_id: str | None
    sequence_number: int | None
    _named: str | None

@disjoint_base
class Fragment:
    """The base of payloads: the attributes of all of them. `Payload` documents them."""

    _data: dict[str, Any] | None
    _member: str | None
    _raw: bytes
    _seen: dict[str, Any]
    _spans: dict[str, tuple[int, int]] | None

@disjoint_base
class Decoder:
    """Decodes one live stream or one log without I/O."""

    def __new__(
        cls,
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
    ) -> Decoder: ...
    def feed(self, data: Buffer, start: int = 0, stop: int | None = None) -> list[StreamEvent]:
        """Takes the next bytes, `data[start:stop]`; returns the events that they complete."""
    def message(self, data: str | Buffer) -> list[StreamEvent]:
        """Takes one payload that arrived as a message of its own (str or bytes-like); returns its events."""
    def finish(self) -> list[StreamEvent]:
        """Ends the stream; returns the last events. More bytes require a `reset()`."""
    def reset(self) -> None:
        """Discards all state; the decoder is ready for another stream."""
    def forget_ended(self, keep: int) -> None:
        """Forgets the responses that have ended but the last `keep`, which `responses` still has. Objects of them stay as they are."""
    def fold(self, data: Any, start: int = 0, stop: int | None = None) -> list[Response]:
        """Like `feed`, but builds no events: returns the responses that ended, and releases them."""
    def fold_end(self) -> list[Response]:
        """Like `finish`, but returns the responses that ended, and releases them."""
    def feed_record(
        self, data: bytes, times: tuple[float | None, float | None], span: tuple[int, int, int], ends: bool = True
    ) -> list[StreamEvent]:
        """Takes one record that another reader found; returns its events."""
    def fold_record(
        self, data: bytes, times: tuple[float | None, float | None], span: tuple[int, int, int], ends: bool = True
    ) -> list[Response]:
        """Like `feed_record`, but returns the responses that ended, and releases them."""
    def bad_record(self, field: str, expected: str, span: tuple[int, int, int]) -> None:
        """Adds the diagnostic `bad_field` for a record that another reader found and cannot read."""
    def set_recording(self, form: str, size: int) -> None:
        """Sets the format ("har", "vcr") and size in bytes of the file whose records are fed."""
    def add_payload(self, raw: bytes, name: str | None, number: int) -> None:
        """Folds one payload that was framed elsewhere. `name`: of its `event:` line; `number`: position of the event."""
    def _choose_paths(self, *, whole_blocks: bool = True, event_cache: bool = True, value_cache: bool = True) -> None:
        """Chooses, for tests, which fast paths are used."""
    def _counters(self) -> dict[str, int]:
        """How often each fast path was used; for tests."""
    @property
    def response(self) -> Response | None:
        """The latest response, assembled so far; None before the first."""
    @property
    def responses(self) -> list[Response]:
        """All responses: the ended ones, in the order of their ends, then the open ones."""
    @property
    def diagnostics(self) -> list[Diagnostic]:
        """The diagnostics so far; at most 10,000 are stored."""
    @property
    def diagnostic_counts(self) -> dict[str, int]:
        """Number of diagnostics per code, including those that are not stored."""
    @property
    def last_sequence_number(self) -> int | None:
        """The sequence number of the last event that has one."""

@final
class State:
    """The state of one response, assembled so far, which a `respstream.Response` reads."""

    api: str
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
    """Decodes one stream of server-sent events, fed in chunks of any size, without I/O."""

    def __new__(cls, on_eof: Literal["flush", "discard"] = "flush") -> SseDecoder: ...
    def feed(self, chunk: Buffer) -> list[ServerSentEvent]: ...
    def finish(self) -> list[ServerSentEvent]: ...
    def reset(self) -> None: ...
    @property
    def last_event_id(self) -> str | None: ...
    @property
    def retry(self) -> int | None: ...
    @property
    def work(self) -> int: ...

@final
class Items(Iterator[Any]):
    """The iterator of `items_of`."""

    def __iter__(self) -> Items: ...
    def __next__(self) -> Any: ...

def items_of(batches: Iterable[Iterable[Any]]) -> Items:
    """The items of the iterables that `batches` returns, one after the other. After an error it may be asked again."""

def locate(raw: bytes) -> dict[str, tuple[int, int]]:
    """Byte spans of the values of the top-level members of a valid object; the last duplicate wins."""

SEARCHED: int
"""Objects up to this size in bytes are searched again for each member that is read: cheaper than a dict of all members."""

def member_value(raw: bytes, name: object, cls: PartClass | None) -> Any:
    """A member of an object, with objects as payloads of a class (default: Payload). Raises KeyError, ValueError."""

def response_row(state: State, source: str, *, whole: bool = False) -> tuple[Any, ...]:
    """The row of one response, including its JSON with `whole`. Times are microseconds since the epoch."""

def has_row(
    data: bytes,
    *,
    mid_line: bool,
    api: str = "auto",
    form: str = "auto",
    on_eof: str = "flush",
    max_event_bytes: int | None = None,
) -> bool:
    """Whether some bytes of a source have a row that wraps a stream. `mid_line`: they may begin inside of a line."""

@final
class Scan:
    """A scan that can be run any number of times.

    An input is a tuple: its name, a path as bytes or a callable that opens it, and the part to read (start, end) or None for
    all of it. `split`: responses get no numbers, unless the part is the whole input. `full`: reads and checks everything,
    even if the columns need less.
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
        api: str = "auto",
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

    @property
    def stored(self) -> int:
        """The bytes that the running pass has read so far, before decompression."""

    def next_batch(self) -> tuple[int, Batch] | None: ...
    def summary(self) -> dict[str, Any]: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...

@final
class Batch:
    """Rows of a table, for any consumer of the Arrow PyCapsule interface."""

    num_rows: int
    schema: Schema
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...

@final
class Schema:
    """The schema of a table, for any consumer of the Arrow PyCapsule interface."""

    names: list[str]
    def __new__(cls, table: str, columns: list[str] | None = None, *, split: bool = False) -> Schema: ...
    def __arrow_c_schema__(self) -> object: ...

# For the tests, which compare the backends and choose the fast paths.

def catalogue() -> list[dict[str, Any]]: ...
def diagnostic_kinds() -> dict[str, tuple[str, str]]: ...
def fill_slots_by_name(by_name: bool) -> None: ...
def frame(
    chunks: list[bytes], form: str = "auto", on_eof: str = "flush", limit: int | None = None, force_slow: bool = False
) -> list[tuple[Any, ...]]: ...
def json_verdict(raw: bytes) -> Literal["ok", "bad", "limit"]: ...
def json_invalid_unicode(raw: bytes) -> bool: ...
def line_check(lines: list[bytes]) -> list[str]: ...

@final
class SdkPlan:
    """How the openai SDK's events are built, by type. Only the Rust backend has it; the fallback does not change the SDK."""

    def __new__(cls, validates: bool = True) -> SdkPlan: ...
    def extend(self, nodes: list[tuple[Any, ...]]) -> None:
        """Appends nodes, tuples of a kind and its arguments. A node is identified by its index."""
    def set_event(self, kind: str, node: int | None, alone: bool = False) -> None:
        """Builds events of this type from this node from now on; with None, the SDK builds them.

        With `alone` only those that validate without a function of the SDK.
        """
    def build(self, node: int, text: bytes, alone: bool = False) -> Any:
        """Builds a JSON object from a node as the SDK would, with `alone` as for an event. None if the result is not certain."""
    def needs_sdk(self, node: int, text: bytes) -> bool:
        """Whether an object is not built with `alone`, but may be without."""

@final
class SdkReader:
    """Reads one stream into events of the SDK.

    An iterator over the events of the latest chunk; each is built when it is asked for. It stops before a message that the SDK
    has to read, and goes on after `take_message`.
    """

    def __new__(cls, plan: SdkPlan, drafts: Sequence[str] = ..., named: bool = ...) -> SdkReader: ...
    def feed(self, chunk: bytes) -> SdkReader:
        """Continues with the next chunk, after the end of the iteration over the one before; returns itself."""
    def __iter__(self) -> SdkReader: ...
    def __next__(self) -> Any: ...
    def take_message(self) -> tuple[str | None, str] | None:
        """The message before which the iteration stopped: its event name, or None, and its data. None after the chunk."""
    @property
    def rest(self) -> bytes:
        """The bytes that are in no message so far."""
    @property
    def is_unsupported(self) -> bool:
        """Whether the SDK has to frame the rest, and all further chunks."""

@final
class SdkMessages:
    """Reads messages that contain one event each, such as the frames of a WebSocket, into events of the SDK."""

    def __new__(cls, plan: SdkPlan) -> SdkMessages: ...
    def event(self, message: str | bytes) -> Any:
        """The event of a message; None if the SDK must build it."""

@final
class SdkDraft:
    """The parts of an event that is not built yet: an `SdkDeltaRun` uses them, or else `event` builds the event itself."""

    def event(self) -> Any:
        """The event. Raises `ValueError` if it was built already."""

@final
class SdkSnapshotBuilder:
    """Builds events of one SDK class from events of another class, with one more member, for example `snapshot`."""

    def __new__(
        cls, class_: type[Any], fields: list[tuple[Any, ...]], fields_set: set[str], added: str
    ) -> SdkSnapshotBuilder: ...
    def build(self, event: Any, added: Any) -> Any:
        """The event with the new member. Lists are copied, and null members get their defaults."""

@final
class SdkDeltaRun:
    """The deltas of one text, from the second on."""

    def __new__(cls, builder: SdkSnapshotBuilder, event: Any, text: str) -> SdkDeltaRun: ...
    def __call__(self, event: Any) -> list[Any] | None:
        """The events for the next delta: a list of one event. None if the event does not belong to this text."""
    @property
    def text(self) -> str:
        """The text so far."""

@final
class SdkClass:
    """Makes objects like one of the SDK's: of its class, with the same fields set, without extra members."""

    def __new__(cls, model: Any) -> SdkClass: ...
    def build(self, members: dict[str, Any]) -> Any:
        """The object with these members; the dict becomes that of the object."""

@final
class SdkClasses:
    """The classes of the SDK's messages that are copied."""

    def __new__(cls, shared: Sequence[str]) -> SdkClasses: ...

@final
class SdkGrowth:
    """How a text of the messages of `chat.completions.stream()` grows, and the events of the chunks that continue it."""

    def __new__(
        cls,
        member: str | None,
        text: list[str | int],
        parsed: list[str | int],
        parse: Callable[[bytes], Any] | None,
        events: list[tuple[SdkClass, dict[str, Any], list[tuple[str, str]]]],
    ) -> SdkGrowth: ...

@final
class SdkMessageRun:
    """The chunks of `chat.completions.stream()` that only continue one text of a message."""

    def __new__(
        cls, classes: SdkClasses, growth: SdkGrowth, snapshot: Any, chunk: Any, fields_set: set[str] | None = None
    ) -> SdkMessageRun: ...
    def preview(self, chunk: Any) -> Any:
        """The message with the text of a chunk, which the state does not get; None if it does not only continue the text."""
    def __call__(self, chunk: Any) -> tuple[Any, ...] | None:
        """The events of a chunk, after it was added to the completion. None if it does not only continue the text."""

@final
class SdkBlockRun:
    """The events of `messages.stream()` whose deltas only continue the content of one block."""

    def __new__(
        cls,
        event: Any,
        content: list[Any],
        members: tuple[str, str],
        made: SdkClass,
        made_type: str,
        buffers: dict[int, bytes] | None = None,
        parse: Callable[[bytes], Any] | None = None,
    ) -> SdkBlockRun: ...
    def __call__(self, event: Any) -> tuple[Any, Any] | None:
        """An event whose delta continues the block, and the event that is made of it; None for other events."""

@final
class SdkBlockEvents:
    """The events of `messages.stream()`. An error ends the iteration."""

    def __new__(cls, source: Callable[[], Iterable[Any]], accumulator: Any) -> SdkBlockEvents:
        """`source`: gives the events of the stream once the first one is read. `accumulator`: has the method `events`, which gives
        the events of one that does not only continue a block, and the attribute `run`, an `SdkBlockRun` or None after that.
        """
    def __iter__(self) -> SdkBlockEvents: ...
    def __next__(self) -> Any: ...
