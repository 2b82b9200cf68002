"""Error bodies of an HTTP API.

`{"error": {"code": …, "message": …, "type": …, "param": …}}`, `{"error": "…"}`, `{"detail": …}` as FastAPI writes it, and
`{"object": "error", "message": …, "type": …}` as vLLM writes it.
"""

from __future__ import annotations

import re

from respstream._pure.json import BadJson, LimitExceeded, LineCheck, decode, join_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SAMPLE = 65536
"""The number of bytes of a text that are searched for an error body."""

KEYS = ("code", "message", "type", "param")
"""The members of an error."""

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
    """The error of an HTTP error body as a diagnostic's detail, or None if the value is not an error body."""
    error = error_object(value)
    if error is None:
        return None
    return {key: clip(error.get(key)) for key in KEYS}


def error_object(value: Any) -> dict[str, Any] | None:
    """The error of an HTTP error body as an object, or None if the value is not an error body.

    A member `detail` counts only if it is the only one: other JSON objects have a member of that name too.
    """
    if not isinstance(value, dict):
        return None
    error = error_member(value)
    if error is None and is_error_object(value):
        return {key: value[key] for key in KEYS if key in value}
    if error is None and len(value) == 1 and "detail" in value:
        return detail_error(value["detail"])
    return error


def is_error_object(value: dict[str, Any]) -> bool:
    """Whether an object is an error by its own member `object`."""
    return value.get("object") == "error" and isinstance(value.get("message"), str)


def detail_error(detail: Any) -> dict[str, Any] | None:
    """The error in a member `detail`: a text, an object, or the first one of a list; None for anything else."""
    if isinstance(detail, str):
        return {"message": detail}
    if isinstance(detail, list):
        message = detail[0].get("msg") if detail and isinstance(detail[0], dict) else None
        return {"message": message} if isinstance(message, str) else None
    if isinstance(detail, dict):
        return error_member(detail) or (detail if isinstance(detail.get("message"), str) else None)
    return None


def error_member(value: dict[str, Any]) -> dict[str, Any] | None:
    """The member `error` as an object, None if it is neither an object nor a text."""
    error = value.get("error")
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else None


def clip(value: Any) -> str | None:
    """At most 200 characters of a text for a diagnostic; integers of 64 bits as text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value in _INTEGERS else None
    return join_text([value])[:200] if isinstance(value, str) else None
