"""The `repr` of JSON objects: the members that tell them apart, shortened."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Protocol

    class Members(Protocol):
        """A dict or a payload."""

        def __iter__(self) -> Iterator[str]:
            """The names."""
            ...

        def get(self, key: str, default: Any = None, /) -> Any:
            """A member."""
            ...


__all__ = ["described"]

FIRST = ("id", "model", "status", "role", "name", "call_id")
"""The members that are shown first; those of an object inside another one are shown alone, if it has some."""
MOST, MOST_INSIDE, CLIP = 8, 4, 48


def described(members: Members, member: str | None, *, inside: bool = False) -> str:
    """An object as `Usage(input_tokens=13, output_tokens=5)`: named by its type or by the member that it was found in.

    Texts and numbers are shown, other values as `{…}` and `[2]`. `inside`: within the `repr` of another object.
    """
    kind = members.get("type") or members.get("object") or member
    name = _class_name(kind) if isinstance(kind, str) else ""
    shown = {key: value for key in FIRST if (value := members.get(key)) is not None}
    if not (inside and shown):
        shown |= {key: value for key in members if (value := members.get(key)) is not None and value != kind}
    most = MOST_INSIDE if inside else MOST
    texts = [f"{key}={_short(value)}" for key, value in list(shown.items())[:most]]
    if len(shown) > most:
        texts.append("…")
    return f"{name or 'Payload'}({', '.join(texts)})"


def _class_name(kind: str) -> str:
    """`function_call` as `FunctionCall`; "" for what is no name."""
    words = kind.replace(".", "_").split("_")
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name if name.isidentifier() and len(name) <= CLIP else ""


def _short(value: Any) -> str:
    if isinstance(value, (str, int, float)):
        text = repr(value[: CLIP + 1] if isinstance(value, str) else value)
        return text if len(text) <= CLIP else text[: CLIP - 1] + "…"
    return f"[{len(value)}]" if isinstance(value, list) else "{…}"
