//! The decoder: bytes in; events out, and responses folded on the way.

use crate::diagnostics::{Issue, Seen, Store};
use crate::events::{Found, Parsed, Reader, repeated};
use crate::frames::{Frame, Framer, Note, Options, What};
use crate::json::{self, Fault, Member, Scan};
use crate::lanes::Lanes;

/// Takes the events of a [`Decoder`].
pub trait Sink {
    fn event(&mut self, parsed: &Parsed<'_>);
}

/// Makes nothing of the events: for those who want only the responses.
pub struct Ignore;

impl Sink for Ignore {
    fn event(&mut self, _: &Parsed<'_>) {}
}

/// What the fast paths did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Frames that were lent as they stood, and lines that were not.
    pub framed: u64,
    pub framed_slowly: u64,
    /// Events that repeated a known one, and events that were held against the known ones in vain.
    pub recognised: u64,
    pub not_recognised: u64,
    /// Deltas that went where the last of their template had gone.
    pub appended: u64,
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
    /// The address of a payload that the predictor did not recognise: it is not asked again.
    tried: usize,
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
                tried: 0,
            },
        }
    }

    /// Chooses for tests which fast paths are taken: plain blocks framed as they stand, and events recognised.
    pub fn choose_paths(&mut self, plain: bool, predict: bool) {
        self.framer.force_slow = !plain;
        self.stages.reader.predictor.off = !predict;
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
        }
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

impl Stages {
    /// Whether a payload repeats a known event.
    #[inline]
    fn recognises(&mut self, data: &[u8]) -> bool {
        if std::mem::take(&mut self.tried) == data.as_ptr().addr() {
            self.reader.predictor.missed();
            return false;
        }
        self.reader.predictor.recognises(data)
    }
}

/// The stages behind the framer, with the sink at their end.
struct Joint<'a, S> {
    stages: &'a mut Stages,
    sink: &'a mut S,
}

impl<S: Sink> crate::frames::Sink for Joint<'_, S> {
    fn scan(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Scan, Fault> {
        if self.stages.recognises(text) {
            return Ok(Scan::RECOGNISED);
        }
        json::scan(text, members)
    }

    #[inline]
    fn recognise(&mut self, text: &[u8]) -> Option<usize> {
        let (found, tried) = self.stages.reader.predictor.recognises_start(text);
        let in_vain = tried && found.is_none();
        self.stages.tried = if in_vain { text.as_ptr().addr() } else { 0 };
        found
    }

    fn frame(&mut self, mut frame: Frame<'_>) {
        if frame.scanned.is_none() && self.stages.recognises(frame.data) {
            frame.scanned = Some(Ok(Scan::RECOGNISED));
        }
        let Stages { reader, lanes, store, issues, now, .. } = &mut *self.stages;
        if store.failed.is_some() {
            return;
        }
        if let Some(Ok(Scan { recognised: true, .. })) = frame.scanned
            && let Some(known) = reader.predictor.latest()
        {
            let parsed = repeated(&frame, known, issues);
            if !issues.is_empty() || !lanes.again(&parsed, known, *now) {
                lanes.event(&parsed, issues, store, *now);
            }
            if store.failed.is_none() {
                self.sink.event(&parsed);
            }
            return;
        }
        let span =
            Seen { offset: frame.offset, end: frame.end, line: frame.line, sequence_number: None };
        let data = frame.data;
        match reader.read(&mut frame, issues) {
            Found::Event(parsed) => {
                lanes.event(&parsed, issues, store, *now);
                if store.failed.is_none() {
                    self.sink.event(&parsed);
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
