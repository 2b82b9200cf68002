"""The uniform stream of every API: pieces of text as they arrive."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Protocol

    from respstream._options import ApiName, DeltaKind
    from respstream._pure.protocols.protocol import ParsedEvent, ResponseState

    class DeltaReader(Protocol):
        """The deltas of one response."""

        def event(self, parsed: ParsedEvent) -> list[Delta]:
            """Those of an event, after it was applied."""
            ...

        def end(self) -> list[Delta]:
            """Those that only the whole response has."""
            ...


__all__ = ["Delta", "delta_reader"]


class Delta:
    """A piece of the output of a response, as a value; the same for every API.

    `kind`: "text", "reasoning" (also its summaries), "refusal" or "tool_arguments". `text`: never empty. `choice_index`: the
    choice of Chat Completions, else 0. `index`: that of the item (Responses), of the block (Messages) or of the tool call
    (Chat Completions); None for other texts of a choice. `call_id`, `name`: those of the tool call, as far as they are known.
    `response_id`: as far as it is known. `api`: "responses", "chat" or "messages".
    """

    __slots__ = ("api", "call_id", "choice_index", "index", "kind", "name", "response_id", "text")

    def __init__(
        self,
        kind: str,
        text: str,
        choice_index: int = 0,
        index: int | None = None,
        call_id: str | None = None,
        name: str | None = None,
        response_id: str | None = None,
        api: str = "responses",
    ) -> None:
        self.kind: DeltaKind = kind  # type: ignore[assignment]
        self.text = text
        self.choice_index = choice_index
        self.index = index
        self.call_id = call_id
        self.name = name
        self.response_id = response_id
        self.api: ApiName = api  # type: ignore[assignment]

    def to_dict(self) -> dict[str, Any]:
        """All attributes as a dict."""
        return {name: getattr(self, name) for name in ORDER}

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_dict().values())

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Delta) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.to_dict().items() if value is not None)
        return f"Delta({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Delta, tuple(self)


ORDER = ("kind", "text", "choice_index", "index", "call_id", "name", "response_id", "api")
"""The attributes of a delta, in order."""


def delta_reader(folded: ResponseState) -> DeltaReader:
    """A reader of the deltas of a response: that of its API, which is imported when it is first used."""
    module = __import__(f"{__package__}.{folded.api}.deltas", fromlist=("Deltas",))
    reader: DeltaReader = module.Deltas(folded)
    return reader
