"""Random sources of Chat Completions: streams of any server, hostile and interleaved ones, runs of similar chunks; intact or damaged."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.support import chat_hostile, random_streams
from tests.support.chat_streams import Json, call, chunk, stream, usage
from tests.support.wellformed_streams import chance, interleave

ERRORS: list[Json] = [
    {"error": {"message": "Boom", "code": "x", "type": "server_error", "param": None}},
    {"error": {"message": "Boom"}, "choices": []},
    {"detail": "Boom"},
]


def _streams(rng: Random, count: int) -> list[list[Json]]:
    return [stream(rng, number, dialects=chance(rng, 70)).chunks for number in range(count)]


def _completion(rng: Random, number: int) -> Json:
    """A completion that was not streamed, or its beginning."""
    message: Json = {"role": "assistant", "content": rng.choice(["Hi", None, ["x"], ""])}
    if chance(rng, 30):
        message["tool_calls"] = [{**call("{}", at=None, ident="call_1", name="f")}]
    choices = [
        {"index": index, "message": message, "finish_reason": "stop"} for index in range(rng.choice([0, 1, 1, 2]))
    ]
    return {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}


def _events(rng: Random) -> list[Any]:
    """The chunks of some streams, one after the other or interleaved, mutated or not, with errors and whole completions."""
    rows = _streams(rng, rng.choice([1, 1, 2, 3]))
    chunks: list[Any] = interleave(rng, rows) if chance(rng, 40) else [chunk for row in rows for chunk in row]
    if chance(rng, 40):
        chunks = [chat_hostile.mutated(rng, chunk) for chunk in chunks]
    if chance(rng, 15):
        chunks.insert(rng.randint(0, len(chunks)), rng.choice(ERRORS))
    if chance(rng, 15):
        chunks.insert(rng.randint(0, len(chunks)), _completion(rng, rng.randint(0, 2)))
    if chunks and chance(rng, 15):
        at = rng.randrange(len(chunks))
        chunks.insert(at, chunks[at])
    if chance(rng, 20):
        chunks = [
            one | {"stream_id": rng.choice("ab")} if isinstance(one, dict) and chance(rng, 80) else one
            for one in chunks
        ]
    return chunks


def source(rng: Random) -> bytes:
    """A source of any kind."""
    if chance(rng, 20):
        data = random_streams.runs(rng, lambda: rng.choice(_streams(rng, 1)[0]))
    else:
        data = random_streams.framed(rng, _events(rng))
    return random_streams.damaged(rng, data) if chance(rng, 30) else data


def _delta(rng: Random) -> Json:
    """A chunk whose one text is `%s`."""
    at = rng.choice([0, 0, 0, 1])
    made = rng.choice([
        chunk("%s", index=at),
        chunk("%s", index=at),
        chunk(index=at, reasoning_content="%s"),
        chunk(index=at, reasoning="%s", reasoning_details=[{"type": "reasoning.text", "text": "%s", "index": 0}]),
        chunk(index=at, tool_calls=[call("%s", at=rng.choice([0, 1]))]),
        chunk(index=at, refusal="%s"),
    ])  # fmt: skip
    if chance(rng, 30):
        made["obfuscation"] = "%s"
    if chance(rng, 20):
        made["usage"] = rng.choice([None, {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}])
    made["id"] = rng.choice(["c1", "c1", "c2"])
    return made


def long(rng: Random, size: int) -> bytes:
    """A source of at least that size: hundreds of chunks that differ only in a text, with occasional exceptions."""

    def other() -> list[Any]:
        if chance(rng, 10):
            return [rng.choice(ERRORS)]
        return [chunk(finish="stop", ident=rng.choice(["c1", "c2"])), usage(rng.choice(["c1", "c2"]))]

    return random_streams.similar(rng, size, lambda: _delta(rng), other)
