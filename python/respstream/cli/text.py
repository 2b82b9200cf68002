"""`respstream text`: what the model says, as it arrives."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from respstream.cli.check import describe
from respstream.cli.inputs import Input, Reading, reads
from respstream.cli.output import complain, one_line
from respstream.cli.spoken import CALL, MESSAGE, REASONING
from respstream.cli.voices import Page, Voice
from respstream.decoder import Decoder
from respstream.protocols.event import Event
from respstream.protocols.responses.response import Response

TOLD = 10
"""So many errors are told in full: a log may have thousands, and the text is what was asked for."""

EXAMPLES = """\b
Examples:
  respstream text log.sse --reasoning --tool-calls
  cat log.sse | respstream text
"""


@click.command(epilog=EXAMPLES, short_help="What the models say, as it arrives.")
@click.option("--reasoning", is_flag=True, help="Tell reasoning and its summaries too.")
@click.option("--tool-calls", is_flag=True, help="Tell calls too: the name and the arguments.")
@click.option("--strict", is_flag=True, help="Exit with 1 if an error was diagnosed.")
@reads
@click.pass_context
def command(ctx: click.Context, reading: Reading, reasoning: bool, tool_calls: bool, strict: bool) -> None:
    """The text of the responses as it arrives, a blank line between two of them; refusals too.

    PATH is a file, a folder, a glob, a URL, or `-` for stdin, which serves without PATH as well: `curl -N … | respstream
    text` prints tokens live. Errors are told on stderr.
    """
    page = Page(sys.stdout)
    wanted = {MESSAGE} | ({REASONING} if reasoning else set()) | ({CALL} if tool_calls else set())
    errors = Errors()
    for one in reading:
        _Source(reading, one, page, errors, wanted).run()
    if errors.untold:
        complain(f"respstream: {errors.untold} more errors")
        reading.summary()
    ctx.exit(reading.status(strict=strict))


class Errors:
    """Tells errors on stderr: the first ones in full, the rest are counted."""

    def __init__(self) -> None:
        self._told = self.untold = 0

    def tell(self, line: str) -> None:
        """Prints a line, or counts it."""
        if self._told < TOLD:
            self._told += 1
            complain(line)
        else:
            self.untold += 1


class _Source:
    """One input on its way to the page. A lane has one voice for each of its responses."""

    def __init__(self, reading: Reading, one: Input, page: Page, errors: Errors, wanted: set[str]) -> None:
        self._wanted = wanted
        self._reading, self._one, self._page, self._errors = reading, one, page, errors
        self._decoder: Decoder = reading.decoder()
        self._voices: dict[str | None, Voice] = {}
        self._told = 0

    def run(self) -> None:
        """Reads the input through."""
        decoder = self._decoder
        for chunk in self._reading.chunks(self._one):
            events = decoder.feed(chunk)
            # No bytes, no events: this takes the responses that have ended out of the decoder.
            self._merge(events, decoder.fold(b""))
            self._complain()
        events = self._reading.last(self._one, decoder.finish)
        self._merge(events, decoder.responses)
        self._complain()
        self._reading.count(decoder)

    def _merge(self, events: Sequence[Event], ended: list[Response]) -> None:
        """Events in order; a response is closed before the first event that lies behind it."""
        closing = sorted(ended, key=lambda response: response._state.byte_end)
        at = 0
        for event in events:
            while at < len(closing) and closing[at]._state.byte_end <= event.offset:
                self._close(closing[at])
                at += 1
            voice = self._voices.get(event.stream_id)
            if voice is None:
                voice = self._voices[event.stream_id] = Voice(self._page, self._wanted)
            voice.take(event)
        for response in closing[at:]:
            self._close(response)
        self._page.flush()

    def _close(self, response: Response) -> None:
        """A response has ended, cut short or not: says what only its folded form tells."""
        voice = self._voices.pop(response.stream_id, None) if response.events else None
        voice = voice or Voice(self._page, self._wanted)
        voice.settle(response.output)
        voice.end()
        error = response.error
        if error is not None:
            words = [str(word) for word in (error.code or error.type, error.message) if word]
            told = ": ".join(words) or "no reason given"
            self._errors.tell(one_line(f"{self._one.name}: response {response.id or '(no id)'} failed: {told}"))

    def _complain(self) -> None:
        """Tells on stderr what was diagnosed as an error since the last time."""
        total = sum(self._decoder.diagnostic_counts.values())
        if total == self._told:
            return
        found = self._decoder.diagnostics[self._told :]
        self._told = total
        for diagnostic in found:
            if diagnostic.severity == "error":
                self._errors.tell(describe(self._one.name, diagnostic))
