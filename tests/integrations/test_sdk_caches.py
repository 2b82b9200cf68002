"""The caches of the SDKs: proving plans and building events adds no entry that the SDK alone would not have by then."""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
import sys
import weakref
from collections.abc import Iterable
from typing import Any

import pytest

from respstream.integrations import _plans
from respstream.integrations._functions import with_own_caches
from respstream.integrations._plans import Plans, difference
from respstream.integrations._samples import samples
from tests.support.sdk_kits import KITS, Kit

APIS = {"responses": "openai", "chat": "openai", "messages": "anthropic"}
CACHE = type(functools.cache(len))
ADAPTERS = "_models._CachedTypeAdapter"


def caches(package: str) -> dict[str, int]:
    """The number of entries of each cache of a package, by its module and name."""
    found = {}
    for module in [each for name, each in sys.modules.items() if name.partition(".")[0] == package]:
        for name, value in vars(module).items():
            if type(value) is CACHE:
                found[f"{module.__name__}.{name}"] = value.cache_info().currsize
            elif type(value) is weakref.WeakKeyDictionary:
                found[f"{module.__name__}.{name}"] = len(value)
    return found


def chat_chunks() -> list[bytes]:
    """Two texts and a call of Chat Completions."""
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "a"}, {"content": "b"}, {"tool_calls": [call]}]
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    chunks = [{**head, "choices": [choice]} for choice in choices]
    return [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]


def without(chunks: Iterable[bytes], *names: str) -> list[bytes]:
    """The stream of a server that leaves members of the events out, which then do not validate."""
    found = []
    for chunk in chunks:
        head, _, data = chunk.partition(b"data: ")
        event = json.loads(data)
        left = {name: value for name, value in event.items() if name not in names}
        found.append(head + b"data: " + json.dumps(left).encode() + b"\n\n")
    return found


def resource(client: Any, api: str) -> Any:
    """The resource of an API, and the arguments of its requests."""
    if api == "chat":
        return client.chat.completions, {"model": "m", "messages": []}
    kit = next(kit for kit in KITS if kit.api == api)
    return getattr(client, kit.api), kit.asked


def read(client: Any, api: str, how: str) -> None:
    """Reads one stream to its end."""
    owner, asked = resource(client, api)
    if how == "create":
        list(owner.create(**asked, stream=True))
        return
    with owner.stream(**asked) as stream:
        list(stream)


async def read_async(client: Any, api: str, how: str) -> None:
    """As `read`, with an asynchronous client."""
    owner, asked = resource(client, api)
    if how == "create":
        async for _ in await owner.create(**asked, stream=True):
            pass
        return
    async with owner.stream(**asked) as stream:
        async for _ in stream:
            pass


def counts(api: str, mode: str, speed: str) -> dict[str, Any]:
    """The entries of all caches after each of some streams, valid ones and others, and the types whose plans were proved."""
    kit = next(kit for kit in KITS if kit.name == APIS[api])
    valid = chat_chunks() if api == "chat" else kit.chunks
    invalid = without(valid, "sequence_number", "index", "created")
    if speed == "fast":
        _plans._FREQUENT = _plans._FREQUENT_WITH_UNIONS = 1
        _plans._BUDGET = 10.0
    found = []
    for chunks, how in [(valid, "create")] * 4 + [(invalid, "create")] * 8 + [(valid, "stream")] * 4:
        client = kit.local(chunks, asynchronous=mode == "async")
        if speed == "fast":
            kit.integration.accelerate(client)
        if mode == "async":
            asyncio.run(read_async(client, api, how))
        else:
            read(client, api, how)
        found.append(caches(kit.name))
    proved = [kind for known in _plans._made.values() for kind in known._done]
    refused = [kind for known in _plans._made.values() for kind in known.refused]
    return {"counts": found, "proved": proved, "refused": refused}


def run(*arguments: str) -> dict[str, Any]:
    """What `counts` returns in a process of its own."""
    program = (
        "import json, sys\n"
        "from tests.integrations.test_sdk_caches import counts\n"
        "print(json.dumps(counts(*sys.argv[1:])))"
    )
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    found: dict[str, Any] = json.loads(
        subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    )
    return found


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("api", APIS)
def test_streams_add_no_entry_to_caches(api: str, mode: str) -> None:
    """After each stream, no cache of the SDK has more entries than without acceleration."""
    slow, fast = (run(api, mode, speed) for speed in ("slow", "fast"))
    grown = [
        (turn, name, theirs.get(name, 0), size)
        for turn, (theirs, ours) in enumerate(zip(slow["counts"], fast["counts"], strict=True))
        for name, size in ours.items()
        if size > theirs.get(name, 0)
    ]
    assert grown == []
    assert fast["counts"][-1][f"{APIS[api]}.{ADAPTERS}"] > 0
    assert fast["refused"] == []
    assert fast["proved"] != []


@pytest.fixture(params=KITS, ids=lambda kit: kit.name)
def kit(request: pytest.FixtureRequest) -> Kit:
    found: Kit = request.param
    return found


def test_functions_with_own_caches_are_those_of_sdk(kit: Kit) -> None:
    """They construct what the SDK constructs, and its caches do not get anything."""
    sdk = kit.plans.sdk
    functions = with_own_caches(sdk.validate_type, sdk.construct_type, sdk.model)
    values = [(cls, sample) for cls in sdk.chunk_types for sample in samples(cls)]
    before = caches(kit.name)
    ours = [functions.construct_type(type_=cls, value=sample) for cls, sample in values]
    assert caches(kit.name) == before
    theirs = [sdk.construct_type(type_=cls, value=sample) for cls, sample in values]
    assert difference(theirs, ours) is None


def test_preparing_all_plans_adds_entries_of_the_union_alone(kit: Kit) -> None:
    """The SDK itself validates the first event against the union of all classes."""
    sdk = kit.plans.sdk
    sdk.construct(next(samples(sdk.chunk_types[0])))
    before = caches(kit.name)
    known = Plans(sdk)
    known.prepare()
    assert known._done == known.classes.keys()
    assert caches(kit.name) == before


def test_replaced_functions_are_called(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy would pass over what someone set in the place of a function of the SDK."""
    sdk = kit.plans.sdk
    original = sdk.model.construct.__func__

    def construct(cls: Any, *arguments: Any, **values: Any) -> Any:
        return original(cls, *arguments, **values)

    monkeypatch.setattr(sdk.model, "construct", classmethod(construct))
    with_own_caches.cache_clear()
    functions = with_own_caches(sdk.validate_type, sdk.construct_type, sdk.model)
    with_own_caches.cache_clear()
    assert functions == (sdk.validate_type, sdk.construct_type)
