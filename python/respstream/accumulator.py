"""Assembles responses from event objects: of this package, of the openai SDK, or dicts."""

from __future__ import annotations

from itertools import count

from respstream import _backend
from respstream.protocols.event import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream.diagnostics import Diagnostic
    from respstream.protocols.response import Response

__all__ = ["Accumulator"]


class Accumulator:
    """Assembles responses from events of this package, event objects of the openai SDK, and dicts, in any mixture.

    Each event is read through its JSON, so that the results equal those of the bytes. In diagnostics, `offset` is the number
    of the event, from 0. `strict`: the first diagnostic of severity error raises StreamError.
    """

    __slots__ = ("_decoder", "_numbers")

    def __init__(self, *, strict: bool = False) -> None:
        self._decoder = _backend.engine.Decoder(strict=strict)
        self._numbers = count()  # an iterator that threads may share

    def add(self, event: Any) -> None:
        """Applies one event. Raises TypeError for other objects, ValueError for a dict with NaN."""
        raw, name = _payload(event)
        self._decoder.add_payload(raw, name, next(self._numbers))

    def __repr__(self) -> str:
        responses = self.responses
        latest = f", latest={responses[-1].id!r} {responses[-1].status}" if responses else ""
        return f"Accumulator(responses={len(responses)}, diagnostics={len(self.diagnostics)}{latest})"

    @property
    def response(self) -> Response | None:
        """The latest response, assembled so far; None before the first."""
        response: Response | None = self._decoder.response
        return response

    @property
    def responses(self) -> list[Response]:
        """All responses: those that have ended, in the order of ending, then the open ones."""
        responses: list[Response] = self._decoder.responses
        return responses

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """The diagnostics so far; at most 10,000 are stored."""
        diagnostics: list[Diagnostic] = self._decoder.diagnostics
        return diagnostics


def _payload(event: Any) -> tuple[bytes, str | None]:
    """The JSON of an event, and the name of its event line if its payload has no type."""
    if isinstance(event, Event):
        return event.raw, event._named
    if isinstance(event, dict):
        import json

        return json.dumps(event, separators=(",", ":"), allow_nan=False).encode(), None
    dump = getattr(event, "model_dump_json", None)
    if dump is None:
        raise TypeError(f"an event, an SDK event or a dict is required, not {type(event).__name__!r}")
    return dump(exclude_unset=True, by_alias=True, warnings=False).encode("utf-8", "surrogatepass"), None
