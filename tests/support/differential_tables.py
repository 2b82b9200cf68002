"""Compares the tables of both backends over generated files: scans, splits, summaries and strict errors.

A case is a file, the options of a scan and a selection of columns. `difference` returns a description of what differs, "" for
nothing: the rows, the error of `strict` and the summary of a scan; the splits that `plan` returns, and the rows and the summary of
each; for streams that can be cut anywhere (docs/tables.md), the union of the splits and the scan; and what the functions of
the package return for the file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa

import respstream
from respstream import StreamError
from respstream.inputs.paths import inputs
from respstream.tables import COLUMNS
from respstream.tables.scan import Summary, given_options
from tests.support import api_sources, differential_views, wrapped_sources
from tests.support.backends import NAMES, bound, load
from tests.support.wellformed_streams import chance

LONGEST = 20_000  # bytes of a source
SUFFIXES = [".sse", ".jsonl", ".log"]


class TableCase(NamedTuple):
    """A file and how it is read. `part_bytes`: the size of the parts that the threads of the extension share; 0 for none.

    `copies`: the number of files with this content. `target`: the size of splits.
    """

    source: bytes
    suffix: str
    options: dict[str, Any]
    tables: dict[Any, list[str] | None]
    threads: int
    batch_rows: int
    part_bytes: int
    copies: int
    target: int


class Outcome(NamedTuple):
    """What a scan gives: the rows of each table, the error that ended it, and its summary."""

    rows: dict[str, list[Any]]
    error: Any
    summary: Summary


def _columns(rng: Random, table: str) -> list[str] | None:
    """A selection of columns: any, the default, or few, which the extension may read without a fold."""
    names = [name for name, _ in COLUMNS[table]]
    if chance(rng, 15):
        return None
    if chance(rng, 10):
        return names
    return rng.sample(names, rng.choice([1, 1, 2, 3, 3, 5, 8]))


def _options(rng: Random, options: dict[str, Any]) -> dict[str, Any]:
    if chance(rng, 20) and "form" not in options:
        options["form"] = rng.choice(["auto", "sse", "jsonl"])
    if chance(rng, 30):
        options["on_eof"] = "discard"
    if chance(rng, 15):
        options["max_event_bytes"] = rng.choice([20, 60, 200, 5000])
    if chance(rng, 15):
        options["strict"] = True
    if chance(rng, 10):
        options["api"] = rng.choice(["auto", *api_sources.APIS])
    return options


def _source(rng: Random) -> bytes:
    """Several small sources, or a long one."""
    if chance(rng, 25):
        return api_sources.long(rng, rng.choice([1000, 5000, LONGEST]))
    return b"".join(api_sources.source(rng) for _ in range(rng.choice([1, 1, 2, 4, 8])))


def case(rng: Random) -> TableCase:
    """A random case."""
    source = _source(rng)[:LONGEST]
    found = wrapped_sources.Wrapped(source, rng.choice(SUFFIXES), {})
    if chance(rng, 25):
        found = wrapped_sources.wrapped(rng, source)
    names = [rng.choice(["responses", "events"])] if chance(rng, 60) else rng.sample([*COLUMNS], rng.randint(1, 4))
    return TableCase(
        found.data,
        found.suffix,
        _options(rng, dict(found.options)),
        {name: _columns(rng, name) for name in names},
        rng.choice([1, 1, 2, 3]),
        rng.choice([1, 3, 100, 8192]),
        rng.choice([0, 0, 50, 300, 2000]),
        rng.choice([1, 1, 1, 2]),
        rng.choice([50, 300, 1000, 5000]),
    )


# -- reading -------------------------------------------------------------------------------------------------------------


def _read(one: TableCase, core: Any) -> Outcome:
    """Runs a scan to its end or its error."""
    stream = core.stream()
    rows: dict[str, list[Any]] = {name: [] for name in one.tables}
    error: Any = None
    try:
        while (found := stream.next_batch()) is not None:
            batch = pa.record_batch(found[1])
            if not 0 < batch.num_rows <= one.batch_rows:
                error = f"a batch of {batch.num_rows} rows"
            rows[[*one.tables][found[0]]] += batch.to_pylist()
    except StreamError as raised:
        error = (raised.code, raised.offset, raised.line, raised.source, str(raised), raised.diagnostic.to_dict())
    return Outcome(rows, error, Summary([*one.tables], stream.summary()))


def _scan(name: str, one: TableCase, paths: list[Path]) -> Outcome:
    """The scan of the files by a backend."""
    from respstream.tables.scan import _engine

    options = given_options(one.options)
    with bound(name):
        core = _engine().Scan(
            inputs([str(path) for path in paths]), [*one.tables.items()], threads=one.threads, batch_rows=one.batch_rows,
            part_bytes=one.part_bytes or 1 << 30, **options,
        )  # fmt: skip
        return _read(one, core)


def _splits(name: str, one: TableCase, path: Path) -> tuple[list[tuple[int, int | None]], list[Outcome]]:
    """The ranges of the splits of a file, and what a backend reads of each."""
    with bound(name):
        splits = respstream.plan(path, one.target, **one.options)
        scans = [respstream.read_split(split, [*one.tables], one.tables, one.batch_rows)._core for split in splits]
        return [(split.start, split.end) for split in splits], [_read(one, core) for core in scans]


# -- comparing -----------------------------------------------------------------------------------------------------------


def _differs(rust: Outcome, python: Outcome) -> str:
    """What differs between the outcomes of the backends."""
    for name, rows in rust.rows.items():
        if rows != python.rows[name]:
            return f"rows of {name}:\n  rust   {rows!r}\n  python {python.rows[name]!r}"
    if rust.error != python.error:
        return f"error:\n  rust   {rust.error!r}\n  python {python.error!r}"
    return _summaries_differ(rust.summary.to_dict(), python.summary.to_dict(), failed=rust.error is not None)


def _summaries_differ(rust: dict[str, Any], python: dict[str, Any], *, failed: bool) -> str:
    names = ["rows", "sources", "complete", "problems"]
    folds = rust["checked"] == "all" or bool(rust["responses"])  # else it may have read events only
    if not failed:  # how far a failed scan has read ahead depends on the size of its blocks
        names += ["bytes"]
        names += ["responses", "without_responses"] if folds else []
        names += ["diagnostics"] if rust["checked"] == "all" else []
    for name in names:
        if rust[name] != python[name]:
            return f"summary.{name}:\n  rust   {rust[name]!r}\n  python {python[name]!r}"
    if rust["checked"] == "some":
        more = {
            code: count for code, count in rust["diagnostics"].items() if count > python["diagnostics"].get(code, 0)
        }
        if more:
            return f"more diagnostics without a check:\n  rust   {more!r}\n  python {python['diagnostics']!r}"
    return ""


def _cuts_anywhere(one: TableCase) -> bool:
    """Whether splits of the source have the rows of the scan: not those with lanes or with several APIs."""
    if b"stream_id" in one.source:
        return False
    decoder = load("rust").Decoder()
    return len({event.api for event in [*decoder.feed(one.source), *decoder.finish()]}) <= 1


def _without_numbers(rows: list[Any]) -> list[Any]:
    return [{name: value for name, value in row.items() if name != "stream_index"} for row in rows]


def _union_differs(scan: Outcome, parts: list[Outcome]) -> str:
    """What differs between the scan and the union of the splits."""
    for name, rows in scan.rows.items():
        union = [row for part in parts for row in part.rows[name]]
        if _without_numbers(union) != _without_numbers(rows):
            return f"union of the splits, rows of {name}:\n  union {union!r}\n  scan  {rows!r}"
    counts = {"bytes": scan.summary.bytes, "sources": scan.summary.sources}
    for name, count in counts.items():
        if sum(getattr(part.summary, name) for part in parts) != count:
            return f"union of the splits, summary.{name}: {[getattr(part.summary, name) for part in parts]} {count}"
    return ""


def _split_difference(one: TableCase, path: Path, scan: Outcome) -> str:
    (edges, rust), (others, python) = (_splits(name, one, path) for name in NAMES)
    if edges != others:
        return f"plan:\n  rust   {edges}\n  python {others}"
    if len(edges) > 1 and not _cuts_anywhere(one):
        return ""
    for edge, first, second in zip(edges, rust, python, strict=True):
        if text := _differs(first, second):
            return f"split {edge}: {text}"
    if one.copies > 1 or one.options.get("strict"):
        return ""
    return _union_differs(scan, rust)


def difference(one: TableCase, folder: Path) -> str:
    """What differs, "" for nothing. The files are written to the folder."""
    paths = [folder / f"{number}{one.suffix}" for number in range(one.copies)]
    for path in paths:
        path.write_bytes(one.source)
    rust, python = (_scan(name, one, paths) for name in NAMES)
    if one.part_bytes and one.threads > 1 and not _cuts_anywhere(one):
        rust = _scan("rust", one._replace(part_bytes=0), paths)
    if text := _differs(rust, python):
        return f"scan: {text}"
    if text := differential_views.difference(paths[0], one.options):
        return text
    return _split_difference(one, paths[0], rust)


# -- many cases ----------------------------------------------------------------------------------------------------------


def minimised(one: TableCase, differs: Callable[[TableCase], bool]) -> TableCase:
    """The case with the fewest bytes, options and threads that still differs."""
    changes: list[dict[str, Any]] = [{"copies": 1}, {"threads": 1}, {"part_bytes": 0}, {"batch_rows": 8192}]
    tables = [{"tables": {name: columns}} for name, columns in one.tables.items()]
    options = [{"options": {name: value}} for name, value in one.options.items()]
    for change in [*changes, *tables, *options, {"options": {}}]:
        if differs(one._replace(**change)):
            one = one._replace(**change)
    size = len(one.source) // 2
    while size:
        start = 0
        while start < len(one.source):
            smaller = one._replace(source=one.source[:start] + one.source[start + size :])
            if differs(smaller):
                one = smaller
            else:
                start += size
        size //= 2
    return one


def run(seed: int, numbers: range) -> tuple[int, tuple[TableCase, str] | None]:
    """Compares the cases of these numbers; returns their number and the first difference, minimised."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in numbers:
            one = case(Random(f"tables/{seed}/{number}"))
            if difference(one, folder):
                small = minimised(one, lambda smaller: bool(difference(smaller, folder)))
                return number - numbers.start + 1, (small, difference(small, folder))
    return len(numbers), None
