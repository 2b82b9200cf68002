"""Both backends return equal results for any bytes, in everything that is public."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from respstream import StreamError
from tests.support import random_streams, readings
from tests.support.paths import TRANSCRIPTS
from tests.support.strategies import OPTIONS, cuts, examples, rngs, shapes, sources

Backends = tuple[ModuleType, ModuleType]


def test_backends_export_same_names(backends: Backends) -> None:
    rust, python = backends
    for name in python.__all__:
        assert hasattr(rust, name), name


@examples(2000)
@given(data=st.data(), source=sources(), options=OPTIONS)
def test_any_bytes(backends: Backends, data: st.DataObject, source: bytes, options: dict[str, Any]) -> None:
    where = data.draw(cuts(source))
    assert readings.read(backends[0], source, where, **options) == readings.read(backends[1], source, where, **options)


def test_event_over_limits_is_rejected_each_time(backends: Backends) -> None:
    """A repeated event is not mistaken for a valid one."""
    event = b'{"type":"response.output_text.delta","delta":"x","logprobs":%s}\n' % (b"[" * 257 + b"]" * 257)
    for backend in backends:
        reading = readings.read(backend, event * 3)
        assert reading.counts == {"limit_exceeded": 3, "no_responses": 1}
        assert reading.responses == []


@examples(600)
@given(source=sources(), options=OPTIONS)
def test_any_bytes_with_strict(backends: Backends, source: bytes, options: dict[str, Any]) -> None:
    rust, python = (readings.read(backend, source, strict=True, **options) for backend in backends)
    assert rust == python


@examples(1000)
@given(rng=rngs)
@example(rng=Random(1))
def test_unusual_events(backends: Backends, rng: Random) -> None:
    lines = [json.dumps(event).encode() + b"\n" for event in random_streams.arbitrary_events(rng, 30)]
    source = b"".join(lines)
    assert readings.read(backends[0], source) == readings.read(backends[1], source)


@examples(1600)
@given(source=rngs.map(random_streams.runs))
@example(b'{"type":"response.output_text.delta","delta":"","stream_id":1.5}\n' * 2)
def test_similar_events(backends: Backends, source: bytes) -> None:
    """A prediction from one event must not hide a defect of the next."""
    assert readings.read(backends[0], source) == readings.read(backends[1], source)


@examples(120)
@given(source=rngs.map(random_streams.source))
def test_state_in_mid_stream(backends: Backends, source: bytes) -> None:
    """The state of both after each byte."""
    decoders = [backend.Decoder() for backend in backends]
    for at in range(min(len(source), 250)):
        rust, python = (readings.reading(d, d.feed(source[at : at + 1])) for d in decoders)
        assert rust == python, at


@examples(60)
@given(log=shapes())
def test_generated_logs(backends: Backends, log: Any) -> None:
    assert readings.read(backends[0], log.data) == readings.read(backends[1], log.data)


@pytest.mark.parametrize("path", sorted(p for p in TRANSCRIPTS.iterdir() if p.suffix != ".md"), ids=lambda p: p.name)
def test_transcripts(backends: Backends, path: Path) -> None:
    source = path.read_bytes()
    whole = readings.read(backends[1], source)
    assert readings.read(backends[0], source) == whole
    assert readings.read(backends[0], source, readings.every_byte(source)) == whole


def test_recordings(backends: Backends, recorded: list[Path]) -> None:
    for path in recorded:
        source = path.read_bytes()
        assert readings.read(backends[0], source) == readings.read(backends[1], source), path.name


@examples(400)
@given(rng=rngs)
def test_single_payloads(backends: Backends, rng: Random) -> None:
    """The way in that `Accumulator` takes."""
    rust, python = (backend.Decoder() for backend in backends)
    for number, event in enumerate(random_streams.arbitrary_events(rng)):
        name = rng.choice([None, None, "response.done"])
        for decoder in (rust, python):
            decoder.add_payload(json.dumps(event).encode(), name, number)
    assert readings.reading(rust, []) == readings.reading(python, [])


@examples(400)
@given(source=sources(), limit=st.integers(1, 60))
def test_limits(backends: Backends, source: bytes, limit: int) -> None:
    rust, python = (readings.read(backend, source, max_event_bytes=limit) for backend in backends)
    assert rust == python


MISUSE: list[tuple[str, dict[str, Any]]] = [
    ("form", {"form": "xml"}),
    ("on_eof", {"on_eof": "ignore"}),
    ("max_event_bytes", {"max_event_bytes": 0}),
    ("max_event_bytes", {"max_event_bytes": -5}),
]


@pytest.mark.parametrize(("name", "options"), MISUSE)
def test_invalid_options_raise_same_error(backends: Backends, name: str, options: dict[str, Any]) -> None:
    said = []
    for backend in backends:
        with pytest.raises(ValueError, match=name) as caught:
            backend.Decoder(**options)
        said.append(str(caught.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("data", ["data: x", None, 5, ["data"], object])
def test_non_bytes_raise_same_error(backends: Backends, data: Any) -> None:
    said = []
    for backend in backends:
        with pytest.raises(TypeError) as caught:
            backend.Decoder().feed(data)
        said.append(str(caught.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("kind", [bytearray, memoryview, bytes])
def test_bytes_like_chunks(backends: Backends, kind: Any) -> None:
    source = b'data: {"type":"x"}\n\n'
    for backend in backends:
        (event,) = backend.Decoder().feed(kind(source))
        assert type(event.raw) is bytes


def test_finished_decoder_raises_same_error(backends: Backends) -> None:
    said = []
    for backend in backends:
        decoder = backend.Decoder()
        decoder.finish()
        for call in (lambda d=decoder: d.feed(b"x"), decoder.finish, lambda d=decoder: d.fold(b"x"), decoder.fold_end):
            with pytest.raises(ValueError, match="reset") as caught:
                call()
            said.append(str(caught.value))
    assert len(set(said)) == 1


def test_failed_decoder_raises_same_error(backends: Backends) -> None:
    said = []
    for backend in backends:
        decoder = backend.Decoder(strict=True)
        with pytest.raises(StreamError) as failed:
            decoder.feed(b'{"type":"x"}\n{bad\n\n{bad}\n{"type":"y"}\n')
        assert [event.type for event in failed.value.events] == ["x"]
        with pytest.raises(ValueError, match="failed") as caught:
            decoder.feed(b"")
        said.append(str(caught.value))
        decoder.reset()
        assert [event.type for event in decoder.feed(b'{"type":"y"}\n')] == ["y"]
    assert said[0] == said[1]
