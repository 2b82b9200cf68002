"""The one place that knows the SDK's private names. Each is looked up when acceleration is asked for; where one is gone
or looks otherwise than here, `load` tells so, and the SDK is left alone.
"""

from __future__ import annotations

import functools
import re
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

from respstream.integrations import _sdk
from respstream.integrations._sdk import UnsupportedError, Wanted, check_layout, look_up

__all__ = ["Sdk", "UnsupportedError", "load"]

MINIMUM = (2, 54)
"""The first release that the tests of the integration pass with."""
_BETA_EVENTS = "openai.types.beta.beta_response_stream_event"


@dataclass(frozen=True, eq=False)
class Sdk(_sdk.Sdk):
    """The parts of the SDK that are used."""

    api: ClassVar[str] = "responses"

    readers: tuple[type[Any], type[Any]]
    """What reads a stream of events for `responses.stream()`, likewise."""
    resources: tuple[type[Any], type[Any]]
    """The base classes of what a client's attributes return, as `client.responses`, likewise."""
    state: type[Any]
    """What folds the events of `responses.stream()`."""
    chunk: type[Any]
    """The class of the chunks of Chat Completions."""
    chat_readers: tuple[type[Any], type[Any]]
    """What reads a stream of chunks for `chat.completions.stream()`."""
    chat_state: type[Any]
    """What folds the chunks of `chat.completions.stream()`."""
    chat_events: tuple[type[Any], type[Any], type[Any], type[Any]]
    """The events of a chunk, and of the deltas of its content, of the arguments of a call, and of its refusal."""
    get_tool: Any
    """The function that finds the tool of a name."""
    parse_partial: Any
    """The function that reads JSON that is not complete."""
    parse_response: Any
    parse_completion: Any
    omit: Any

    def variants(self) -> tuple[Sdk, ...]:
        """The SDK with the events of each API that it streams: Responses, Chat Completions, and the beta API once it is in use.

        Its classes are imported by `client.beta.responses`, which costs as much as a third of the SDK.
        """
        beta = getattr(sys.modules.get(_BETA_EVENTS), "BetaResponseStreamEvent", None)
        found = self, self.with_events(self.chunk)
        return found if beta is None else (*found, self.with_events(beta))

    def response(self, value: object) -> Any:
        """The SDK's `Response` of a decoded one."""
        from openai.types.responses import Response

        return self.construct_type(type_=Response, value=value)


def _lookup() -> Sdk:
    import jiter
    import openai
    from openai import _base_client, _models, _resource, _streaming
    from openai._types import omit
    from openai.lib._parsing import _completions as chat_parsing
    from openai.lib._parsing import _responses as parsing
    from openai.lib.streaming.chat import _completions as chat
    from openai.lib.streaming.chat import _events as chat_events
    from openai.lib.streaming.responses import _responses as streaming
    from openai.types.chat import ChatCompletionChunk
    from openai.types.responses import ResponseStreamEvent

    return Sdk(
        version=openai.__version__,
        clients=(openai.OpenAI, openai.AsyncOpenAI),
        streams=(_streaming.Stream, _streaming.AsyncStream),
        readers=(streaming.ResponseStream, streaming.AsyncResponseStream),
        resources=(_resource.SyncAPIResource, _resource.AsyncAPIResource),
        state=streaming.ResponseStreamState,
        chunk=ChatCompletionChunk,
        chat_readers=(chat.ChatCompletionStream, chat.AsyncChatCompletionStream),
        chat_state=chat.ChatCompletionStreamState,
        chat_events=(
            chat_events.ChunkEvent,
            chat_events.ContentDeltaEvent,
            chat_events.FunctionToolCallArgumentsDeltaEvent,
            chat_events.RefusalDeltaEvent,
        ),
        get_tool=chat_parsing.get_input_tool_by_name,
        parse_partial=functools.partial(jiter.from_json, partial_mode=True),
        message=_streaming.ServerSentEvent,
        process=(_base_client.BaseClient._process_response_data,),
        decoders=(_streaming.SSEDecoder,),
        events=ResponseStreamEvent,
        model=_models.BaseModel,
        chunk_type=_streaming.extract_stream_chunk_type,
        construct_type=_models.construct_type,
        validate_type=_models.validate_type,
        parse_response=parsing.parse_response,
        parse_completion=chat_parsing.parse_chat_completion,
        omit=omit,
    )


def _check_release() -> None:
    import openai

    release = openai.__version__
    if tuple(int(number) for number in re.findall(r"\d+", release)[:2]) < MINIMUM:
        raise UnsupportedError(f"openai {release} is older than {'.'.join(map(str, MINIMUM))}")


def _check(sdk: Sdk) -> None:
    wanted: list[Wanted] = [
        (sdk.streams, ("__stream__", "_iter_events", "close"), "__init__", ("response", "cast_to", "client")),
        (sdk.clients, ("copy", "with_options"), "_process_response", ("stream_cls",)),
        (sdk.readers, (), "__init__", ("raw_stream",)),
        ((sdk.state,), ("accumulate_event",), "handle_event", ("event",)),
        (sdk.chat_readers, (), "__init__", ("raw_stream",)),
        ((sdk.chat_state,), ("get_final_completion",), "handle_chunk", ("chunk",)),
    ]
    check_layout(sdk, wanted)


@functools.cache
def load() -> Sdk:
    """The SDK. Raises UnsupportedError if its layout is not known, ImportError if it is not installed."""
    return look_up("openai", _checked)


def _checked() -> Sdk:
    _check_release()
    sdk = _lookup()
    _check(sdk)
    return sdk
