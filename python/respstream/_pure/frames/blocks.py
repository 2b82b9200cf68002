"""SSE blocks: their fields, where one ends, and the frames that they make.

Follows the WHATWG algorithm with one exception: if the data is already a complete JSON object, a further data line ends the
block, as a blank line would. The check is incremental, so the cost of a block is linear in its bytes.
"""

from __future__ import annotations

from respstream._pure.frames.output import BLANKS, Done, Frame, FrameOutput, Skipped
from respstream._pure.json import LineCheck

FIELDS = frozenset((b"data", b"event", b"id", b"retry"))


def field(line: bytes) -> tuple[bytes, bytes]:
    """Name and value of a field line. The name of a comment is empty, and so is the value of a line without a colon."""
    name, _, value = line.partition(b":")
    return name, value[1:] if value.startswith(b" ") else value


class Block:
    """An open block.

    `start`, `line`: its first field line. `edge`: the end of its last data line. `after`: offset and number of the line
    after that one, if there is one.
    """

    __slots__ = ("after", "check", "data", "edge", "end", "line", "name", "name_after", "size", "start", "too_large")

    def __init__(self, start: int, line: int) -> None:
        self.start, self.line, self.end = start, line, start
        self.data: list[bytes] = []
        self.edge = start
        self.name: bytes | None = None
        self.name_after: bytes | None = None
        self.after: tuple[int, int] | None = None
        self.check: LineCheck | None = None
        self.size = 0
        self.too_large: Skipped | None = None

    def whole(self) -> bool:
        """Whether the data so far is a complete JSON object, or the end mark. Linear over all lines of the block."""
        if self.check is None:
            self.check = LineCheck()
            for piece in self.data:
                self.check.push(piece)
        return (self.check.state == "whole" and self.check.is_object) or self.data == [b"[DONE]"]


class Blocks:
    """Makes frames of fields and blank lines. `limit`: the maximum number of bytes of a name or of the data, or None."""

    def __init__(self, output: FrameOutput, limit: int | None, flush: bool) -> None:
        self.block: Block | None = None
        self._output = output
        self._limit = limit
        self._flush = flush
        self._missing_seen = False

    def take_field(self, name: bytes, value: bytes, start: int, end: int, line: int, dropped: Skipped | None) -> None:
        """Takes a field of the standard. `value` is only the beginning if `dropped` is set."""
        block = self.block
        if block is None:
            block = self.block = Block(start, line)
        if name == b"data":
            block = self._take_data(block, value, start, end, line, dropped)
        else:
            if block.after is None and (block.data or block.too_large):
                block.after = (start, line)
            if name == b"event":
                self._take_name(block, value, dropped)
        block.end = end

    def skip_line(self, block: Block, start: int, end: int, line: int) -> None:
        """Skips a comment or unknown field inside the open block."""
        block.end = end
        if block.after is None:
            block.after = (start, line)

    def blank(self) -> None:
        """Takes a blank line, which ends the block."""
        block, self.block = self.block, None
        if block is not None:
            self._dispatch(block, block.name if block.name_after is None else block.name_after, block.end)

    def finish(self) -> None:
        """Ends the source, and the open block by `flush`."""
        block, self.block = self.block, None
        if block is None:
            return
        if self._flush and (block.data or block.too_large is not None):
            name = block.name if block.name_after is None else block.name_after
            self._dispatch(block, name, block.end, unfinished=True)
        else:
            what = "was kept" if self._flush else "was discarded"
            self._output.note("unfinished_block", block.start, block.end, block.line, {"what": what})

    def _take_name(self, block: Block, value: bytes, dropped: Skipped | None) -> None:
        if dropped is not None or (self._limit is not None and len(value) > self._limit):
            block.too_large = block.too_large or Skipped()
        elif block.data or block.too_large:
            block.name_after = value
        else:
            block.name = value

    def _take_data(self, block: Block, value: bytes, start: int, end: int, line: int, dropped: Skipped | None) -> Block:
        further = bool(value.strip(BLANKS) if dropped is None else dropped.first)
        if further and (block.data or block.too_large is not None):
            skipped = block.too_large
            if (skipped is not None and skipped.whole()) or (block.data and block.whole()):
                block = self._split(block, start, line)
        size = end - start if dropped is not None else block.size + len(value)
        if block.too_large is not None or (self._limit is not None and size > self._limit):
            self._skip_data(block, value, dropped)
        else:
            if block.check is not None:
                block.check.push(value)
            block.data.append(value)
            block.size = size + 1
        block.after = None
        block.edge = end
        return block

    def _skip_data(self, block: Block, value: bytes, dropped: Skipped | None) -> None:
        if block.too_large is None:
            block.too_large = Skipped()
        for piece in block.data:
            block.too_large.add(piece)
        block.data, block.check = [], None
        for piece in (value,) if dropped is None else (dropped.first, dropped.last):
            block.too_large.add(piece)

    def _split(self, block: Block, start: int, line: int) -> Block:
        """Dispatches a block that has no blank line after it, and opens the next block at that line."""
        carried = block.name is not None or block.name_after is None
        name = block.name if carried else block.name_after
        opening = block.after if carried and block.after is not None else (start, line)
        self._dispatch(block, name, block.edge if carried else block.end, missing=True)
        following = Block(*opening)
        if carried:
            following.name = block.name_after
        self.block = following
        return following

    def _dispatch(
        self, block: Block, name: bytes | None, end: int, *, missing: bool = False, unfinished: bool = False
    ) -> None:
        if block.too_large is not None:
            self._output.note("event_too_large", block.start, end, block.line, {"limit": self._limit})
            return
        if not block.data:
            return
        data = block.data[0] if len(block.data) == 1 else b"\n".join(block.data)
        if data.strip(BLANKS) == b"[DONE]":
            self._output.items.append(Done())
            return
        frame = Frame(data, name or None, block.start, end, block.line, "payload")
        frame.unfinished = unfinished
        if missing and not self._missing_seen:
            self._missing_seen = frame.missing = True
        self._output.items.append(frame)
