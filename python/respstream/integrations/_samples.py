"""Payloads of a type, made up from the SDK's own annotations: what a plan is proved on before it builds anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from respstream.integrations._shapes import literals, members

__all__ = ["samples"]

_SCALARS: dict[Any, Any] = {str: "é\n", int: 7, float: 1.5, bool: True}
_DEPTH = 7


def samples(cls: type[Any]) -> Iterator[dict[str, Any]]:
    """Payloads of the event class: full, scant, with members that nobody declared, and with wrong ones.

    Not all of them validate; each is one that a server might send.
    """
    full, scant = _model(cls, _DEPTH, 0), _model(cls, _DEPTH, 0, scant=True)
    kind = {"type": full["type"]} if "type" in full else {}
    yield full
    yield scant
    yield _model(cls, _DEPTH, 1)
    yield {**scant, "obfuscation": "x", "more": {"a": [1, None, {"b": 2.5}]}, "$": None}
    yield kind
    yield {**dict.fromkeys(full), **kind}
    yield {**{key: value for key, value in full.items() if key != "sequence_number"}, "later": 1}
    yield {**{key: {"odd": [value]} for key, value in full.items()}, **kind}


def _model(cls: type[Any], depth: int, turn: int, *, scant: bool = False) -> dict[str, Any]:
    """A payload of a model; `turn` chooses among the members of unions."""
    return {
        field.alias or name: _value(field.annotation, depth - 1, turn)
        for name, field in cls.model_fields.items()
        if field.is_required() or not (scant or depth <= 0)
    }


def _value(annotation: Any, depth: int, turn: int) -> Any:
    parts = [part for part in members(annotation) if part is not type(None)]
    part = parts[turn % len(parts)] if parts else None
    if isinstance(part, type) and hasattr(part, "model_fields"):
        return _model(part, depth, turn)
    words, arguments = literals(part), get_args(part)
    if words is not None:
        return words[turn % len(words)]
    if get_origin(part) is list and arguments:
        return [] if depth <= 0 else [_value(arguments[0], depth - 1, turn + at) for at in range(2)]
    if get_origin(part) is dict and arguments:
        return {"a": _value(arguments[1], depth - 1, turn)}
    return _SCALARS.get(part, "text")
