"""Seeded generators of realistic Responses streams with their expected results.

Every shape is a function `(seed, size_bytes, **dialect) -> Log`: equal arguments produce equal bytes on every machine. Each log
has at least one response, and is at least `size_bytes` long. The dialect options are those of `benches.wire.Wire`. The streams are
well formed: sequence numbers start at 0, ids are stable within a response, and the terminal event's `output` has the streamed
items. Standard library only.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

from benches import vocabulary
from benches.items import ResponseWriter
from benches.wire import Wire, WireOptions

SEED = 1
"""The seed of the benchmarked logs."""
IMAGE_CHARS = 8 << 20


@dataclass(frozen=True, slots=True)
class Log:
    """A log and its expected results.

    `responses` has a dict for each response: id, status, output_text, refusal (None: none), reasoning_text, reasoning_summary ("" : none),
    tool_calls (tuples of type, call_id, name, arguments), input_tokens, output_tokens, events, deltas. `events` and `deltas` are the sums;
    `delta_chars` counts the characters (code points) of all deltas.
    """

    data: bytes
    responses: list[dict[str, Any]]
    events: int
    deltas: int
    delta_chars: int


Make = Callable[[random.Random, Wire], ResponseWriter]
Shape = Callable[..., Log]


def chat(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """Plain text answers of 5 to 600 deltas; one in fifty stops at `max_output_tokens`."""
    return _log("chat", seed, size_bytes, dialect, _chat)


def long_answers(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """Plain text answers of 2,000 to 4,000 deltas: dominated by the cost of a delta."""
    return _log("long_answers", seed, size_bytes, dialect, _long_answers)


def tools(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """One to four function, custom and MCP calls in a response, sometimes with text before them."""
    return _log("tools", seed, size_bytes, dialect, _tools)


def reasoning(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """A reasoning item (summary parts and encrypted content, or open text) and then a message."""
    return _log("reasoning", seed, size_bytes, dialect, _reasoning)


def refusals(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """Refusal parts, and sometimes a text that the content filter cut off."""
    return _log("refusals", seed, size_bytes, dialect, _refusals)


def long_lifecycle(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """Short answers whose three lifecycle events carry 30 to 100 KB of instructions and tools each."""
    return _log("long_lifecycle", seed, size_bytes, dialect, _long_lifecycle)


def unicode_escapes(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    r"""Text of many scripts, emoji and control characters: as UTF-8 or, in every other response, as `\u` escapes with surrogate pairs."""
    return _log("unicode_escapes", seed, size_bytes, dialect, _unicode_escapes)


def logprobs(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """Text with the log probabilities of each token and of up to five alternatives."""
    return _log("logprobs", seed, size_bytes, dialect, _logprobs)


def image(seed: int, size_bytes: int, *, image_chars: int = IMAGE_CHARS, **dialect: Unpack[WireOptions]) -> Log:
    """One partial image of `image_chars` characters of base64, and the final one, which the item and the terminal event repeat."""
    return _log("image", seed, size_bytes, dialect, lambda rng, wire: _image(rng, wire, image_chars))


def short(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """Answers of one to twelve deltas: most bytes are those of the dozen other events of a response."""
    return _log("short", seed, size_bytes, dialect, _short)


def azure(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """Short answers of Azure, whose lifecycle events also have the results of content filters and the usage of tools."""
    return _log("azure", seed, size_bytes, dialect, _azure)


def small_pieces(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """One or two function calls whose arguments come in pieces of one to three characters."""
    return _log("small_pieces", seed, size_bytes, dialect, _small_pieces)


def cjk(seed: int, size_bytes: int, *, escaped: bool = False, **dialect: Unpack[WireOptions]) -> Log:
    r"""Chinese, Japanese and Korean text, as UTF-8 or, if `escaped`, as `\u` escapes."""
    return _log("cjk", seed, size_bytes, dialect, lambda rng, wire: _cjk(rng, wire, escaped))


def mixed(seed: int, size_bytes: int, **dialect: Unpack[WireOptions]) -> Log:
    """Responses of all shapes except images, in the proportions of a busy application's log."""
    return _log("mixed", seed, size_bytes, dialect, _mixed)


SHAPES: dict[str, Shape] = {
    shape.__name__: shape
    for shape in (
        chat,
        long_answers,
        tools,
        reasoning,
        refusals,
        long_lifecycle,
        unicode_escapes,
        logprobs,
        image,
        short,
        azure,
        small_pieces,
        cjk,
        mixed,
    )
}


def _log(name: str, seed: int, size_bytes: int, dialect: WireOptions, make: Make) -> Log:
    wire = Wire(**dialect)
    rng = random.Random(f"{name} {seed}")
    pieces: list[bytes] = []
    writers: list[ResponseWriter] = []
    size = 0
    while not pieces or size < size_bytes:
        writer = make(rng, wire)
        writers.append(writer)
        pieces.append(writer.out.encoded())
        size += len(pieces[-1])
        writer.out.discard()
    return Log(
        data=b"".join(pieces),
        responses=[writer.expected for writer in writers],
        events=sum(writer.out.events for writer in writers),
        deltas=sum(writer.out.deltas for writer in writers),
        delta_chars=sum(writer.out.delta_chars for writer in writers),
    )


def _chat(rng: random.Random, wire: Wire) -> ResponseWriter:
    writer = ResponseWriter(rng, wire)
    cut_off = rng.random() < 0.02
    writer.message(_text(rng, 5, 600), status="incomplete" if cut_off else "completed")
    if cut_off:
        writer.close("incomplete", "max_output_tokens")
    else:
        writer.close()
    return writer


def _long_answers(rng: random.Random, wire: Wire) -> ResponseWriter:
    writer = ResponseWriter(rng, wire)
    writer.message(_text(rng, 2_000, 4_000))
    writer.close()
    return writer


def _tools(rng: random.Random, wire: Wire) -> ResponseWriter:
    writer = ResponseWriter(rng, wire, tools=vocabulary.tool_definitions(rng, rng.randint(1, 6)))
    if rng.random() < 0.3:
        writer.message(_text(rng, 5, 60))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        _one_call(rng, writer)
    writer.close()
    return writer


def _one_call(rng: random.Random, writer: ResponseWriter) -> None:
    kind = rng.random()
    if kind < 0.7:
        writer.function_call(f"tool_{rng.randrange(6)}", vocabulary.arguments(rng))
    elif kind < 0.85:
        writer.custom_call("code_exec", vocabulary.code(rng))
    else:
        output = "".join(vocabulary.tokens(rng, rng.randint(5, 400)))
        writer.mcp_call("read_file", vocabulary.arguments(rng), output)


def _reasoning(rng: random.Random, wire: Wire) -> ResponseWriter:
    writer = ResponseWriter(rng, wire)
    if rng.random() < 0.7:
        writer.reasoning_summary([_text(rng, 10, 120) for _ in range(rng.randint(1, 4))])
    else:
        writer.reasoning_text(_text(rng, 30, 400))
    writer.message(_text(rng, 5, 300))
    writer.close()
    return writer


def _refusals(rng: random.Random, wire: Wire) -> ResponseWriter:
    writer = ResponseWriter(rng, wire)
    if rng.random() < 0.9:
        writer.refusal(vocabulary.tokens(rng, rng.randint(5, 60), vocabulary.REFUSALS))
        writer.close()
    else:
        writer.message(_text(rng, 5, 60), status="incomplete")
        writer.close("incomplete", "content_filter")
    return writer


def _long_lifecycle(rng: random.Random, wire: Wire) -> ResponseWriter:
    prompt = vocabulary.instructions(rng, rng.randint(20_000, 60_000))
    definitions = vocabulary.tool_definitions(rng, rng.randint(10, 36))
    writer = ResponseWriter(rng, wire, instructions=prompt, tools=definitions)
    writer.message(_text(rng, 5, 60))
    writer.close()
    return writer


def _unicode_escapes(rng: random.Random, wire: Wire) -> ResponseWriter:
    writer = ResponseWriter(rng, wire, escape_non_ascii=rng.random() < 0.5)
    writer.message(_text(rng, 5, 300, vocabulary.FOREIGN))
    if rng.random() < 0.2:
        writer.function_call("translate", "".join(('{"text":"', *_text(rng, 3, 9, vocabulary.FOREIGN), '"}')))
    writer.close()
    return writer


def _logprobs(rng: random.Random, wire: Wire) -> ResponseWriter:
    alternatives = rng.choice((0, 1, 5))
    writer = ResponseWriter(rng, wire, top_logprobs=alternatives)
    pieces = _text(rng, 5, 200)
    writer.message(pieces, logprobs=[vocabulary.logprobs(rng, piece, alternatives) for piece in pieces])
    writer.close()
    return writer


def _image(rng: random.Random, wire: Wire, image_chars: int) -> ResponseWriter:
    writer = ResponseWriter(rng, wire)
    partial, result = (vocabulary.base64_text(rng, image_chars) for _ in range(2))
    writer.image([partial], result)
    writer.message(_text(rng, 5, 30))
    writer.close()
    return writer


def _short(rng: random.Random, wire: Wire) -> ResponseWriter:
    writer = ResponseWriter(rng, wire)
    writer.message(_text(rng, 1, 12))
    writer.close()
    return writer


def _azure(rng: random.Random, wire: Wire) -> ResponseWriter:
    writer = ResponseWriter(rng, wire, more=vocabulary.azure_members(rng))
    writer.message(_text(rng, 3, 80))
    writer.close()
    return writer


def _small_pieces(rng: random.Random, wire: Wire) -> ResponseWriter:
    writer = ResponseWriter(rng, wire, tools=vocabulary.tool_definitions(rng, rng.randint(1, 3)))
    for _ in range(rng.choice((1, 1, 2))):
        writer.function_call(f"tool_{rng.randrange(3)}", vocabulary.arguments(rng), small=True)
    writer.close()
    return writer


def _cjk(rng: random.Random, wire: Wire, escaped: bool) -> ResponseWriter:
    writer = ResponseWriter(rng, wire, escape_non_ascii=escaped)
    writer.message(_text(rng, 5, 300, vocabulary.CJK))
    writer.close()
    return writer


_MIX: tuple[tuple[Make, int], ...] = (
    (_chat, 50),
    (_tools, 20),
    (_reasoning, 15),
    (_unicode_escapes, 7),
    (_refusals, 3),
    (_logprobs, 3),
    (_long_lifecycle, 2),
)


def _mixed(rng: random.Random, wire: Wire) -> ResponseWriter:
    makers, weights = zip(*_MIX, strict=True)
    make: Make = rng.choices(makers, weights)[0]
    return make(rng, wire)


def _text(rng: random.Random, least: int, most: int, words: tuple[str, ...] = vocabulary.ENGLISH) -> list[str]:
    return vocabulary.tokens(rng, rng.randint(least, most), words)
