"""Rows that wrap streams: JSON objects with a stream, a part of one, or an event in one of their fields.

docs/recordings.md lists the known formats. A row has a stream field, a time and a lane. The text of the field goes through
a framer of its lane; the resulting frames have the offsets of the rows. A lane whose framer is between two blocks needs no
state, so memory is bounded by the open blocks.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Iterator

from respstream._pure.frames import BLANKS, Done, Frame, Framer, Item, Note
from respstream._pure.records.detect import Row, RowDetector, StreamSignature, begins, is_line, is_object
from respstream._pure.records.encoding import decoded
from respstream._pure.records.pointer import pointer
from respstream._pure.sse.lines import BOM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

_NAME = re.compile(rb"[a-z0-9_.]*")
# The diagnostic of an object that is not a row, if every line should be one.
NO_STREAM = ("bad_field", {"field": "the row", "expected": "an object with a stream or an event in a field"})


if TYPE_CHECKING:

    class Place(NamedTuple):
        """The span of a record in the source, its time, and when its stream was requested (`started`).

        Times are seconds since the epoch, or None.
        """

        offset: int
        end: int
        line: int
        time: float | None = None
        started: float | None = None

    class Group(NamedTuple):
        """The items of one record, with their lane and position.

        `closes`: which response ends after them: "" none, "whole" one that is complete in this record, "end" any of the lane.
        """

        lane: str | None
        place: Place
        items: list[Item]
        closes: str = ""

else:
    Place = namedtuple("Place", "offset end line time started", defaults=(None, None))
    Group = namedtuple("Group", "lane place items closes", defaults=("",))


class LaneStream:
    """The stream of one lane inside records: its framer, and the records of the bytes that the framer has not used up."""

    __slots__ = ("fed", "first", "framer", "is_base64", "lane", "lines", "place", "starts")

    def __init__(self, framer: Framer) -> None:
        self.framer = framer
        self.fed = 0
        self.starts: list[tuple[int, Place]] = []
        self.is_base64 = False
        self.lines = 0  # rows that contain one line each, without its end: 1 if the first row may be one, 2 if all are
        self.first = b""  # the first bytes of the first row
        self.lane: str | None = None
        self.place = Place(0, 0, 1)


class Rows:
    """Reads the rows of one source.

    `options`: `on_eof` and the limit of the framers. `only`: every line is a row. `field`, `time`, `lane`: JSON pointers
    (RFC 6901) or None. Raises ValueError for an invalid pointer.
    """

    def __init__(
        self, signature: StreamSignature, options: Any, *, only: bool, field: Any = None, time: Any = None,
        lane: Any = None,
    ) -> None:  # fmt: skip
        self.only = only
        self._options = options
        self._signature = signature
        self._detector = RowDetector(signature, pointer("field", field), pointer("time", time), pointer("lane", lane))
        self._started: dict[str | None, float] = {}  # when a stream was requested, until its first event
        self._idle: LaneStream | None = None
        self._busy: dict[str | None, LaneStream] = {}
        self._missing_reported = False
        self._one_line_each = False  # the rows of this source contain one line each

    def find(self, raw: bytes) -> Row | None:
        """The row in a valid object; None if it contains no stream."""
        return self._detector.find(raw)

    # -- records ---------------------------------------------------------------------------------------------------

    def take(self, row: Row, offset: int, end: int, line: int) -> Iterator[Group]:
        """The items of a row at that position."""
        place = Place(offset, end, line, row.time)
        if row.issues:
            yield Group(
                row.lane, place, [Note(code, offset, end - offset, line, detail) for code, detail in row.issues]
            )
        if row.begins and row.time is not None:
            self._started[row.lane] = row.time
        for number, (kind, data, name) in enumerate(row.parts):
            last = number == len(row.parts) - 1
            yield from self.record(data, row.lane, place, kind=kind, name=name, last=last and not row.ends)
        if row.ends:
            yield from self._end(row.lane, place)

    def single(self, data: bytes, place: Place, *, ends: bool) -> Iterator[Group]:
        """The items of a record that is not in a row and has no lane."""
        yield from self.record(data, None, place, kind="bytes", last=False)
        if ends:
            yield from self._end(None, place)

    def record(
        self, data: bytes, lane: str | None, place: Place, *, kind: str = "text", name: bytes | None = None,
        last: bool = True,
    ) -> Iterator[Group]:  # fmt: skip
        """The items of a record that contains a part of the stream of a lane, or the whole stream."""
        stream = self._busy.get(lane)
        if kind == "event":
            yield self._payload(data, name, lane, place, last=last and stream is None)
            return
        text, is_base64, fault = decoded(data, kind, continues=stream is not None and stream.is_base64)
        if fault is not None:
            note = Note(fault[0], place.offset, place.end - place.offset, place.line, {"reason": fault[1]})
            yield Group(lane, place, [note])
            return
        if stream is not None and stream.lines:
            text = self._as_line(stream, text)
        if stream is not None and self._restarts(stream, text):
            yield self._finish(stream)
            stream = None
        if stream is None:
            text = text.removeprefix(BOM)
            if is_object(text):
                yield self._payload(text, None, lane, place, last=last)
                return
            stream = self._open(lane)
            if kind == "text":
                text = self._first_text(stream, text)
        stream.is_base64 = is_base64
        yield self._feed(stream, text, place, last=last)

    def _restarts(self, stream: LaneStream, text: bytes) -> bool:
        """Whether a row begins a stream, although a line of the stream before it is open."""
        if stream.lines or not stream.framer.mid_line or text.startswith((b"\n", b"\r")):
            return False
        return begins(text, self._signature)

    def _first_text(self, stream: LaneStream, text: bytes) -> bytes:
        """The text of the first row of a stream."""
        if self._one_line_each and not _has_line_end(text):
            stream.lines = 2
            return text + b"\n"
        stream.lines = int(is_line(text, whole=True))
        stream.first = text[:5]
        return text

    def _as_line(self, stream: LaneStream, text: bytes) -> bytes:
        """The text of a row with the line end that it lacks, if each row of the stream contains one line."""
        first = stream.lines == 1
        if _has_line_end(text) or (first and text and not _is_next_line(stream, text)):
            stream.lines = 0
            return text
        stream.lines = 2
        self._one_line_each = True
        return b"\n" * first + text + b"\n"

    def _payload(self, data: bytes, name: bytes | None, lane: str | None, place: Place, *, last: bool) -> Group:
        item: Item = Done()
        if data.strip(BLANKS) != b"[DONE]":
            item = Frame(data, name, place.offset, place.end, place.line, "payload")
            item.single = True
            place = place._replace(started=self._started.pop(lane, None))
        return Group(lane, place, [item], "whole" if last else "")

    def _feed(self, stream: LaneStream, text: bytes, place: Place, *, last: bool) -> Group:
        stream.starts.append((stream.fed, place))
        stream.fed += len(text)
        stream.place = place
        items = [self._placed(item, stream) for item in stream.framer.feed(text)]
        if place.started is None and any(type(item) is Frame for item in items):
            place = place._replace(started=self._started.pop(stream.lane, None))
        idle = stream.framer.idle
        if idle:
            self._release(stream)
        return Group(stream.lane, place, items, "whole" if idle and last else "")

    def _end(self, lane: str | None, place: Place) -> Iterator[Group]:
        """Ends the stream of a lane; yields the items that its framer still has."""
        stream = self._busy.get(lane)
        if stream is not None:
            yield self._finish(stream)
        self._started.pop(lane, None)
        yield Group(lane, place, [], "end")

    def finish(self) -> Iterator[Group]:
        """Ends the source; yields the items that the framers still have, in the order of their first bytes."""
        for stream in list(self._busy.values()):
            yield self._finish(stream)

    def _finish(self, stream: LaneStream) -> Group:
        del self._busy[stream.lane]
        items = [self._placed(item, stream) for item in stream.framer.finish()]
        return Group(stream.lane, stream.place, items)

    def _open(self, lane: str | None) -> LaneStream:
        stream, self._idle = self._idle, None
        if stream is None:
            on_eof, limit = self._options
            stream = LaneStream(Framer("auto", on_eof, limit))
        stream.lane = lane
        self._busy[lane] = stream
        return stream

    def _release(self, stream: LaneStream) -> None:
        """Releases an idle framer for use by another lane."""
        del self._busy[stream.lane]
        stream.starts.clear()
        stream.is_base64 = False
        stream.lines = 0
        stream.framer.begin_line()
        self._idle = stream

    def _placed(self, item: Item, stream: LaneStream) -> Item:
        """The item with the span of its records: from the record of its first byte to the one that completed it."""
        if isinstance(item, Done):
            return item
        starts = stream.starts
        first = 0
        while first + 1 < len(starts) and starts[first + 1][0] <= item.offset:
            first += 1
        del starts[:first]
        begin = starts[0][1]
        item.offset, item.line = begin.offset, begin.line
        if isinstance(item, Note):
            item.length = stream.place.end - begin.offset
        else:
            item.end = stream.place.end
            if item.missing:
                item.missing = not self._missing_reported
                self._missing_reported = True
        return item


def _has_line_end(text: bytes) -> bool:
    return b"\n" in text or b"\r" in text


def _is_next_line(stream: LaneStream, text: bytes) -> bool:
    """Whether the text of the second row is a line, not the rest of the first one: nothing follows whole data."""
    if stream.first == b"data:" or is_line(text, whole=True):
        return True
    return stream.first == b"event" and not _NAME.fullmatch(text)
