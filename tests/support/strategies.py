"""Hypothesis strategies: `tests.support.random_streams`, `benches.shapes`, decoder options and cuts."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from benches.shapes import SHAPES
from benches.wire import FORMS, KEY_ORDERS
from tests.support import random_streams, wellformed_streams
from tests.support.paths import TRANSCRIPTS

BASE = 60  # the number of examples of the profile "ci"


def examples(count: int) -> settings:
    """Settings for that many examples in continuous integration, scaled by the profile elsewhere."""
    default = settings.default
    return settings(max_examples=count * (default.max_examples if default is not None else BASE) // BASE)


# Options of a decoder.
OPTIONS = st.fixed_dictionaries(
    {
        "form": st.sampled_from(["auto", "auto", "sse", "jsonl"]),
        "on_eof": st.sampled_from(["flush", "discard"]),
        "max_event_bytes": st.sampled_from([None, None, 1, 20, 300]),
    }
)

# The random numbers are hypothesis' own draws, so that what fails shrinks.
rngs: st.SearchStrategy[Random] = st.randoms(use_true_random=False, note_method_calls=False)


def sources() -> st.SearchStrategy[bytes]:
    """Sources of any kind, valid or not."""
    return rngs.map(random_streams.source) | st.binary(max_size=60) | transcripts().map(lambda data: data[:4000])


def scripts() -> st.SearchStrategy[wellformed_streams.Script]:
    """Well-formed streams of one response."""
    return rngs.map(wellformed_streams.script)


def transcripts() -> st.SearchStrategy[bytes]:
    """The transcripts, whole."""
    files = sorted(path for path in TRANSCRIPTS.iterdir() if path.suffix != ".md")
    return st.sampled_from(files).map(Path.read_bytes)


def shapes() -> st.SearchStrategy[Any]:
    """Small realistic logs in any dialect, with the expected result."""
    names = sorted(SHAPES.keys() - {"image", "long_answers", "long_lifecycle"})
    options = st.fixed_dictionaries(
        {
            "key_order": st.sampled_from(KEY_ORDERS),
            "form": st.sampled_from(FORMS),
            "sequence_numbers": st.booleans(),
            "event_lines": st.booleans(),
            "blank_lines": st.booleans(),
            "newline": st.sampled_from(["\n", "\r\n", "\r"]),
            "obfuscation": st.booleans(),
        }
    )
    return st.builds(
        lambda name, seed, dialect: SHAPES[name](seed, 1, **dialect),
        st.sampled_from(names), st.integers(0, 500), options,
    )  # fmt: skip


def cuts(data: bytes) -> st.SearchStrategy[list[int]]:
    """Some positions at which to cut the data."""
    return st.lists(st.integers(0, len(data)), max_size=8)
