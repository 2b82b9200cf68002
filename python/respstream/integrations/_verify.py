"""Recorded streams through an SDK and through us, over a transport without a network."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import respstream
from respstream.integrations._plans import difference

__all__ = ["Verdict", "Ways", "main", "to_chunks", "transport", "verify"]

How: TypeAlias = Callable[[Any], Iterator[Any]]
"""Reads the stream of a client in one way."""

_ROUNDS = 3


@dataclass(frozen=True)
class Verdict:
    """What came of one stream: the first difference of each way to read it, None for none, and the SDK's time to ours."""

    source: str
    events: int
    create: str | None
    stream: str | None
    create_ratio: float
    stream_ratio: float

    @property
    def equal(self) -> bool:
        """Both ways gave the same."""
        return self.create is None and self.stream is None


def transport(
    http: Any, chunks: Iterable[bytes], asynchronous: bool = False, headers: dict[str, str] | None = None
) -> Any:
    """A transport of an HTTP library that answers every request by this stream, without a network."""
    given = {"content-type": "text/event-stream", "x-request-id": "req_local", **(headers or {})}

    async def later() -> Any:
        for chunk in chunks:
            yield chunk

    def answer(_: Any) -> Any:
        return http.Response(200, headers=given, content=later() if asynchronous else iter(chunks))

    return http.MockTransport(answer)


def to_chunks(data: bytes) -> list[bytes]:
    """A recorded stream as a server sends it: one event a chunk. JSON Lines become server-sent events."""
    if data.lstrip().startswith(b"{"):
        return [event.to_sse() for event in respstream.events(data)]
    blocks = data.split(b"\n\n")
    return [block + b"\n\n" for block in blocks[:-1]] + ([blocks[-1]] if blocks[-1] else [])


def _read(connection: Any, how: Callable[[Any], Iterator[Any]]) -> tuple[list[Any], str | None]:
    """All events, and the exception that ended them, if one did."""
    events = []
    try:
        for event in how(connection):
            events.append(event)
    except Exception as error:
        return events, f"{type(error).__name__}: {error}"
    return events, None


def _compare(theirs: Any, ours: Any, how: Callable[[Any], Iterator[Any]]) -> tuple[str | None, int]:
    """The first difference between both ways of reading, and how many events the SDK gave."""
    (wanted, wanted_error), (given, given_error) = _read(theirs, how), _read(ours, how)
    for number, (one, other) in enumerate(zip(wanted, given, strict=False)):
        found = difference(one, other, f"event {number}")
        if found is not None:
            return found, len(wanted)
    if len(wanted) != len(given):
        return f"{len(wanted)} and {len(given)} events", len(wanted)
    same = wanted_error == given_error
    return None if same else f"{wanted_error or 'no exception'} and {given_error or 'none'}", len(wanted)


def _time(connection: Any, how: Callable[[Any], Iterator[Any]]) -> float:
    times = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        _read(connection, how)
        times.append(time.process_time() - start)
    return min(times) or 1e-9


@dataclass(frozen=True)
class Ways:
    """How the streams of an SDK are read: a client of a stream, its acceleration, the two ways to read a recorded one, and what
    makes all plans, so that no event is left to the SDK because its type is rare.
    """

    client: Callable[[list[bytes]], Any]
    accelerate: Callable[[Any], Any]
    of: Callable[[bytes], tuple[How, How]]
    prepare: Callable[[], None]


def _verdict(source: str, data: bytes, ways: Ways, timed: bool) -> Verdict:
    chunks, (create, stream) = to_chunks(data), ways.of(data)
    theirs, ours = ways.client(chunks), ways.accelerate(ways.client(chunks))
    created = streamed = None
    events = 0
    # The second round also has what streams learn about snapshots.
    for _ in range(2):
        found, events = _compare(theirs, ours, create)
        created = created or found
        streamed = streamed or _compare(theirs, ours, stream)[0]
    ratios = [_time(theirs, how) / _time(ours, how) if timed else 0.0 for how in (create, stream)]
    return Verdict(source, events, created, streamed, *ratios)


def verify(paths: list[str], ways: Ways, *, timed: bool = True) -> Iterator[Verdict]:
    """The verdict on each recorded stream; see the functions of the integrations."""
    ways.prepare()
    for name in paths:
        path = Path(name)
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file == path or file.suffix in (".sse", ".jsonl", ".txt"):
                yield _verdict(str(file), file.read_bytes(), ways, timed)


# -- the command ---------------------------------------------------------------------------------------------------


def _line(verdict: Verdict) -> str:
    speed = f"create {verdict.create_ratio:5.1f} x   stream {verdict.stream_ratio:5.1f} x"
    ways = [f"{way}: {found}" for way, found in (("create", verdict.create), ("stream", verdict.stream)) if found]
    return f"{'; '.join(ways) or 'equal'}   {verdict.events} events   {speed}   {verdict.source}"


def main(
    module: str,
    compare: Callable[[list[str]], Iterator[Verdict]],
    refused: Callable[[], dict[str, str]],
    arguments: Sequence[str] | None,
) -> int:
    """The command `python -m MODULE verify FILE…`: prints a line for each stream and a summary.

    Returns 0, or 1 where a stream differs or cannot be read.
    """
    about = "Both ways of reading, compared on recorded streams."
    parser = argparse.ArgumentParser(f"python -m {module}", description=about)
    command = parser.add_subparsers(dest="command", required=True).add_parser("verify", help=compare.__doc__)
    command.add_argument("paths", nargs="+", metavar="FILE")
    options = parser.parse_args(arguments)
    verdicts: list[Verdict] = []
    try:
        for verdict in compare(options.paths):
            verdicts.append(verdict)
            print(_line(verdict), flush=True)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    equal = sum(verdict.equal for verdict in verdicts)
    print(f"{equal} of {len(verdicts)} streams equal")
    for kind, reason in refused().items():
        print(f"left to the SDK: {kind}: {reason}")
    return int(equal < len(verdicts))
