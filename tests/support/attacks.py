"""Hostile sources, and the cost of reading them: counted work, time, memory.

`python -m tests.support.attacks` writes the tables of docs/security.md; `--full` also the table of huge sources, 2 GiB each. Reads
each source in a separate process. Needs Linux, for the peak memory in /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import re
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import respstream
from respstream import _backend
from tests.support import doc_tables, work_counter
from tests.support.attack import MIB, Attack
from tests.support.attacks_chat import CHAT
from tests.support.attacks_messages import MESSAGES

DELTA = b'{"type":"response.function_call_arguments.delta","output_index":0,"delta":"x"}\n'
ITEM = b'{"type":"response.output_item.added","output_index":0,"item":{"type":"%s","id":"i"}}\n'
TEXT_DELTA = b'{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"x"%s}\n'
TEXT_DONE = b'{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"x"}\n'


def _event(index: object) -> bytes:
    event = {"type": "response.output_text.delta", "output_index": index, "content_index": index, "delta": "x"}
    return json.dumps(event).encode() + b"\n"


def _nested(depth: int) -> bytes:
    deep = b'[{"a":' * (depth // 2) + b"1" + b"}]" * (depth // 2)
    return b'data: {"type":"x","y":%s}\n\n{"type":"x","y":%s}\n[{"y":%s}]\n' % (deep, deep, deep)


def _late_done(count: int) -> bytes:
    """A long complete part, then its short final text many times."""
    part = b'{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"output_text","text":"%s"}}\n'
    return ITEM % b"message" + part % (b"z\\u00e9" * count) + TEXT_DONE * count


def _items(count: int, index: bytes = b"", kind: bytes = b"function_call", name: bytes = b"id") -> bytes:
    """Items that are added, each with another id. `index`: the member of the events with the index; `name`: that of the ids."""
    item = b'{"type":"response.output_item.added",%s"item":{"type":"%s","%s":"i%d"}}\n'
    return b"".join(item % (index, kind, name, number) for number in range(count))


def _named_deltas(count: int, index: bytes = b"") -> bytes:
    """Deltas, each with another item id."""
    delta = b'{"type":"response.function_call_arguments.delta",%s"item_id":"i%d","delta":"x"}\n'
    return b"".join(delta % (index, number) for number in range(count))


def _reversed_output(count: int, ident: str) -> bytes:
    """Messages that are done, and a terminal output of them in reversed order, where their ids begin with `ident`."""

    def message(first: str, number: int) -> dict[str, Any]:
        content = [{"type": "output_text", "text": str(number)}]
        return {"type": "message", "id": f"{first}{number}", "content": content}

    events: list[Any] = [
        {"type": "response.output_item.done", "output_index": number, "item": message("i", number)}
        for number in range(count)
    ]
    output = [message(ident, number) for number in reversed(range(count))]
    events.append({"type": "response.completed", "response": {"id": "r", "output": output}})
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


AT_0 = b'"output_index":0,'
EMPTY_DONE = TEXT_DONE.replace(b'"x"', b'""')
EMPTY_PART = b'{"type":"response.content_part.added","output_index":0,"content_index":0,"part":{"type":"output_text","text":""}}\n'
EMPTY_ITEM = b'{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"i","content":[]}}\n'


def _long_text(count: int, more: bytes) -> bytes:
    """A long text, and an empty value of it many times."""
    return TEXT_DELTA.replace(b'"x"', b'"%s"' % (b"z\\u00e9" * count)) % b"" + more * count


RESPONSES: dict[str, Attack] = {
    "one huge SSE line, fed byte by byte": Attack("no_responses unknown_event", lambda n: b'data: {"type":"x","y":"%s"}\n\n' % (b"z" * n), MIB, 20, 1),
    "one huge JSON line, fed byte by byte": Attack("no_responses unknown_event", lambda n: b'{"type":"x","y":"%s"}\n' % (b"z" * n), MIB, 20, 1),
    "one huge line outside of events, fed byte by byte": Attack("no_responses stray_text", lambda n: b"z" * n, MIB, 20, 1),
    "one huge event in small chunks": Attack("no_responses unknown_event", lambda n: b'data: {"type":"x","y":"%s"}\n\n' % (b"z" * n), 8 * MIB, 20, 64, memory_factor=2.5),
    "one huge array element in small chunks": Attack("no_responses unknown_event", lambda n: b'[{"type":"x","y":"%s"}]' % (b"z" * n), 8 * MIB, 20, 64, memory_factor=2),
    "empty blocks": Attack("bad_json no_responses", lambda n: b"data\n\n" * n, 1_000_000),
    "blocks with only an event name": Attack("no_responses", lambda n: b"event: x\n\n" * n, 1_000_000),
    "one block of many data lines": Attack("bad_json no_responses unfinished_block", lambda n: b"data: {\n" * n, 1_000_000, memory_factor=1),
    "one block of many data lines, fed byte by byte": Attack("bad_json no_responses unfinished_block", lambda n: b"data: 1\n" * n, 100_000, 20, 1),
    "blocks without blank lines": Attack("missing_blank_line no_responses unfinished_block unknown_event", lambda n: b"event: x\ndata: {}\n: c\n" * n, 300_000),
    "JSON text over many lines, not closed": Attack("bad_json no_responses", lambda n: b"{\n" + b'"a":1,\n' * n, 1_000_000, memory_factor=2),
    "deep nesting": Attack("limit_exceeded no_responses", _nested, 100_000, 10),
    "deep nesting, not closed": Attack("bad_json no_responses", lambda n: b'{"a":[' * n + b"\n", 100_000, 10),
    "many lanes (stream keys)": Attack("limit_exceeded no_terminal", lambda n: b"".join(b'{"type":"response.queued","stream_id":"%d","response":{}}\n' % i for i in range(n)), 200_000, 20, memory_factor=45),
    "many lanes, with end markers": Attack("limit_exceeded no_terminal", lambda n: b"".join(b'{"type":"response.queued","stream_id":"%d","response":{}}\n[DONE]\n' % i for i in range(n)), 200_000, 20, memory_factor=40),
    "invalid indexes": Attack("bad_field loose_value no_created no_terminal", lambda n: b"".join(map(_event, (2**31, -1, "0", 0.5, [], 2**64))) * n, 50_000),
    "deltas that are objects": Attack("loose_value no_created no_terminal", lambda n: DELTA.replace(b'"x"', b'{"x":"y"}') * n, 200_000),
    "many unknown types": Attack("no_responses unknown_event", lambda n: b"".join(b'{"type":"t%d"}\n' % i for i in range(n)), 1_000_000),
    "many long unknown types": Attack("no_responses unknown_event", lambda n: b"".join(b'{"type":"%d%s"}\n' % (i, b"t" * 500) for i in range(n)), 20_000, 10),
    "many lines outside of events": Attack("no_responses stray_text", lambda n: b"x\n" * n, 10_000_000, 100),
    "brackets that do not begin an array": Attack("no_responses stray_text", lambda n: b"[x\n" * n, 1_000_000),
    "one-character deltas, tool calls read rarely": Attack("no_created no_terminal", lambda n: ITEM % b"function_call" + DELTA * n, 100_000, 10, 8000, 100),
    "two event types in alternation": Attack("index_reused no_created no_terminal", lambda n: (DELTA + TEXT_DELTA % b"") * n, 100_000),
    "lists that begin with white space": Attack("no_created no_terminal", lambda n: TEXT_DELTA % (b',"logprobs":[%s1]' % (b" " * 8 * n)) + TEXT_DELTA % b',"logprobs":[1]' * n, 20_000, 10),
    "long part, then its short final text many times": Attack("no_created no_terminal text_mismatch", _late_done, 20_000, 10),
    "deltas after the final text": Attack("no_created no_terminal text_mismatch", lambda n: TEXT_DONE.replace(b'"x"', b'"%s"' % (b"x" * n)) + TEXT_DELTA % b"" * n, 100_000),
    "many parts of one item": Attack("no_created no_terminal", lambda n: b'{"type":"response.content_part.added","part":{}}\n' * n, 60_000, 10),
    "many members in one event": Attack("no_created no_terminal", lambda n: b'{"type":"error"%s}\n' % b"".join(b',"m%d":%d' % (i, i) for i in range(n)), 200_000, 5, memory_factor=6),
    "many members in one event that is the response itself": Attack("loose_value no_created", lambda n: b'{"type":"response.completed","object":"response","id":"r"%s}\n' % b"".join(b',"m%d":%d' % (i, i) for i in range(n)), 200_000, 5, memory_factor=8),
    "many items at one index": Attack("index_reused no_created no_terminal", lambda n: _items(n, AT_0, name=b"call_id"), 100_000, 10, memory_factor=8),
    "many items at one index, and deltas that name them": Attack("index_reused no_created no_terminal", lambda n: _items(n, AT_0) + _named_deltas(n, AT_0), 60_000, 10, memory_factor=8),
    "many items without an index": Attack("no_created no_terminal", lambda n: _items(n) + _named_deltas(n), 60_000, 10, memory_factor=8),
    "many calls without an index": Attack("no_created no_terminal", lambda n: _items(n, name=b"call_id"), 60_000, 10, memory_factor=8),
    "many types of items at one index": Attack("index_reused no_created no_terminal", lambda n: b"".join(_items(1, AT_0, b"t%d" % i) for i in range(n)), 60_000, 10, memory_factor=8),
    "two types of items in alternation, without an index": Attack("no_created no_terminal", lambda n: (_items(1) + _items(1, kind=b"message") + DELTA.replace(AT_0, b"")) * n, 60_000, 10, memory_factor=8),
    "item ids that change with each event": Attack("item_id_changed no_created no_terminal", lambda n: _named_deltas(n, AT_0), 100_000, 10),
    "item ids that change with each event, without an index": Attack("item_id_changed no_created no_terminal", _named_deltas, 100_000, 10),
    "terminal output in reversed order": Attack("no_created", lambda n: _reversed_output(n, "i"), 20_000, 10, memory_factor=8),
    "terminal output in reversed order, with other ids": Attack("no_created", lambda n: _reversed_output(n, "j"), 20_000, 10, memory_factor=8),
    "long text, then its empty final text many times": Attack("no_created no_terminal value_recovered", lambda n: _long_text(n, EMPTY_DONE), 20_000, 10),
    "long text, then its empty part many times": Attack("no_created no_terminal value_recovered", lambda n: _long_text(n, EMPTY_PART), 20_000, 10),
    "long text, then its empty item many times": Attack("no_created no_terminal value_recovered", lambda n: _long_text(n, EMPTY_ITEM), 20_000, 10),
    "long item ids": Attack("no_created no_terminal", lambda n: (DELTA.replace(b"{", b'{"item_id":"%s",' % (b"i" * 2000), 1)) * n, 5_000, 10),
    "descending content indexes": Attack("no_created no_terminal", lambda n: b"".join(TEXT_DELTA.replace(b'_index":0,"d', b'_index":%d,"d' % i) % b"" for i in reversed(range(n))), 65_536, 10, memory_factor=6),
    "unordered content indexes": Attack("no_created no_terminal", lambda n: b"".join(TEXT_DELTA.replace(b'_index":0,"d', b'_index":%d,"d' % (i * 48_271 % 65_521)) % b"" for i in range(n)), 65_520, 10, memory_factor=6),
    "descending output indexes": Attack("no_created no_terminal", lambda n: b"".join(DELTA.replace(b":0", b":%d" % i) for i in reversed(range(n))), 65_536, 10, memory_factor=8),
    "repeated member names in one event": Attack("no_created no_terminal", lambda n: b'{"type":"error"%s}\n' % (b',"m":{}' * n), 200_000, 5, memory_factor=6),
    "escape sequences": Attack("no_created no_terminal", lambda n: DELTA.replace(b"x", b"\\u0041\\n" * n), 200_000, 5),
    "lone surrogates": Attack("bad_utf8 no_created no_terminal", lambda n: DELTA.replace(b"x", b"\\ud83d") * n, 100_000, 10),
    "invalid UTF-8": Attack("bad_utf8 no_created no_terminal", lambda n: DELTA.replace(b"x", b"\xff" * 50) * n, 50_000, 10),
    "gaps between sequence numbers": Attack("no_created no_terminal sequence_gap", lambda n: b"".join(DELTA.replace(b"{", b'{"sequence_number":%d,' % (7 * i), 1) for i in range(n)), 100_000, 10),
    "responses without a terminal event": Attack("no_terminal", lambda n: b'{"type":"response.created","response":{"id":"r","output":[]}}\n' * n, 50_000, 10, memory_factor=21),
    "keep-alive comments": Attack("no_responses", lambda n: b": keep-alive\n\n" * n, 500_000, 20),
    "retry line with many digits": Attack("no_responses", lambda n: b"retry: " + b"9" * n + b"\n\n", MIB, 20, 64),
}  # fmt: skip

ATTACKS = RESPONSES | CHAT | MESSAGES

# -- huge sources: generated while they are read, or compressed in small files -------------------------------------------------------

HUGE = 2 << 30
BLOCK = 1 << 16
START, END = b'{"type":"x","y":"', b'"}\n'


class Huge(NamedTuple):
    """`read(folder, bytes)` reads the source and returns the counts of diagnostics."""

    codes: str
    read: Callable[[Path, int], dict[str, int]]
    memory_factor: float = 0.0


def _one_event(size: int) -> Iterator[bytes]:
    yield START
    for _ in range(size // BLOCK):
        yield b"z" * BLOCK
    yield END


def _decoded(limit: int | None) -> Callable[[Path, int], dict[str, int]]:
    def read(_: Path, size: int) -> dict[str, int]:
        decoder = _backend.engine.Decoder(max_event_bytes=limit)
        for chunk in _one_event(size):
            decoder.feed(chunk)
        decoder.finish()
        counts: dict[str, int] = decoder.diagnostic_counts
        return counts

    return read


def gzip_bomb(path: Path, size: int) -> None:
    """One event of that many bytes, which gzip compresses a thousandfold."""
    compressor = zlib.compressobj(9, wbits=31)
    with path.open("wb") as file:
        file.writelines(compressor.compress(chunk) for chunk in _one_event(size))
        file.write(compressor.flush())


def zstd_bomb(path: Path, size: int) -> None:
    """Stray text of that many bytes, in compressed blocks of four bytes per 128 KiB."""
    block = (128 << 10 << 3 | 1 << 1).to_bytes(3, "little") + b"z"  # block type 1: one repeated byte
    with path.open("wb") as file:
        file.write(zstd_frame(20) + block * (size >> 17) + b"\x01\0\0")


def zstd_frame(window_log: int) -> bytes:
    """The header of a frame with a window of that many bits (RFC 8878, 3.1.1.1)."""
    return b"\x28\xb5\x2f\xfd\0" + bytes([window_log - 10 << 3])


def zstd_window(path: Path, size: int) -> None:
    """A frame of a few bytes with a window of that size."""
    path.write_bytes(zstd_frame(size.bit_length() - 1) + (2 << 3 | 1).to_bytes(3, "little") + b"x\n")


def _streamed(make: Callable[[Path, int], None], limit: int | None = None) -> Callable[[Path, int], dict[str, int]]:
    def read(folder: Path, size: int) -> dict[str, int]:
        make(folder / "source", size)
        reset_peak()
        stream = respstream.events(folder / "source", max_event_bytes=limit)
        for _ in stream:
            pass
        codes = [diagnostic.code for diagnostic in stream.diagnostics]
        return {code: codes.count(code) for code in codes}

    return read


def _scanned(make: Callable[[Path, int], None], limit: int | None = None) -> Callable[[Path, int], dict[str, int]]:
    def read(folder: Path, size: int) -> dict[str, int]:
        make(folder / "source", size)
        list(respstream.scan([]).batches())  # load late imports first
        reset_peak()
        scan = respstream.scan(folder / "source", threads=1, max_event_bytes=limit)
        for _ in scan.batches():
            pass
        summary = scan.summary
        assert summary is not None
        return dict(summary.diagnostics)

    return read


HUGE_ATTACKS: dict[str, Huge] = {
    "one event without a limit": Huge("no_responses unknown_event", _decoded(None), 2.5),
    "one event over the limit": Huge("event_too_large no_responses", _decoded(BLOCK)),
    "gzip bomb, read as a stream": Huge("event_too_large no_responses", _streamed(gzip_bomb, BLOCK)),
    "gzip bomb, scanned": Huge("event_too_large no_responses", _scanned(gzip_bomb, BLOCK)),
    "zstd bomb, read as a stream": Huge("no_responses stray_text", _streamed(zstd_bomb, BLOCK)),
    "zstd bomb, scanned": Huge("no_responses stray_text", _scanned(zstd_bomb, BLOCK)),
    "zstd frame with a 2 GiB window, read as a stream": Huge(
        "bad_compression", _streamed(lambda path, _: zstd_window(path, HUGE))
    ),
    "zstd frame with a 2 GiB window, scanned": Huge(
        "bad_compression", _scanned(lambda path, _: zstd_window(path, HUGE))
    ),
}


# -- costs ---------------------------------------------------------------------------------------------------------------


class Cost(NamedTuple):
    """Bytes of the input, CPU seconds, peak memory increase in bytes, and the counts of diagnostics."""

    size: int
    seconds: float
    memory: int
    counts: dict[str, int]


_before = 0


def reset_peak() -> None:
    """Resets the peak memory of this process to the current amount; costs are measured above it."""
    global _before  # noqa: PLW0603
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    _before = _status("VmRSS")


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    return int(found[1]) << 10 if found else 0


def in_fresh_process(run: Callable[[], Any]) -> Any:
    """The result of a function that runs in a fresh process."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with open(write_end, "wb") as pipe:  # noqa: PTH123
                pickle.dump(run(), pipe)
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as pipe:  # noqa: PTH123
        pickled = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(pickled)


def _cost(read: Callable[[], tuple[int, dict[str, int]]]) -> Cost:
    reset_peak()
    started = time.process_time()
    size, counts = read()
    return Cost(size, time.process_time() - started, _status("VmHWM") - _before, counts)


def attack(backend: ModuleType, name: str) -> Cost:
    """The cost of an attack for a backend; the fallback reads its share."""
    one = ATTACKS[name]
    data = one.make(one.size // one.share if work_counter.is_python(backend) else one.size)

    def read() -> tuple[int, dict[str, int]]:
        decoder = backend.Decoder()
        for number, chunk in enumerate(one.chunks(data), 1):
            decoder.feed(chunk)
            if one.every and number % one.every == 0 and decoder.response is not None:
                assert decoder.response.tool_calls is not None
        decoder.finish()
        return len(data), decoder.diagnostic_counts

    return _cost(read)


def huge(name: str, size: int) -> Cost:
    """The cost of a huge attack for the active backend."""
    with tempfile.TemporaryDirectory() as folder:
        return _cost(lambda: (size, HUGE_ATTACKS[name].read(Path(folder), size)))


def costs(size: int) -> Iterator[tuple[str, Cost]]:
    """The cost of each attack for the active backend; the huge attacks have `size` bytes."""
    for name in ATTACKS:
        yield name, in_fresh_process(partial(attack, _backend.engine, name))
    for name in HUGE_ATTACKS:
        yield name, in_fresh_process(partial(huge, name, size))


HEAD = "| source | MiB | bytes read per input byte | seconds | memory, MiB | diagnostics |\n|---|---|---|---|---|---|"


def attacks_table() -> str:
    """The cost of each attack for the active backend, counted and measured."""
    counter = work_counter.build_counter()
    lines = [HEAD]
    for name, one in ATTACKS.items():
        cost = in_fresh_process(partial(attack, _backend.engine, name))
        counted = work_counter.rust_work(counter, one.make(one.size), one.chunk, one.every) / cost.size
        lines.append(_row(name, cost, f"{counted:.1f} |"))
    return "\n".join(lines)


def huge_table() -> str:
    """The cost of the huge attacks at 1/64 of the size and at full size."""
    lines = [HEAD.replace(" bytes read per input byte |", "", 1).replace("---|", "", 1)]
    for name in HUGE_ATTACKS:
        lines += [_row(name, in_fresh_process(partial(huge, name, size))) for size in (HUGE // 64, HUGE)]
    return "\n".join(lines)


def _row(name: str, cost: Cost, counted: str = "") -> str:
    codes = (f"`{code}`" + (f" × {count:,}" if count > 1 else "") for code, count in sorted(cost.counts.items()))
    memory = max(cost.memory, 0)
    cells = [
        f"{cost.size / MIB:.1f} | {counted}".rstrip(" |"),
        f"{cost.seconds:.2f}",
        f"{memory / MIB:.1f}",
        ", ".join(codes),
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def main(argv: list[str] | None = None) -> int:
    """Writes the tables into docs/security.md, or with `--json` each cost to stdout, for the tests."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.attacks", description="Measure the cost of reading hostile sources."
    )
    parser.add_argument("--full", action="store_true", help="also measure the huge sources, 2 GiB each")
    parser.add_argument("--json", action="store_true", help="print the costs as one JSON object; work is not counted")
    options = parser.parse_args(argv)
    if options.json:
        size = HUGE // (64 if _backend.BACKEND == "rust" else 1024)
        print(json.dumps({name: cost._asdict() for name, cost in costs(size)}))
        return 0
    doc_tables.write("security.md", "attacks", attacks_table())
    if options.full:
        doc_tables.write("security.md", "huge", huge_table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
