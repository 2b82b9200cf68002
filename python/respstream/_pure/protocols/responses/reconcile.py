"""Where what was streamed is held against what comes whole: an item, or the terminal output."""

from __future__ import annotations

from collections.abc import Callable

from respstream._pure.json import clean_text
from respstream._pure.response import Folded, Item
from respstream._pure.tree import texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

Report: TypeAlias = "Callable[[str, dict[str, Any] | None], object]"


def settle(folded: Folded, value: dict[str, Any], report: Report) -> None:
    """Holds the terminal output against the streamed items: recovers what it lacks, says where they differ."""
    output = value.get("output")
    output = output if isinstance(output, list) else []
    items = folded.folded_items()
    if not items:
        return
    values = [item.value() for item in items]
    pairs = _pairs(folded, output, values)
    if pairs is None:
        report("output_differs", {"got": len(output), "streamed": len(items)})
        return
    indexes = sorted(folded.items)
    for number, final in pairs:
        compare(items[number], indexes[number], texts(values[number]), texts(final), report)
    if len(output) < len(items):
        folded.recovered = items[len(output) :]
        report("output_recovered", {"count": len(folded.recovered)})


def _pairs(folded: Folded, output: list[Any], values: list[dict[str, Any]]) -> list[tuple[int, Any]] | None:
    """Streamed items (by number) with the terminal items they became; None where they do not match."""
    in_order = list(zip(range(len(values)), output, strict=False))
    if all(_alike(values[number], final) for number, final in in_order):
        return in_order
    indexes = sorted(folded.items)
    if indexes[-1] < len(output):
        by_index = [(number, output[index]) for number, index in enumerate(indexes)]
        if all(_alike(values[number], final) for number, final in by_index):
            return by_index
    return None


def _alike(streamed: dict[str, Any], final: Any) -> bool:
    if not isinstance(final, dict) or string(streamed, "type") != string(final, "type"):
        return False
    ids = string(streamed, "call_id"), string(final, "call_id")
    return None in ids or ids[0] == ids[1]


def string(value: dict[str, Any], key: str) -> str | None:
    """The text of a member, None where it is none."""
    member = value.get(key)
    return clean_text(member) if type(member) is str else None


def compare(item: Item, index: int, before: dict[str, str], after: dict[str, str], report: Report) -> None:
    """Reports each text that is not what it was, once for each value."""
    for path, text in before.items():
        if text and after.get(path) != text:
            mismatch(item, index, path, report)


def mismatch(item: Item, index: int, path: str, report: Report) -> None:
    """Reports that the texts at a path disagree, once."""
    if path not in item.odd:
        item.odd.add(path)
        report("text_mismatch", {"what": path, "output_index": index})
