"""Accelerated clients of both SDKs among other people's wrappers: methods set on instances and classes, subclasses, copies."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import itertools
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from respstream.integrations._plans import difference
from tests.support.sdk_kits import KITS, Kit


@pytest.fixture(params=KITS, ids=lambda kit: kit.name)
def kit(request: pytest.FixtureRequest) -> Kit:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module", autouse=True)
def _older_objects_are_not_collected() -> Iterator[None]:
    """Each test collects garbage, which takes a while with all the objects of the SDKs."""
    for kit in KITS:
        left(kit)  # imports the SDK
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _classes_are_left_unchanged(kit: Kit) -> Iterator[None]:
    """Without an accelerated client, the SDK is as it was."""
    before = left(kit)
    yield
    assert left(kit) == before


def left(kit: Kit) -> list[dict[str, Any]]:
    """What the SDK's classes contain after the last client is gone."""
    kit.integration.restore()
    gc.collect()  # copies of clients, and those of other tests
    kit.integration.restore(kit.make())
    return [contents(cls) for cls in kit.classes()]


def contents(cls: type[Any]) -> dict[str, Any]:
    return {name: value for name, value in cls.__dict__.items() if name != "__slotnames__"}  # a cache of `copy.copy`


def is_native(kit: Kit, client: Any) -> bool:
    with kit.create(client) as stream:
        assert len(list(stream)) > 5
        return type(stream) is not kit.sdk.Stream


def is_native_throughout(kit: Kit, client: Any) -> bool:
    """Whether also `stream()` is read natively; all or nothing."""
    with kit.stream(client) as stream:
        native = kit.reads_natively(stream)
        assert len(list(stream)) > 5
        assert native == is_native(kit, client)
    return native


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
USES: dict[str, Callable[[Kit, Any], Any]] = {
    "request": is_native,
    "copy": lambda kit, client: is_native(kit, client.copy()),
    "with_options": lambda kit, client: is_native(kit, client.with_options(timeout=3)),
    "stream": is_native_throughout,
}


@pytest.mark.parametrize("steps", ORDERS, ids="-".join)
@pytest.mark.parametrize("name", USES)
def test_methods_set_on_instance_survive(kit: Kit, name: str, steps: tuple[str, ...]) -> None:
    """In every order of wrapping, unwrapping, accelerating (also twice) and restoring.

    A `copy` that was taken from the client before it was accelerated, and is set again, makes copies that are not.
    """
    client = kit.make()
    owner = getattr(client, kit.api) if name == "stream" else client
    wrappers: list[Wrapper] = []
    accelerated = False  # the client itself
    for step in steps:
        if step == "wrap":
            wrappers.append(Wrapper(owner, name))
        elif step == "undo" and wrappers:
            wrappers.pop().undo()
        elif step == "accelerate":
            assert kit.integration.accelerate(client) is client
            accelerated = True
        elif step == "restore":
            kit.integration.restore(client)
            accelerated = False
        before = [wrapper.calls for wrapper in wrappers]
        native = USES[name](kit, client)
        assert native == accelerated or ("undo" in steps and name in ("copy", "with_options"))
        assert [wrapper.calls > calls for wrapper, calls in zip(wrappers, before, strict=True)] == [True] * len(
            wrappers
        )
        assert is_native(kit, client) == accelerated
    kit.integration.restore(client)
    assert not wrappers or owner.__dict__[name] is wrappers[-1].wrapped or "undo" in steps


def test_restoring_leaves_instance_as_it_was(kit: Kit) -> None:
    client = kit.make()
    Wrapper(client, "copy")
    before = dict(client.__dict__)
    for _ in range(3):
        kit.integration.accelerate(client)
        kit.integration.accelerate(client, faithful=False)
        kit.integration.restore(client)
        kit.integration.restore(client)
    assert client.__dict__ == before


def test_type_and_signatures_are_those_of_sdk(kit: Kit) -> None:
    client, plain = kit.make(), kit.make()
    asynchronous = kit.async_client(api_key="none")
    for one in (client, asynchronous):
        kit.integration.accelerate(one)
    assert type(client) is kit.client
    assert inspect.iscoroutinefunction(asynchronous.request)
    assert inspect.iscoroutinefunction(asynchronous._process_response)
    assert not inspect.iscoroutinefunction(asynchronous.copy)
    for name in ("request", "copy", "with_options", "_process_response"):
        assert inspect.signature(getattr(client, name)) == inspect.signature(getattr(plain, name))
    assert is_native(kit, client)
    assert not is_native(kit, plain)
    kit.integration.restore(client)
    kit.integration.restore(asynchronous)


def test_patches_of_classes_are_seen(kit: Kit) -> None:
    client = kit.integration.accelerate(kit.make())
    with mock.patch.object(kit.resource, "stream", return_value="patched"):
        assert kit.stream(client) == "patched"
    with mock.patch.object(kit.client, "request", return_value="patched"):
        assert kit.create(client) == "patched"
    with mock.patch.object(kit.client, "copy", return_value="patched"):
        assert client.copy() == "patched"
    assert is_native_throughout(kit, client)
    assert is_native(kit, client.copy())
    kit.integration.restore(client)


@pytest.mark.parametrize("first", ["patch", "accelerate"])
@pytest.mark.parametrize("last", ["patch", "restore"])
def test_wrappers_of_classes_survive(kit: Kit, first: str, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client, calls = kit.make(), []
    request, copies = kit.client.request, kit.client.copy

    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append("request")
        return request(self, *args, **kwargs)

    def patched_copy(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append("copy")
        return copies(self, *args, **kwargs)

    if first == "accelerate":
        kit.integration.accelerate(client)
        copies = kit.client.copy
    monkeypatch.setattr(kit.client, "request", patched)
    monkeypatch.setattr(kit.client, "copy", patched_copy)
    kit.integration.accelerate(client)
    assert is_native(kit, client.copy())
    assert calls == ["copy", "request"]
    if last == "restore":
        kit.integration.restore(client)
        assert not is_native(kit, client.copy())
        assert calls == ["copy", "request"] * 2
    monkeypatch.undo()
    assert is_native(kit, client) == (last == "patch")
    kit.integration.restore(client)


@pytest.mark.parametrize("resource_made", [False, True])
def test_shallow_copy_sends_for_itself(kit: Kit, resource_made: bool) -> None:
    """A copy by `copy.copy` shares the resources that were made before, with and without us."""
    client = kit.integration.accelerate(kit.make())
    if resource_made:
        assert getattr(client, kit.api)
    other = copy.copy(client)
    other.base_url = "http://other/v1"
    other.__dict__.pop(kit.api, None)
    seen: list[Any] = []
    with mock.patch.object(
        kit.client, "_prepare_request", autospec=True, side_effect=lambda self, request: seen.append((self, request))
    ):
        assert is_native(kit, other)
        assert getattr(other, kit.api)._client is other
    assert [(owner is other, request.url.host) for owner, request in seen] == [(True, "other")]
    kit.integration.restore(client)
    assert is_native(kit, other)
    kit.integration.restore(other)
    assert not is_native(kit, other)


def late(kit: Kit) -> type[Any]:
    """A class whose resource needs attributes that it sets after the SDK's `__init__`."""

    def __init__(self: Any, **kwargs: Any) -> None:  # noqa: N807
        kit.client.__init__(self, **kwargs)
        self.later = "x"

    def resource(self: Any) -> Any:
        assert self.later == "x"
        return getattr(super(made, self), kit.api)

    made: type[Any] = type("Late", (kit.client,), {"__init__": __init__, kit.api: property(resource)})
    return made


def without(kit: Kit) -> type[Any]:
    """A class without the resource."""

    def resource(self: Any) -> Any:
        raise NotImplementedError("no such API")

    return type("Without", (kit.client,), {kit.api: property(resource)})


def test_resources_are_not_made_early(kit: Kit) -> None:
    kit.integration.accelerate()
    assert is_native(kit, kit.make(late(kit)))
    assert kit.api not in kit.make().__dict__
    lacking = kit.make(without(kit))
    kit.integration.accelerate(lacking)
    with pytest.raises(NotImplementedError):
        getattr(lacking, kit.api)
    kit.integration.restore(lacking)
    kit.integration.restore()


def own(kit: Kit, asked: list[Any]) -> type[Any]:
    """A class with its own `with_options` and `request`."""

    def with_options(self: Any, **kwargs: Any) -> Any:
        made = type(self)(api_key="own", base_url=self.base_url, http_client=self._client)
        made.own = kwargs
        return made

    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(self)
        return kit.client.request(self, *args, **kwargs)

    return type("Own", (kit.client,), {"with_options": with_options, "request": request})


def test_own_methods_of_subclass_are_called(kit: Kit) -> None:
    asked: list[Any] = []
    cls: Any = own(kit, asked)
    before = cls.with_options
    client = kit.integration.accelerate(kit.make(cls))
    made = client.with_options(timeout=3)
    assert made.own == {"timeout": 3}
    assert not hasattr(client.copy(), "own")
    assert is_native(kit, made)
    assert is_native(kit, client.copy(timeout=3).copy())
    assert len(asked) == 2
    kit.integration.restore(client)
    assert is_native(kit, made)
    assert not is_native(kit, client.with_options())
    asked.clear()
    gc.collect()  # copies
    kit.integration.restore(made)
    assert cls.with_options is before


def test_every_client_twice_and_back(kit: Kit) -> None:
    kit.integration.accelerate()
    first = kit.make()
    kit.integration.accelerate()
    kit.integration.accelerate(faithful=False)
    second = kit.make()
    shallow = copy.copy(second)
    assert [is_native(kit, client) for client in (first, second, shallow)] == [True] * 3
    kit.integration.restore()
    assert [is_native(kit, client) for client in (first, second, shallow, kit.make())] == [False] * 4
    kit.integration.accelerate(first)
    assert is_native(kit, first.copy())
    kit.integration.restore(first)


def test_clients_accelerated_alone_stay_so(kit: Kit) -> None:
    alone = kit.integration.accelerate(kit.make())
    kit.integration.accelerate()
    other = kit.make()
    kit.integration.restore()
    assert is_native(kit, alone)
    assert not is_native(kit, other)
    kit.integration.restore(alone)


def other_clients() -> list[Any]:
    import openai
    from anthropic.lib import vertex as lib

    azure = {"api_key": "x", "azure_endpoint": "http://local", "api_version": "1"}
    vertex = {"region": "r", "project_id": "p", "access_token": "t"}
    return [
        ("openai", openai.AzureOpenAI, azure),
        ("openai", openai.AsyncAzureOpenAI, azure),
        ("anthropic", lib.AnthropicVertex, vertex),
        ("anthropic", lib.AsyncAnthropicVertex, vertex),
    ]


def test_copies_of_other_clients(kit: Kit) -> None:
    for name, cls, options in other_clients():
        if name != kit.name:
            continue
        client = kit.integration.accelerate(cls(**options))
        for made in (client.copy(), client.with_options(timeout=3)):
            assert made.__dict__["_respstream"] is client.__dict__["_respstream"]
            kit.integration.restore(made)
        kit.integration.restore(client)


def post(kit: Kit, client: Any, cls: type[Any]) -> Any:
    return client.post("/x", cast_to=object, stream=True, stream_cls=cls, body={})


def test_other_stream_classes_are_left(kit: Kit) -> None:
    base: Any = kit.sdk.Stream[Any]

    class Watched(base):  # type: ignore[misc]
        """Not a stream of the events of the API."""

    client = kit.integration.accelerate(kit.make())
    with post(kit, client, Watched) as stream:
        assert type(stream) is Watched
    kit.integration.restore(client)


def test_derived_stream_classes(kit: Kit) -> None:
    """Who derives a class from the SDK's stream class sees all events of the native one."""
    base: Any = kit.sdk.Stream[kit.plans.sdk.events]
    seen: list[Any] = []

    class Seeing(base):  # type: ignore[misc]
        def __stream__(self) -> Iterator[Any]:
            for event in super().__stream__():
                seen.append(event)
                yield event

    class Framing(base):  # type: ignore[misc]
        def _iter_events(self) -> Iterator[Any]:
            for message in super()._iter_events():
                seen.append(message)
                yield message

    plain = list(kit.create(kit.make()))
    client = kit.integration.accelerate(kit.make())
    for cls, native in ((Seeing, True), (Framing, False)):
        seen.clear()
        stream = post(kit, client, cls)
        assert isinstance(stream, cls)
        assert hasattr(stream, "respstream_faithful") == native
        assert repr(type(stream)) == repr(cls)
        assert list(stream) == plain
        assert len(seen) == len(plain)
    kit.integration.restore(client)


class Watch:
    """In the place of what the SDK's helper reads: notes the events on their way."""

    def __init__(self, raw: Any) -> None:
        self.raw, self.seen = raw, list[Any]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def __iter__(self) -> Iterator[Any]:
        for event in self.raw:
            self.seen.append(event)
            yield event

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for event in self.raw:
            self.seen.append(event)
            yield event


def watched(kit: Kit, client: Any) -> tuple[list[Any], list[Any]]:
    """The events of the helper, and those of the stream that it reads."""
    with kit.stream(client) as stream:
        stream._raw_stream = watch = Watch(stream._raw_stream)
        return list(stream), watch.seen


async def awatched(kit: Kit, client: Any) -> tuple[list[Any], list[Any]]:
    async with kit.stream(client) as stream:
        stream._raw_stream = watch = Watch(stream._raw_stream)
        return [event async for event in stream], watch.seen


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_replaced_source_of_helper(kit: Kit, asynchronous: bool) -> None:
    """Tracers replace what the SDK's helper reads, once it is made: they see the SDK's events."""

    def found(accelerated: bool) -> tuple[list[Any], list[Any]]:
        client = kit.local(kit.chunks, asynchronous=asynchronous)
        if accelerated:
            kit.integration.accelerate(client)
        answer = asyncio.run(awatched(kit, client)) if asynchronous else watched(kit, client)
        kit.integration.restore(client)
        return answer

    kit.plans.prepare()
    theirs, ours = found(False), found(True)
    assert len(theirs[1]) > 5
    assert difference([*theirs], [*ours]) is None


def test_stream_shared_by_threads(kit: Kit) -> None:
    """A thread that asks while another one reads gets the error of any generator, and no event is lost."""
    chunks = kit.chunks
    chunks[2:-3] = chunks[2:-3] * 200
    plain, client = kit.local(chunks), kit.integration.accelerate(kit.local(chunks))
    kit.plans.prepare()
    expected, found, refused = len(list(kit.create(plain))), list[Any](), set[str]()
    stream = kit.create(client)

    def read() -> None:
        while True:
            try:
                found.append(next(stream))
            except ValueError as error:
                refused.add(str(error))
            except StopIteration:
                return

    threads = [threading.Thread(target=read) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(found) == expected
    assert refused <= {"generator already executing"}
    kit.integration.restore(client)
