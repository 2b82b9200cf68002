"""JSON read while it arrives: `PartialJson`, and the arguments of tool calls after every event."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import re
from collections.abc import Iterable
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from respstream import Response, ToolCall
from respstream._pure import json as reference
from respstream.partial import PartialJson
from tests.support import wellformed_streams
from tests.support.fold_cases import CREATED, Json, end, ev, fn, msg, txt
from tests.support.strategies import examples, scripts, sources

CHARACTERS = 100_000


def custom(text: str) -> Json:
    return {"type": "custom_tool_call", "call_id": "c2", "name": "sh", "input": text}


def delta(text: str, o: int = 0, kind: str = "function_call_arguments") -> Json:
    return ev(f"{kind}.delta", o=o, delta=text)


def line(event: Json) -> bytes:
    return json.dumps(event).encode() + b"\n"


def feed_all(reader: PartialJson, pieces: Iterable[str]) -> None:
    for piece in pieces:
        reader.feed(piece)


def read(*pieces: str) -> PartialJson:
    reader = PartialJson()
    feed_all(reader, pieces)
    return reader


# -- the reader ------------------------------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
WORDS = ["12", "1.5", "1e9", "true", "null", "NaN", "Infinity"]
TOKENS = st.sampled_from(
    [
        *'{}[],:"a\\01-.eE+tn',
        *" \n\x01\u00a0\ufeffé😀",
        '"a"',
        '"k":',
        '"x":1',
        "\\u",
        "\\ud83d",
        "\\ude00",
        "\\n",
        "\\x",
        *WORDS,
    ]
)
TEXTS = (
    st.builds(lambda value, ascii, indent: json.dumps(value, ensure_ascii=ascii, indent=indent), JSON_VALUES, st.booleans(), st.sampled_from([None, 1]))
    | st.lists(TOKENS, max_size=9).map("".join)
    | st.builds(lambda value, at, token: (text := json.dumps(value))[: at % len(text)] + token + text[at % len(text) :], JSON_VALUES, st.integers(0, 99), TOKENS)
)  # fmt: skip


@examples(1500)
@given(text=TEXTS)
def test_prefix_verdicts_match_full_parser(text: str) -> None:
    reader, broken = PartialJson(), False
    for size, character in enumerate(text, 1):
        try:
            reader.feed(character)
        except ValueError:
            broken = True
        prefix = text[:size]
        try:
            expected = reference.loads(prefix.encode())
        except ValueError:
            assert broken or not reader.complete, prefix
        else:
            assert not broken, prefix
            assert reader.complete, prefix
            assert repr(reader.value) == repr(expected)
            with contextlib.suppress(UnicodeEncodeError):  # the standard library keeps half a surrogate pair
                json.dumps(json.loads(prefix), ensure_ascii=False).encode()
                assert reader.value == json.loads(prefix)


@examples(300)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 60), max_size=5))
def test_split_anywhere(text: str, cuts: list[int]) -> None:
    def outcome(pieces: list[str]) -> tuple[str, Any, bool]:
        reader = PartialJson()
        try:
            for piece in pieces:
                reader.feed(piece)
        except ValueError as error:
            return str(error), repr(reader.value), reader.complete
        return "", repr(reader.value), reader.complete

    edges = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
    pieces = [text[start:stop] for start, stop in pairwise(edges)]
    assert outcome(pieces) == outcome([text]) == outcome(list(text))


@pytest.mark.parametrize(
    ("text", "value", "complete"),
    [
        ("", None, False), (" \n", None, False), ("{", {}, False), ("[", [], False), ('"', "", False),
        ('{"ci', {}, False), ('{"city"', {}, False), ('{"city":', {}, False), ('{"city":"', {"city": ""}, False),
        ('{"city":"Pa', {"city": "Pa"}, False), ('{"city":"Paris",', {"city": "Paris"}, False),
        ('{"a":1', {}, False), ('{"a":1.', {}, False), ('{"a":1 ', {"a": 1}, False), ('{"a":1}', {"a": 1}, True),
        ('{"a":tru', {}, False), ('{"a":true', {"a": True}, False), ("[null,[[", [None, [[]]], False),
        ('["a\\', ["a"], False), ('["a\\u00e', ["a"], False), ('["a\\u00e9', ["aé"], False),
        ('["\\ud83d', [""], False), ('["\\ud83d\\', [""], False), ('["\\ud83d\\ude0', [""], False), ('["\\ud83d\\ude00', ["😀"], False),
        ('["\\ud83dx', ["\ufffdx"], False), ('["\\ud83d"', ["\ufffd"], False), ('["\\ud83d\\n', ["\ufffd\n"], False),
        ('["\\ude00', ["\ufffd"], False), ('["\\ud83d\\ud83d\\ude00', ["\ufffd😀"], False), ('["\\ud83d\\u0041', ["\ufffdA"], False),
        ('{"a":[1],"a":"x', {"a": "x"}, False), ("12", 12, True), ("12.", None, False), ("12.5", 12.5, True), ("-", None, False),
        ("nul", None, False), ("null", None, True), ("true ", True, True), ('"x" ', "x", True),
    ],
)  # fmt: skip
def test_partial_values(text: str, value: Any, complete: bool) -> None:
    for reader in (read(text), read(*text)):
        assert (reader.value, reader.complete, reader.offset) == (value, complete, len(text))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("x", 0), ("{1", 1), ("{,", 1), ("[,", 1), ('{"a"1', 4), ('{"a":}', 5), ('{"a":1,}', 7), ("[1,]", 3), ("[1}", 2), ('{"a":1]', 6),
        ("[01", 2), ("[1.,", 3), ("[-]", 2), ("[1e]", 3), ("[+1", 1), ("[.5", 1), ("trux", 3), ("NaN", 0), ("-Infinity", 1), ("1 2", 2), ("{}x", 2), ("]", 0), (":", 0),
        ('["\n', 2), ('["\\x', 3), ('["\\u00g', 6), ("\ufeff{}", 0), ("\u00a01", 0), ("'a'", 0), ("[1 2", 3), ("[" * 257, 256), ("[" + "1" * 4301 + ",", 4302),
    ],
)  # fmt: skip
def test_prefixes_that_cannot_become_json(text: str, at: int) -> None:
    for pieces in ([text], list(text)):
        reader = PartialJson()
        with pytest.raises(ValueError, match=f"at character {at}$") as first:
            feed_all(reader, pieces)
        before = repr(reader.value)
        with pytest.raises(ValueError, match=re.escape(str(first.value))):
            reader.feed("")
        assert repr(reader.value) == before
        assert not reader.complete


def test_depth_is_bounded_without_recursion() -> None:
    assert read("[" * 256 + "]" * 256).complete
    with pytest.raises(ValueError, match="256 levels"):
        read('{"a":' * 257)


def test_number_length_is_bounded() -> None:
    reader = read("9" * 4300)
    assert (reader.complete, reader.value) == (True, 10**4300 - 1)
    reader.feed("9")
    assert (reader.complete, reader.value) == (False, None)
    reader.feed(".5")
    assert (reader.complete, reader.value) == (True, float("inf"))


def test_value_grows_in_place() -> None:
    reader = read('{"a":[{"b":"x')
    value = reader.value
    inner = value["a"][0]
    reader.feed('y"},"z')
    assert reader.value is value
    assert value == {"a": [{"b": "xy"}, "z"]}
    assert value["a"][0] is inner


# -- calls while they stream -----------------------------------------------------------------------------------------


class Counting:
    """The state of a backend, which counts the characters that it gives."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self.given = self.listed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)

    def calls(self) -> Any:
        self.listed += 1
        return self._state.calls()

    def call_text(self, rank: int, position: Any) -> Any:
        found = self._state.call_text(rank, position)
        self.given += len(found[0]) if found else 0
        return found


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all that readers are fed."""
    sizes: list[int] = []
    feed = PartialJson.feed

    def counted(self: PartialJson, text: str) -> None:
        sizes.append(len(text))
        feed(self, text)

    monkeypatch.setattr(PartialJson, "feed", counted)
    return sizes


def begun(backend: ModuleType, *items: Json) -> tuple[Any, Response, Any]:
    """A decoder with a response to which these items were added; the response counts."""
    decoder = backend.Decoder(form="jsonl")
    for event in (CREATED, *(ev("output_item.added", o=o, item=item) for o, item in enumerate(items))):
        decoder.feed(line(event))
    state: Any = Counting(decoder.response._state)
    return decoder, Response(state), state


@pytest.mark.timeout(60)
def test_reading_long_call_after_every_event_is_linear(backend: ModuleType, fed: list[int]) -> None:
    """A hundred thousand deltas of one character: each read looks only at new text."""
    decoder, response, state = begun(backend, fn(""))
    head = '{"language":"python","code":"'
    text = head + "x" * (CHARACTERS - len(head) - 2) + '"}'
    events = {character: line(delta(character)) for character in set(text)}
    value: Any = None
    for number, character in enumerate(text):
        decoder.feed(events[character])
        (call,) = response.tool_calls
        value = call.partial_arguments()
        if number % 10_000 == 9_999:
            assert value["code"] == text[len(head) : min(number + 1, len(text) - 2)]
    assert value == json.loads(text)
    assert sum(fed) == state.given == len(text) == CHARACTERS
    assert state.listed == 1


def test_parallel_calls(backend: ModuleType, fed: list[int]) -> None:
    """Deltas of several calls in turn, with other items coming and ending in between."""
    count, rounds = 4, 300
    calls = [fn("", call_id=f"c{o}") for o in range(count)]
    decoder, response, state = begun(backend, *calls)
    for o in range(count):
        decoder.feed(line(delta('["', o)))
    for number in range(rounds):
        for o in range(count):
            decoder.feed(line(delta("é" * (o + 1), o)))
            assert [len(c.partial_arguments()[0]) for c in response.tool_calls] == [
                (number + (other <= o)) * (other + 1) for other in range(count)
            ]
        if number % 10 == 0:
            decoder.feed(line(ev("output_item.added", o=10 + number, item=msg())))
            decoder.feed(line(ev("output_item.done", o=10 + number, item=msg(txt("x")))))
    total = sum(2 + rounds * (o + 1) for o in range(count))
    assert sum(fed) == state.given == total
    assert state.listed <= 1 + 2 * rounds // 10


def test_complete_arguments_are_parsed_again(backend: ModuleType) -> None:
    decoder, response, _ = begun(backend, fn(""))
    (call,) = response.tool_calls
    seen = []
    for event in (
        delta('{"a'),
        delta('":1'),
        ev("function_call_arguments.done", o=0, arguments='{"a":2}'),
        ev("function_call_arguments.done", o=0, arguments='{"a":3}'),
        ev("output_item.done", o=0, item=fn('{"a":4}')),
        end(msg(), fn('{"a":5}')),
    ):
        decoder.feed(line(event))
        seen.append(copy.deepcopy(call.partial_arguments()))
        assert call.partial_arguments() == seen[-1]
    assert seen == [{}, {}, {"a": 2}, {"a": 3}, {"a": 4}, {"a": 5}]
    assert call == ToolCall("function_call", "c1", "f", '{"a":5}')


def test_half_of_a_surrogate_pair_waits_for_the_other_until_the_end(backend: ModuleType) -> None:
    decoder, response, _ = begun(backend, fn(""))
    (call,) = response.tool_calls
    decoder.feed(line(delta('{"a":"x\ud83d')))
    assert call.partial_arguments() == {"a": "x"}
    decoder.feed(line(end()))
    for _ in range(2):
        assert call.partial_arguments() == {"a": "x\ufffd"}
    assert call.arguments == '{"a":"x\ufffd'


def test_finished_calls_are_not_parsed_again(backend: ModuleType, fed: list[int]) -> None:
    decoder, response, state = begun(backend, fn("", call_id="a"), fn("", call_id="b"))
    decoder.feed(line(ev("output_item.done", o=0, item=fn('{"a":"' + "x" * 5000 + '"}', call_id="a"))))
    for _ in range(200):
        decoder.feed(line(delta(" ", 1)))
        assert [call.partial_arguments() is None for call in response.tool_calls] == [False, True]
    assert sum(fed) == state.given == 5008 + 200


def test_call_keeps_identity_when_another_is_inserted_before(backend: ModuleType) -> None:
    decoder = backend.Decoder(form="jsonl")
    decoder.feed(
        line(CREATED) + line(ev("output_item.added", o=5, item=fn("", call_id="late"))) + line(delta('{"a":"x', 5))
    )
    (late,) = decoder.response.tool_calls
    assert late.partial_arguments() == {"a": "x"}
    decoder.feed(line(ev("output_item.added", o=1, item=fn('{"b":1}', call_id="early"))) + line(delta("y", 5)))
    assert late.partial_arguments() == {"a": "xy"}
    assert (late.call_id, late.arguments) == ("late", '{"a":"xy')
    assert [call.call_id for call in decoder.response.tool_calls] == ["early", "late"]
    decoder.feed(line(end(fn('{"c":1}', call_id="other"), fn('{"d":1}', call_id="another"))))
    assert (late.call_id, late.arguments, late.partial_arguments()) == ("late", '{"a":"xy', {"a": "xy"})
    calls = [call.partial_arguments() for call in decoder.response.tool_calls]
    assert calls == [{"c": 1}, {"d": 1}, {"b": 1}, {"a": "xy"}]


def test_calls_first_read_at_end(backend: ModuleType, fed: list[int]) -> None:
    """They equal calls that followed the stream; arguments are not parsed twice."""
    decoder, _, _ = begun(backend, fn(""), fn("", call_id="c2"), fn(""))
    followed = decoder.response.tool_calls
    decoder.feed(line(delta('{"a":1}', 0)) + line(delta('{"b":', 1)) + line(delta('["\ud83d', 2)))
    decoder.finish()
    fresh = Response(decoder.response._state)
    assert fresh.tool_calls == followed == decoder.response.tool_calls == fresh.tool_calls
    assert fresh.tool_calls[2].arguments == '["\ufffd'
    before = [call.partial_arguments() for call in followed]
    assert before == [call.partial_arguments() for call in fresh.tool_calls] == [{"a": 1}, {}, [""]]
    fed.clear()
    for call, again in zip(fresh.tool_calls, fresh.tool_calls, strict=True):
        assert call.partial_arguments() is again.partial_arguments()
    assert sum(fed) == 0


def test_empty_call_lists_are_not_shared(backend: ModuleType) -> None:
    decoder, _, _ = begun(backend, msg())
    one, other = decoder.response, decoder.fold_end()[0]
    assert one is other
    one.tool_calls.append(ToolCall("function_call", "c1", "f", "{}"))
    assert one.tool_calls == Response(one._state).tool_calls == []


def test_split_surrogate_pairs(backend: ModuleType) -> None:
    """A surrogate pair split over two deltas; its first half is withheld."""
    decoder, response, _ = begun(backend, fn(""))
    (call,) = response.tool_calls
    seen = []
    for piece in ('["a', "\ud83d", "", "\ude00", "\ud83d", "b", "\ude00", "\ud83d", '"]'):
        decoder.feed(line(delta(piece)))
        seen.append(call.partial_arguments()[0])
    assert seen == [
        "a",
        "a",
        "a",
        "a😀",
        "a😀",
        "a😀\ufffdb",
        "a😀\ufffdb\ufffd",
        "a😀\ufffdb\ufffd",
        "a😀\ufffdb\ufffd\ufffd",
    ]
    assert call.parsed_arguments() == call.partial_arguments()
    decoder.feed(line(end(fn('["\ud83d"]'))))
    assert call.partial_arguments() == ["\ufffd"]


def test_reading_text_does_not_change_state(backend: ModuleType) -> None:
    """Reads of the whole, which join the pieces, between the deltas."""
    decoder, response, state = begun(backend, fn('["'))
    (call,) = response.tool_calls
    text = '["'
    for number in range(60):
        decoder.feed(line(delta("ab")))
        text += "ab"
        if number % 7 == 0:
            assert call.arguments == text
        if number % 5 == 0:
            response.to_dict()
        if number % 3 == 0:
            assert call.partial_arguments() == [text[2:]]
    assert state.given <= len(text) + 2


def test_empty_arguments(backend: ModuleType) -> None:
    _, response, _ = begun(
        backend, fn(""), {"type": "mcp_call", "name": "m"}, {"type": "function_call", "arguments": 5}
    )
    assert [(c.type, c.call_id, c.arguments, c.partial_arguments()) for c in response.tool_calls] == [
        ("function_call", "c1", "", None),
        ("mcp_call", None, None, None),
        ("function_call", None, None, None),
    ]


def test_custom_tools(backend: ModuleType) -> None:
    decoder, response, _ = begun(backend, custom(""), custom("") | {"call_id": "c3"})
    decoder.feed(line(delta('{"a":[', 0, "custom_tool_call_input")) + line(delta("ls -l", 1, "custom_tool_call_input")))
    json_call, text_call = response.tool_calls
    assert (json_call.arguments, json_call.partial_arguments()) == ('{"a":[', {"a": []})
    for _ in range(2):
        with pytest.raises(ValueError, match="arguments of sh are not JSON: 'l' is not allowed here, at character 0"):
            text_call.partial_arguments()
    assert text_call.arguments == "ls -l"


def test_calls_compare_by_value(backend: ModuleType) -> None:
    decoder, response, _ = begun(backend, fn(""))
    decoder.feed(line(delta('{"a":"x')))
    (call,) = response.tool_calls
    kept, again = copy.copy(call), pickle.loads(pickle.dumps(call))
    decoder.feed(line(delta("y")))
    assert kept == again == ToolCall("function_call", "c1", "f", '{"a":"x')
    assert kept != call
    assert kept.partial_arguments() == kept.partial_arguments() == {"a": "x"}
    assert repr(call) == """ToolCall('function_call', call_id='c1', name='f', arguments='{"a":"xy')"""
    assert call.to_dict() == {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":"xy'}
    assert ToolCall("mcp_call", None, None, None).partial_arguments() is None
    with pytest.raises(ValueError, match="arguments of f are"):
        ToolCall("function_call", "c", "f", "{]").partial_arguments()


def partials(response: Response) -> list[str]:
    found = []
    for call in response.tool_calls:
        try:
            found.append(repr(call.partial_arguments()))
        except ValueError as error:
            found.append(str(error))
    return found


def snapshots(backend: ModuleType, pieces: list[bytes]) -> list[Any]:
    """The calls after every delta, each compared with a parser that sees the whole text at once."""
    decoder = backend.Decoder()
    seen = []
    for piece in pieces:
        decoder.feed(piece)
        for response in decoder.responses:
            seen.append(partials(response))
            rows = [tuple(call.to_dict().values()) for call in response.tool_calls]
            assert rows == response._state.tool_calls()
            for call, shown in zip(response.tool_calls, seen[-1], strict=True):
                if not (call.arguments or "").endswith("\ufffd"):  # which may be half of a pair, and is withheld
                    (alone,) = partials_of(copy.copy(call))
                    assert alone == shown
    return seen


def partials_of(call: ToolCall) -> list[str]:
    try:
        return [repr(call.partial_arguments())]
    except ValueError as error:
        return [str(error)]


@examples(150)
@given(source=sources())
def test_backends_agree_after_every_line(backends: tuple[ModuleType, ModuleType], source: bytes) -> None:
    pieces = source.splitlines(keepends=True)
    rust, python = (snapshots(backend, pieces) for backend in backends)
    assert rust == python


@examples(150)
@given(one=scripts())
def test_backends_agree_on_well_formed_streams(
    backends: tuple[ModuleType, ModuleType], one: wellformed_streams.Script
) -> None:
    pieces = [line(event) for event in [*one.events, one.terminal]]
    rust, python = (snapshots(backend, pieces) for backend in backends)
    assert rust == python


# -- the page --------------------------------------------------------------------------------------------------------

ARGUMENTS = '{"language":"python","code":"print(\\"hi\\")\\n"}'
