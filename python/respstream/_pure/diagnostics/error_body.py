"""Error bodies of an HTTP API: `{"error": {"code": …, "message": …, "type": …, "param": …}}`."""

from __future__ import annotations

import re

from respstream._pure.json import BadJson, LimitExceeded, LineCheck, decode, join_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SAMPLE = 65536
"""The number of bytes of a text that are searched for an error body."""

_BLANKS = b" \t\r\n"
_LINE_BREAK = re.compile(rb"[\r\n]")
_INTEGERS = range(-(2**63), 2**63)


def error_body(text: bytes) -> dict[str, Any] | None:
    """The code, message, type and param of an HTTP error body, or None if `text` is not one.

    Missing braces at the end are added.
    """
    text = text[:SAMPLE].strip(_BLANKS)
    if not text.startswith(b"{"):
        return None
    check = LineCheck()
    for line in _LINE_BREAK.split(text):
        check.push(line)
    try:
        value, _ = decode(text + check.closers() if check.state == "open" else text)
    except (BadJson, LimitExceeded):
        return None
    return error_detail(value)


def error_detail(value: Any) -> dict[str, Any] | None:
    """The `error` member of an HTTP error body as a diagnostic's detail, or None if it has none."""
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return None
    return {key: clip(error.get(key)) for key in ("code", "message", "type", "param")}


def clip(value: Any) -> str | None:
    """At most 200 characters of a text for a diagnostic; integers of 64 bits as text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value in _INTEGERS else None
    return join_text([value])[:200] if isinstance(value, str) else None
