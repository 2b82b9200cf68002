"""The compiled engine against its reference: equal answers for any bytes, in everything that can be seen."""

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
from tests import laws, streams
from tests.conftest import TRANSCRIPTS
from tests.strategies import cuts, examples, rngs, shapes, sources
from tests.test_laws import OPTIONS

Engines = tuple[ModuleType, ModuleType]


def test_the_engines_export_the_same_names(engines: Engines) -> None:
    rust, python = engines
    for name in python.__all__:
        assert hasattr(rust, name), name


@examples(2000)
@given(data=st.data(), source=sources(), options=OPTIONS)
def test_any_bytes(engines: Engines, data: st.DataObject, source: bytes, options: dict[str, Any]) -> None:
    where = data.draw(cuts(source))
    assert laws.read(engines[0], source, where, **options) == laws.read(engines[1], source, where, **options)


def test_an_event_over_the_limits_is_so_each_time(engines: Engines) -> None:
    """What repeats it is not taken for an event that was found good."""
    event = b'{"type":"response.output_text.delta","delta":"x","logprobs":%s}\n' % (b"[" * 257 + b"]" * 257)
    for engine in engines:
        reading = laws.read(engine, event * 3)
        assert reading.counts == {"limit_exceeded": 3}
        assert reading.responses == []


@examples(600)
@given(source=sources(), options=OPTIONS)
def test_any_bytes_strictly(engines: Engines, source: bytes, options: dict[str, Any]) -> None:
    rust, python = (laws.read(engine, source, strict=True, **options) for engine in engines)
    assert rust == python


@examples(1000)
@given(rng=rngs)
@example(rng=Random(1))
def test_odd_events(engines: Engines, rng: Random) -> None:
    lines = [json.dumps(event).encode() + b"\n" for event in streams.odd_events(rng, 30)]
    source = b"".join(lines)
    assert laws.read(engines[0], source) == laws.read(engines[1], source)


@examples(1600)
@given(source=rngs.map(streams.runs))
@example(b'{"type":"response.output_text.delta","delta":"","stream_id":1.5}\n' * 2)
def test_events_that_are_nearly_alike(engines: Engines, source: bytes) -> None:
    """A prediction that was made of one event must not hide what is odd about the next."""
    assert laws.read(engines[0], source) == laws.read(engines[1], source)


@examples(120)
@given(source=rngs.map(streams.source))
def test_in_mid_stream(engines: Engines, source: bytes) -> None:
    """What both know after each byte."""
    decoders = [engine.Decoder() for engine in engines]
    for at in range(min(len(source), 250)):
        rust, python = (laws.reading(d, d.feed(source[at : at + 1])) for d in decoders)
        assert rust == python, at


@examples(60)
@given(log=shapes())
def test_logs_of_real_shape(engines: Engines, log: Any) -> None:
    assert laws.read(engines[0], log.data) == laws.read(engines[1], log.data)


@pytest.mark.parametrize("path", sorted(p for p in TRANSCRIPTS.iterdir() if p.suffix != ".md"), ids=lambda p: p.name)
def test_transcripts(engines: Engines, path: Path) -> None:
    source = path.read_bytes()
    whole = laws.read(engines[1], source)
    assert laws.read(engines[0], source) == whole
    assert laws.read(engines[0], source, laws.every_byte(source)) == whole


def test_recordings(engines: Engines, recorded: list[Path]) -> None:
    for path in recorded:
        source = path.read_bytes()
        assert laws.read(engines[0], source) == laws.read(engines[1], source), path.name


@examples(400)
@given(rng=rngs)
def test_payloads_without_a_stream(engines: Engines, rng: Random) -> None:
    """The way in that `Accumulator` takes."""
    rust, python = (engine.Decoder() for engine in engines)
    for number, event in enumerate(streams.odd_events(rng)):
        name = rng.choice([None, None, "response.done"])
        for decoder in (rust, python):
            decoder.add_payload(json.dumps(event).encode(), name, number)
    assert laws.reading(rust, []) == laws.reading(python, [])


@examples(400)
@given(source=sources(), limit=st.integers(1, 60))
def test_limits(engines: Engines, source: bytes, limit: int) -> None:
    rust, python = (laws.read(engine, source, max_event_bytes=limit) for engine in engines)
    assert rust == python


MISUSE: list[tuple[str, dict[str, Any]]] = [
    ("form", {"form": "xml"}),
    ("on_eof", {"on_eof": "ignore"}),
    ("max_event_bytes", {"max_event_bytes": 0}),
    ("max_event_bytes", {"max_event_bytes": -5}),
]


@pytest.mark.parametrize(("name", "options"), MISUSE)
def test_wrong_options_raise_alike(engines: Engines, name: str, options: dict[str, Any]) -> None:
    said = []
    for engine in engines:
        with pytest.raises(ValueError, match=name) as caught:
            engine.Decoder(**options)
        said.append(str(caught.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("data", ["data: x", None, 5, ["data"], object])
def test_what_is_no_bytes_raises_alike(engines: Engines, data: Any) -> None:
    said = []
    for engine in engines:
        with pytest.raises(TypeError) as caught:
            engine.Decoder().feed(data)
        said.append(str(caught.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("kind", [bytearray, memoryview, bytes])
def test_bytes_like_chunks_are_taken(engines: Engines, kind: Any) -> None:
    source = b'data: {"type":"x"}\n\n'
    for engine in engines:
        (event,) = engine.Decoder().feed(kind(source))
        assert type(event.raw) is bytes


def test_a_finished_decoder_says_so_alike(engines: Engines) -> None:
    said = []
    for engine in engines:
        decoder = engine.Decoder()
        decoder.finish()
        for call in (lambda d=decoder: d.feed(b"x"), decoder.finish, lambda d=decoder: d.fold(b"x"), decoder.fold_end):
            with pytest.raises(ValueError, match="reset") as caught:
                call()
            said.append(str(caught.value))
    assert len(set(said)) == 1


def test_a_failed_decoder_says_so_alike(engines: Engines) -> None:
    said = []
    for engine in engines:
        decoder = engine.Decoder(strict=True)
        with pytest.raises(StreamError) as failed:
            decoder.feed(b'{"type":"x"}\n{bad\n\n{bad}\n{"type":"y"}\n')
        assert [event.type for event in failed.value.events] == ["x"]
        with pytest.raises(ValueError, match="failed") as caught:
            decoder.feed(b"")
        said.append(str(caught.value))
        decoder.reset()
        assert [event.type for event in decoder.feed(b'{"type":"y"}\n')] == ["y"]
    assert said[0] == said[1]
