"""Writes canonical JSON."""

from __future__ import annotations

from collections.abc import Iterator
from json.encoder import encode_basestring

from respstream._pure.json.types import Number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final


def dumps(value: Any) -> str:
    """Canonical JSON of a tree that `parse_exact` made: no white space, only needed escapes, numbers verbatim."""
    out: list[str] = []
    work: list[Any] = [_write(value, out)]
    while work:
        child = next(work[-1], _END)
        if child is _END:
            work.pop()
        else:
            work.append(_write(child, out))
    return "".join(out)


_END = object()
_CONSTANTS: Final = {None: "null", True: "true", False: "false"}


def _write(value: Any, out: list[str]) -> Iterator[Any]:
    """Writes a value, and yields each value inside it, which the caller writes at that point."""
    if isinstance(value, dict):
        comma = "{"
        for key, child in value.items():
            out.append(f"{comma}{encode_basestring(key)}:")
            yield child
            comma = ","
        out.append("}" if value else "{}")
    elif isinstance(value, list):
        comma = "["
        for child in value:
            out.append(comma)
            yield child
            comma = ","
        out.append("]" if value else "[]")
    elif isinstance(value, Number):
        out.append(value)
    elif isinstance(value, str):
        out.append(encode_basestring(value))
    else:
        out.append(_CONSTANTS[value] if value is None or isinstance(value, bool) else str(value))
