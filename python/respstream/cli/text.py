"""`respstream text`: the text of responses, as it arrives."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any

import click

from respstream._pure.protocols.protocol import ResponseState
from respstream.cli.inputs import InputReader, input_options
from respstream.cli.output import complain, diagnostic_line, one_line, plural
from respstream.cli.source import Source
from respstream.cli.text_items import text_items
from respstream.cli.text_stream import ResponseText, TextWriter
from respstream.delta_stream import DeltaDecoder
from respstream.protocols.delta import delta_reader
from respstream.protocols.response import ResponseError
from respstream.protocols.responses.text_events import CALL, MESSAGE, REASONING

MAX_ERRORS = 10
"""Number of errors that are printed in full. A log may have thousands, which would bury the text."""

KINDS = {"reasoning": REASONING, "tool_arguments": CALL}
"""What each kind of delta belongs to; the others are of messages."""

EXAMPLES = """\b
Examples:
  respstream text log.sse --reasoning --tool-calls
  cat log.sse | respstream text
  respstream text service.log --strip-prefix 'api-1 +[|] ?'
"""


@click.command(epilog=EXAMPLES, short_help="Print the text of responses as it arrives.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="Output format: text, or each part as it arrives as a line of JSON.",
)
@click.option("--reasoning", is_flag=True, help="Also print reasoning and its summaries.")
@click.option("--tool-calls", is_flag=True, help="Also print tool calls: name and arguments.")
@click.option("--strict", is_flag=True, help="Exit with status 1 if a diagnostic is an error.")
@input_options
@click.pass_context
def command(
    ctx: click.Context, reader: InputReader, format_: str, reasoning: bool, tool_calls: bool, strict: bool
) -> None:
    """Print the output text and the refusals of responses as they arrive, with a blank line between two responses.

    PATH is a file, a folder, a quoted glob, a URL, or `-` for stdin. Without PATH, stdin is read: `curl -N … | respstream text`
    prints tokens live. Errors are printed on stderr.
    """
    writer = TextWriter(sys.stdout)
    wanted = {MESSAGE} | ({REASONING} if reasoning else set()) | ({CALL} if tool_calls else set())
    errors = ErrorReporter()
    ctx.meta["respstream.progress"] = lambda: f" after {reader.sources_read} of {plural(len(reader.inputs), 'file')}"
    for source in reader:
        made = _SourceDeltas if format_ == "jsonl" else _SourceText
        made(reader, source, writer, errors, wanted).run()
    if errors.omitted:
        complain(f"respstream: {errors.omitted} more errors")
        reader.print_summary()
    ctx.exit(reader.status(strict=strict))


class ErrorReporter:
    """Prints the first errors on stderr and counts the rest in `omitted`."""

    def __init__(self) -> None:
        self._printed = self.omitted = 0

    def report(self, line: str) -> None:
        """Print a line, or count it."""
        if self._printed < MAX_ERRORS:
            self._printed += 1
            complain(line)
        else:
            self.omitted += 1


class _TextDecoder(DeltaDecoder):
    """Writes the text of each response, and reports its error at its end."""

    def __init__(self, items: Callable[[ResponseState], Any], **options: Any) -> None:
        self._items = items
        super().__init__(**options)

    def reader(self, folded: ResponseState) -> Any:
        """What takes the events of a response."""
        return self._items(folded)


class _SourceText:
    """Writes the text of one source."""

    def __init__(
        self, reader: InputReader, source: Source, writer: TextWriter, errors: ErrorReporter, wanted: set[str]
    ) -> None:
        self._wanted = wanted
        self._reader, self._source, self._writer, self._errors = reader, source, writer, errors
        self._decoder: Any = reader.decoder(functools.partial(_TextDecoder, self._begin))
        self._reported = self._closed = 0

    def run(self) -> None:
        """Read the source to its end."""
        decoder = self._decoder
        before = self._reader.bytes_read
        for chunk in self._reader.chunks(self._source):
            self._write(decoder.feed(chunk))
            self._report_errors()
        self._write(self._reader.at_end(self._source, decoder.finish))
        self._report_errors()
        self._reader.count(decoder)
        if not self._closed and self._reader.bytes_read > before:
            self._reader.explain(decoder, self._source, ("no_responses",))  # errors are printed as they occur

    def _write(self, deltas: list[Any]) -> None:
        """Write what a call of the decoder found; the items of a text have written it themselves."""
        del deltas
        self._writer.flush()

    def _items(self, folded: ResponseState) -> Any:
        return text_items(folded, ResponseText(self._writer), self._wanted)

    def _begin(self, folded: ResponseState) -> Any:
        return _ReportingItems(self._items(folded), lambda: self._ended(folded))

    def _ended(self, folded: ResponseState) -> None:
        """Report the error of a response."""
        self._closed += 1
        members = folded.error()
        if members is not None:
            error = ResponseError(members)
            words = [str(word) for word in (error.code or error.type, error.message) if word]
            reason = ": ".join(words) or "no reason given"
            self._errors.report(one_line(f"{self._source.name}: response {folded.id or '(no id)'} failed: {reason}"))

    def _report_errors(self) -> None:
        """Report the new diagnostics of severity `error`."""
        total = sum(self._decoder.diagnostic_counts.values())
        if total == self._reported:
            return
        found = self._decoder.diagnostics[self._reported :]
        self._reported = total
        for diagnostic in found:
            if diagnostic.severity == "error":
                self._errors.report(diagnostic_line(self._source.name, diagnostic))


class _SourceDeltas(_SourceText):
    """Writes the deltas of one source as JSON Lines, with the name of the source."""

    def _items(self, folded: ResponseState) -> Any:
        return delta_reader(folded)

    def _write(self, deltas: list[Any]) -> None:
        for delta in deltas:
            if KINDS.get(delta.kind, MESSAGE) in self._wanted:
                click.echo(json.dumps({"source": self._source.name, **delta.to_dict()}, ensure_ascii=False))
        sys.stdout.flush()


class _ReportingItems:
    """The items of a response; `ended` is called at its end."""

    def __init__(self, items: Any, ended: Callable[[], None]) -> None:
        self.event = items.event
        self._items, self._ended = items, ended

    def end(self) -> list[Any]:
        """End the response."""
        found: list[Any] = self._items.end() or []
        self._ended()
        return found
