"""A scan of the inputs of a command. A thread runs the scan, so that Ctrl-C works while the scan waits for input."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from respstream.cli.inputs import InputReader
from respstream.cli.output import UsageStop, exit_on_signals
from respstream.cli.privacy import Privacy
from respstream.cli.source import Source
from respstream.cli.where import Where

UNFINISHED: set[threading.Thread] = set()
"""The threads of scans that did not end. The process must not wait for them when it exits."""

_QUEUED_BATCHES = 2
PROGRESS_SECONDS = 0.5


class ScanSource:
    """A scan of the inputs of a command, with the interface that `tables.writers` reads from.

    Totals and problems are added to the `InputReader`. Raises UsageStop without pyarrow.
    """

    def __init__(
        self,
        reader: InputReader,
        table: str,
        columns: Sequence[str],
        *,
        threads: int | None = None,
        batch_rows: int | None = None,
        privacy: Privacy | None = None,
        limit: int | None = None,
        where: Where | None = None,
    ) -> None:
        from respstream import tables

        self._pa = _pyarrow(table)
        self.tables = (table,)
        self.rows = 0
        self._limit, self._where, self._names = limit, where, list(columns)
        self._reader, self._privacy = reader, privacy or Privacy()
        count = threads or os.cpu_count() or 1
        rows = tables.batch_size(batch_rows)
        needed = dict.fromkeys([*columns, *(() if where is None else where.columns)])
        wanted: dict[str, list[str] | None] = {table: list(needed)}
        inputs = [_scan_input(source) for source in reader.inputs]
        # `full`: the summary counts all diagnostics, whatever the columns are.
        self._scan = tables.Scan(inputs, wanted, count, rows, {**reader.options, **reader.filters}, full=True)
        self.schema = self._scan.schema
        if len(needed) > len(self._names):
            whole = self._pa.schema(self.schema)
            self.schema = self._pa.schema([whole.field(name) for name in self._names], whole.metadata)

    def batches(self) -> Iterator[Any]:
        """Yield pyarrow batches. Reports the inputs that could not be read completely on stderr."""
        for batch in self._pulled():
            if self._where is not None:
                batch = self._where.batch(batch).select(self._names)
            if self._limit is not None:
                batch = batch.slice(0, self._limit - self.rows)
            self.rows += batch.num_rows
            yield self._privacy.batch(batch)
            if self.rows == self._limit:
                return

    def _pulled(self) -> Iterator[Any]:
        self._reader.begin()
        batches: queue.Queue[Any] = queue.Queue(_QUEUED_BATCHES)
        stopped = threading.Event()
        thread = threading.Thread(target=self._pull, args=(batches, stopped), daemon=True)
        UNFINISHED.add(thread)  # first: a signal may end the command as soon as the thread runs
        thread.start()
        try:
            while (found := self._next(batches)) is not None:
                if isinstance(found, BaseException):
                    raise found
                yield found
            thread.join()
            UNFINISHED.discard(thread)
        finally:
            stopped.set()
        summary = self._scan.summary
        if summary is not None:
            self._reader.add_summary(summary)

    def _next(self, batches: queue.Queue[Any]) -> Any:
        """The next batch. The progress is shown also while the scan reads without rows."""
        while True:
            with contextlib.suppress(queue.Empty):
                return batches.get(timeout=PROGRESS_SECONDS)  # Windows handles Ctrl-C only between two waits
            self._show_progress()

    def _show_progress(self) -> None:
        summary = self._scan.summary
        if summary is not None:
            self._reader.scanned(summary.sources, summary.bytes, self._scan._stored)

    def _pull(self, batches: queue.Queue[Any], stopped: threading.Event) -> None:
        last: Any = None
        try:
            for batch in self._scan.batches():
                self._show_progress()
                if not _put(batches, self._pa.record_batch(batch), stopped):
                    return
        except BaseException as error:
            last = error
        _put(batches, last, stopped)


def _put(batches: queue.Queue[Any], found: Any, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        with contextlib.suppress(queue.Full):
            batches.put(found, timeout=0.1)
            return True
    return False


def write(source: ScanSource, path: str, form: str, partition_by: str | None) -> None:
    """Write the rows to a file or a folder, which is created atomically. Raises the errors of `writers.write`."""
    from respstream.tables import writers

    scan: Any = source
    with exit_on_signals():
        writers.write(scan, path, "ipc" if form == "arrow" else form, partition_by)


def write_stream(source: ScanSource) -> None:
    """Write the rows to stdout as an Arrow IPC stream. Raises OSError."""
    import pyarrow as pa

    sys.stdout.flush()
    with pa.ipc.new_stream(sys.stdout.buffer, pa.schema(source.schema)) as writer:
        for batch in source.batches():
            writer.write_batch(batch)
    sys.stdout.buffer.flush()


def _pyarrow(table: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise UsageStop(
            f"the table {table} in this format needs pyarrow: pip install 'respstream[cli,arrow]'"
        ) from None
    return pyarrow


def _scan_input(source: Source) -> Any:
    from respstream.inputs import paths

    opener: Any = source.opener()
    if opener is None:
        return paths.Input(source.name, os.fsencode(source.path or ""))
    return paths.Input(source.name, opener)
