"""Bytes to frames: SSE blocks with data, JSON lines, JSON texts over several lines, elements of a top-level array.

The framer cuts the input into lines and arrays; `blocks`, `unframed` and `arrays` make frames of them, as docs/semantics.md
defines ("Frames"). At most one unfinished line, one unfinished block and one unfinished JSON text are kept; `limit` bounds
each of them. `feed` returns frames and notes (diagnostics without an event) in the order of the input, the same ones
however the input is cut.
"""

from __future__ import annotations

import re

from respstream._pure.frames.arrays import Array
from respstream._pure.frames.blocks import FIELDS, Block, Blocks, field
from respstream._pure.frames.output import Frame, FrameOutput, Item, Skipped
from respstream._pure.frames.unframed import Unframed
from respstream._pure.frames.whole_block import whole_blocks
from respstream._pure.sse.lines import BOM

_BREAK = re.compile(rb"\r\n?|\n")
_START = 64  # bytes that are kept of a dropped line, enough for the name of its field


class Framer:
    """Incremental framing of one source.

    `form`: "auto", "sse" or "jsonl". `on_eof`: "flush" or "discard". `limit`: the maximum number of bytes of a payload, or
    None.
    """

    def __init__(self, form: str = "auto", on_eof: str = "flush", limit: int | None = None) -> None:
        self._sse = form != "jsonl"
        self._json = form != "sse"
        self._flush = on_eof == "flush"
        self._limit = limit
        self._output = FrameOutput()
        self._blocks = Blocks(self._output, limit, self._flush)
        self._unframed = Unframed(self._output, limit, sse=self._sse, json=self._json)
        self._array: Array | None = None
        self._rest = False  # the next bytes are the rest of a line that began with an array, so they have no fields
        self._head: bytes | None = b""  # the first bytes, which may be a byte order mark; None once that is decided
        self._offset = 0  # of the first byte after the last complete line
        self._line = 1
        self._pieces: list[bytes] = []  # the unfinished line
        self._pending = 0  # its bytes, kept or not
        self._kept = 0
        self._dropped: Skipped | None = None  # the unfinished line is too long to keep
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[Item]:
        """Takes the next bytes; returns the frames and notes that they complete."""
        if self._head is not None:
            chunk = self._without_bom(chunk)
        position = 0
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == 10:
                position = 1
                self._offset += 1
        self._take_lines(chunk, position)
        return self._output.take()

    def message(self, data: bytes) -> list[Item]:
        """Takes a message of its own: a payload without framing, or the text of a stream, in any format.

        It is read as if a line break surrounded it, which counts as one byte after it. What is open before it, or at its end,
        ends there.
        """
        sse_only = not self._json
        self._json = self._unframed.json = True
        items = [] if self.idle and not self._rest else self._end_line()
        items += self.feed(data)
        items += self._end_line()
        if sse_only:
            self._json = self._unframed.json = False
        return items

    def _end_line(self) -> list[Item]:
        """Ends the line, and the block, array or text that is open behind it."""
        items = self.feed(b"\n")  # which also decides whether a bracket begins an array
        if self._array is not None:
            self._finish_array(self._array)
        self._blocks.blank()
        self._unframed.close()
        return items + self._output.take()

    @property
    def offset(self) -> int:
        """The number of bytes in complete lines."""
        return self._offset

    @property
    def mid_line(self) -> bool:
        """Whether a line has begun and not ended."""
        return self._pending > 0

    @property
    def idle(self) -> bool:
        """Whether no line, block, array or text is open. Earlier bytes can still change the next frames on the line of an array."""
        nothing = not self._head and not self._pending and not self._after_cr
        return nothing and self._array is None and self._blocks.block is None and self._unframed.idle

    def begin_line(self) -> None:
        """Begins a line, if the framer is idle: an array may have ended without a line break."""
        self._rest = False

    def finish(self) -> list[Item]:
        """Ends the source; returns the items that were still open, by `on_eof`."""
        if self._head:
            head, self._head = self._head, None
            self._take_lines(head, 0)
        if self._array is not None:
            self._finish_array(self._array)
        if self._pending:
            self._finish_line()
        self._unframed.close()  # before the block, which the last line may have begun
        self._blocks.finish()
        return self._output.take()

    def _finish_line(self) -> None:
        """Ends a line that has no line break: its block is unfinished, and is dropped under "discard"."""
        end = self._offset + self._pending
        block = self._blocks.block
        if self._flush or (block is None and not self._begins_block(b"".join(self._pieces))):
            self._take_line(b"", end)
            return
        if block is None:
            block = self._blocks.block = Block(self._offset, self._line)
        block.end = end

    def _begins_block(self, line: bytes) -> bool:
        return self._sse and not self._rest and field(line)[0] in FIELDS

    def _without_bom(self, chunk: bytes) -> bytes:
        """Removes a leading byte order mark, which may be split over chunks."""
        head = (self._head or b"") + chunk
        if len(head) < len(BOM) and BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        if head.startswith(BOM):
            self._offset = len(BOM)
            return head[len(BOM) :]
        return head

    # -- lines ---------------------------------------------------------------------------------------------------

    def _take_blocks(self, chunk: bytes, position: int) -> int:
        """Takes the complete blocks at `position`; returns where the next line begins."""
        if not self._sse or self._pending or self._blocks.block is not None or self._array is not None or self._rest:
            return position
        start = self._offset - position  # of the chunk
        frames, stop, self._line = whole_blocks(chunk, position, start, self._line, self._limit)
        if frames:
            self._unframed.close()
            self._output.items += frames
        self._offset = start + stop
        return stop

    def _take_lines(self, chunk: bytes, position: int) -> None:
        carriage = b"\r" in chunk
        size = len(chunk)
        while position < size:
            if not carriage:
                position = self._take_blocks(chunk, position)
                if position == size:
                    break
            if self._array is not None or (chunk[position] == 91 and self._begins_array()):
                position = self._feed_array(chunk, position)
                continue
            stop = chunk.find(b"\n", position)
            after = stop + 1
            if carriage:
                found = _BREAK.search(chunk, position)
                stop, after = found.span() if found else (-1, 0)
            if stop < 0:
                self._hold(chunk[position:])
                return
            self._after_cr = after == size and chunk[-1] == 13
            end = self._offset + self._pending + stop - position
            self._take_line(chunk[position:stop], end)
            self._line += 1
            self._offset = end + after - stop
            position = after

    def _hold(self, piece: bytes) -> None:
        """Keeps the start of an unfinished line, as much as the limit needs."""
        self._pending += len(piece)
        if self._dropped is not None:
            self._dropped.add(piece)
            return
        self._pieces.append(piece)
        self._kept += len(piece)
        # Twice the limit bounds memory; whether the payload is too large is decided at the end of the line.
        if self._limit is not None and self._kept > 2 * self._limit + _START:
            line = b"".join(self._pieces)
            self._pieces = [line[:_START]]
            self._dropped = Skipped()
            self._dropped.add(field(line)[1] if self._begins_block(line) else line)

    def _take_line(self, rest: bytes, end: int) -> None:
        if not self._pending:
            self._on_line(rest, end - len(rest), end, None)
            return
        dropped, start = self._dropped, end - len(rest) - self._pending
        if dropped is not None:
            dropped.add(rest)
            line = self._pieces[0]
        else:
            self._pieces.append(rest)
            line = b"".join(self._pieces)
        self._pieces, self._pending, self._kept, self._dropped = [], 0, 0, None
        self._on_line(line, start, end, dropped)

    def _on_line(self, line: bytes, start: int, end: int, dropped: Skipped | None) -> None:
        """Takes one line without its break. `line` is only the beginning if `dropped` is set."""
        blocks = self._blocks
        rest, self._rest = self._rest, False
        if not line:
            blocks.blank()
            return
        if self._sse and not rest:
            name, value = field(line)
            if name in FIELDS:
                self._unframed.close()
                blocks.take_field(name, value, start, end, self._line, dropped)
                return
            if blocks.block is not None:
                blocks.skip_line(blocks.block, start, end, self._line)
                return
            if not name:
                self._unframed.close()
                return
        self._unframed.take(line, start, end, self._line, dropped)

    # -- arrays --------------------------------------------------------------------------------------------------

    def _begins_array(self) -> bool:
        """Whether a bracket may begin a top-level array: only at the start of a line outside blocks."""
        if self._pending or self._blocks.block is not None or self._unframed.text is not None or not self._json:
            return False
        self._array = Array(self._offset, self._line, self._limit)
        return True

    def _feed_array(self, chunk: bytes, position: int) -> int:
        """Feeds the open array; returns the position of the first byte after it."""
        array = self._array
        assert array is not None
        stop = array.feed(chunk, position, self._offset)
        if array.state == "rejected":  # a line of text that begins with a bracket
            self._back_to_line(array)
            return stop
        if array.accepted:
            self._unframed.close()
        self._take_elements(array)
        self._offset += stop - position
        self._line = array.line
        if array.state == "ended":
            self._array, self._rest = None, array.inline
        return stop

    def _back_to_line(self, array: Array) -> None:
        self._array = None
        self._offset = array.start
        self._hold(bytes(array.head))

    def _take_elements(self, array: Array) -> None:
        for data, start, end, line in array.take():
            if data is not None:
                self._output.items.append(Frame(data, None, start, end, line, "array element"))
            else:
                self._output.note("event_too_large", start, end, line, {"limit": self._limit})
        if array.torn is not None:
            self._output.note("bad_json", *array.torn, {"what": "array element"})

    def _finish_array(self, array: Array) -> None:
        if not array.accepted:
            self._back_to_line(array)
        elif array.state == "element":
            what = {"what": "array element"}
            self._output.note("bad_json", array.element_start, self._offset, array.element_line, what)
        else:
            start, line = array.edge
            self._output.note("unfinished_block", start, self._offset, line, {"what": "was kept"})
        self._array = None
