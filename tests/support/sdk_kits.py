"""The SDKs whose clients `accelerate` takes, each as a kit: the same tests for all of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tests.support import messages_streams, openai_server

__all__ = ["KITS", "Kit"]


@dataclass(frozen=True)
class Kit:
    """An SDK, its integration and a stream. `api`: the attribute of a client; `asked`: the arguments of a request.

    `readers`: the classes of `stream()`, with a module; `reads_natively`: whether an object of them reads natively.
    """

    name: str
    clients: tuple[str, str]
    api: str
    asked: dict[str, Any]
    readers: tuple[str, ...]
    reads_natively: Callable[[Any], bool]
    body: bytes

    @property
    def sdk(self) -> Any:
        """The package."""
        return importlib.import_module(self.name)

    @property
    def integration(self) -> Any:
        """The package with `accelerate` and `restore`."""
        return importlib.import_module(f"respstream.integrations.{self.name}")

    @property
    def plans(self) -> Any:
        """The plans of the events."""
        module: ModuleType = importlib.import_module("respstream.integrations._plans")
        return module.plans(importlib.import_module(f"respstream.integrations.{self.name}._sdk").load())

    @property
    def client(self) -> type[Any]:
        """The synchronous client class."""
        found: type[Any] = getattr(self.sdk, self.clients[0])
        return found

    @property
    def async_client(self) -> type[Any]:
        """The asynchronous client class."""
        found: type[Any] = getattr(self.sdk, self.clients[1])
        return found

    @property
    def resource(self) -> type[Any]:
        """The class of the attribute `api`."""
        return type(getattr(self.client(api_key="none"), self.api))

    @property
    def chunks(self) -> list[bytes]:
        """The stream, an event in each chunk."""
        return openai_server.blocks(self.body)

    def local(self, chunks: Any, *, asynchronous: bool = False) -> Any:
        """A client whose every request is answered by these chunks."""
        module: Any = importlib.import_module(f"respstream.integrations.{self.name}._verify")
        return module.client(chunks, asynchronous=asynchronous)

    def make(self, cls: type[Any] | None = None) -> Any:
        """A client of a class, whose every request is answered by the stream."""
        http = self.local(self.chunks)._client
        return (cls or self.client)(api_key="none", base_url="http://local/v1", max_retries=0, http_client=http)

    def create(self, client: Any) -> Any:
        """A stream of events; of an asynchronous client, an awaitable one."""
        return getattr(client, self.api).create(**self.asked, stream=True)

    def stream(self, client: Any) -> Any:
        """The context manager of the SDK's helper."""
        return getattr(client, self.api).stream(**self.asked)

    def classes(self) -> list[type[Any]]:
        """The classes that `accelerate` may set hooks in."""
        readers = [name.rpartition(".") for name in self.readers]
        found: list[type[Any]] = [*self.client.__mro__[:-1], *self.async_client.__mro__[:-1]]
        return found + [getattr(importlib.import_module(module), name) for module, _, name in readers]


KITS = [
    Kit(
        "openai",
        ("OpenAI", "AsyncOpenAI"),
        "responses",
        {"model": "m", "input": "x"},
        ("openai.lib.streaming.responses.ResponseStream", "openai.lib.streaming.responses.AsyncResponseStream"),
        lambda stream: type(stream._state).__module__ != "openai.lib.streaming.responses._responses",
        openai_server.STREAMS["chat"],
    ),
    Kit(
        "anthropic",
        ("Anthropic", "AsyncAnthropic"),
        "messages",
        {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]},
        ("anthropic.lib.streaming.MessageStream", "anthropic.lib.streaming.AsyncMessageStream"),
        lambda stream: type(stream._iterator).__name__ == "SdkBlockEvents" or stream._iterator.__qualname__ == "_read",
        messages_streams.sse(messages_streams.HI),
    ),
]
