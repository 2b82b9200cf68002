"""The start of an accelerated client: what is imported, prepared and proved when. Counted, not timed."""

from __future__ import annotations

import collections
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from respstream.integrations import _clients, _plans
from respstream.integrations._plans import UNTYPED, Plans, difference
from respstream.integrations._samples import samples
from respstream.integrations.openai._sdk import load
from tests.support.openai_server import chat
from tests.support.sdk_kits import KITS, Kit

DELTA, ITEM, PART = "response.output_text.delta", "response.output_item.added", "response.content_part.added"


@pytest.fixture(params=KITS, ids=lambda kit: kit.name)
def kit(request: pytest.FixtureRequest) -> Kit:
    found: Kit = request.param
    return found


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event pays for one step, however fast it is."""
    monkeypatch.setattr(_plans, "_BUDGET", 0.0)


def run(program: str, *arguments: str) -> Any:
    """What a program prints, in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout)


IMPORTS = """
import json, sys
from importlib import import_module
name = sys.argv[1]
client = getattr(import_module(name), sys.argv[2])(api_key="none")
before = set(sys.modules)
import_module(f"respstream.integrations.{name}").accelerate(client)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_accelerating_imports_nothing_of_sdk(kit: Kit) -> None:
    """Nor anything else that is not respstream's, but for a module that every request needs."""
    found = run(IMPORTS, kit.name, kit.clients[0])
    assert {name for name in found if name.partition(".")[0] != "respstream"} <= {"openai._resource"}
    assert "respstream.integrations._plans" in found


PREPARED = """
import json, sys
from importlib import import_module
from pydantic import BaseModel
from tests.support.sdk_kits import KITS

name, speed, streams = sys.argv[1], sys.argv[2], int(sys.argv[3])
kit = next(kit for kit in KITS if kit.name == name)
client = kit.local(kit.chunks)
if speed == "fast":
    kit.integration.accelerate(client)
for _ in range(streams):
    list(kit.create(client))
models = [BaseModel]
for cls in models:
    models += [each for each in cls.__subclasses__() if each.__module__.startswith(name)]
prepared = {f"{cls.__module__}.{cls.__qualname__}" for cls in models if cls.__pydantic_complete__}
adapters = import_module(f"{name}._models")._CachedTypeAdapter.cache_info().currsize
refused = kit.plans.refused if speed == "fast" else {}
print(json.dumps([sorted(prepared), adapters, refused]))
"""


def test_valid_events_make_sdk_prepare_nothing_more(kit: Kit) -> None:
    """Preparing one of the SDK's large classes takes longer than reading many streams."""
    theirs, ours = (run(PREPARED, kit.name, speed, "60") for speed in ("slow", "fast"))
    assert ours == theirs


def payloads(cls: type[Any], kind: str, wanted: Callable[[Plans, int, bytes], bool]) -> Iterator[dict[str, Any]]:
    """The samples of a class that are built in the wanted way."""
    known = Plans(load())
    node = known._shapes.model(cls)
    assert node is not None
    while known._shapes.go_on():
        pass
    known.native.extend(known._shapes.take())
    for sample in itertools.chain(samples(cls, known._shapes.by_sdk()), samples(cls)):
        payload = {**sample, "type": kind}
        if wanted(known, node, json.dumps(payload).encode()):
            yield payload


def alone(known: Plans, node: int, text: bytes) -> bool:
    return known.native.build(node, text, True) is not None


def with_sdk(known: Plans, node: int, text: bytes) -> bool:
    return bool(known.native.needs_sdk(node, text)) and known.native.build(node, text) is not None


def natively(known: Plans, payload: dict[str, Any]) -> Any:
    """The event as it is built without the SDK; None where it is left to it."""
    return next(known.reader().feed(b"data: " + json.dumps(payload).encode() + b"\n\n"), None)


def learned(known: Plans, payload: dict[str, Any], limit: int) -> int:
    """How many events of a payload the SDK makes until they are built natively."""
    for count in range(limit):
        if natively(known, payload) is not None:
            return count
        known.learn(json.dumps(payload), known.sdk.construct(payload))
    return limit


@pytest.mark.usefixtures("steps")
@pytest.mark.parametrize(
    ("kind", "frequent"),
    [(DELTA, _plans._FREQUENT), (PART, _plans._FREQUENT_WITH_UNIONS), (ITEM, _plans._FREQUENT_WITH_UNIONS)],
)
def test_proof_begins_with_frequent_types(kind: str, frequent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to then, an event costs what it costs without us: nothing is constructed, compared or built."""
    known, calls = Plans(load()), collections.Counter[str]()
    payload = next(payloads(known.classes[kind], kind, alone))
    for name in ("_construct", "_built"):
        monkeypatch.setattr(known, name, lambda *_, name=name: calls.update([name]))
    monkeypatch.setattr(_plans, "difference", lambda *_: calls.update(["difference"]))
    event = known.sdk.construct(payload)
    for _ in range(frequent - 1):
        known.learn(json.dumps(payload), event)
    assert (calls, known._shapes._nodes) == ({}, [])
    known.learn(json.dumps(payload), event)
    assert known._shapes._nodes != []


@pytest.mark.usefixtures("steps")
@pytest.mark.parametrize("kind", [DELTA, ITEM, PART, "response.created"])
def test_event_pays_for_one_sample(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the SDK has prepared anything more, and afterwards, when many events do not validate."""
    known = Plans(load())
    made: list[Any] = []
    original = Plans._construct

    def construct(known: Plans, cls: type[Any], value: Any) -> Any:
        made.append(value)
        return original(known, cls, value)

    monkeypatch.setattr(Plans, "_construct", construct)
    most = 0
    for wanted, needed in ((alone, 4), (with_sdk, 3)):
        payload = next(payloads(known.classes[kind], kind, wanted))
        total = len(made)
        while natively(known, payload) is None:
            count = len(made)
            known.learn(json.dumps(payload), known.sdk.construct(payload))
            most = max(most, len(made) - count)
        assert len(made) - total >= needed
    assert most == 1
    assert known.refused == {}
    assert kind in known._done


def test_invalid_events_are_proved_when_they_are_frequent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many valid events do not begin what makes the SDK prepare its classes; some invalid ones do not either."""
    known = Plans(load())
    prepared: list[int] = []

    def preparations(node: int) -> list[Any]:
        prepared.append(node)
        return []

    monkeypatch.setattr(known._shapes, "preparations", preparations)
    valid, invalid = (next(payloads(known.classes[DELTA], DELTA, wanted)) for wanted in (alone, with_sdk))
    assert learned(known, valid, 100) < 20
    event = known.sdk.construct(valid)
    for _ in range(100):  # as from streams that the SDK reads
        known.learn(json.dumps(valid), event)
    assert natively(known, invalid) is None
    assert prepared == []
    wanted = _plans._FREQUENT * _plans._FACTOR
    assert wanted < learned(known, invalid, 100) < wanted + 20
    assert len(prepared) == 1


def test_samples_that_the_sdk_refuses_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in a proof is not one of the stream."""
    known = Plans(load())
    payload = next(payloads(known.classes[DELTA], DELTA, alone))

    def construct(*_: Any) -> Any:
        raise RuntimeError("no")

    monkeypatch.setattr(known, "_construct", construct)
    assert learned(known, payload, 30) == 30
    assert known.refused == {DELTA: "RuntimeError: no"}


def stream_of_all_types(known: Plans, turn: int) -> list[bytes]:
    """An event of each type, each time another sample of it."""
    found = []
    for kind, cls in known.classes.items():
        every = list(samples(cls))
        sample = every[turn % len(every)]
        found.append(json.dumps({**sample, "type": kind} if kind != UNTYPED else sample, ensure_ascii=False))
    return [f"event: {json.loads(text).get('type', 'x')}\ndata: {text}\n\n".encode() for text in found]


@pytest.mark.usefixtures("steps")
def test_streams_are_equal_while_plans_are_proved(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """All types, before their plans begin, at each step of them, and when they are complete."""
    monkeypatch.setattr(_plans, "_FREQUENT", 2)
    monkeypatch.setattr(_plans, "_FREQUENT_WITH_UNIONS", 3)
    monkeypatch.setattr(_plans, "_made", {})
    known, native = kit.plans, []
    for turn in range(48):
        chunks = stream_of_all_types(known, turn)
        theirs = list(kit.create(kit.local(chunks)))
        ours = list(kit.create(kit.integration.accelerate(kit.local(chunks))))
        assert difference(theirs, ours) is None
        native.append(sum(next(known.reader().feed(chunk), None) is not None for chunk in chunks))
    assert native[0] == 0
    assert max(native) > len(known.classes) / 2


def test_one_acceleration_of_an_sdk(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that accelerate at the same time share the hooks in its classes."""
    made: list[Any] = []
    ready = threading.Barrier(4)

    class Slow(_clients.Acceleration):
        def __init__(self, *given: Any) -> None:
            made.append(self)
            time.sleep(0.2)  # the other threads arrive
            super().__init__(*given)

    monkeypatch.setattr(_clients, "Acceleration", Slow)
    sdk = kit.plans.sdk
    integration = _clients.Integration(kit.name, lambda: sdk, lambda *_: None, lambda _: {})

    def find() -> _clients.Acceleration:
        ready.wait()
        return integration.of(sdk)

    with ThreadPoolExecutor(ready.parties) as pool:
        found = [each.result() for each in [pool.submit(find) for _ in range(ready.parties)]]
    assert len(made) == 1
    assert [each is made[0] for each in found] == [True] * ready.parties


def test_streams_of_the_recorded_kind_become_native() -> None:
    """The types of a common stream are all built natively once they were frequent."""
    known = Plans(load())
    left = chat()
    for _ in range(200):
        left = [event for event in chat() if natively(known, event) is None]
        for event in left:
            known.learn(json.dumps(event), known.sdk.construct(event))
        if not left:
            break
    assert left == []
    assert known.refused == {}
