"""Appending a delta to a text: the one way for all deltas."""

from __future__ import annotations

from respstream._pure.assemble.place import Place
from respstream._pure.assemble.tree import Text


def text_at(place: Place) -> Text:
    """The growing text at a place; a string or a missing node there becomes one."""
    text = place.get()
    if not isinstance(text, Text):
        text = Text(text)
        place.put(text)
    return text


def append(text: Text, delta: str) -> None:
    """Appends a delta in constant time; reading the text joins its deltas."""
    text.deltas.append(delta)
