"""The event classes and Payload: members, lazy decoding, equality, repr, pickling and copying."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import tomllib
from pathlib import Path
from typing import Any, assert_type

import pytest

from respstream import types
from respstream._pure.protocols.responses.catalogue import EVENTS
from respstream.protocols import event, payload
from respstream.protocols.event import Event, UnknownEvent, build
from respstream.protocols.payload import Payload
from respstream.protocols.responses import types as generated
from respstream.types import CLASSES, ResponseCompletedEvent, ResponseStreamEvent, ResponseTextDeltaEvent
from tests.support.paths import ROOT

FIELDS: dict[str, dict[str, Any]] = {
    row["type"]: {field["name"]: field for field in row.get("fields", [])}
    for row in tomllib.loads(
        (ROOT / "rust" / "core" / "src" / "protocols" / "responses" / "catalogue.toml").read_text(encoding="utf-8")
    )["event"]
}
SAMPLES: dict[str, Any] = {
    "str": "Grüße \U0001f600",
    "int": 3,
    "str | None": "text",
    "Payload": {"id": "x_1", "parts": [1, {"a": None}], "to_dict": 2},
    "Payload | None": {"type": "url_citation"},
    "list[Payload]": [{"token": "a", "logprob": -1.5e-7}],
}
ALL = pytest.mark.parametrize("kind", sorted(CLASSES))
# One event type for each combination of field types.
BY_FIELD_TYPES = {
    frozenset(field["type"] for field in fields.values()): kind for kind, fields in sorted(FIELDS.items())
}
SAMPLED = pytest.mark.parametrize("kind", sorted(BY_FIELD_TYPES.values()))
DEEP = b'{"type":"x","deep":' + b"[" * 300 + b"]" * 300 + b"}"


def sample(kind: str) -> dict[str, Any]:
    members = {name: SAMPLES[field["type"]] for name, field in FIELDS[kind].items()}
    return {"type": kind, "sequence_number": 7, **members}


def make(members: dict[str, Any], *, eager: bool = False, offset: int = 0, named: str | None = None) -> Event:
    """An event of these members as a backend would make it: with the scalars filled, or with none."""
    kind = named or members["type"]
    cls = CLASSES.get(kind, UnknownEvent)
    raw = json.dumps(members, ensure_ascii=False).encode()
    names = EVENTS[kind].eager if eager and kind in EVENTS else ()
    slots = {name: members[name] for name in names if name in members}
    if cls is UnknownEvent:
        slots["type"] = kind
    return build(cls, raw, offset, None, members.get("sequence_number"), named, slots)


def filled(event: Event) -> set[str]:
    """The slots that have a value now."""
    names = type(event).__slots__
    descriptors = {name: getattr(type(event), name) for name in names}
    done = set()
    for name, descriptor in descriptors.items():
        try:
            descriptor.__get__(event, type(event))
        except AttributeError:
            continue
        done.add(name)
    return done


def from_sse(block: bytes) -> tuple[str | None, bytes]:
    """The event name and the data of one block, by the plainest reading of the standard."""
    assert block.endswith(b"\n\n")
    name, data = None, []
    for line in block[:-2].split(b"\n"):
        field, _, value = line.partition(b": ")
        if field == b"event":
            name = value.decode()
        else:
            assert field == b"data"
            data.append(value)
    return name, b"\n".join(data)


@ALL
def test_class(kind: str) -> None:
    cls: Any = CLASSES[kind]
    assert cls.type == kind
    assert cls.__doc__
    assert cls.__slots__ == tuple(FIELDS[kind])
    assert cls.__name__ in types.__all__
    event: Any = make(sample(kind))
    assert not hasattr(event, "__dict__")
    with pytest.raises(AttributeError):
        event.unheard_of = 1


@ALL
def test_members_are_read(kind: str) -> None:
    for eager in (False, True):
        check_members(kind, eager)


def check_members(kind: str, eager: bool) -> None:
    members = sample(kind)
    event = make(members, eager=eager)
    assert event.type == kind
    assert event.sequence_number == 7
    assert filled(event) == (set(EVENTS[kind].eager) if eager else set())
    for name in FIELDS[kind]:
        value: Any = getattr(event, name)
        assert value == members[name]
        assert getattr(event, name) is value, "decoded once"
        if isinstance(members[name], dict):
            assert isinstance(value, Payload)
        if FIELDS[kind][name]["type"] == "list[Payload]":
            assert [type(element) for element in value] == [Payload]
    assert filled(event) == set(FIELDS[kind])
    assert event.to_dict() == members


@ALL
def test_missing_members(kind: str) -> None:
    event: Any = make({"type": kind})
    assert event.sequence_number is None
    assert event.stream_id is None
    for name, field in FIELDS[kind].items():
        if field.get("declared", True):
            assert getattr(event, name) is None
        else:
            assert not hasattr(event, name)
    with pytest.raises(AttributeError, match=f"{type(event).__name__} has no member 'no_such_member'"):
        event.no_such_member  # noqa: B018


@SAMPLED
def test_null_and_extra_members(kind: str) -> None:
    nulls = dict.fromkeys(FIELDS[kind])
    event = make({"type": kind, **nulls, "brand_new": {"a": 1}})
    assert all(getattr(event, name) is None for name in nulls)
    extra: Any = event
    assert extra.brand_new.a == 1


@SAMPLED
def test_values(kind: str) -> None:
    event, same = make(sample(kind), eager=True, offset=5), make(sample(kind), offset=900)
    assert event == same
    assert event != make({**sample(kind), "sequence_number": 8})
    assert event != sample(kind)
    with pytest.raises(TypeError, match="unhashable"):
        hash(event)


@SAMPLED
@pytest.mark.parametrize("protocol", [0, pickle.DEFAULT_PROTOCOL, pickle.HIGHEST_PROTOCOL])
def test_pickle(kind: str, protocol: int) -> None:
    event = build(CLASSES[kind], json.dumps(sample(kind)).encode(), 12, "lane", 7, None, None)
    back: Event = pickle.loads(pickle.dumps(event, protocol))
    assert type(back) is type(event)
    assert back == event
    assert (back.raw, back.offset, back.stream_id, back.sequence_number) == (event.raw, 12, "lane", 7)
    assert repr(back) == repr(event)


@SAMPLED
@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy])
def test_copy(kind: str, clone: Any) -> None:
    event = make(sample(kind), eager=True)
    assert clone(event) == event
    assert clone(event) is not event


@SAMPLED
def test_repr_is_short(kind: str) -> None:
    members = {name: value * 9999 if isinstance(value, str) else value for name, value in sample(kind).items()}
    event = make({**members, "type": kind})
    text = repr(event)
    assert text.startswith(f"{CLASSES[kind].__name__}(sequence_number=7")
    assert len(text) < 700
    assert text == repr(make({**members, "type": kind}, eager=True))


@SAMPLED
def test_sse_round_trip(kind: str) -> None:
    event = make(sample(kind))
    name, data = from_sse(event.to_sse())
    assert (name, data) == (kind, event.raw)


def test_repr_shows_scalars() -> None:
    event = make({"type": "response.output_text.delta", "output_index": 0, "delta": "Hello", "logprobs": []})
    assert repr(event) == "ResponseTextDeltaEvent(output_index=0, delta='Hello')"


def test_equality_ignores_member_order_and_spacing() -> None:
    cls = CLASSES["response.refusal.delta"]
    one = build(cls, b'{"type": "response.refusal.delta", "delta": "\\u00e9"}', 0, None, None, None, None)
    two = build(cls, '{"delta":"é","type":"response.refusal.delta"}'.encode(), 9, "a", None, None, None)
    assert one == two


def test_equality_includes_class() -> None:
    raw = b'{"type":"x"}'
    one = build(UnknownEvent, raw, 0, None, None, None, {"type": "x"})
    assert one != build(CLASSES["keepalive"], raw, 0, None, None, None, None)


def test_type_from_event_line_only() -> None:
    event = make({"delta": "a"}, named="response.output_text.delta")
    assert isinstance(event, ResponseTextDeltaEvent)
    assert event.to_dict() == {"delta": "a", "type": "response.output_text.delta"}
    assert from_sse(event.to_sse()) == ("response.output_text.delta", b'{"delta": "a"}')
    assert pickle.loads(pickle.dumps(event)) == event
    assert event == make({"type": "response.output_text.delta", "delta": "a"})
    odd = make({"type": 5}, named="keepalive")
    assert odd.to_dict() == {"type": "keepalive"}


def test_unknown_event() -> None:
    event = make({"type": "response.brand_new", "sequence_number": 1, "thing": {"a": [1]}, "delta": "x"})
    assert isinstance(event, UnknownEvent)
    assert (event.type, event.delta, event.thing.a) == ("response.brand_new", "x", [1])
    assert not hasattr(event, "other")
    assert repr(event) == "UnknownEvent(sequence_number=1, type='response.brand_new')"
    back = pickle.loads(pickle.dumps(event))
    assert (back, back.type) == (event, event.type)
    assert copy.deepcopy(event) == event


def test_sse_of_multi_line_text() -> None:
    event = build(CLASSES["keepalive"], b' {"type":\r\n"keepalive",\n\r"a": 1}\r\n', 0, None, None, None, None)
    name, data = from_sse(event.to_sse())
    assert name == "keepalive"
    assert json.loads(data) == {"type": "keepalive", "a": 1}


def test_sse_of_type_with_line_end() -> None:
    event = make({"type": "a\ndata: b"})
    assert from_sse(event.to_sse()) == (None, event.raw)


def test_invalid_unicode_text() -> None:
    raw = b'{"type":"response.output_text.delta","delta":"a\xff","item_id":"\\ud800"}'
    event = build(ResponseTextDeltaEvent, raw, 0, None, None, None, None)
    assert isinstance(event, ResponseTextDeltaEvent)
    assert (event.delta, event.item_id) == ("a\ufffd", "\ufffd")
    assert event.to_sse() == b"event: response.output_text.delta\ndata: " + raw + b"\n\n"


def test_payload_over_limits() -> None:
    event: Any = build(UnknownEvent, DEEP, 0, None, None, None, {"type": "x"})
    assert event == build(UnknownEvent, DEEP, 1, None, None, None, {"type": "x"})
    assert event != build(UnknownEvent, DEEP + b" ", 1, None, None, None, {"type": "x"})
    assert repr(event) == "UnknownEvent(type='x')"
    assert event.to_sse().endswith(b"}\n\n")
    assert pickle.loads(pickle.dumps(event)) == event
    with pytest.raises(ValueError, match=r"nest|deep|limit"):
        event.to_dict()
    with pytest.raises(ValueError, match=r"nest|deep|limit"):
        event.deep  # noqa: B018


def test_dunder_names_are_not_read_from_payload() -> None:
    event = build(UnknownEvent, b"no JSON at all", 0, None, None, None, {"type": "x"})
    assert not hasattr(event, "__deepcopy__")
    with pytest.raises(AttributeError):
        UnknownEvent.__new__(UnknownEvent).raw  # noqa: B018


def narrowing(event: ResponseStreamEvent) -> str:
    """Type checkers are tested here too: they read this module."""
    if event.type == "response.output_text.delta":
        assert_type(event, ResponseTextDeltaEvent)
    match event:
        case ResponseTextDeltaEvent():
            assert_type(event.delta, str)
            return event.delta
        case ResponseCompletedEvent(response=response):
            assert_type(response.model, str)
            return response.id
        case UnknownEvent():
            assert_type(str(event.type), str)
            return event.type
        case _:
            return ""


@pytest.mark.parametrize(
    ("members", "answer"),
    [
        ({"type": "response.output_text.delta", "delta": "Hi"}, "Hi"),
        ({"type": "response.completed", "response": {"id": "resp_1"}}, "resp_1"),
        ({"type": "keepalive"}, ""),
        ({"type": "new"}, "new"),
    ],
)
def test_match_statements(members: dict[str, Any], answer: str) -> None:
    event: Any = make(members)
    assert narrowing(event) == answer


def test_groups() -> None:
    event = make(sample("response.function_call_arguments.delta"))
    assert isinstance(event, types.DeltaEvent)
    assert isinstance(event, types.ToolCallEvent)
    assert not isinstance(event, types.TerminalEvent | types.DoneEvent | types.ReasoningEvent | types.LifecycleEvent)


@pytest.mark.parametrize("module", [event, payload, generated])
def test_modules_import_no_heavy_standard_modules(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    modules = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert not [node for node in tree.body if isinstance(node, ast.Import)]
    package = {"_engine", "_last_located", "_record", "protocols.event", "protocols.payload"}
    assert set(modules) <= {"__future__", *(f"respstream.{name}" for name in package)}


OBJECT: dict[str, Any] = {
    "id": "r",
    "usage": {"n": 1},
    "list": [{"a": 1}, [2, {"b": 3}]],
    "keys": 4,
    "none": None,
    "": 0,
}
PAYLOADS = pytest.mark.parametrize("source", [json.dumps(OBJECT).encode(), OBJECT], ids=["bytes", "dict"])


@PAYLOADS
def test_payload_reads(source: Any) -> None:
    payload = Payload(source)
    assert payload.id == payload["id"] == payload.get("id") == "r"
    assert payload.usage.n == 1
    assert payload.usage is payload["usage"]
    assert isinstance(payload.list[1][1], Payload)
    assert payload.none is None
    assert payload[""] == 0
    assert callable(payload.keys), "methods win"
    assert payload["keys"] == 4
    assert ("id" in payload, "x" in payload, 5 in payload) == (True, False, False)
    assert list(payload) == list(payload.keys()) == list(OBJECT)
    assert len(payload) == len(OBJECT)
    assert dict(payload.items()) == OBJECT
    assert payload.values() == list(OBJECT.values())
    assert (payload.get("x"), payload.get("x", 1), payload.get("none", 1)) == (None, 1, None)


@PAYLOADS
def test_payload_missing_members(source: Any) -> None:
    payload = Payload(source)
    with pytest.raises(AttributeError, match="no member 'x'"):
        payload.x  # noqa: B018
    with pytest.raises(KeyError, match="x"):
        payload["x"]
    assert not hasattr(payload, "__deepcopy__")


@PAYLOADS
def test_payload_to_dict_returns_new_dict(source: Any) -> None:
    payload = Payload(source)
    plain = payload.to_dict()
    assert plain == OBJECT
    assert type(plain["usage"]) is dict
    assert type(plain["list"][1][1]) is dict
    plain["usage"]["n"] = plain["list"][0]["a"] = 99
    assert payload == OBJECT
    assert payload.to_dict() == OBJECT


@PAYLOADS
def test_payload_compares_by_value(source: Any) -> None:
    payload = Payload(source)
    assert payload == OBJECT == payload
    assert payload == Payload(json.dumps(OBJECT, indent=1).encode())
    assert payload == Payload(dict(OBJECT))
    assert payload == {**OBJECT, "usage": Payload(b'{"n":1}')}
    assert payload != {**OBJECT, "id": "s"}
    assert payload != 5
    with pytest.raises(TypeError, match="unhashable"):
        hash(payload)


@PAYLOADS
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_payload_can_be_pickled(source: Any, protocol: int) -> None:
    payload = Payload(source)
    assert payload.usage.n == 1
    assert pickle.loads(pickle.dumps(payload, protocol)) == payload
    assert copy.copy(payload) == copy.deepcopy(payload) == payload


@PAYLOADS
def test_payload_repr_is_short(source: Any) -> None:
    assert repr(Payload(source)) == "Payload(id='r', usage={…}, list=[2], keys=4, =0)"
    assert repr(Payload({"type": "function_call", "n": 1, "x": "y" * 999})) == f"FunctionCall(n=1, x='{'y' * 46}…)"
    assert repr(Payload(b'{"broken"')) == """Payload({"broken")"""


def test_empty_payload() -> None:
    assert not Payload(b"{}")
    assert Payload(b"{}") == {} == Payload({})
    assert repr(Payload(b"{}")) == "Payload()"


def test_payload_decodes_only_read_members() -> None:
    payload = Payload(b'{"a":"\\ud83d\\ude00","n":123456789012345678901234567890,"f":1.0e-7,"a2":[true]}')
    assert payload.a == "\U0001f600"
    assert set(payload._seen) == {"a"}
    assert (payload.n, payload.f, payload.a2) == (123456789012345678901234567890, 1.0e-7, [True])


def test_last_duplicate_key_wins() -> None:
    payload = Payload(b'{"a":1,"b":2,"a":3}')
    assert (payload.a, len(payload), payload.to_dict()) == (3, 2, {"a": 3, "b": 2})


@pytest.mark.parametrize("source", ["{}", 5, None, [1], bytearray(b"{}")])
def test_payload_of_non_object(source: Any) -> None:
    with pytest.raises(TypeError, match="bytes or a dict"):
        Payload(source)
