"""Rows that wrap streams: JSON objects with a stream, a piece of one, or an event in one of their fields.

docs/recordings.md tells which shapes are known. A row names a field, a time and a lane; the field's text goes through a
framer of its lane, and what comes out stands where the outer rows stand. A lane whose framer is between two blocks needs
no state, so memory is bounded by the blocks that are open.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator

from respstream._pure.frames import Done, Frame, Framer, Item, Note
from respstream._pure.packed import unpacked
from respstream._pure.pointer import pointer
from respstream._pure.shapes import Row, Shapes, begins, is_object
from respstream._pure.sink import BLANKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

_MARK = b"\xef\xbb\xbf"

# What is wrong with an object that is no row, where every line should be one.
NO_STREAM = ("bad_field", {"field": "the row", "expected": "one with a stream or an event in a field"})


if TYPE_CHECKING:

    class Place(NamedTuple):
        """Where a record stands in the source, and when it was written: seconds since the epoch, or None."""

        offset: int
        end: int
        line: int
        time: float | None = None
        began: float | None = None

    class Group(NamedTuple):
        """What one record gave: the items, their lane and time.

        `closes`: what has ended behind them: "" nothing, "whole" a response that this record held whole, "end" any of the lane.
        """

        lane: str | None
        place: Place
        items: list[Item]
        closes: str = ""

else:
    Place = namedtuple("Place", "offset end line time began", defaults=(None, None))
    Group = namedtuple("Group", "lane place items closes", defaults=("",))


class Inner:
    """The stream of one lane inside the records: its framer, and the records that the framer still holds bytes of."""

    __slots__ = ("fed", "framer", "lane", "packed", "place", "starts")

    def __init__(self, framer: Framer) -> None:
        self.framer = framer
        self.fed = 0
        self.starts: list[tuple[int, Place]] = []
        self.packed = False
        self.lane: str | None = None
        self.place = Place(0, 0, 1)


class Rows:
    """Reads the rows of one source. `field`, `time` and `lane` are JSON pointers or None; `only`: every line is a row."""

    def __init__(self, options: Any, *, only: bool, field: Any = None, time: Any = None, lane: Any = None) -> None:
        self.only = only
        self._options = options
        self._shapes = Shapes(pointer("field", field), pointer("time", time), pointer("lane", lane))
        self._begun: dict[str | None, float] = {}  # when the streams were asked for, until their first event comes
        self._idle: Inner | None = None
        self._busy: dict[str | None, Inner] = {}
        self._missing_told = False

    def find(self, raw: bytes) -> Row | None:
        """The row that a valid object is; None where it is none."""
        return self._shapes.find(raw)

    # -- records ---------------------------------------------------------------------------------------------------

    def take(self, row: Row, offset: int, end: int, line: int) -> Iterator[Group]:
        """What a row gives that stands there."""
        place = Place(offset, end, line, row.time)
        if row.issues:
            yield Group(row.lane, place, [Note(code, offset, end - offset, line, told) for code, told in row.issues])
        if row.begins and row.time is not None:
            self._begun[row.lane] = row.time
        for number, (kind, data, name) in enumerate(row.pieces):
            last = number == len(row.pieces) - 1
            yield from self.record(data, row.lane, place, kind=kind, name=name, last=last and not row.ends)
        if row.ends:
            yield from self._end(row.lane, place)

    def found(self, data: bytes, place: Place, *, ends: bool) -> Iterator[Group]:
        """What a record gives that was found outside of rows, and that has no lane."""
        yield from self.record(data, None, place, kind="bytes", last=False)
        if ends:
            yield from self._end(None, place)

    def record(
        self, data: bytes, lane: str | None, place: Place, *, kind: str = "text", name: bytes | None = None,
        last: bool = True,
    ) -> Iterator[Group]:  # fmt: skip
        """What a record gives that holds a piece of the stream of a lane, or the whole of one."""
        inner = self._busy.get(lane)
        if kind == "event":
            yield self._payload(data, name, lane, place, last=last and inner is None)
            return
        text, packed, fault = unpacked(data, kind, known=inner is not None and inner.packed)
        if fault is not None:
            note = Note(fault[0], place.offset, place.end - place.offset, place.line, {"reason": fault[1]})
            yield Group(lane, place, [note])
            return
        if inner is not None and inner.framer.mid_line and begins(text):
            yield self._finish(inner)
            inner = None
        if inner is None:
            text = text.removeprefix(_MARK)
            if is_object(text):
                yield self._payload(text, None, lane, place, last=last)
                return
            inner = self._open(lane)
        inner.packed = packed
        yield self._feed(inner, text, place, last=last)

    def _payload(self, data: bytes, name: bytes | None, lane: str | None, place: Place, *, last: bool) -> Group:
        item: Item = Done()
        if data.strip(BLANKS) != b"[DONE]":
            item = Frame(data, name, place.offset, place.end, place.line, "payload")
            place = place._replace(began=self._begun.pop(lane, None))
        return Group(lane, place, [item], "whole" if last else "")

    def _feed(self, inner: Inner, text: bytes, place: Place, *, last: bool) -> Group:
        inner.starts.append((inner.fed, place))
        inner.fed += len(text)
        inner.place = place
        items = [self._placed(item, inner) for item in inner.framer.feed(text)]
        if place.began is None and any(type(item) is Frame for item in items):
            place = place._replace(began=self._begun.pop(inner.lane, None))
        idle = inner.framer.idle
        if idle:
            self._rest(inner)
        return Group(inner.lane, place, items, "whole" if idle and last else "")

    def _end(self, lane: str | None, place: Place) -> Iterator[Group]:
        """The stream of a lane is over: what its framer holds comes out."""
        inner = self._busy.get(lane)
        if inner is not None:
            yield self._finish(inner)
        self._begun.pop(lane, None)
        yield Group(lane, place, [], "end")

    def finish(self) -> Iterator[Group]:
        """Ends the source: what the framers hold comes out, in the order in which they began to hold it."""
        for inner in list(self._busy.values()):
            yield self._finish(inner)

    def _finish(self, inner: Inner) -> Group:
        del self._busy[inner.lane]
        items = [self._placed(item, inner) for item in inner.framer.finish()]
        return Group(inner.lane, inner.place, items)

    def _open(self, lane: str | None) -> Inner:
        inner, self._idle = self._idle, None
        if inner is None:
            on_eof, limit = self._options
            inner = Inner(Framer("auto", on_eof, limit))
        inner.lane = lane
        self._busy[lane] = inner
        return inner

    def _rest(self, inner: Inner) -> None:
        """The framer holds nothing: another lane may use it."""
        del self._busy[inner.lane]
        inner.starts.clear()
        inner.packed = False
        self._idle = inner

    def _placed(self, item: Item, inner: Inner) -> Item:
        """The item, where its records stand: from the one of its first byte to the one that completed it."""
        if isinstance(item, Done):
            return item
        starts = inner.starts
        first = 0
        while first + 1 < len(starts) and starts[first + 1][0] <= item.offset:
            first += 1
        del starts[:first]
        begin = starts[0][1]
        item.offset, item.line = begin.offset, begin.line
        if isinstance(item, Note):
            item.length = inner.place.end - begin.offset
        else:
            item.end = inner.place.end
            if item.missing:
                item.missing = not self._missing_told
                self._missing_told = True
        return item
