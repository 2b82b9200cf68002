"""Shared by the integrations with Ray, Spark and polars: splits in bundles, the batches of a bundle, an estimate of sizes.

A framework runs a task in a process, and again in another process if the first one died. So a task is a value that can be
pickled, reads the same rows in the same batches every time, and fails as a whole if it cannot read its input.
"""

# pyarrow need not be installed where types are checked.
# pyright: reportUnknownParameterType=false

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from respstream.inputs import remote
from respstream.tables import Scan, batch_size
from respstream.tables.splits import Split, cut, plan, read_split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow

UNREADABLE = ("raise", "skip")
OPEN_BYTES = 1 << 20
"""What opening a source costs, as bytes that could be read meanwhile. It bounds how many tiny files a task has."""

_WHOLE = 1 << 62
_SAMPLES = 3
_SAMPLE_BYTES = 1 << 18


def checked(unreadable: str) -> str:
    """The option `unreadable`. Raises ValueError for what it cannot be."""
    if unreadable not in UNREADABLE:
        raise ValueError(f"unreadable must be one of {', '.join(UNREADABLE)}, not {unreadable!r}")
    return unreadable


def listed(paths: Any) -> Any:
    """Paths that can be gone through more than once."""
    return paths if isinstance(paths, (str, bytes, os.PathLike)) else list(paths)


def sources(paths: Any, options: dict[str, Any]) -> list[Split]:
    """Whole sources, with their sizes where they are known.

    Paths are absolute, because workers have another working directory; the names of the sources do not change.
    """
    found = plan(paths, _WHOLE, **options)
    for split in found:
        place = split._input.place
        if isinstance(place, bytes):
            split._input = split._input._replace(place=os.path.abspath(place))  # noqa: PTH100
        elif isinstance(place, remote.Url):
            split.bytes = remote.size(place.url)
    return found


def bundles(sources: Sequence[Split], target_bytes: int) -> list[list[Split]]:
    """Sources as splits of about `target_bytes`: large files are cut, small neighbours come together.

    Only files are cut; a source of unknown size gets its own bundle.
    """
    found: list[list[Split]] = []
    room = 0
    for split in (part for source in sources for part in _parts(source, target_bytes)):
        if not found or cost(split) > room or split.bytes is None:
            found.append([])
            room = target_bytes + OPEN_BYTES
        found[-1].append(split)
        room -= target_bytes if split.bytes is None else cost(split)
    return found


def _parts(source: Split, target_bytes: int) -> list[Split]:
    one = source._input
    return cut(one, target_bytes, source.options) if isinstance(one.place, bytes) else [source]


def cost(split: Split) -> int:
    """What reading a split costs, in bytes: its own, and those that could be read while it is opened."""
    return OPEN_BYTES + (split.bytes or 0)


def read(
    splits: Sequence[Split], table: Any, columns: list[str] | None, batch_rows: int | None, unreadable: str
) -> Iterator[pyarrow.RecordBatch]:
    """The rows of a bundle as pyarrow has them. Raises what `check` raises, after the last row."""
    import pyarrow as pa

    scan = read_split(splits, table, columns, batch_rows)
    for batch in scan.batches():
        yield pa.record_batch(batch)
    check(scan, unreadable)


def check(scan: Scan, unreadable: str) -> None:
    """Raises OSError if the scan came to its end without a source that could not be read, unless that is to be skipped.

    A scan tells it in its summary, which nobody sees through an engine. On a machine that does not see a file its task must
    fail, and not be a task without rows.
    """
    problems = [] if scan.summary is None else scan.summary.problems
    lost = [f"{source}: {reason}" for source, code, reason in problems if code == "unreadable"]
    if lost and unreadable == "raise":
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        raise OSError(f"cannot read {lost[0]}{more}")


def expansion(splits: Sequence[Split], table: str, columns: list[str] | None) -> float:
    """Bytes of rows in memory for a byte on disk, by the heads of a few sources; 0 where they have no rows."""
    import pyarrow as pa

    step = max(1, len(splits) // _SAMPLES)
    taken = given = 0
    for split in splits[::step][:_SAMPLES]:
        head = _head(split)
        options = {name: value for name, value in split.options.items() if name != "strict"}
        one = split._input._replace(place=lambda head=head: io.BytesIO(head), part=None)  # type: ignore[misc]
        scan = Scan([one], {table: columns}, 1, batch_size(None), options, split=True)
        given += sum(pa.record_batch(batch).nbytes for batch in scan.batches())
        taken += len(head)
    return given / taken if taken else 0.0


def _head(split: Split) -> bytes:
    """The first bytes of its source, packed as they are; none where it cannot be read."""
    place: Any = split._input.place
    try:
        with open(place, "rb") if isinstance(place, bytes) else place() as file:  # noqa: PTH123
            head: bytes = file.read(_SAMPLE_BYTES)
            return head
    except OSError:
        return b""
