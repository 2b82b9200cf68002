//! One source, or a part of one, from plain bytes to rows.

use std::collections::HashMap;

use respstream_core::catalogue::{Code, DIAGNOSTICS};
use respstream_core::decoder::{Decoder, Ignore, Sink};
use respstream_core::diagnostics::{Diagnostic, KEPT};
use respstream_core::events::Parsed;
use respstream_core::predict::Known;
use respstream_core::response::Folded;
use respstream_core::runs::Piece;
use respstream_core::wrapped::RowOptions;

use crate::batches::{EventRow, Tables};
use crate::pieces::{Common, Pieces};
use crate::reader::How;
use crate::schema::{Depth, Table};
use crate::source::Input;
use crate::splits::{Earlier, Part};
use crate::summary::Summary;
use crate::wrapped::Record;

/// What compares an event with others; nobody can tell where some were passed by.
const COMPARED: [Code; 7] = [
    Code::SequenceGap,
    Code::SequenceRepeat,
    Code::TextMismatch,
    Code::ItemIdChanged,
    Code::OutputDiffers,
    Code::OutputRecovered,
    Code::TimeReversed,
];

/// The decoder of one source, and what its rows need beside it.
pub struct Fold<'n> {
    name: &'n str,
    decoder: Decoder,
    counting: Counting,
    /// Of the run that is being read.
    pieces: Pieces,
    /// Where the responses begin that kept diagnostics belong to, and their numbers, by the place of the diagnostic.
    owners: HashMap<u32, (u64, Option<u64>)>,
    /// The offset behind the last byte that was fed.
    pub position: u64,
    /// The bytes that the decoder has passed by.
    passed: u64,
    slice: Option<Slice<'n>>,
}

/// What a part of a source needs to give the same rows as the whole.
struct Slice<'n> {
    input: &'n Input,
    from: u64,
    earlier: Earlier<'n>,
}

impl<'n> Fold<'n> {
    /// For a part of a source, which may be the whole, that is read from the offset `from` on.
    /// A whole source may have rows of these fields.
    pub fn new(
        input: &'n Input,
        how: How,
        rows: &RowOptions,
        part: Part,
        from: u64,
        tables: &Tables,
    ) -> Self {
        let mut decoder = if part.is_whole() {
            Decoder::with_rows(how.options, how.strict, rows.clone())
        } else {
            Decoder::starting_at(how.options, how.strict, from)
        };
        if how.depth == Depth::Lifecycle {
            decoder.lean_mut().on = true;
        }
        let earlier = Earlier::new(input, how.options, from);
        Self {
            name: &input.name,
            decoder,
            counting: Counting { part, ..Counting::default() },
            pieces: Pieces::new(tables),
            owners: HashMap::new(),
            position: from,
            passed: 0,
            slice: (!part.is_whole()).then_some(Slice { input, from, earlier }),
        }
    }

    /// Takes the next bytes of the source.
    pub fn feed(&mut self, bytes: &[u8], tables: &mut Tables, summary: &mut Summary) {
        let before = self.position;
        self.position += bytes.len() as u64;
        let own = self.counting.part.overlap(before, self.position);
        summary.bytes += own;
        if tables.wants(Table::Events) {
            let Self { name, counting, pieces, .. } = self;
            let mut rows = Events { name, tables, counting, pieces };
            self.decoder.feed(bytes, None, &mut rows);
        } else if self.slice.is_some() {
            self.decoder.feed(bytes, None, &mut Reached(&mut self.counting));
        } else {
            self.decoder.feed(bytes, None, &mut Ignore);
        }
        let passed = self.decoder.lean_mut().passed;
        summary.skipped += (passed - self.passed).min(own);
        self.passed = passed;
        self.take(tables, summary);
    }

    /// Takes bytes that are kept back, in which records may be found.
    pub fn pass(&mut self, count: usize, summary: &mut Summary) {
        self.position += count as u64;
        summary.bytes += count as u64;
    }

    /// Takes a record that was found in the source.
    pub fn record(&mut self, record: &Record, tables: &mut Tables, summary: &mut Summary) {
        match record {
            Record::Stream { data, place, ends } => {
                if tables.wants(Table::Events) {
                    let Self { name, counting, pieces, .. } = self;
                    let mut rows = Events { name, tables, counting, pieces };
                    self.decoder.record(data, *place, *ends, None, &mut rows);
                } else {
                    self.decoder.record(data, *place, *ends, None, &mut Ignore);
                }
            }
            Record::Bad { field, expected, place } => {
                self.decoder.bad_record(field, expected, *place);
            }
        }
        self.take(tables, summary);
    }

    /// The error that a strict scan ends with, if it was met.
    pub fn refused(&self) -> Option<Diagnostic> {
        let mut found = self.decoder.store().failed.clone()?;
        if let Some(slice) = &self.slice {
            found.line += slice.input.lines.before(slice.input, slice.from);
        }
        Some(found)
    }

    /// Whether all that begins in the part has ended.
    pub fn is_done(&self) -> bool {
        let Counting { part, reached, named, .. } = self.counting;
        let open = self.decoder.lanes().open_in(None);
        self.slice.is_some()
            && !named
            && reached.is_some_and(|reached| reached >= part.end)
            && open.is_none_or(|folded| folded.byte_start >= part.end)
    }

    /// Ends the source.
    pub fn finish(&mut self, tables: &mut Tables, summary: &mut Summary) {
        if !self.is_done() {
            let Self { name, counting, pieces, .. } = self;
            let mut rows = Events { name, tables, counting, pieces };
            self.decoder.finish(None, &mut rows);
            self.take(tables, summary);
        }
        if self.decoder.store().failed.is_some() {
            return;
        }
        // What is open still is that of another part, and so is what it was told.
        if let Some(open) = self.decoder.lanes().open_in(None) {
            let places = open.diagnostics.iter().filter_map(|found| found.place);
            self.owners.extend(places.map(|place| (place, (open.byte_start, None))));
        }
        let kept = self.kept(tables.wants(Table::Diagnostics));
        let mut counts = self.decoder.store().counts;
        if self.slice.is_some() && self.decoder.store().kept.len() < KEPT {
            counts = [0; DIAGNOSTICS.len()];
            for (found, _) in &kept {
                counts[found.code as usize] += 1;
            }
        }
        if self.decoder.lean_mut().on {
            for code in COMPARED {
                counts[code as usize] = 0;
            }
        }
        for (mine, count) in summary.diagnostics.iter_mut().zip(counts) {
            *mine += count;
        }
        if tables.wants(Table::Diagnostics) {
            for (found, number) in kept {
                tables.diagnostic(self.name, number, &found);
            }
        }
    }

    /// The kept diagnostics that are our own, by offset, with the numbers of their responses; their `lines` if asked for.
    fn kept(&mut self, lines: bool) -> Vec<(Diagnostic, Option<u64>)> {
        let part = self.counting.part;
        let mut kept = Vec::new();
        for found in &self.decoder.store().kept {
            let owner = found.place.and_then(|place| self.owners.get(&place)).copied();
            if part.has(owner.map_or(found.offset, |(begins, _)| begins)) {
                kept.push((found.clone(), owner.and_then(|(_, number)| number)));
            }
        }
        kept.sort_by_key(|(found, _)| found.offset);
        if let Some(slice) = &mut self.slice {
            kept.retain(|(found, _)| !slice.earlier.has(found));
            let lines = if kept.is_empty() || !lines {
                0
            } else {
                slice.input.lines.before(slice.input, slice.from)
            };
            for (found, _) in &mut kept {
                found.line += lines;
            }
        }
        kept
    }

    /// Takes over the responses that have ended.
    fn take(&mut self, tables: &mut Tables, summary: &mut Summary) {
        for mut folded in self.decoder.lanes_mut().take_ended() {
            let number = self.counting.ended(&folded);
            let places = folded.diagnostics.iter().filter_map(|found| found.place);
            self.owners.extend(places.map(|place| (place, (folded.byte_start, number))));
            if !self.counting.part.has(folded.byte_start) {
                continue;
            }
            if let Some(slice) = &mut self.slice {
                folded.diagnostics.retain(|found| !slice.earlier.has(found));
            }
            let status = folded.status().unwrap_or_default().into_owned();
            *summary.responses.entry(status).or_default() += 1;
            tables.response(self.name, &folded, number);
        }
    }
}

/// What numbers the responses and events of a source, or of a part.
#[derive(Default)]
struct Counting {
    part: Part,
    /// Lanes have names here: responses end in another order than they begin in.
    named: bool,
    /// Events so far that belong to no response.
    outside: u64,
    /// The offset of the latest event.
    reached: Option<u64>,
    /// The ordinal of the first response that begins in the part.
    first: Option<u64>,
    /// How many of them have ended.
    ended: u64,
}

impl Counting {
    /// The number of a response that ends, among those of the part, if it is numbered at all.
    fn ended(&mut self, folded: &Folded) -> Option<u64> {
        if !self.part.numbered || !self.part.has(folded.byte_start) {
            return None;
        }
        self.first.get_or_insert(folded.ordinal);
        self.ended += 1;
        if self.part.is_whole() { folded.stream_index } else { Some(self.ended - 1) }
    }

    /// The number that a response will have, where responses end in the order in which they begin.
    fn coming(&mut self, folded: &Folded) -> Option<u64> {
        if !self.part.numbered || !self.part.has(folded.byte_start) {
            return None;
        }
        if self.part.is_whole() {
            return Some(folded.ordinal);
        }
        let first = *self.first.get_or_insert(folded.ordinal);
        folded.ordinal.checked_sub(first)
    }
}

/// Notes how far the events go.
struct Reached<'a>(&'a mut Counting);

impl Sink for Reached<'_> {
    // What is passed by, or taken in runs, neither begins nor ends a response, and has no lane of its own.
    const READS: bool = false;

    fn event(&mut self, parsed: &Parsed<'_>) {
        self.0.reached = Some(parsed.offset);
        self.0.named |= parsed.lane.is_some();
    }
}

/// Makes rows of events.
struct Events<'a> {
    name: &'a str,
    tables: &'a mut Tables,
    counting: &'a mut Counting,
    pieces: &'a mut Pieces,
}

impl Events<'_> {
    /// Counts events that come next, the last of them at this offset; gives the number of their response and that of the
    /// first of them, if they are our own.
    fn count(&mut self, events: u64, last: &Place<'_>) -> Option<(Option<u64>, u64)> {
        let counting = &mut *self.counting;
        let Place { offset, named, folded } = *last;
        counting.reached = Some(offset);
        counting.named |= named;
        let index = folded.map_or(counting.outside, |folded| folded.events.saturating_sub(events));
        counting.outside += if folded.is_none() { events } else { 0 };
        if !counting.part.has(folded.map_or(offset, |folded| folded.byte_start)) {
            return None;
        }
        let folded = folded.filter(|_| !counting.named);
        Some((folded.and_then(|folded| counting.coming(folded)), index))
    }
}

/// Where an event stands, whether its lane has a name, and its response.
struct Place<'a> {
    offset: u64,
    named: bool,
    folded: Option<&'a Folded>,
}

impl Sink for Events<'_> {
    fn event(&mut self, _: &Parsed<'_>) {}

    fn taken(&mut self, parsed: &Parsed<'_>, folded: Option<&Folded>) {
        let last = Place { offset: parsed.offset, named: parsed.lane.is_some(), folded };
        if let Some((number, index)) = self.count(1, &last) {
            self.tables.event(self.name, &EventRow { parsed, folded, number, index });
        }
    }

    fn whole(&mut self, folded: &Folded) {
        // It may be the first of the part.
        self.counting.coming(folded);
    }

    fn is_for_pieces(&mut self, known: &Known, _: Option<&str>) -> bool {
        self.pieces.clear();
        Pieces::are_of(known)
    }

    #[inline]
    fn piece(&mut self, piece: &Piece<'_>) {
        self.pieces.add(piece);
    }

    fn ran(&mut self, known: &Known, lane: Option<&str>, folded: Option<&Folded>) {
        let Some(offset) = self.pieces.last() else { return };
        let last = Place { offset, named: lane.is_some(), folded };
        if let Some((number, index)) = self.count(self.pieces.events() as u64, &last) {
            let id = folded.and_then(Folded::id);
            let common = Common {
                source: self.name,
                known,
                lane,
                time: None,
                response_id: id.as_deref(),
                number,
                index,
            };
            self.pieces.write(&common, self.tables);
        }
    }
}
