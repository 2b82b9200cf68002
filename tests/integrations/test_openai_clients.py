"""Accelerated clients among other people's wrappers: methods set on instances and classes, subclasses, copies, early exits."""

from __future__ import annotations

import copy
import gc
import inspect
import itertools
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import openai
import pytest
from openai.lib.streaming.responses import ResponseStream
from openai.resources.responses import Responses

from respstream.integrations.openai import accelerate, restore
from respstream.integrations.openai._verify import client as local_client
from tests.support.openai_server import STREAMS, blocks

CHAT = blocks(STREAMS["chat"])
CLASSES: list[type[Any]] = [*openai.OpenAI.__mro__[:-1], *openai.AsyncOpenAI.__mro__[:-1], ResponseStream]


@pytest.fixture(autouse=True)
def _classes_are_left_unchanged() -> Iterator[None]:
    """Without an accelerated client, the SDK is as it was."""
    before = left()
    yield
    assert left() == before


def left() -> list[dict[str, Any]]:
    """What the SDK's classes contain after the last client is gone."""
    restore()
    gc.collect()  # copies of clients, and those of other tests
    restore(local_client(CHAT))
    return [contents(cls) for cls in CLASSES]


def contents(cls: type[Any]) -> dict[str, Any]:
    return {name: value for name, value in cls.__dict__.items() if name != "__slotnames__"}  # a cache of `copy.copy`


def make(cls: type[Any] = openai.OpenAI, **more: Any) -> Any:
    given = local_client(CHAT)
    return cls(api_key="none", base_url="http://local/v1", max_retries=0, http_client=given._client, **more)


def is_native(client: Any) -> bool:
    with client.responses.create(model="m", input="x", stream=True) as stream:
        assert [event.type for event in stream][-1] == "response.completed"
        return type(stream) is not openai.Stream


def is_native_throughout(client: Any) -> bool:
    """Whether also `responses.stream()` is read natively; all or nothing."""
    with client.responses.stream(model="m", input="x") as stream:
        assert stream.get_final_response().status == "completed"
        assert (type(stream._state).__module__ != "openai.lib.streaming.responses._responses") == is_native(client)
    return is_native(client)


class Wrapper:
    """Sets a method on an instance, around the one it has, and counts its calls."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name, self.calls = owner, name, 0
        original = getattr(owner, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return original(*args, **kwargs)

        self.original, self.wrapped = original, wrapped
        setattr(owner, name, wrapped)

    def undo(self) -> None:
        """Sets what was there before, as instrumentations do."""
        setattr(self.owner, self.name, self.original)


STEPS = ("wrap", "undo", "accelerate", "restore")
ORDERS = [
    *(steps for steps in itertools.product(STEPS, repeat=3) if "wrap" in steps),
    ("wrap", "accelerate", "wrap", "restore", "undo", "accelerate", "undo"),
    ("accelerate", "wrap", "accelerate", "wrap", "accelerate", "restore", "restore"),
]
USES: dict[str, Callable[[Any], Any]] = {
    "request": is_native,
    "copy": lambda client: is_native(client.copy()),
    "with_options": lambda client: is_native(client.with_options(timeout=3)),
    "stream": is_native_throughout,
}


@pytest.mark.parametrize("steps", ORDERS, ids="-".join)
@pytest.mark.parametrize("name", USES)
def test_methods_set_on_instance_survive(name: str, steps: tuple[str, ...]) -> None:
    """In every order of wrapping, unwrapping, accelerating (also twice) and restoring.

    A `copy` that was taken from the client before it was accelerated, and is set again, makes copies that are not.
    """
    client = make()
    owner = client.responses if name == "stream" else client
    wrappers: list[Wrapper] = []
    accelerated = False  # the client itself
    for step in steps:
        if step == "wrap":
            wrappers.append(Wrapper(owner, name))
        elif step == "undo" and wrappers:
            wrappers.pop().undo()
        elif step == "accelerate":
            assert accelerate(client) is client
            accelerated = True
        elif step == "restore":
            restore(client)
            accelerated = False
        before = [wrapper.calls for wrapper in wrappers]
        native = USES[name](client)
        assert native == accelerated or ("undo" in steps and name in ("copy", "with_options"))
        assert [wrapper.calls > calls for wrapper, calls in zip(wrappers, before, strict=True)] == [True] * len(
            wrappers
        )
        assert is_native(client) == accelerated
    restore(client)
    assert not wrappers or owner.__dict__[name] is wrappers[-1].wrapped or "undo" in steps


def test_restoring_leaves_instance_as_it_was() -> None:
    client = make()
    Wrapper(client, "copy")
    before = dict(client.__dict__)
    for _ in range(3):
        accelerate(client)
        accelerate(client, faithful=False)
        restore(client)
        restore(client)
    assert client.__dict__ == before


def test_type_and_signatures_are_those_of_sdk() -> None:
    client, plain = make(), make()
    asynchronous = openai.AsyncOpenAI(api_key="none")
    for one in (client, asynchronous):
        accelerate(one)
    assert type(client) is openai.OpenAI
    assert inspect.iscoroutinefunction(asynchronous.request)
    assert inspect.iscoroutinefunction(asynchronous._process_response)
    assert not inspect.iscoroutinefunction(asynchronous.copy)
    for name in ("request", "copy", "with_options", "_process_response"):
        assert inspect.signature(getattr(client, name)) == inspect.signature(getattr(plain, name))
    assert is_native(client)
    assert not is_native(plain)
    restore(client)
    restore(asynchronous)


def test_patches_of_classes_are_seen() -> None:
    client = accelerate(make())
    with mock.patch.object(Responses, "stream", return_value="patched"):
        assert client.responses.stream(model="m", input="x") == "patched"
    with mock.patch.object(openai.OpenAI, "request", return_value="patched"):
        assert client.responses.create(model="m", input="x") == "patched"
    with mock.patch.object(openai.OpenAI, "copy", return_value="patched"):
        assert client.copy() == "patched"
    assert is_native_throughout(client)
    assert is_native(client.copy())
    restore(client)


@pytest.mark.parametrize("first", ["patch", "accelerate"])
@pytest.mark.parametrize("last", ["patch", "restore"])
def test_wrappers_of_classes_survive(first: str, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client, calls = make(), []
    request, copies = openai.OpenAI.request, openai.OpenAI.copy

    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append("request")
        return request(self, *args, **kwargs)

    def patched_copy(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append("copy")
        return copies(self, *args, **kwargs)

    if first == "accelerate":
        accelerate(client)
        copies = openai.OpenAI.copy
    monkeypatch.setattr(openai.OpenAI, "request", patched)
    monkeypatch.setattr(openai.OpenAI, "copy", patched_copy)
    accelerate(client)
    assert is_native(client.copy())
    assert calls == ["copy", "request"]
    if last == "restore":
        restore(client)
        assert not is_native(client.copy())
        assert calls == ["copy", "request"] * 2
    monkeypatch.undo()
    assert is_native(client) == (last == "patch")
    restore(client)


@pytest.mark.parametrize("responses_made", [False, True])
def test_shallow_copy_sends_for_itself(responses_made: bool) -> None:
    """A copy by `copy.copy` shares the resources that were made before, with and without us."""
    client = accelerate(make())
    if responses_made:
        assert client.responses
    other = copy.copy(client)
    other.base_url = "http://other/v1"
    other.__dict__.pop("responses", None)
    seen: list[Any] = []
    with mock.patch.object(
        openai.OpenAI, "_prepare_request", autospec=True, side_effect=lambda self, request: seen.append((self, request))
    ):
        assert is_native(other)
        assert other.chat._client is other
    assert [(owner is other, request.url.host) for owner, request in seen] == [(True, "other")]
    restore(client)
    assert is_native(other)
    restore(other)
    assert not is_native(other)


class Late(openai.OpenAI):
    """Needs attributes that it sets after the SDK's `__init__`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.later = "x"

    @property
    def responses(self) -> Any:
        assert self.later == "x"
        return super().responses


class Without(openai.OpenAI):
    """Has no Responses API."""

    @property
    def responses(self) -> Any:
        raise NotImplementedError("no Responses API")


def test_resources_are_not_made_early() -> None:
    accelerate()
    late = make(Late)
    assert is_native(late)
    assert "responses" not in make().__dict__
    without = make(Without)
    accelerate(without)
    with pytest.raises(NotImplementedError):
        _ = without.responses
    restore(without)
    restore()


class Own(openai.OpenAI):
    """Has its own `with_options` and `request`."""

    asked = 0
    own: Any

    def with_options(self, **kwargs: Any) -> Any:
        made = type(self)(api_key="own", base_url=self.base_url, http_client=self._client)
        made.own = kwargs
        return made

    def request(self, *args: Any, **kwargs: Any) -> Any:
        Own.asked += 1
        return super().request(*args, **kwargs)


def test_own_methods_of_subclass_are_called() -> None:
    own = Own.with_options
    client = accelerate(make(Own))
    made = client.with_options(timeout=3)
    assert made.own == {"timeout": 3}
    assert not hasattr(client.copy(), "own")
    before = Own.asked
    assert is_native(made)
    assert is_native(client.copy(timeout=3).copy())
    assert Own.asked == before + 2
    restore(client)
    assert is_native(made)
    assert not is_native(client.with_options())
    gc.collect()  # copies
    restore(made)
    assert Own.with_options is own


@pytest.mark.parametrize("azure", [openai.AzureOpenAI, openai.AsyncAzureOpenAI])
def test_azure_copies(azure: Any) -> None:
    client = accelerate(azure(api_key="x", azure_endpoint="http://local", api_version="1"))
    for made in (client.copy(), client.with_options(timeout=3)):
        assert made.__dict__["_respstream"] is client.__dict__["_respstream"]
        restore(made)
    restore(client)


def test_every_client_twice_and_back() -> None:
    accelerate()
    first = make()
    accelerate()
    accelerate(faithful=False)
    second = make()
    shallow = copy.copy(second)
    assert [is_native(client) for client in (first, second, shallow)] == [True] * 3
    restore()
    assert [is_native(client) for client in (first, second, shallow, make())] == [False] * 4
    accelerate(first)
    assert is_native(first.copy())
    restore(first)


def test_clients_accelerated_alone_stay_so() -> None:
    alone = accelerate(make())
    accelerate()
    other = make()
    restore()
    assert is_native(alone)
    assert not is_native(other)
    restore(alone)


class Watched(openai.Stream[Any]):
    """Not a stream of Responses API events."""


def test_other_stream_classes_are_left() -> None:
    client = accelerate(make())
    stream = client.post("/x", cast_to=object, stream=True, stream_cls=Watched, body={})
    assert type(stream) is Watched
    stream.close()
    restore(client)


def test_derived_stream_classes() -> None:
    """Who derives a class from the SDK's stream class sees all events of the native one."""
    from openai.types.responses import ResponseStreamEvent

    seen: list[Any] = []

    class Seeing(openai.Stream[ResponseStreamEvent]):
        def __stream__(self) -> Iterator[Any]:
            for event in super().__stream__():
                seen.append(event)
                yield event

    class Framing(openai.Stream[ResponseStreamEvent]):
        def _iter_events(self) -> Iterator[Any]:
            for message in super()._iter_events():
                seen.append(message)
                yield message

    plain = list(make().responses.create(model="m", input="x", stream=True))
    client = accelerate(make())
    for cls, native in ((Seeing, True), (Framing, False)):
        seen.clear()
        stream = client.post("/responses", cast_to=object, stream=True, stream_cls=cls, body={})
        assert isinstance(stream, cls)
        assert hasattr(stream, "respstream_faithful") == native
        assert repr(type(stream)) == repr(cls)
        assert list(stream) == plain
        assert len(seen) == len(plain)
    restore(client)


EARLY = """
import sys
import respstream.integrations.openai as integration
from respstream.integrations.openai._verify import client as local_client
from tests.support.openai_server import STREAMS, blocks

client = local_client(blocks(STREAMS["done"]), asynchronous=True)
if sys.argv[2] == "fast":
    integration.accelerate(client)

async def read(stream, events):
    taken = 0
    async for event in stream:
        taken += 1
        if taken == events:
            break

async def create(events):
    await read(await client.responses.create(model="m", input="x", stream=True), events)

async def stream(events):
    async with client.responses.stream(model="m", input="x") as stream:
        await read(stream, events)

for events in (1000, 1, 7):
    for how in (create, stream):
        for _ in range(2):  # the first time, the SDK makes the events
            if sys.argv[1] == "trio":
                import trio
                trio.run(how, events)
            else:
                import asyncio
                asyncio.run(how(events))
        print("==", how.__name__, events, file=sys.stderr)
"""


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_async_early_exit(loop: str) -> None:
    """Python warns of no more generators than without us: with asyncio, of none."""
    warned = []
    for speed in ("slow", "fast"):
        command = [sys.executable, "-W", "error", "-c", EARLY, loop, speed]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
        cases = re.split("^== (.*)\n", done.stderr, flags=re.MULTILINE)
        warned.append(
            {name: text.count("ResourceWarning") for text, name in zip(cases[0:-1:2], cases[1::2], strict=True)}
        )
        assert "Error" not in done.stderr
    slow, fast = warned
    assert len(slow) == 6
    # trio warns of each generator that is left open, and ours has one more.
    assert all(fast[name] <= count + (loop == "trio") for name, count in slow.items()), warned
    assert loop == "trio" or set(fast.values()) == {0}
