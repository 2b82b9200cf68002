"""The commands `responses`, `events` and `items`: rows of a table on stdout, in files and in folders."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple

import click

from respstream._suggest import suggestion
from respstream.cli.inputs import InputReader, input_options
from respstream.cli.manifest import Manifest
from respstream.cli.names import OneOf
from respstream.cli.output import (
    BINARY,
    FORMATS,
    Csv,
    JsonArray,
    JsonLines,
    Row,
    UsageStop,
    Writer,
    choose_format,
    complain,
    destination,
    may_be_terminal,
    one_line,
    plural,
    refuse_devices,
    size,
)
from respstream.cli.privacy import Privacy
from respstream.cli.progress import Progress
from respstream.cli.where import Where, parse
from respstream.inputs.paths import SUFFIXES
from respstream.tables import COLUMNS, EXTRA, response_row

SCAN_BYTES = 16 << 20
"""Smaller inputs are read sooner than threads and pyarrow start."""
CANNOT_CREATE = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, ValueError)
"""The errors if an output file cannot be created."""
LIVE_ROWS, TABLE_ROWS = 1, 512
"""Rows per batch: of stdin, which may be live, and of tables for reader."""
PATHS = f"""PATH is a file, a folder (its {", ".join(SUFFIXES[:-1])} and {SUFFIXES[-1]} files, compressed or not), a quoted glob,
a URL, or `-` for stdin."""
"""The description of PATH in the help."""
OPTIONAL = frozenset({"response_id"})
"""Columns that a narrow table omits unless they are requested."""


class TableRequest(NamedTuple):
    """The options of a table command. `columns`: None for the default ones. `shown`: the columns
    of the text table by default.
    """

    table: str
    format: str
    output: str | None
    columns: list[str] | None
    partition_by: str | None
    threads: int | None
    strict: bool
    privacy: Privacy
    shown: list[str]
    csv_safe: bool = False
    limit: int | None = None
    where: Where | None = None

    @property
    def needed(self) -> list[str]:
        """The columns to read: those that are written, then those of the condition."""
        return list(dict.fromkeys([*self.names, *(() if self.where is None else self.where.columns)]))

    @property
    def names(self) -> list[str]:
        """The columns in order."""
        if self.columns is not None:
            return self.columns
        if self.format == "table":
            return self.shown
        return [name for name, _ in COLUMNS[self.table] if name not in EXTRA]

    @property
    def has_output_file(self) -> bool:
        """Whether the rows are written to a file or a folder, not to stdout."""
        return self.output is not None and self.output != "-"


# -- the command -------------------------------------------------------------------------------------------------------


def table_command(table: str, shown: list[str], *, about: str, short: str, examples: str) -> click.Command:
    """Return the command of a table. `shown`: the columns of the text table by default."""

    def command(ctx: click.Context, reader: InputReader, *, since_manifest: str | None, **options: Any) -> None:
        request = _request(table, shown, **options)
        _check(request)
        if request.limit is not None and since_manifest is not None:
            raise click.UsageError("--limit and --since-manifest exclude each other: files would be read in part.")
        ctx.exit(run(ctx, reader, request, since_manifest))

    with_context: Any = click.pass_context(command)
    decorated: Any = input_options(with_context)
    for option in reversed(_options(table, [name for name, _ in COLUMNS[table]])):
        decorated = option(decorated)
    decorator: Any = click.command(name=table, help=about, epilog=f"\b\nExamples:\n{examples}", short_help=short)
    found: click.Command = decorator(decorated)
    return found


def _options(table: str, names: list[str]) -> list[Callable[[Any], Any]]:
    """Return the options of a table command. `names`: the columns of `table`."""

    def parse_columns(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
        if value is None:
            return None
        columns = [name.strip() for name in value.split(",")]
        unknown = [name for name in columns if name not in names]
        if unknown:
            near = suggestion(unknown[0], names) or f"; the columns are {', '.join(names)}"
            raise click.BadParameter(f"no column {', '.join(map(repr, unknown))}{near}")
        return list(dict.fromkeys(columns))

    def parse_where(_: click.Context, __: click.Parameter, value: str | None) -> Where | None:
        try:
            return None if value is None else parse(value, table)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    positive, path = click.IntRange(min=1), click.Path(dir_okay=False)
    column = OneOf("column", names)
    return [
        click.option("-o", "--output", metavar="FILE", help="Output file; it appears only when it is complete."),
        click.option(
            "--format",
            "format_",
            type=click.Choice(FORMATS),
            help="Output format (default: by the suffix of FILE, else table).",
        ),
        click.option("--columns", callback=parse_columns, metavar="A,B", help="Columns to write, in this order."),
        click.option(
            "--partition-by", type=column, metavar="COLUMN", help="Write a folder with one file per value of COLUMN."
        ),
        click.option(
            "--csv-safe",
            is_flag=True,
            help="For CSV: write ' before texts that spreadsheets would run as formulas.",
        ),
        click.option(
            "--where",
            callback=parse_where,
            metavar="EXPR",
            help="Write only rows that fulfil a condition, as in SQL: \"status = 'failed' and output_tokens > 100\". "
            "A column is followed by = != < <= > >= and a number, a 'text' or a 'time', or by [not] in ('a', 'b'), "
            "[not] like 'a%', [not] contains 'a', is [not] null. and, or, not and ( ) join conditions.",
        ),
        click.option(
            "--limit", type=click.IntRange(min=0), metavar="N", help="Write at most N rows, and read no further."
        ),
        click.option("--threads", type=positive, metavar="N", help="Number of threads (default: one per core)."),
        click.option("--strict", is_flag=True, help="Exit with status 1 if a diagnostic is an error."),
        click.option("--redact", is_flag=True, help="Write null for texts, arguments and metadata."),
        click.option(
            "--max-text", type=click.IntRange(min=0), metavar="N", help="Truncate texts and arguments to N characters."
        ),
        click.option(
            "--since-manifest",
            type=path,
            metavar="FILE",
            help="Skip the files that FILE lists as processed, and add the files of this run.",
        ),
    ]


def _request(table: str, shown: list[str], *, redact: bool, max_text: int | None, **options: Any) -> TableRequest:
    is_folder = options["partition_by"] is not None
    options["format"] = choose_format(options.pop("format_"), options["output"], folder=is_folder)
    return TableRequest(table, shown=shown, privacy=Privacy(redact=redact, max_text=max_text), **options)


def _check(request: TableRequest) -> None:
    """Raise UsageError for options that contradict each other."""
    if request.partition_by is not None:
        if not request.has_output_file:
            raise click.UsageError("--partition-by writes a folder; name it with -o.")
        if request.format in ("table", "json"):
            raise click.UsageError(f"--partition-by writes parquet, arrow, jsonl or csv, not {request.format}.")
        if request.partition_by not in request.names:
            raise click.UsageError(f"--partition-by {request.partition_by}: --columns does not contain this column.")
    if request.csv_safe and request.format != "csv":
        raise click.UsageError(f"--csv-safe is for csv, not {request.format}.")
    if request.format == "parquet" and not request.has_output_file:
        raise click.UsageError("parquet is only written to a file; name it with -o.")
    if request.format == "arrow" and not request.has_output_file and sys.stdout.isatty():
        raise click.UsageError("arrow is a binary format; write it to a file with -o, or to a pipe.")


def run(ctx: click.Context, reader: InputReader, request: TableRequest, since: str | None) -> int:
    """Read the inputs, write the rows, and print the summary. Returns the exit status."""
    output = request.output if request.has_output_file else None
    reader.refuse_output(output)
    reader.refuse_output(since)
    if output is not None and since is not None and os.path.realpath(output) == os.path.realpath(since):
        raise UsageStop(one_line(f"cannot write {output}: it is also the file of --since-manifest"))
    manifest = None if since is None else Manifest(since, request.table)
    if manifest is not None:
        reader.inputs, skipped = manifest.new_sources(reader.inputs)
        if skipped and not reader.inputs:
            complain(f"respstream: no new files: {plural(skipped, 'file')} processed before; nothing was written")
            return 0
    started = time.monotonic()
    ctx.meta["respstream.progress"] = lambda: _interrupted(reader, request, None)
    count = _files(reader, request) if request.format in BINARY or request.partition_by else _lines(reader, request)
    ctx.meta["respstream.progress"] = lambda: _interrupted(reader, request, count)
    if manifest is not None:
        manifest.add(source for source in reader.inputs if source.name not in reader.failed)
    if request.has_output_file:
        complain(_done(reader, request, count, time.monotonic() - started))
    reader.print_summary()
    return reader.status(strict=request.strict)


def _done(reader: InputReader, request: TableRequest, count: int, seconds: float) -> str:
    rate = f", {size(reader.bytes_read / seconds)}/s" if reader.bytes_read >= SCAN_BYTES else ""
    read = f"{plural(len(reader.inputs), 'file')}, {size(reader.bytes_read)} in {seconds:.1f} s{rate}"
    return one_line(f"respstream: {plural(count, request.table[:-1])} of {read}, written to {request.output}")


def _interrupted(reader: InputReader, request: TableRequest, count: int | None) -> str:
    """What an interrupted run did. `count`: the number of written rows, None while they are being written."""
    read = f" after {reader.sources_read} of {plural(len(reader.inputs), 'file')}, {size(reader.bytes_read)}"
    if not request.has_output_file:
        return read
    written = "was not written" if count is None else f"was written with {plural(count, request.table[:-1])}"
    return read + one_line(f"; {request.output} {written}")


# -- text: lines as they come ------------------------------------------------------------------------------------------


def _lines(reader: InputReader, request: TableRequest) -> int:
    names = request.names
    count = 0
    with (
        destination(request.output) as file,
        Progress(reader.inputs, enabled=not may_be_terminal(file)) as bar,
    ):
        reader.progress = bar
        writer = _writer(request, file)
        for row in itertools.islice(rows(reader, request, file.flush), request.limit):
            writer.write(request.privacy.row({name: row[name] for name in names}))
            count += 1
        writer.close()
        file.flush()
    return count


def _writer(request: TableRequest, file: IO[str]) -> Writer:
    if request.format == "jsonl":
        return JsonLines(file)
    if request.format == "json":
        return JsonArray(file)
    if request.format == "csv":
        return Csv(file, request.names, safe=request.csv_safe)
    from respstream.cli.table import Table

    return Table(file, request.names, OPTIONAL if request.columns is None else frozenset())


def rows(reader: InputReader, request: TableRequest, flush: Callable[[], None]) -> Iterator[Row]:
    """Yield the rows as dicts; `flush` is called before the next row may take a while."""
    if _without_scan(reader, request):
        whole = "response_json" in request.needed
        for source in reader:
            for responses in reader.fold(reader.decoder(), source):
                for response in responses:
                    row = response_row(response, source.name, whole=whole)
                    if request.where is None or request.where.matches(row):
                        yield row
                if responses:
                    flush()
        return
    for batch in _batches(reader, request):
        yield from batch.to_pylist()
        flush()


def _without_scan(reader: InputReader, request: TableRequest) -> bool:
    """Whether responses are assembled in this thread: from stdin, which may be live, and small inputs. The rows are equal."""
    if request.table != "responses" or request.threads is not None:
        return False
    import importlib.util

    return reader.is_live or reader.size < SCAN_BYTES or importlib.util.find_spec("pyarrow") is None


# -- columns: through the scan -----------------------------------------------------------------------------------------


def _batches(reader: InputReader, request: TableRequest) -> Iterator[Any]:
    from respstream.cli.scan_source import ScanSource

    names = request.names
    live = reader.is_live and request.format not in BINARY
    batch_rows = LIVE_ROWS if live else TABLE_ROWS if request.format in ("table", "stats") else None
    yield from ScanSource(
        reader, request.table, names, threads=request.threads, batch_rows=batch_rows, where=request.where
    ).batches()


def _files(reader: InputReader, request: TableRequest) -> int:
    from respstream.cli.scan_source import ScanSource, write, write_stream

    source = ScanSource(
        reader,
        request.table,
        request.names,
        threads=request.threads,
        privacy=request.privacy,
        limit=request.limit,
        where=request.where,
    )
    with Progress(reader.inputs) as bar:
        reader.progress = bar
        if not request.has_output_file:
            write_stream(source)
        else:
            refuse_devices(request.output or "")
            try:
                form = "safe_csv" if request.csv_safe else request.format
                write(source, request.output or "", form, request.partition_by)
            except CANNOT_CREATE as error:
                raise UsageStop(one_line(f"cannot write {request.output}: {_reason(error)}")) from None
    return source.rows


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def example_lines(*lines: str) -> str:
    """Return the examples of a help text, one per line."""
    return "".join(f"  {line}\n" for line in lines)
