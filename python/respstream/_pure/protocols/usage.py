"""The token counts of every API, by the names of the view: where each stands in the member `usage` of a response."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATHS: dict[str, tuple[tuple[str, ...], ...]] = {
    "input_tokens": (("input_tokens",), ("prompt_tokens",)),
    "output_tokens": (("output_tokens",), ("completion_tokens",)),
    "total_tokens": (("total_tokens",),),
    "cached_tokens": (
        ("cached_tokens",),
        ("input_tokens_details", "cached_tokens"),
        ("prompt_tokens_details", "cached_tokens"),
        ("prompt_cache_hit_tokens",),
        ("cache_read_input_tokens",),
    ),
    "reasoning_tokens": (
        ("reasoning_tokens",),
        ("output_tokens_details", "reasoning_tokens"),
        ("completion_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "thinking_tokens"),
    ),
}
"""The paths of each count; the first one that exists is used. Below a member that is no object there is no count."""


def count_of(usage: Any, name: str) -> Any:
    """The value of a count in a usage object, a dict or a Payload; None if there is none of that name."""
    if not hasattr(usage, "keys"):
        return None
    for path in PATHS.get(name, ()):
        value = usage
        for key in path:
            if not hasattr(value, "keys"):
                return None
            if key not in value:
                break
            value = value[key]
        else:
            return value
    return None
