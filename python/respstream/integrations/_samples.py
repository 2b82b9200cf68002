"""Payloads of a type, made up from the SDK's own annotations: what a plan is proved on before it builds anything."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any, get_args, get_origin

from respstream.integrations._shapes import literals, members

__all__ = ["samples"]

_SCALARS: dict[Any, Any] = {str: "é\n", int: 7, float: 1.5, bool: True}
_DEPTH = 7
_NONE: Any = object()
"""No value."""


def samples(cls: type[Any], without: Set[Any] = frozenset()) -> Iterator[dict[str, Any]]:
    """Payloads of the event class: full, scant, with members that nobody declared, and with wrong ones. They have no values of the
    annotations in `without`.

    Not all of them validate; each is one that a server might send.
    """
    maker = _Maker(without)
    full, scant = maker.model(cls, _DEPTH, 0), maker.model(cls, _DEPTH, 0, scant=True)
    if full is _NONE or scant is _NONE:
        return
    kind = {"type": full["type"]} if "type" in full else {}
    yield full
    yield scant
    yield maker.model(cls, _DEPTH, 1)
    yield {**scant, "obfuscation": "x", "more": {"a": [1, None, {"b": 2.5}]}, "$": None}
    yield kind
    yield {**dict.fromkeys(full), **kind}
    yield {**{key: value for key, value in full.items() if key != "sequence_number"}, "later": 1}
    yield {**{key: {"odd": [value]} for key, value in full.items()}, **kind}


class _Maker:
    def __init__(self, without: Set[Any]) -> None:
        self._without = without

    def model(self, cls: type[Any], depth: int, turn: int, *, scant: bool = False) -> Any:
        """A payload of a model; `turn` chooses among the members of unions."""
        made = {}
        for name, field in cls.model_fields.items():
            if field.is_required() or not (scant or depth <= 0):
                value = self._value(field.annotation, depth - 1, turn)
                if value is not _NONE:
                    made[field.alias or name] = value
                elif field.is_required():
                    return _NONE
        return made

    def _value(self, annotation: Any, depth: int, turn: int) -> Any:
        if self._without and annotation in self._without:
            return _NONE
        parts = [part for part in members(annotation) if part is not type(None)]
        # Where there is none of a member of a union, one of the next member.
        values = (self._part(parts[(turn + at) % len(parts)], depth, turn) for at in range(len(parts)))
        return next((value for value in values if value is not _NONE), _NONE) if parts else "text"

    def _part(self, part: Any, depth: int, turn: int) -> Any:
        if self._without and part in self._without:
            return _NONE
        if isinstance(part, type) and hasattr(part, "model_fields"):
            return self.model(part, depth, turn)
        words, arguments = literals(part), get_args(part)
        if words is not None:
            return words[turn % len(words)]
        if get_origin(part) is list and arguments:
            values = [self._value(arguments[0], depth - 1, turn + at) for at in range(2)] if depth > 0 else []
            return [value for value in values if value is not _NONE]
        if get_origin(part) is dict and arguments:
            value = self._value(arguments[1], depth - 1, turn)
            return {} if value is _NONE else {"a": value}
        return _SCALARS.get(part, "text")
