"""Both backends give the same results for any chunks."""

from __future__ import annotations

from random import Random
from types import ModuleType

from tests.support import chat_hostile, readings
from tests.support.chat_dialects import DIALECTS
from tests.support.chat_streams import jsonl, sse, stream

COUNT = 300
# The only choice of a chunk of several servers; `@` is a text, `#` a number.
FORMS = (
    '{"index":0,"delta":{"content":"@"},"logprobs":null,"finish_reason":null}',
    '{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"@"}]}]},"finish_reason":null}',
    '{"index":0,"delta":{"content":[{"type":"thinking","thinking":"@"}]},"finish_reason":null}',
    '{"index":0,"text":"@","finish_reason":null,"seed":null,"delta":{"token_id":#,"role":"assistant","content":"@"}}',
    '{"text":"@","index":0,"logprobs":null,"finish_reason":null}',
    '{"index":0,"delta":{"content":"@"},"logprobs":{"content":[{"token":"@","logprob":-0.5}]},"finish_reason":null}',
)
ROLE = '{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}'
END = '{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}'
TOKENS = '"usage":{"prompt_tokens":#,"total_tokens":#,"details":{"cached_tokens":#}}'
# Changes that make a chunk look alike but differ.
CHANGES = (
    ("null", '"x"'),
    (":0", ":1"),
    ('"thinking","', '"text","'),
    ('"text":', '"thinking":'),
    ('"content":', '"refusal":'),
    ('"content":"', '"content":"\\ud83d'),
    ('"text":"', '"text":"\\ude00'),
    ('"token_id":', '"token_id":-0.'),
    ("null", '"stop"'),
    ("}]", "},{}]"),
    ("}]", ',"text":"t"}]'),
    ("{", '{"content":"c",'),
    ('"delta":{', '"delta":null,"d":{'),
    ('_tokens":', '_tokens":0'),
    ('"usage":{', '"usage":null,"u":{'),
    ('"id":"', '"id":"other '),
    ('"created":', '"created":1.'),
)

Backends = tuple[ModuleType, ModuleType]


def _compare(backends: Backends, body: bytes, rng: Random) -> None:
    cuts = [rng.randint(0, len(body)) for _ in range(rng.choice([0, 3, 30]))]
    for api in ("auto", "chat"):
        one, other = (readings.read(backend, body, cuts, api=api) for backend in backends)
        assert one == other, body
    one, other = (readings.fold(backend, body, cuts) for backend in backends)
    assert one == other, body
    one, other = (readings.read(backend, body, strict=True) for backend in backends)
    assert one == other, body


def test_dialects(backends: Backends) -> None:
    for row in DIALECTS:
        _compare(backends, row.body, Random(1))


def test_random_streams(backends: Backends) -> None:
    for number in range(COUNT):
        rng = Random(f"agree/{number}")
        made = stream(rng, number, dialects=rng.random() < 0.7)
        _compare(backends, rng.choice([sse, jsonl])(made.chunks), rng)


def test_hostile_chunks(backends: Backends) -> None:
    for number in range(COUNT):
        _compare(backends, chat_hostile.source(number), Random(number))


def test_chunks_of_one_server(backends: Backends) -> None:
    """Responses of one server consist of the same chunks, which are recognised; some look alike but differ."""
    for number in range(COUNT):
        rng = Random(f"server/{number}")
        _compare(backends, _server(rng), rng)


def _server(rng: Random) -> bytes:
    form, is_clock, is_line = rng.choice(FORMS), rng.random() < 0.3, rng.random() < 0.2
    out, clock = [], 1
    for response in range(rng.randint(1, 5)):
        clock += 1
        choices = [ROLE, *[form] * rng.randint(0, 6), END, ""]
        for choice in choices:
            clock += is_clock
            tail = TOKENS if not choice else rng.choice(['"usage":null', '"obfuscation":"abc"'])
            text = (
                f'{{"id":"r{response}","object":"chat.completion.chunk","created":{clock},"choices":[{choice}],{tail}}}'
            )
            text = text.replace("@", rng.choice(["a", "b c", "é", "\\n", "x" * 40])).replace(
                "#", str(rng.randint(0, 300))
            )
            if rng.random() < 0.15:
                text = text.replace(*rng.choice(CHANGES), 1)
            out.append(f"{text}\n" if is_line else f"data: {text}\n\n")
        if rng.random() < 0.7:
            out.append("[DONE]\n" if is_line else "data: [DONE]\n\n")
    return "".join(out).encode()


def test_damaged_bytes(backends: Backends) -> None:
    for number in range(COUNT // 2):
        rng = Random(f"damaged/{number}")
        body = bytearray(sse(stream(rng, number, dialects=True).chunks))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(body))
            body[at : at + rng.choice([0, 1, 1, 5])] = rng.choice(
                [b"", b"x", b"\xff", b"\n", b"}", b'"', b"\\ud83d", b"0"]
            )
        _compare(backends, bytes(body), rng)
