"""Applies one event to one response: the operations of the catalogue.

Events are routed by their indexes, and by ids where an index is missing or several items have it. `output_item.done`
takes precedence over `*_part.done`, that over `*.done`, and
that over the sum of the deltas. The terminal response is authoritative for the items that it has.
"""

from __future__ import annotations

from collections.abc import Callable

from respstream._pure.assemble import Place, Text, append, differing, expand, find, is_filled, text_at, text_of
from respstream._pure.diagnostics import error_member
from respstream._pure.json import clean, clean_text, join_text, locate, parse_exact
from respstream._pure.protocols.protocol import ParsedEvent, Report
from respstream._pure.protocols.responses.catalogue import Entry
from respstream._pure.protocols.responses.flat import event_error, flat_response, is_response
from respstream._pure.protocols.responses.identities import index_of
from respstream._pure.protocols.responses.item import Identity, Item
from respstream._pure.protocols.responses.reconcile import loose, merged, mismatch, reconcile, recovered
from respstream._pure.protocols.responses.response import Folded
from respstream._pure.protocols.responses.texts import string, texts
from respstream._pure.protocols.responses.tool_calls import KINDS, json_text, raw_argument_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

Touched: TypeAlias = "tuple[int, Any] | None"  # the key of the item that an event changed, and the item id of the event


def apply(folded: Folded, parsed: ParsedEvent, report: Report) -> None:
    """Applies an event to a response; `report(code, detail)` takes diagnostics. An unknown event has no effect."""
    entry = parsed.entry
    if entry is None or parsed.indexes is None:
        return
    for field in parsed.loose:
        loose(folded, field, report, "a string of digits", "a number")
    if _continues(folded, parsed, entry):
        return
    folded.cursor = None
    folded.changes += entry.op in ("response", "item") or (entry.op == "text" and entry.phase == "done")
    operation = _OPERATIONS.get(entry.op)
    touched = operation(folded, parsed, entry, report) if operation is not None else None
    if touched is not None:
        key, item_id = touched
        _check_id(folded, key, item_id, report)


def _continues(folded: Folded, parsed: ParsedEvent, entry: Entry) -> bool:
    """Appends a delta with the same target as the previous one, as nearly all of a stream; returns False for others."""
    cursor, members = folded.cursor, parsed.members
    if cursor is None or cursor[0] is not entry or cursor[1] != parsed.indexes or cursor[2] != members.get("item_id"):
        return False
    value = members.get(entry.value)
    if not isinstance(value, str) or (entry.extend and members.get(entry.extend)):
        return False
    if cursor[2] is None and "call_id" in members:
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
    value, raw = parsed.members.get(entry.value), parsed.raw
    terminal = entry.phase == "terminal"
    whole = value is None and is_response(parsed.members)
    if whole:
        value, raw = flat_response(parsed)
        loose(folded, entry.value, report, "not nested", "the event itself")
    if isinstance(value, dict):
        before = folded.id
        folded.set_base(value, raw, whole=whole)
        if before is not None and folded.id is not None and before != folded.id and not folded.id_changed:
            folded.id_changed = True
            report("response_id_changed", {"previous": before[:200], "got": folded.id[:200]})
    else:
        _bad(report, entry, "an object")
        error = error_member(parsed.members)
        if error is not None:
            folded.event_error = clean(error)
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
    done = entry.phase == "done"
    raw = _member(parsed, entry.value)
    identity = Identity(string(value, "type"), string(value, "call_id"), string(value, "id"))
    assert parsed.indexes is not None
    key = folded.identities.of_item_event(parsed.indexes.get("output_index"), identity, done, report)
    item = folded.items.get(key)
    if item is None:
        item = folded.items[key] = Item(raw, None)
        tree = None
    elif item.recoveries < RECOVERIES:
        tree = _replace(item, key, value, raw, item.final and not done, report)
    else:
        item.final, item.placeholder = done, False
        folded.identities.add(key, identity, item.id)
        return key, value.get("id")
    if type(raw_argument_of(value)) is dict:
        tree = _with_json_text(expand(raw) if tree is None else tree, KINDS[value["type"]])
        loose(folded, KINDS[value["type"]], report)
    item.put(raw, tree, final=done)
    item.kind, item.call_id = identity.type, identity.call_id
    folded.identities.add(key, identity, item.id)
    return key, value.get("id")


RECOVERIES = 16
"""How often a whole item may lack texts that were streamed. After that it is kept, so that short events cannot copy a long text
any number of times.
"""


def _with_json_text(tree: dict[str, Any], field: str) -> dict[str, Any]:
    """The tree of an item; an object as its arguments is replaced by its JSON text."""
    if type(tree[field]) is dict:
        tree[field] = json_text(tree[field])
    return tree


def _replace(
    item: Item, key: int, value: dict[str, Any], raw: bytes, anew: bool, report: Report
) -> dict[str, Any] | None:
    """Compares an item with the value that replaces it. An item that begins `anew` after its end keeps nothing."""
    if not anew:
        return merged(item, index_of(key), value, raw, None, report)
    for path in differing(texts(item.value()), texts(value)):
        mismatch(item, index_of(key), path, report)
    return None


def _check_id(folded: Folded, key: int, got: Any, report: Report) -> None:
    if not isinstance(got, str):
        return
    got, item = clean_text(got), folded.items[key]
    if item.id is None:
        item.id = got
        folded.identities.add_id(key, got)
    elif item.id != got and not item.id_changed:
        item.id_changed = True
        report("item_id_changed", {"output_index": index_of(key), "previous": item.id[:200], "got": got[:200]})


def _target(
    folded: Folded, parsed: ParsedEvent, kind: str, report: Report, *, grows: bool = False
) -> tuple[Item, int, Touched]:
    """The item of an event; a missing one is created from the event. Text of an event that `grows` a finished item is reported."""
    assert parsed.indexes is not None
    index, got = parsed.indexes.get("output_index"), parsed.members.get("item_id")
    item_id = clean_text(got) if isinstance(got, str) else None
    call_id = string(parsed.members, "call_id")
    key = folded.identities.of_event(index, kind, item_id, call_id, grows, report)
    item = folded.items.get(key)
    if item is None:
        known = {} if item_id is None else {"id": item_id}
        item = folded.items[key] = Item(None, {**known, "type": kind})
        item.kind = kind
        folded.identities.add_placeholder(key, kind)
    folded.identities.latest = key
    if grows and item.final and not item.late:
        item.late = True
        report("late_delta", {"output_index": index_of(key)})
    return item, index_of(key), (key, got)


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
    item, index, touched = _target(folded, parsed, kind, report)
    done = entry.phase == "done"
    if item.final:
        return touched
    place = _place(item, entry, parsed.indexes, append=not done)
    place.put(_replaced_part(item, index, place, expand(_member(parsed, entry.value)), ("text", "refusal"), report))
    assert place.parts is not None
    (place.parts.final.add if done else place.parts.final.discard)(place.key)
    return touched


def _replaced_part(
    item: Item, index: int, place: Place, value: dict[str, Any], keys: tuple[str, ...], report: Report
) -> dict[str, Any]:
    """The value that replaces a part: streamed texts replace empty ones, those that differ are reported."""
    old = place.get()
    if not isinstance(old, dict):
        return value
    for key in keys:
        before = text_of(old.get(key))
        if not before or before == string(value, key):
            continue
        if value.get(key) in (None, "") and text_of(old.get("type")) == (string(value, "type") or ""):
            value[key] = before
            recovered(item, index, f"{place.path}.{key}", report)
        else:
            mismatch(item, index, f"{place.path}.{key}", report)
    return value


# -- values --------------------------------------------------------------------------------------------------------


def _text(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> Touched:
    value = _text_value(folded, parsed, entry, report)
    if value is None:
        return None
    assert parsed.indexes is not None
    grows = entry.phase == "delta" and value != ""
    item, index, touched = _target(folded, parsed, entry.item, report, grows=grows)
    if item.final:
        return touched
    place = _place(item, entry, parsed.indexes, append=entry.phase == "added")
    if entry.phase == "delta":
        leaf = _append_delta(item, index, place, parsed, value, report)
        if leaf is not None and item.id == parsed.members.get("item_id") and "call_id" not in parsed.members:
            folded.cursor = (entry, parsed.indexes, item.id, leaf)
        return touched
    text = Text(value)
    if not value and is_filled(place.get()):
        text = text_at(place)
        recovered(item, index, place.path, report)
    elif (before := place.text()) and before != join_text([value]):
        mismatch(item, index, place.path, report)
    done = entry.phase == "done"
    if not (done and place.final):
        text.final = done
        place.put(text)
        _extend(place, parsed, entry)
    return touched


def _text_value(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> str | None:
    """The text in an event; also that in an object, or the object as JSON text. Anything else is reported."""
    value = parsed.members.get(entry.value)
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        if type(value.get("text")) is str and entry.value == "delta":
            loose(folded, entry.value, report, "an object", "its text")
            text: str = value["text"]
            return text
        if entry.item in KINDS:
            loose(folded, entry.value, report)
            return json_text(parse_exact(_member(parsed, entry.value)))
    _bad(report, entry, "a string")
    return None


def _append_delta(item: Item, index: int, place: Place, parsed: ParsedEvent, value: str, report: Report) -> Text | None:
    """Appends a delta to the text at its place; returns the text, or None if the text is already complete."""
    entry = parsed.entry
    assert entry is not None
    leaf = place.get()
    if place.final or (isinstance(leaf, Text) and leaf.final):
        if value:
            mismatch(item, index, place.path, report)
        return None
    leaf = text_at(place)
    append(leaf, value)
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
    grows = isinstance(value, dict) and any(isinstance(delta, str) and delta for delta in value.values())
    item, index, touched = _target(folded, parsed, entry.item, report, grows=grows)
    if item.final:
        return touched
    place = find(item.grown(), entry.target, parsed.indexes, {})
    if done:
        if value and isinstance(value[0], dict):
            _put_members(item, index, place, expand(_member(parsed, entry.value))[0], report)
        return touched
    if place.parts is not None and place.key in place.parts.final:
        if grows:
            mismatch(item, index, place.path, report)
        return touched
    place.enter({})
    for key, delta in dict(value).items():
        if isinstance(delta, str):
            place.key = clean_text(key)
            append(text_at(place), delta)
    return touched


def _put_members(item: Item, index: int, place: Place, value: dict[str, Any], report: Report) -> None:
    place.put(_replaced_part(item, index, place, value, ("stdout", "stderr"), report))
    if place.parts is not None:
        place.parts.final.add(place.key)


def _put(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> Touched:
    """Adds an annotation."""
    if parsed.members.get(entry.value) is None:
        return None
    assert parsed.indexes is not None
    item, _, touched = _target(folded, parsed, entry.item, report)
    if item.final:
        return touched
    place = _place(item, entry, parsed.indexes, append=True)
    if not place.final:
        place.put(expand(_member(parsed, entry.value)))
    return touched


def _status(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> Touched:
    item, _, touched = _target(folded, parsed, entry.item, report)
    if not item.final:
        item.grown()["status"] = entry.status
    return touched


# -- outside the output --------------------------------------------------------------------------------------------


def _error(folded: Folded, parsed: ParsedEvent, entry: Entry, report: Report) -> None:
    folded.event_error = clean(event_error(parsed.members))


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
