"""The training program of profile-guided builds: `maturin build --pgo` runs it to profile the common paths of the extension.

Not a benchmark: it only runs each path often enough to distinguish common branches from rare ones.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `benches.shapes`

import respstream
from benches import shapes
from respstream import _backend

BYTES = 4_000_000
SEED = 1 + shapes.SEED  # not a log of the benchmarks
CHUNK = 1 << 16  # a chunk of a busy transport


def logs() -> Iterator[bytes]:
    """Logs of common shapes in SSE and JSON Lines."""
    for shape in (shapes.chat, shapes.mixed):
        yield shape(SEED, BYTES).data
        yield shape(SEED, BYTES, form="jsonl").data


def decode(log: bytes) -> None:
    """Decodes events in large chunks, one per chunk as in a live stream, and lazily; then whole responses."""
    decoder, live = respstream.Decoder(), respstream.Decoder()
    for start in range(0, len(log), CHUNK):
        decoder.feed(log[start : start + CHUNK])
    for line in log.splitlines(keepends=True):
        live.feed(line)
    for event in respstream.events(log):
        event.to_dict() if event.type == "response.completed" else event.raw
    for response in respstream.responses(log):
        _ = response.output_text, response.tool_calls, response.usage


class Model:
    """A class with the slots of the openai SDK's models; the SDK is not installed in wheel builds."""

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")

    __dict__: dict[str, Any]


class SnapshotModel(Model):
    """The class of a delta event of `responses.stream()`."""

    __slots__ = ()


def accelerate(log: bytes) -> None:
    """The work of the openai integration: SDK events in large chunks and one per chunk, with text snapshots."""
    backend: Any = _backend.engine
    names = ("content_index", "delta", "item_id", "logprobs", "output_index", "sequence_number", "type")
    nodes = dict.fromkeys(names, 1) | {"delta": 0, "item_id": 0, "type": 0, "logprobs": 3}
    fields = [(name, name, node, True, None) for name, node in nodes.items()]
    plan, delta = backend.SdkPlan(), "response.output_text.delta"
    plan.extend([("str",), ("int",), ("any",), ("list", 2), ("model", Model, fields)])
    plan.set_event(delta, 4)
    snapshot_fields = [*fields, ("snapshot", "snapshot", 0, True, None)]
    builder = backend.SdkSnapshotBuilder(
        SnapshotModel, snapshot_fields, {name for name, *_ in snapshot_fields}, "snapshot"
    )
    live, stream = backend.SdkReader(plan), backend.SdkReader(plan, [delta])
    for block in log.split(b"\n\n"):
        for _ in live.feed(block + b"\n\n"):
            pass
        live.take_message()
    delta_run: Any = None
    for start in range(0, len(log), CHUNK):
        stream.feed(log[start : start + CHUNK])
        while True:
            for draft in stream:
                if delta_run is None or not delta_run(draft):
                    event = draft.event()
                    delta_run = backend.SdkDeltaRun(builder, event, event.__dict__["delta"])
            if stream.take_message() is None:
                break


def scan(log: bytes) -> None:
    """Scans a file into all tables."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(log)
        for table in ("responses", "events", "items"):
            for _ in respstream.scan(path, table=table).batches():
                pass


def main() -> None:
    """Runs the training. Raises RuntimeError if the extension is not in use."""
    if respstream.BACKEND != "rust":
        raise RuntimeError(f"the extension is not in use: respstream.BACKEND is {respstream.BACKEND!r}")
    for log in logs():
        decode(log)
        scan(log)
        accelerate(log)


if __name__ == "__main__":
    main()
