"""The items of responses that `respstream text` writes, with a label before each: of the Responses API, and of other APIs."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from respstream._pure.protocols.protocol import ParsedEvent, ResponseState
from respstream.cli.text_stream import ResponseText
from respstream.protocols.delta import delta_reader
from respstream.protocols.parsed import make_event
from respstream.protocols.payload import decode
from respstream.protocols.responses.text_events import CALL, MESSAGE, REASONING, Part, kind_of
from respstream.protocols.responses.text_stream import TextReader

_KINDS = {"text": MESSAGE, "refusal": MESSAGE, "reasoning": REASONING}
_KEYS = {MESSAGE: 0, REASONING: 1}
_FIRST_CALL = 2


def text_items(folded: ResponseState, output: ResponseText, wanted: AbstractSet[str]) -> Any:
    """Return what takes the events of a response and writes the wanted kinds of items."""
    return (ResponsesItems if folded.api == "responses" else DeltaItems)(folded, output, wanted)


def label_of(kind: str, name: str | None) -> str:
    """Return the label before the text of an item: "" for messages, `[reasoning] `, or the name of the call in brackets."""
    if kind == CALL:
        return f"[{name or CALL}] "
    return f"[{REASONING}] " if kind == REASONING else ""


class ResponsesItems(TextReader):
    """Writes the items of a response of the Responses API."""

    def __init__(self, folded: ResponseState, output: ResponseText, wanted: AbstractSet[str]) -> None:
        super().__init__(wanted)
        self._folded, self._output = folded, output

    def event(self, parsed: ParsedEvent) -> list[Any]:
        """Process an event."""
        if parsed.entry is not None:
            self.take(make_event(parsed))
        return []

    def end(self) -> list[Any]:
        """Write what only the assembled response contains, and end it."""
        output = self._folded.member("output")
        self.reconcile(None if output is None else decode(output, "output"))
        self.finish()
        return []

    def finish(self) -> None:
        """End the text."""
        super().finish()
        if not self._output.ended:
            self._output.end()

    def opened(self, key: int) -> None:
        """An item has begun."""
        self._output.open.add(key)

    def closed(self, key: int | None) -> None:
        """An item is complete; with None all items."""
        self._output.close(key)

    def write(self, key: int, part: Part | None, text: str) -> None:
        """Write text of an item, or the label of a call that has begun or ended without text."""
        item = self.items[key]
        kind = kind_of(item.kind)
        if part is not None or item.final or (kind == CALL and len(self._output.open) == 1):
            name = item.name or (None if item.placeholder else item.kind)
            self._output.write(key, text, label_of(kind, name), alone=kind == CALL)


class DeltaItems:
    """Writes the items of the first choice of a response from its deltas; calls, which may run in parallel, at its end."""

    def __init__(self, folded: Any, output: ResponseText, wanted: AbstractSet[str]) -> None:
        self._folded, self._output, self._wanted = folded, output, wanted
        self._reader = delta_reader(folded)

    def event(self, parsed: ParsedEvent) -> list[Any]:
        """Process an event."""
        self._write(self._reader.event(parsed))
        return []

    def end(self) -> list[Any]:
        """Write the rest of the texts, and the calls."""
        self._write(self._reader.end())
        if CALL in self._wanted:
            for rank, (_, _, name, arguments) in enumerate(self._folded.tool_calls()):
                self._output.write(_FIRST_CALL + rank, arguments or "", label_of(CALL, name), alone=True)
        self._output.end()
        return []

    def _write(self, deltas: list[Any]) -> None:
        for delta in deltas:
            kind = _KINDS.get(delta.kind, "")
            if kind in self._wanted and delta.choice_index == 0:
                self._output.write(_KEYS[kind], delta.text, label_of(kind, None))
