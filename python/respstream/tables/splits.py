"""Parts of the input that any process can read: the base of the integrations with Ray and Spark.

Large files of uncompressed SSE or JSON Lines are cut into ranges of bytes (docs/semantics.md, "Tables"). A split contains the
responses that begin in its range; reading it may read bytes before and after the range. The union of the splits equals the
scan, except for `stream_index`, which is null unless a split is a whole source.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import IO, Any

    from respstream._options import TableName
    from respstream.inputs.paths import Input
    from respstream.tables.scan import Scan

__all__ = ["Split", "plan", "read_split"]

TARGET_BYTES = 128 << 20
SEARCHED_BYTES = 8 << 20
"""A file is only cut if a response begins in this number of bytes."""
_HEAD_BYTES = 1 << 16
_PLACES = 16


class Split:
    """A source, or a range of its bytes; a value that can be pickled.

    `source`: its name in tables. `start`, `end`: the range in bytes; an `end` of None is the end of the source. `bytes`: the
    size on disk, None if it is not known.
    """

    __slots__ = ("_input", "bytes", "end", "options", "source", "start")

    def __init__(self, one: Input, start: int, end: int | None, size: int | None, options: dict[str, Any]) -> None:
        self._input = one
        self.source = one.name
        self.start, self.end, self.bytes = start, end, size
        self.options = options

    def _part(self) -> Input:
        whole = self.start == 0 and self.end is None
        return self._input if whole else self._input._replace(part=(self.start, self.end))

    def _key(self) -> tuple[Any, ...]:
        return self.source, self._input.place, self.start, self.end, self.options

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Split) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return Split, (self._input, self.start, self.end, self.bytes, self.options)

    def __repr__(self) -> str:
        return f"Split({self.source!r}, start={self.start}, end={self.end})"


def plan(paths: Any, target_bytes: int = TARGET_BYTES, **options: Any) -> list[Split]:
    """Splits of about `target_bytes` each, in the order of the input. Paths and options as for `scan`.

    These sources are one split each: a compressed file, anything but a regular file, a JSON array, rows and other files that
    wrap streams, a file without a response in its first 8 MiB, a file that is filtered (`strip_prefix`, `encoding`, UTF-16),
    and one with lanes (`stream_id`), rows or Chat Completions at one of 17 sampled positions. Raises the exceptions of `scan`.
    """
    from respstream.inputs import paths as _paths
    from respstream.tables.scan import given_options

    if target_bytes < 1:
        raise ValueError("target_bytes must be positive")
    chosen = given_options(options)
    return [split for one in _paths.inputs(paths) for split in cut(one, target_bytes, chosen)]


def read_split(
    split: Split | Iterable[Split],
    table: TableName | Sequence[TableName] = "responses",
    columns: Iterable[str] | dict[str, Iterable[str]] | None = None,
    batch_rows: int | None = None,
) -> Scan:
    """The rows of a split as a scan: iterate over its batches, or pass it to any consumer of Arrow.

    Several splits of one plan are read one after the other; a batch may contain rows of two splits. `table`, `columns` and
    `batch_rows`: as in `scan`. Raises TypeError for other objects than splits, ValueError for splits with different options,
    and the exceptions of `scan`.
    """
    from respstream.tables.scan import Scan, batch_size, given_options, wanted_columns

    splits = [split] if isinstance(split, Split) else list(split)
    for one in splits:
        if not isinstance(one, Split):
            raise TypeError(f"read_split() takes splits of respstream.plan(), not {type(one).__name__!r}")
    options = splits[0].options if splits else given_options({})
    if any(one.options != options for one in splits):
        raise ValueError("the splits have different options")
    names = [table] if isinstance(table, str) else list(table)
    wanted = wanted_columns(names, columns)
    return Scan([one._part() for one in splits], wanted, 1, batch_size(batch_rows), dict(options), split=True)


def cut(one: Input, target_bytes: int, options: dict[str, Any]) -> list[Split]:
    """The splits of one input. `options`: already checked."""
    return [Split(one, start, end, size, options) for start, end, size in _ranges(one, target_bytes, options)]


def _ranges(one: Input, target: int, options: dict[str, Any]) -> Iterator[tuple[int, int | None, int | None]]:
    size = _size(one)
    if size is None or size <= target or not _divisible(one, options):
        yield 0, None, size
        return
    count = -(-size // target)
    edges = [size * number // count for number in range(count)]
    for start, end in zip(edges, [*edges[1:], None], strict=True):
        yield start, end, (size if end is None else end) - start


def _size(one: Input) -> int | None:
    """The size of a regular file; None for anything else."""
    if not isinstance(one.place, bytes):
        return None
    import stat

    try:
        found = os.stat(one.place)  # noqa: PTH116
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _divisible(one: Input, options: dict[str, Any]) -> bool:
    from respstream._pure.sse.lines import BOM
    from respstream.inputs.filters import OPTIONS as FILTERS
    from respstream.inputs.sources import compression
    from respstream.recordings.detect import detect_wrapper

    # Rows may have lanes, a HAR file or VCR cassette is one text, and a filter changes offsets.
    whole = {"field", "time", "lane", *FILTERS} & options.keys()
    if options.get("form", "auto") not in ("auto", "sse", "jsonl") or whole:
        return False
    try:
        with open(one.place, "rb") as file:  # type: ignore[arg-type]  # noqa: PTH123
            head = file.read(_HEAD_BYTES)
            begins = not _interleaves(file, options) and _begins_response(file, options)
    except OSError:
        return False
    text = head.removeprefix(BOM).lstrip()
    return (
        (options.get("form") in ("sse", "jsonl") or detect_wrapper(head) == "")
        and compression(head) is None
        and not text.startswith(b"[")
        and begins
        and not _wraps(text)
    )


def _begins_response(file: IO[bytes], options: dict[str, Any]) -> bool:
    """Whether a response begins near the start of a file. A source without responses is read whole: it is reported as such."""
    from respstream import _backend

    decoder = _backend.engine.Decoder(**_framing(options))
    file.seek(0)
    for _ in range(SEARCHED_BYTES // _HEAD_BYTES):
        block = file.read(_HEAD_BYTES)
        if decoder.fold(block) or decoder.response is not None:
            return True
        if not block:
            break
    return False


def _framing(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("api", "form", "on_eof", "max_event_bytes") if name in options}


def _interleaves(file: IO[bytes], options: dict[str, Any]) -> bool:
    """Whether responses may interleave, or depend on earlier lines: an event at the beginning or at one of the sampled positions
    names its lane or response, or there is a row that wraps a stream.
    """
    from respstream._pure.protocols.any_api import PROTOCOLS
    from respstream.tables.scan import _engine

    has_row, framing = _engine().has_row, _framing(options)
    members = [f'"{name}"'.encode() for protocol in PROTOCOLS for name in protocol.routing_members]
    last = max(0, file.seek(0, os.SEEK_END) - _HEAD_BYTES)
    for offset in sorted({last * place // _PLACES for place in range(_PLACES + 1)}):
        file.seek(offset)
        sample = file.read(_HEAD_BYTES)
        if any(member in sample for member in members) or has_row(sample, mid_line=offset > 0, **framing):
            return True
    return False


def _wraps(text: bytes) -> bool:
    """Whether a file begins with a JSON object that is not an event: rows that wrap streams depend on earlier rows."""
    from respstream._pure.json import loads

    if not text.startswith(b"{"):
        return False
    try:
        members = loads(text.splitlines()[0])
        return not isinstance(members.get("type"), str) and not isinstance(members.get("choices"), list)
    except (ValueError, AttributeError):
        return True
