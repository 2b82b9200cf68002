//! The decoder: bytes in; events out, and responses folded on the way.

use crate::diagnostics::{Issue, Seen, Store};
use crate::events::{Found, Parsed, Reader};
use crate::frames::{Frame, Framer, Note, Options, What};
use crate::json::{self, Fault, Member, Scan};
use crate::lanes::Lanes;
use crate::response::Folded;

/// Takes the events of a [`Decoder`].
pub trait Sink {
    fn event(&mut self, parsed: &Parsed<'_>);

    /// The same, with the response that the event belongs to, into which it is folded already.
    fn taken(&mut self, parsed: &Parsed<'_>, _folded: Option<&Folded>) {
        self.event(parsed);
    }
}

/// Makes nothing of the events: for those who want only the responses.
pub struct Ignore;

impl Sink for Ignore {
    fn event(&mut self, _: &Parsed<'_>) {}
}

/// One source on its way from bytes to responses. After a failure (a strict store's) nothing more is taken.
pub struct Decoder {
    framer: Framer,
    stages: Stages,
}

/// Everything behind the framer.
struct Stages {
    reader: Reader,
    lanes: Lanes,
    store: Store,
    issues: Vec<Issue>,
    now: Option<f64>,
}

impl Decoder {
    pub fn new(options: Options, strict: bool) -> Self {
        Self {
            framer: Framer::new(options),
            stages: Stages {
                reader: Reader::default(),
                lanes: Lanes::default(),
                store: Store::new(strict),
                issues: Vec::new(),
                now: None,
            },
        }
    }

    /// Never takes a fast path; for tests.
    pub fn force_slow(&mut self) {
        self.framer.force_slow = true;
        self.stages.reader.predictor.off = true;
    }

    /// For a source that is read from this offset on, where a line begins and nothing is open. Lines count from there.
    pub fn starting_at(options: Options, offset: u64) -> Self {
        Self { framer: Framer::starting_at(options, offset), ..Self::new(options, false) }
    }

    /// Takes the next bytes; `now` is the time at which they came, if there is a clock.
    pub fn feed<S: Sink>(&mut self, chunk: &[u8], now: Option<f64>, sink: &mut S) {
        self.stages.now = now;
        self.framer.feed(chunk, &mut Joint { stages: &mut self.stages, sink });
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
        crate::frames::Sink::frame(
            &mut Joint { stages: &mut self.stages, sink: &mut Ignore },
            frame,
        );
    }

    /// Ends the source.
    pub fn finish<S: Sink>(&mut self, now: Option<f64>, sink: &mut S) {
        self.stages.now = now;
        self.framer.finish(&mut Joint { stages: &mut self.stages, sink });
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

/// The stages behind the framer, with the sink at their end.
struct Joint<'a, S> {
    stages: &'a mut Stages,
    sink: &'a mut S,
}

impl<S: Sink> crate::frames::Sink for Joint<'_, S> {
    fn scan(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Scan, Fault> {
        if self.stages.reader.predictor.recognises(text) {
            return Ok(Scan::RECOGNISED);
        }
        json::scan(text, members)
    }

    fn frame(&mut self, mut frame: Frame<'_>) {
        let Stages { reader, lanes, store, issues, now } = &mut *self.stages;
        if store.failed.is_some() {
            return;
        }
        let span =
            Seen { offset: frame.offset, end: frame.end, line: frame.line, sequence_number: None };
        let data = frame.data;
        match reader.read(&mut frame, issues) {
            Found::Event(parsed) => {
                let belongs = lanes.event(&parsed, issues, store, *now);
                if store.failed.is_none() {
                    let lane = parsed.lane.as_deref();
                    self.sink.taken(&parsed, if belongs { lanes.open_in(lane) } else { None });
                }
            }
            Found::Plain => lanes.plain(data, span, issues, store),
            Found::Stray => lanes.stray(issues, span, store),
        }
    }

    fn note(&mut self, note: Note) {
        let Stages { lanes, store, .. } = &mut *self.stages;
        let span = Seen {
            offset: note.offset,
            end: note.offset + note.length,
            line: note.line,
            sequence_number: None,
        };
        lanes.stray(&mut vec![(note.code, note.detail)], span, store);
    }

    fn done(&mut self) {
        self.stages.lanes.done();
    }
}
