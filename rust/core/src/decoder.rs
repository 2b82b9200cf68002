//! The decoder: bytes in; events out, and responses folded on the way.

use std::borrow::Cow;

use crate::catalogue::Code;
pub use crate::count::Counters;
use crate::diagnostics::{Issue, Seen, Store};
use crate::events::{Found, Parsed, Reader, repeated};
use crate::frames::{Frame, Framer, Note, Options, What};
use crate::json::{self, Fault, Member, Scan};
use crate::lanes::Lanes;
use crate::lean::{self, Lean};
use crate::predict::Known;
use crate::response::Folded;
use crate::runs::{Around, Piece, Run};
use crate::wrapped::{Closes, FrameReader, Place, RowOptions, Rows, Taker};

/// Takes the events of a [`Decoder`].
pub trait Sink {
    /// False where nothing is made of the events, so that none need be made.
    const READS: bool = true;
    /// False where nothing is made of pieces either.
    const PIECES: bool = true;

    fn event(&mut self, parsed: &Parsed<'_>);

    /// Whether events that repeat this one, in this lane, may come as pieces: no more is wanted of them.
    fn is_for_pieces(&mut self, _: &Known, _lane: Option<&str>) -> bool {
        !Self::READS
    }

    /// Takes an event in place of `event`, after [`Self::is_for_pieces`] has said so of what it repeats.
    #[inline]
    fn piece(&mut self, _: &Piece<'_>) {}

    /// Told behind the pieces of a run what they repeat, in which lane, and the response that they belong to, into which they
    /// are folded already.
    #[inline]
    fn ran(&mut self, _: &Known, _lane: Option<&str>, _: Option<&Folded>) {}

    /// The same as `event`, with the response that the event belongs to, into which it is folded already.
    fn taken(&mut self, parsed: &Parsed<'_>, _folded: Option<&Folded>) {
        self.event(parsed);
    }

    /// Told of a response that came as a whole, without events.
    fn whole(&mut self, _: &Folded) {}
}

/// Makes nothing of the events: for those who want only the responses.
pub struct Ignore;

impl Sink for Ignore {
    const READS: bool = false;
    const PIECES: bool = false;

    fn event(&mut self, _: &Parsed<'_>) {}
}

/// One source on its way from bytes to responses. After a failure (a strict store's) nothing more is taken.
pub struct Decoder {
    framer: Framer,
    rows: Rows,
    stages: Stages,
}

/// Everything behind the framer.
struct Stages {
    reader: Reader,
    lanes: Lanes,
    store: Store,
    issues: Vec<Issue>,
    now: Option<f64>,
    /// Of the record that is being read: its lane, and when its response was asked for.
    lane: Option<Box<str>>,
    began: Option<f64>,
    lean: Lean,
}

impl Decoder {
    pub fn new(options: Options, strict: bool) -> Self {
        Self::with_rows(options, strict, RowOptions::default())
    }

    /// A decoder of rows that wrap streams, in the fields that `rows` names.
    pub fn with_rows(options: Options, strict: bool, rows: RowOptions) -> Self {
        Self {
            framer: Framer::new(options),
            rows: Rows::new(options, rows),
            stages: Stages {
                reader: Reader::default(),
                lanes: Lanes::default(),
                store: Store::new(strict),
                issues: Vec::new(),
                now: None,
                lane: None,
                began: None,
                lean: Lean::default(),
            },
        }
    }

    /// Never takes a fast path; for tests.
    pub fn force_slow(&mut self) {
        self.framer.force_slow = true;
        self.stages.reader.predictor.off = true;
        self.stages.reader.memory.off = true;
    }

    /// Chooses for tests which fast paths are taken: plain blocks framed as they stand, events recognised, and values known
    /// that were checked before.
    pub fn choose_paths(&mut self, plain: bool, predict: bool, remember: bool) {
        self.stages.reader.memory.off = !remember;
        self.framer.force_slow = !plain;
        self.stages.reader.predictor.off = !predict;
    }

    /// What is passed by, for those who ask for no more than lifecycle events tell.
    pub fn lean_mut(&mut self) -> &mut Lean {
        &mut self.stages.lean
    }

    /// How often each fast path was taken, and how often in vain.
    pub fn counters(&self) -> Counters {
        let predictor = &self.stages.reader.predictor;
        Counters {
            framed: self.framer.hits,
            framed_slowly: self.framer.misses,
            recognised: predictor.hits,
            not_recognised: predictor.misses,
            appended: self.stages.lanes.appended,
            remembered: self.stages.reader.memory.hits,
            remembered_bytes: self.stages.reader.memory.bytes,
            in_runs: self.stages.lanes.in_runs,
        }
    }

    /// For a source that is read from this offset on, where a line begins and nothing is open. Lines count from there.
    pub fn starting_at(options: Options, strict: bool, offset: u64) -> Self {
        Self { framer: Framer::starting_at(options, offset), ..Self::new(options, strict) }
    }

    /// Takes the next bytes; `now` is the time at which they came, if there is a clock.
    pub fn feed<S: Sink>(&mut self, chunk: &[u8], now: Option<f64>, sink: &mut S) {
        self.stages.now = now;
        let rows = &mut self.rows;
        self.framer.feed(chunk, &mut Joint { stages: &mut self.stages, rows, sink });
    }

    /// Takes a record that was found elsewhere: a stream or a piece of one, gzip or not; the stream `ends` behind it.
    pub fn record<S: Sink>(
        &mut self,
        data: &[u8],
        place: Place,
        ends: bool,
        now: Option<f64>,
        sink: &mut S,
    ) {
        self.stages.now = now;
        let mut inside = Inside { stages: &mut self.stages, outside: now, sink };
        self.rows.found(data, place, ends, &mut inside);
        inside.leave();
    }

    /// Diagnoses a record that was found elsewhere and cannot be read.
    pub fn bad_record(&mut self, field: &str, expected: &str, place: Place) {
        let detail = vec![("field", field.into()), ("expected", expected.into())];
        let length = place.end.saturating_sub(place.offset);
        let code = Code::BadField;
        self.stages.note(Note { code, offset: place.offset, length, line: place.line, detail });
    }

    /// Takes one payload that was framed elsewhere: the event of that number, with the name of its event line.
    pub fn payload(&mut self, raw: &[u8], name: Option<&[u8]>, number: u64, now: Option<f64>) {
        self.stages.now = now;
        let mut members = Vec::new();
        let frame = Frame {
            data: raw,
            name: name.filter(|name| !name.is_empty()),
            offset: number,
            end: number + 1,
            line: number + 1,
            what: What::Payload,
            missing: false,
            unfinished: false,
            scanned: None,
            members: &mut members,
        };
        let stray = self.stages.frame(frame, &mut Ignore);
        self.stages.stray(stray);
    }

    /// Ends the source.
    pub fn finish<S: Sink>(&mut self, now: Option<f64>, sink: &mut S) {
        self.stages.now = now;
        let rows = &mut self.rows;
        self.framer.finish(&mut Joint { stages: &mut self.stages, rows, sink });
        if self.stages.store.failed.is_none() {
            let mut inside = Inside { stages: &mut self.stages, outside: now, sink };
            self.rows.finish(&mut inside);
            inside.leave();
        }
        if self.stages.store.failed.is_none() {
            self.stages.lanes.finish(&mut self.stages.store);
        }
    }

    pub fn lanes(&self) -> &Lanes {
        &self.stages.lanes
    }

    pub fn lanes_mut(&mut self) -> &mut Lanes {
        &mut self.stages.lanes
    }

    pub fn store(&self) -> &Store {
        &self.stages.store
    }
}

/// What is left to say of a frame that is no event: where it stands.
type Stray = Option<Seen>;

impl Stages {
    /// Takes a run of events that repeat the latest and go where it went.
    #[inline]
    fn run<S: Sink>(&mut self, rest: &[u8], around: &Around<'_>, offset: u64, sink: &mut S) -> Run {
        if S::READS && self.lean.on {
            return Run::default();
        }
        if self.may_pass() {
            return self.lean.run(&mut self.reader.predictor, rest, around);
        }
        let Self { reader, lanes, store, issues, now, lane, .. } = self;
        if now.is_some() || store.failed.is_some() || !issues.is_empty() {
            return Run::default();
        }
        let Some(known) = reader.predictor.repeating() else { return Run::default() };
        if around.name.is_some_and(|name| name != known.entry.ty.as_bytes()) {
            return Run::default();
        }
        let lane = lane.as_deref();
        if !sink.is_for_pieces(known, known.lane.as_deref().or(lane)) {
            return Run::default();
        }
        let each = S::PIECES.then_some(|piece: &Piece<'_>| sink.piece(piece));
        let run = lanes.run(lane, known, rest, around, offset, each);
        if run.events > 0 {
            let lane = known.lane.as_deref().or(lane);
            sink.ran(known, lane, lanes.open_in(lane));
            reader.predictor.hit(run.events);
        }
        run
    }

    /// Whether what has no effect on a lifecycle may be passed by: the response that it would belong to is running.
    #[inline]
    fn may_pass(&mut self) -> bool {
        self.lean.on && self.lane.is_none() && self.lanes.is_running()
    }

    /// Takes a frame. Of one that is no event it gives the span, and leaves the issues to `stray`.
    fn frame<S: Sink>(&mut self, mut frame: Frame<'_>, sink: &mut S) -> Stray {
        if frame.scanned.is_none() && self.reader.recognises(frame.data) {
            frame.scanned = Some(Ok(Scan::RECOGNISED));
        }
        let lean = self.may_pass();
        if lean && self.lean.passes(&mut frame, &self.reader.predictor) {
            return None;
        }
        let Self { reader, lanes, store, issues, now, lane, began, .. } = self;
        if store.failed.is_some() {
            return None;
        }
        if let Some(Ok(Scan { recognised: true, .. })) = frame.scanned
            && let Some(known) = reader.predictor.latest()
        {
            let mut parsed = repeated(&frame, known, issues);
            parsed.time = *now;
            if parsed.lane.is_none() {
                parsed.lane = lane.as_deref().map(Cow::Borrowed);
            }
            let belongs = (issues.is_empty() && lanes.again(&parsed, known, *began))
                || lanes.event(&parsed, issues, store, *began);
            if store.failed.is_none() {
                let lane = parsed.lane.as_deref();
                sink.taken(&parsed, if belongs { lanes.open_in(lane) } else { None });
            }
            return None;
        }
        let span =
            Seen { offset: frame.offset, end: frame.end, line: frame.line, sequence_number: None };
        let data = frame.data;
        match reader.read(&mut frame, issues) {
            Found::Event(mut parsed) => {
                parsed.time = *now;
                if parsed.lane.is_none() {
                    parsed.lane = lane.as_deref().map(Cow::Borrowed);
                }
                if lean && lean::learned(&parsed, issues) {
                    return None;
                }
                parsed.located = parsed.known_response(&reader.memory);
                parsed.inside = parsed.known_members(&reader.memory);
                let belongs = lanes.event(&parsed, issues, store, *began);
                if store.failed.is_none() {
                    let lane = parsed.lane.as_deref();
                    sink.taken(&parsed, if belongs { lanes.open_in(lane) } else { None });
                }
                None
            }
            Found::Plain => {
                lanes.plain(data, lane.as_deref(), (*began, *now), span, issues, store);
                if let Some(folded) = lanes.open_in(lane.as_deref()) {
                    sink.whole(folded);
                }
                None
            }
            Found::Stray => Some(span),
        }
    }

    /// Diagnoses a frame that was no event.
    fn stray(&mut self, stray: Stray) {
        if let Some(span) = stray {
            self.lanes.stray(&mut self.issues, span, &mut self.store);
        }
    }

    fn note(&mut self, note: Note) {
        let span = Seen {
            offset: note.offset,
            end: note.offset + note.length,
            line: note.line,
            sequence_number: None,
        };
        self.lanes.stray(&mut vec![(note.code, note.detail)], span, &mut self.store);
    }
}

/// The stages behind the framer of the source, with the sink at their end.
struct Joint<'a, S> {
    stages: &'a mut Stages,
    rows: &'a mut Rows,
    sink: &'a mut S,
}

impl<S: Sink> crate::frames::Sink for Joint<'_, S> {
    fn scan(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Scan, Fault> {
        if self.rows.only {
            json::scan(text, members)
        } else {
            self.stages.reader.scan(text, members)
        }
    }

    #[inline]
    fn recognise(&mut self, text: &[u8]) -> Option<usize> {
        if self.rows.only { None } else { self.stages.reader.recognise(text) }
    }

    #[inline]
    fn run(&mut self, rest: &[u8], around: &Around<'_>, offset: u64) -> Run {
        if self.rows.only {
            return Run::default();
        }
        self.stages.run(rest, around, offset, self.sink)
    }

    fn frame(&mut self, frame: Frame<'_>) {
        if self.stages.store.failed.is_none() {
            let outside = self.stages.now;
            let mut inside = Inside { stages: self.stages, outside, sink: self.sink };
            self.rows.read_frame(frame, &mut inside);
        }
    }

    fn note(&mut self, note: Note) {
        self.stages.note(note);
    }

    fn done(&mut self) {
        self.stages.lanes.done();
    }
}

/// The same behind the framers of records.
struct Inside<'a, S> {
    stages: &'a mut Stages,
    /// The time where a record tells none.
    outside: Option<f64>,
    sink: &'a mut S,
}

impl<S: Sink> crate::frames::Sink for Inside<'_, S> {
    fn scan(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Scan, Fault> {
        self.stages.reader.scan(text, members)
    }

    #[inline]
    fn recognise(&mut self, text: &[u8]) -> Option<usize> {
        self.stages.reader.recognise(text)
    }

    fn frame(&mut self, frame: Frame<'_>) {
        let stray = self.stages.frame(frame, self.sink);
        self.stages.stray(stray);
    }

    fn note(&mut self, note: Note) {
        self.stages.note(note);
    }

    fn done(&mut self) {
        let Stages { lanes, lane, .. } = &mut *self.stages;
        lanes.done_in(lane.as_deref());
    }
}

impl<S: Sink> Taker for Inside<'_, S> {
    fn enter(&mut self, lane: Option<&str>, place: &Place) {
        let stages = &mut *self.stages;
        if stages.lane.as_deref() != lane {
            stages.lane = lane.map(Into::into);
        }
        stages.now = place.time.or(self.outside);
        stages.began = place.began;
    }

    fn close(&mut self, lane: Option<&str>, place: &Place, closes: Closes) {
        let Stages { lanes, store, .. } = &mut *self.stages;
        if store.failed.is_none() {
            let offset = (closes == Closes::Whole).then_some(place.offset);
            lanes.close_record(lane, offset, store);
        }
    }
}

impl<S: Sink> FrameReader for Inside<'_, S> {
    fn event(&mut self, frame: Frame<'_>) -> Option<Seen> {
        self.stages.frame(frame, self.sink)
    }

    fn issues(&mut self) -> &mut Vec<Issue> {
        &mut self.stages.issues
    }

    fn report(&mut self, span: Seen) {
        self.stages.stray(Some(span));
    }

    fn leave(&mut self) {
        let Stages { now, lane, began, .. } = &mut *self.stages;
        (*now, *lane, *began) = (self.outside, None, None);
    }
}
