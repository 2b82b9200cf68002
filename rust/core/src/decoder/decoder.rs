//! The decoder of one source, without any I/O.

use super::counters::Counters;
use super::event_sink::{EventSink, Ignore};
use super::lifecycle_only::LifecycleOnly;
use super::stages::{InnerSink, Origin, SourceSink, Stages};
use crate::diagnostics::{Code, Note, Store};
use crate::frames::{Frame, FrameKind, Framer, Options};
use crate::lanes::Lanes;
use crate::protocols::{Api, Protocol};
use crate::records::{FrameReader, RecordSpan, RowOptions, Rows};

/// Decodes one source: bytes in, events and responses out. After a failure in strict mode it ignores further input.
pub struct Decoder<P: Protocol> {
    framer: Framer,
    rows: Rows,
    stages: Stages<P>,
    /// The number of bytes that were fed.
    fed: u64,
}

impl<P: Protocol> Decoder<P> {
    pub fn new(options: Options, strict: bool) -> Self {
        Self::with_rows(options, strict, RowOptions::default(), None)
    }

    /// A decoder that also reads rows that wrap streams, in the fields that `rows` names. `api`: the API of all payloads, `None` if
    /// it is detected.
    pub fn with_rows(options: Options, strict: bool, rows: RowOptions, api: Option<Api>) -> Self {
        Self {
            framer: Framer::new(options),
            rows: Rows::new(options, rows, P::signature(api)),
            stages: Stages::new(strict, api),
            fed: 0,
        }
    }

    /// A decoder of the part of a source that begins at this offset: at the start of a line, outside of any block. Line numbers
    /// count from there.
    pub fn starting_at(options: Options, strict: bool, offset: u64, api: Option<Api>) -> Self {
        let decoder = Self::with_rows(options, strict, RowOptions::default(), api);
        let mut decoder = Self { framer: Framer::starting_at(options, offset), ..decoder };
        decoder.stages.origin = Origin::Part;
        decoder
    }

    /// In strict mode, the sinks decide which errors are failures: [`EventSink::fails`].
    pub fn limit_failures(&mut self) {
        self.stages.store.tentative = true;
    }

    /// Disables all fast paths, for tests.
    pub fn force_slow(&mut self) {
        self.choose_paths(false, false, false);
    }

    /// Enables fast paths one by one, for tests: whole blocks, recognised events, cached values.
    pub fn choose_paths(&mut self, whole_blocks: bool, recognise: bool, cache_values: bool) {
        self.framer.force_slow = !whole_blocks;
        self.stages.reader.events.off = !recognise;
        self.stages.reader.values.off = !cache_values;
    }

    /// The filter for decoding lifecycle events only.
    pub fn lifecycle_only(&mut self) -> &mut LifecycleOnly {
        &mut self.stages.lifecycle_only
    }

    /// How often each fast path was taken.
    pub fn counters(&self) -> Counters {
        let Stages { reader, lanes, .. } = &self.stages;
        Counters {
            framed: self.framer.hits,
            framed_slowly: self.framer.misses,
            recognised: reader.events.hits,
            not_recognised: reader.events.misses,
            appended: lanes.appended,
            in_runs: lanes.in_runs,
            cached_values: reader.values.hits,
            cached_bytes: reader.values.bytes,
        }
    }

    /// Decodes the next bytes; `now` is the time of their arrival, if there is a clock.
    pub fn feed<S: EventSink<P>>(&mut self, chunk: &[u8], now: Option<f64>, sink: &mut S) {
        self.stages.now = now;
        self.fed += chunk.len() as u64;
        self.stages.sample(chunk);
        let Self { framer, rows, stages, .. } = self;
        framer.feed(chunk, &mut SourceSink { stages, rows, sink });
    }

    /// Decodes one payload that arrived as a message of its own, without framing.
    pub fn message<S: EventSink<P>>(&mut self, data: &[u8], now: Option<f64>, sink: &mut S) {
        self.stages.now = now;
        self.stages.sample(data);
        self.stages.sample(b"\n");
        let Self { framer, rows, stages, .. } = self;
        framer.message(data, &mut SourceSink { stages, rows, sink });
        self.fed = framer.offset();
    }

    /// Sets the format ("har", "vcr") and size in bytes of the file whose records are fed.
    pub fn set_recording(&mut self, format: &'static str, size: u64) {
        self.stages.origin = Origin::Recording(format);
        self.fed = size;
    }

    /// Decodes a record that the caller has extracted: a stream or a part of one, with or without gzip. `ends`: the stream ends
    /// after it.
    pub fn record<S: EventSink<P>>(
        &mut self,
        data: &[u8],
        span: RecordSpan,
        ends: bool,
        now: Option<f64>,
        sink: &mut S,
    ) {
        self.stages.now = now;
        let mut records = InnerSink { stages: &mut self.stages, now, sink };
        self.rows.found(data, span, ends, &mut records);
        records.leave();
    }

    /// Reports a record that the caller could not extract.
    pub fn bad_record(&mut self, field: &str, expected: &str, span: RecordSpan) {
        let detail = vec![("field", field.into()), ("expected", expected.into())];
        let length = span.end.saturating_sub(span.offset);
        let code = Code::BadField;
        let note = Note { code, offset: span.offset, length, line: span.line, detail };
        self.stages.note(note, &Ignore);
    }

    /// Decodes one payload that the caller has framed: its number in the source, and the name of its event line.
    pub fn payload(&mut self, raw: &[u8], name: Option<&[u8]>, number: u64, now: Option<f64>) {
        self.stages.now = now;
        let mut members = Vec::new();
        let frame = Frame {
            data: raw,
            name: name.filter(|name| !name.is_empty()),
            offset: number,
            end: number + 1,
            line: number + 1,
            kind: FrameKind::Payload,
            single: false,
            missing_blank_line: false,
            unfinished: false,
            checked: None,
            members: &mut members,
        };
        let span = self.stages.frame(frame, &mut Ignore);
        self.stages.report_frame(span, &Ignore);
    }

    /// Ends the source.
    pub fn finish<S: EventSink<P>>(&mut self, now: Option<f64>, sink: &mut S) {
        self.stages.now = now;
        let Self { framer, rows, stages, .. } = self;
        framer.finish(&mut SourceSink { stages, rows, sink });
        if stages.store.failed.is_none() {
            let mut records = InnerSink { stages, now, sink };
            rows.finish(&mut records);
            records.leave();
        }
        if stages.store.failed.is_none() {
            stages.check_responses(self.fed);
            stages.lanes.finish(&mut stages.store);
        }
    }

    pub fn lanes(&self) -> &Lanes<P> {
        &self.stages.lanes
    }

    pub fn lanes_mut(&mut self) -> &mut Lanes<P> {
        &mut self.stages.lanes
    }

    pub fn store(&self) -> &Store {
        &self.stages.store
    }
}
