//! Reads a source, or a part of one, through the decoder: events, responses and diagnostics.

use std::collections::HashMap;

use respstream_core::decoder::{Decoder, EventSink, Ignore};
use respstream_core::diagnostics::{Code, DIAGNOSTICS, UNUSED_EVENTS};
use respstream_core::diagnostics::{Diagnostic, KEPT};
use respstream_core::predict::CachedEvent;
use respstream_core::predict::Delta;
use respstream_core::protocols::any_api::{AnyApi, AnyEvent, AnyResponse, AnyRoute};
use respstream_core::protocols::{Api, Response as _};
use respstream_core::records::RowOptions;

use crate::input::{Input, Parsing, Part, Record, RecordingFormat};
use crate::read::delta_batch::DeltaBatch;
use crate::read::numbering::{EventPosition, Numbering};
use crate::splits::{EarlierDiagnostics, Remainder};
use crate::tables::{Depth, EventRow, RunValues, Summary, Table, Tables};

/// How a source is read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    pub parsing: Parsing,
    /// Whether the scan ends at the first error.
    pub strict: bool,
    pub depth: Depth,
}

/// Diagnostics that compare an event with earlier ones, or are about the text of several. They are invalid if events were skipped.
const COMPARING: [Code; 11] = [
    Code::SequenceGap,
    Code::SequenceRepeat,
    Code::TextMismatch,
    Code::ItemIdChanged,
    Code::OutputDiffers,
    Code::OutputRecovered,
    Code::TimeReversed,
    Code::IndexReused,
    Code::ValueRecovered,
    Code::LateDelta,
    Code::BadInput,
];

/// Reads one source, or a part of one.
pub struct FullScan<'n> {
    name: &'n str,
    decoder: Decoder<AnyApi>,
    numbering: Numbering<'n>,
    /// The current run of deltas.
    batch: DeltaBatch,
    /// The responses that stored diagnostics belong to, by the index of the diagnostic.
    owners: HashMap<u32, Owner>,
    /// The offset after the last byte that was fed.
    pub position: u64,
    /// The number of these bytes that are in the part.
    own_bytes: u64,
    /// The number of bytes that the decoder has skipped.
    skipped: u64,
    slice: Option<Slice<'n>>,
}

/// The response that a diagnostic belongs to.
#[derive(Clone, Copy)]
struct Owner {
    byte_start: u64,
    stream_index: Option<u64>,
    api: Api,
}

/// The context of a part that is not the whole source.
struct Slice<'n> {
    input: &'n Input,
    /// The offset where reading begins.
    from: u64,
    earlier: EarlierDiagnostics<'n>,
}

impl<'n> FullScan<'n> {
    /// Reads a part of a source, or the whole, from the offset `from` on. `rows` applies to whole sources. Parts that are read
    /// together share the remainder.
    pub fn new(
        input: &'n Input,
        read: ReadOptions,
        rows: &RowOptions,
        (part, remainder): (Part, Option<Remainder>),
        from: u64,
        tables: &Tables,
    ) -> Self {
        let mut decoder = if part.is_whole() {
            read.parsing.decoder(read.strict, rows.clone())
        } else {
            read.parsing.decoder_at(read.strict, from)
        };
        if !part.is_whole() {
            decoder.limit_failures();
        }
        if read.depth == Depth::Lifecycle {
            decoder.lifecycle_only().on = true;
        }
        let earlier = EarlierDiagnostics::new(input, read.parsing, from);
        Self {
            name: &input.name,
            decoder,
            numbering: Numbering::new(input, read.parsing, (part, remainder), from),
            batch: DeltaBatch::new(tables),
            owners: HashMap::new(),
            position: from,
            own_bytes: 0,
            skipped: 0,
            slice: (!part.is_whole()).then_some(Slice { input, from, earlier }),
        }
    }

    /// Reads the next bytes of the source.
    pub fn feed(&mut self, bytes: &[u8], tables: &mut Tables, summary: &mut Summary) {
        self.position += bytes.len() as u64;
        if tables.has(Table::Events) {
            let Self { name, numbering, batch, .. } = self;
            self.decoder.feed(bytes, None, &mut EventRows { name, tables, numbering, batch });
        } else if self.slice.is_some() {
            self.decoder.feed(bytes, None, &mut ReachOnly(&mut self.numbering));
        } else {
            self.decoder.feed(bytes, None, &mut Ignore);
        }
        // A claim of the remainder enlarges the part, so the overlap is computed from the beginning.
        let own = self.numbering.part.overlap(self.from(), self.position) - self.own_bytes;
        self.own_bytes += own;
        summary.bytes += own;
        self.count_skipped(summary);
        self.append_ended(tables, summary);
    }

    /// Counts the bytes that the decoder has skipped, of those in the part: it also skips bytes before and after it, and counts
    /// the bytes of a row for each event in it.
    fn count_skipped(&mut self, summary: &mut Summary) {
        let skipped = self.decoder.lifecycle_only().skipped.min(self.own_bytes);
        summary.skipped += skipped - self.skipped;
        self.skipped = skipped;
    }

    /// Counts the bytes of a recording, which is read record by record.
    pub fn count_bytes(&mut self, count: usize, summary: &mut Summary) {
        self.position += count as u64;
        self.own_bytes += count as u64;
        summary.bytes += count as u64;
    }

    /// Sets the format of the recording that was read.
    pub fn set_recording(&mut self, format: RecordingFormat) {
        let name = match format {
            RecordingFormat::Har => "har",
            RecordingFormat::Vcr => "vcr",
        };
        self.decoder.set_recording(name, self.position);
    }

    /// Reads a record of a recording.
    pub fn record(&mut self, record: &Record, tables: &mut Tables, summary: &mut Summary) {
        match record {
            Record::Stream { data, span, ends } => {
                if tables.has(Table::Events) {
                    let Self { name, numbering, batch, .. } = self;
                    let mut rows = EventRows { name, tables, numbering, batch };
                    self.decoder.record(data, *span, *ends, None, &mut rows);
                } else {
                    self.decoder.record(data, *span, *ends, None, &mut Ignore);
                }
            }
            Record::Invalid { field, expected, span } => {
                self.decoder.bad_record(field, expected, *span);
            }
        }
        self.count_skipped(summary);
        self.append_ended(tables, summary);
    }

    /// The error that ends a strict scan, if there is one.
    pub fn strict_error(&self) -> Option<Diagnostic> {
        let mut found = self.decoder.store().failed.clone()?;
        if let Some(slice) = &self.slice {
            found.line += slice.input.lines_before(slice.from);
        }
        Some(found)
    }

    /// Whether a response of the part is open in the lane without a name.
    fn has_open_response(&self) -> bool {
        let open = self.decoder.lanes().open_in(None);
        open.is_some_and(|open| self.numbering.part.has(open.tracking().byte_start))
    }

    fn from(&self) -> u64 {
        self.slice.as_ref().map_or(0, |slice| slice.from)
    }

    /// The end of the part; it moves if the part claims the remainder.
    pub const fn end(&self) -> u64 {
        self.numbering.part.end
    }

    /// Whether the part reads the source to its end, because it is the first with a named lane or a row.
    pub const fn reads_remainder(&self) -> bool {
        self.numbering.reads_remainder
    }

    /// Whether an earlier part reads this one, as a part of the remainder.
    pub fn is_redundant(&self) -> bool {
        let Numbering { part, remainder, .. } = &self.numbering;
        remainder.as_ref().is_some_and(|remainder| remainder.includes(part.start))
    }

    /// Whether all responses that begin in the part have ended. A part that is read alone and has a named lane is read to the
    /// end of the source.
    pub fn is_done(&self) -> bool {
        let Numbering { part, ref remainder, reached, interleaved, .. } = self.numbering;
        self.slice.is_some()
            && (remainder.is_some() || !interleaved)
            && reached.is_some_and(|reached| reached >= part.end)
            && !self.has_open_response()
    }

    /// Ends the source. If it has failed, the diagnostics up to the error have rows.
    pub fn finish(&mut self, tables: &mut Tables, summary: &mut Summary) {
        let failed = self.decoder.store().failed.is_some();
        if !failed && !self.is_done() {
            let Self { name, numbering, batch, .. } = self;
            self.decoder.finish(None, &mut EventRows { name, tables, numbering, batch });
            self.count_skipped(summary);
            self.append_ended(tables, summary);
        }
        // A response that is still open begins in another part, which reports its diagnostics, or the part has failed.
        let lanes = self.decoder.lanes();
        for open in lanes.ordinals().into_iter().filter_map(|ordinal| lanes.get(ordinal)) {
            self.owners.extend(owned(open, None));
        }
        let diagnostics = self.own_diagnostics(tables.has(Table::Diagnostics));
        self.count_diagnostics(&diagnostics, summary);
        if !failed && let Some((code, message)) = self.without_responses() {
            summary.without_responses.push((self.name.to_owned(), code.kind().code, message));
        }
        if tables.has(Table::Diagnostics) {
            for (found, owner) in diagnostics {
                let owned =
                    (owner.and_then(|owner| owner.stream_index), owner.map(|owner| owner.api));
                tables.diagnostic(self.name, owned, &found);
            }
        }
    }

    /// Counts the diagnostics of the part by code. If the store is full, those that it does not contain are counted too.
    fn count_diagnostics(&mut self, own: &[(Diagnostic, Option<Owner>)], summary: &mut Summary) {
        let mut counts = self.decoder.store().counts;
        if self.slice.is_some() && self.decoder.store().kept.len() < KEPT {
            counts = [0; DIAGNOSTICS.len()];
            for (found, _) in own {
                counts[found.code as usize] += 1;
            }
        }
        if self.decoder.lifecycle_only().skipped > 0 {
            for code in COMPARING {
                counts[code as usize] = 0;
            }
        }
        for (total, count) in summary.diagnostics.iter_mut().zip(counts) {
            *total += count;
        }
    }

    /// The stored diagnostics of the part by offset, with their owners. A part that has failed has all from its start to the error. Line numbers are relative to the
    /// beginning of reading unless `lines` is set.
    fn own_diagnostics(&mut self, lines: bool) -> Vec<(Diagnostic, Option<Owner>)> {
        let part = self.numbering.part;
        let mut own = Vec::new();
        let store = self.decoder.store();
        let last =
            store.failed.as_ref().and_then(|failed| failed.place).map(|place| place as usize);
        for found in store.kept.iter().take(last.map_or(usize::MAX, |last| last + 1)) {
            let owner = found.place.and_then(|place| self.owners.get(&place)).copied();
            let offset = owner.map_or(found.offset, |owner| owner.byte_start);
            if part.has(offset) || (last.is_some() && offset >= part.end) {
                own.push((found.clone(), owner));
            }
        }
        own.sort_by_key(|(found, _)| found.offset);
        if let Some(slice) = &mut self.slice {
            own.retain(|(found, _)| !slice.earlier.contain(found));
            if lines && !own.is_empty() {
                let before = slice.input.lines_before(slice.from);
                for (found, _) in &mut own {
                    found.line += before;
                }
            }
        }
        own
    }

    /// Why a source with bytes has no response, as a code and a message; `None` if it has one, or if it is a part.
    fn without_responses(&self) -> Option<(Code, String)> {
        let store = self.decoder.store();
        let has_response = self.decoder.lanes().latest_ordinal.is_some();
        if self.slice.is_some() || self.position == 0 || has_response {
            return None;
        }
        let why = [Code::NoResponses, Code::ForeignStream, Code::ErrorBody];
        let found = store.kept.iter().find(|found| why.contains(&found.code));
        let found = found.map(|found| (found.code, found.code.kind().message(&found.detail)));
        Some(found.unwrap_or_else(|| (Code::NoResponses, UNUSED_EVENTS.to_owned())))
    }

    /// Appends the responses that have ended.
    fn append_ended(&mut self, tables: &mut Tables, summary: &mut Summary) {
        for mut response in self.decoder.lanes_mut().take_ended() {
            let stream_index = self.numbering.ended(&response);
            self.owners.extend(owned(&response, stream_index));
            if !self.numbering.part.has(response.tracking().byte_start) {
                continue;
            }
            if let Some(slice) = &mut self.slice {
                response.tracking_mut().diagnostics.retain(|found| !slice.earlier.contain(found));
            }
            let status = response.status().unwrap_or_default().into_owned();
            *summary.responses.entry(status).or_default() += 1;
            tables.response(self.name, &response, stream_index);
        }
    }
}

/// The stored diagnostics of a response, with their owner.
fn owned(response: &AnyResponse, stream_index: Option<u64>) -> impl Iterator<Item = (u32, Owner)> {
    let owner =
        Owner { byte_start: response.tracking().byte_start, stream_index, api: response.api() };
    response.tracking().diagnostics.iter().filter_map(move |found| Some((found.place?, owner)))
}

/// Records the positions of events and makes no rows of them.
struct ReachOnly<'a, 'n>(&'a mut Numbering<'n>);

impl EventSink<AnyApi> for ReachOnly<'_, '_> {
    // Events that are skipped or read in runs neither begin nor end a response, and have no lane of their own.
    const READS_EVENTS: bool = false;

    fn event(&mut self, _: &AnyEvent<'_>) {}

    fn applied(&mut self, event: &AnyEvent<'_>, response: Option<&AnyResponse>) {
        self.0.reach(&position(event, response));
    }

    fn row(&mut self, offset: u64) {
        self.0.row(offset);
    }

    fn non_streamed(&mut self, response: &AnyResponse) {
        self.0.open = Some(response.tracking().byte_start);
    }

    fn fails(&self, offset: u64, open: Option<&AnyResponse>) -> bool {
        self.0.fails(offset, open)
    }
}

/// Appends rows of events.
struct EventRows<'a, 'n> {
    name: &'a str,
    tables: &'a mut Tables,
    numbering: &'a mut Numbering<'n>,
    batch: &'a mut DeltaBatch,
}

impl EventSink<AnyApi> for EventRows<'_, '_> {
    fn event(&mut self, _: &AnyEvent<'_>) {}

    fn applied(&mut self, event: &AnyEvent<'_>, response: Option<&AnyResponse>) {
        let counted = self.numbering.count(1, &position(event, response));
        let Some((stream_index, event_index)) = counted else { return };
        let row = EventRow { source: self.name, event, response, stream_index, event_index };
        self.tables.event(&row);
    }

    fn row(&mut self, offset: u64) {
        self.numbering.row(offset);
    }

    fn non_streamed(&mut self, response: &AnyResponse) {
        // Numbers the response if it is the first one of the part.
        self.numbering.begun(response);
        self.numbering.open = Some(response.tracking().byte_start);
    }

    fn fails(&self, offset: u64, open: Option<&AnyResponse>) -> bool {
        self.numbering.fails(offset, open)
    }

    fn takes_runs(&mut self, cached: &CachedEvent, route: &AnyRoute, _: Option<&str>) -> bool {
        self.batch.clear();
        DeltaBatch::accepts(cached, route)
    }

    #[inline]
    fn delta(&mut self, delta: &Delta<'_>) {
        self.batch.add(delta);
    }

    fn run_ended(
        &mut self,
        cached: &CachedEvent,
        route: &AnyRoute,
        lane: Option<&str>,
        response: Option<&AnyResponse>,
    ) {
        let Some(offset) = self.batch.last_offset() else { return };
        // An event that names its response was applied before the run.
        let last = EventPosition { offset, interleaves: lane.is_some(), response };
        let counted = self.numbering.count(self.batch.len() as u64, &last);
        let Some((stream_index, event_index)) = counted else { return };
        let id = response.and_then(AnyResponse::id);
        let shared = RunValues {
            source: self.name,
            cached,
            route: *route,
            lane,
            time: None,
            response_id: id.as_deref(),
            stream_index,
            event_index,
        };
        self.batch.write(&shared, self.tables);
    }
}

fn position<'a>(event: &AnyEvent<'_>, response: Option<&'a AnyResponse>) -> EventPosition<'a> {
    EventPosition {
        offset: event.offset,
        interleaves: event.lane.is_some() || event.response.is_some(),
        response,
    }
}
