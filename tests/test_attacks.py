"""Input that is made to be slow: twice as much of it costs twice the work, in both twins and however it is cut.

Work is counted (`tests.work`). The compiled core gets each attack in full; the Python twin, whose counting is slow, a
fraction of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from tests import laws, work

MIB = 1 << 20
DELTA = b'{"type":"response.function_call_arguments.delta","output_index":0,"delta":"x"}\n'
ITEM = b'{"type":"response.output_item.added","output_index":0,"item":{"type":"%s","id":"i"}}\n'
TEXT_DELTA = b'{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"x"%s}\n'
TEXT_DONE = b'{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"x"}\n'


class Attack(NamedTuple):
    """`make(n)` is the source; `size` the n of the full attack, `share` the Python twin's part of it; `chunk` in bytes."""

    make: Callable[[int], bytes]
    size: int
    share: int = 50
    chunk: int = 65536
    every: int = 0


def _event(index: object) -> bytes:
    event = {"type": "response.output_text.delta", "output_index": index, "content_index": index, "delta": "x"}
    return json.dumps(event).encode() + b"\n"


def _nested(depth: int) -> bytes:
    deep = b'[{"a":' * (depth // 2) + b"1" + b"}]" * (depth // 2)
    return b'data: {"type":"x","y":%s}\n\n{"type":"x","y":%s}\n[{"y":%s}]\n' % (deep, deep, deep)


def _late_done(count: int) -> bytes:
    """A part that came whole and long, and then its text again and again, short."""
    part = b'{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"output_text","text":"%s"}}\n'
    return ITEM % b"message" + part % (b"z\\u00e9" * count) + TEXT_DONE * count


ATTACKS: dict[str, Attack] = {
    "a huge line in single bytes": Attack(lambda n: b'data: {"type":"x","y":"%s"}\n\n' % (b"z" * n), MIB, 20, 1),
    "a huge JSON line in single bytes": Attack(lambda n: b'{"type":"x","y":"%s"}\n' % (b"z" * n), MIB, 20, 1),
    "a huge stray line in single bytes": Attack(lambda n: b"z" * n, MIB, 20, 1),
    "a huge event in small chunks": Attack(lambda n: b'data: {"type":"x","y":"%s"}\n\n' % (b"z" * n), 8 * MIB, 20, 64),
    "a huge array element in small chunks": Attack(lambda n: b'[{"type":"x","y":"%s"}]' % (b"z" * n), 8 * MIB, 20, 64),
    "empty blocks": Attack(lambda n: b"data\n\n" * n, 1_000_000),
    "blocks of a name": Attack(lambda n: b"event: x\n\n" * n, 1_000_000),
    "data lines of one block": Attack(lambda n: b"data: {\n" * n, 1_000_000),
    "data lines of one block, in single bytes": Attack(lambda n: b"data: 1\n" * n, 100_000, 20, 1),
    "blocks without blank lines": Attack(lambda n: b"event: x\ndata: {}\n: c\n" * n, 300_000),
    "lines of an open JSON text": Attack(lambda n: b"{\n" + b'"a":1,\n' * n, 1_000_000),
    "levels of nesting": Attack(_nested, 100_000, 10),
    "levels of nesting that do not close": Attack(lambda n: b'{"a":[' * n + b"\n", 100_000, 10),
    "lanes": Attack(lambda n: b"".join(b'{"type":"response.queued","stream_id":"%d","response":{}}\n' % i for i in range(n)), 200_000, 20),
    "end marks among lanes": Attack(lambda n: b"".join(b'{"type":"response.queued","stream_id":"%d","response":{}}\n[DONE]\n' % i for i in range(n)), 200_000, 20),
    "indexes that are none": Attack(lambda n: b"".join(map(_event, (2**31, -1, "0", 0.5, [], 2**64))) * n, 50_000),
    "deltas that are objects": Attack(lambda n: DELTA.replace(b'"x"', b'{"x":"y"}') * n, 200_000),
    "unknown types": Attack(lambda n: b"".join(b'{"type":"t%d"}\n' % i for i in range(n)), 1_000_000),
    "unknown types, each long": Attack(lambda n: b"".join(b'{"type":"%d%s"}\n' % (i, b"t" * 500) for i in range(n)), 20_000, 10),
    "stray lines": Attack(lambda n: b"x\n" * n, 10_000_000, 100),
    "brackets that begin no array": Attack(lambda n: b"[x\n" * n, 1_000_000),
    "one-character deltas, calls read rarely": Attack(lambda n: ITEM % b"function_call" + DELTA * n, 100_000, 10, 8000, 100),
    "types in turn": Attack(lambda n: (DELTA + TEXT_DELTA % b"") * n, 100_000),
    "lists that begin with blanks": Attack(lambda n: TEXT_DELTA % (b',"logprobs":[%s1]' % (b" " * 8 * n)) + TEXT_DELTA % b',"logprobs":[1]' * n, 20_000, 10),
    "a long part and its text, short": Attack(_late_done, 20_000, 10),
    "late deltas": Attack(lambda n: TEXT_DONE.replace(b"x", b"x" * n) + TEXT_DELTA % b"" * n, 100_000),
    "parts": Attack(lambda n: b'{"type":"response.content_part.added","part":{}}\n' * n, 60_000, 10),
    "members of one event": Attack(lambda n: b'{"type":"error"%s}\n' % b"".join(b',"m%d":%d' % (i, i) for i in range(n)), 200_000, 5),
    "long ids of items": Attack(lambda n: (DELTA.replace(b"{", b'{"item_id":"%s",' % (b"i" * 2000), 1)) * n, 5_000, 10),
}  # fmt: skip


@pytest.fixture(scope="module")
def counter() -> Path:
    return work.build_counter()


@pytest.mark.parametrize("name", ATTACKS)
def test_work_grows_with_the_input(engine: ModuleType, counter: Path, name: str) -> None:
    attack = ATTACKS[name]

    def count(size: int) -> tuple[int, int]:
        data = attack.make(size)
        if work.is_python(engine):
            return work.python_work(data, attack.chunk, attack.every), len(data)
        return work.rust_work(counter, data, attack.chunk, attack.every), len(data)

    full = attack.size // attack.share if work.is_python(engine) else attack.size
    (small, half), (large, size) = count(full // 2), count(full)
    # By the byte: numbers that count up make the larger one a little more than twice as long.
    assert large / size <= 1.1 * small / half + 1, (small, half, large, size)
    assert large <= 40 * size + 1000, (large, size)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ATTACKS)
def test_it_comes_through(engine: ModuleType, name: str) -> None:
    """Nothing raises, and what no count sees runs into the time limit."""
    attack = ATTACKS[name]
    size = attack.size // (20 if work.is_python(engine) else 2)
    laws.feed_all(engine.Decoder(), work.pieces(attack.make(size), attack.chunk))


def test_messages_share_a_long_id(engine: ModuleType) -> None:
    """An id holds for all messages that follow; a copy for each would be the product of both."""
    decoder = engine.SseDecoder()
    messages = decoder.feed(b"id: %s\n\n" % (b"i" * MIB) + b"data: x\n\n" * 10_000)
    messages += decoder.feed(b"data: x\n\n")
    assert {id(message.id) for message in messages} == {id(messages[0].id)}
    assert len(messages[0].id) == MIB


def test_the_count_can_tell(counter: Path) -> None:
    """Each byte is looked at once at least, in both twins."""
    data = b'data: {"type":"x"}\n\n' * 100
    assert len(data) <= work.rust_work(counter, data, 64) <= 40 * len(data)
    assert len(data) <= work.python_work(data, 64) <= 40 * len(data)
