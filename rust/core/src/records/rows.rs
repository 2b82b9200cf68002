//! Rows that contain streams: JSON objects with a stream, a part of one, or an event in one of their fields.
//!
//! `docs/recordings.md` lists the known formats. A row has a stream field, a time and a lane (stream key). The text of the
//! field passes through the framer of its lane, and its frames get the position of the row. A lane without an open block
//! needs no framer, so memory is bounded by the open blocks.

use std::borrow::Cow;
use std::collections::HashMap;

use super::detect::{Content, Row, RowDetector, Signature, begins_response, is_line, is_object};
use super::encoding::{Encoding, FAULT, decode_field};
use super::pointer::Steps;
use crate::diagnostics::{Code, Issue, Note, Span};
use crate::frames::{Form, Frame, FrameKind, FrameSink, Framer, Options};
use crate::json::{self, Checked, Fault, Kind, Member, trim};
use crate::sse::BOM;

/// The position of a record in the source, and its times in seconds since the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordSpan {
    pub offset: u64,
    pub end: u64,
    pub line: u64,
    pub time: Option<f64>,
    pub requested_at: Option<f64>,
}

/// What ends with a record: a response that the record contains whole, or all responses of its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closes {
    Whole,
    Any,
}

/// Receives the frames of records, with their lanes and times.
pub trait RecordSink: FrameSink {
    /// The next frames and notes belong to this record.
    fn enter(&mut self, lane: Option<&str>, record: &RecordSpan);
    /// Responses end with this record.
    fn close(&mut self, lane: Option<&str>, record: &RecordSpan, closes: Closes);
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

    /// The next records are those of a row that begins at this offset.
    fn row(&mut self, offset: u64);

    /// Ends the records of a row: the next frame belongs to the source itself.
    fn leave(&mut self);
}

/// JSON Pointers to the fields of rows. With `only`, every line of the source is a row.
#[derive(Clone, Debug, Default)]
pub struct RowOptions {
    pub only: bool,
    pub field: Option<Steps>,
    pub time: Option<Steps>,
    pub lane: Option<Steps>,
}

/// The open stream of one lane: its framer, and the records of the bytes that the framer has buffered.
struct OpenStream {
    framer: Framer,
    /// The number of bytes that were passed to the framer.
    fed: u64,
    /// The framer offset at which each record begins.
    starts: Vec<(u64, RecordSpan)>,
    /// The last field was base64.
    encoded: bool,
    lines: Lines,
    /// The last record.
    record: RecordSpan,
    /// The number of streams opened before this one; open streams end in this order.
    ordinal: u64,
}

/// Whether each row of a stream contains one line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    No,
    /// The first row may be one: data that is one JSON object, the name of an event or its beginning, or another field.
    AfterData,
    AfterName,
    AfterOther,
    Yes,
}

/// Reads the rows of one source.
pub struct Rows {
    pub only: bool,
    options: Options,
    signature: &'static Signature,
    detector: RowDetector,
    /// A framer of an ended stream, for the next one.
    reusable_stream: Option<OpenStream>,
    open_streams: HashMap<Option<Box<str>>, OpenStream>,
    /// The request times of streams without an event so far.
    request_times: HashMap<Option<Box<str>>, f64>,
    opened_count: u64,
    missing_reported: bool,
    /// The rows of the source contain one line each.
    one_line_each: bool,
    members: Vec<Member>,
}

impl Rows {
    pub fn new(options: Options, rows: RowOptions, signature: &'static Signature) -> Self {
        Self {
            only: rows.only,
            options: Options { form: Form::Auto, ..options },
            signature,
            detector: RowDetector::new(signature, rows.field, rows.time, rows.lane),
            reusable_stream: None,
            open_streams: HashMap::new(),
            request_times: HashMap::new(),
            opened_count: 0,
            missing_reported: false,
            one_line_each: false,
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
        reader.row(offset);
        self.take(row, RecordSpan { offset, end, line, ..RecordSpan::default() }, reader);
        reader.leave();
        true
    }

    /// Passes the frames and notes of a row to the sink.
    fn take<T: RecordSink>(&mut self, row: Row<'_>, record: RecordSpan, sink: &mut T) {
        let record = RecordSpan { time: row.time, ..record };
        let lane = row.lane.as_deref();
        if !row.issues.is_empty() {
            sink.enter(lane, &record);
            for issue in row.issues {
                sink.note(note(issue, &record));
            }
        }
        if let (true, Some(time)) = (row.begins, row.time) {
            self.request_times.insert(lane.map(Into::into), time);
        }
        let count = row.parts.len();
        for (number, part) in row.parts.into_iter().enumerate() {
            let last = number + 1 == count && !row.ends;
            self.take_part(
                &part.data,
                part.content,
                part.name.as_deref(),
                lane,
                record,
                last,
                sink,
            );
        }
        if row.ends {
            self.end(lane, &record, sink);
        }
    }

    /// Passes the frames and notes of a record without row and lane to the sink. `ends`: the stream ends with it.
    pub fn found<T: RecordSink>(
        &mut self,
        data: &[u8],
        record: RecordSpan,
        ends: bool,
        sink: &mut T,
    ) {
        let content = Content::Encoded(Encoding::Bytes);
        self.take_part(data, content, None, None, record, false, sink);
        if ends {
            self.end(None, &record, sink);
        }
    }

    /// Ends the stream of a lane, with its unfinished input.
    fn end<T: RecordSink>(&mut self, lane: Option<&str>, record: &RecordSpan, sink: &mut T) {
        let key = lane.map(Into::into);
        if let Some(stream) = self.open_streams.remove(&key) {
            self.finish_stream(lane, stream, sink);
        }
        self.request_times.remove(&key);
        sink.enter(lane, record);
        sink.close(lane, record, Closes::Any);
    }

    /// Reads a part of a row. `last`: the stream does not end in this row, and no part follows.
    #[expect(clippy::too_many_arguments, reason = "the fields of a part and of its record")]
    fn take_part<T: RecordSink>(
        &mut self,
        data: &[u8],
        content: Content,
        name: Option<&[u8]>,
        lane: Option<&str>,
        record: RecordSpan,
        last: bool,
        sink: &mut T,
    ) {
        let lane: Option<Box<str>> = lane.map(Into::into);
        let mut stream = self.open_streams.remove(&lane);
        let Content::Encoded(encoding) = content else {
            let whole = last && stream.is_none();
            if let Some(stream) = stream {
                self.open_streams.insert(lane.clone(), stream);
            }
            self.payload(data, name, &lane, record, whole, sink);
            return;
        };
        let Some((text, encoded)) =
            decode_field(data, encoding, stream.as_ref().is_some_and(|stream| stream.encoded))
        else {
            if let Some(stream) = stream {
                self.open_streams.insert(lane.clone(), stream);
            }
            sink.enter(lane.as_deref(), &record);
            sink.note(note((FAULT.0, vec![("reason", FAULT.1.into())]), &record));
            return;
        };
        let mut text = text;
        if let Some(stream) = stream.as_mut().filter(|stream| stream.lines != Lines::No) {
            text = as_line(stream, text, &mut self.members);
            self.one_line_each |= stream.lines == Lines::Yes;
        }
        let mut text = text.as_ref();
        let mid_line = stream
            .as_ref()
            .is_some_and(|stream| stream.lines == Lines::No && stream.framer.is_mid_line());
        if mid_line
            && !text.starts_with(b"\n")
            && !text.starts_with(b"\r")
            && begins_response(text, self.signature)
            && let Some(previous) = stream.take()
        {
            self.finish_stream(lane.as_deref(), previous, sink);
        }
        if stream.is_none() {
            text = text.strip_prefix(BOM).unwrap_or(text);
            if is_object(text, &mut self.members) {
                self.payload(text, None, &lane, record, last, sink);
                return;
            }
        }
        let with_end;
        let mut stream = if let Some(stream) = stream {
            stream
        } else {
            let mut stream = self.open_stream();
            if encoding == Encoding::Text {
                stream.lines = self.lines_of(text);
            }
            if stream.lines == Lines::Yes {
                with_end = [text, b"\n"].concat();
                text = &with_end;
            }
            stream
        };
        stream.encoded = encoded;
        self.feed(stream, text, lane, record, last, sink);
    }

    /// What the first row of a stream says about the others.
    fn lines_of(&mut self, text: &[u8]) -> Lines {
        if self.one_line_each && !has_line_end(text) {
            Lines::Yes
        } else if !is_line(text, true, &mut self.members) {
            Lines::No
        } else if text.starts_with(b"data:") {
            Lines::AfterData
        } else if text.starts_with(b"event:") {
            Lines::AfterName
        } else {
            Lines::AfterOther
        }
    }

    /// Emits a payload. `whole`: a response in it is complete.
    #[expect(clippy::ref_option, reason = "the key type of the maps")]
    fn payload<T: RecordSink>(
        &mut self,
        data: &[u8],
        name: Option<&[u8]>,
        lane: &Option<Box<str>>,
        mut record: RecordSpan,
        whole: bool,
        sink: &mut T,
    ) {
        if trim(data) == b"[DONE]" {
            sink.enter(lane.as_deref(), &record);
            sink.done();
        } else {
            record.requested_at = self.request_times.remove(lane);
            sink.enter(lane.as_deref(), &record);
            sink.frame(Frame {
                data,
                name,
                offset: record.offset,
                end: record.end,
                line: record.line,
                kind: FrameKind::Payload,
                single: true,
                missing_blank_line: false,
                unfinished: false,
                checked: None,
                members: &mut self.members,
            });
        }
        if whole {
            sink.close(lane.as_deref(), &record, Closes::Whole);
        }
    }

    /// Passes text to the framer of a lane.
    fn feed<T: RecordSink>(
        &mut self,
        mut stream: OpenStream,
        text: &[u8],
        lane: Option<Box<str>>,
        record: RecordSpan,
        last: bool,
        sink: &mut T,
    ) {
        stream.starts.push((stream.fed, record));
        stream.fed += text.len() as u64;
        stream.record = record;
        let requested_at = record.requested_at.or_else(|| self.request_times.get(&lane).copied());
        sink.enter(lane.as_deref(), &RecordSpan { requested_at, ..record });
        let mut positions = RecordPositions {
            starts: &mut stream.starts,
            end: record.end,
            missing_reported: &mut self.missing_reported,
            framed: false,
            sink,
        };
        stream.framer.feed(text, &mut positions);
        if positions.framed {
            self.request_times.remove(&lane);
        }
        if !stream.framer.is_idle() {
            self.open_streams.insert(lane, stream);
            return;
        }
        stream.starts.clear();
        stream.encoded = false;
        stream.lines = Lines::No;
        stream.framer.begin_line();
        self.reusable_stream = Some(stream);
        if last {
            sink.close(lane.as_deref(), &record, Closes::Whole);
        }
    }

    /// Ends the source: emits the unfinished input of the open streams, in the order in which they were opened.
    pub fn finish<T: RecordSink>(&mut self, sink: &mut T) {
        let mut open: Vec<_> = self.open_streams.drain().collect();
        open.sort_by_key(|(_, stream)| stream.ordinal);
        for (lane, stream) in open {
            self.finish_stream(lane.as_deref(), stream, sink);
        }
    }

    fn finish_stream<T: RecordSink>(
        &mut self,
        lane: Option<&str>,
        mut stream: OpenStream,
        sink: &mut T,
    ) {
        sink.enter(lane, &stream.record);
        stream.framer.finish(&mut RecordPositions {
            starts: &mut stream.starts,
            end: stream.record.end,
            missing_reported: &mut self.missing_reported,
            framed: false,
            sink,
        });
    }

    fn open_stream(&mut self) -> OpenStream {
        self.opened_count += 1;
        let mut stream = self.reusable_stream.take().unwrap_or_else(|| OpenStream {
            framer: Framer::new(self.options),
            fed: 0,
            starts: Vec::new(),
            encoded: false,
            lines: Lines::No,
            record: RecordSpan::default(),
            ordinal: 0,
        });
        stream.ordinal = self.opened_count;
        stream
    }
}

/// The text of a row with the line end that it lacks, if each row of the stream contains one line.
fn as_line<'t>(
    stream: &mut OpenStream,
    text: Cow<'t, [u8]>,
    members: &mut Vec<Member>,
) -> Cow<'t, [u8]> {
    let first = stream.lines != Lines::Yes;
    if has_line_end(&text)
        || (first && !text.is_empty() && !is_next_line(stream.lines, &text, members))
    {
        stream.lines = Lines::No;
        return text;
    }
    let mut line = Vec::with_capacity(text.len() + 2);
    if first {
        line.push(b'\n');
    }
    stream.lines = Lines::Yes;
    line.extend_from_slice(&text);
    line.push(b'\n');
    Cow::Owned(line)
}

fn has_line_end(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'\r' | b'\n'))
}

/// Whether the text of the second row is a line, not the rest of the first one: nothing follows whole data.
fn is_next_line(after: Lines, text: &[u8], members: &mut Vec<Member>) -> bool {
    let in_name = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
    after == Lines::AfterData
        || is_line(text, true, members)
        || (after == Lines::AfterName && !text.iter().all(in_name))
}

/// A note on a whole record.
fn note((code, detail): Issue, record: &RecordSpan) -> Note {
    let length = record.end.saturating_sub(record.offset);
    Note { code, offset: record.offset, length, line: record.line, detail }
}

/// Replaces framer positions by positions of records: from the record of the first byte to the last record.
struct RecordPositions<'a, T> {
    starts: &'a mut Vec<(u64, RecordSpan)>,
    end: u64,
    missing_reported: &'a mut bool,
    framed: bool,
    sink: &'a mut T,
}

impl<T> RecordPositions<'_, T> {
    /// The record that contains this framer offset. Removes earlier records: offsets never decrease.
    fn record_at(&mut self, offset: u64) -> RecordSpan {
        let first = self.starts.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        self.starts.drain(..first);
        self.starts.first().map_or_else(RecordSpan::default, |(_, record)| *record)
    }
}

impl<T: RecordSink> FrameSink for RecordPositions<'_, T> {
    fn check(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
        self.sink.check(text, members)
    }

    fn frame(&mut self, mut frame: Frame<'_>) {
        let begin = self.record_at(frame.offset);
        (frame.offset, frame.line, frame.end) = (begin.offset, begin.line, self.end);
        if frame.missing_blank_line {
            frame.missing_blank_line = !std::mem::replace(self.missing_reported, true);
        }
        self.framed = true;
        self.sink.frame(frame);
    }

    fn note(&mut self, note: Note) {
        let begin = self.record_at(note.offset);
        let length = self.end.saturating_sub(begin.offset);
        self.sink.note(Note { offset: begin.offset, line: begin.line, length, ..note });
    }

    fn done(&mut self) {
        self.sink.done();
    }
}

/// The diagnostic for an object without a stream, if every line must be a row.
fn no_stream() -> Issue {
    let expected = "an object with a stream or an event in a field";
    (Code::BadField, vec![("field", "the row".into()), ("expected", expected.into())])
}
