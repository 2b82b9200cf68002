"""The assembled response as a public object, which reads and decodes the state of a backend.

Every API has the same view; what differs between the APIs stands in the module `view` of each.
"""

from __future__ import annotations

from respstream.protocols.payload import Payload, retyped
from respstream.protocols.tool_calls import NONE, ToolCall, calls_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._options import ApiName, Status
    from respstream.diagnostics import Diagnostic
    from respstream.protocols.latency import Latency
    from respstream.protocols.members import ResponseMembers
    from respstream.protocols.responses import objects
    from respstream.protocols.state import State
    from respstream.protocols.tool_calls import Calls
    from respstream.protocols.usage import Usage
else:
    ResponseMembers = object

__all__ = ["Response", "ResponseError", "ToolCall"]

_MISSING: Any = object()
_views: dict[str, Any] = {}


def view_of(api: str) -> Any:
    """The module with what differs in the view of an API's responses, imported when it is first used."""
    if api not in _views:
        _views[api] = __import__(f"{__package__}.{api}", fromlist=("view",)).view
    return _views[api]


class ResponseError:
    """The API's error, of the response or of an `error` event. Missing members are None."""

    __slots__ = ("code", "message", "param", "request_id", "type")

    def __init__(self, members: dict[str, Any]) -> None:
        self.code: Any = members.get("code")
        self.message: Any = members.get("message")
        self.type: Any = members.get("type")
        self.param: Any = members.get("param")
        self.request_id: Any = members.get("request_id")

    def to_dict(self) -> dict[str, Any]:
        """The members of the error that are not None, as a dict."""
        known = {name: getattr(self, name) for name in ("code", "message", "type", "param", "request_id")}
        return {name: value for name, value in known.items() if value is not None}

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, ResponseError) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ResponseError({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"


class Response(ResponseMembers):
    """One response of any API, assembled from its events; it grows while the stream runs.

    The members of the API's final object are attributes (`response.usage.output_tokens`), decoded when they are first
    read. A missing member is None if the SDK's class declares it, else it raises AttributeError; the properties of this class
    are None or empty. A response is a value once the stream has ended. A pickled response has its values of that moment. A
    truncated stream raises nothing: `complete` is True if a terminal event was seen.
    """

    __slots__ = ("_calls", "_state")

    _calls: Calls | None

    def __init__(self, state: State) -> None:
        given: object = state
        if isinstance(given, (dict, bytes, str)):
            raise TypeError(f"Response() does not take {type(given).__name__}: use Response.from_dict()")
        self._state = state
        self._calls = None

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> Response:
        """The response of an API's final object as `to_dict` returns it: a `response` or `chat.completion`.

        It has no events and no times. Raises ValueError for a dict that is no such object.
        """
        # By name, because it imports this module.
        building: Any = __import__(f"{__package__}.building", fromlist=("response_of",))
        made: Response = building.response_of(members)
        return made

    # -- members of the response object ----------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        value = self.get(name, _MISSING)
        if value is _MISSING:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._state.keys()  # noqa: SIM118

    def __iter__(self) -> Any:
        return iter(self._state.keys())

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name[:2] != "__" and name not in Response.__slots__:
                value = self.get(name, _MISSING)
                if value is not _MISSING:
                    return value
                if name in view_of(self._state.api).declared():
                    return None
            raise AttributeError(f"this response has no member {name!r}")

    def __dir__(self) -> list[str]:
        # For completion: the members that are there, and those that the SDK declares.
        members = (*self.keys(), *view_of(self._state.api).declared())
        return sorted({*super().__dir__(), *filter(str.isidentifier, members)})

    def get(self, name: str, default: Any = None) -> Any:
        """The member of that name, or `default` if it is missing."""
        value = self._state.value(name, default)
        parts = view_of(self._state.api).PARTS
        return retyped(value, parts[name]) if name in parts else value

    def keys(self) -> list[str]:
        """The names of the members, in the order in which they were received."""
        return self._state.keys()

    def to_dict(self) -> dict[str, Any]:
        """The API's final object as a new dict: its `response`, `chat.completion` or `message`, assembled so far.

        Responses: it equals the terminal event's `response`, unless streamed items had to be recovered
        (`output_recovered`). Before the terminal event, it is the last lifecycle response with the output assembled so far.
        """
        return Payload(self._state.json()).to_dict()

    def model_dump(self) -> dict[str, Any]:
        """As `to_dict`: the name that the SDKs use."""
        return self.to_dict()

    def to_json(self) -> bytes:
        """The whole response object as JSON; parts that were not assembled are the bytes as received."""
        return self._state.json()

    # -- the view of every API -------------------------------------------------------------------------------------

    @property
    def api(self) -> ApiName:
        """The API of the response: "responses", "chat", "messages"."""
        return self._state.api  # type: ignore[return-value]

    @property
    def id(self) -> str | None:
        """The response's id; the last one if it changed."""
        return self._state.id

    @property
    def status(self) -> Status | None:
        """The terminal status; for a truncated stream, the last one that was sent."""
        return self._state.status  # type: ignore[return-value]

    @property
    def model(self) -> str | None:
        """The model's name."""
        value = self.get("model")
        return value if isinstance(value, str) else None

    @property
    def finish_reason(self) -> str | None:
        """Why the response ended, in the API's own word, None until it is known.

        Responses: the status, or the reason of an incomplete response. Chat Completions: the finish reason of choice 0. Messages:
        the stop reason.
        """
        reason: str | None = view_of(self._state.api).finish_reason(self)
        return reason

    @property
    def usage(self) -> Usage | None:
        """The token counts, None until they are known.

        For every API: `input_tokens`, `output_tokens`, `total_tokens`, `cached_tokens` (a part of the input) and
        `reasoning_tokens` (a part of the output), None where the API sends none. Other members are those of the API.
        """
        usage: Usage | None = view_of(self._state.api).usage(self)
        return usage

    @property
    def output_text(self) -> str:
        """The output text of all messages, in order, or of choice 0; "" if there is none."""
        return self._state.texts()[0]

    @property
    def refusal(self) -> str | None:
        """The text of the model's refusal, None if there is none."""
        return self._state.texts()[1]

    @property
    def reasoning_text(self) -> str:
        """The reasoning text of the model; "" if there is none."""
        return self._state.texts()[2]

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls of functions, custom tools and MCP tools, in output order; their arguments can be read while they stream."""
        calls = self._calls
        if calls is None:
            calls = self._calls = calls_of(self._state)
        return [] if calls is NONE else calls.views()

    @property
    def error(self) -> ResponseError | None:
        """The API's error, of the response or of an `error` event."""
        members = self._state.error()
        return None if members is None else ResponseError(members)

    @property
    def incomplete_reason(self) -> str | None:
        """Why an incomplete response ended: `max_output_tokens`, `length`, `content_filter`, …"""
        reason: str | None = view_of(self._state.api).incomplete_reason(self)
        return reason

    # -- of the Responses API --------------------------------------------------------------------------------------

    @property
    def output(self) -> list[objects.OutputItem]:
        """The items assembled so far, in output order."""
        value = self.get("output")
        return value if isinstance(value, list) else []

    @property
    def reasoning_summary(self) -> str:
        """The parts of the reasoning summary, joined by blank lines; "" if there is none."""
        return self._state.texts()[3]

    # -- about the stream ------------------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether a terminal event was seen, or the response was not streamed."""
        return self._state.complete

    @property
    def terminal(self) -> str | None:
        """The type of the terminal event, None until it arrives."""
        return self._state.terminal

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """The diagnostics of this response."""
        return list(self._state.diagnostics)

    @property
    def stream_id(self) -> str | None:
        """The lane (stream key), if the source carries several streams."""
        return self._state.lane

    @property
    def stream_index(self) -> int | None:
        """The number of the response in its source, by the order of ending; None while it is open."""
        return self._state.stream_index

    @property
    def latency(self) -> Latency:
        """Time to first token, pauses and tokens per second, if times are known (docs/latency.md)."""
        from respstream.protocols.latency import latency_of

        return latency_of(self._state, self.usage)

    @property
    def offset(self) -> int:
        """The offset of the first event, in bytes of the uncompressed source."""
        return self._state.byte_start

    @property
    def events(self) -> int:
        """The number of events of the response."""
        return self._state.events

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Response) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        from respstream.protocols.snapshot import Snapshot

        return Response, (Snapshot(self._state),)

    def _repr_html_(self) -> str:
        """The response in a notebook."""
        from respstream._html import definitions

        usage = self.usage
        return definitions([
            ("id", self.id), ("api", self.api), ("model", self.model), ("status", self.status),
            ("finish_reason", self.finish_reason), ("usage", None if usage is None else str(usage)),
            ("tool_calls", ", ".join(call.name or call.type for call in self.tool_calls) or None),
            ("error", self.error), ("diagnostics", ", ".join(found.code for found in self.diagnostics) or None),
            ("output_text", self.output_text),
        ])  # fmt: skip

    def __repr__(self) -> str:
        text = self.output_text
        api = "" if self.api == "responses" else f"api={self.api!r}, "
        shown = text if len(text) <= 48 else text[:47] + "…"
        return f"Response({api}id={self.id!r}, status={self.status!r}, output_text={shown!r})"
