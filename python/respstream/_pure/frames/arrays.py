"""The elements of a top-level JSON array of objects, found while the array arrives.

Only brackets are matched here; each element is checked as an event later. A line break inside a string, which JSON does
not allow, ends the array, so that a truncated array does not swallow the rest of the input. The rest of an array that is
invalid between two elements is left to the framer as text.
"""

from __future__ import annotations

import re

_SPACE = re.compile(rb"[ \t\r\n]*")
_BARE_SPACE = re.compile(rb"[ \t]*")
_BRACKET = re.compile(rb'["{}\[\]]')
_QUOTE = re.compile(rb'["\\\r\n]')
_LINE = 64  # a bracket followed by white space of more than twice the limit and this many bytes is a line of text

Element = tuple[bytes | None, int, int, int]  # data (None: too large), offset, end, line


class Array:
    """An open array. `state`: "first" | "value" | "comma" | "element" | "ended" | "rejected"."""

    def __init__(self, start: int, line: int, limit: int | None) -> None:
        self.start, self.line = start, line
        self.edge = start, line  # the end of the last element: offset, line
        self.state = "first"
        self.inline = True  # the last byte taken was not a line break
        self.accepted = False  # it is an array of objects, not a line of text like "[INFO] ready"
        self.head = bytearray()  # the bytes that came before it was accepted
        self.torn: tuple[int, int, int] | None = None  # offset, end and line of a truncated element
        self.element_start, self.element_line = 0, 0
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self._depth = 0
        self._in_string = self._escaped = self._torn = False
        self._after_cr = False
        self._elements: list[Element] = []

    def take(self) -> list[Element]:
        """Returns the elements completed since the last call."""
        elements, self._elements = self._elements, []
        return elements

    def feed(self, chunk: bytes, position: int, offset: int) -> int:
        """Takes the bytes from `position` on, which is at `offset` of the source; returns the position after the array's bytes."""
        shift = offset - position
        while position < len(chunk) and self.state not in ("ended", "rejected"):
            if not self.accepted:
                position = self._decide(chunk, position)
            elif self.state == "element":
                position = self._element(chunk, position, shift)
            else:
                position = self._between(chunk, position, shift)
        return position

    def _decide(self, chunk: bytes, position: int) -> int:
        """Decides from the bytes after the bracket whether this is an array of objects."""
        begin = position
        if not self.head:
            position += 1
        found = _BARE_SPACE.match(chunk, position)
        position = found.end() if found else position
        self.head += chunk[begin:position]
        if self._limit is not None and len(self.head) > 2 * self._limit + _LINE:
            self.state = "rejected"
        elif position < len(chunk):
            self.accepted = chunk[position] in b"{]\r\n"
            if not self.accepted:
                self.state = "rejected"
        return position

    def _between(self, chunk: bytes, position: int, shift: int) -> int:
        found = _SPACE.match(chunk, position)
        stop = found.end() if found else position
        self._count(chunk[position:stop])
        if stop > position:
            self.inline = chunk[stop - 1] not in b"\r\n"
        if stop == len(chunk):
            return stop
        byte = chunk[stop]
        if byte == 123 and self.state in ("first", "value"):
            self.state = "element"
            self.inline = True
            self.element_start, self.element_line = stop + shift, self.line
            return stop
        if byte == 44 and self.state == "comma":
            self.state = "value"
        elif byte == 93 and self.state in ("first", "comma"):
            self.state = "ended"
        else:
            self.state = "ended"
            return stop
        self._after_cr, self.inline = False, True
        return stop + 1

    def _element(self, chunk: bytes, position: int, shift: int) -> int:
        """Continues to the end of the open element, or of the chunk."""
        stop = self._match(chunk, position)
        piece = chunk[position:stop]
        self._count(piece)
        self._size += len(piece)
        if self._limit is None or self._size <= self._limit:
            self._pieces.append(piece)
        else:
            self._pieces = []
        if self._torn:
            self.torn = (self.element_start, stop + shift, self.element_line)
            self.state = "ended"
        elif self._depth == 0:
            too_large = self._limit is not None and self._size > self._limit
            data = None if too_large else b"".join(self._pieces)
            self._elements.append((data, self.element_start, stop + shift, self.element_line))
            self.edge = stop + shift, self.line
            self._pieces, self._size, self.state = [], 0, "comma"
        return stop

    def _match(self, chunk: bytes, position: int) -> int:
        """The position after the bracket that closes the element, or of a line break inside a string, or the chunk's end."""
        while position < len(chunk):
            if self._escaped:
                self._escaped = False
                position += chunk[position] not in b"\r\n"
            found = (_QUOTE if self._in_string else _BRACKET).search(chunk, position)
            if found is None:
                return len(chunk)
            position = found.end()
            byte = chunk[found.start()]
            if byte == 92:
                self._escaped = True
            elif byte in b"\r\n":
                self._torn = True
                return position - 1
            elif byte == 34:
                self._in_string = not self._in_string
            else:
                self._depth += 1 if byte in b"{[" else -1
                if self._depth == 0:
                    return position
        return position

    def _count(self, piece: bytes) -> None:
        """Counts the line breaks of the bytes taken."""
        if piece:
            self.line += piece.count(b"\n") + piece.count(b"\r") - piece.count(b"\r\n")
            self.line -= self._after_cr and piece[0] == 10
            self._after_cr = piece[-1] == 13
