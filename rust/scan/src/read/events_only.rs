//! Reads events without folding responses, for columns that need the events only.

use std::borrow::Cow;

use respstream_core::diagnostics::{Issue, Note, Span};
use respstream_core::frames::{DeltaRun, Envelope, Frame, FrameSink, Framer};
use respstream_core::json::{Checked, Fault, Member};
use respstream_core::predict::delta_runs;
use respstream_core::protocols::any_api::AnyApi;
use respstream_core::protocols::{Classified, Protocol, Reader, RoutedEvent, recognised_event};
use respstream_core::records::{
    Closes, FrameReader, RecordSink, RecordSpan, RowOptions, Rows as Wrapped,
};

use crate::input::{Input, Parsing, Part};
use crate::read::delta_batch::DeltaBatch;
use crate::read::open_api::OpenApi;
use crate::splits::{EarlierDiagnostics, Remainder, is_once_per_source};
use crate::tables::{EventRow, RunValues, Summary, Tables};

/// Reads the events that begin in a source, or in a part of one.
pub struct EventsOnly<'n> {
    framer: Framer,
    wrapped: Wrapped,
    events: Events<'n>,
    /// The offset after the last byte that was fed.
    pub position: u64,
    /// The offset where reading begins, and the number of the bytes that were fed and are in the part.
    from: u64,
    own_bytes: u64,
    earlier: EarlierDiagnostics<'n>,
}

impl<'n> EventsOnly<'n> {
    /// Reads a part of a source from the offset `from` on. Parts that are read together share the remainder.
    pub fn new(
        input: &'n Input,
        parsing: Parsing,
        (part, remainder): (Part, Option<Remainder>),
        from: u64,
        tables: &Tables,
    ) -> Self {
        let Parsing { framing, api } = parsing;
        let (reader, batch) = (Reader::new(api), DeltaBatch::new(tables));
        Self {
            framer: Framer::starting_at(framing, from),
            wrapped: Wrapped::new(framing, RowOptions::default(), AnyApi::signature(api)),
            events: Events {
                name: &input.name,
                reader,
                batch,
                issues: Vec::new(),
                once: Vec::new(),
                open: OpenApi::default(),
                part,
                remainder,
                reads_remainder: false,
                reached: 0,
            },
            position: from,
            from,
            own_bytes: 0,
            earlier: EarlierDiagnostics::new(input, parsing, from),
        }
    }

    /// Reads the next bytes of the source.
    pub fn feed(&mut self, bytes: &[u8], tables: &mut Tables, summary: &mut Summary) {
        self.position += bytes.len() as u64;
        let Self { framer, wrapped, events, .. } = self;
        framer
            .feed(bytes, &mut SourceSink { wrapped, rows: RowSink::new(events, tables, summary) });
        // A claim of the remainder enlarges the part, so the overlap is computed from the beginning.
        let own = self.events.part.overlap(self.from, self.position) - self.own_bytes;
        self.own_bytes += own;
        summary.bytes += own;
        summary.skipped += own;
    }

    /// The end of the part.
    pub const fn end(&self) -> u64 {
        self.events.part.end
    }

    /// Whether the part reads the source to its end, because it is the first with a row.
    pub const fn reads_remainder(&self) -> bool {
        self.events.reads_remainder
    }

    /// Whether an earlier part reads this one, as a part of the remainder.
    pub fn is_redundant(&self) -> bool {
        let Events { part, remainder, .. } = &self.events;
        remainder.as_ref().is_some_and(|remainder| remainder.includes(part.start))
    }

    /// Whether all events that begin in the part were read.
    pub const fn is_done(&self) -> bool {
        self.events.reached >= self.events.part.end
    }

    /// Ends the source.
    pub fn finish(&mut self, tables: &mut Tables, summary: &mut Summary) {
        if !self.is_done() {
            let Self { framer, wrapped, events, .. } = self;
            let mut sink = SourceSink { wrapped, rows: RowSink::new(events, tables, summary) };
            framer.finish(&mut sink);
            sink.wrapped.finish(&mut sink.rows);
        }
        for (code, detail) in self.events.once.drain(..) {
            if !self.earlier.contain_once(code, &detail) {
                summary.diagnostics[code as usize] += 1;
            }
        }
    }
}

/// The state of reading the events of a source.
struct Events<'n> {
    name: &'n str,
    reader: Reader<AnyApi>,
    /// The current run of deltas.
    batch: DeltaBatch,
    issues: Vec<Issue>,
    /// Issues that are reported once per source; a part may not be the first that has them.
    once: Vec<Issue>,
    /// The API of the open response outside of records.
    open: OpenApi,
    part: Part,
    /// Shared by parts that are read together.
    remainder: Option<Remainder>,
    /// The part reads the source to its end.
    reads_remainder: bool,
    /// The offset of the latest frame.
    reached: u64,
}

/// Receives the frames of the source.
struct SourceSink<'a, 'n> {
    wrapped: &'a mut Wrapped,
    rows: RowSink<'a, 'n>,
}

impl FrameSink for SourceSink<'_, '_> {
    fn check(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
        self.rows.check(text, members)
    }

    #[inline]
    fn run(&mut self, rest: &[u8], envelope: &Envelope<'_>, offset: u64) -> DeltaRun {
        self.rows.run(rest, envelope, offset)
    }

    fn frame(&mut self, frame: Frame<'_>) {
        self.rows.events.reached = frame.offset;
        self.wrapped.read_frame(frame, &mut self.rows);
    }

    fn note(&mut self, note: Note) {
        self.rows.note(note);
    }

    fn done(&mut self) {
        self.rows.events.open.end();
    }
}

/// Receives the frames of the source and of its records, and appends rows of their events.
struct RowSink<'a, 'n> {
    events: &'a mut Events<'n>,
    tables: &'a mut Tables,
    summary: &'a mut Summary,
    /// The lane and the time of the current record.
    lane: Option<Box<str>>,
    time: Option<f64>,
}

impl<'a, 'n> RowSink<'a, 'n> {
    fn new(events: &'a mut Events<'n>, tables: &'a mut Tables, summary: &'a mut Summary) -> Self {
        Self { events, tables, summary, lane: None, time: None }
    }

    /// Appends the row of an event. Returns false if the frame is not an event. The issues of the frame are not yet counted.
    fn read(&mut self, frame: &mut Frame<'_>) -> bool {
        let Events { name, reader, issues, open, part, .. } = &mut *self.events;
        let own = part.has(frame.offset);
        let recognised = reader.recognise(frame);
        let cached = reader.events.last_match().filter(|_| recognised);
        let (mut event, route) = if let Some((cached, route)) = cached {
            (recognised_event(frame, (cached, AnyApi::api(&route)), issues), Some(route))
        } else {
            match reader.classify(frame, open.get().filter(|_| self.lane.is_none()), issues) {
                Classified::Event(event, route) => (event, route),
                Classified::NonStreamed(api) if self.lane.is_none() => {
                    open.non_streamed(api);
                    return false;
                }
                _ => return false,
            }
        };
        if self.lane.is_none() && event.lane.is_none() {
            open.event(&event, AnyApi::effect(route.as_ref()));
        }
        event.time = self.time;
        if event.lane.is_none() {
            event.lane = self.lane.as_deref().map(Cow::Borrowed);
        }
        if own {
            self.tables.event(&EventRow {
                source: name,
                event: &RoutedEvent { route, parsed: &event },
                response: None,
                stream_index: None,
                event_index: 0,
            });
        }
        true
    }

    /// Counts the issues of a frame at this offset.
    fn count_issues(&mut self, offset: u64) {
        if self.events.issues.is_empty() {
            return;
        }
        let own = self.events.part.has(offset);
        for issue in std::mem::take(&mut self.events.issues).into_iter().filter(|_| own) {
            self.count(issue);
        }
    }

    /// Counts an issue of the part.
    fn count(&mut self, (code, detail): Issue) {
        if is_once_per_source(code) {
            self.events.once.push((code, detail));
        } else {
            self.summary.diagnostics[code as usize] += 1;
        }
    }
}

impl FrameSink for RowSink<'_, '_> {
    fn check(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
        self.events.reader.check(text, members)
    }

    /// Appends the events that repeat the latest one, as far as they begin in the part.
    fn run(&mut self, rest: &[u8], envelope: &Envelope<'_>, offset: u64) -> DeltaRun {
        let Self { events, tables, lane, time, .. } = self;
        let Events { name, reader, batch, part, .. } = &mut **events;
        let own = usize::try_from(part.overlap(offset, u64::MAX)).unwrap_or(usize::MAX);
        let cached = reader
            .events
            .repeating()
            .filter(|(cached, route)| part.has(offset) && DeltaBatch::accepts(cached, route));
        let Some((cached, route)) = cached else { return DeltaRun::default() };
        if envelope.name.is_some_and(|name| name != cached.name.as_bytes()) {
            return DeltaRun::default();
        }
        batch.clear();
        let rest = &rest[..rest.len().min(own)];
        let run = delta_runs::read(cached, (rest, offset), envelope, |delta| batch.add(delta));
        if run.events > 0 {
            let shared = RunValues {
                source: name,
                lane: cached.lane.as_deref().or(lane.as_deref()),
                cached,
                route,
                time: *time,
                response_id: None,
                stream_index: None,
                event_index: 0,
            };
            batch.write(&shared, tables);
            reader.events.hit(run.events);
        }
        run
    }

    fn frame(&mut self, frame: Frame<'_>) {
        if let Some(span) = self.event(frame) {
            self.report(span);
        }
    }

    fn note(&mut self, note: Note) {
        if self.events.part.has(note.offset) {
            self.count((note.code, note.detail));
        }
    }

    fn done(&mut self) {}
}

impl RecordSink for RowSink<'_, '_> {
    fn enter(&mut self, lane: Option<&str>, span: &RecordSpan) {
        self.time = span.time;
        if self.lane.as_deref() != lane {
            self.lane = lane.map(Into::into);
        }
    }

    fn close(&mut self, _: Option<&str>, _: &RecordSpan, _: Closes) {}
}

impl FrameReader for RowSink<'_, '_> {
    fn event(&mut self, mut frame: Frame<'_>) -> Option<Span> {
        let Frame { offset, end, line, .. } = frame;
        if self.read(&mut frame) {
            self.count_issues(offset);
            return None;
        }
        Some(Span { start: offset, end, line })
    }

    fn issues(&mut self) -> &mut Vec<Issue> {
        &mut self.events.issues
    }

    fn report(&mut self, span: Span) {
        self.count_issues(span.start);
    }

    /// Claims the remainder of the source for the part with the row: rows depend on the rows before them.
    fn row(&mut self, offset: u64) {
        let Events { part, remainder, reads_remainder, .. } = &mut *self.events;
        if let Some(remainder) = remainder.as_ref().filter(|_| offset < part.end)
            && !*reads_remainder
        {
            remainder.claim(part.start);
            *reads_remainder = true;
            part.end = u64::MAX;
        }
    }

    fn leave(&mut self) {
        (self.lane, self.time) = (None, None);
    }
}
