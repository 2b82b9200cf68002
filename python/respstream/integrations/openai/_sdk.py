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
from respstream.integrations._sdk import UnsupportedError, Wanted, check_classes, check_layout, look_up

__all__ = ["ChatReaders", "ResponseReaders", "Sdk", "UnsupportedError", "load"]

MINIMUM = (2, 54)
"""The first release that the tests of the integration pass with."""
_RESPONSES = "openai.lib.streaming.responses._responses"
_CHAT = "openai.lib.streaming.chat._completions"
_BETA_EVENTS = "openai.types.beta.beta_response_stream_event"


@dataclass(frozen=True, eq=False)
class ResponseReaders:
    """What `responses.stream()` is made of."""

    readers: tuple[type[Any], type[Any]]
    """What reads a stream of events, synchronous and asynchronous."""
    state: type[Any]
    """What folds the events."""
    parse: Any
    """The function that makes the final response."""


@dataclass(frozen=True, eq=False)
class ChatReaders:
    """What `chat.completions.stream()` is made of."""

    readers: tuple[type[Any], type[Any]]
    """What reads a stream of chunks, likewise."""
    state: type[Any]
    """What folds the chunks."""
    events: tuple[type[Any], type[Any], type[Any], type[Any]]
    """The events of a chunk, and of the deltas of its content, of the arguments of a call, and of its refusal."""
    is_chunk: Any
    """The function that tells whether a chunk counts."""
    get_tool: Any
    """The function that finds the tool of a name."""
    parse_partial: Any
    """The function that reads JSON that is not complete."""
    parse: Any
    """The function that makes the final completion."""
    omit: Any
    """What stands for an argument that was not given."""


@dataclass(frozen=True)
class Sdk(_sdk.Sdk):
    """The parts of the SDK that are used."""

    api: ClassVar[str] = "responses"

    resources: tuple[type[Any], type[Any]]
    """The base classes of what a client's attributes return, as `client.responses`, likewise."""
    chunk: type[Any]
    """The class of the chunks of Chat Completions."""

    __hash__ = _sdk.Sdk.__hash__  # a dataclass would replace it

    def variants(self) -> tuple[Sdk, ...]:
        """The SDK with the events of each API that it streams: Responses, Chat Completions, and the beta API once it is in use.

        Its classes are imported by `client.beta.responses`, which costs as much as a third of the SDK.
        """
        beta = getattr(sys.modules.get(_BETA_EVENTS), "BetaResponseStreamEvent", None)
        found = self, self.with_events(self.chunk)
        return found if beta is None else (*found, self.with_events(beta))

    def response_readers(self) -> ResponseReaders | None:
        """Those of `responses.stream()`, once it is in use: importing them takes long. Raises as `load` does."""
        module = _imported(_RESPONSES)
        return None if module is None else _response_readers(module)

    def chat_readers(self) -> ChatReaders | None:
        """Those of `chat.completions.stream()`, likewise."""
        module = _imported(_CHAT)
        return None if module is None else _chat_readers(module)

    def response(self, value: object) -> Any:
        """The SDK's `Response` of a decoded one."""
        from openai.types.responses import Response

        return self.construct_type(type_=Response, value=value)


def _lookup() -> Sdk:
    import openai
    from openai import _base_client, _models, _resource, _streaming
    from openai.types.chat import ChatCompletionChunk
    from openai.types.responses import ResponseStreamEvent

    return Sdk(
        version=openai.__version__,
        clients=(openai.OpenAI, openai.AsyncOpenAI),
        streams=(_streaming.Stream, _streaming.AsyncStream),
        resources=(_resource.SyncAPIResource, _resource.AsyncAPIResource),
        chunk=ChatCompletionChunk,
        message=_streaming.ServerSentEvent,
        process=(_base_client.BaseClient._process_response_data,),
        decoders=(_streaming.SSEDecoder,),
        events=ResponseStreamEvent,
        model=_models.BaseModel,
        chunk_type=_streaming.extract_stream_chunk_type,
        construct_type=_models.construct_type,
        validate_type=_models.validate_type,
    )


def _imported(name: str) -> Any:
    """A module that others have imported to its end."""
    module = sys.modules.get(name)
    return None if getattr(getattr(module, "__spec__", None), "_initializing", False) else module


@functools.cache
def _response_readers(streaming: Any) -> ResponseReaders:
    def find() -> ResponseReaders:
        from openai.lib._parsing import _responses as parsing

        readers = streaming.ResponseStream, streaming.AsyncResponseStream
        found = ResponseReaders(readers, streaming.ResponseStreamState, parsing.parse_response)
        check_classes(
            [
                (found.readers, (), "__init__", ("raw_stream",)),
                ((found.state,), ("accumulate_event",), "handle_event", ("event",)),
            ]
        )
        return found

    return look_up("openai", find)


@functools.cache
def _chat_readers(chat: Any) -> ChatReaders:
    def find() -> ChatReaders:
        import jiter
        from openai._types import omit
        from openai.lib._parsing import _completions as parsing
        from openai.lib.streaming.chat import _events as events

        found = ChatReaders(
            readers=(chat.ChatCompletionStream, chat.AsyncChatCompletionStream),
            state=chat.ChatCompletionStreamState,
            events=(
                events.ChunkEvent,
                events.ContentDeltaEvent,
                events.FunctionToolCallArgumentsDeltaEvent,
                events.RefusalDeltaEvent,
            ),
            is_chunk=chat._is_valid_chat_completion_chunk_weak,
            get_tool=parsing.get_input_tool_by_name,
            parse_partial=functools.partial(jiter.from_json, partial_mode=True),
            parse=parsing.parse_chat_completion,
            omit=omit,
        )
        check_classes(
            [
                (found.readers, ("__stream__",), "__init__", ("raw_stream",)),
                ((found.state,), ("get_final_completion", "_get_choice_state"), "handle_chunk", ("chunk",)),
                ((found.state,), (), "_build_events", ("chunk", "completion_snapshot")),
            ]
        )
        return found

    return look_up("openai", find)


def _check_release() -> None:
    import openai

    release = openai.__version__
    if tuple(int(number) for number in re.findall(r"\d+", release)[:2]) < MINIMUM:
        raise UnsupportedError(f"openai {release} is older than {'.'.join(map(str, MINIMUM))}")


def _check(sdk: Sdk) -> None:
    wanted: list[Wanted] = [
        (sdk.streams, ("__stream__", "_iter_events", "close"), "__init__", ("response", "cast_to", "client")),
        (sdk.clients, ("copy", "with_options"), "_process_response", ("stream_cls",)),
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
