"""The items of a response as a reader of its text knows them: what identifies an item, and its text so far."""

from __future__ import annotations

from typing import Any

from respstream._pure.json import decode
from respstream._pure.protocols.responses.item import Identity
from respstream.protocols.event import Event
from respstream.protocols.payload import Payload
from respstream.protocols.responses.text_events import MESSAGE, SUMMARY, Part, joined, kind_of, parts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

Piece: TypeAlias = "tuple[Part, str]"
"""A part of an item, and text that was added to it."""


class ItemText:
    """One item of a response: what identifies it, and its text so far.

    `kind`, `call_id`, `id`, `final`, `placeholder`: see `IdentifiedItem`. `value_id`: the id in its latest whole value.
    `name`: that of a call. `is_filled`: an event wrote text into it, read or not. `texts`: those that were read, in order.
    `parts`: as `texts`, by part. `complete`: the parts, and the lists and numbers of parts, whose deltas are ignored. `top`:
    the last number of each list of parts. `types`: the types of the parts.
    """

    __slots__ = (
        "_has_summary", "_surrogate", "_withheld", "call_id", "complete", "final", "id", "is_filled", "kind", "name", "parts",
        "placeholder", "texts", "top", "types", "value_id",
    )  # fmt: skip

    def __init__(self, item_type: str | None, name: Any, ident: str | None = None) -> None:
        self.kind = item_type
        self.call_id: str | None = None
        self.id: str | None = None
        self.final, self.placeholder = False, True
        self.value_id = ident
        self.is_filled = False
        self.name: str | None = name if isinstance(name, str) and name else None
        self.texts: list[str] = []
        self.parts: dict[Part, list[str]] = {}
        self.complete: set[Part | tuple[str, int]] = set()
        self.top: dict[str, int] = {}
        self.types: dict[tuple[str, int], str | None] = {}
        self._has_summary = False
        self._withheld: list[tuple[Part, str]] = []
        self._surrogate = ""

    def has_text(self) -> bool:
        """Whether an event wrote text into it."""
        return self.is_filled

    def identity(self) -> dict[str, Any]:
        """Return the members that identify it in an output."""
        return {"type": self.kind, "call_id": self.call_id, "id": self.value_id}

    def text(self) -> str:
        """Return the text so far."""
        if len(self.texts) > 1:
            self.texts = ["".join(self.texts)]
        return "".join(self.texts)

    def part_text(self, part: Part) -> str:
        """Return the text of a part so far."""
        texts = self.parts.get(part, [])
        if len(texts) > 1:
            texts[:] = ["".join(texts)]
        return "".join(texts)

    def add(self, part: Part, text: str) -> str:
        """Add text to a part; return it as it is read, with a blank line between the parts of a reasoning summary."""
        if not text:
            return ""
        self._has_summary = self._has_summary or part.index_name == SUMMARY
        if self._has_summary and self.texts and part not in self.parts:
            text = "\n\n" + text
        self.parts.setdefault(part, []).append(text)
        self.texts.append(text)
        return text

    def set(self, part: Part, text: str) -> str:
        """Set the complete text of a part; return it unless a text of the part was read, of which the item tells the rest."""
        return "" if self.parts.get(part) else self._rest(part, text)

    def _rest(self, part: Part, text: str) -> str:
        """Return the text of a part that was not read before; nothing if another text was read."""
        before = self.part_text(part)
        if not before and text and self._ends_with(text):
            self._withheld.append((part, text))
            return ""
        return self.add(part, text[len(before) :]) if text.startswith(before) else ""

    def _ends_with(self, text: str) -> bool:
        """Whether the text so far ends with another one, in time linear in that one."""
        last: list[str] = []
        size = 0
        for one in reversed(self.texts):
            if size >= len(text):
                break
            last.append(one)
            size += len(one)
        return "".join(reversed(last)).endswith(text)

    def replace(self, value: Payload, identity: Identity, *, done: bool) -> list[Piece]:
        """Set a whole item; return the text that was not read before."""
        if self.final and not done:  # begins again
            self.texts, self.parts = [], {}
        self.kind, self.call_id, self.value_id = identity
        self.final, self.placeholder = done, False
        self.complete.clear()
        name = value.get("name")
        self.name = name if isinstance(name, str) and name else None
        return self.extend(value, self.kind) if kind_of(self.kind) else []

    def extend(self, value: Payload, item_type: str | None) -> list[Piece]:
        """Return the text of a whole item that was not read before."""
        self._withheld.clear()
        found = parts_of(value, item_type)
        for part, kind, _ in found:
            self.top[part.index_name] = max(part.number, self.top.get(part.index_name, -1))
            self.types[part.index_name, part.number] = kind
        parts = [(part, text) for part, _, text in found]
        before, whole = self.text(), joined(item_type, parts)
        if not whole.startswith(before):
            return [(part, rest) for part, text in parts if (rest := self._rest(part, text))]
        self.texts = [whole] if whole else []
        self.parts |= {part: [text] for part, text in parts if text}
        self._has_summary = self._has_summary or any(part.index_name == SUMMARY and text for part, text in parts)
        return _behind(len(before), parts if item_type == MESSAGE else [(part, whole) for part, _ in parts[:1]])

    def withheld(self) -> list[Piece]:
        """Return the complete texts of parts that repeated the text before them, if no whole item has told that they do not count."""
        withheld, self._withheld = self._withheld, []
        return [(part, added) for part, text in withheld if (added := self.add(part, text))]

    def joined(self, event: Event, text: str) -> str:
        """Return the text of a delta. A high surrogate at its end is kept until the next delta, which has the low one."""
        if not self._surrogate and not ("\ufffd" in text and b"\\u" in event.raw):
            return text
        delta = decode(event.raw)[0]["delta"]
        if isinstance(delta, dict):
            delta = delta.get("text")
        # Another object is its JSON.
        exact = self._surrogate + (delta if isinstance(delta, str) else text)
        self._surrogate = exact[-1:] if "\ud800" <= exact[-1:] <= "\udbff" else ""
        complete = exact[:-1] if self._surrogate else exact
        return complete.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _behind(size: int, parts: list[Piece]) -> list[Piece]:
    """Return the texts of parts without the first characters."""
    found: list[Piece] = []
    for part, text in parts:
        if len(text) > size:
            found.append((part, text[size:]))
        size = max(size - len(text), 0)
    return found
