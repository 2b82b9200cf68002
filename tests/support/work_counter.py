"""Counts the work of reading independently of time: bytes read, and calls.

For the compiled core, an example program of the crate counts, built with the feature `count`. For the fallback, the
interpreter's profiler counts calls and the bytes passed to the functions below.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from respstream import _fallback
from respstream._pure import json
from respstream._pure.assemble import tree, view
from respstream._pure.diagnostics import error_body
from respstream._pure.frames import arrays, blocks, framer
from tests.support.backends import load
from tests.support.paths import ROOT

Measure = Callable[[dict[str, Any]], int]


def _size(name: str) -> Measure:
    return lambda local: len(local[name] or b"")


def _total_size(owner: str, name: str) -> Measure:
    return lambda local: sum(map(len, getattr(local[owner], name)))


# Bytes that a function reads, from its arguments.
MEASURES: dict[CodeType, Measure] = {
    json.decode.__code__: _size("raw"),
    json.parse_exact.__code__: _size("raw"),
    json.locate.__code__: _size("raw"),
    json.clean_text.__code__: _size("text"),
    json.join_text.__code__: lambda local: sum(map(len, local["texts"])),
    json.LineCheck.push.__code__: _size("line"),
    blocks.field.__code__: _size("line"),
    blocks.Block.whole.__code__: lambda local: 0 if local["self"].check else sum(map(len, local["self"].data)),
    blocks.Blocks._dispatch.__code__: lambda local: sum(map(len, local["block"].data)),
    framer.Framer._hold.__code__: _size("piece"),
    framer.Framer._on_line.__code__: _size("line"),
    framer.Framer._take_line.__code__: _total_size("self", "_pieces"),
    arrays.Array._count.__code__: _size("piece"),
    error_body.__code__: _size("text"),
    tree.Text.join.__code__: _total_size("self", "deltas"),
    view.freeze.__code__: lambda local: len(local["node"]) if isinstance(local["node"], str | list | dict) else 1,
}


def chunks(data: bytes, chunk: int) -> list[bytes]:
    """The data in chunks of that many bytes."""
    return [data[start : start + chunk] for start in range(0, len(data), chunk)]


def python_work(data: bytes, chunk: int, every: int = 0) -> int:
    """Bytes and calls of the fallback; tool calls are read after each `every` chunks, uncounted."""
    count = 0

    def profile(frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        if event == "call":
            measure = MEASURES.get(frame.f_code)
            count += 1 if measure is None else 1 + measure(frame.f_locals)
        elif event == "c_call":
            count += 1

    decoder = _fallback.Decoder()
    parts = chunks(data, chunk)
    sys.setprofile(profile)
    try:
        for number, part in enumerate(parts, 1):
            decoder.feed(part)
            if every and number % every == 0:
                sys.setprofile(None)
                assert decoder.response is None or decoder.response.tool_calls is not None
                sys.setprofile(profile)
        decoder.finish()
    finally:
        sys.setprofile(None)
    return count


def build_counter() -> Path:
    """Builds the counting program of the compiled core; returns its path."""
    options = ["--locked", "--quiet", "--package", "respstream-core", "--example", "work", "--features", "count"]
    subprocess.run(["cargo", "build", *options, "--config", "profile.dev.opt-level=1"], cwd=ROOT, check=True)
    return ROOT / "target" / "debug" / "examples" / "work"


def rust_work(counter: Path, data: bytes, chunk: int, every: int = 0) -> int:
    """Bytes that the compiled core reads."""
    done = subprocess.run([counter, str(chunk), str(every)], input=data, capture_output=True, check=True, timeout=60)
    return int(done.stdout)


def is_python(backend: ModuleType) -> bool:
    """Whether the backend is the fallback."""
    return backend is load("python")
