"""A scan under a command: batches that a thread pulls, so that Ctrl-C is heard while the scan waits for its input."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from respstream.cli.inputs import Input, Reading
from respstream.cli.output import Stop, ended_by_signals
from respstream.cli.privacy import Privacy

LEFT: set[threading.Thread] = set()
"""The threads of scans that did not come to their end. The process cannot wait for what they have begun when it ends."""

_WAITING = 2


class Scanned:
    """A scan of the inputs of a command, in the form that `writers` takes. What came of it goes to the `Reading`."""

    def __init__(
        self,
        reading: Reading,
        table: str,
        columns: Sequence[str],
        *,
        threads: int | None = None,
        batch_rows: int | None = None,
        privacy: Privacy | None = None,
    ) -> None:
        from respstream import tables

        self._pa = _pyarrow(table)
        self.tables = (table,)
        self.rows = 0
        self._reading, self._privacy = reading, privacy or Privacy()
        count = threads or os.cpu_count() or 1
        rows = tables.batch_size(batch_rows)
        wanted: dict[str, list[str] | None] = {table: list(columns)}
        # What is diagnosed is summed up at the end, whatever the columns are.
        inputs = [_given(one) for one in reading.inputs]
        self._scan = tables.Scan(inputs, wanted, count, rows, reading.options, full=True)
        self.schema = self._scan.schema

    def batches(self) -> Iterator[Any]:
        """The rows in batches of pyarrow. Tells on stderr what could not be read through."""
        for batch in self._scanned():
            self.rows += batch.num_rows
            yield self._privacy.batch(batch)

    def _scanned(self) -> Iterator[Any]:
        self._reading.begin()
        coming: queue.Queue[Any] = queue.Queue(_WAITING)
        left = threading.Event()
        thread = threading.Thread(target=self._pull, args=(coming, left), daemon=True)
        thread.start()
        LEFT.add(thread)
        try:
            while (found := _next(coming)) is not None:
                if isinstance(found, BaseException):
                    raise found
                yield found
            thread.join()
            LEFT.discard(thread)
        finally:
            left.set()
        summary = self._scan.summary
        if summary is not None:
            self._reading.settle(summary)

    def _pull(self, coming: queue.Queue[Any], left: threading.Event) -> None:
        last: Any = None
        try:
            for batch in self._scan.batches():
                summary = self._scan.summary
                if summary is not None:
                    self._reading.seen(summary.sources, summary.bytes)
                if not _put(coming, self._pa.record_batch(batch), left):
                    return
        except BaseException as error:
            last = error
        _put(coming, last, left)


def _next(coming: queue.Queue[Any]) -> Any:
    while True:
        with contextlib.suppress(queue.Empty):
            return coming.get(timeout=1)  # some systems hear Ctrl-C only between two waits


def _put(coming: queue.Queue[Any], found: Any, left: threading.Event) -> bool:
    while not left.is_set():
        with contextlib.suppress(queue.Full):
            coming.put(found, timeout=0.1)
            return True
    return False


def write(scanned: Scanned, path: str, form: str, partition_by: str | None) -> None:
    """Writes the rows to a file or a folder, which appears whole or not at all. Raises what `writers.write` raises."""
    from respstream.tables import writers

    scan: Any = scanned
    with ended_by_signals():
        writers.write(scan, path, "ipc" if form == "arrow" else form, partition_by)


def write_stream(scanned: Scanned) -> None:
    """Writes the rows to stdout, as an Arrow IPC stream. Raises OSError."""
    import pyarrow as pa

    sys.stdout.flush()
    with pa.ipc.new_stream(sys.stdout.buffer, pa.schema(scanned.schema)) as writer:
        for batch in scanned.batches():
            writer.write_batch(batch)
    sys.stdout.buffer.flush()


def _pyarrow(table: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise Stop(f"the table {table} in this form needs pyarrow: pip install 'respstream[cli,arrow]'") from None
    return pyarrow


def _given(one: Input) -> Any:
    from respstream.inputs import paths

    opener: Any = one.opener()
    if opener is None:
        return paths.Input(one.name, os.fsencode(one.path or ""))
    return paths.Input(one.name, opener)
