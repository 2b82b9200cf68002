"""Text of JSON strings: decoding a quoted string, and repairing surrogates."""

from __future__ import annotations

from json.decoder import scanstring  # type: ignore[attr-defined]

from respstream._pure.json.types import Number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def unquote(quoted: bytes) -> str:
    """The text of a JSON string in quotes; invalid UTF-8 reads as U+FFFD, lone surrogates stay."""
    text: str = scanstring(quoted.decode(errors="replace"), 1, False)[0]
    return text


def clean_text(text: str) -> str:
    """Merges surrogate pairs; replaces each lone surrogate by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def join_text(texts: list[str]) -> str:
    """Joins texts; a surrogate pair split over two texts becomes its character, a lone surrogate U+FFFD."""
    return clean_text("".join(texts))


class SplitPairs:
    """Joins the surrogate pairs that consecutive texts share."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def next(self, text: str) -> str:
        """The text without its last character if that may be the first half of a pair, and with the one kept before."""
        if not self._half and text.isascii():
            return text
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] < "\udc00" else ""
        return clean_text(text[:-1] if self._half else text)

    def rest(self) -> str:
        """The character that was kept, which has no second half."""
        half, self._half = self._half, ""
        return clean_text(half)


def text_member(value: Any, key: str) -> str | None:
    """The text of a member, None if it is missing or not a text."""
    member = value.get(key) if isinstance(value, dict) else None
    return join_text([member]) if isinstance(member, str) and not isinstance(member, Number) else None


def clean(value: Any) -> Any:
    """The value with `clean_text` applied to its strings and keys, at any depth; itself if there is nothing to do."""
    containers = [value]
    for container in containers:  # grows: parents come before their children
        if isinstance(container, dict | list):
            children = container.values() if isinstance(container, dict) else container
            containers.extend(child for child in children if isinstance(child, dict | list))
    cleaned: dict[int, Any] = {}

    def swap(child: Any) -> Any:
        return clean_text(child) if isinstance(child, str) else cleaned.get(id(child), child)

    for container in reversed(containers):
        new = swap(container)
        if isinstance(container, dict):
            new = {clean_text(key): swap(child) for key, child in container.items()}
            same = all(a is b for a, b in zip(new, container, strict=False))
            same = same and all(a is b for a, b in zip(new.values(), container.values(), strict=False))
            new = container if same and len(new) == len(container) else new
        elif isinstance(container, list):
            new = [swap(child) for child in container]
            new = container if all(a is b for a, b in zip(new, container, strict=True)) else new
        cleaned[id(container)] = new
    return cleaned[id(value)]
