"""Makes the public objects of the events that `respstream._pure` parsed."""

from __future__ import annotations

from respstream._pure.json import clean
from respstream.protocols.classes import classes_of
from respstream.protocols.event import UnknownEvent, build
from respstream.protocols.payload import wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream._pure.protocols.protocol import ParsedEvent
    from respstream.protocols.event import Event

_plans: dict[Any, tuple[Any, ...]] = {}
"""By the catalogue's entry of a type."""
_CONTAINERS = frozenset((dict, list))
_SCALARS = frozenset((str, int, float, bool, type(None)))


def make_event(parsed: ParsedEvent) -> Event:
    """The public object of an event: scalar members, and objects of a class of their own, are set now; the others are
    decoded when they are read.
    """
    raw, offset, lane, number, named = parsed.raw, parsed.offset, parsed.lane, parsed.sequence, parsed.named
    entry = parsed.entry
    if entry is None:
        facts = {"api": parsed.protocol.api, "type": parsed.type}
        return build(UnknownEvent, raw, offset, lane, number, named, facts)
    members, invalid_utf8 = parsed.members, parsed.invalid_utf8
    cls, eager, parts = _plans.get(entry) or _plan(parsed)
    event = build(cls, raw, offset, lane, number, named, None)
    for name in eager:
        if name in members:
            value = members[name]
            if type(value) in _SCALARS:
                setattr(event, name, clean(value) if invalid_utf8 else value)
    for member, part in parts:
        value = members.get(member)
        if type(value) in _CONTAINERS:
            setattr(event, member, wrap(clean(value) if invalid_utf8 else value, member, part))
    return event


def _plan(parsed: ParsedEvent) -> tuple[Any, ...]:
    """How the events of a type are made: the class, the members that are set now, and those with a class of their own."""
    cls = classes_of(parsed.protocol.api)[parsed.type]
    plan = _plans[parsed.entry] = cls, parsed.entry.eager, tuple(cls._parts.items())
    return plan
