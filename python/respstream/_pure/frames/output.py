"""What the framing room gives out: frames, notes and the end mark, in the order of the input."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias


BLANKS = b" \t\r\n"


class Frame:
    """One payload: its bytes, the `event:` name if any, and where it stands (`offset` to `end`, 1-based `line`)."""

    __slots__ = ("data", "decoded", "end", "line", "missing", "name", "offset", "unfinished", "what")

    def __init__(self, data: bytes, name: bytes | None, offset: int, end: int, line: int, what: str) -> None:
        self.data, self.name, self.offset, self.end, self.line, self.what = data, name, offset, end, line, what
        self.missing = self.unfinished = False
        self.decoded: tuple[Any, bool] | None = None


class Note:
    """A diagnostic that belongs to a span of the source and to no event."""

    __slots__ = ("code", "detail", "length", "line", "offset")

    def __init__(self, code: str, offset: int, length: int, line: int, detail: dict[str, Any] | None) -> None:
        self.code, self.offset, self.length, self.line, self.detail = code, offset, length, line, detail


class Done:
    """The literal `[DONE]`: the stream ends here, whatever follows."""

    __slots__ = ()


Item: TypeAlias = Frame | Note | Done


class Sink:
    """Collects what the bytes of one call complete."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[Item] = []

    def note(self, code: str, start: int, end: int, line: int, detail: dict[str, Any] | None) -> None:
        """Adds a note on the bytes from `start` to `end`."""
        self.items.append(Note(code, start, end - start, line, detail))

    def take(self) -> list[Item]:
        """What was collected since the last call."""
        items, self.items = self.items, []
        return items


class Skipped:
    """What is remembered of data that was too large to keep: its first and its last byte that is no white space."""

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first = self.last = b""

    def add(self, piece: bytes) -> None:
        """Takes the next piece of the data."""
        text = piece.strip(BLANKS)
        if text:
            self.first = self.first or text[:1]
            self.last = text[-1:]

    def whole(self) -> bool:
        """Whether the data looks like a JSON object from outside."""
        return self.first == b"{" and self.last == b"}"
