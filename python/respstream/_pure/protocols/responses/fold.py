"""Applies one event to one response: the operations of the catalogue.

Events are routed by their indexes alone. `output_item.done` takes precedence over `*_part.done`, that over `*.done`, and
that over the sum of the deltas. The terminal response is authoritative for the items that it has.
"""

from __future__ import annotations

from collections.abc import Callable

from respstream._pure.assemble import Place, Text, append, expand, find, text_at, text_of
from respstream._pure.json import clean, clean_text, join_text, locate
from respstream._pure.protocols.protocol import ParsedEvent, Report
from respstream._pure.protocols.responses.catalogue import Entry
from respstream._pure.protocols.responses.reconcile import compare, mismatch, reconcile, string, texts
from respstream._pure.protocols.responses.response import Folded, Item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

Touched: TypeAlias = (
    "tuple[int, Any] | None"  # the index of the item that an event changed, and the item id of the event
)


def apply(folded: Folded, parsed: ParsedEvent, report: Report) -> None:
    """Applies an event to a response; `report(code, detail)` takes diagnostics. An unknown event has no effect."""
    entry = parsed.entry
    if entry is None or parsed.indexes is None or _continues(folded, parsed, entry):
        return
    folded.cursor = None
    folded.changes += entry.op in ("response", "item") or (entry.op == "text" and entry.phase == "done")
    operation = _OPERATIONS.get(entry.op)
    touched = operation(folded, parsed, entry, report) if operation is not None else None
    if touched is not None:
        index, item_id = touched
        _check_id(folded.items[index], index, item_id, report)


def _continues(folded: Folded, parsed: ParsedEvent, entry: Entry) -> bool:
    """Appends a delta with the same target as the previous one, as nearly all of a stream; returns False for others."""
    cursor, members = folded.cursor, parsed.members
    if cursor is None or cursor[0] is not entry or cursor[1] != parsed.indexes or cursor[2] != members.get("item_id"):
        return False
    value = members.get(entry.value)
    if not isinstance(value, str) or (entry.extend and members.get(entry.extend)):
        return False
    append(cursor[3], value)
    return True


def _member(parsed: ParsedEvent, name: str) -> bytes:
    start, end = locate(parsed.raw)[name]
    return parsed.raw[start:end]


def _bad(report: Report, entry: Entry, expected: str) -> None:
    report("bad_field", {"field": entry.value, "expected": expected})


# -- lifecycle -----------------------------------------------------------------------------------------------------


def _response(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> None:
    value = parsed.members.get(entry.value)
    terminal = entry.phase == "terminal"
    if isinstance(value, dict):
        before = folded.id
        folded.set_base(value, parsed.raw)
        if before is not None and folded.id is not None and before != folded.id and not folded.id_changed:
            folded.id_changed = True
            report("response_id_changed", {"previous": before[:200], "got": folded.id[:200]})
    else:
        _bad(report, entry, "an object")
    if terminal:
        folded.terminal = parsed.type
        folded.ended = True
        if isinstance(value, dict):
            folded.has_final = True
            reconcile(folded, value, report)


# -- items and parts -----------------------------------------------------------------------------------------------


def _item(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> Touched:
    value = parsed.members.get(entry.value)
    if not isinstance(value, dict):
        _bad(report, entry, "an object")
        return None
    assert parsed.indexes is not None
    done = entry.phase == "done"
    index = parsed.indexes.get("output_index")
    if index is None:
        index = folded.latest if done else folded.top + 1
    item = folded.items.get(index)
    raw = _member(parsed, entry.value)
    if item is None:
        item = folded.add_item(index, Item(raw, None))
    elif done:
        compare(item, index, texts(item.value()), texts(value), report)
    item.put(raw, final=done)
    folded.latest = index
    return index, value.get("id")


def _check_id(item: Item, index: int, got: Any, report: Report) -> None:
    if not isinstance(got, str):
        return
    got = clean_text(got)
    if item.id is None:
        item.id = got
    elif item.id != got and not item.id_changed:
        item.id_changed = True
        report("item_id_changed", {"output_index": index, "previous": item.id[:200], "got": got[:200]})


def _target(folded: Folded, parsed: ParsedEvent, kind: str) -> tuple[Item, int, Touched]:
    """The item of an event; a missing one is created from the event."""
    assert parsed.indexes is not None
    index = parsed.indexes.get("output_index", folded.latest)
    item = folded.items.get(index)
    item_id = parsed.members.get("item_id")
    if item is None:
        known = {"id": clean_text(item_id)} if isinstance(item_id, str) else {}
        item = folded.add_item(index, Item(None, {**known, "type": kind}))
    folded.latest = index
    return item, index, (index, item_id)


def _place(item: Item, entry: Entry, indexes: dict[str, int], *, append: bool) -> Place:
    part = {"type": entry.part} if entry.part else {}
    return find(item.grown(), entry.target, indexes, part, append=append)


def _part(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> Touched:
    value = parsed.members.get(entry.value)
    if not isinstance(value, dict):
        _bad(report, entry, "an object")
        return None
    assert parsed.indexes is not None
    kind = "reasoning" if value.get("type") == "reasoning_text" else entry.item
    item, index, touched = _target(folded, parsed, kind)
    done = entry.phase == "done"
    if item.final:
        return touched
    place = _place(item, entry, parsed.indexes, append=not done)
    old = place.get()
    if done and isinstance(old, dict):
        for key in ("text", "refusal"):
            before = text_of(old.get(key))
            if before and before != string(value, key):
                mismatch(item, index, f"{place.path}.{key}", report)
    place.put(expand(_member(parsed, entry.value)))
    assert place.parts is not None
    (place.parts.final.add if done else place.parts.final.discard)(place.key)
    return touched


# -- values --------------------------------------------------------------------------------------------------------


def _text(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> Touched:
    value = parsed.members.get(entry.value)
    if not isinstance(value, str):
        _bad(report, entry, "a string")
        return None
    assert parsed.indexes is not None
    item, index, touched = _target(folded, parsed, entry.item)
    if item.final:
        return touched
    place = _place(item, entry, parsed.indexes, append=entry.phase == "added")
    if entry.phase == "delta":
        leaf = _append_delta(item, index, place, parsed, report)
        if leaf is not None and item.id == parsed.members.get("item_id"):
            folded.cursor = (entry, parsed.indexes, item.id, leaf)
        return touched
    if entry.phase == "done":
        before = place.text()
        if before and before != join_text([value]):
            mismatch(item, index, place.path, report)
        if place.final:
            return touched
    place.put(Text(value, final=entry.phase == "done"))
    _extend(place, parsed, entry)
    return touched


def _append_delta(item: Item, index: int, place: Place, parsed: ParsedEvent, report: Report) -> Text | None:
    """Appends a delta to the text at its place; returns the text, or None if the text is already complete."""
    entry = parsed.entry
    assert entry is not None
    leaf = place.get()
    if place.final or (isinstance(leaf, Text) and leaf.final):
        if parsed.members[entry.value]:
            mismatch(item, index, place.path, report)
        return None
    leaf = text_at(place)
    append(leaf, parsed.members[entry.value])
    _extend(place, parsed, entry)
    return leaf


def _extend(place: Place, parsed: ParsedEvent, entry: Entry) -> None:
    """Log probabilities: those of deltas are concatenated, those of a done event replace them."""
    if not entry.extend or not isinstance(parsed.members.get(entry.extend), list):
        return
    if entry.phase == "delta":
        if not parsed.members[entry.extend]:
            return
        before = place.container.get(entry.extend)
        more = expand(_member(parsed, entry.extend))
        if isinstance(before, list):
            before += more
        else:
            place.container[entry.extend] = more
    else:
        place.container[entry.extend] = expand(_member(parsed, entry.extend))


def _members(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> Touched:
    """Output of a shell command: an object of growing texts; the done event has the complete object in a list of one."""
    value: Any = parsed.members.get(entry.value)
    done = entry.phase == "done"
    if not isinstance(value, list if done else dict):
        _bad(report, entry, "a list" if done else "an object")
        return None
    assert parsed.indexes is not None
    item, index, touched = _target(folded, parsed, entry.item)
    if item.final:
        return touched
    place = find(item.grown(), entry.target, parsed.indexes, {})
    if done:
        if value and isinstance(value[0], dict):
            _put_members(item, index, place, expand(_member(parsed, entry.value))[0], report)
        return touched
    if place.parts is not None and place.key in place.parts.final:
        return touched
    place.enter({})
    for key, delta in dict(value).items():
        if isinstance(delta, str):
            place.key = clean_text(key)
            append(text_at(place), delta)
    return touched


def _put_members(item: Item, index: int, place: Place, value: dict[str, Any], report: Report) -> None:
    old = place.get()
    for key in ("stdout", "stderr"):
        before = text_of(old.get(key)) if isinstance(old, dict) else ""
        if before and before != string(value, key):
            mismatch(item, index, f"{place.path}.{key}", report)
    place.put(value)
    if place.parts is not None:
        place.parts.final.add(place.key)


def _put(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> Touched:
    """Adds an annotation."""
    if parsed.members.get(entry.value) is None:
        return None
    assert parsed.indexes is not None
    item, _, touched = _target(folded, parsed, entry.item)
    if item.final:
        return touched
    place = _place(item, entry, parsed.indexes, append=True)
    if not place.final:
        place.put(expand(_member(parsed, entry.value)))
    return touched


def _status(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> Touched:
    item, _, touched = _target(folded, parsed, entry.item)
    if not item.final:
        item.grown()["status"] = entry.status
    return touched


# -- outside the output --------------------------------------------------------------------------------------------


def _error(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> None:
    nested = parsed.members.get("error")
    if isinstance(nested, dict):
        folded.event_error = clean(nested)
    else:
        own = ("type", "sequence_number", "stream_id")
        flat = {key: value for key, value in clean(parsed.members).items() if key not in own}
        if not isinstance(flat.get("message"), str):
            text = next((key for key in ("error", "detail") if isinstance(flat.get(key), str)), None)
            if text is not None:
                flat["message"] = flat.pop(text)
        folded.event_error = flat


def _side(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> None:
    value = parsed.members.get(entry.value)
    if not isinstance(value, str):
        _bad(report, entry, "a string")
        return
    name = ".".join(key for key, _ in entry.target)
    append(folded.side.setdefault(name, Text("")), value)


_OPERATIONS: dict[str, Callable[[Folded, ParsedEvent, Entry, Report], Touched | None]] = {
    "response": _response,
    "item": _item,
    "part": _part,
    "text": _text,
    "members": _members,
    "put": _put,
    "status": _status,
    "error": _error,
    "side": _side,
}
