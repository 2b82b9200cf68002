"""The members of a chunk beside its choices, and the members of the completion that they make.

A list that a chunk repeats, as some servers do with their sources, does not extend the list before.
"""

from __future__ import annotations

from respstream._pure.assemble import SparseList
from respstream._pure.json import Number, clean_text
from respstream._pure.protocols.chat.catalogue import RULES
from respstream._pure.protocols.chat.merge import Context, merge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RULES = RULES["chunk"]
DROPPED = frozenset(name for name, rule in _RULES.items() if rule.op == "drop")
"""The members of a chunk that are not merged."""


def choices_of(members: dict[str, Any]) -> list[Any]:
    """The choices of a chunk; some servers send null instead of none."""
    choices = members.get("choices")
    return choices if type(choices) is list else []


def clean_names(value: Any) -> Any:
    """The value with the names of its members cleaned, at any depth."""
    if type(value) is dict:
        return {clean_text(name): clean_names(member) for name, member in value.items()}
    return [clean_names(element) for element in value] if type(value) is list else value


def envelope(members: dict[str, Any]) -> dict[str, Any]:
    """The members of a chunk that may change the completion, except for its choices."""
    return {name: value for name, value in members.items() if name not in DROPPED}


def is_plain(rest: dict[str, Any]) -> bool:
    """Whether a chunk that repeats these members changes nothing: they are strings and nulls, beside the time, an integer."""
    return all(
        value is None or type(value) is str or (name == "created" and type(value) is int)
        for name, value in rest.items()
    )


def merge_chunk(context: Context, target: dict[str, Any], exact: dict[str, Any]) -> None:
    """Merges the members of a chunk, numbers as text, into those of the completion."""
    rest = envelope(exact)
    for name, value in rest.items():
        if type(value) is list and name not in _RULES:
            before = target.get(name)
            if type(before) is list and restates(before, value):
                target[name] = before if len(before) > len(value) else value
                continue
        merge(context, target, {name: value}, "chunk")


def restates(before: list[Any], member: list[Any]) -> bool:
    """Whether a list begins with the elements of another: one of them is a part of the other."""
    return all(_same(one, other) for one, other in zip(before, member, strict=False))


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal as JSON, of which the first may be a tree."""
    if isinstance(one, SparseList):
        one = [one[index] for index in sorted(one)]
    if isinstance(one, Number) != isinstance(other, Number):
        return False
    if type(one) is dict and type(other) is dict:
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if type(one) is list and type(other) is list:
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) and type(one) is type(other)
