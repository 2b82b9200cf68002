"""Reconciles streamed items with final ones: those of `output_item.done` and of the terminal response."""

from __future__ import annotations

from collections.abc import Callable

from respstream._pure.assemble import differing, report_mismatch
from respstream._pure.json import clean_text, join_text
from respstream._pure.protocols.responses.response import Folded, Item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

Report: TypeAlias = "Callable[[str, dict[str, Any] | None], object]"


def reconcile(folded: Folded, value: dict[str, Any], report: Report) -> None:
    """Compares the terminal output with the streamed items: recovers missing items, reports differing texts."""
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
    """Pairs of a streamed item (its number) and its terminal item; None if they do not match."""
    in_order = list(zip(range(len(values)), output, strict=False))
    if all(_same_item(values[number], final) for number, final in in_order):
        return in_order
    indexes = sorted(folded.items)
    if indexes[-1] < len(output):
        by_index = [(number, output[index]) for number, index in enumerate(indexes)]
        if all(_same_item(values[number], final) for number, final in by_index):
            return by_index
    return None


def _same_item(streamed: dict[str, Any], final: Any) -> bool:
    if not isinstance(final, dict) or string(streamed, "type") != string(final, "type"):
        return False
    ids = string(streamed, "call_id"), string(final, "call_id")
    return None in ids or ids[0] == ids[1]


def string(value: dict[str, Any], key: str) -> str | None:
    """The text of a member, None if it is not a string."""
    member = value.get(key)
    return clean_text(member) if type(member) is str else None


def compare(item: Item, index: int, before: dict[str, str], after: dict[str, str], report: Report) -> None:
    """Reports each text that differs from the streamed one, once per path."""
    for path in differing(before, after):
        mismatch(item, index, path, report)


def mismatch(item: Item, index: int, path: str, report: Report) -> None:
    """Reports that the texts at a path differ, once."""
    report_mismatch(item.mismatched, path, lambda path: report("text_mismatch", {"what": path, "output_index": index}))


def texts(item: Any) -> dict[str, str]:
    """The texts of an item that deltas can write, by path: only these are compared."""
    found: dict[str, str] = {}
    if isinstance(item, dict):
        for key in ("arguments", "input", "code"):
            _add(found, key, item.get(key))
        for index, part in enumerate(_list(item, "content")):
            _add_members(found, f"content[{index}]", part, ("text", "refusal"))
        for index, part in enumerate(_list(item, "summary")):
            _add_members(found, f"summary[{index}]", part, ("text",))
        _add_members(found, "operation", item.get("operation"), ("diff",))
        for index, command in enumerate(_list(item.get("action"), "commands")):
            _add(found, f"action.commands[{index}]", command)
        for index, output in enumerate(_list(item, "output")):
            _add_members(found, f"output[{index}]", output, ("stdout", "stderr"))
    return found


def _list(value: Any, key: str) -> list[Any]:
    child = value.get(key) if isinstance(value, dict) else None
    return child if isinstance(child, list) else []


def _add(found: dict[str, str], path: str, value: Any) -> None:
    if type(value) is str:  # a Number is a str, but not a text
        found[path] = join_text([value])


def _add_members(found: dict[str, str], path: str, value: Any, keys: tuple[str, ...]) -> None:
    if isinstance(value, dict):
        for key in keys:
            _add(found, f"{path}.{key}", value.get(key))
