"""Reconciles streamed items with final ones: those of `output_item.done` and of the terminal response."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable

from respstream._pure.assemble import differing, expand, report_mismatch
from respstream._pure.json import clean, elements, join_text, parse_exact
from respstream._pure.protocols.responses.identities import index_of
from respstream._pure.protocols.responses.item import Item
from respstream._pure.protocols.responses.response import Folded
from respstream._pure.protocols.responses.texts import add_texts, list_of, string, texts
from respstream._pure.protocols.responses.tool_calls import KINDS, json_text, raw_argument_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

NAMED = 5  # items in the message of a diagnostic
Report: TypeAlias = "Callable[[str, dict[str, Any] | None], object]"
Key: TypeAlias = "Callable[[int], Hashable]"  # what the item at a position is matched by; nothing if it is empty


def reconcile(folded: Folded, value: dict[str, Any], report: Report) -> None:
    """Compares the terminal output with the streamed items: recovers missing items and values, reports differing texts."""
    output = value.get("output")
    output = output if isinstance(output, list) else []
    keys = sorted(folded.items)
    if not keys:
        return
    items = [folded.items[key] for key in keys]
    values = [item.value() for item in items]
    pairs = match_items(values, output, lambda at: _filled(values[at]), lambda at: _filled(output[at]))
    own = _elements(folded) if output else []
    final = [Item(raw, None) for raw in own]
    for number, position in enumerate(pairs):
        if position is not None and values[number] != output[position]:
            tree = merged(items[number], index_of(keys[number]), output[position], own[position], folded, report)
            final[position] = final[position] if tree is None else Item(None, tree)
    lacking = [number for number, position in enumerate(pairs) if position is None]
    if lacking and pairs[: len(output)] != list(range(len(output))):
        what = ", ".join(_name(values[number], keys[number]) for number in lacking[:NAMED])
        report("output_differs", {"got": len(output), "streamed": len(items), "what": what[:200]})
        lacking = [number for number in lacking if string(values[number], "type") in KINDS]
    if lacking:
        report("output_recovered", {"count": len(lacking)})
    if lacking or any(item.tree is not None for item in final):
        folded.rebuilt = [*final, *(items[number] for number in lacking)]


def _elements(folded: Folded) -> list[bytes]:
    """The elements of the terminal output as JSON."""
    raw = folded.own_output_json()
    return [raw[start:end] for start, end in elements(raw)]


def match_items(
    streamed: list[dict[str, Any]], output: list[Any], streamed_texts: Key, output_texts: Key
) -> list[int | None]:
    """The position in the terminal output of each streamed item: by call id, then id, then type and texts, then type and order.

    Of the items only `type`, `call_id` and `id` are read. The other two functions return the texts of the item at a position,
    in any form that can be compared; they are called for items that no id identifies.
    """
    pairs: list[int | None] = [None] * len(streamed)
    free = {position: final for position, final in enumerate(output) if isinstance(final, dict)}

    def match(streamed_key: Key, output_key: Key) -> None:
        positions: dict[Any, deque[int]] = {}
        for position, final in free.items():
            key = output_key(position)
            if key not in ("", (), None):
                positions.setdefault((string(final, "type"), key), deque()).append(position)
        for number, value in enumerate(streamed if positions else ()):
            found = positions.get((string(value, "type"), streamed_key(number))) if pairs[number] is None else None
            if found and _same_call(value, output[found[0]]):
                pairs[number] = position = found.popleft()
                del free[position]

    match(lambda number: string(streamed[number], "call_id"), lambda position: string(output[position], "call_id"))
    match(lambda number: string(streamed[number], "id"), lambda position: string(output[position], "id"))
    match(streamed_texts, output_texts)
    match(lambda _: True, lambda _: True)
    return pairs


def _filled(item: dict[str, Any]) -> Hashable:
    """The texts of an item that are not empty."""
    return tuple(filter(None, texts(item).values()))


def _same_call(streamed: dict[str, Any], final: dict[str, Any]) -> bool:
    """Whether the call ids are equal, or one of them is missing."""
    ids = string(streamed, "call_id"), string(final, "call_id")
    return None in ids or ids[0] == ids[1]


def _name(value: dict[str, Any], key: int) -> str:
    """An item in the message of a diagnostic."""
    ident = string(value, "call_id") or string(value, "id") or f"at {index_of(key)}"
    return f"{string(value, 'type') or 'item'} {ident}"


def merged(
    item: Item, index: int, value: dict[str, Any], raw: bytes, folded: Folded | None, report: Report
) -> dict[str, Any] | None:
    """The tree of a value that replaces an item, if it is not the value itself: streamed texts replace empty ones.

    Reports the texts that differ. Without a response, an object as arguments is not reported.
    """
    tree: dict[str, Any] | None = None
    before = texts(item.value())
    after = texts(value)
    argument = raw_argument_of(value)
    if type(argument) is dict:
        after[KINDS[value["type"]]] = json_text(raw_argument_of(parse_exact(raw)))
        if folded is not None:
            loose(folded, KINDS[value["type"]], report)
    lost = list(differing(before, after))
    filled: set[str] = set()
    if any(not after.get(path) for path in lost):
        tree = expand(raw)
        assert tree is not None
        filled = _recover(item.value(), tree)
        item.recoveries += 1
    for path in lost:
        (recovered if path in filled else mismatch)(item, index, path, report)
    return tree if filled else None


def loose(folded: Folded, field: str, report: Report, got: str = "an object", read: str = "its JSON text") -> None:
    """Reports a value of another type, once per field of a response."""
    if field not in folded.loose:
        folded.loose.add(field)
        report("loose_value", {"field": field, "got": got, "read": read})


def _recover(before: dict[str, Any], tree: dict[str, Any]) -> set[str]:
    """Replaces the empty texts of a tree by those of the value before; returns their paths."""
    found: set[str] = set()
    for key in ("arguments", "input", "code"):
        _fill(found, key, before, tree, key)
    for list_, keys in (("content", ("text", "refusal")), ("summary", ("text",)), ("output", ("stdout", "stderr"))):
        _fill_list(found, list_, before, tree, keys)
    paths = texts({key: before[key] for key in ("operation", "action") if key in before})
    for key in ("operation", "action"):
        below = [path for path, text in paths.items() if text and path.startswith(key)]
        if below and (_empty(tree.get(key)) or tree[key] == {}):
            tree[key] = clean(before[key])
            found.update(below)
    _fill_members(found, "operation", before.get("operation"), tree.get("operation"), ("diff",))
    if isinstance(before.get("action"), dict) and isinstance(tree.get("action"), dict):
        _fill_commands(found, before["action"], tree["action"])
    return found


def _empty(value: Any) -> bool:
    """Whether a final value has no content: it is null or missing, or an empty text or list."""
    return value is None or (type(value) in (str, list) and not value)


def _fill(found: set[str], path: str, before: dict[str, Any], after: dict[str, Any], key: str) -> None:
    text = before.get(key)
    if type(text) is str and text and _empty(after.get(key)):
        after[key] = join_text([text])
        found.add(path)


def _fill_members(found: set[str], path: str, before: Any, after: Any, keys: tuple[str, ...]) -> None:
    if isinstance(before, dict) and isinstance(after, dict) and string(before, "type") == string(after, "type"):
        for key in keys:
            _fill(found, f"{path}.{key}", before, after, key)


def _fill_list(found: set[str], key: str, before: dict[str, Any], after: dict[str, Any], keys: tuple[str, ...]) -> None:
    streamed = list_of(before, key)
    texts_: dict[str, str] = {}
    for number, part in enumerate(streamed):
        add_texts(texts_, f"{key}[{number}].", part, keys)
    if not any(texts_.values()):
        return
    if _empty(after.get(key)):
        after[key] = clean(streamed)
        found.update(path for path, text in texts_.items() if text)
    for number, (part, final) in enumerate(zip(streamed, list_of(after, key), strict=False)):
        _fill_members(found, f"{key}[{number}]", part, final, keys)


def _fill_commands(found: set[str], before: dict[str, Any], after: dict[str, Any]) -> None:
    streamed = list_of(before, "commands")
    texts_ = {number: command for number, command in enumerate(streamed) if type(command) is str and command}
    if texts_ and _empty(after.get("commands")):
        after["commands"] = clean(streamed)
        found.update(f"action.commands[{number}]" for number in texts_)
    final = list_of(after, "commands")
    for number, command in texts_.items():
        if number < len(final) and _empty(final[number]):
            final[number] = join_text([command])
            found.add(f"action.commands[{number}]")


def mismatch(item: Item, index: int, path: str, report: Report) -> None:
    """Reports that the texts at a path differ, once."""
    report_mismatch(item.mismatched, path, lambda path: report("text_mismatch", {"what": path, "output_index": index}))


def recovered(item: Item, index: int, path: str, report: Report) -> None:
    """Reports that an empty value did not replace the text at a path, once."""
    report_mismatch(item.recovered, path, lambda path: report("value_recovered", {"what": path, "output_index": index}))
