"""The short table: one line per headline, from the measured rows.

A goal is a ratio to a peer in the same run, or an absolute figure for the machine of the published results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from benches import (
    bench_completions,
    bench_events,
    bench_fold,
    bench_imports,
    bench_live,
    bench_memory,
    bench_messages,
    bench_openai,
    bench_scan,
    bench_threads,
    bench_websocket,
)
from benches.measure import Measured, Result

Kind = Literal["events/s", "GB/s", "µs per event", "ms", "MB of memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A line of the short table: the work, the row, our contender and the peer, the kind of figure, and the goals.

    `ratio`: minimum ratio to the peer. `least`, `most`: bounds of our figure. `over`: the contender whose time is subtracted.
    """

    work: str
    row: str
    ours: str
    peer: str
    kind: Kind
    ratio: float | None = None
    least: float | None = None
    most: float | None = None
    over: str | None = None


_E, _F, _S = bench_events, bench_fold, bench_scan
_C, _M = bench_completions, bench_messages

HEADLINES = (
    Headline(
        work="typed events, `Decoder.feed`", row=_E.CHAT, ours=_E.FEED, peer=_E.MSGSPEC, kind="events/s",
        ratio=2.2, least=3.5e6,
    ),
    Headline(
        work="typed events, `respstream.events`", row=_E.CHAT, ours=_E.EVENTS, peer=_E.MSGSPEC, kind="events/s",
        ratio=2.2, least=3.5e6,
    ),
    Headline(
        work="typed events, short responses", row="events: short responses", ours=_E.FEED, peer=_E.MSGSPEC,
        kind="events/s", ratio=2,
    ),
    Headline(
        work="typed events, recorded streams of real servers", row="events: recorded streams", ours=_E.FEED,
        peer=_E.MSGSPEC, kind="events/s", ratio=2,
    ),
    Headline(
        work="typed events, compared with the SDK", row=_E.PEERS_CHAT, ours=_E.FEED, peer=_E.CREATE, kind="events/s",
    ),
    Headline(
        work="SDK events, drop-in", row=bench_openai.CHAT, ours=bench_openai.FAST_CREATE,
        peer=bench_openai.CREATE, kind="µs per event", ratio=20, most=2,
    ),
    Headline(
        work="SDK `stream()` with snapshots, drop-in", row=bench_openai.SNAPSHOTS, ours=bench_openai.FAST_STREAM,
        peer=bench_openai.STREAM, kind="µs per event",
    ),
    Headline(
        work="SDK `stream()` with snapshots, long answers, drop-in",
        row=bench_openai.LONG, ours=bench_openai.FAST_STREAM, peer=bench_openai.STREAM,
        kind="µs per event", most=3,
    ),
    Headline(
        work="Chat Completions, typed events", row="Chat Completions, events: text", ours=_C.EVENTS, peer=_C.MSGSPEC,
        kind="events/s", ratio=2.2,
    ),
    Headline(
        work="Chat Completions, typed events, short responses", row="Chat Completions, events: short", ours=_C.EVENTS,
        peer=_C.MSGSPEC, kind="events/s", ratio=2,
    ),
    Headline(
        work="Chat Completions, fold", row="Chat Completions, fold: text", ours=_C.FOLD, peer=_C.ORJSON, kind="GB/s", ratio=6,
    ),
    Headline(
        work="Chat Completions, fold, short responses", row="Chat Completions, fold: short", ours=_C.FOLD, peer=_C.ORJSON,
        kind="GB/s", ratio=4,
    ),
    Headline(
        work="Chat Completions, SDK events, drop-in", row="Chat Completions, drop-in: create(stream=True)",
        ours=_C.ACCELERATED, peer=_C.CREATE, kind="µs per event", most=3,
    ),
    Headline(
        work="Chat Completions, SDK `stream()`, drop-in", row="Chat Completions, drop-in: stream()",
        ours=_C.ACCELERATED_STREAM, peer=_C.STREAM, kind="µs per event", most=6,
    ),
    Headline(
        work="Messages, typed events", row="Messages, events: text", ours=_M.EVENTS, peer=_M.MSGSPEC, kind="events/s",
        ratio=2.2,
    ),
    Headline(
        work="Messages, typed events, short responses", row="Messages, events: short", ours=_M.EVENTS, peer=_M.MSGSPEC,
        kind="events/s", ratio=2,
    ),
    Headline(work="Messages, fold", row="Messages, fold: text", ours=_M.FOLD, peer=_M.ORJSON, kind="GB/s", ratio=6),
    Headline(
        work="Messages, fold, short responses", row="Messages, fold: short", ours=_M.FOLD, peer=_M.ORJSON, kind="GB/s",
        ratio=4,
    ),
    Headline(
        work="Messages, SDK events, drop-in", row="Messages, drop-in: create(stream=True)", ours=_M.ACCELERATED,
        peer=_M.CREATE, kind="µs per event", most=1.5,
    ),
    Headline(
        work="Messages, SDK `stream()`, drop-in", row="Messages, drop-in: stream()", ours=_M.ACCELERATED_STREAM,
        peer=_M.STREAM, kind="µs per event", most=3,
    ),
    Headline(
        work="50 live async streams over a local server, drop-in", row=bench_live.ASYNC, ours=bench_live.FAST,
        peer=bench_live.SDK, kind="µs per event",
    ),
    Headline(
        work="the same, on the SDK's aiohttp transport", row=bench_live.ASYNC, ours=bench_live.FAST_AIOHTTP,
        peer=bench_live.SDK, kind="µs per event", ratio=4.5, most=45,
    ),
    Headline(
        work="the same, with the native transport", row=bench_live.ASYNC, ours=bench_live.FAST_NATIVE,
        peer=bench_live.SDK, kind="µs per event", ratio=7, most=30,
    ),
    Headline(
        work="the same, on uvloop", row=bench_live.ASYNC, ours=bench_live.FAST_UVLOOP, peer=bench_live.SDK,
        kind="µs per event",
    ),
    Headline(
        work="one live stream over a local server, drop-in", row=bench_live.SYNC, ours=bench_live.FAST,
        peer=bench_live.SDK, kind="µs per event",
    ),
    Headline(
        work="Responses over WebSocket, drop-in", row=bench_websocket.CHAT, ours=bench_websocket.FAST_RECV,
        peer=bench_websocket.RECV, kind="µs per event", ratio=10, most=5,
    ),
    Headline(
        work="Responses over WebSocket, 64 lanes, drop-in", row=bench_websocket.LANES_ROW,
        ours=bench_websocket.FAST_RECV, peer=bench_websocket.RECV, kind="µs per event", ratio=10, most=5,
    ),
    Headline(work="fold, chat", row=_F.CHAT, ours=_F.OURS, peer=_F.ORJSON, kind="GB/s", ratio=8, least=2.2),
    Headline(work="fold, mixed", row=_F.MIXED, ours=_F.OURS, peer=_F.ORJSON, kind="GB/s", ratio=8, least=2.2),
    Headline(work="fold, chat as JSON Lines", row=_F.JSON_LINES, ours=_F.OURS, peer=_F.ORJSON, kind="GB/s", ratio=8),
    Headline(
        work="fold, short responses", row="fold: short responses", ours=_F.OURS, peer=_F.ORJSON, kind="GB/s", ratio=4,
    ),
    Headline(
        work="fold, recorded streams of real servers", row="fold: recorded streams", ours=_F.OURS, peer=_F.ORJSON,
        kind="GB/s", ratio=8,
    ),
    Headline(
        work="fold of two logs in two threads", row=bench_threads.FOLD, ours=bench_threads.TOGETHER, peer=bench_threads.IN_TURN,
        kind="GB/s", ratio=1 / 0.6,
    ),
    Headline(
        work="whole responses of a mixed file of 1 GB, into Python", row=_S.WHOLE_MIXED, ours=_S.OURS, peer=_S.POLARS, kind="GB/s",
    ),
    Headline(
        work="whole responses of a file, JSON Lines", row=_S.JSONL_ROW.format(_S.WHOLE), ours=_S.OURS, peer=_S.POLARS,
        kind="GB/s",
    ),
    Headline(
        work="whole responses of a file, SSE", row=_S.SSE_ROW.format(_S.WHOLE), ours=_S.OURS, peer=_S.DUCKDB,
        kind="GB/s",
    ),
    Headline(
        work="all columns of responses of a mixed file, one thread", row=_S.ALL, ours=_S.ALL_ONE, peer=_S.FOLD_FILE,
        kind="GB/s", ratio=1 / 1.15,
    ),
    Headline(
        work="all columns of responses of a mixed file of 1 GB, all cores",
        row=_S.ALL_LARGE, ours=_S.ALL_OURS, peer=_S.ALL_ONE, kind="GB/s", ratio=1.8,
    ),
    Headline(
        work="the same of one zstd file, all cores", row=_S.ALL_PACKED, ours=_S.ALL_OURS, peer=_S.ALL_ONE, kind="GB/s",
        ratio=1.5,
    ),
    Headline(
        work="six event columns, JSON Lines, one thread", row=_S.JSONL_ROW.format(_S.SIX), ours=_S.OURS_ONE,
        peer=_S.DUCKDB_ONE, kind="GB/s", least=1.8,
    ),
    Headline(
        work="six event columns, SSE, one thread", row=_S.SSE_ROW.format(_S.SIX), ours=_S.OURS_ONE, peer=_S.DUCKDB_ONE,
        kind="GB/s", least=1.8,
    ),
    Headline(work="usage only, 1 GB of SSE", row=_S.USAGE_LARGE, ours=_S.OURS, peer=_S.WC, kind="GB/s", ratio=0.4),
    Headline(
        work="usage only, JSON Lines", row=_S.JSONL_ROW.format(_S.USAGE), ours=_S.OURS, peer=_S.DUCKDB, kind="GB/s",
    ),
    Headline(
        work="live events, one per `feed`", row=_E.LIVE, ours=_E.FEED_EACH_EVENT, peer=_E.SDK_DECODER,
        kind="µs per event", most=1.5,
    ),
    Headline(
        work="import", row=bench_imports.IMPORT, ours=bench_imports.OURS, peer="openai", kind="ms", most=15,
        over=bench_imports.BARE,
    ),
    Headline(
        work="import", row=bench_imports.IMPORT, ours=bench_imports.OURS, peer="msgspec", kind="ms",
        over=bench_imports.BARE,
    ),
    Headline(
        work="1 GB of SSE to Parquet, whole process", row=bench_memory.LARGE_ROW, ours=bench_memory.OURS,
        peer=bench_memory.DUCKDB, kind="MB of memory", most=200,
    ),
    Headline(
        work="0.1 GB of SSE to Parquet, whole process", row=bench_memory.SMALL, ours=bench_memory.OURS, peer=bench_memory.DUCKDB,
        kind="MB of memory", most=200,
    ),
    Headline(
        work="typed events, pure Python", row=_E.PEERS_CHAT, ours=_E.FALLBACK_FEED, peer=_E.CREATE, kind="events/s",
        least=150_000,
    ),
)  # fmt: skip


def short_table(results: Mapping[str, Result]) -> Iterator[str]:
    """The lines of the short table, in Markdown, without headlines that were not measured."""
    yield "| work | respstream | peer | ratio | goal |"
    yield "|---|---:|---:|---:|---|"
    for headline in HEADLINES:
        line = _line(headline, results)
        if line:
            yield line


def _line(one: Headline, results: Mapping[str, Result]) -> str | None:
    result = results.get(one.row)
    contenders = {found.name: found for found in result.contenders} if result else {}
    ours, peer = _figure(one, result, contenders, one.ours), _figure(one, result, contenders, one.peer)
    if not ours:
        return None
    ratio = _ratio(one, ours, peer) if peer else None
    text = _FORMATS[one.kind]
    cells = (
        one.work,
        text(ours),
        f"{one.peer}: {text(peer)}" if peer else f"{one.peer}: failed",
        "" if ratio is None else f"{ratio_text(ratio)} ×",
        "; ".join(_goals(one, ours, ratio)),
    )
    return "| " + " | ".join(cells) + " |"


def _figure(one: Headline, result: Result | None, contenders: Mapping[str, Measured], name: str) -> float | None:
    """The figure of a contender, or None if it failed or was not measured."""
    found = contenders.get(name)
    if result is None or found is None or found.failure or not found.seconds:
        return None
    if one.kind == "MB of memory":
        return found.whole / 1e6 if found.whole else None
    seconds = found.median - (contenders[one.over].median if one.over else 0)
    events, size = result.facts.events, result.facts.size
    figures = {"events/s": events / seconds, "GB/s": size / seconds / 1e9, "ms": seconds * 1e3}
    return figures.get(one.kind) or seconds / events * 1e6


def _ratio(one: Headline, ours: float, peer: float) -> float:
    return ours / peer if one.kind in {"events/s", "GB/s"} else peer / ours


def _goals(one: Headline, ours: float, ratio: float | None) -> Iterator[str]:
    text = _FORMATS[one.kind]
    if one.ratio is not None and ratio is not None:
        yield f"≥ {ratio_text(one.ratio)} ×: {_met(ratio >= one.ratio)}"
    if one.least is not None:
        yield f"≥ {text(one.least)}: {_met(ours >= one.least)}"
    if one.most is not None:
        yield f"≤ {text(one.most)}: {_met(ours <= one.most)}"


def _met(yes: bool) -> str:
    return "met" if yes else "**missed**"


def ratio_text(ratio: float) -> str:
    """A ratio with its significant digits."""
    return f"{ratio:.0f}" if ratio >= 20 else f"{ratio:.1f}" if ratio >= 3 else f"{ratio:.2f}"


def _events(value: float) -> str:
    return f"{value / 1e6:.2f} M events/s" if value >= 1e6 else f"{value / 1e3:.0f} k events/s"


_FORMATS: dict[Kind, Callable[[float], str]] = {
    "events/s": _events,
    "GB/s": lambda value: f"{value:.2f} GB/s" if value < 10 else f"{value:.1f} GB/s",
    "µs per event": lambda value: f"{value:.2f} µs per event" if value < 10 else f"{value:.0f} µs per event",
    "ms": lambda value: f"{value:.1f} ms",
    "MB of memory": lambda value: f"{value:.0f} MB",
}
