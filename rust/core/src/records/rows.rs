//! Rows that wrap streams: JSON objects with a stream, a piece of one, or an event in one of their fields.
//!
//! `docs/recordings.md` tells which shapes are known. A row names a field, a time and a lane; the field's text goes through
//! a framer of its lane, and what comes out stands where the outer rows stand. A lane whose framer is between two blocks
//! needs no state, so memory is bounded by the blocks that are open.

use std::collections::HashMap;

use super::detect::{Content, Row, RowDetector, Signature, begins_response, is_object};
use super::encoding::{Encoding, FAULT, decode_field};
use super::pointer::Steps;
use crate::diagnostics::{Code, Issue, Note, Span};
use crate::frames::{Form, Frame, FrameKind, FrameSink, Framer, Options};
use crate::json::{self, Checked, Fault, Kind, Member, trim};
use crate::sse::BOM;

/// Where a record stands in the source, and when it was written: seconds since the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordSpan {
    pub offset: u64,
    pub end: u64,
    pub line: u64,
    pub time: Option<f64>,
    pub requested_at: Option<f64>,
}

/// What has ended behind a record: a response that it held whole, or any of its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closes {
    Whole,
    Any,
}

/// Takes what records give, in their lanes and at their times.
pub trait RecordSink: FrameSink {
    /// What follows belongs to this record.
    fn enter(&mut self, lane: Option<&str>, place: &RecordSpan);
    fn close(&mut self, lane: Option<&str>, place: &RecordSpan, closes: Closes);
}

/// Reads the frames of a source. A frame is an event, or a row; the records of a row go to the same reader.
pub trait FrameReader: RecordSink {
    /// Reads a frame as an event. If it is not an event, returns its span; its issues stay in [`Self::issues`] and are not
    /// yet reported.
    fn event(&mut self, frame: Frame<'_>) -> Option<Span>;

    /// The issues of the frame that was read last.
    fn issues(&mut self) -> &mut Vec<Issue>;

    /// Reports the issues of a frame that is not an event.
    fn report(&mut self, span: Span);

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
struct LaneStream {
    framer: Framer,
    fed: u64,
    starts: Vec<(u64, RecordSpan)>,
    encoded: bool,
    place: RecordSpan,
    /// The order in which the lanes requested_at to hold something.
    ordinal: u64,
}

/// Reads the rows of one source.
pub struct Rows {
    pub only: bool,
    options: Options,
    signature: &'static Signature,
    detector: RowDetector,
    idle: Option<LaneStream>,
    busy: HashMap<Option<Box<str>>, LaneStream>,
    /// When the streams of lanes were asked for, until their first event comes.
    started: HashMap<Option<Box<str>>, f64>,
    opened: u64,
    missing_reported: bool,
    members: Vec<Member>,
}

impl Rows {
    pub fn new(options: Options, rows: RowOptions, signature: &'static Signature) -> Self {
        Self {
            only: rows.only,
            options: Options { form: Form::Auto, ..options },
            signature,
            detector: RowDetector::new(signature, rows.field, rows.time, rows.lane),
            idle: None,
            busy: HashMap::new(),
            started: HashMap::new(),
            opened: 0,
            missing_reported: false,
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
        let Some(span) = reader.event(frame.reborrow()) else { return };
        if reader.issues().last().is_some_and(|(code, _)| *code == Code::NoType) {
            if self.only {
                reader.issues().pop();
                reader.issues().push(no_stream());
            } else {
                frame.checked = None;
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
        let checked = frame.checked.unwrap_or_else(|| json::check(frame.data, frame.members));
        frame.checked = Some(checked);
        let Some(checked) = checked.ok().filter(|checked| checked.kind == Kind::Object) else {
            return false;
        };
        let Some(mut row) = self.detector.find(frame.data) else { return false };
        if checked.lone_surrogate || !json::utf8_ok(frame.data) {
            row.issues.push((Code::BadUtf8, Vec::new()));
        }
        let Frame { offset, end, line, .. } = *frame;
        self.take(row, RecordSpan { offset, end, line, ..RecordSpan::default() }, reader);
        reader.leave();
        true
    }

    /// Hands out what a row gives that stands there.
    fn take<T: RecordSink>(&mut self, row: Row<'_>, place: RecordSpan, to: &mut T) {
        let place = RecordSpan { time: row.time, ..place };
        let lane = row.lane.as_deref();
        if !row.issues.is_empty() {
            to.enter(lane, &place);
            for issue in row.issues {
                to.note(note(issue, &place));
            }
        }
        if let (true, Some(time)) = (row.begins, row.time) {
            self.started.insert(lane.map(Into::into), time);
        }
        let count = row.parts.len();
        for (number, part) in row.parts.into_iter().enumerate() {
            let last = number + 1 == count && !row.ends;
            self.part(&part.data, part.content, part.name.as_deref(), lane, place, last, to);
        }
        if row.ends {
            self.end(lane, &place, to);
        }
    }

    /// Hands out what a record gives that was found outside of rows, and that has no lane. `ends`: so does the stream.
    pub fn found<T: RecordSink>(&mut self, data: &[u8], place: RecordSpan, ends: bool, to: &mut T) {
        let content = Content::Encoded(Encoding::Bytes);
        self.part(data, content, None, None, place, false, to);
        if ends {
            self.end(None, &place, to);
        }
    }

    /// The stream of a lane is over: what its framer holds comes out.
    fn end<T: RecordSink>(&mut self, lane: Option<&str>, place: &RecordSpan, to: &mut T) {
        let key = lane.map(Into::into);
        if let Some(inner) = self.busy.remove(&key) {
            self.finish_inner(lane, inner, to);
        }
        self.started.remove(&key);
        to.enter(lane, place);
        to.close(lane, place, Closes::Any);
    }

    #[expect(clippy::too_many_arguments, reason = "a piece is what it is")]
    fn part<T: RecordSink>(
        &mut self,
        data: &[u8],
        content: Content,
        name: Option<&[u8]>,
        lane: Option<&str>,
        place: RecordSpan,
        last: bool,
        to: &mut T,
    ) {
        let lane: Option<Box<str>> = lane.map(Into::into);
        let mut inner = self.busy.remove(&lane);
        let Content::Encoded(encoding) = content else {
            let whole = last && inner.is_none();
            if let Some(inner) = inner {
                self.busy.insert(lane.clone(), inner);
            }
            self.payload(data, name, &lane, place, whole, to);
            return;
        };
        let Some((text, encoded)) =
            decode_field(data, encoding, inner.as_ref().is_some_and(|inner| inner.encoded))
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
            && begins_response(text, self.signature)
            && let Some(old) = inner.take()
        {
            self.finish_inner(lane.as_deref(), old, to);
        }
        if inner.is_none() {
            text = text.strip_prefix(BOM).unwrap_or(text);
            if is_object(text, &mut self.members) {
                self.payload(text, None, &lane, place, last, to);
                return;
            }
        }
        let mut inner = inner.unwrap_or_else(|| self.open());
        inner.encoded = encoded;
        self.feed(inner, text, lane, place, last, to);
    }

    #[expect(clippy::ref_option, reason = "the key of the maps, as they have it")]
    fn payload<T: RecordSink>(
        &mut self,
        data: &[u8],
        name: Option<&[u8]>,
        lane: &Option<Box<str>>,
        mut place: RecordSpan,
        whole: bool,
        to: &mut T,
    ) {
        if trim(data) == b"[DONE]" {
            to.enter(lane.as_deref(), &place);
            to.done();
        } else {
            place.requested_at = self.started.remove(lane);
            to.enter(lane.as_deref(), &place);
            to.frame(Frame {
                data,
                name,
                offset: place.offset,
                end: place.end,
                line: place.line,
                kind: FrameKind::Payload,
                missing_blank_line: false,
                unfinished: false,
                checked: None,
                members: &mut self.members,
            });
        }
        if whole {
            to.close(lane.as_deref(), &place, Closes::Whole);
        }
    }

    fn feed<T: RecordSink>(
        &mut self,
        mut inner: LaneStream,
        text: &[u8],
        lane: Option<Box<str>>,
        place: RecordSpan,
        last: bool,
        to: &mut T,
    ) {
        inner.starts.push((inner.fed, place));
        inner.fed += text.len() as u64;
        inner.place = place;
        let requested_at = place.requested_at.or_else(|| self.started.get(&lane).copied());
        to.enter(lane.as_deref(), &RecordSpan { requested_at, ..place });
        let mut placed = Placed {
            starts: &mut inner.starts,
            end: place.end,
            missing_reported: &mut self.missing_reported,
            framed: false,
            to,
        };
        inner.framer.feed(text, &mut placed);
        if placed.framed {
            self.started.remove(&lane);
        }
        if !inner.framer.is_idle() {
            self.busy.insert(lane, inner);
            return;
        }
        inner.starts.clear();
        inner.encoded = false;
        self.idle = Some(inner);
        if last {
            to.close(lane.as_deref(), &place, Closes::Whole);
        }
    }

    /// Ends the source: what the framers hold comes out, in the order in which they requested_at to hold it.
    pub fn finish<T: RecordSink>(&mut self, to: &mut T) {
        let mut rest: Vec<_> = self.busy.drain().collect();
        rest.sort_by_key(|(_, inner)| inner.ordinal);
        for (lane, inner) in rest {
            self.finish_inner(lane.as_deref(), inner, to);
        }
    }

    fn finish_inner<T: RecordSink>(
        &mut self,
        lane: Option<&str>,
        mut inner: LaneStream,
        to: &mut T,
    ) {
        to.enter(lane, &inner.place);
        inner.framer.finish(&mut Placed {
            starts: &mut inner.starts,
            end: inner.place.end,
            missing_reported: &mut self.missing_reported,
            framed: false,
            to,
        });
    }

    fn open(&mut self) -> LaneStream {
        self.opened += 1;
        let mut inner = self.idle.take().unwrap_or_else(|| LaneStream {
            framer: Framer::new(self.options),
            fed: 0,
            starts: Vec::new(),
            encoded: false,
            place: RecordSpan::default(),
            ordinal: 0,
        });
        inner.ordinal = self.opened;
        inner
    }
}

/// A note on a whole record.
fn note((code, detail): Issue, place: &RecordSpan) -> Note {
    let length = place.end.saturating_sub(place.offset);
    Note { code, offset: place.offset, length, line: place.line, detail }
}

/// Puts what a framer gives where its records stand: from the one of its first byte to the one that completed it.
struct Placed<'a, T> {
    starts: &'a mut Vec<(u64, RecordSpan)>,
    end: u64,
    missing_reported: &'a mut bool,
    framed: bool,
    to: &'a mut T,
}

impl<T> Placed<'_, T> {
    /// The record in which this byte of the inner stream stands; those before it are not asked for again.
    fn begin(&mut self, offset: u64) -> RecordSpan {
        let first = self.starts.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        self.starts.drain(..first);
        self.starts.first().map_or_else(RecordSpan::default, |(_, place)| *place)
    }
}

impl<T: RecordSink> FrameSink for Placed<'_, T> {
    fn check(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
        self.to.check(text, members)
    }

    fn frame(&mut self, mut frame: Frame<'_>) {
        let begin = self.begin(frame.offset);
        (frame.offset, frame.line, frame.end) = (begin.offset, begin.line, self.end);
        if frame.missing_blank_line {
            frame.missing_blank_line = !std::mem::replace(self.missing_reported, true);
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
