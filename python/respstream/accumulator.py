"""The fold of events that one already has: ours, the openai SDK's, or dicts."""

from __future__ import annotations

from itertools import count

from respstream import _backend
from respstream.protocols.event import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream.diagnostics import Diagnostic
    from respstream.protocols.responses.response import Response

__all__ = ["Accumulator"]


class Accumulator:
    """Folds events: respstream's, the openai SDK's event objects, dicts; mixed as one likes.

    Each is read through its JSON, so that the result is that of the bytes. In its diagnostics `offset` is the number of
    the event, from 0. With `strict`, the first diagnostic of severity error raises StreamError.
    """

    __slots__ = ("_decoder", "_numbers")

    def __init__(self, *, strict: bool = False) -> None:
        self._decoder = _backend.engine.Decoder(strict=strict)
        self._numbers = count()  # which threads may share

    def add(self, event: Any) -> None:
        """Folds one event. Raises TypeError for what is no event."""
        raw, name = _payload(event)
        self._decoder.add_payload(raw, name, next(self._numbers))

    @property
    def response(self) -> Response | None:
        """The latest response, folded so far; None before the first."""
        response: Response | None = self._decoder.response
        return response

    @property
    def responses(self) -> list[Response]:
        """All responses: those that have ended, in the order of ending, then the open ones."""
        responses: list[Response] = self._decoder.responses
        return responses

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What was odd so far; at most 10,000 are kept."""
        diagnostics: list[Diagnostic] = self._decoder.diagnostics
        return diagnostics


def _payload(event: Any) -> tuple[bytes, str | None]:
    """The JSON of an event, and the name of its event line where that stood in for the type."""
    if isinstance(event, Event):
        return event.raw, event._named
    if isinstance(event, dict):
        import json

        return json.dumps(event, separators=(",", ":"), allow_nan=False).encode(), None
    dump = getattr(event, "model_dump_json", None)
    if dump is None:
        raise TypeError(f"an event, an SDK event or a dict is required, not {type(event).__name__!r}")
    return dump(exclude_unset=True, by_alias=True, warnings=False).encode("utf-8", "surrogatepass"), None
