"""`json` in both backends: verdicts, invalid text, member spans, line checks; and values, which only the fallback has."""

from __future__ import annotations

import importlib
import inspect
import json as stdlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from respstream._pure import json as pure
from respstream._pure.json import check
from tests.support.json_cases import INVALID, OPEN, VALID

DEPTH, DIGITS = pure.DEPTH_LIMIT, pure.DIGIT_LIMIT


class Python:
    """The reference, behind the functions that the extension has for these tests."""

    locate = staticmethod(pure.locate)

    @staticmethod
    def json_verdict(raw: bytes) -> str:
        try:
            pure.decode(raw)
        except pure.BadJson:
            return "bad"
        except pure.LimitExceeded:
            return "limit"
        return "ok"

    @staticmethod
    def json_invalid_unicode(raw: bytes) -> bool:
        return pure.decode(raw)[1]

    @staticmethod
    def line_check(lines: list[bytes]) -> list[str]:
        check = pure.LineCheck()
        return [check.push(line) for line in lines]


def rust() -> Any:
    """The extension. That it is missing is a failure, not a reason to skip."""
    return importlib.import_module("respstream._native")


# The class is called too, as if for an instance: both parameters are functions that give a backend.
BOTH = pytest.mark.parametrize("backend", [pytest.param(Python, id="python"), pytest.param(rust, id="rust")])
Backend: TypeAlias = Callable[[], Any]


def nested(depth: int, inside: bytes = b"") -> bytes:
    return b"[" * depth + inside + b"]" * depth


def judge(backend: Any, raw: bytes) -> str:
    verdict: str = backend.json_verdict(raw)
    return "odd" if verdict == "ok" and backend.json_invalid_unicode(raw) else verdict


# Tables

LIMITS = {
    "depth_256": ("ok", nested(DEPTH)),
    "depth_257": ("limit", nested(DEPTH + 1)),
    "depth_257_of_objects": ("limit", b'{"a":' * (DEPTH + 1) + b"1" + b"}" * (DEPTH + 1)),
    "depth_256_in_object": ("ok", b'{"a":' + nested(DEPTH - 1) + b"}"),
    "depth_257_in_object": ("limit", b'{"a":' + nested(DEPTH) + b"}"),
    "depth_257_under_a_hidden_key": ("limit", b'{"a":' + nested(DEPTH) + b',"a":1}'),
    "depth_100000": ("limit", nested(100_000)),
    "depth_100000_one_too_many_closers": ("bad", nested(100_000) + b"]"),
    "depth_100000_bad_inside": ("bad", nested(100_000, b"x")),
    "depth_100000_of_objects_cut": ("bad", b'{"a":' * 100_000),
    "many_brackets_but_flat": ("ok", b"[" + b",".join([b"[]"] * 1000) + b"]"),
    "brackets_in_strings": ("ok", b'["' + b"[{" * 1000 + b'\\"[["]'),
    "digits_4300": ("ok", b"7" * DIGITS),
    "digits_4300_and_minus": ("ok", b"[-" + b"7" * DIGITS + b"]"),
    "digits_4301": ("limit", b"7" * (DIGITS + 1)),
    "digits_5000_in_key_order": ("limit", b'{"a":' + b"7" * 5000 + b',"b":1}'),
    "digits_5000_with_fraction": ("ok", b"7" * 5000 + b".5"),
    "digits_5000_with_exponent": ("ok", b"7" * 5000 + b"e5"),
    "digits_5000_in_string": ("ok", b'"' + b"7" * 5000 + b'"'),
    "digits_5000_then_trailing_comma": ("bad", b"[" + b"7" * 5000 + b",]"),
    "digits_5000_too_deep": ("limit", nested(300, b"7" * 5000)),
    "digits_5000_leading_zero": ("bad", b"0" * 5000),
    "lone_surrogate_under_a_hidden_key": ("odd", b'{"a":"\\ud800","a":1}'),
    "invalid_utf8_under_a_hidden_key": ("odd", b'{"a":"\xff","a":1}'),
    "backslash_before_what_looks_like_a_surrogate": ("ok", b'["\\\\ud800"]'),
    "two_high_then_low": ("odd", b'["\\ud83d\\ud83d\\ude00"]'),
    "halves_in_two_strings": ("odd", b'["\\ud83d","\\ude00"]'),
    "separator_characters_are_no_space": ("bad", b"[\x1c]"),
    "nel_is_no_space": ("bad", b"\xc2\x85[]"),
    "arabic_digits": ("bad", "[٣]".encode()),
}
GROUPS = {
    "valid": {name: ("ok", raw) for name, raw in VALID.items()},
    "invalid": {name: ("bad", raw) for name, raw in INVALID.items()},
    "open": OPEN,
    "limits": LIMITS,
}


@BOTH
@pytest.mark.parametrize("group", GROUPS)
def test_verdict(backend: Backend, group: str) -> None:
    found = {name: judge(backend(), raw) for name, (_, raw) in GROUPS[group].items()}
    assert found == {name: verdict for name, (verdict, _) in GROUPS[group].items()}


@pytest.mark.parametrize("digits", [0, 640, 4300, 100_000])
def test_verdict_ignores_interpreter_digit_limit(digits: int) -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(digits)
    try:
        assert {name: judge(Python, raw) for name, (_, raw) in LIMITS.items()} == {
            name: verdict for name, (verdict, _) in LIMITS.items()
        }
        assert pure.decode(b"[-" + b"7" * 4300 + b"]")[0] == [-(10**4300 - 1) // 9 * 7]
    finally:
        sys.set_int_max_str_digits(before)


def test_verdict_does_not_recurse() -> None:
    def down(levels: int) -> Any:
        return down(levels - 1) if levels else pure.decode(nested(DEPTH))[0]

    free = sys.getrecursionlimit() - 150
    assert stdlib.dumps(down(free - len(inspect.stack(0)))) == nested(DEPTH).decode()


# The backends over generated bytes

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
trees = st.recursive(scalars, lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4))
soup = st.lists(st.sampled_from([*'{}[],:"\\ \n\t019.-+eEutrfalsn/\x00\x1f', "\\ud83d", "\\ude00", "é", '"a"']))
TOKENS = ["{", "}", "[", "]", ",", ":", '"a"', '"\\u0061"', '"\\ud800"', "1", "-0.5e3", "true", "null", " ", "\n"]
token_soup = st.lists(st.sampled_from(TOKENS), max_size=12)


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """JSON, damaged JSON, and text that resembles it."""
    raw = draw(
        st.one_of(
            st.builds(lambda tree, ascii: stdlib.dumps(tree, ensure_ascii=ascii), trees, st.booleans()),
            st.builds(lambda tree: stdlib.dumps(tree, indent=1), trees),
            soup.map("".join),
            token_soup.map("".join),
        )
    ).encode(errors="surrogatepass")
    for at, byte in draw(st.lists(st.tuples(st.integers(0, len(raw)), st.binary(max_size=2)), max_size=2)):
        raw = raw[:at] + byte + raw[at + draw(st.integers(0, 2)) :]
    return raw


def plain_verdict(raw: bytes) -> str:
    """The standard library's verdict on a text within the limits."""

    def reject(constant: str) -> None:
        raise ValueError(constant)

    try:
        stdlib.JSONDecoder(parse_constant=reject).decode(raw.decode(errors="replace"))
    except ValueError:
        return "bad"
    return "ok"


@given(texts())
@example(b'{"\xff":1,"\\ufffd":2}')
def test_backends_agree(raw: bytes) -> None:
    native = rust()
    assert judge(native, raw) == judge(Python, raw)
    assert native.json_verdict(raw) == plain_verdict(raw)
    lines = raw.replace(b"\r", b" ").split(b"\n")
    assert native.line_check(lines) == Python.line_check(lines)
    if native.json_verdict(raw) == "ok" and raw.strip(b" \t\r\n").startswith(b"{"):
        assert native.locate(raw) == pure.locate(raw)
        assert list(native.locate(raw)) == list(pure.locate(raw))


@given(texts())
def test_slow_path_matches_fast_path(raw: bytes) -> None:
    try:
        slow = check._build_slowly(raw, check._integer, float)
    except pure.BadJson:
        assert Python.json_verdict(raw) == "bad"
    else:
        assert repr(slow) == repr(pure.decode(raw)[0])


@BOTH
@given(raw=texts())
def test_lines_match_whole_text(backend: Backend, raw: bytes) -> None:
    raw = raw.replace(b"\r", b" ")
    states = backend().line_check(raw.split(b"\n"))
    assert (states[-1] == "whole") == (backend().json_verdict(raw) == "ok")
    broken = states.index("broken") if "broken" in states else len(states)
    assert set(states[broken:]) <= {"broken"}


@BOTH
@given(tree=trees, indent=st.integers(0, 2))
def test_lines_of_valid_text_are_open_until_complete(backend: Backend, tree: Any, indent: int) -> None:
    lines = stdlib.dumps(tree, indent=indent).encode().split(b"\n")
    assert backend().line_check(lines) == ["open"] * (len(lines) - 1) + ["whole"]


LINES: list[tuple[list[bytes], str]] = [
    ([b"", b" ", b"{", b'"a"', b":", b"[", b"]", b"}", b"", b"x"], "ooooooowwb"),
    ([b"1", b"2"], "wb"),
    ([b"[1", b"2]"], "ob"),
    ([b"[1.", b"5]"], "bb"),
    ([b"[tru", b"e]"], "bb"),
    ([b'"a', b'b"'], "bb"),
    ([b"{}", b"{}"], "wb"),
    ([b"{]"], "b"),
    ([b"[}"], "b"),
    ([b'{"a":1,', b"}"], "ob"),
    ([b"[1,", b"]"], "ob"),
    ([b"\xef\xbb\xbf{}"], "b"),
    ([nested(300)], "w"),
    ([b"[" + b"7" * 5000, b"]"], "ow"),
    ([b"["] * 5000 + [b"]"] * 5000, "o" * 9999 + "w"),
]


@BOTH
@pytest.mark.parametrize(("lines", "states"), LINES)
def test_lines(backend: Backend, lines: list[bytes], states: str) -> None:
    assert "".join(state[0] for state in backend().line_check(lines)) == states


def test_line_check_reports_open_state() -> None:
    check = pure.LineCheck()
    assert (check.state, check.is_object, check.closers()) == ("open", False, b"")
    check.push(b' {"a":[[{')
    assert (check.state, check.is_object, check.closers()) == ("open", True, b"}]]}")
    check.push(b"]")
    assert (check.state, check.is_object, check.closers()) == ("broken", True, b"")


def test_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("respstream._pure.json.limits.SIZE_LIMIT", 5)
    monkeypatch.setattr("respstream._pure.json.check.SIZE_LIMIT", 5)
    verdicts = [Python.json_verdict(raw) for raw in (b"[1,2]", b"[1, 2]", b"[1,,2]")]
    assert verdicts == ["ok", "limit", "bad"]
    with pytest.raises(pure.LimitExceeded):
        pure.locate(b'{"a":1}')


# Members

LOCATED: list[tuple[bytes, dict[str, bytes]]] = [
    (b"{}", {}),
    (b" { } \n", {}),
    (b'{"a":1,"b":[1,{"a":2}],"c":{"x":"}"},"d":"\\"}"}', {"a": b"1", "b": b'[1,{"a":2}]', "c": b'{"x":"}"}', "d": b'"\\"}"'}),
    (b' {"a" : [ 1 ] ,\n"b"\t: -1.5e3 , "c":true}', {"a": b"[ 1 ]", "b": b"-1.5e3", "c": b"true"}),
    (b'{"a":1,"\\u0061":2,"b":3,"a":"x"}', {"a": b'"x"', "b": b"3"}),
    (b'{"\\ud83d\\ude00":1,"\\ud83d":2}', {"\U0001f600": b"1", "\ufffd": b"2"}),
    ('{"é":"é","漢":["字"],"x":1}'.encode(), {"é": '"é"'.encode(), "漢": '["字"]'.encode(), "x": b"1"}),
    (b'{"a":"\xff\xc3","\xff":[1]}', {"a": b'"\xff\xc3"', "\ufffd": b"[1]"}),
    (b'{"a":' + nested(5000) + b',"b":' + b"7" * 5000 + b',"c":{"d":' + b"7" * 5000 + b"}}",
     {"a": nested(5000), "b": b"7" * 5000, "c": b'{"d":' + b"7" * 5000 + b"}"}),
]  # fmt: skip


@BOTH
@pytest.mark.parametrize(("raw", "members"), LOCATED)
def test_locate(backend: Backend, raw: bytes, members: dict[str, bytes]) -> None:
    spans = backend().locate(raw)
    assert {key: raw[start:end] for key, (start, end) in spans.items()} == members
    assert list(spans) == list(members)


@BOTH
@pytest.mark.parametrize(
    "raw", [b"", b" ", b"1", b"[]", b"{", b'{"a"', b'{"a":', b'{"a":[', b'{"a":1', b'{"a":1]', b"{1:2}"]
)
def test_locate_rejects_non_objects(backend: Backend, raw: bytes) -> None:
    locate = backend().locate
    with pytest.raises(ValueError, match=r"\w"):
        locate(raw)


# Values and writing: the fallback


def test_values() -> None:
    raw = b' {"a":[1,-0,2.5,1e3,true,false,null,"\\u00e9\xff"],"b":{},"a2":"\\ud800"} '
    value, odd = pure.decode(raw)
    assert odd
    assert value == {"a": [1, 0, 2.5, 1000.0, True, False, None, "é\ufffd"], "b": {}, "a2": "\ud800"}
    assert pure.loads(raw)["a2"] == "\ufffd"


@pytest.mark.parametrize("raw", [nested(257), b"7" * 4301, b"[NaN]", b""])
def test_loads_raises(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        pure.loads(raw)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from (key, *strings(child))
    elif isinstance(value, list):
        for child in value:
            yield from strings(child)
    elif isinstance(value, str):
        yield value


any_text = st.text(st.characters() | st.sampled_from("\ud800\udbff\udc00\udfff"), max_size=5)
any_trees = st.recursive(
    st.integers() | any_text, lambda part: st.lists(part, max_size=4) | st.dictionaries(any_text, part, max_size=4)
)


@given(any_trees)
def test_clean(value: Any) -> None:
    before = repr(value)
    cleaned = pure.clean(value)
    assert repr(value) == before
    texts = list(strings(value))
    changed = any(pure.clean_text(text) != text for text in texts)
    assert (cleaned is value) == (not changed)
    for text in strings(cleaned):
        text.encode()
    assert pure.clean(cleaned) is cleaned


JOINED = [
    (["a", "b"], "ab"),
    ([], ""),
    (["a\ud83d", "\ude00b"], "a\U0001f600b"),
    (["\ud83d", "", "\ude00"], "\U0001f600"),
    (["\ud83d", "x", "\ude00"], "\ufffdx\ufffd"),
    (["\ud83d", "\U0001f600"], "\ufffd\U0001f600"),
    (["\ude00", "\ud83d"], "\ufffd\ufffd"),
]


@pytest.mark.parametrize(("pieces", "text"), JOINED)
def test_join_text(pieces: list[str], text: str) -> None:
    assert pure.join_text(pieces) == text


WRITTEN = [
    (b' [ 1.50 , 1E+5 , -0 , 100000000000000000000000.0 ] ', "[1.50,1E+5,-0,100000000000000000000000.0]"),
    (b'{"a":1,"b":{},"a":[2, {}, []]}', '{"a":[2,{},[]],"b":{}}'),
    (b'"\\u00e9\\u001F\\/\\"\\\\\\n\\r\\t\\b\\f\\u007f\\u2028"', '"é\\u001f/\\"\\\\\\n\\r\\t\\b\\f\x7f\u2028"'),
    (b"null", "null"),
    (nested(DEPTH), nested(DEPTH).decode()),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "text"), WRITTEN)
def test_dumps(raw: bytes, text: str) -> None:
    assert pure.dumps(pure.parse_exact(raw)) == text


@given(trees)
def test_dumps_is_compact_and_reads_back(tree: Any) -> None:
    raw = stdlib.dumps(tree, ensure_ascii=True).encode()
    assert pure.dumps(pure.parse_exact(raw)) == stdlib.dumps(tree, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("name", LIMITS)
def test_parse_exact_has_the_same_verdict(name: str) -> None:
    verdict, raw = LIMITS[name]
    try:
        pure.parse_exact(raw)
    except pure.BadJson:
        assert verdict == "bad"
    except pure.LimitExceeded:
        assert verdict == "limit"
    else:
        assert verdict in {"ok", "odd"}
