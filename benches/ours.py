"""respstream's contenders: the extension through the public API, the fallback through its backend module."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from itertools import chain
from types import ModuleType
from typing import Any

from benches import completion_peers, message_peers, peers
from benches.peers import EventsAnswer, FoldAnswer, chunks, read_objects


@functools.cache
def native() -> ModuleType:
    """The package with the extension. Raises RuntimeError if it uses the fallback."""
    package = import_module("respstream")
    if package.BACKEND != "rust":
        raise RuntimeError(f"the extension is not in use: respstream.BACKEND is {package.BACKEND!r}")
    return package


@functools.cache
def _fallback() -> ModuleType:
    return import_module("respstream._fallback")


def events(data: bytes) -> EventsAnswer:
    """`respstream.events` over the whole log."""
    return read_objects(native().events(data))


def feed(data: bytes) -> EventsAnswer:
    """`Decoder.feed` in chunks of 64 KiB."""
    return _feed(native().Decoder, chunks(data))


def feed_fallback(data: bytes) -> EventsAnswer:
    """The same in pure Python."""
    return _feed(_fallback().Decoder, chunks(data))


def feed_each(blocks: list[bytes]) -> EventsAnswer:
    """`Decoder.feed` with one event at a time."""
    return _feed(native().Decoder, blocks)


def feed_each_fallback(blocks: list[bytes]) -> EventsAnswer:
    """The same in pure Python."""
    return _feed(_fallback().Decoder, blocks)


def fold(data: bytes) -> FoldAnswer:
    """`respstream.responses` over the whole log."""
    return [row(response) for response in native().responses(data)]


def fold_fallback(data: bytes) -> FoldAnswer:
    """The same in pure Python."""
    decoder = _fallback().Decoder()
    for chunk in chunks(data):
        decoder.feed(chunk)
    decoder.finish()
    return [row(response) for response in decoder.responses]


def openai_create(data: bytes | list[bytes]) -> EventsAnswer:
    """The SDK's `responses.create(stream=True)`, accelerated."""
    return peers.read_created(_accelerated(data))


def openai_stream(data: bytes | list[bytes]) -> EventsAnswer:
    """The SDK's `responses.stream()`, accelerated."""
    return peers.openai_stream(data, _accelerated)


def chunks_of_events(data: bytes) -> EventsAnswer:
    """`respstream.events` over a log of Chat Completions."""
    return completion_peers.read_objects(native().events(data))


def chat_create(data: bytes) -> EventsAnswer:
    """The SDK's `chat.completions.create(stream=True)`, accelerated."""
    return completion_peers.openai_create(data, _accelerated)


def chat_stream(data: bytes) -> EventsAnswer:
    """The SDK's `chat.completions.stream()`, accelerated."""
    return completion_peers.openai_stream(data, _accelerated)


def messages_of_events(data: bytes) -> EventsAnswer:
    """`respstream.events` over a log of Messages."""
    return message_peers.read_objects(native().events(data))


def anthropic_create(data: bytes) -> EventsAnswer:
    """The SDK's `messages.create(stream=True)`, accelerated."""
    return message_peers.anthropic_create(data, _accelerated_anthropic)


def anthropic_stream(data: bytes) -> EventsAnswer:
    """The SDK's `messages.stream()`, accelerated."""
    return message_peers.anthropic_stream(data, _accelerated_anthropic)


def _accelerated_anthropic(data: bytes) -> Any:
    return _accelerate_anthropic(message_peers.anthropic_client(data, fast=True))


@functools.cache
def _accelerate_anthropic(client: Any) -> Any:
    native()
    return import_module("respstream.integrations.anthropic").accelerate(client)


def _accelerated(data: bytes | list[bytes]) -> Any:
    return _accelerate(peers.openai_client(data, fast=True))


@functools.cache
def _accelerate(client: Any) -> Any:
    native()
    return import_module("respstream.integrations.openai").accelerate(client)


def _feed(new_decoder: Callable[[], Any], parts: Any) -> EventsAnswer:
    decoder = new_decoder()
    count, chars = read_objects(chain.from_iterable(map(decoder.feed, parts)))
    last_count, last_chars = read_objects(decoder.finish())
    return count + last_count, chars + last_chars


def row(response: Any) -> Any:
    """The values of one response that the fold rows compare."""
    calls = [(call.type, call.call_id, call.name, call.arguments) for call in response.tool_calls]
    return response.id, response.status, response.output_text, response.usage.output_tokens, calls
