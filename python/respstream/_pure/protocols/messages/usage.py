"""The token counts of a message: the API does not send their sum."""

from __future__ import annotations

from respstream._pure.protocols.usage import count_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TOTAL = "total_tokens"
_PARTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
_NEEDED = ("input_tokens", "output_tokens")


def total_of(usage: Any) -> Any:
    """The sum of input, cache and output tokens; the value of a gateway that sends one; None if a count is missing or no integer."""
    given = count_of(usage, TOTAL)
    if given is not None or not hasattr(usage, "keys"):
        return given
    counts = [usage[name] for name in _PARTS if name in usage and (name in _NEEDED or usage[name] is not None)]
    if any(name not in usage for name in _NEEDED) or any(type(count) is not int for count in counts):
        return None
    return sum(counts)
