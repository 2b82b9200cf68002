"""The folded response, as users see it. The engines hold its state; this class reads and decodes it."""

from __future__ import annotations

from respstream.base import Payload, _decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from respstream.diagnostics import Diagnostic

    class State(Protocol):
        """What an engine tells of one response; `version` changes with everything else."""

        @property
        def version(self) -> int: ...
        @property
        def complete(self) -> bool: ...
        @property
        def terminal(self) -> str | None: ...
        @property
        def lane(self) -> str | None: ...
        @property
        def byte_start(self) -> int: ...
        @property
        def byte_end(self) -> int: ...
        @property
        def line(self) -> int: ...
        @property
        def stream_index(self) -> int | None: ...
        @property
        def events(self) -> int: ...
        @property
        def deltas(self) -> int: ...
        @property
        def first_sequence(self) -> int | None: ...
        @property
        def last_sequence(self) -> int | None: ...
        @property
        def started_at(self) -> float | None: ...
        @property
        def first_delta_at(self) -> float | None: ...
        @property
        def ended_at(self) -> float | None: ...
        @property
        def id(self) -> str | None: ...
        @property
        def status(self) -> str | None: ...
        @property
        def diagnostics(self) -> list[Diagnostic]: ...
        def keys(self) -> list[str]: ...
        def member(self, name: str) -> bytes | None: ...
        def json(self) -> bytes: ...
        def texts(self) -> tuple[str, str | None, str, str]: ...
        def tool_calls(self) -> list[tuple[str, str | None, str | None, str | None]]: ...
        def error(self) -> dict[str, Any] | None: ...


__all__ = ["Response", "ResponseError", "ToolCall"]


class ToolCall:
    """A call that the model made: `type`, `call_id`, `name` and `arguments`, as far as they have arrived.

    `arguments` is the text that the model wrote: JSON for functions and MCP, anything for custom tools.
    """

    __slots__ = ("arguments", "call_id", "name", "type")

    def __init__(self, type: str, call_id: str | None, name: str | None, arguments: str | None) -> None:
        self.type = type
        self.call_id = call_id
        self.name = name
        self.arguments = arguments

    def parsed_arguments(self) -> Any:
        """The arguments decoded from JSON. Raises ValueError, which names the call, when they are not JSON (yet)."""
        from respstream.base import _loads

        try:
            return _loads((self.arguments or "").encode("utf-8", "surrogatepass"))
        except ValueError:
            shown = (self.arguments or "")[:80]
            raise ValueError(f"the arguments of {self.name or self.type} are not JSON: {shown!r}") from None

    def to_dict(self) -> dict[str, str | None]:
        """The call as a plain dict."""
        return {"type": self.type, "call_id": self.call_id, "name": self.name, "arguments": self.arguments}

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, ToolCall) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ToolCall({self.type!r}, call_id={self.call_id!r}, name={self.name!r}, arguments={self.arguments!r})"


class ResponseError:
    """The API's error: of the response itself, or of an `error` event. Members that it lacks are None."""

    __slots__ = ("code", "message", "param", "request_id", "type")

    def __init__(self, members: dict[str, Any]) -> None:
        self.code: Any = members.get("code")
        self.message: Any = members.get("message")
        self.type: Any = members.get("type")
        self.param: Any = members.get("param")
        self.request_id: Any = members.get("request_id")

    def to_dict(self) -> dict[str, Any]:
        """The error as a plain dict of the members that it has."""
        known = {name: getattr(self, name) for name in ("code", "message", "type", "param", "request_id")}
        return {name: value for name, value in known.items() if value is not None}

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, ResponseError) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ResponseError({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"


class Response:
    """One response, folded from its events; it fills while the stream runs.

    The members of the API's response object are attributes (`response.usage.output_tokens`), decoded one at a time when
    they are first read; one that the wire lacks raises AttributeError, but for those listed here, which are None or empty.
    Nothing raises because a stream was cut short: `complete` tells whether a terminal event was seen.
    """

    __slots__ = ("_seen", "_state", "_version")

    def __init__(self, state: State) -> None:
        self._state = state
        self._version = -1
        self._seen: dict[str, Any] = {}

    # -- members of the response object ----------------------------------------------------------------------------

    def _cache(self) -> dict[str, Any]:
        version = self._state.version
        if version != self._version:
            self._version, self._seen = version, {}
        return self._seen

    def _member(self, name: str) -> Any:
        seen = self._cache()
        if name not in seen:
            raw = self._state.member(name)
            if raw is None:
                raise KeyError(name)
            seen[name] = _decode(raw)
        return seen[name]

    def __getitem__(self, name: str) -> Any:
        return self._member(name)

    def __contains__(self, name: object) -> bool:
        return name in self._state.keys()  # noqa: SIM118

    def __iter__(self) -> Any:
        return iter(self._state.keys())

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name[:2] != "__" and name not in Response.__slots__:
                try:
                    return self._member(name)
                except KeyError:
                    pass
            raise AttributeError(f"this response has no member {name!r}")

    else:

        def __getattr__(self, name: str) -> Any: ...

    def get(self, name: str, default: Any = None) -> Any:
        """The member of that name, or `default` where there is none."""
        try:
            return self._member(name)
        except KeyError:
            return default

    def keys(self) -> list[str]:
        """The names of the members, in the order of the wire."""
        return self._state.keys()

    def to_dict(self) -> dict[str, Any]:
        """The whole response object as a new plain dict.

        It equals the terminal event's `response`, unless streamed items had to be recovered (`output_recovered`); before
        the terminal event it is the last lifecycle response with the output folded so far.
        """
        return Payload(self._state.json()).to_dict()

    def to_json(self) -> bytes:
        """The whole response object as JSON, as the wire had it where it was not folded."""
        return self._state.json()

    @property
    def id(self) -> str | None:
        """The response's id; the last one where it changed."""
        return self._state.id

    @property
    def status(self) -> str | None:
        """The terminal status; for a stream cut short the last that was told."""
        return self._state.status

    @property
    def model(self) -> str | None:
        """The model's name."""
        value = self.get("model")
        return value if isinstance(value, str) else None

    @property
    def usage(self) -> Any:
        """The token counts (`input_tokens`, `output_tokens`, …), None before they are told."""
        return self.get("usage")

    @property
    def output(self) -> list[Any]:
        """The items folded so far, in output order."""
        value = self.get("output")
        return value if isinstance(value, list) else []

    # -- what the output says --------------------------------------------------------------------------------------

    def _texts(self) -> tuple[str, str | None, str, str]:
        seen = self._cache()
        if "\0texts" not in seen:
            seen["\0texts"] = self._state.texts()
        texts: tuple[str, str | None, str, str] = seen["\0texts"]
        return texts

    @property
    def output_text(self) -> str:
        """All output text of all messages, in order; "" where there is none."""
        return self._texts()[0]

    @property
    def refusal(self) -> str | None:
        """The text of the model's refusal, None where there is none."""
        return self._texts()[1]

    @property
    def reasoning_text(self) -> str:
        """The reasoning that the model showed; "" where there is none."""
        return self._texts()[2]

    @property
    def reasoning_summary(self) -> str:
        """The parts of the reasoning's summary, joined by blank lines; "" where there is none."""
        return self._texts()[3]

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The function, custom and MCP calls, in output order."""
        return [ToolCall(*call) for call in self._state.tool_calls()]

    @property
    def error(self) -> ResponseError | None:
        """The API's error, of the response or of an `error` event."""
        members = self._state.error()
        return None if members is None else ResponseError(members)

    @property
    def incomplete_reason(self) -> str | None:
        """Why an incomplete response ended: `max_output_tokens`, `content_filter`, …"""
        details = self.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Payload) else None
        return reason if isinstance(reason, str) else None

    # -- about the stream ------------------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether a terminal event was seen, or the response came whole and not streamed."""
        return self._state.complete

    @property
    def terminal(self) -> str | None:
        """The type of the terminal event, None while there is none."""
        return self._state.terminal

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What was odd about this response."""
        return list(self._state.diagnostics)

    @property
    def stream_id(self) -> str | None:
        """The lane, where the source carries several streams."""
        return self._state.lane

    @property
    def stream_index(self) -> int | None:
        """The number of the response in its source, by the order of ending; None while it is open."""
        return self._state.stream_index

    @property
    def offset(self) -> int:
        """Where its first event begins, in bytes of the uncompressed source."""
        return self._state.byte_start

    @property
    def events(self) -> int:
        """How many events belong to it."""
        return self._state.events

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Response) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        text = self.output_text
        shown = text if len(text) <= 48 else text[:47] + "…"
        return f"Response(id={self.id!r}, status={self.status!r}, output_text={shown!r})"
