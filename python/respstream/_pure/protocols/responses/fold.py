"""One event applied to one response: the operations of the catalogue.

Rules 3 and 4 of the protocol: routing by indexes alone; `output_item.done` over `*_part.done` over `*.done` over the sum
of deltas; the terminal response is authoritative for the items it has.
"""

from __future__ import annotations

from collections.abc import Callable

from respstream._catalogue import Entry
from respstream._pure.events import Parsed
from respstream._pure.json import clean, clean_text, join_text, locate
from respstream._pure.response import Folded, Item
from respstream._pure.settle import Report, compare, mismatch, settle, string
from respstream._pure.tree import Place, Text, expand, find, grow, text_of, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

Touched: TypeAlias = "tuple[int, Any] | None"  # the index of the item that an event wrote to, and the id it gave


def apply(folded: Folded, parsed: Parsed, report: Report) -> None:
    """Folds an event of a known type into a response; `report(code, detail)` takes what is odd."""
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


def _continues(folded: Folded, parsed: Parsed, entry: Entry) -> bool:
    """Appends a delta that goes where the one before went: nearly all of a stream."""
    cursor, members = folded.cursor, parsed.members
    if cursor is None or cursor[0] is not entry or cursor[1] != parsed.indexes or cursor[2] != members.get("item_id"):
        return False
    value = members.get(entry.value)
    if not isinstance(value, str) or (entry.extend and members.get(entry.extend)):
        return False
    cursor[3].pieces.append(value)
    return True


def _member(parsed: Parsed, name: str) -> bytes:
    start, end = locate(parsed.raw)[name]
    return parsed.raw[start:end]


def _bad(report: Report, entry: Entry, expected: str) -> None:
    report("bad_field", {"field": entry.value, "expected": expected})


# -- lifecycle -----------------------------------------------------------------------------------------------------


def _response(folded: Folded, parsed: Parsed, entry: Entry, report: Report) -> None:
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
            folded.settled = True
            settle(folded, value, report)


# -- items and parts -----------------------------------------------------------------------------------------------


def _item(folded: Folded, parsed: Parsed, entry: Entry, report: Report) -> Touched:
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


def _target(folded: Folded, parsed: Parsed, kind: str) -> tuple[Item, int, Touched]:
    """The item that an event is about; where none was added, one is made of what the event tells."""
    assert parsed.indexes is not None
    index = parsed.indexes.get("output_index", folded.latest)
    item = folded.items.get(index)
    item_id = parsed.members.get("item_id")
    if item is None:
        known = {"id": clean_text(item_id)} if isinstance(item_id, str) else {}
        item = folded.add_item(index, Item(None, {**known, "type": kind}))
    folded.latest = index
    return item, index, (index, item_id)


def _part(folded: Folded, parsed: Parsed, entry: Entry, report: Report) -> Touched:
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
    place = find(item.grown(), entry.target, parsed.indexes, entry.part, append=not done)
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


def _text(folded: Folded, parsed: Parsed, entry: Entry, report: Report) -> Touched:
    value = parsed.members.get(entry.value)
    if not isinstance(value, str):
        _bad(report, entry, "a string")
        return None
    assert parsed.indexes is not None
    item, index, touched = _target(folded, parsed, entry.item)
    if item.final:
        return touched
    place = find(item.grown(), entry.target, parsed.indexes, entry.part, append=entry.phase == "added")
    if entry.phase == "delta":
        leaf = _append(item, index, place, parsed, report)
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


def _append(item: Item, index: int, place: Place, parsed: Parsed, report: Report) -> Text | None:
    """Appends a delta to the text at its place; gives that text, or None where a done event has settled it."""
    entry = parsed.entry
    assert entry is not None
    leaf = place.get()
    if place.final or (isinstance(leaf, Text) and leaf.final):
        if parsed.members[entry.value]:
            mismatch(item, index, place.path, report)
        return None
    leaf = grow(place, parsed.members[entry.value])
    _extend(place, parsed, entry)
    return leaf


def _extend(place: Place, parsed: Parsed, entry: Entry) -> None:
    """Log probabilities: those of deltas add up, those of a done event replace the sum."""
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


def _members(folded: Folded, parsed: Parsed, entry: Entry, report: Report) -> Touched:
    """Output of a shell command: an object of texts that grow; the done event has the whole as a list of one."""
    value: Any = parsed.members.get(entry.value)
    done = entry.phase == "done"
    if not isinstance(value, list if done else dict):
        _bad(report, entry, "a list" if done else "an object")
        return None
    assert parsed.indexes is not None
    item, index, touched = _target(folded, parsed, entry.item)
    if item.final:
        return touched
    place = find(item.grown(), entry.target, parsed.indexes, "")
    if done:
        if value and isinstance(value[0], dict):
            _put_members(item, index, place, expand(_member(parsed, entry.value))[0], report)
        return touched
    if place.parts is not None and place.key in place.parts.final:
        return touched
    place.enter("")
    for key, piece in dict(value).items():
        if isinstance(piece, str):
            place.key = clean_text(key)
            grow(place, piece)
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


def _put(folded: Folded, parsed: Parsed, entry: Entry, report: Report) -> Touched:
    """An annotation."""
    if parsed.members.get(entry.value) is None:
        return None
    assert parsed.indexes is not None
    item, _, touched = _target(folded, parsed, entry.item)
    if item.final:
        return touched
    place = find(item.grown(), entry.target, parsed.indexes, entry.part, append=True)
    if not place.final:
        place.put(expand(_member(parsed, entry.value)))
    return touched


def _status(folded: Folded, parsed: Parsed, entry: Entry, report: Report) -> Touched:
    item, _, touched = _target(folded, parsed, entry.item)
    if not item.final:
        item.grown()["status"] = entry.status
    return touched


# -- beside the output ---------------------------------------------------------------------------------------------


def _error(folded: Folded, parsed: Parsed, entry: Entry, report: Report) -> None:
    nested = parsed.members.get("error")
    if isinstance(nested, dict):
        folded.event_error = clean(nested)
    else:
        own = ("type", "sequence_number", "stream_id")
        folded.event_error = {key: value for key, value in clean(parsed.members).items() if key not in own}


def _side(folded: Folded, parsed: Parsed, entry: Entry, report: Report) -> None:
    value = parsed.members.get(entry.value)
    if not isinstance(value, str):
        _bad(report, entry, "a string")
        return
    name = ".".join(key for key, _ in entry.target)
    folded.side.setdefault(name, Text("")).pieces.append(value)


_OPERATIONS: dict[str, Callable[[Folded, Parsed, Entry, Report], Touched | None]] = {
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
