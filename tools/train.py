"""Runs what most programs run of the extension, for the compiler to learn from: `maturin build --pgo` starts it.

It is no measure of anything: each path is taken often enough that what is usual can be reported from what is not.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the logs are those of the benchmarks

import respstream
from benches import shapes
from respstream import _backend

BYTES = 4_000_000
SEED = 1 + shapes.SEED  # none of the logs that are measured
PIECE = 1 << 16  # what a transport hands over under load


def logs() -> Iterator[bytes]:
    """Logs of the usual shapes and dialects."""
    for shape in (shapes.chat, shapes.mixed):
        yield shape(SEED, BYTES).data
        yield shape(SEED, BYTES, form="jsonl").data


def decode(log: bytes) -> None:
    """Typed events in pieces, one by one as they come live, and lazily; then whole responses."""
    decoder, live = respstream.Decoder(), respstream.Decoder()
    for start in range(0, len(log), PIECE):
        decoder.feed(log[start : start + PIECE])
    for line in log.splitlines(keepends=True):
        live.feed(line)
    for event in respstream.events(log):
        event.to_dict() if event.type == "response.completed" else event.raw
    for response in respstream.responses(log):
        _ = response.output_text, response.tool_calls, response.usage


class Model:
    """A class that is laid out as those of the openai SDK, which is not at hand where wheels are built."""

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")

    __dict__: dict[str, Any]


class Grown(Model):
    """What `responses.stream()` gives for a delta."""

    __slots__ = ()


def accelerate(log: bytes) -> None:
    """What the drop-in does: the SDK's events in pieces and one by one, and the text so far."""
    engine: Any = _backend.engine
    names = ("content_index", "delta", "item_id", "logprobs", "output_index", "sequence_number", "type")
    nodes = dict.fromkeys(names, 1) | {"delta": 0, "item_id": 0, "type": 0, "logprobs": 3}
    fields = [(name, name, node, True, None) for name, node in nodes.items()]
    plan, delta = engine.SdkPlan(), "response.output_text.delta"
    plan.extend([("str",), ("int",), ("any",), ("list", 2), ("model", Model, fields)])
    plan.set_event(delta, 4)
    grown = [*fields, ("snapshot", "snapshot", 0, True, None)]
    stamp = engine.SdkSnapshotBuilder(Grown, grown, {name for name, *_ in grown}, "snapshot")
    live, stream = engine.SdkReader(plan), engine.SdkReader(plan, [delta])
    for block in log.split(b"\n\n"):
        live.feed(block + b"\n\n")
    run: Any = None
    for start in range(0, len(log), PIECE):
        for draft in stream.feed(log[start : start + PIECE]):
            if type(draft) is tuple or (run is not None and run(draft)):
                continue
            event = draft.event()
            run = engine.SdkDeltaRun(stamp, event, event.__dict__["delta"])


def scan(log: bytes) -> None:
    """The tables of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(log)
        for table in ("responses", "events", "items"):
            for _ in respstream.scan(path, table=table).batches():
                pass


def main() -> None:
    """Raises RuntimeError where the extension is not the one that runs."""
    if respstream.BACKEND != "rust":
        raise RuntimeError(f"the extension is not in use: respstream.BACKEND is {respstream.BACKEND!r}")
    for log in logs():
        decode(log)
        scan(log)
        accelerate(log)


if __name__ == "__main__":
    main()
