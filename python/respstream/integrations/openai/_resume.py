"""Follows a background response over broken connections.

The API numbers the events of a response, and sends those after a given number again: `GET /responses/ID?starting_after=N`. What
was received before a connection broke is thus never repeated and never lost.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import Any, overload

from respstream._pure.protocols.responses.catalogue import EVENTS
from respstream.errors import RespstreamError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

__all__ = ["AsyncResumedStream", "ResumeError", "ResumedStream", "resume"]

_TERMINAL = frozenset(kind for kind, entry in EVENTS.items() if entry.phase == "terminal")
# A request that fails with one of these is worth another one, as in the SDK.
_TEMPORARY = frozenset((408, 409, 429, *range(500, 600)))
_LONGEST_DELAY = 8.0


class ResumeError(RespstreamError):
    """A response could not be followed to its end; the cause is the exception that broke the last connection, if one did.

    `response_id`: its id, None if the first connection broke before it was known. `last_sequence_number`: that of the last
    event, to continue with `resume(client, response_id, starting_after=…)`.
    """

    def __init__(self, message: str, response_id: str | None, last_sequence_number: int | None) -> None:
        super().__init__(message)
        self.response_id = response_id
        self.last_sequence_number = last_sequence_number

    def __reduce__(self) -> tuple[Any, ...]:
        return ResumeError, (str(self), self.response_id, self.last_sequence_number)


@overload
def resume(
    client: OpenAI,
    response_id: str | None = None,
    *,
    starting_after: int | None = None,
    retries: int = 8,
    delay: float = 0.5,
    **request: Any,
) -> ResumedStream: ...
@overload
def resume(
    client: AsyncOpenAI,
    response_id: str | None = None,
    *,
    starting_after: int | None = None,
    retries: int = 8,
    delay: float = 0.5,
    **request: Any,
) -> AsyncResumedStream: ...
def resume(
    client: Any, response_id: str | None = None, *, starting_after: int | None = None, retries: int = 8,
    delay: float = 0.5, **request: Any,
) -> Any:  # fmt: skip
    """The events of a background response, over as many connections as it takes: each once, none left out.

    `response_id`: the id of a response that was created with `background=True, stream=True`; without it, one is created from
    `request`, the arguments of `client.responses.create`. With it, `request` are further arguments of `client.responses.retrieve`.
    `starting_after`: the number of the last event that is known already. `retries`: how many connections in a row may break
    without a new event. `delay`: the pause before the second of them, in seconds; it doubles up to 8.

    Returns an iterator, for `AsyncOpenAI` an asynchronous one; it ends after the terminal event, and else raises ResumeError. Errors of
    the API that another request cannot mend are raised as they are (`openai.APIStatusError`).
    """
    import openai

    if not isinstance(client, (openai.OpenAI, openai.AsyncOpenAI)):
        raise TypeError(f"resume() requires a client of the openai SDK, not {type(client).__name__}")
    if response_id is None and starting_after is not None:
        raise ValueError("starting_after requires the id of the response")
    make = ResumedStream if isinstance(client, openai.OpenAI) else AsyncResumedStream
    return make(client, _Progress(response_id, starting_after, request, retries, delay))


class _GapError(Exception):
    """An event is missing before the one that was received."""


class _Progress:
    """What is known of a response, and whether another connection is worthwhile; shared by both kinds of streams."""

    def __init__(
        self, response_id: str | None, last: int | None, request: dict[str, Any], retries: int, delay: float
    ) -> None:
        self.response_id, self.last = response_id, last
        self.connections = 0
        self.ended = False
        self._creates = response_id is None
        self._request = request
        self._retries, self._delay = retries, delay
        self._failures = 0  # connections in a row without a new event
        self._gap: tuple[int, int] | None = None

    def connect(self, client: Any) -> Any:
        """Asks the API for the events after the last one."""
        self.connections += 1
        if self.response_id is None:
            return client.responses.create(**{"background": True, **self._request, "stream": True})
        after = {} if self.last is None else {"starting_after": self.last}
        request = {} if self._creates else self._request
        return client.responses.retrieve(self.response_id, **{**request, **after, "stream": True})

    def take(self, event: Any) -> bool:
        """Takes note of an event; returns False if it is a known one. Raises _GapError if one before it is missing."""
        number = getattr(event, "sequence_number", None)
        if isinstance(number, int):
            if self.last is not None and number <= self.last:
                return False
            self._check_gap(number)
            self.last = number
        if self.response_id is None:
            self.response_id = getattr(getattr(event, "response", None), "id", None)
        self._failures = 0
        self.ended = event.type in _TERMINAL
        return True

    def _check_gap(self, number: int) -> None:
        """Asks once more for the events that were left out; where they are left out again, the server has none."""
        gap = None if self.last is None or number == self.last + 1 else (self.last, number)
        if gap is not None and gap != self._gap:
            self._gap = gap
            raise _GapError(f"after event {gap[0]} came event {gap[1]}")

    def pause(self, error: Exception | None) -> float:
        """The pause before another connection, in seconds. `error`: what broke the last one; None if it ended early.

        Raises the error if another request cannot mend it, ResumeError if no other is allowed or possible.
        """
        if error is not None and not _is_temporary(error):
            raise error
        self._failures += 1
        if self.response_id is None:
            reason = "the connection broke before the id of the response was received"
        elif self._failures > self._retries:
            reason = f"the connection broke {self._failures} times after event {self.last}"
        else:
            return 0.0 if self._failures == 1 else min(_LONGEST_DELAY, self._delay * 2.0 ** (self._failures - 2))
        raise ResumeError(reason, self.response_id, self.last) from error


def _is_temporary(error: Exception) -> bool:
    """Whether an exception means that a connection broke, or that the server refused one for the time being."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code in _TEMPORARY
    # The HTTP library is httpx or httpx2; a body that ends inside an event is bad JSON to a client with `faithful=False`.
    broken = (openai.APIConnectionError, ConnectionError, json.JSONDecodeError, _GapError)
    return isinstance(error, broken) or any(cls.__name__ == "TransportError" for cls in type(error).__mro__)


class _Resumed:
    """What both kinds of streams share."""

    def __init__(self, client: Any, progress: _Progress) -> None:
        self._client, self._progress = client, progress
        self._stream: Any = None

    @property
    def response_id(self) -> str | None:
        """The id of the response; None before its first event."""
        return self._progress.response_id

    @property
    def last_sequence_number(self) -> int | None:
        """The sequence number of the last event."""
        return self._progress.last

    @property
    def connections(self) -> int:
        """How many connections it took so far."""
        return self._progress.connections


class ResumedStream(_Resumed):
    """The events of one response, from `resume`: an iterator, and a context manager that closes the connection."""

    def __init__(self, client: Any, progress: _Progress) -> None:
        super().__init__(client, progress)
        self._events = self._follow()

    def _follow(self) -> Generator[Any]:
        progress = self._progress
        while True:
            error: Exception | None = None
            try:
                self._stream = progress.connect(self._client)
                for event in self._stream:
                    if not progress.take(event):
                        continue
                    if progress.ended:
                        self._disconnect()  # whoever has the terminal event may read no further
                    yield event
                    if progress.ended:
                        return
            except Exception as raised:
                error = raised
            finally:
                self._disconnect()
            time.sleep(progress.pause(error))

    def _disconnect(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._events)

    def close(self) -> None:
        """Closes the connection; the response goes on."""
        self._events.close()

    def __enter__(self) -> ResumedStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncResumedStream(_Resumed):
    """As `ResumedStream`, for `AsyncOpenAI`."""

    def __init__(self, client: Any, progress: _Progress) -> None:
        super().__init__(client, progress)
        self._events = self._follow()

    async def _follow(self) -> AsyncGenerator[Any]:
        from anyio import sleep

        progress = self._progress
        while True:
            error: Exception | None = None
            try:
                self._stream = await progress.connect(self._client)
                async for event in self._stream:
                    if not progress.take(event):
                        continue
                    if progress.ended:
                        await self._disconnect()
                    yield event
                    if progress.ended:
                        return
            except Exception as raised:
                error = raised
            finally:
                await self._disconnect()
            await sleep(progress.pause(error))

    async def _disconnect(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    def __aiter__(self) -> AsyncResumedStream:
        return self

    async def __anext__(self) -> Any:
        return await anext(self._events)

    async def aclose(self) -> None:
        """Closes the connection; the response goes on."""
        await self._events.aclose()

    async def __aenter__(self) -> AsyncResumedStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
