"""What `responses`, `events` and `items` share: rows of a table, for the eye, for programs, into files and folders."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, NamedTuple

import click

from respstream.cli.inputs import Reading, reads
from respstream.cli.manifest import Manifest
from respstream.cli.output import (
    BINARY,
    FORMATS,
    Csv,
    JsonLines,
    Row,
    Stop,
    Writer,
    choose_format,
    complain,
    destination,
    is_seen,
    one_line,
    plural,
    refuse_devices,
    size,
)
from respstream.cli.privacy import Privacy
from respstream.cli.progress import Progress
from respstream.inputs.paths import SUFFIXES
from respstream.tables import COLUMNS, EXTRA, response_row

QUICK_BYTES = 16 << 20
"""Less than this is read before threads and pyarrow would have begun."""
UNMADE = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, ValueError)
"""What is raised where an output cannot be made under its name."""
LIVE_ROWS, WATCHED_ROWS = 1, 512
PATHS = f"""PATH is a file, a folder (its {", ".join(SUFFIXES[:-1])} and {SUFFIXES[-1]} files, packed or not), a glob, a URL,
or `-` for stdin."""
"""What the help texts say of the argument."""
SPARED = frozenset({"response_id"})
"""What a narrow table does without, unless it was asked for."""


class Wanted(NamedTuple):
    """What is asked of a table. `columns` is None where all are wanted that come unasked."""

    table: str
    form: str
    output: str | None
    columns: list[str] | None
    partition_by: str | None
    threads: int | None
    strict: bool
    privacy: Privacy
    titles: dict[str, str]

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        if self.columns is not None:
            return self.columns
        if self.form == "table":
            return list(self.titles)
        return [name for name, _ in COLUMNS[self.table] if name not in EXTRA]

    @property
    def into_file(self) -> bool:
        """Whether the rows go to a file or a folder, and not to stdout."""
        return self.output is not None and self.output != "-"


# -- the command -------------------------------------------------------------------------------------------------------


def table_command(table: str, titles: dict[str, str], *, about: str, short: str, examples: str) -> click.Command:
    """The command of a table. `titles`: the columns for the eye, and how they are headed there."""

    def command(ctx: click.Context, reading: Reading, *, since_manifest: str | None, **given: Any) -> None:
        wanted = _wanted(table, titles, **given)
        _check(wanted, reading)
        ctx.exit(run(ctx, reading, wanted, since_manifest))

    passed: Any = click.pass_context(command)
    decorated: Any = reads(passed)
    for option in reversed(_options([name for name, _ in COLUMNS[table]])):
        decorated = option(decorated)
    made: Any = click.command(name=table, help=about, epilog=f"\b\nExamples:\n{examples}", short_help=short)
    found: click.Command = made(decorated)
    return found


def _options(names: list[str]) -> list[Callable[[Any], Any]]:
    """The options of the command of a table that has columns of these names."""

    def chosen(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
        if value is None:
            return None
        columns = [name.strip() for name in value.split(",")]
        unknown = [name for name in columns if name not in names]
        if unknown:
            raise click.BadParameter(f"no column {', '.join(map(repr, unknown))}; there are {', '.join(names)}")
        return list(dict.fromkeys(columns))

    positive, path = click.IntRange(min=1), click.Path(dir_okay=False)
    column = click.Choice(names)
    return [
        click.option("-o", "--output", metavar="FILE", help="Write to a file, which appears whole or not at all."),
        click.option("--format", "format_", type=click.Choice(FORMATS), help="By the suffix of FILE, else a table."),
        click.option("--columns", callback=chosen, metavar="A,B", help="These columns, in this order."),
        click.option("--partition-by", type=column, metavar="COLUMN", help="Write a folder: a file for each value."),
        click.option("--threads", type=positive, metavar="N", help="Read with so many; one a core by default."),
        click.option("--strict", is_flag=True, help="Exit with 1 if an error was diagnosed."),
        click.option("--redact", is_flag=True, help="Leave texts, arguments and metadata empty."),
        click.option(
            "--max-text", type=click.IntRange(min=0), metavar="N", help="Cut texts and arguments to N characters."
        ),
        click.option(
            "--since-manifest",
            type=path,
            metavar="FILE",
            help="Skip the files that FILE lists as done, and list those that are done now.",
        ),
    ]


def _wanted(table: str, titles: dict[str, str], *, redact: bool, max_text: int | None, **given: Any) -> Wanted:
    given["form"] = choose_format(given.pop("format_"), given["output"], folder=given["partition_by"] is not None)
    return Wanted(table, titles=titles, privacy=Privacy(redact=redact, most=max_text), **given)


def _check(wanted: Wanted, reading: Reading) -> None:
    """Refuses what does not go together. Raises UsageError."""
    if wanted.partition_by is not None:
        if not wanted.into_file:
            raise click.UsageError("--partition-by writes a folder; -o names it.")
        if wanted.form == "table":
            raise click.UsageError("--partition-by writes parquet, arrow, jsonl or csv, not a table.")
        if wanted.partition_by not in wanted.names:
            raise click.UsageError(f"--partition-by {wanted.partition_by}: --columns leaves this column out.")
    if wanted.form == "parquet" and not wanted.into_file:
        raise click.UsageError("parquet goes to a file; -o names it.")
    if wanted.form == "arrow" and not wanted.into_file and sys.stdout.isatty():
        raise click.UsageError("arrow is not for the eye; -o names a file, or a pipe takes it.")


def run(ctx: click.Context, reading: Reading, wanted: Wanted, since: str | None) -> int:
    """Reads, writes, and tells what was done; gives the exit status."""
    manifest = None if since is None else Manifest(since, wanted.table)
    if manifest is not None:
        reading.inputs, skipped = manifest.fresh(reading.inputs)
        if skipped and not reading.inputs:
            complain(f"respstream: nothing is new: {plural(skipped, 'file')} done before; nothing was written")
            return 0
    begun = time.monotonic()
    ctx.meta["respstream.done"] = lambda: _interrupted(reading, wanted)
    count = _files(reading, wanted) if wanted.form in BINARY or wanted.partition_by else _lines(reading, wanted)
    if manifest is not None:
        manifest.add(one for one in reading.inputs if one.name not in reading.failed)
    if wanted.into_file:
        complain(_done(reading, wanted, count, time.monotonic() - begun))
    reading.summary()
    return reading.status(strict=wanted.strict)


def _done(reading: Reading, wanted: Wanted, count: int, seconds: float) -> str:
    rate = f", {size(reading.bytes / seconds)}/s" if reading.bytes >= QUICK_BYTES else ""
    read = f"{plural(len(reading.inputs), 'file')}, {size(reading.bytes)} in {seconds:.1f} s{rate}"
    return one_line(f"respstream: {plural(count, wanted.table[:-1])} of {read}, into {wanted.output}")


def _interrupted(reading: Reading, wanted: Wanted) -> str:
    read = f" after {reading.sources} of {plural(len(reading.inputs), 'file')}, {size(reading.bytes)}"
    return read + (one_line(f"; {wanted.output} was not written") if wanted.into_file else "")


# -- text: lines as they come ------------------------------------------------------------------------------------------


def _lines(reading: Reading, wanted: Wanted) -> int:
    names = wanted.names
    count = 0
    with (
        destination(wanted.output) as file,
        Progress(reading.inputs, wanted=not is_seen(file)) as bar,
    ):
        reading.progress = bar
        writer = _writer(wanted, file)
        for row in rows(reading, wanted, file.flush):
            writer.write(wanted.privacy.row({name: row[name] for name in names}))
            count += 1
        writer.close()
        file.flush()
    return count


def _writer(wanted: Wanted, file: IO[str]) -> Writer:
    if wanted.form == "jsonl":
        return JsonLines(file)
    if wanted.form == "csv":
        return Csv(file, wanted.names)
    from respstream.cli.table import Table

    if wanted.columns is not None:
        return Table(file, {name: name for name in wanted.columns})
    return Table(file, wanted.titles, SPARED)


def rows(reading: Reading, wanted: Wanted, flush: Callable[[], None]) -> Iterator[Row]:
    """The rows as dicts; `flush` is called when those behind may take their time."""
    if _quick(reading, wanted):
        whole = "response_json" in wanted.names
        for one in reading:
            for responses in reading.fold(reading.decoder(), one):
                for response in responses:
                    yield response_row(response, one.name, whole=whole)
                if responses:
                    flush()
        return
    for batch in _batches(reading, wanted):
        yield from batch.to_pylist()
        flush()


def _quick(reading: Reading, wanted: Wanted) -> bool:
    """Whether responses are folded one by one, here: stdin, which may be live, and what is small. The rows are the same."""
    if wanted.table != "responses" or wanted.threads is not None:
        return False
    import importlib.util

    return reading.is_live or reading.size < QUICK_BYTES or importlib.util.find_spec("pyarrow") is None


# -- columns: through the scan -----------------------------------------------------------------------------------------


def _batches(reading: Reading, wanted: Wanted) -> Iterator[Any]:
    from respstream.cli.scanned import Scanned

    names = wanted.names
    live = reading.is_live and wanted.form not in BINARY
    rows = LIVE_ROWS if live else WATCHED_ROWS if wanted.form in ("table", "stats") else None
    yield from Scanned(reading, wanted.table, names, threads=wanted.threads, batch_rows=rows).batches()


def _files(reading: Reading, wanted: Wanted) -> int:
    from respstream.cli.scanned import Scanned, write, write_stream

    scanned = Scanned(reading, wanted.table, wanted.names, threads=wanted.threads, privacy=wanted.privacy)
    with Progress(reading.inputs) as bar:
        reading.progress = bar
        if not wanted.into_file:
            write_stream(scanned)
        else:
            refuse_devices(wanted.output or "")
            try:
                write(scanned, wanted.output or "", wanted.form, wanted.partition_by)
            except UNMADE as error:
                raise Stop(one_line(f"cannot write {wanted.output}: {_words(error)}")) from None
    return scanned.rows


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def example_lines(*lines: str) -> str:
    """The examples of a help text, one a line."""
    return "".join(f"  {line}\n" for line in lines)


def titled(names: Iterable[str], **others: str) -> dict[str, str]:
    """Columns for the eye and their titles: their own names, but for `others`."""
    return {name: others.get(name, name) for name in names}
