"""The SDK's event objects, built natively: equal to the SDK's over made-up, generated and recorded payloads; conversions."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import pickle
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import agents
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

import respstream
from benches import shapes
from respstream.integrations import _streams
from respstream.integrations._samples import samples
from respstream.integrations.openai import __main__ as command
from respstream.integrations.openai import _verify, accelerate, from_openai, restore, to_openai
from respstream.integrations.openai._plans import Plans, difference, plans
from respstream.integrations.openai._verify import client, to_chunks, verify
from tests.support.openai_server import blocks, chat, serve, sse

NAMES = tuple(shapes.SHAPES)


@pytest.fixture(scope="module")
def known() -> Plans:
    """The plans, all made."""
    found = plans()
    found.prepare()
    return found


def natively(known: Plans, payload: dict[str, Any]) -> Any:
    """The event as it is built without the SDK; None where it is left to it."""
    data = json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return next(known.reader().feed(b"data: " + data + b"\n\n"), None)


def is_equal(known: Plans, payload: dict[str, Any]) -> bool:
    """Whether it was built natively; it must be equal then."""
    ours = natively(known, payload)
    if ours is None:
        return False
    theirs = known.sdk.construct(payload)
    assert difference(theirs, ours) is None, payload
    assert theirs == ours
    return True


def test_every_type_has_build_plan(known: Plans) -> None:
    assert known.refused == {}
    assert len(known.classes) == len(known.sdk.chunk_types)


def test_samples_are_built_natively(known: Plans) -> None:
    for kind, cls in known.classes.items():
        built = [is_equal(known, {**sample, "type": kind}) for sample in samples(cls)]
        assert built[:3] == [True] * 3, kind
        assert sum(built) >= len(built) - 2, kind


def test_samples_read_back(known: Plans) -> None:
    """Natively built objects support dumps, copies, pickles and garbage collection."""
    cls = known.classes["response.output_text.delta"]
    for sample in samples(cls):
        ours, theirs = natively(known, sample), known.sdk.construct(sample)
        if ours is None:
            continue
        assert ours.model_dump_json(warnings=False) == theirs.model_dump_json(warnings=False)
        assert ours.to_dict(warnings=False) == theirs.to_dict(warnings=False)
        assert repr(ours) == repr(theirs)
        for again in (copy.deepcopy(ours), copy.copy(ours), pickle.loads(pickle.dumps(ours)), ours.model_copy()):
            assert difference(theirs, again) is None
        ours.more = 3
        assert ours.more == 3
        del ours.more
        ours.delta = "y"
        assert (ours.delta, theirs.delta) != ("y", "y")


def test_objects_are_independent_and_collected(known: Plans) -> None:
    payload = next(iter(samples(known.classes["response.output_text.delta"])))
    one, other = natively(known, payload), natively(known, payload)
    one.model_fields_set.add("x")
    one.__pydantic_extra__["x"] = 1
    one.logprobs.append(1)
    assert difference(known.sdk.construct(payload), other) is None
    one.me = one
    dead = weakref.ref(one)
    del one
    gc.collect()
    assert dead() is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a payload."""
    inner = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(*path, key) for key, _ in inner] + [spot for key, part in inner for spot in spots(part, (*path, key))]


@given(st.data())
def test_damaged_samples(data: st.DataObject) -> None:
    """Any member of any depth left out, added or replaced by something else: equal, or left to the SDK."""
    known = plans()
    known.prepare()
    kind = data.draw(st.sampled_from(sorted(known.classes)))
    payload = {**data.draw(st.sampled_from(list(samples(known.classes[kind])))), "type": kind}
    payload = json.loads(json.dumps(payload))
    for _ in range(data.draw(st.integers(1, 3))):
        found = [spot for spot in spots(payload) if spot != ("type",)]
        if not found:
            break
        *path, last = data.draw(st.sampled_from(found))
        place = payload
        for key in path:
            place = place[key]
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "remove":
            del place[last]
        elif action == "replace" or isinstance(last, int):
            place[last] = data.draw(JSON)
        else:
            place[
                data.draw(st.sampled_from(["x", "schema", "schema_", "async", "async_", "é", "model_extra", "_y"]))
            ] = 1
    is_equal(known, payload)


@pytest.mark.parametrize("name", NAMES)
def test_generated_shapes(known: Plans, name: str) -> None:
    options = {"image_chars": 4_000} if name == "image" else {}
    log = shapes.SHAPES[name](7, 60_000, **options)
    native = 0
    for block in blocks(log.data):
        event = json.loads(block.partition(b"data: ")[2])
        native += is_equal(known, event)
    assert native == log.events


def test_recorded(recorded: list[Path]) -> None:
    for verdict in verify([str(path) for path in recorded], timed=False):
        assert verdict.equal, verdict


def test_verifier(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.sse").write_bytes(sse(chat()))
    (tmp_path / "b.jsonl").write_bytes(b"".join(json.dumps(event).encode() + b"\n" for event in chat()))
    assert command.main(["verify", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["equal", "equal"]
    assert lines[2] == "2 of 2 streams equal"
    assert command.main(["verify", str(tmp_path / "none")]) == 1
    # A difference is found.
    changed = to_chunks(sse([{**event, "more": 1} for event in chat()]))
    monkeypatch.setattr(_verify, "accelerate", lambda _: client(changed))
    assert command.main(["verify", str(tmp_path / "a.sse")]) == 1
    assert "create: event 0.__pydantic_fields_set__" in capsys.readouterr().out


def test_command() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "respstream.integrations.openai", "--help"], capture_output=True, text=True, check=True
    )
    assert "verify" in made.stdout


def test_texts_grow_in_place() -> None:
    """The text so far is not copied for each delta, as long as events are let go."""
    connection = accelerate(client(to_chunks(sse(chat("ab " * 4000)))))
    with connection.responses.stream(model="m", input="x") as stream:
        addresses = {id(e.snapshot) for e in stream if e.type == "response.output_text.delta"}
        assert stream.get_final_response().output_text == "ab " * 4000
    assert len(addresses) < 2000


def test_interleaved_texts() -> None:
    connection = accelerate(client(to_chunks(sse(chat()))))
    with connection.responses.stream(model="m", input="x") as stream:
        kept = [event for event in stream if event.type.endswith(".delta")]
    sums: dict[str, str] = {}
    for event in kept:
        sums[event.type] = sums.get(event.type, "") + event.delta
        assert event.snapshot == sums[event.type]


def test_conversions() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    data = sse(chat())
    for event in respstream.events(data):
        theirs = to_openai(event)
        assert type(theirs).__module__.startswith("openai.types")
        assert theirs.type == event.type
        assert difference(theirs, to_openai(event.to_dict())) is None
        again = from_openai(theirs)
        assert type(again) is type(event)
        if event.type.endswith((".delta", ".done")) and "item" not in event.type:
            assert again == event
        assert adapter.validate_python(theirs) == theirs
    (response,) = respstream.responses(data)
    theirs = to_openai(response)
    assert isinstance(theirs, Response)
    assert theirs.output_text == response.output_text
    back = from_openai(theirs)
    assert (back.id, back.output_text, back.tool_calls) == (response.id, response.output_text, response.tool_calls)
    assert back.usage.output_tokens == 5
    assert to_openai(response.to_dict()) == theirs


def test_conversions_of_sdk_additions() -> None:
    connection = client(to_chunks(sse(chat())))
    with connection.responses.stream(model="m", input="x") as stream:
        events = list(stream)
    plain = {event.type for event in map(from_openai, events)}
    assert "response.output_text.delta" in plain
    delta = next(from_openai(event) for event in events if event.type == "response.output_text.delta")
    assert "snapshot" not in delta.to_dict()
    final = from_openai(stream.get_final_response())
    assert "parsed" not in json.dumps(final.to_dict())
    for wrong in (1, None, "x", openai.types.CompletionUsage(completion_tokens=1, prompt_tokens=1, total_tokens=2)):
        with pytest.raises(TypeError):
            from_openai(wrong)
    with pytest.raises(TypeError):
        to_openai(1)  # type: ignore[arg-type]


@pytest.mark.usefixtures("known")
def test_agents_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    """openai-agents makes its own client, asks for a stream, and runs on its events."""
    made: list[Any] = []
    handed: list[Any] = []
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    agents.set_tracing_disabled(True)

    @agents.function_tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"fine in {city}"

    async def run(url: str) -> list[Any]:
        provider = agents.OpenAIProvider(base_url=url, use_responses=True)
        agent = agents.Agent(name="a", model="chat", tool_use_behavior="stop_on_first_tool", tools=[weather])
        result = agents.Runner.run_streamed(agent, "x", run_config=agents.RunConfig(model_provider=provider))
        raw = [event.data async for event in result.stream_events() if event.type == "raw_response_event"]
        made.append(provider._get_client())
        return [*raw, result.final_output]

    async def both(url: str) -> tuple[list[Any], list[Any]]:
        theirs = await run(url)
        accelerate()
        monkeypatch.setattr(_streams._Queue, "put", lambda _, message: handed.append(message))
        try:
            ours = await run(url)
            assert ["_respstream" in connection.__dict__ for connection in made] == [False, True]
        finally:
            restore()
        await made[0].close()  # both are at one
        return theirs, ours

    with serve() as url:
        theirs, ours = asyncio.run(both(url))
    assert difference(theirs, ours) is None
    assert handed == []
    assert theirs[-1] == "fine in Bern"


def _again() -> list[bytes]:
    """Deltas that follow one another, each unlike the one before in one way."""
    plain = {
        "type": "response.output_text.delta", "sequence_number": 4, "item_id": "msg_1", "output_index": 0,
        "content_index": 0, "delta": "Hi", "logprobs": [], "obfuscation": "a1",
    }  # fmt: skip
    lacks = {name: value for name, value in plain.items() if name != "obfuscation"}
    other = {**plain, "item_id": "msg_2", "output_index": 1, "content_index": 1, "sequence_number": 9}
    likely = {"token": "Hi", "logprob": -0.5, "bytes": [1], "top_logprobs": []}
    odd = [
        {**plain, "delta": None}, {**plain, "delta": 5}, {**plain, "delta": {"a": 1}}, {**plain, "logprobs": None},
        {**plain, "logprobs": [likely]}, {**plain, "output_index": "0"}, {**plain, "output_index": 1.0}, {**plain, "error": "x"},
        {**plain, "delta": 'é"\\\n'}, {**plain, "delta": ""}, {**plain, "more": [1]}, {**plain, "obfuscation": {"b": [2]}},
        {**plain, "type": "response.refusal.delta"}, {**plain, "type": "response.new"}, {**plain, "item_id": 7},
        dict(reversed(plain.items())), lacks, other, {**other, "sequence_number": 10}, {**plain, "delta": "x" * 500},
    ]  # fmt: skip
    payloads = [plain]
    for payload in odd:
        payloads += [payload, payload, plain, {**plain, "delta": "ho"}]
    texts = [json.dumps(payload, ensure_ascii=False).encode() for payload in payloads]
    escaped = texts[0].replace(b'"delta"', rb'"d\u0065lta"')
    twice = texts[0].replace(b"{", b'{"delta": "first", ', 1)
    return [*texts, escaped, texts[0], twice, texts[0], texts[0].replace(b'"Hi"', rb'"\u00e9\ud83d\ude00"'), texts[0]]


def test_repeated_events_match_sdk(known: Plans) -> None:
    """A reader makes an event out of the one before; nothing of that one shows, and nothing is shared that can change."""
    reader = known.reader()
    native = 0
    before: Any = None
    for text in _again():
        item = next(reader.feed(b"event: x\ndata: " + text + b"\n\n"), None)
        if item is None:
            assert reader.take_message() == ("x", text.decode())
            continue
        native += 1
        theirs = known.sdk.construct(json.loads(text))
        assert difference(theirs, item) is None, text
        assert item == theirs
        for name in ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "logprobs"):
            assert getattr(item, name, None) is None or getattr(item, name) is not getattr(before, name, None)
        if before is not None:
            before.__dict__.clear()
            before.__pydantic_extra__.clear()
            before.__pydantic_fields_set__.clear()
        before = item
    assert native > 60


def test_plan_removal(known: Plans) -> None:
    """From then on the type is the SDK's, in the middle of a stream."""
    reader, text = known.reader(), json.dumps(next(iter(samples(known.classes["response.refusal.delta"]))))
    block = f"data: {text}\n\n".encode()
    node = known._shapes.model(known.classes["response.refusal.delta"])
    assert [type(item) for item in (*reader.feed(block), *reader.feed(block))] == [
        known.classes["response.refusal.delta"]
    ] * 2
    known.native.set_event("response.refusal.delta", None)
    try:
        assert list(reader.feed(block)) == []
        assert reader.take_message() == (None, text)
    finally:
        known.native.set_event("response.refusal.delta", node)
    assert len(list(reader.feed(block))) == 1


def test_partial_snapshots(known: Plans) -> None:
    """An event that comes as a draft is the event, once."""
    payload = {**next(iter(samples(known.classes["response.output_text.delta"]))), "type": "response.output_text.delta"}
    block = b"data: " + json.dumps(payload).encode() + b"\n\n"
    ((draft,), (same,)) = (known.reader([payload["type"]]).feed(block) for _ in range(2))
    assert type(draft).__name__ == "SdkDraft"
    assert difference(known.sdk.construct(payload), draft.event()) is None
    with pytest.raises(ValueError, match="already"):
        draft.event()
    assert same.event() == known.sdk.construct(payload)


def test_snapshots_of_unusual_deltas() -> None:
    """`responses.stream()` returns what the SDK returns for deltas of varying shape."""
    lines = blocks(sse(chat("some words and more ")))
    deltas = [at for at, line in enumerate(lines) if b'"response.output_text.delta"' in line]

    def changed(at: int, **members: Any) -> bytes:
        return b"data: " + json.dumps({**json.loads(lines[at].partition(b"data: ")[2]), **members}).encode() + b"\n\n"

    likely = {"token": "x", "logprob": -0.5, "top_logprobs": []}
    for members in (
        {"logprobs": [likely]},
        {"obfuscation": "zz"},
        {"more": {"a": 1}},
        {"delta": 'é"\\'},
        {"logprobs": None},
    ):
        for at in (deltas[0], deltas[1], deltas[-1]):
            data = b"".join([*lines[:at], changed(at, **members), *lines[at + 1 :]])
            seen = []
            for connection in (client(to_chunks(data)), accelerate(client(to_chunks(data)))):
                with connection.responses.stream(model="m", input="x") as stream:
                    seen.append([*stream, stream.get_final_response()])
            theirs, ours = seen
            assert [difference(one, other) for one, other in zip(theirs, ours, strict=True)] == [None] * len(theirs)
