"""JSON pointers (RFC 6901) into the bytes of a valid text."""

from __future__ import annotations

from respstream._pure.json import elements, locate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Steps = tuple[str, ...]


def pointer(option: str, text: Any) -> Steps | None:
    """The steps of a JSON pointer (RFC 6901). Raises ValueError that names the option for an invalid one."""
    if text is None:
        return None
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise ValueError(f"{option} must be a JSON pointer such as /response/body, not {text!r}")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def resolve(raw: bytes, steps: Steps) -> tuple[int, int] | None:
    """The span of the value that the pointer refers to in a valid text; None if there is none."""
    start, end = 0, len(raw)
    for step in steps:
        inside = raw[start:end]
        if inside[:1] == b"{":
            span = locate(inside).get(step)
        elif inside[:1] == b"[" and step.isascii() and step.isdigit() and len(step) < 10:
            spans = elements(inside)
            span = spans[int(step)] if int(step) < len(spans) else None
        else:
            span = None
        if span is None:
            return None
        start, end = start + span[0], start + span[1]
    return start, end


def shown(steps: Steps) -> str:
    """The pointer as text, cut to 200 characters."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)[:200]
