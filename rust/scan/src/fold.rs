//! One source, or a part of one, from plain bytes to rows.

use std::collections::HashMap;

use respstream_core::catalogue::{Code, DIAGNOSTICS};
use respstream_core::decoder::{Decoder, Ignore, Sink};
use respstream_core::diagnostics::{Diagnostic, KEPT};
use respstream_core::events::Parsed;
use respstream_core::frames::Options;
use respstream_core::predict::Known;
use respstream_core::response::Folded;
use respstream_core::runs::Piece;
use respstream_core::wrapped::RowOptions;

use crate::batches::{EventRow, Tables};
use crate::pieces::{Common, Pieces};
use crate::reader::How;
use crate::schema::{Depth, Table};
use crate::source::Input;
use crate::splits::{self, Earlier, Part, Rest};
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
    counting: Counting<'n>,
    /// Of the run that is being read.
    pieces: Pieces,
    /// Where the responses begin that kept diagnostics belong to, and their numbers, by the place of the diagnostic.
    owners: HashMap<u32, (u64, Option<u64>)>,
    /// The offset behind the last byte that was fed.
    pub position: u64,
    /// How many of them are our own.
    own: u64,
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
    /// A whole source may have rows of these fields. Parts that are read together share what takes the `rest`.
    pub fn new(
        input: &'n Input,
        how: How,
        rows: &RowOptions,
        (part, rest): (Part, Option<Rest>),
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
            counting: Counting::new(input, how, (part, rest), from),
            pieces: Pieces::new(tables),
            owners: HashMap::new(),
            position: from,
            own: 0,
            passed: 0,
            slice: (!part.is_whole()).then_some(Slice { input, from, earlier }),
        }
    }

    /// Takes the next bytes of the source.
    pub fn feed(&mut self, bytes: &[u8], tables: &mut Tables, summary: &mut Summary) {
        self.position += bytes.len() as u64;
        if tables.wants(Table::Events) {
            let Self { name, counting, pieces, .. } = self;
            let mut rows = Events { name, tables, counting, pieces };
            self.decoder.feed(bytes, None, &mut rows);
        } else if self.slice.is_some() {
            self.decoder.feed(bytes, None, &mut Reached(&mut self.counting));
        } else {
            self.decoder.feed(bytes, None, &mut Ignore);
        }
        // The part may have become larger by what was read behind it.
        let own = self.counting.part.overlap(self.from(), self.position) - self.own;
        self.own += own;
        summary.bytes += own;
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

    fn from(&self) -> u64 {
        self.slice.as_ref().map_or(0, |slice| slice.from)
    }

    /// Where the part ends, as far as is known.
    pub const fn end(&self) -> u64 {
        self.counting.part.end
    }

    /// Whether the part goes on to the end of the source, because it was the first to meet a lane.
    pub const fn takes_rest(&self) -> bool {
        self.counting.takes_rest
    }

    /// Whether a part before this one does so, and this one is not needed.
    pub fn is_needless(&self) -> bool {
        let Counting { part, rest, .. } = &self.counting;
        rest.as_ref().is_some_and(|rest| rest.has(part.start))
    }

    /// Whether all that begins in the part has ended. A split that meets a lane reads on: it knows of no other.
    pub fn is_done(&self) -> bool {
        let Counting { part, ref rest, reached, named, .. } = self.counting;
        let open = self.decoder.lanes().open_in(None);
        self.slice.is_some()
            && (rest.is_some() || !named)
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
struct Counting<'n> {
    input: &'n Input,
    options: Options,
    /// Where its reading begins.
    from: u64,
    part: Part,
    /// Where the rest is taken, if parts know of one another.
    rest: Option<Rest>,
    takes_rest: bool,
    /// Lanes have names here: responses end in another order than they begin in.
    named: bool,
    /// Where the response begins that was open last in the lane without a name.
    open: Option<u64>,
    /// Events so far that belong to no response; those of the whole source, once they are asked for.
    outside: Option<u64>,
    /// The offset of the latest event.
    reached: Option<u64>,
    /// The ordinal of the first response that begins in the part.
    first: Option<u64>,
    /// How many of them have ended.
    ended: u64,
}

impl<'n> Counting<'n> {
    fn new(input: &'n Input, how: How, (part, rest): (Part, Option<Rest>), from: u64) -> Self {
        Self {
            input,
            options: how.options,
            from,
            part,
            rest,
            takes_rest: false,
            named: false,
            open: None,
            outside: None,
            reached: None,
            first: None,
            ended: 0,
        }
    }

    /// Takes note of how far the events go. A part that meets a lane, in its range or before all of it has ended, takes the
    /// rest of the source.
    fn reach(&mut self, place: &Place<'_>) {
        let Place { offset, named, folded } = *place;
        self.reached = Some(offset);
        if !named {
            self.open = folded.map(|folded| folded.byte_start);
        } else if !self.named {
            self.named = true;
            let unfinished = self.open.is_some_and(|start| self.part.has(start));
            if let Some(rest) = self.rest.as_ref().filter(|_| offset < self.part.end || unfinished)
            {
                rest.take(self.part.start);
                self.takes_rest = true;
                self.part.end = u64::MAX;
            }
        }
    }

    /// The number of the first of some events that belong to no response.
    fn outside(&mut self, events: u64) -> u64 {
        let Self { input, options, from, .. } = *self;
        let before = self.outside.get_or_insert_with(|| splits::outside(input, options, from));
        let first = *before;
        *before += events;
        first
    }

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
struct Reached<'a, 'n>(&'a mut Counting<'n>);

impl Sink for Reached<'_, '_> {
    // What is passed by, or taken in runs, neither begins nor ends a response, and has no lane of its own.
    const READS: bool = false;

    fn event(&mut self, _: &Parsed<'_>) {}

    fn taken(&mut self, parsed: &Parsed<'_>, folded: Option<&Folded>) {
        self.0.reach(&Place { offset: parsed.offset, named: parsed.lane.is_some(), folded });
    }

    fn whole(&mut self, folded: &Folded) {
        self.0.open = Some(folded.byte_start);
    }
}

/// Makes rows of events.
struct Events<'a, 'n> {
    name: &'a str,
    tables: &'a mut Tables,
    counting: &'a mut Counting<'n>,
    pieces: &'a mut Pieces,
}

impl Events<'_, '_> {
    /// Counts events that come next, the last of them at this offset; gives the number of their response and that of the
    /// first of them, if they are our own.
    fn count(&mut self, events: u64, last: &Place<'_>) -> Option<(Option<u64>, u64)> {
        let counting = &mut *self.counting;
        let Place { offset, folded, .. } = *last;
        counting.reach(last);
        let index = folded.map_or_else(
            || counting.outside(events),
            |folded| folded.events.saturating_sub(events),
        );
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

impl Sink for Events<'_, '_> {
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
        self.counting.open = Some(folded.byte_start);
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
