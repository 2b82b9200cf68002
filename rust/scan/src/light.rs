//! Events without their responses: where the wanted columns tell of nothing but the event, nothing is folded.

use std::borrow::Cow;

use respstream_core::catalogue::Code;
use respstream_core::diagnostics::Issue;
use respstream_core::events::{Found, Reader, repeated};
use respstream_core::frames::{Frame, Framer, Note, Options, Sink};
use respstream_core::json::{self, Fault, Member, Scan};
use respstream_core::runs::{self, Around, Run};
use respstream_core::wrapped::{Closes, Place, RowOptions, Rows as Wrapped, Taker};

use crate::batches::{EventRow, Tables};
use crate::pieces::{Common, Pieces};
use crate::splits::Part;
use crate::summary::Summary;

/// The events of one source, or of a part of one: those that begin there.
pub struct Light<'n> {
    framer: Framer,
    wrapped: Wrapped,
    events: Events<'n>,
    /// The offset behind the last byte that was fed.
    pub position: u64,
}

impl<'n> Light<'n> {
    /// For a source that is read from the offset `from` on.
    pub fn new(name: &'n str, options: Options, part: Part, from: u64, tables: &Tables) -> Self {
        let (reader, pieces) = (Reader::default(), Pieces::new(tables));
        Self {
            framer: Framer::starting_at(options, from),
            wrapped: Wrapped::new(options, RowOptions::default()),
            events: Events { name, reader, pieces, issues: Vec::new(), part, reached: 0 },
            position: from,
        }
    }

    /// Takes the next bytes of the source.
    pub fn feed(&mut self, bytes: &[u8], tables: &mut Tables, summary: &mut Summary) {
        let before = self.position;
        self.position += bytes.len() as u64;
        let own = self.events.part.overlap(before, self.position);
        summary.bytes += own;
        summary.skipped += own;
        let Self { framer, wrapped, events, .. } = self;
        framer.feed(bytes, &mut Outer { wrapped, inner: Inner::new(events, tables, summary) });
    }

    /// Where the part ends.
    pub const fn end(&self) -> u64 {
        self.events.part.end
    }

    /// Whether all that begins in the part was seen.
    pub const fn is_done(&self) -> bool {
        self.events.reached >= self.events.part.end
    }

    /// Ends the source.
    pub fn finish(&mut self, tables: &mut Tables, summary: &mut Summary) {
        if !self.is_done() {
            let Self { framer, wrapped, events, .. } = self;
            let mut outer = Outer { wrapped, inner: Inner::new(events, tables, summary) };
            framer.finish(&mut outer);
            outer.wrapped.finish(&mut outer.inner);
        }
    }
}

/// What is known of the events of a source.
struct Events<'n> {
    name: &'n str,
    reader: Reader,
    /// Of the run that is being read.
    pieces: Pieces,
    issues: Vec<Issue>,
    part: Part,
    reached: u64,
}

/// Takes the frames of the source: an object of no type may be a row, which holds further ones.
struct Outer<'a, 'n> {
    wrapped: &'a mut Wrapped,
    inner: Inner<'a, 'n>,
}

impl Sink for Outer<'_, '_> {
    fn scan(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Scan, Fault> {
        self.inner.scan(text, members)
    }

    #[inline]
    fn recognise(&mut self, text: &[u8]) -> Option<usize> {
        self.inner.recognise(text)
    }

    #[inline]
    fn run(&mut self, rest: &[u8], around: &Around<'_>, offset: u64) -> Run {
        self.inner.run(rest, around, offset)
    }

    fn frame(&mut self, mut frame: Frame<'_>) {
        let Self { wrapped, inner } = self;
        let (data, offset) = (frame.data, frame.offset);
        inner.events.reached = offset;
        inner.read(&mut frame);
        let untyped = inner.events.issues.last().is_some_and(|(code, _)| *code == Code::NoType);
        if let Some(mut row) = untyped.then(|| wrapped.find(data)).flatten() {
            inner.events.issues.clear();
            let scan = json::scan(data, frame.members);
            if scan.is_ok_and(|scan| scan.lone_surrogate) || !json::utf8_ok(data) {
                row.issues.push((Code::BadUtf8, Vec::new()));
            }
            let place = Place { offset, end: frame.end, line: frame.line, ..Place::default() };
            wrapped.take(row, place, inner);
            inner.enter(None, &Place::default());
        }
        inner.count(offset);
    }

    fn note(&mut self, note: Note) {
        self.inner.note(note);
    }

    fn done(&mut self) {}
}

/// Takes frames, and makes rows of their events.
struct Inner<'a, 'n> {
    events: &'a mut Events<'n>,
    tables: &'a mut Tables,
    summary: &'a mut Summary,
    /// Of the record that is being read.
    lane: Option<Box<str>>,
    time: Option<f64>,
}

impl<'a, 'n> Inner<'a, 'n> {
    fn new(events: &'a mut Events<'n>, tables: &'a mut Tables, summary: &'a mut Summary) -> Self {
        Self { events, tables, summary, lane: None, time: None }
    }

    /// Makes the row of an event; what is wrong with a frame is not yet counted.
    fn read(&mut self, frame: &mut Frame<'_>) {
        if frame.scanned.is_none() && self.events.reader.recognises(frame.data) {
            frame.scanned = Some(Ok(Scan::RECOGNISED));
        }
        let Events { name, reader, issues, part, .. } = &mut *self.events;
        let own = part.has(frame.offset);
        let recognised = matches!(frame.scanned, Some(Ok(Scan { recognised: true, .. })));
        let mut parsed = if let Some(known) = reader.predictor.latest().filter(|_| recognised) {
            repeated(frame, known, issues)
        } else if let Found::Event(parsed) = reader.read(frame, issues) {
            parsed
        } else {
            return;
        };
        parsed.time = self.time;
        if parsed.lane.is_none() {
            parsed.lane = self.lane.as_deref().map(Cow::Borrowed);
        }
        if own {
            let row = EventRow { parsed: &parsed, folded: None, number: None, index: 0 };
            self.tables.event(name, &row);
        }
    }

    fn count(&mut self, offset: u64) {
        if self.events.issues.is_empty() {
            return;
        }
        let own = self.events.part.has(offset);
        for (code, _) in self.events.issues.drain(..).filter(|_| own) {
            self.summary.diagnostics[code as usize] += 1;
        }
    }
}

impl Sink for Inner<'_, '_> {
    fn scan(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Scan, Fault> {
        self.events.reader.scan(text, members)
    }

    #[inline]
    fn recognise(&mut self, text: &[u8]) -> Option<usize> {
        self.events.reader.recognise(text)
    }

    /// Takes events that repeat the latest, as far as they begin in the part.
    fn run(&mut self, rest: &[u8], around: &Around<'_>, offset: u64) -> Run {
        let Self { events, tables, lane, time, .. } = self;
        let Events { name, reader, pieces, part, .. } = &mut **events;
        let own = usize::try_from(part.overlap(offset, u64::MAX)).unwrap_or(usize::MAX);
        let known = reader.predictor.repeating().filter(|known| Pieces::are_of(known));
        let Some(known) = known.filter(|_| part.has(offset)) else { return Run::default() };
        if around.name.is_some_and(|name| name != known.entry.ty.as_bytes()) {
            return Run::default();
        }
        pieces.clear();
        let rest = &rest[..rest.len().min(own)];
        let run = runs::read(known, (rest, offset), around, |piece| pieces.add(piece));
        if run.events > 0 {
            let common = Common {
                source: name,
                lane: known.lane.as_deref().or(lane.as_deref()),
                known,
                time: *time,
                response_id: None,
                number: None,
                index: 0,
            };
            pieces.write(&common, tables);
            reader.predictor.hit(run.events);
        }
        run
    }

    fn frame(&mut self, mut frame: Frame<'_>) {
        self.read(&mut frame);
        self.count(frame.offset);
    }

    fn note(&mut self, note: Note) {
        if self.events.part.has(note.offset) {
            self.summary.diagnostics[note.code as usize] += 1;
        }
    }

    fn done(&mut self) {}
}

impl Taker for Inner<'_, '_> {
    fn enter(&mut self, lane: Option<&str>, place: &Place) {
        self.time = place.time;
        if self.lane.as_deref() != lane {
            self.lane = lane.map(Into::into);
        }
    }

    fn close(&mut self, _: Option<&str>, _: &Place, _: Closes) {}
}
