"""The extension module: the engine in Rust. `respstream._pure` has the same names, in Python."""

from collections.abc import Callable
from typing import Any, Literal, final

from respstream.base import Event
from respstream.diagnostics import Diagnostic
from respstream.response import Response
from respstream.sse import ServerSentEvent

class Decoder:
    """Decodes one live stream, or one log, without doing any I/O."""

    def __new__(
        cls,
        *,
        form: str = "auto",
        on_eof: str = "flush",
        strict: bool = False,
        max_event_bytes: int | None = None,
        clock: Callable[[], float] | None = None,
    ) -> Decoder: ...
    def feed(self, data: Any) -> list[Event]:
        """Takes the next bytes; gives the events that they complete."""
    def finish(self) -> list[Event]:
        """Ends the stream; gives the last events. Further bytes need a `reset()`."""
    def reset(self) -> None:
        """Forgets everything; the decoder is as new."""
    def fold(self, data: Any) -> list[Response]:
        """As `feed`, but makes no events: gives the responses that ended, and forgets them."""
    def fold_end(self) -> list[Response]:
        """As `finish`, but gives the responses that ended, and forgets them."""
    def add_payload(self, raw: bytes, name: str | None, number: int) -> None:
        """Folds one payload that was framed elsewhere: the event of that number, with the name of its event line."""
    def _choose_paths(self, *, plain: bool = True, predict: bool = True) -> None:
        """Chooses for tests which fast paths are taken: plain blocks framed as they stand, and events recognised."""
    def _counters(self) -> dict[str, int]:
        """For tests: how often the fast paths were taken, and how often in vain."""
    @property
    def response(self) -> Response | None:
        """The latest response, folded so far; None before the first."""
    @property
    def responses(self) -> list[Response]:
        """All responses: those that have ended, in the order of ending, then the open ones."""
    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What was odd so far; at most 10,000 are kept."""
    @property
    def diagnostic_counts(self) -> dict[str, int]:
        """How many diagnostics there were of each code, kept or not."""
    @property
    def last_sequence_number(self) -> int | None:
        """The sequence number of the last event that had one."""

@final
class State:
    """One response, folded so far: what a `respstream.Response` reads."""

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
    id: str | None
    status: str | None
    diagnostics: list[Diagnostic]
    def keys(self) -> list[str]: ...
    def member(self, name: str) -> bytes | None: ...
    def json(self) -> bytes: ...
    def texts(self) -> tuple[str, str | None, str, str]: ...
    def tool_calls(self) -> list[tuple[str, str | None, str | None, str | None]]: ...
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

def response_row(state: State, source: str, *, whole: bool = False) -> tuple[Any, ...]:
    """The row of one response; with `whole` its JSON is the last column. Times are microseconds since the epoch."""

# For the tests, which compare the twins and force the paths.

def catalogue() -> list[dict[str, Any]]: ...
def diagnostic_kinds() -> dict[str, tuple[str, str]]: ...
def fill_slots_by_name(by_name: bool) -> None: ...
def frame(
    chunks: list[bytes], form: str, on_eof: str, limit: int | None, force_slow: bool
) -> list[tuple[Any, ...]]: ...
def json_verdict(raw: bytes) -> Literal["ok", "bad", "limit"]: ...
def json_odd_text(raw: bytes) -> bool: ...
def line_check(lines: list[bytes]) -> list[str]: ...
