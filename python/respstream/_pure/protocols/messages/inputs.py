"""The input of a tool: the value of its streamed JSON text."""

from __future__ import annotations

from respstream._nesting import is_deep
from respstream._pure.json import BadJson, LimitExceeded, clean, dumps, parse_exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_AROUND = b"[[["  # the message, its content and the block, which nest the input deeper


def parse_input(text: str) -> tuple[bool, Any]:
    """Whether a text is JSON, and its value with numbers as text. The whole message has to be within the limits of nesting."""
    raw = text.encode("utf-8", "surrogatepass")
    if is_deep(_AROUND + raw):
        return False, None
    try:
        return True, parse_exact(raw)
    except (BadJson, LimitExceeded):
        return False, None


def json_text(value: Any) -> str:
    """The JSON text of a value without white space; numbers keep their text."""
    return dumps(clean(value))
