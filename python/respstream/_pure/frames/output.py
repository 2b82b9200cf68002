"""The output of framing: frames, notes and the end mark, in the order of the input."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias


BLANKS = b" \t\r\n"


class Frame:
    """One payload: its bytes, the name of its `event:` line if any, and its span (`offset` to `end`, 1-based `line`).

    `kind` is the word that messages use: "payload", "line" or "array element". `decoded` is the result of `json.decode`, if
    framing has already decoded the payload. `single`: it is alone in a line, an array element or a row, where events of several
    responses may interleave; not in a stream of server-sent events.
    """

    __slots__ = ("data", "decoded", "end", "kind", "line", "missing", "name", "offset", "single", "unfinished")

    def __init__(self, data: bytes, name: bytes | None, offset: int, end: int, line: int, kind: str) -> None:
        self.data, self.name, self.offset, self.end, self.line, self.kind = data, name, offset, end, line, kind
        self.missing = self.unfinished = False
        self.single = kind != "payload"
        self.decoded: tuple[Any, bool] | None = None


class Note:
    """A diagnostic about a span of the source that is not part of an event."""

    __slots__ = ("code", "detail", "length", "line", "offset")

    def __init__(self, code: str, offset: int, length: int, line: int, detail: dict[str, Any] | None) -> None:
        self.code, self.offset, self.length, self.line, self.detail = code, offset, length, line, detail


class Done:
    """The literal `[DONE]`: the end of the stream."""

    __slots__ = ()


Item: TypeAlias = Frame | Note | Done


class FrameOutput:
    """Collects the items that the bytes of one call complete."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[Item] = []

    def note(self, code: str, start: int, end: int, line: int, detail: dict[str, Any] | None) -> None:
        """Adds a note on the bytes from `start` to `end`."""
        self.items.append(Note(code, start, end - start, line, detail))

    def take(self) -> list[Item]:
        """Returns the items collected since the last call."""
        items, self.items = self.items, []
        return items


class Skipped:
    """Data that is too large to keep: only its first and last byte other than white space are stored."""

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first = self.last = b""

    def add(self, piece: bytes) -> None:
        """Takes the next bytes of the data."""
        text = piece.strip(BLANKS)
        if text:
            self.first = self.first or text[:1]
            self.last = text[-1:]

    def whole(self) -> bool:
        """Whether the data begins and ends like a JSON object."""
        return self.first == b"{" and self.last == b"}"
