"""The one place that knows the SDK's private names. Each is looked up when acceleration is asked for; where one is gone
or looks otherwise than here, `load` tells so, and the SDK is left alone.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

from respstream.integrations import _sdk
from respstream.integrations._sdk import UnsupportedError, Wanted, check_layout, look_up

__all__ = ["Reader", "Sdk", "UnsupportedError", "load"]

MINIMUM = (2, 0)
"""The first release that is read natively."""
_BETA_EVENTS = "anthropic.types.beta.beta_raw_message_stream_event"
_BETA_STREAMING = "anthropic.lib.streaming._beta_messages"
_BEDROCK_DECODER = "anthropic.lib.bedrock._stream_decoder"


@dataclass(frozen=True)
class Reader:
    """What `messages.stream()` of one API is made of, in its module of the SDK."""

    readers: tuple[type[Any], type[Any]]
    """What reads a stream of events, synchronous and asynchronous."""
    accumulate: Any
    """The function that adds an event to the message."""
    build: Any
    """The function that makes the events of the reader."""
    takes_headers: bool
    """Whether `accumulate` is given the headers of the request."""
    withhold: Any
    """The function that is called when `accumulate` fails."""
    parse: Any
    """The function that reads the JSON of an input that is not complete."""

    def is_patched(self) -> bool:
        """Whether the functions of the module are not those that were found."""
        module = sys.modules.get(self.readers[0].__module__)
        found = getattr(module, "accumulate_event", None), getattr(module, "build_events", None)
        return found != (self.accumulate, self.build)


@dataclass(frozen=True)
class Sdk(_sdk.Sdk):
    """The parts of the SDK that are used."""

    named: ClassVar[bool] = True

    reader: Reader
    """The parts of `messages.stream()`."""

    __hash__ = _sdk.Sdk.__hash__  # a dataclass would replace it

    def variants(self) -> tuple[Sdk, ...]:
        """The SDK with the events of each API that it streams; those of the beta API once it is in use, which imports them."""
        beta = getattr(sys.modules.get(_BETA_EVENTS), "BetaRawMessageStreamEvent", None)
        return (self,) if beta is None else (self, self.with_events(beta))

    def readers(self) -> tuple[Reader, ...]:
        """The parts of `messages.stream()` of each API, likewise."""
        module = sys.modules.get(_BETA_STREAMING)
        beta = None if module is None else _reader(module, "BetaMessageStream", "BetaAsyncMessageStream")
        return (self.reader,) if beta is None else (self.reader, beta)

    def message_decoders(self) -> tuple[type[Any], ...]:
        """Bedrock's decoder, once it is imported."""
        found = getattr(sys.modules.get(_BEDROCK_DECODER), "AWSEventStreamDecoder", None)
        return () if found is None else (found,)

    def skips(self, message: Any) -> bool:
        """Whether the SDK passes a message over: it has no name, is a sign of life, or has no data and is no error."""
        name = message.event
        return name is None or name == "ping" or (name != "error" and not message.data)


def _reader(module: Any, *names: str) -> Reader | None:
    """The parts of a module; None if it is not laid out as expected."""
    try:
        import jiter

        first, second = (getattr(module, name) for name in names)
        parameters = set(inspect.signature(module.accumulate_event).parameters)
        known = {"event", "current_snapshot", "json_bufs", "output_format"}
        built = set(inspect.signature(module.build_events).parameters)
        if parameters - {"request_headers"} != known or built != {"event", "message_snapshot"}:
            return None
        withhold = module.withhold_message_snapshot
        return Reader(
            (first, second),
            module.accumulate_event,
            module.build_events,
            "request_headers" in parameters,
            withhold,
            jiter.from_json,
        )
    except (AttributeError, ImportError):
        return None


def _lookup() -> Sdk:
    import anthropic
    from anthropic import _base_client, _models, _streaming
    from anthropic.lib.streaming import _messages
    from anthropic.types import RawMessageStreamEvent

    reader = _reader(_messages, "MessageStream", "AsyncMessageStream")
    if reader is None:
        raise UnsupportedError("messages.stream() is not laid out as expected")
    return Sdk(
        version=anthropic.__version__,
        clients=(_base_client.SyncAPIClient, _base_client.AsyncAPIClient),
        streams=(_streaming.Stream, _streaming.AsyncStream),
        message=_streaming.ServerSentEvent,
        process=(_base_client.BaseClient._process_response_data,),
        decoders=(_streaming.SSEDecoder,),
        events=RawMessageStreamEvent,
        model=_models.BaseModel,
        chunk_type=_streaming.extract_stream_chunk_type,
        construct_type=_models.construct_type,
        validate_type=_models.validate_type,
        reader=reader,
    )


def _check(sdk: Sdk) -> None:
    release = tuple(int(number) for number in re.findall(r"\d+", sdk.version)[:2])
    if release < MINIMUM:
        raise UnsupportedError(f"anthropic {sdk.version} is older than {'.'.join(map(str, MINIMUM))}")
    wanted: list[Wanted] = [
        (sdk.streams, ("__stream__", "_iter_events", "close"), "__init__", ("response", "cast_to", "client")),
        (sdk.clients, (), "_process_response", ("stream_cls",)),
        (sdk.reader.readers, ("__stream__",), "__init__", ("raw_stream",)),
    ]
    check_layout(sdk, wanted)


@functools.cache
def load() -> Sdk:
    """The SDK. Raises UnsupportedError if its layout is not known, ImportError if it is not installed."""
    return look_up("anthropic", _checked)


def _checked() -> Sdk:
    sdk = _lookup()
    _check(sdk)
    return sdk
