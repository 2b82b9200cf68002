"""The framing of natively read streams: the messages of any bytes in any chunks are those of the SDKs' own decoders."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import anthropic._streaming
import openai._streaming
import pytest

from respstream import _native

Message = tuple[str | None, str]
PLAIN = [b"event: delta\n", b'data: {"a": 1}\n', b"\n", "data: é\n".encode(), b"data: " + b"x" * 90 + b"\n"]
ODD = [
    b"\r\n", b"data: a\r\n", b"event: delta\r\n", b"event: \n", b"event:b\n", b": c\n", b"id: 1\n", b"data: \xff\n", b"data\n",
    b"data:  two\n", b" \n", b"event: \xff\n", b"data: a\rb\n", b"event: a\rb\n", b"\r", b"data:\n", b"event\n", b"data: a\n\n\n", b"\n\n", b"x: y\n",
]  # fmt: skip


def cut(body: bytes, rng: Random) -> list[bytes]:
    places = sorted(rng.randint(0, len(body)) for _ in range(rng.choice([0, 1, 3, 40])))
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


def theirs(decoder: Any, chunks: Iterator[bytes]) -> Iterator[Message]:
    for message in decoder.iter_bytes(chunks):
        yield message.event, message.data


def ours(decoder: Any, chunks: list[bytes]) -> tuple[list[Message], int]:
    """The messages, and how many of them were framed natively."""
    reader, rest = _native.SdkReader(_native.SdkPlan()), iter(chunks)
    found: list[Message] = []
    for chunk in rest:
        events = reader.feed(chunk)
        assert list(events) == []
        while (message := reader.take_message()) is not None:
            found.append(message)
            assert list(events) == []
        if reader.is_unsupported:
            break
    native = len(found)
    found += theirs(decoder, iter([reader.rest, *rest]))
    return found, native


@pytest.mark.parametrize("module", [openai._streaming, anthropic._streaming], ids=["openai", "anthropic"])
@pytest.mark.parametrize("odd", [0.0, 0.02, 0.3])
def test_messages_are_those_of_the_sdk(module: Any, odd: float) -> None:
    native = 0
    for number in range(1500):
        rng = Random(f"framing/{odd}/{number}")
        lines = [rng.choice(ODD if rng.random() < odd else PLAIN) for _ in range(rng.randint(1, 40))]
        chunks = cut(b"".join(lines), rng)
        try:
            wanted = list(theirs(module.SSEDecoder(), iter(chunks)))
        except UnicodeDecodeError:
            with pytest.raises(UnicodeDecodeError):
                ours(module.SSEDecoder(), chunks)
            continue
        found, count = ours(module.SSEDecoder(), chunks)
        assert found == wanted, chunks
        native += count
    assert native > 500
