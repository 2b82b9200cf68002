//! Rows that wrap streams: JSON objects with a stream, a piece of one, or an event in one of their fields.
//!
//! `docs/recordings.md` tells which shapes are known. A row names a field, a time and a lane; the field's text goes through
//! a framer of its lane, and what comes out stands where the outer rows stand. A lane whose framer is between two blocks
//! needs no state, so memory is bounded by the blocks that are open.

use std::collections::HashMap;

use crate::catalogue::Code;
use crate::diagnostics::{Issue, Note, Seen};
use crate::frames::{Frame, Framer, Options, Sink, What};
use crate::json::{self, Fault, Member, Scan};
use crate::lines::BOM;
use crate::packed::{self, FAULT, unpacked};
use crate::pointer::Steps;
use crate::shapes::{self, Kind, Row};
use crate::sink::trim;

/// Where a record stands in the source, and when it was written: seconds since the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    pub offset: u64,
    pub end: u64,
    pub line: u64,
    pub time: Option<f64>,
    pub began: Option<f64>,
}

/// What has ended behind a record: a response that it held whole, or any of its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closes {
    Whole,
    Any,
}

/// Takes what records give, in their lanes and at their times.
pub trait Taker: Sink {
    /// What follows belongs to this record.
    fn enter(&mut self, lane: Option<&str>, place: &Place);
    fn close(&mut self, lane: Option<&str>, place: &Place, closes: Closes);
}

/// Reads the frames of a source. A frame is an event, or a row; the records of a row go to the same reader.
pub trait FrameReader: Taker {
    /// Reads a frame as an event. If it is not an event, returns its span; its issues stay in [`Self::issues`] and are not
    /// yet reported.
    fn event(&mut self, frame: Frame<'_>) -> Option<Seen>;

    /// The issues of the frame that was read last.
    fn issues(&mut self) -> &mut Vec<Issue>;

    /// Reports the issues of a frame that is not an event.
    fn report(&mut self, span: Seen);

    /// Ends the records of a row: the next frame belongs to the source itself.
    fn leave(&mut self);
}

/// Which fields to read: JSON pointers. With `only`, every line of the source is a row.
#[derive(Clone, Debug, Default)]
pub struct RowOptions {
    pub only: bool,
    pub field: Option<Steps>,
    pub time: Option<Steps>,
    pub lane: Option<Steps>,
}

/// The stream of one lane inside the records: its framer, and the records that the framer still holds bytes of.
struct Inner {
    framer: Framer,
    fed: u64,
    starts: Vec<(u64, Place)>,
    packed: bool,
    place: Place,
    /// The order in which the lanes began to hold something.
    ordinal: u64,
}

/// Reads the rows of one source.
pub struct Rows {
    pub only: bool,
    options: Options,
    shapes: shapes::Shapes,
    idle: Option<Inner>,
    busy: HashMap<Option<Box<str>>, Inner>,
    /// When the streams of lanes were asked for, until their first event comes.
    begun: HashMap<Option<Box<str>>, f64>,
    opened: u64,
    missing_told: bool,
    members: Vec<Member>,
}

impl Rows {
    pub fn new(options: Options, rows: RowOptions) -> Self {
        Self {
            only: rows.only,
            options: Options { form: crate::frames::Form::Auto, ..options },
            shapes: shapes::Shapes::new(rows.field, rows.time, rows.lane),
            idle: None,
            busy: HashMap::new(),
            begun: HashMap::new(),
            opened: 0,
            missing_told: false,
            members: Vec::new(),
        }
    }

    /// Reads a frame of the source as an event, or as a row if it is an object without a type. With `only`, a frame is read
    /// as a row first.
    #[inline]
    pub fn read_frame<R: FrameReader>(&mut self, mut frame: Frame<'_>, reader: &mut R) {
        if self.only && self.read_row(&mut frame, reader) {
            return;
        }
        let Some(span) = reader.event(Frame { members: &mut *frame.members, ..frame }) else {
            return;
        };
        if reader.issues().last().is_some_and(|(code, _)| *code == Code::NoType) {
            if self.only {
                reader.issues().pop();
                reader.issues().push(no_stream());
            } else {
                frame.scanned = None;
                let issues = std::mem::take(reader.issues());
                if self.read_row(&mut frame, reader) {
                    return;
                }
                *reader.issues() = issues;
            }
        }
        reader.report(span);
    }

    /// Reads a frame as a row and hands out its records. Returns false if the frame is not a row.
    fn read_row<R: FrameReader>(&mut self, frame: &mut Frame<'_>, reader: &mut R) -> bool {
        let scanned = frame.scanned.unwrap_or_else(|| json::scan(frame.data, frame.members));
        frame.scanned = Some(scanned);
        let Some(scan) = scanned.ok().filter(|scan| scan.kind == json::Kind::Object) else {
            return false;
        };
        let Some(mut row) = self.shapes.find(frame.data) else { return false };
        if scan.lone_surrogate || !json::utf8_ok(frame.data) {
            row.issues.push((Code::BadUtf8, Vec::new()));
        }
        let Frame { offset, end, line, .. } = *frame;
        self.take(row, Place { offset, end, line, ..Place::default() }, reader);
        reader.leave();
        true
    }

    /// Hands out what a row gives that stands there.
    fn take<T: Taker>(&mut self, row: Row<'_>, place: Place, to: &mut T) {
        let place = Place { time: row.time, ..place };
        let lane = row.lane.as_deref();
        if !row.issues.is_empty() {
            to.enter(lane, &place);
            for issue in row.issues {
                to.note(note(issue, &place));
            }
        }
        if let (true, Some(time)) = (row.begins, row.time) {
            self.begun.insert(lane.map(Into::into), time);
        }
        let count = row.pieces.len();
        for (number, piece) in row.pieces.into_iter().enumerate() {
            let last = number + 1 == count && !row.ends;
            self.piece(&piece.data, piece.kind, piece.name.as_deref(), lane, place, last, to);
        }
        if row.ends {
            self.end(lane, &place, to);
        }
    }

    /// Hands out what a record gives that was found outside of rows, and that has no lane. `ends`: so does the stream.
    pub fn found<T: Taker>(&mut self, data: &[u8], place: Place, ends: bool, to: &mut T) {
        let kind = Kind::Packed(packed::Kind::Bytes);
        self.piece(data, kind, None, None, place, false, to);
        if ends {
            self.end(None, &place, to);
        }
    }

    /// The stream of a lane is over: what its framer holds comes out.
    fn end<T: Taker>(&mut self, lane: Option<&str>, place: &Place, to: &mut T) {
        let key = lane.map(Into::into);
        if let Some(inner) = self.busy.remove(&key) {
            self.finish_inner(lane, inner, to);
        }
        self.begun.remove(&key);
        to.enter(lane, place);
        to.close(lane, place, Closes::Any);
    }

    #[expect(clippy::too_many_arguments, reason = "a piece is what it is")]
    fn piece<T: Taker>(
        &mut self,
        data: &[u8],
        kind: Kind,
        name: Option<&[u8]>,
        lane: Option<&str>,
        place: Place,
        last: bool,
        to: &mut T,
    ) {
        let lane: Option<Box<str>> = lane.map(Into::into);
        let mut inner = self.busy.remove(&lane);
        let Kind::Packed(kind) = kind else {
            let whole = last && inner.is_none();
            if let Some(inner) = inner {
                self.busy.insert(lane.clone(), inner);
            }
            self.payload(data, name, &lane, place, whole, to);
            return;
        };
        let Some((text, packed)) =
            unpacked(data, kind, inner.as_ref().is_some_and(|inner| inner.packed))
        else {
            if let Some(inner) = inner {
                self.busy.insert(lane.clone(), inner);
            }
            to.enter(lane.as_deref(), &place);
            to.note(note((FAULT.0, vec![("reason", FAULT.1.into())]), &place));
            return;
        };
        let mut text = text.as_ref();
        let torn = inner.as_ref().is_some_and(|inner| inner.framer.is_mid_line());
        if torn
            && shapes::begins(text)
            && let Some(old) = inner.take()
        {
            self.finish_inner(lane.as_deref(), old, to);
        }
        if inner.is_none() {
            text = text.strip_prefix(BOM).unwrap_or(text);
            if shapes::is_object(text, &mut self.members) {
                self.payload(text, None, &lane, place, last, to);
                return;
            }
        }
        let mut inner = inner.unwrap_or_else(|| self.open());
        inner.packed = packed;
        self.feed(inner, text, lane, place, last, to);
    }

    #[expect(clippy::ref_option, reason = "the key of the maps, as they have it")]
    fn payload<T: Taker>(
        &mut self,
        data: &[u8],
        name: Option<&[u8]>,
        lane: &Option<Box<str>>,
        mut place: Place,
        whole: bool,
        to: &mut T,
    ) {
        if trim(data) == b"[DONE]" {
            to.enter(lane.as_deref(), &place);
            to.done();
        } else {
            place.began = self.begun.remove(lane);
            to.enter(lane.as_deref(), &place);
            to.frame(Frame {
                data,
                name,
                offset: place.offset,
                end: place.end,
                line: place.line,
                what: What::Payload,
                missing: false,
                unfinished: false,
                scanned: None,
                members: &mut self.members,
            });
        }
        if whole {
            to.close(lane.as_deref(), &place, Closes::Whole);
        }
    }

    fn feed<T: Taker>(
        &mut self,
        mut inner: Inner,
        text: &[u8],
        lane: Option<Box<str>>,
        place: Place,
        last: bool,
        to: &mut T,
    ) {
        inner.starts.push((inner.fed, place));
        inner.fed += text.len() as u64;
        inner.place = place;
        let began = place.began.or_else(|| self.begun.get(&lane).copied());
        to.enter(lane.as_deref(), &Place { began, ..place });
        let mut placed = Placed {
            starts: &mut inner.starts,
            end: place.end,
            missing_told: &mut self.missing_told,
            framed: false,
            to,
        };
        inner.framer.feed(text, &mut placed);
        if placed.framed {
            self.begun.remove(&lane);
        }
        if !inner.framer.is_idle() {
            self.busy.insert(lane, inner);
            return;
        }
        inner.starts.clear();
        inner.packed = false;
        self.idle = Some(inner);
        if last {
            to.close(lane.as_deref(), &place, Closes::Whole);
        }
    }

    /// Ends the source: what the framers hold comes out, in the order in which they began to hold it.
    pub fn finish<T: Taker>(&mut self, to: &mut T) {
        let mut rest: Vec<_> = self.busy.drain().collect();
        rest.sort_by_key(|(_, inner)| inner.ordinal);
        for (lane, inner) in rest {
            self.finish_inner(lane.as_deref(), inner, to);
        }
    }

    fn finish_inner<T: Taker>(&mut self, lane: Option<&str>, mut inner: Inner, to: &mut T) {
        to.enter(lane, &inner.place);
        inner.framer.finish(&mut Placed {
            starts: &mut inner.starts,
            end: inner.place.end,
            missing_told: &mut self.missing_told,
            framed: false,
            to,
        });
    }

    fn open(&mut self) -> Inner {
        self.opened += 1;
        let mut inner = self.idle.take().unwrap_or_else(|| Inner {
            framer: Framer::new(self.options),
            fed: 0,
            starts: Vec::new(),
            packed: false,
            place: Place::default(),
            ordinal: 0,
        });
        inner.ordinal = self.opened;
        inner
    }
}

/// A note on a whole record.
fn note((code, detail): Issue, place: &Place) -> Note {
    let length = place.end.saturating_sub(place.offset);
    Note { code, offset: place.offset, length, line: place.line, detail }
}

/// Puts what a framer gives where its records stand: from the one of its first byte to the one that completed it.
struct Placed<'a, T> {
    starts: &'a mut Vec<(u64, Place)>,
    end: u64,
    missing_told: &'a mut bool,
    framed: bool,
    to: &'a mut T,
}

impl<T> Placed<'_, T> {
    /// The record in which this byte of the inner stream stands; those before it are not asked for again.
    fn begin(&mut self, offset: u64) -> Place {
        let first = self.starts.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        self.starts.drain(..first);
        self.starts.first().map_or_else(Place::default, |(_, place)| *place)
    }
}

impl<T: Taker> Sink for Placed<'_, T> {
    fn scan(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Scan, Fault> {
        self.to.scan(text, members)
    }

    fn frame(&mut self, mut frame: Frame<'_>) {
        let begin = self.begin(frame.offset);
        (frame.offset, frame.line, frame.end) = (begin.offset, begin.line, self.end);
        if frame.missing {
            frame.missing = !std::mem::replace(self.missing_told, true);
        }
        self.framed = true;
        self.to.frame(frame);
    }

    fn note(&mut self, note: Note) {
        let begin = self.begin(note.offset);
        let length = self.end.saturating_sub(begin.offset);
        self.to.note(Note { offset: begin.offset, line: begin.line, length, ..note });
    }

    fn done(&mut self) {
        self.to.done();
    }
}

/// What is wrong with an object that is no row, where every line should be one.
fn no_stream() -> Issue {
    let expected = "one with a stream or an event in a field";
    (Code::BadField, vec![("field", "the row".into()), ("expected", expected.into())])
}
